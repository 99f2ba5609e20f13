"""What the writer of the SQLite store remembers of the committed log: heads of documents, ids of dictionaries.

Caches over one connection, all bounded, all of them only ever what is committed: a transaction under way keeps its news
to itself (``Batch``, or ``Interned``'s fresh ids) until it is durable.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final, Protocol

from keepboth.events import EDIT_RECORDED, Draft, Micros
from keepboth.store import rules, sqlite_read
from keepboth.store.base import Head
from keepboth.store.sqlite_rows import FOLDS, Decoder, encode_clients

_MAX_CACHED: Final = 50_000


class DocumentHead:
    """Where one stream ends."""

    __slots__ = ("created_at", "document_hash", "edits", "id", "new", "recorded_at", "revision")

    def __init__(
        self, id: int, revision: int, document_hash: bytes, created_at: Micros, recorded_at: Micros, edits: int
    ) -> None:
        self.id = id
        self.revision = revision
        self.document_hash = document_hash
        self.created_at = created_at
        self.recorded_at = recorded_at
        self.edits = edits
        self.new = False

    def copy(self) -> DocumentHead:
        """A head that a batch may move."""
        return DocumentHead(
            self.id, self.revision, self.document_hash, self.created_at, self.recorded_at, self.edits
        )  # fmt: skip


class Interned:
    """A dictionary table, written: key -> id. Ids minted by a batch count only once it is committed."""

    def __init__(self, connection: sqlite3.Connection, table: str, columns: Sequence[str]) -> None:
        self._connection = connection
        self._select = f"SELECT id FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in columns)}"
        self._insert = f"INSERT INTO {table} ({', '.join(columns)}, id) VALUES ({', '.join('?' * (len(columns) + 1))})"
        self._count = f"SELECT coalesce(max(id), 0) FROM {table}"
        self._known: dict[tuple[Any, ...], int] = {}
        self._fresh: dict[tuple[Any, ...], int] = {}
        self._last = 0
        self.reload()

    def reload(self) -> None:
        """Forget everything and ask the table."""
        self._known.clear()
        self._fresh.clear()
        self._last = self._connection.execute(self._count).fetchone()[0]

    def find(self, key: tuple[Any, ...]) -> int | None:
        """The id of *key*, or None."""
        found = self._known.get(key) or self._fresh.get(key)
        if found is None:
            row = self._connection.execute(self._select, key).fetchone()
            if row is None:
                return None
            found = self._known[key] = int(row[0])
        return found

    def id(self, key: tuple[Any, ...]) -> int:
        """The id of *key*, minted if it has none."""
        found = self.find(key)
        if found is None:
            found = self._fresh[key] = self._last + len(self._fresh) + 1
        return found

    def write(self) -> None:
        """Insert what was minted."""
        if self._fresh:
            self._connection.executemany(self._insert, [(*key, id) for key, id in self._fresh.items()])

    def commit(self) -> None:
        """What was minted is durable."""
        if self._fresh:
            if len(self._known) > _MAX_CACHED:
                self._known.clear()
            self._last += len(self._fresh)
            self._known |= self._fresh
            self._fresh = {}

    def rollback(self) -> None:
        """What was minted never was."""
        self._fresh.clear()


class Origin:
    """What the events of one session have in common: dictionary ids, codes, and the hash's constant part."""

    __slots__ = (
        "actor",
        "clients",
        "constant",
        "context_source",
        "disposition",
        "fold",
        "relayed_by",
        "session",
        "type",
    )

    def __init__(self, constant: bytes, state: State, document: int, draft: Draft) -> None:
        self.constant = constant
        self.type = state.types.id((draft.type, draft.content_type))
        self.actor = state.actors.id((draft.actor, draft.actor_kind))
        self.session = 0 if draft.session is None else state.sessions.id((document, draft.session))
        self.relayed_by = 0 if draft.relayed_by is None else state.sessions.id((document, draft.relayed_by))
        self.clients = bytearray(encode_clients(draft.clients))
        self.context_source = state.words.id((draft.context_source,))
        self.disposition = state.words.id((draft.disposition,))
        self.fold = FOLDS[draft.disposition] if draft.type == EDIT_RECORDED else 0


class State:
    """The committed log as the writer knows it; bounded caches over the writer's connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.words = Interned(connection, "words", ("word",))
        self.types = Interned(connection, "types", ("type", "content_type"))
        self.actors = Interned(connection, "actors", ("actor", "kind"))
        self.sessions = Interned(connection, "sessions", ("document", "session"))
        self.documents: dict[str, DocumentHead] = {}
        self.origins: dict[rules.OriginKey, Origin] = {}
        self.clients: set[tuple[int, int]] = set()
        self.decoder = Decoder()
        self.reload()

    def reload(self) -> None:
        """Forget everything and ask the database: after a failure, or after somebody else wrote to the file."""
        for dictionary in (self.words, self.types, self.actors, self.sessions):
            dictionary.reload()
        self.documents.clear()
        self.origins.clear()
        self.clients.clear()
        one = self.connection.execute
        self.head = sqlite_read.head(self.connection)
        self.recorded_at: Micros = one("SELECT coalesce(max(updated_at), 0) FROM documents").fetchone()[0]
        self.last_document: int = one("SELECT coalesce(max(id), 0) FROM documents").fetchone()[0]
        self.last_message: int = one("SELECT coalesce(max(id), 0) FROM messages").fetchone()[0]
        self.data_version: int = one("PRAGMA data_version").fetchone()[0]

    def document(self, name: str) -> DocumentHead | None:
        """The committed head of a document."""
        head = self.documents.get(name)
        if head is None:
            row = self.connection.execute(
                "SELECT id, revision, document_hash, created_at, updated_at, edits FROM documents WHERE name = ?",
                (name,),
            ).fetchone()
            if row is None:
                return None
            head = self.documents[name] = DocumentHead(*row)
        return head

    def absorb(self, batch: Planned) -> None:
        """*batch* is durable."""
        for cache, more in ((self.documents, batch.documents), (self.origins, batch.origins)):
            if len(cache) > _MAX_CACHED:
                cache.clear()
            cache.update(more)  # type: ignore[arg-type]
        if len(self.clients) > _MAX_CACHED:
            self.clients.clear()
        self.clients |= batch.clients
        for dictionary in (self.words, self.types, self.actors, self.sessions):
            dictionary.commit()
        for head in batch.documents.values():
            head.new = False
        self.head = batch.head
        self.recorded_at = batch.recorded_at
        self.last_document = batch.last_document
        self.last_message += len(batch.messages)

    def discard(self) -> None:
        """A batch was thrown away."""
        for dictionary in (self.words, self.types, self.actors, self.sessions):
            dictionary.rollback()


class Planned(Protocol):
    """What a transaction has added, once it is durable."""

    head: Head
    recorded_at: Micros
    last_document: int
    documents: dict[str, DocumentHead]
    origins: dict[rules.OriginKey, Origin]
    clients: set[tuple[int, int]]
    messages: dict[bytes, tuple[int, bytes | None]]
