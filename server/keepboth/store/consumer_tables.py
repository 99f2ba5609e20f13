"""The tables of consumers, and their rows as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlite_utils import Database, Migrations

from keepboth.events import Micros
from keepboth.store.choice import Choice
from keepboth.store.schema import statements

MIGRATIONS: Final = Migrations("keepboth.consumers")
PRAGMAS: Final[dict[str, str | int]] = {
    "journal_mode": "wal",
    "synchronous": 2,
    "foreign_keys": 1,
    "secure_delete": 1,
}


@MIGRATIONS()
def tables(database: Database) -> None:
    """Consumers, what they parked, and the webhooks that some of them are."""
    for statement in statements(
        """
        CREATE TABLE consumers (
            id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,
            document TEXT, types TEXT NOT NULL, actors TEXT NOT NULL,
            cursor INTEGER NOT NULL, hash BLOB NOT NULL,
            lease TEXT, lease_until INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL, acked_at INTEGER
        ) STRICT;
        CREATE TABLE parked (
            consumer INTEGER NOT NULL REFERENCES consumers ON DELETE CASCADE, position INTEGER NOT NULL,
            event TEXT NOT NULL, document TEXT, types TEXT NOT NULL, actors TEXT NOT NULL,
            reason TEXT NOT NULL, attempts INTEGER NOT NULL, parked_at INTEGER NOT NULL, replay INTEGER NOT NULL,
            PRIMARY KEY (consumer, position)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE webhooks (
            consumer INTEGER PRIMARY KEY REFERENCES consumers ON DELETE CASCADE,
            url TEXT NOT NULL, secret TEXT NOT NULL, former_secret TEXT, former_until INTEGER NOT NULL DEFAULT 0,
            attempts INTEGER NOT NULL DEFAULT 0, next_at INTEGER NOT NULL DEFAULT 0,
            last_answer TEXT, last_at INTEGER, ended TEXT
        ) STRICT;
        """
    ):
        database.execute(statement)


@dataclass(frozen=True, slots=True)
class Consumer:
    """``cursor``: everything chosen up to this position is dealt with; ``hash`` the document hash of the event there.

    ``lease`` is whoever reads now, until ``lease_until``; it has been given everything up to ``delivered``.
    """

    name: str
    wanted: Choice
    cursor: int
    hash: bytes
    lease: str | None
    lease_until: Micros
    delivered: int
    created_at: Micros
    acked_at: Micros | None
    parked: int
    replaying: int
    webhook: bool


@dataclass(frozen=True, slots=True)
class Parked:
    """An event that a consumer has put aside. ``replay``: it is to be given to it once more."""

    position: int
    event: str
    wanted: Choice
    reason: str
    attempts: int
    parked_at: Micros
    replay: bool


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a consumer's events are sent, and how that goes. ``ended`` says why it is over, None while it is not."""

    name: str
    url: str
    secret: str
    former_secret: str | None
    former_until: Micros
    attempts: int
    next_at: Micros
    last_answer: str | None
    last_at: Micros | None
    ended: str | None


CONSUMER: Final = (
    "SELECT c.name, c.document, c.types, c.actors, c.cursor, c.hash, c.lease, c.lease_until, c.delivered, "
    "c.created_at, c.acked_at, (SELECT count(*) FROM parked p WHERE p.consumer = c.id), "
    "(SELECT count(*) FROM parked p WHERE p.consumer = c.id AND p.replay), "
    "EXISTS (SELECT 1 FROM webhooks w WHERE w.consumer = c.id) FROM consumers c"
)
WEBHOOK: Final = (
    "SELECT c.name, w.url, w.secret, w.former_secret, w.former_until, w.attempts, w.next_at, w.last_answer, w.last_at, "
    "w.ended FROM webhooks w JOIN consumers c ON c.id = w.consumer"
)


def wanted_of(document: str | None, types: str, actors: str) -> Choice:
    """What a consumer wants, from its columns."""
    return Choice(document, tuple(json.loads(types)), tuple(json.loads(actors)))


def columns_of(wanted: Choice) -> tuple[str | None, str, str]:
    """The columns that say what a consumer wants."""
    return wanted.document, json.dumps(wanted.types), json.dumps(wanted.actors)


def consumer_of(row: Sequence[Any]) -> Consumer:
    """A row of `CONSUMER`."""
    fields = [*row[4:-1], bool(row[-1])]
    return Consumer(row[0], wanted_of(*row[1:4]), *fields)
