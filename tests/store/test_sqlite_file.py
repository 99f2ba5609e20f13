"""The SQLite store as a file: settings, lock, triggers, plans, failures, reopening."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest
from sqlite_utils import Database

from keepboth.errors import NotDurableNow, NotFound, ShuttingDown, StoreDamaged, StoreLocked, StoreTooNew
from keepboth.events import Disposition, NoneSince
from keepboth.store import sqlite_read
from keepboth.store.base import Append, Appended
from keepboth.store.schema import KEYSTROKE_TYPE, MIGRATIONS, READER_PRAGMAS, WRITER_PRAGMAS
from keepboth.store.sqlite import SqliteStore
from keepboth.store.sqlite_rows import FOLDS
from tests.harness import AS_C
from tests.store.making import Clock, append, created, decision, edit, number

Opener = Callable[..., SqliteStore]


def writer_of(store: SqliteStore) -> sqlite3.Connection:
    assert store._connection is not None
    return store._connection


# -- opening ---------------------------------------------------------------------------------------------------------


def test_pragmas_are_what_durability_needs(sqlite: SqliteStore) -> None:
    ask = writer_of(sqlite).execute
    assert {name: ask(f"PRAGMA {name}").fetchone()[0] for name in WRITER_PRAGMAS} == WRITER_PRAGMAS
    assert (WRITER_PRAGMAS["journal_mode"], WRITER_PRAGMAS["synchronous"]) == ("wal", 2)
    with sqlite._readers() as connection:
        found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in READER_PRAGMAS}
    assert found == READER_PRAGMAS


def test_log_survives_reopening(opened: Opener) -> None:
    first = opened()
    append(first, "a", edit(id=1, message=b"m"), edit(clients=(4,)), create=created())
    events, head, store_id = first.read(), first.head(), first.store_id
    first.close()
    second = opened()
    assert (second.read(), second.head(), second.store_id) == (events, head, store_id)
    (receipt,) = append(second, "a", edit(b"other", id=1, message=b"m", clients=(4,)), check_ids=True)
    assert (receipt.status, receipt.revision) == ("rekeyed", 4)
    assert list(second.verify()) == []


def test_recorded_time_does_not_decrease_over_a_restart(opened: Opener, clock: Clock) -> None:
    first = opened()
    append(first, "a", edit())
    first.close()
    clock.now -= 1000
    append(opened(), "b", edit())
    assert [event.recorded_at for event in opened(read_only=True).read()] == [1_000_000, 1_000_000]


def test_second_opener_is_told_who_owns_the_log(sqlite: SqliteStore) -> None:
    with pytest.raises(StoreLocked) as raised:
        SqliteStore(sqlite.path)
    assert raised.value.facts["pid"] == os.getpid()
    assert str(os.getpid()) in raised.value.detail
    append(sqlite, "a", edit())


def test_lock_is_released_on_close_and_on_failure(opened: Opener, tmp_path: Path) -> None:
    opened().close()
    opened().close()
    (tmp_path / "log.db").write_bytes(b"this is no database, whatever it is" * 100)
    for _ in range(2):
        with pytest.raises(StoreDamaged):
            opened()


def test_read_only_store_reads_beside_the_owner(sqlite: SqliteStore, tmp_path: Path) -> None:
    append(sqlite, "a", edit())
    reader = SqliteStore(sqlite.path, read_only=True)
    append(sqlite, "a", edit())
    assert (reader.read(), reader.head(), reader.store_id) == (sqlite.read(), sqlite.head(), sqlite.store_id)
    assert reader.wait(1, 5) == 2
    assert list(reader.verify()) == []
    with pytest.raises(NotDurableNow):
        reader.append([Append("a", [edit()])])
    reader.close()
    with pytest.raises(NotFound):
        SqliteStore(tmp_path / "none.db", read_only=True)


def test_newer_file_is_left_alone(opened: Opener, tmp_path: Path) -> None:
    opened().close()
    with Database(tmp_path / "log.db") as database:
        database["_sqlite_migrations"].insert({"migration_set": MIGRATIONS.name, "name": "m999", "applied_at": ""})
    for options in ({}, {"read_only": True}):
        with pytest.raises(StoreTooNew, match="m999"):
            opened(**options)


def test_database_of_something_else_is_left_alone(opened: Opener, tmp_path: Path) -> None:
    with Database(tmp_path / "log.db") as database:
        database["mine"].insert({"a": 1})
    with pytest.raises(StoreDamaged, match="something else"):
        opened()
    with Database(tmp_path / "log.db") as database:
        assert database.table_names() == ["mine"]


def test_migrations_are_applied_once(opened: Opener, tmp_path: Path) -> None:
    (tmp_path / "log.db").touch()
    opened().close()
    with Database(tmp_path / "log.db") as database:
        schema, applied = database.schema, MIGRATIONS.applied(database)
        assert MIGRATIONS.pending(database) == []
    opened().close()
    with Database(tmp_path / "log.db") as database:
        assert (database.schema, MIGRATIONS.applied(database)) == (schema, applied)
        assert all(table.strict for table in database.tables if not table.name.startswith("_"))


def test_closed_store_says_so(sqlite: SqliteStore) -> None:
    append(sqlite, "a", edit())
    sqlite.close()
    sqlite.close()
    for ask in (sqlite.read, lambda: sqlite.append([Append("a", [edit()])]), lambda: sqlite.blank("a", [1])):
        with pytest.raises(ShuttingDown):
            ask()


def test_people_can_read_the_log_with_any_tool(sqlite: SqliteStore) -> None:
    append(sqlite, "a", edit(b"x", id=1, actor_kind="human", authored_at=0, time_quality="claimed"))
    with Database(sqlite.path) as database:
        (row,) = database["events_v"].rows
    shown = {key: row[key] for key in ("document", "id", "type", "actor", "actor_kind", "session", "disposition")}
    assert shown == {
        "document": "a",
        "id": number(1).hex(),
        "type": "edit.recorded",
        "actor": "ann",
        "actor_kind": "human",
        "session": "s1",
        "disposition": "ready",
    }
    assert (row["recorded_at"], row["authored_at"]) == ("1970-01-01T00:00:01.000Z", "1970-01-01T00:00:00.000Z")
    assert (row["time_quality"], row["context_source"], row["payload_hex"], row["erased"]) == (
        "claimed",
        "none",
        "78",
        0,
    )


def test_fold_codes_cover_every_disposition() -> None:
    assert set(FOLDS) == set(get_args(Disposition))


# -- triggers --------------------------------------------------------------------------------------------------------

FACTS = ("events", "payloads", "commits", "messages", "documents", "types", "words", "actors", "sessions")


@pytest.fixture
def outsider(sqlite: SqliteStore) -> Database:
    """Somebody else's connection to a log with a row in every table, through sqlite-utils."""
    append(sqlite, "a", edit(session_seq=1, message=b"m", clients=(1,)), decision())
    return Database(sqlite.path)


@pytest.mark.parametrize("table", FACTS)
@pytest.mark.parametrize("recursive", [True, False], ids=["recursive-triggers", "sqlite-default"])
def test_recorded_rows_can_not_be_rewritten(outsider: Database, table: str, recursive: bool) -> None:
    outsider.execute(f"PRAGMA recursive_triggers = {int(recursive)}")
    before = list(outsider[table].rows)
    row = before[0]
    keys = outsider[table].pks
    column = {"documents": "name", "payloads": "payload", "messages": "raw", "sessions": "session"}.get(table, "")
    column = column or next(c.name for c in outsider[table].columns if c.name not in keys)
    changed = row | {column: b"other" if isinstance(row[column], bytes) else "9"}
    for attempt in (
        lambda: outsider[table].insert(changed, replace=True),
        lambda: outsider[table].upsert(changed, pk=keys),
        lambda: outsider[table].insert(row),
        lambda: outsider[table].insert(row, ignore=True),
        lambda: outsider.execute(f"UPDATE {table} SET {column} = ?", [changed[column]]),
        lambda: outsider.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", [changed[column]]),
        lambda: outsider[table].delete_where(),
    ):
        with pytest.raises(sqlite3.IntegrityError, match=f"{table}: "):
            attempt()
        outsider.rollback()
        assert list(outsider[table].rows) == before
    outsider.close()


@pytest.mark.parametrize("key", ["id", "session_seq"])
def test_event_with_a_taken_key_can_not_replace_its_holder(outsider: Database, key: str) -> None:
    outsider.execute("PRAGMA recursive_triggers = 0")
    (row, *_) = outsider["events"].rows
    forged = row | {"position": 99, "revision": 99}
    forged |= {"session_seq": 99} if key == "id" else {"id": bytes(16)}
    with pytest.raises(sqlite3.IntegrityError, match="recorded already"):
        outsider["events"].insert(forged, replace=True)
    outsider.close()


def test_only_erasure_may_touch_a_payload(outsider: Database, sqlite: SqliteStore) -> None:
    for change in ("payload = NULL, revision = 9", "payload = NULL", "salt = NULL", "salt = NULL, payload = x'00'"):
        with pytest.raises(sqlite3.IntegrityError):
            outsider.execute(f"UPDATE payloads SET {change}")
    outsider.rollback()
    outsider.execute("UPDATE payloads SET salt = NULL, payload = NULL")
    outsider.commit()
    outsider.close()
    assert [event.payload for event in sqlite.read()] == [None, None]
    assert list(sqlite.verify()) == []


def test_erased_bytes_are_gone_from_the_files(sqlite: SqliteStore) -> None:
    secret = os.urandom(24)
    append(sqlite, "a", edit(secret, message=b"around " + secret))
    files = [path for path in sqlite.path.parent.iterdir() if path.name != "log.db-shm"]
    assert any(secret in path.read_bytes() for path in files)
    sqlite.blank("a", [1])
    assert not any(secret in path.read_bytes() for path in files)


# -- plans -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "plan"),
    [
        (sqlite_read.BY_ID, ["SEARCH e USING INDEX events_id (id=?)", "SEARCH p USING PRIMARY KEY"]),
        (sqlite_read.BY_SESSION, ["SEARCH e USING INDEX events_session_seq", "SEARCH p USING PRIMARY KEY"]),
        (sqlite_read.SESSION_HEAD, ["SEARCH events USING COVERING INDEX events_session_seq (session=?"]),
        (sqlite_read.FOLD, ["SEARCH payloads USING PRIMARY KEY (document=? AND revision>? AND revision<?)"]),
        (sqlite_read.HASH_AT, ["SEARCH p USING PRIMARY KEY", "SEARCH e USING INTEGER PRIMARY KEY"]),
        (sqlite_read.AUDIT, ["SEARCH e USING INTEGER PRIMARY KEY (rowid>?)", "SEARCH p USING PRIMARY KEY"]),
        (sqlite_read.CLIENTS, ["SEARCH c USING PRIMARY KEY (document=?)", "SEARCH e USING INTEGER PRIMARY KEY"]),
        (
            sqlite_read.event_query(1, 0, None, None, None, False, 9)[0],
            ["SEARCH p USING PRIMARY KEY (document=? AND revision>? AND revision<?)", "SEARCH e USING INTEGER PRIMARY"],
        ),
        (
            sqlite_read.event_query(1, 0, None, [KEYSTROKE_TYPE, 2], [1], True, 9)[0],
            ["SEARCH p USING PRIMARY KEY (document=? AND revision>? AND revision<?)", "SEARCH e USING INTEGER PRIMARY"],
        ),
        (
            sqlite_read.event_query(1, 0, None, [2, 3], None, True, 9)[0],
            [
                "SEARCH e USING INDEX events_decisions (document=? AND revision>? AND revision<?)",
                "SEARCH p USING PRIMARY",
            ],
        ),
        (
            sqlite_read.event_query(None, 0, None, [2], [1], True, 9)[0],
            ["SEARCH e USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)", "SEARCH p USING PRIMARY KEY"],
        ),
        (f"{sqlite_read.DOCUMENT} WHERE name > ? ORDER BY name", ["SEARCH documents USING INDEX"]),
    ],
)
def test_hot_reads_search_and_never_sort(sqlite: SqliteStore, sql: str, plan: list[str]) -> None:
    with sqlite._readers() as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?")).fetchall()
    steps = [row[3] for row in rows]
    assert not [step for step in steps if "SCAN" in step or "TEMP B-TREE" in step]
    for step, expected in zip(steps, plan, strict=False):
        assert step.startswith(expected)
    assert len(steps) >= len(plan)


# -- failures --------------------------------------------------------------------------------------------------------


def test_full_disk_writes_nothing_and_passes(sqlite: SqliteStore) -> None:
    append(sqlite, "a", edit())
    head, events = sqlite.head(), sqlite.read()
    limit = writer_of(sqlite).execute("PRAGMA page_count").fetchone()[0]
    writer_of(sqlite).execute(f"PRAGMA max_page_count = {limit}")
    items = [
        Append("new", [edit(bytes(50_000), session="new", clients=(9,), actor="new")], create=created()),
        Append("a", [edit(bytes(50_000), id=5)]),
    ]
    for _ in range(2):
        with pytest.raises(NotDurableNow, match="full"):
            sqlite.append(items)
    assert (sqlite.head(), sqlite.read(), sqlite.document("new")) == (head, events, None)
    writer_of(sqlite).execute("PRAGMA max_page_count = 1000000")
    assert all(isinstance(answer, Appended) for answer in sqlite.append(items))
    assert sqlite.session_clients("new") == {9: ("new", "new", "anonymous")}
    assert list(sqlite.verify()) == []


LIMITED = """
import json, os, resource, signal, sys
from keepboth.errors import NotDurableNow
from keepboth.store.sqlite import SqliteStore
from keepboth.store.base import Append
from tests.store.making import append, edit
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = SqliteStore(sys.argv[1])
append(store, "a", edit())
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))
acknowledged, refused = 1, 0
while refused < 3:
    try:
        store.append([Append("a", [edit(os.urandom(3000)) for _ in range(7)])])
        acknowledged += 7
    except NotDurableNow:
        refused += 1
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
append(store, "a", edit())
print(json.dumps([acknowledged + 1, store.head().position, len(list(store.verify()))]))
os._exit(0)
"""


def test_write_errors_lose_nothing_that_was_acknowledged(opened: Opener, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": f"{root / 'server'}{os.pathsep}{root}"}
    command = [sys.executable, "-c", LIMITED, str(tmp_path / "log.db")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=True)
    acknowledged, position, problems = json.loads(done.stdout)
    assert (position, problems) == (acknowledged, 0)
    after_the_crash = opened()
    assert after_the_crash.head().position == acknowledged
    assert list(after_the_crash.verify()) == []


def test_lost_connection_is_opened_again(sqlite: SqliteStore) -> None:
    append(sqlite, "a", edit())
    writer_of(sqlite).close()
    with pytest.raises(NotDurableNow):
        sqlite.append([Append("a", [edit()])])
    (receipt,) = append(sqlite, "a", edit())
    assert receipt.revision == 2


@pytest.mark.skipif(AS_C, reason="puts a bug into what is C")
def test_bug_in_the_middle_of_a_batch_rolls_back(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    append(sqlite, "a", edit())
    with monkeypatch.context() as patch:
        patch.setattr("keepboth.store.sqlite_plan.commit_hash", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sqlite.append([Append("b", [edit(session="new")]), Append("a", [edit()])])
    (receipt,) = append(sqlite, "b", edit(session="new"))
    assert (receipt.position, receipt.revision) == (2, 1)
    assert list(sqlite.verify()) == []


def test_writer_believes_the_file_after_somebody_wrote_past_the_lock(sqlite: SqliteStore) -> None:
    append(sqlite, "a", edit())
    with Database(sqlite.path) as outsider:
        outsider["actors"].insert({"id": 2, "actor": "intruder", "kind": "human"})
        outsider["sessions"].insert({"id": 2, "document": 1, "session": "x"})
    append(sqlite, "a", edit(actor="bob", session="y"), edit(actor="intruder", actor_kind="human", session="x"))
    assert [event.actor for event in sqlite.read("a")] == ["ann", "bob", "intruder"]
    assert list(sqlite.verify()) == []


def test_writer_notices_at_once_what_somebody_added_past_the_lock(sqlite: SqliteStore) -> None:
    """Whether the file has changed is asked now and then only; that a position is taken shows at once."""
    append(sqlite, "a", edit(), edit())
    with Database(sqlite.path) as outsider:
        (row,) = outsider.execute("SELECT * FROM events WHERE position = 2").fetchall()
        columns = [column.name for column in outsider["events"].columns]
        copy = dict(zip(columns, row, strict=True)) | {"position": 3, "revision": 3, "id": b"x" * 16}
        outsider["events"].insert(copy)
        outsider["payloads"].insert({"document": 1, "revision": 3, "position": 3, "fold": 1})
        outsider["commits"].insert({"last": 3, "first": 3, "commit_hash": bytes(32)})
        outsider.execute("UPDATE documents SET revision = 3")
        outsider.conn.commit()
    (receipt,) = append(sqlite, "a", edit())
    assert (receipt.position, receipt.revision) == (4, 4)


# -- tidying ---------------------------------------------------------------------------------------------------------


def test_the_write_ahead_log_does_not_grow_for_ever(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.store.sqlite.WAL_PAGES", 60)
    wal = sqlite.path.with_name(sqlite.path.name + "-wal")
    sizes = []
    for _ in range(6):
        while not sqlite.wants_tidying:
            append(sqlite, "a", edit())
        sqlite.tidy()
        sizes.append(wal.stat().st_size)
    assert sizes[-1] == sizes[1]
    with sqlite._readers() as reader:  # in the middle of a long read
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        for _ in range(2):
            while not sqlite.wants_tidying:
                append(sqlite, "a", edit())
            sqlite.tidy()
        assert wal.stat().st_size > sizes[-1]
        reader.execute("COMMIT")
    assert list(sqlite.verify()) == []


def test_an_import_empties_the_write_ahead_log_as_it_goes(sqlite: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.store.sqlite.WAL_PAGES", 20)
    sqlite.append_commits([[Append("a", [edit()])] for _ in range(10)])
    assert not sqlite.wants_tidying
    assert len(sqlite.read("a")) == 10


# -- threads ---------------------------------------------------------------------------------------------------------


def test_readers_see_whole_batches_while_appends_go_on(sqlite: SqliteStore) -> None:
    batches, stop, seen = 60, threading.Event(), []

    def read() -> None:
        after = 0
        while not (stop.is_set() and after == sqlite.head().position):
            events = sqlite.read(after=after, limit=50)
            assert [event.position for event in events] == list(range(after + 1, after + len(events) + 1))
            if events:
                after = events[-1].position
            length = sqlite.head().position
            assert length % 10 == 0
            blocking = sqlite.peek("a", NoneSince(length)) or []
            assert [event.revision for event in blocking] == list(range(length + 1, length + 1 + len(blocking)))
            assert len(sqlite.fold_rows("a", limit=10**6)) >= length
        seen.append(after)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for _ in range(batches):
        append(sqlite, "a", *[edit() for _ in range(10)])
    stop.set()
    for thread in readers:
        thread.join(30)
    assert seen == [batches * 10] * 3


def test_connections_of_ended_threads_are_closed(sqlite: SqliteStore) -> None:
    for _ in range(5):
        thread = threading.Thread(target=sqlite.read)
        thread.start()
        thread.join()
    sqlite.read()
    assert len(sqlite._readers._all) <= 2
