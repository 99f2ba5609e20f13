"""From rows of the SQLite store to events: the columns and the dictionaries."""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Any, Final, cast

from keepboth.errors import StoreDamaged
from keepboth.events import ActorKind, Disposition, Event
from keepboth.store.base import EditRow, EventLine
from keepboth.store.hashing import context_from_bytes

COLUMNS: Final = (
    "e.position, e.document, e.revision, e.id, e.type, e.actor, e.session, e.session_seq, e.part, e.relayed_by, "
    "e.clients, e.context, e.context_source, e.time_quality, e.disposition, e.message, e.recorded_at, "
    "e.authored_before, e.away_from, e.payload_digest, e.payload_len, e.document_hash, "
    "e.correlation_id, e.causation_id, p.salt, p.payload"
)
"""What :meth:`Decoder.event` reads, from ``events e`` and ``payloads p``."""

FOLDS: Final[dict[Disposition, int]] = {"ready": 1, "pending": 2, "quarantined": 3}
"""What ``payloads.fold`` says of an edit; 0 is an event that no fold reads."""

DISPOSITIONS: Final[tuple[Disposition, ...]] = ("ready", *FOLDS)
"""By ``payloads.fold``."""

Row = tuple[Any, ...]

_MAX_REMEMBERED: Final = 100_000


def encode_clients(clients: tuple[int, ...]) -> bytes:
    """Client ids as lib0 varUints, one after the other."""
    out = bytearray()
    for client in clients:
        while client > 127:
            out.append(client & 127 | 128)
            client >>= 7
        out.append(client)
    return bytes(out)


@lru_cache(maxsize=8192)
def decode_clients(data: bytes | None) -> tuple[int, ...]:
    """What :func:`encode_clients` wrote; nothing for None."""
    clients: list[int] = []
    value = shift = 0
    for byte in data or b"":
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            clients.append(value)
            value = shift = 0
    return tuple(clients)


class Dictionary:
    """One dictionary table, read: id -> row. Rows never change, so what was read once is kept and shared by threads."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._rows: dict[int, Row] = {}

    def __call__(self, connection: sqlite3.Connection, key: int) -> Row:
        row = self._rows.get(key)
        if row is None:
            row = connection.execute(self._sql, (key,)).fetchone()
            if row is None:
                raise StoreDamaged(f"an event refers to row {key} of a dictionary, which is not there: {self._sql}")
            if len(self._rows) >= _MAX_REMEMBERED:
                self._rows.clear()
            self._rows[key] = row
        return row


class Decoder:
    """Turns rows of :data:`COLUMNS` into events."""

    def __init__(self) -> None:
        self.documents = Dictionary("SELECT name FROM documents WHERE id = ?")
        self.words = Dictionary("SELECT word FROM words WHERE id = ?")
        self.types = Dictionary("SELECT type, content_type FROM types WHERE id = ?")
        self.actors = Dictionary("SELECT actor, kind FROM actors WHERE id = ?")
        self.sessions = Dictionary("SELECT session FROM sessions WHERE id = ?")
        self.messages = Dictionary("SELECT digest FROM messages WHERE id = ?")

    def events(self, connection: sqlite3.Connection, rows: list[Row]) -> list[Event]:
        """One event a row."""
        return [self.event(connection, row) for row in rows]

    def line(self, connection: sqlite3.Connection, row: Row) -> EventLine:
        """One row of ``sqlite_read.LINES``. Raises StoreDamaged as :meth:`event` does."""
        revision, type_, actor, session, recorded_at, authored_before, correlation_id, context = row
        actor_name, actor_kind = self.actors(connection, actor)
        return EventLine(
            revision,
            self.types(connection, type_)[0],
            actor_name,
            cast(ActorKind, actor_kind),
            None if session is None else self.sessions(connection, session)[0],
            recorded_at,
            recorded_at - authored_before,
            correlation_id,
            None if context is None else context_from_bytes(context),
        )

    def edits(self, connection: sqlite3.Connection, rows: list[Row]) -> list[EditRow]:
        """One edit a row of revision, fold, payload, actor, session, context and its source. Raises StoreDamaged."""
        actors, sessions, words = self.actors, self.sessions, self.words
        return [
            EditRow(
                revision,
                DISPOSITIONS[fold],
                payload,
                actors(connection, actor)[0],
                None if session is None else sessions(connection, session)[0],
                None if context is None else context_from_bytes(context),
                words(connection, source)[0],
            )
            for revision, fold, payload, actor, session, context, source in rows
        ]

    def event(self, connection: sqlite3.Connection, row: Row) -> Event:
        """One event. Raises StoreDamaged if a dictionary lacks what the row refers to."""
        (
            position,
            document,
            revision,
            event_id,
            type_,
            actor,
            session,
            session_seq,
            part,
            relayed_by,
            clients,
            context,
            context_source,
            time_quality,
            disposition,
            message,
            recorded_at,
            authored_before,
            away_from,
            payload_digest,
            payload_len,
            document_hash,
            correlation_id,
            causation_id,
            _,
            payload,
        ) = row
        type_name, content_type = self.types(connection, type_)
        actor_name, actor_kind = self.actors(connection, actor)
        return Event(
            position=position,
            document=self.documents(connection, document)[0],
            revision=revision,
            id=event_id,
            type=type_name,
            content_type=content_type,
            actor=actor_name,
            actor_kind=cast(ActorKind, actor_kind),
            session=None if session is None else self.sessions(connection, session)[0],
            session_seq=session_seq,
            part=part,
            clients=decode_clients(clients),
            relayed_by=None if relayed_by is None else self.sessions(connection, relayed_by)[0],
            context=None if context is None else context_from_bytes(context),
            context_source=self.words(connection, context_source)[0],
            message_digest=None if message is None else self.messages(connection, message)[0],
            recorded_at=recorded_at,
            authored_at=recorded_at - authored_before,
            time_quality=self.words(connection, time_quality)[0],
            correlation_id=correlation_id,
            causation_id=causation_id,
            away_from=away_from,
            payload=payload,
            payload_digest=payload_digest,
            payload_len=payload_len,
            disposition=self.words(connection, disposition)[0],
            document_hash=document_hash,
        )
