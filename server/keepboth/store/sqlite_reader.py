"""The reading half of the SQLite store: every question of the port, on read-only connections, one a thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from keepboth.events import ActorKind, Condition, Event, EventId, Micros
from keepboth.store import rules, sqlite_read, sqlite_verify
from keepboth.store.base import CommitRow, DocumentRow, EditRow, EventLine, FoldRow, Head, Problem, WholeEvent
from keepboth.store.connections import Readers, size, snapshot
from keepboth.store.sqlite_rows import Decoder


class LogReader:
    """Answers from what is committed, and never waits for a writer, in this process or another."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._store_id = ""
        self._readers = Readers(path)
        self._decoder = Decoder()

    @property
    def store_id(self) -> str:
        return self._store_id

    def head(self) -> Head:
        with self._readers() as connection:
            return sqlite_read.head(connection)

    # -- reads -------------------------------------------------------------------------------------------------------

    def get(self, event_id: EventId) -> Event | None:
        with self._readers() as connection:
            row = sqlite_read.by_id(connection, event_id)
            return None if row is None else self._decoder.event(connection, row)

    def by_session(self, document: str, session: str, session_seq: int) -> list[Event]:
        with self._readers() as connection:
            rows = sqlite_read.by_session(connection, document, session, session_seq)
            return self._decoder.events(connection, rows)

    def session_head(self, document: str, session: str) -> int:
        with self._readers() as connection:
            found = connection.execute(sqlite_read.SESSION_ID, (document, session)).fetchone()
            return 0 if found is None else connection.execute(sqlite_read.SESSION_HEAD, found).fetchone()[0] or 0

    def session_clients(self, document: str) -> dict[int, tuple[str, str, ActorKind]]:
        with self._readers() as connection:
            number = sqlite_read.document_id(connection, document)
            rows = connection.execute(sqlite_read.CLIENTS, (number,)).fetchall()
            return {client: (session, actor, kind) for client, session, actor, kind in rows}

    def read(
        self,
        document: str | None = None,
        *,
        after: int = 0,
        until: int | None = None,
        types: Sequence[str] = (),
        actors: Sequence[str] = (),
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[Event]:
        with self._readers() as connection:
            number = None if document is None else sqlite_read.document_id(connection, document)
            if document is not None and number is None:
                return []
            rows = sqlite_read.events(connection, number, after, until, types, actors, reverse, limit)
            return self._decoder.events(connection, rows)

    def read_whole(
        self, document: str | None = None, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> list[WholeEvent]:
        with self._readers() as connection:
            number = None if document is None else sqlite_read.document_id(connection, document)
            if document is not None and number is None:
                return []
            rows = sqlite_read.events(connection, number, after, until, limit=limit)
            return [WholeEvent(self._decoder.event(connection, row), row[sqlite_read.SALT]) for row in rows]

    def commits(self, *, after: int = 0, limit: int = 1000) -> list[CommitRow]:
        with self._readers() as connection:
            rows = connection.execute(sqlite_read.COMMITS, (max(after, 0), max(limit, 0)))
            return [CommitRow(*row) for row in rows]

    def fold_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[FoldRow]:
        with self._readers() as connection:
            number = sqlite_read.document_id(connection, document)
            return [] if number is None else sqlite_read.fold_rows(connection, number, after, until, limit)

    def lines(
        self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000, contexts: bool = True
    ) -> list[EventLine]:
        with self._readers() as connection:
            number = sqlite_read.document_id(connection, document)
            last = sqlite_read.MAX_INT if until is None else max(until, 0)
            rows = connection.execute(sqlite_read.LINES, (number, max(after, 0), last, max(limit, 0))).fetchall()
            return [self._decoder.line(connection, row, contexts) for row in rows]

    def revision_at(self, document: str, position: int) -> int:
        with self._readers() as connection, snapshot(connection):
            row = sqlite_read.document_row(connection, document)
            number = sqlite_read.document_id(connection, document)
            if row is None or number is None:
                return 0
            return sqlite_read.revision_at(connection, number, position, row.revision)

    def edit_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[EditRow]:
        with self._readers() as connection:
            number = sqlite_read.document_id(connection, document)
            if number is None:
                return []
            return self._decoder.edits(connection, sqlite_read.edit_rows(connection, number, after, until, limit))

    def document(self, document: str) -> DocumentRow | None:
        with self._readers() as connection:
            return sqlite_read.document_row(connection, document)

    def hash_at(self, document: str, revision: int) -> bytes | None:
        with self._readers() as connection:
            number = sqlite_read.document_id(connection, document)
            row = connection.execute(sqlite_read.HASH_AT, (number, revision)).fetchone()
            return None if row is None else row[0]

    def documents(self, *, after: str = "", limit: int = 100) -> list[DocumentRow]:
        with self._readers() as connection:
            return sqlite_read.documents(connection, after, limit)

    def newest_documents(self, *, before: tuple[Micros, str] | None = None, limit: int = 100) -> list[DocumentRow]:
        with self._readers() as connection:
            return sqlite_read.newest_documents(connection, before, limit)

    def peek(self, document: str, condition: Condition) -> list[Event] | None:
        with self._readers() as connection, snapshot(connection):
            row = sqlite_read.document_row(connection, document)

            def events(after: int, types: frozenset[str], limit: int) -> list[Event]:
                number = sqlite_read.document_id(connection, document)
                if number is None:
                    return []
                rows = sqlite_read.events(connection, number, after, types=sorted(types), limit=limit)
                return self._decoder.events(connection, rows)

            return rules.blockers(condition, 0 if row is None else row.revision, events)

    def message(self, digest: bytes) -> bytes | None:
        with self._readers() as connection:
            row = connection.execute("SELECT raw FROM messages WHERE digest = ?", (digest,)).fetchone()
            return None if row is None else row[0]

    def salt(self, event_id: EventId) -> bytes | None:
        with self._readers() as connection:
            row = sqlite_read.by_id(connection, event_id)
            return None if row is None else row[sqlite_read.SALT]

    # -- care --------------------------------------------------------------------------------------------------------

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Problem]:
        return sqlite_verify.verify(self._readers, self.head(), progress)

    def statistics(self) -> dict[str, Any]:
        with self._readers() as connection:

            def count(table: str) -> int:
                found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                return found

            return {
                "backend": "sqlite",
                "store_id": self._store_id,
                "events": self.head().position,
                "edits": connection.execute("SELECT coalesce(sum(edits), 0) FROM documents").fetchone()[0],
                "documents": count("documents"),
                "commits": count("commits"),
                "messages": count("messages"),
                "actors": count("actors"),
                "sessions": count("sessions"),
                "file_bytes": size(self.path),
                "wal_bytes": size(self.path.with_name(self.path.name + "-wal")),
                "path": str(self.path),
                "sqlite_version": sqlite3.sqlite_version,
            }
