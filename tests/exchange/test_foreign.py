"""Yjs updates from elsewhere: one event each, safe to repeat, and the document that they make."""

from __future__ import annotations

import random
import sqlite3
import time
import zlib
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from keepboth.app import IdMint
from keepboth.errors import InvalidRequest, MalformedUpdate, NotFound
from keepboth.exchange.foreign import Brought, ForeignUpdate, bring, import_id
from keepboth.fold.document import DocumentFold, FoldedEdit, fold
from keepboth.fold.views import json_value, text
from keepboth.live.projector import rebuild
from keepboth.store.base import EventStore
from keepboth.store.conflicts_memory import MemoryConflictStore
from keepboth.store.memory import MemoryStore
from keepboth.store.ystore import YStoreFile
from tests.yjs.documents import session


def said(store: EventStore, document: str = "d") -> str:
    folded = fold(lambda after: [FoldedEdit(*row) for row in store.fold_rows(document, after=after)])
    return text(folded.replica, "text", folded.roots)


def two_people() -> bytes:
    """A document that two people wrote and edited."""
    ann: pycrdt.Doc[Any] = pycrdt.Doc(client_id=11)
    bob: pycrdt.Doc[Any] = pycrdt.Doc(client_id=12)
    ann.get("text", type=pycrdt.Text).insert(0, "One two three.")
    bob.apply_update(ann.get_update())
    words = bob.get("text", type=pycrdt.Text)
    del words[4:8]
    words.insert(0, "Ein ")
    return bytes(bob.get_update())


def test_a_file_of_several_authors_becomes_one_event() -> None:
    store = MemoryStore()
    update = two_people()
    told = bring(store, "d", [ForeignUpdate(update)], IdMint(), actor="the archive", one_author=True)
    assert told == Brought("d", updates=1, recorded=1, revision=2, document_hash=store.hash_at("d", 2) or b"")
    created, event = store.read("d")
    assert (created.type, created.actor_kind) == ("document.created", "import")
    assert (event.actor, event.actor_kind, event.clients) == ("the archive", "import", (12, 11))
    assert (event.id, event.payload, event.message_digest) == (import_id("d", update), update, None)
    assert event.context is not None
    assert event.context.exact
    assert event.context.lower.base == 0
    assert said(store) == "Ein One three."
    again = bring(store, "d", [ForeignUpdate(update)], IdMint(), one_author=True)
    assert (again.recorded, again.known, again.revision) == (0, 1, 2)
    other = pycrdt.Doc[Any]()
    other.apply_update(update)
    same = bytes(other.get_update())
    assert bring(store, "d", [ForeignUpdate(same)], IdMint(), one_author=True).recorded == 0


def test_a_file_that_is_no_update_is_refused() -> None:
    store = MemoryStore()
    with pytest.raises(MalformedUpdate):
        bring(store, "d", [ForeignUpdate(b"hello\n")], IdMint(), one_author=True)
    assert store.head().position == 0


def test_only_what_is_new_is_recorded_and_the_rest_kept_beside_it() -> None:
    store = MemoryStore()
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    words = doc.get("text", type=pycrdt.Text)
    words += "one"
    bring(store, "d", [ForeignUpdate(bytes(doc.get_update()))], IdMint(), one_author=True)
    words += " two"
    update = bytes(doc.get_update())
    assert bring(store, "d", [ForeignUpdate(update)], IdMint(), one_author=True).recorded == 1
    event = store.read("d")[-1]
    assert event.payload != update
    assert store.message(event.message_digest or b"") == update
    assert said(store) == "one two"
    assert event.context is not None
    assert (event.context.lower.base, event.context.upper.base) == (0, 2)


# -- pycrdt-store ------------------------------------------------------------------------------------------------------


def ystore(path: Path, rows: list[tuple[str, bytes, float]], *, version: int = 2) -> Path:
    """A file as ``SQLiteYStore`` makes it (2), as ypy-websocket made it (1), and without times (0)."""
    connection = sqlite3.connect(path)
    if version == 0:
        connection.execute("CREATE TABLE yupdates (path TEXT NOT NULL, yupdate BLOB)")
        connection.executemany("INSERT INTO yupdates VALUES (?, ?)", [row[:2] for row in rows])
    else:
        connection.execute(
            "CREATE TABLE yupdates (path TEXT NOT NULL, yupdate BLOB, metadata BLOB, timestamp REAL NOT NULL)"
        )
        connection.executemany("INSERT INTO yupdates VALUES (?, ?, NULL, ?)", rows)
    if version == 2:
        connection.execute("CREATE INDEX idx_yupdates_path_timestamp ON yupdates (path, timestamp)")
        connection.execute(
            "CREATE TABLE ycheckpoints (path TEXT NOT NULL, checkpoint BLOB NOT NULL, timestamp REAL NOT NULL, "
            "PRIMARY KEY(path))"
        )
    connection.execute(f"PRAGMA user_version = {version}")
    connection.commit()
    connection.close()
    return path


def taken(store: EventStore, path: Path) -> list[Brought]:
    file = YStoreFile(path)
    try:
        out = []
        for name, _ in file.documents():
            checkpoint = file.checkpoint(name)
            state = None if checkpoint is None else ForeignUpdate(checkpoint)
            out.append(bring(store, name, (ForeignUpdate(*one) for one in file.updates(name)), IdMint(), state=state))
        return out
    finally:
        file.close()


@pytest.mark.parametrize("version", [0, 1, 2])
@pytest.mark.parametrize("seed", range(6))
def test_a_store_of_another_server_comes_in_with_its_times(seed: int, version: int, tmp_path: Path) -> None:
    _, updates = session(seed)
    began = 1_600_000_000.0
    rows = [("a/b", update, began + at) for at, update in enumerate(updates)]
    rows += [("other", update, began) for update in session(seed + 100)[1][:3]]
    if version == 2:
        random.Random(seed).shuffle(rows)  # squashes leave rows out of order; the times say what came first
    path = ystore(tmp_path / "y.db", rows, version=version)
    store = MemoryStore()
    told = taken(store, path)
    assert [(one.document, one.updates) for one in told] == [("a/b", len(updates)), ("other", 3)]
    assert told[0].pending == told[0].quarantined == 0
    edits = [event for event in store.read("a/b", limit=10_000) if event.type == "edit.recorded"]
    assert {event.actor_kind for event in edits} == {"import"}
    assert [event.payload for event in edits if event.message_digest is None] == [
        update for update in updates if any(event.payload == update for event in edits)
    ]
    if version:
        times = {update: began + at for at, update in enumerate(updates)}
        for event in edits:
            raw = event.payload if event.message_digest is None else store.message(event.message_digest)
            assert event.authored_at == round(times[raw or b""] * 1_000_000)
            assert event.time_quality == "claimed"
    else:
        assert {event.time_quality for event in edits} == {"assumed"}
    mine = fold(lambda after: [FoldedEdit(*row) for row in store.fold_rows("a/b", after=after)])
    theirs = DocumentFold()
    theirs.add([FoldedEdit(number, "ready", update) for number, update in enumerate(updates, 1)])
    assert mine.clocks() == theirs.clocks()
    assert mine.replica.deletes() == theirs.replica.deletes()
    assert json_value(mine.replica, mine.roots) == json_value(theirs.replica, theirs.roots)
    conflicts = MemoryConflictStore()
    rebuild(store, conflicts)
    assert conflicts.cursor("a/b") == (told[0].revision, told[0].document_hash)
    assert not any(episode.certain for episode in conflicts.list()), "who had seen what is not known"
    head = store.head()
    again = taken(store, path)
    assert [one.recorded for one in again] == [0, 0]
    assert store.head() == head
    assert list(store.verify()) == []


def test_what_only_a_checkpoint_holds_comes_in(tmp_path: Path) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    words = doc.get("text", type=pycrdt.Text)
    words += "one"
    first = bytes(doc.get_update())
    words += " two"
    path = ystore(tmp_path / "y.db", [("d", zlib.compress(first), time.time())])
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO ycheckpoints VALUES ('d', ?, 1.0)", (bytes(doc.get_update()),))
    connection.commit()
    connection.close()
    store = MemoryStore()
    (told,) = taken(store, path)
    assert (told.recorded, said(store)) == (2, "one two")
    assert taken(store, path)[0].recorded == 0


def test_what_cannot_be_read_is_kept_and_what_never_came_is_waited_for(tmp_path: Path) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    words = doc.get("text", type=pycrdt.Text)
    words += "one"
    before = doc.get_state()
    words += " two"
    late = bytes(doc.get_update(before))
    path = ystore(tmp_path / "y.db", [("d", late, 1.0), ("d", b"\xff\xff", 2.0)])
    store = MemoryStore()
    (told,) = taken(store, path)
    assert (told.recorded, told.pending, told.quarantined) == (2, 1, 1)


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        YStoreFile(tmp_path / "none")
    sqlite3.connect(tmp_path / "empty.db").execute("CREATE TABLE t (a)")
    with pytest.raises(InvalidRequest):
        YStoreFile(tmp_path / "empty.db")
    (tmp_path / "text").write_text("hello, this is no database at all")
    with pytest.raises(InvalidRequest):
        YStoreFile(tmp_path / "text")
