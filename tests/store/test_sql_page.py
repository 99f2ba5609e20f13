"""The views that people query: the queries of ``docs/sql.md`` run as the page shows, on the files of a real server."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from keepboth.events import EDIT_RECORDED
from keepboth.store.sqlite import SqliteStore
from tests.api.conftest import serving
from tests.reducers.story import begin
from tests.store.making import Clock, Salts
from tests.store.test_agreement import some_batch

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"^```sql file=(\S+)\n(.*?)^```\n\n```rows\n(.*?)^```", PAGE, re.M | re.S)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A data folder, with the server that writes to it still running."""
    where = tmp_path_factory.mktemp("sql") / "data"
    with serving(where) as server:
        begin(server)
        assert server.get("/api/conflicts", document="plans/2026")["conflicts"]
        yield where


@pytest.mark.parametrize(("file", "query", "expected"), QUERIES, ids=range(len(QUERIES)))
def test_a_query_of_the_page_gives_what_the_page_shows(data: Path, file: str, query: str, expected: str) -> None:
    with closing(sqlite3.connect(f"{(data / file).as_uri()}?mode=ro", uri=True)) as connection:
        *first, last = query.split(";\n")
        for statement in first:
            connection.execute(statement.replace("'projections.sqlite3'", f"'{data / 'projections.sqlite3'}'"))
        rows = ["|".join("" if cell is None else str(cell) for cell in row) + "\n" for row in connection.execute(last)]
    pattern = "[^\n]*".join(re.escape(part) for part in expected.split("…"))
    assert re.fullmatch(pattern, "".join(rows)), "".join(rows)


@pytest.mark.parametrize(
    ("file", "view", "heading"),
    [
        ("log.sqlite3", "edits_v", "## Edits"),
        ("log.sqlite3", "events_v", "## Events"),
        ("projections.sqlite3", "conflicts_v", "## Conflicts"),
    ],
)
def test_every_column_of_a_view_is_described(data: Path, file: str, view: str, heading: str) -> None:
    text = PAGE.split(heading + "\n")[1].split("\n## ")[0]
    described = re.findall(r"`(\w+)`", " ".join(re.findall(r"^\| (`.*?) \|", text, re.M)))
    with closing(sqlite3.connect(f"{(data / file).as_uri()}?mode=ro", uri=True)) as connection:
        columns = [row[1] for row in connection.execute(f"PRAGMA table_info({view})")]
        of_row = ", ".join(f"typeof({column})" for column in columns)
        types = {kind for row in connection.execute(f"SELECT {of_row} FROM {view}") for kind in row}
    assert sorted(described) == sorted(columns)
    assert types <= {"text", "integer", "real", "null"}, "Datasette cannot show a view that has a BLOB"


@pytest.mark.parametrize("seed", range(8))
def test_edits_v_has_every_edit_and_nothing_else(seed: int, tmp_path: Path) -> None:
    random, clock = Random(seed), Clock()
    with closing(SqliteStore(tmp_path / "log.db", now=clock, salts=Salts())) as store:
        for _ in range(25):
            clock.now += random.choice((0, 10, 1000))
            store.append(some_batch(random))
        events = [event for event in store.read(limit=10_000) if event.type == EDIT_RECORDED]
        assert len(events) > 10
        store.blank(events[0].document, [events[0].revision])
        events = [event for event in store.read(limit=10_000) if event.type == EDIT_RECORDED]
        with closing(sqlite3.connect(store.path)) as connection:
            rows = connection.execute(
                "SELECT position, document, revision, id, actor, actor_kind, session, session_seq, context_source, "
                "has_context, disposition, bytes, erased, update_hex, round(late_s * 1e6), time_quality, made_away, "
                "correlation_id, causation_id FROM edits_v ORDER BY position"
            ).fetchall()
    assert rows == [
        (
            one.position, one.document, one.revision, one.id.hex(), one.actor, one.actor_kind, one.session,
            one.session_seq, one.context_source, one.context is not None, one.disposition, one.payload_len,
            one.payload is None, None if one.payload is None else one.payload.hex(),
            one.recorded_at - one.authored_at, one.time_quality, one.away_from is not None,
            one.correlation_id, one.causation_id,
        )
        for one in events
    ]  # fmt: skip


def test_edits_of_one_document_are_found_without_reading_the_others(data: Path) -> None:
    with closing(sqlite3.connect(f"{(data / 'log.sqlite3').as_uri()}?mode=ro", uri=True)) as connection:
        plan = connection.execute(
            "EXPLAIN QUERY PLAN SELECT actor, bytes FROM edits_v WHERE document = ? AND revision > 5 ORDER BY revision",
            ("a",),
        ).fetchall()
    steps = " / ".join(str(row[3]) for row in plan)
    assert "SEARCH p USING PRIMARY KEY (document=? AND revision>?)" in steps, steps
    assert "SCAN" not in steps, steps


def test_conflicts_v_says_what_the_conflict_log_says(data: Path) -> None:
    with closing(sqlite3.connect(f"{(data / 'projections.sqlite3').as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        (row,) = connection.execute("SELECT * FROM conflicts_v").fetchall()
        (body,) = connection.execute("SELECT body FROM bodies").fetchone()
    told = json.loads(body)
    for name in ("id", "first_revision", "last_revision", "severity", "root", "key", "line", "heading", "base",
                 "merged", "before", "after", "certain", "self_only", "double_initialisation"):  # fmt: skip
        assert row[name] == told[name], name
    for name in ("kinds", "sides"):
        assert json.loads(row[name]) == told[name]
    assert (row["edits"], row["kind_count"], row["actor_count"]) == (2, len(told["kinds"]), 2)


def test_a_log_of_the_first_version_gets_the_views_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with closing(SqliteStore(path, salts=Salts())) as store:
        store.append(some_batch(Random(1)))
        head = store.head()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DROP VIEW edits_v")  # and events_v is replaced, whatever it was
        gone = connection.execute("DELETE FROM _sqlite_migrations WHERE name = 'm002_views'").rowcount
        connection.commit()
    assert gone == 1
    with closing(SqliteStore(path)) as store:
        assert store.head() == head
        assert list(store.verify()) == []
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM edits_v").fetchone()[0] > 0
