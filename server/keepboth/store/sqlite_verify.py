"""``verify`` for the SQLite store: read everything again, past every cache, and prove it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Final

from keepboth.errors import StoreDamaged
from keepboth.events import EDIT_RECORDED
from keepboth.store import sqlite_read
from keepboth.store.audit import Audit, Stream
from keepboth.store.base import CommitRow, Head, Problem
from keepboth.store.connections import Readers
from keepboth.store.hashing import constant_part, document_hash
from keepboth.store.sqlite_rows import FOLDS, Decoder, Row, decode_clients

_PAGE: Final = 2000


def verify(readers: Readers, head: Head, progress: Callable[[int, int], None] | None) -> Iterator[Problem]:
    """Every problem of the log up to *head*. Reads in pages, so that appends and checkpoints go on meanwhile."""
    with readers() as connection:
        commits = connection.execute(
            "SELECT first, last, commit_hash FROM commits WHERE last <= ? ORDER BY last", (head.position,)
        ).fetchall()
    audit = Audit([CommitRow(*row) for row in commits])
    rehash = _Rehash()
    first_clients: dict[tuple[int, int], int] = {}
    position = 0
    while position < head.position:
        with readers() as connection:
            rows = connection.execute(sqlite_read.AUDIT, (position, _PAGE)).fetchall()
            found: list[Problem] = []
            for row in rows:
                if row[0] > head.position:
                    break
                found += _check(connection, rehash, audit, first_clients, row)
        yield from found
        if not rows:
            break
        position = rows[-1][0]
        if progress is not None:
            progress(min(position, head.position), head.position)
    yield from audit.finish(head.position)
    with readers() as connection:
        rest = list(_check_derived(connection, head, audit.streams, first_clients))
    yield from rest


class _Rehash:
    """A row's document hash, from what the row and its dictionaries say now."""

    def __init__(self) -> None:
        self.decoder = Decoder()
        self._constants: dict[Row, tuple[bytes, str]] = {}

    def constant(self, connection: sqlite3.Connection, row: Row) -> tuple[bytes, str]:
        """The constant part, and the type's name."""
        key = (row[1], row[4], row[5], row[6], row[9], row[10], row[12], row[14])
        found = self._constants.get(key)
        if found is None:
            decoder = self.decoder
            type_, content_type = decoder.types(connection, row[4])
            actor, kind = decoder.actors(connection, row[5])
            found = (
                constant_part(
                    decoder.documents(connection, row[1])[0],
                    type_,
                    content_type,
                    actor,
                    kind,
                    None if row[6] is None else decoder.sessions(connection, row[6])[0],
                    None if row[9] is None else decoder.sessions(connection, row[9])[0],
                    decoder.words(connection, row[12])[0],
                    decoder.words(connection, row[14])[0],
                    decode_clients(row[10]),
                ),
                type_,
            )
            if len(self._constants) > 50_000:
                self._constants.clear()
            self._constants[key] = found
        return found


def _check(
    connection: sqlite3.Connection,
    rehash: _Rehash,
    audit: Audit,
    first_clients: dict[tuple[int, int], int],
    row: Row,
) -> list[Problem]:
    position, number, revision, recorded_at = row[0], row[1], row[2], row[16]
    try:
        document = rehash.decoder.documents(connection, number)[0]
        constant, type_ = rehash.constant(connection, row)
        message = None if row[15] is None else rehash.decoder.messages(connection, row[15])[0]
        computed = document_hash(
            audit.previous(document),
            constant,
            revision,
            row[3],
            -1 if row[7] is None else row[7],
            row[8],
            recorded_at,
            recorded_at - row[17],
            -1 if row[18] is None else row[18],
            row[20],
            row[19],
            rehash.decoder.words(connection, row[13])[0],
            row[11],
            message,
            row[22],
            row[23],
        )
    except (StoreDamaged, LookupError, ValueError, TypeError) as error:
        return list(audit.unreadable(position, revision, row[21], str(error)))
    edit = type_ == EDIT_RECORDED
    found = list(
        audit.event(
            position, document, revision, recorded_at, edit, row[24], row[25], row[19], row[20], row[21], computed
        )
    )
    if row[26] != position:
        found.append(Problem(position, document, revision, "its payload's row is missing or belongs to another event"))
    elif row[27] != (FOLDS[rehash.decoder.words(connection, row[14])[0]] if edit else 0):
        found.append(Problem(position, document, revision, "its payload's row says otherwise what a fold must read"))
    for client in decode_clients(row[10]):
        first_clients.setdefault((number, client), position)
    return found


def _check_derived(
    connection: sqlite3.Connection, head: Head, streams: dict[str, Stream], first_clients: dict[tuple[int, int], int]
) -> Iterator[Problem]:
    """What is stored beside the events: heads of streams, payloads, messages, client ids."""
    one = connection.execute("SELECT last, commit_hash FROM commits ORDER BY last DESC LIMIT 1").fetchone()
    if head.position and (one is None or one[0] < head.position):
        yield Problem(head.position, "", 0, "the last commit is missing")
    moved = one is not None and one[0] > head.position
    for name, revision, last_hash, created_at, updated_at, edits in connection.execute(sqlite_read.DOCUMENT):
        stream = streams.pop(name, None)
        if moved and (stream is None or stream.revision < revision):
            continue  # appended to while we were reading
        if stream is None:
            yield Problem(0, name, revision, "the document has no events")
        elif (revision, last_hash, created_at, updated_at, edits) != (
            stream.revision,
            stream.document_hash,
            stream.created_at,
            stream.recorded_at,
            stream.edits,
        ):
            yield Problem(0, name, revision, "the document's head does not agree with its events")
    for name, stream in streams.items():
        yield Problem(0, name, stream.revision, "the document is missing")
    orphans = connection.execute(
        "SELECT document, revision, position FROM payloads p WHERE NOT EXISTS "
        "(SELECT 1 FROM events e WHERE e.position = p.position AND e.document = p.document AND e.revision = p.revision)"
    )
    for _, revision, position in orphans:
        yield Problem(position, "", revision, "a payload has no event")
    for number, digest, raw in connection.execute("SELECT id, digest, raw FROM messages"):
        if raw is not None and sha256(raw).digest() != digest:
            yield Problem(0, "", 0, f"message {number} does not match its digest")
    for document, client, position in connection.execute("SELECT document, client, position FROM document_clients"):
        if position <= head.position and first_clients.pop((document, client), None) != position:
            yield Problem(position, "", 0, f"client id {client} is said to have come with another event")
    for (_, client), position in first_clients.items():
        yield Problem(position, "", 0, f"client id {client} is not listed")
