"""The reads of the SQLite store: SQL and parameters in, rows out.

Functions over a connection, so that the writer can ask them inside its transaction and readers on connections of their
own. ``CROSS JOIN`` and ``INDEXED BY`` fix the plans (a test asserts them): SQLite's planner has no statistics here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from keepboth.events import EventId, Micros
from keepboth.store.base import DocumentRow, FoldRow, Head
from keepboth.store.hashing import GENESIS
from keepboth.store.rules import MAX_PAGE
from keepboth.store.schema import KEYSTROKE_TYPE
from keepboth.store.sqlite_rows import COLUMNS, DISPOSITIONS, Row

MAX_INT: Final = (1 << 63) - 1

_PAYLOAD = "CROSS JOIN payloads p ON p.document = e.document AND p.revision = e.revision"
SALT: Final = COLUMNS.split(", ").index("p.salt")
BY_ID: Final = f"SELECT {COLUMNS} FROM events e {_PAYLOAD} WHERE e.id = ?"
BY_SESSION_PART: Final = (
    f"SELECT {COLUMNS} FROM events e INDEXED BY events_session_seq {_PAYLOAD} "
    "WHERE e.session = ? AND e.session_seq = ? AND e.session_seq IS NOT NULL"
)
BY_SESSION: Final = f"{BY_SESSION_PART} ORDER BY e.part"
SESSION_HEAD: Final = (
    "SELECT max(session_seq) FROM events INDEXED BY events_session_seq WHERE session = ? AND session_seq IS NOT NULL"
)
SESSION_ID: Final = (
    "SELECT s.id FROM sessions s JOIN documents d ON d.id = s.document WHERE d.name = ? AND s.session = ?"
)
FOLD: Final = (
    "SELECT revision, fold, payload FROM payloads "
    "WHERE document = ? AND revision > ? AND revision <= ? AND fold > 0 ORDER BY revision LIMIT ?"
)
LINES: Final = (
    "SELECT e.revision, e.type, e.actor, e.session, e.recorded_at, e.authored_before, e.correlation_id, e.context "
    "FROM payloads p CROSS JOIN events e ON e.position = p.position "
    "WHERE p.document = ? AND p.revision > ? AND p.revision <= ? ORDER BY p.revision LIMIT ?"
)
EDITS: Final = (
    "SELECT p.revision, p.fold, p.payload, e.actor, e.session, e.context, e.context_source "
    "FROM payloads p CROSS JOIN events e ON e.position = p.position "
    "WHERE p.document = ? AND p.revision > ? AND p.revision <= ? AND p.fold > 0 ORDER BY p.revision LIMIT ?"
)
CLIENTS: Final = (
    "SELECT c.client, coalesce(s.session, ''), a.actor, a.kind FROM document_clients c CROSS JOIN events e "
    "ON e.position = c.position LEFT JOIN sessions s ON s.id = e.session LEFT JOIN actors a ON a.id = e.actor "
    "WHERE c.document = ?"
)
COMMITS: Final = "SELECT first, last, commit_hash FROM commits WHERE last > ? ORDER BY last LIMIT ?"
HASH_AT: Final = (
    "SELECT e.document_hash FROM payloads p CROSS JOIN events e ON e.position = p.position "
    "WHERE p.document = ? AND p.revision = ?"
)
DOCUMENT: Final = "SELECT name, revision, document_hash, created_at, updated_at, edits FROM documents"
AUDIT: Final = (
    f"SELECT {COLUMNS}, p.position, p.fold FROM events e "
    "LEFT JOIN payloads p ON p.document = e.document AND p.revision = e.revision "
    "WHERE e.position > ? ORDER BY e.position LIMIT ?"
)


def event_query(
    document: int | None,
    after: int,
    until: int | None,
    types: Sequence[int] | None,
    actors: Sequence[int] | None,
    reverse: bool,
    limit: int,
) -> tuple[str, tuple[Any, ...]]:
    """The SELECT for one page of events; ``types`` and ``actors`` are dictionary ids, None for any."""
    order = "DESC" if reverse else "ASC"
    where: list[str] = []
    values: list[int] = []
    if document is None:
        source, place = f"events e {_PAYLOAD}", "e.position"
    elif types is not None and KEYSTROKE_TYPE not in types:
        source, place = f"events e INDEXED BY events_decisions {_PAYLOAD}", "e.revision"
        where.append(f"e.document = ? AND e.type > {KEYSTROKE_TYPE}")
        values.append(document)
    else:
        source, place = "payloads p CROSS JOIN events e ON e.position = p.position", "p.revision"
        where.append("p.document = ?")
        values.append(document)
    where.append(f"{place} > ? AND {place} <= ?")
    values += [max(min(after, MAX_INT), 0), MAX_INT if until is None else max(min(until, MAX_INT), 0)]
    for column, ids in (("e.type", types), ("e.actor", actors)):
        if ids is not None:
            where.append(f"{column} IN ({', '.join('?' * len(ids))})")
            values += ids
    values.append(max(min(limit, MAX_PAGE), 0))
    return f"SELECT {COLUMNS} FROM {source} WHERE {' AND '.join(where)} ORDER BY {place} {order} LIMIT ?", tuple(values)


def events(
    connection: sqlite3.Connection,
    document: int | None,
    after: int,
    until: int | None = None,
    types: Sequence[str] = (),
    actors: Sequence[str] = (),
    reverse: bool = False,
    limit: int = MAX_PAGE,
) -> list[Row]:
    """One page of rows of :data:`~keepboth.store.sqlite_rows.COLUMNS`."""
    type_ids = _ids(connection, "types", "type", types)
    actor_ids = _ids(connection, "actors", "actor", actors)
    if type_ids == [] or actor_ids == []:
        return []
    sql, values = event_query(document, after, until, type_ids, actor_ids, reverse, limit)
    return connection.execute(sql, values).fetchall()


def _ids(connection: sqlite3.Connection, table: str, column: str, names: Sequence[str]) -> list[int] | None:
    if not names:
        return None
    marks = ", ".join("?" * len(names))
    return [row[0] for row in connection.execute(f"SELECT id FROM {table} WHERE {column} IN ({marks})", tuple(names))]


def document_id(connection: sqlite3.Connection, name: str) -> int | None:
    """The number of a document, None if it has no event."""
    row = connection.execute("SELECT id FROM documents WHERE name = ?", (name,)).fetchone()
    return None if row is None else int(row[0])


def by_id(connection: sqlite3.Connection, event_id: EventId) -> Row | None:
    """The row of one event."""
    row: Row | None = connection.execute(BY_ID, (event_id,)).fetchone()
    return row


def by_session(connection: sqlite3.Connection, document: str, session: str, session_seq: int) -> list[Row]:
    """The rows of one message's events, by part."""
    found = connection.execute(SESSION_ID, (document, session)).fetchone()
    return [] if found is None else connection.execute(BY_SESSION, (found[0], session_seq)).fetchall()


def fold_rows(
    connection: sqlite3.Connection, document: int, after: int, until: int | None, limit: int
) -> list[FoldRow]:
    """The edits of a document, about 0.8 µs each."""
    values = _page(document, after, until, limit)
    return [
        FoldRow(revision, DISPOSITIONS[fold], payload) for revision, fold, payload in connection.execute(FOLD, values)
    ]


def revision_at(connection: sqlite3.Connection, document: int, position: int, last: int) -> int:
    """The last revision at or before a position: positions ascend along a stream, so halving finds it."""
    low, high = 0, last  # every revision up to low is at or before the position, none beyond high is
    sql = "SELECT position FROM payloads WHERE document = ? AND revision = ?"
    while low < high:
        middle = (low + high + 1) // 2
        if connection.execute(sql, (document, middle)).fetchone()[0] <= position:
            low = middle
        else:
            high = middle - 1
    return low


def edit_rows(connection: sqlite3.Connection, document: int, after: int, until: int | None, limit: int) -> list[Row]:
    """The edits of a document: rows for :meth:`~keepboth.store.sqlite_rows.Decoder.edits`."""
    return connection.execute(EDITS, _page(document, after, until, limit)).fetchall()


def _page(document: int, after: int, until: int | None, limit: int) -> tuple[int, int, int, int]:
    last = MAX_INT if until is None else max(min(until, MAX_INT), 0)
    return (document, max(min(after, MAX_INT), 0), last, max(min(limit, MAX_INT), 0))


def head(connection: sqlite3.Connection) -> Head:
    """The last commit."""
    row = connection.execute("SELECT last, commit_hash FROM commits ORDER BY last DESC LIMIT 1").fetchone()
    return Head(0, GENESIS) if row is None else Head(*row)


def document_row(connection: sqlite3.Connection, name: str) -> DocumentRow | None:
    """One document's head."""
    row = connection.execute(f"{DOCUMENT} WHERE name = ?", (name,)).fetchone()
    return None if row is None else DocumentRow(*row)


def documents(connection: sqlite3.Connection, after: str, limit: int) -> list[DocumentRow]:
    """Documents by name."""
    rows = connection.execute(f"{DOCUMENT} WHERE name > ? ORDER BY name LIMIT ?", (after, max(limit, 0)))
    return [DocumentRow(*row) for row in rows]


def newest_documents(
    connection: sqlite3.Connection, before: tuple[Micros, str] | None, limit: int
) -> list[DocumentRow]:
    """Documents by their last event, the newest first."""
    order = "ORDER BY updated_at DESC, name DESC LIMIT ?"
    if before is None:
        rows = connection.execute(f"{DOCUMENT} {order}", (max(limit, 0),))
    else:
        rows = connection.execute(f"{DOCUMENT} WHERE (updated_at, name) < (?, ?) {order}", (*before, max(limit, 0)))
    return [DocumentRow(*row) for row in rows]
