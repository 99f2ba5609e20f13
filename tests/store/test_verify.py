"""``verify`` must see every way in which somebody with an editor for SQLite files could change the past."""

from __future__ import annotations

import sqlite3

import pytest

from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore
from tests.store.making import append, created, decision, edit

TAMPERINGS = {
    "payload": ("UPDATE payloads SET payload = x'79' WHERE position = 3", [3]),
    "payload and length": ("UPDATE payloads SET payload = x'7979' WHERE position = 3", [3]),
    "salt": ("UPDATE payloads SET salt = zeroblob(16) WHERE position = 3", [3]),
    "half an erasure": ("UPDATE payloads SET salt = NULL WHERE position = 3", [3]),
    "payload row missing": ("DELETE FROM payloads WHERE position = 3", [3]),
    "payload moved": ("UPDATE payloads SET position = 9 WHERE position = 3", [3, 9]),
    "payload without event": ("INSERT INTO payloads VALUES (1, 99, 99, 1, zeroblob(16), x'')", [99]),
    "payload hidden from folds": ("UPDATE payloads SET fold = 0 WHERE position = 3", [3]),
    "digest": ("UPDATE events SET payload_digest = zeroblob(32) WHERE position = 3", [3, 3]),
    "time": ("UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3", [3, 4]),
    "author": ("UPDATE events SET actor = 2 WHERE position = 3", [3]),
    "id": ("UPDATE events SET id = zeroblob(16) WHERE position = 3", [3]),
    "context": ("UPDATE events SET context = x'0101000000' WHERE position = 3", [3]),
    "clients": ("UPDATE events SET clients = x'07' WHERE position = 3", [3, 3, 3]),
    "correlation": ("UPDATE events SET correlation_id = 'x' WHERE position = 3", [3]),
    "hash": ("UPDATE events SET document_hash = zeroblob(32) WHERE position = 3", [3, 4, 4]),
    "unreadable row": ("UPDATE events SET type = 77 WHERE position = 6", [0, 6]),
    "row missing": ("DELETE FROM events WHERE position = 3", [0, 3, 3, 4, 4, 4]),
    "tail missing": ("DELETE FROM events WHERE position = 6", [0, 6, 6, 6]),
    "tail and commit missing": (
        "DELETE FROM events WHERE position = 6; DELETE FROM commits WHERE last = 6",
        [0, 6, 6, 6],
    ),
    "dictionary: actor": ("UPDATE actors SET actor = 'eve' WHERE id = 1", [1, 2, 3, 4, 5]),
    "dictionary: word": ("UPDATE words SET word = 'claimed' WHERE word = 'assumed'", [1, 2, 3, 4, 5, 6]),
    "dictionary: type": ("UPDATE types SET type = 'x' WHERE type = 'document.renamed'", [4]),
    "dictionary: session": ("UPDATE sessions SET session = 'x' WHERE id = 1", [2, 3]),
    "dictionary: row missing": ("DELETE FROM actors WHERE id = 2", [0, 6]),
    "document renamed": ("UPDATE documents SET name = 'x' WHERE name = 'b'", [6]),
    "document head": ("UPDATE documents SET edits = 9 WHERE name = 'b'", [0]),
    "document without events": ("INSERT INTO documents VALUES (9, 'x', 0, x'', 0, 0, 0)", [0]),
    "document missing": ("DELETE FROM documents WHERE name = 'b'", [6]),
    "message": ("UPDATE messages SET raw = x'00'", [0]),
    "message digest": ("UPDATE messages SET digest = zeroblob(32)", [0, 3]),
    "commit hash": ("UPDATE commits SET commit_hash = zeroblob(32) WHERE last = 4", [4, 5]),
    "commit missing": ("DELETE FROM commits WHERE last = 4", [5]),
    "commit split": ("UPDATE commits SET first = 4 WHERE last = 4", [4]),
    "client list": ("UPDATE document_clients SET position = 2 WHERE client = 5", [2]),
    "client forgotten": ("DELETE FROM document_clients", [3]),
}


def tampered(store: SqliteStore, script: str) -> None:
    """Run *script* on the file, past the triggers."""
    connection = sqlite3.connect(store.path)
    triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
    for (name,) in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    connection.executescript(script)
    connection.commit()
    connection.close()


@pytest.mark.parametrize("kind", TAMPERINGS)
def test_verify_sees_tampering(sqlite: SqliteStore, kind: str) -> None:
    append(sqlite, "a", created())
    sqlite.append([Append("a", [edit(), edit(clients=(5,), message=b"m"), decision()])])
    append(sqlite, "a", decision("version.named"))
    append(sqlite, "b", edit(actor="bob", session="s2"))
    assert list(sqlite.verify()) == []
    script, positions = TAMPERINGS[kind]
    tampered(sqlite, script)
    assert sorted(problem.position for problem in sqlite.verify()) == positions, list(sqlite.verify())


def test_verify_goes_on_while_the_log_grows(sqlite: SqliteStore) -> None:
    append(sqlite, "a", *[edit() for _ in range(3000)])
    problems = sqlite.verify(lambda done, of: append(sqlite, "a", edit(clients=(done,)), edit(session=f"s{done}")))
    assert list(problems) == []
    assert list(sqlite.verify()) == []
