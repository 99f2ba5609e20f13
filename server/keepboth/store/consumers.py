"""Named readers of the log: how far each has come, who reads for it now, what it has put aside.

A file of its own beside the log, as durable as the log (WAL, ``synchronous=FULL``): a cursor is not in the log, so it
cannot be made again. See decision 15.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from sqlite_utils import Database

from keepboth.errors import InvalidRequest, LeaseTaken, NotDurableNow, NotFound, ShuttingDown, StoreTooNew
from keepboth.events import Micros
from keepboth.store.choice import Choice
from keepboth.store.consumer_tables import (
    CONSUMER,
    MIGRATIONS,
    PRAGMAS,
    WEBHOOK,
    Consumer,
    Parked,
    Webhook,
    columns_of,
    consumer_of,
    wanted_of,
)
from keepboth.store.schema import set_pragmas

MAX_CONSUMERS: Final = 10_000
_MINE: Final = "consumer = (SELECT id FROM consumers WHERE name = ?)"


class SqliteConsumers:
    """The consumers in the file at *path*, made if there is none. All calls block; safe for threads.

    Every change is on the disk when the call returns. Raises NotDurableNow, ShuttingDown, StoreTooNew.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.RLock()
        self._closed = False
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # it holds the secrets of webhooks
        self._connection = sqlite3.connect(path, check_same_thread=False)
        database = Database(self._connection)
        known = {step.name for step in MIGRATIONS.pending(Database(memory=True))}
        unknown = [step.name for step in MIGRATIONS.applied(database) if step.name not in known]
        if unknown:
            self._connection.close()
            raise StoreTooNew(f"{path} was written by a newer version ({', '.join(unknown)})", path=str(path))
        set_pragmas(self._connection, PRAGMAS)
        MIGRATIONS.apply(database)
        self._connection.isolation_level = None

    # -- consumers -----------------------------------------------------------------------------------------------------

    def put(self, name: str, wanted: Choice, cursor: tuple[int, bytes] | None, now: Micros) -> tuple[Consumer, bool]:
        """Make the consumer, or change what it chooses, and where it is if *cursor* says so. True if it is new."""
        with self._writing() as connection:
            known = self._find(connection, name)
            if known is None:
                if connection.execute("SELECT count(*) FROM consumers").fetchone()[0] >= MAX_CONSUMERS:
                    raise InvalidRequest(f"there are {MAX_CONSUMERS} consumers already")
                position, digest = cursor or (0, b"")
                connection.execute(
                    "INSERT INTO consumers (name, document, types, actors, cursor, hash, delivered, created_at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (name, *columns_of(wanted), position, digest, position, now),
                )
            else:
                connection.execute(
                    "UPDATE consumers SET document = ?, types = ?, actors = ? WHERE name = ?",
                    (*columns_of(wanted), name),
                )
                if cursor is not None:
                    connection.execute(
                        "UPDATE consumers SET cursor = ?, hash = ?, delivered = ?, lease = NULL WHERE name = ?",
                        (*cursor, cursor[0], name),
                    )
            return self._get(connection, name), known is None

    def get(self, name: str) -> Consumer:
        """Raises NotFound."""
        with self._reading() as connection:
            return self._get(connection, name)

    def all(self) -> list[Consumer]:
        """All of them, by name."""
        with self._reading() as connection:
            return [consumer_of(row) for row in connection.execute(f"{CONSUMER} ORDER BY c.name")]

    def delete(self, name: str) -> None:
        """Forget the consumer and all it has parked. Raises NotFound."""
        with self._writing() as connection:
            if not connection.execute("DELETE FROM consumers WHERE name = ?", (name,)).rowcount:
                raise NotFound("there is no such consumer", consumer=name)

    # -- reading -------------------------------------------------------------------------------------------------------

    def hold(
        self,
        name: str,
        lease: str,
        until: Micros,
        now: Micros,
        *,
        cursor: int | None,
        delivered: int = 0,
        advance: bytes | None = None,
    ) -> bool:
        """Give *lease* to a reader, or prolong it, and note that it is being given everything up to *delivered*.

        *cursor* is where the consumer was when that was read: False, and nothing is noted, if it is elsewhere by now.
        None: the lease must be held already. ``advance``: the hash at *delivered*, if nothing wanted lies before it, so
        that the cursor moves there. Raises LeaseTaken if another lease has not run out.
        """
        with self._writing() as connection:
            consumer = self._get(connection, name) if cursor is not None else self._held(connection, name, lease)
            if consumer.lease not in (None, lease) and consumer.lease_until > now:
                raise LeaseTaken(
                    "somebody else reads for this consumer",
                    consumer=name,
                    free_in_s=(consumer.lease_until - now) / 1e6,
                )
            if cursor not in (None, consumer.cursor):
                return False
            before = consumer.delivered if consumer.lease == lease else consumer.cursor
            connection.execute(
                "UPDATE consumers SET lease = ?, lease_until = ?, delivered = ? WHERE name = ?",
                (lease, until, max(before, delivered), name),
            )
            if advance is not None:
                connection.execute(
                    "UPDATE consumers SET cursor = ?, hash = ? WHERE name = ?", (delivered, advance, name)
                )
            return True

    def release(self, name: str, lease: str) -> None:
        """Let the next reader in at once."""
        with self._writing() as connection:
            connection.execute("UPDATE consumers SET lease = NULL WHERE name = ? AND lease = ?", (name, lease))

    def ack(self, name: str, lease: str, position: int, digest: bytes, now: Micros) -> Consumer:
        """Everything up to *position* is dealt with. A position before the cursor changes nothing.

        Raises LeaseTaken if *lease* no longer reads, InvalidRequest for a position that it has not been given.
        """
        with self._writing() as connection:
            consumer = self._held(connection, name, lease)
            if position > consumer.delivered:
                raise InvalidRequest(
                    f"position {position} has not been delivered: {consumer.delivered} is the last that was",
                    field="position",
                )
            if position > consumer.cursor:
                connection.execute(
                    "UPDATE consumers SET cursor = ?, hash = ?, acked_at = ? WHERE name = ?",
                    (position, digest, now, name),
                )
                consumer = replace(consumer, cursor=position, hash=digest, acked_at=now)
            return consumer

    # -- parked events -------------------------------------------------------------------------------------------------

    def park(self, name: str, lease: str, position: int, digest: bytes, event: str, reason: str, now: Micros) -> None:
        """Put the event at *position* aside and move the cursor behind it. Raises LeaseTaken."""
        with self._writing() as connection:
            consumer = self._held(connection, name, lease)
            connection.execute(
                "INSERT INTO parked SELECT id, ?, ?, document, types, actors, ?, 1, ?, 0 FROM consumers WHERE name = ? "
                "ON CONFLICT DO UPDATE SET reason = excluded.reason, attempts = attempts + 1, "
                "parked_at = excluded.parked_at, replay = 0",
                (position, event, reason, now, name),
            )
            if position > consumer.cursor:
                connection.execute(
                    "UPDATE consumers SET cursor = ?, hash = ?, acked_at = ?, delivered = max(delivered, ?) "
                    "WHERE name = ?",
                    (position, digest, now, position, name),
                )

    def parked(self, name: str, *, after: int = 0, limit: int = 100, replaying: bool = False) -> list[Parked]:
        """What the consumer has parked behind position *after*; with *replaying* what it is to be given again."""
        with self._reading() as connection:
            self._get(connection, name)
            rows = connection.execute(
                "SELECT position, event, p.document, p.types, p.actors, reason, attempts, parked_at, replay "
                "FROM parked p JOIN consumers c ON c.id = p.consumer "
                "WHERE c.name = ? AND position > ? AND replay >= ? ORDER BY position LIMIT ?",
                (name, after, int(replaying), limit),
            )
            return [
                Parked(position, event, wanted_of(*columns), reason, attempts, parked_at, bool(again))
                for position, event, *columns, reason, attempts, parked_at, again in rows
            ]

    def replay(self, name: str, positions: Sequence[int] | None) -> int:
        """Have these parked events (None: all) given once more; return how many."""
        with self._writing() as connection:
            self._get(connection, name)
            if positions is None:
                return connection.execute(f"UPDATE parked SET replay = 1 WHERE {_MINE}", (name,)).rowcount
            sql = f"UPDATE parked SET replay = 1 WHERE {_MINE} AND position = ?"
            return sum(connection.execute(sql, (name, position)).rowcount for position in set(positions))

    def replayed(self, name: str, lease: str, position: int) -> int:
        """The event at *position*, given once more, is dealt with; return how many that were. Raises LeaseTaken."""
        with self._writing() as connection:
            self._held(connection, name, lease)
            return connection.execute(
                f"DELETE FROM parked WHERE {_MINE} AND position = ? AND replay", (name, position)
            ).rowcount

    # -- webhooks ------------------------------------------------------------------------------------------------------

    def put_webhook(self, name: str, url: str, secret: str | None, keep_until: Micros) -> Webhook:
        """Send the consumer's events to *url*; a running or ended one begins afresh. A new *secret* (None: it stays)
        lets the former one sign as well until *keep_until*."""
        with self._writing() as connection:
            self._get(connection, name)
            connection.execute(
                "INSERT INTO webhooks (consumer, url, secret) SELECT id, ?, ? FROM consumers WHERE name = ? "
                "ON CONFLICT DO UPDATE SET url = excluded.url, attempts = 0, next_at = 0, ended = NULL",
                (url, secret or "", name),
            )
            if secret is not None:
                connection.execute(
                    "UPDATE webhooks SET former_secret = secret, former_until = ?, secret = ? "
                    f"WHERE secret <> ? AND {_MINE}",
                    (keep_until, secret, secret, name),
                )
            return self._webhook(connection, name)

    def webhook(self, name: str) -> Webhook:
        """Raises NotFound."""
        with self._reading() as connection:
            return self._webhook(connection, name)

    def webhooks(self) -> list[Webhook]:
        """All of them, by name."""
        with self._reading() as connection:
            return [Webhook(*row) for row in connection.execute(f"{WEBHOOK} ORDER BY c.name")]

    def answered(
        self, name: str, answer: str, now: Micros, *, attempts: int = 0, next_at: Micros = 0, ended: str | None = None
    ) -> None:
        """Keep what the other side said, and when to try again after how many attempts."""
        with self._writing() as connection:
            connection.execute(
                f"UPDATE webhooks SET last_answer = ?, last_at = ?, attempts = ?, next_at = ?, ended = ? WHERE {_MINE}",
                (answer, now, attempts, next_at, ended, name),
            )

    # -- the file ------------------------------------------------------------------------------------------------------

    def _find(self, connection: sqlite3.Connection, name: str) -> Consumer | None:
        row = connection.execute(f"{CONSUMER} WHERE c.name = ?", (name,)).fetchone()
        return None if row is None else consumer_of(row)

    def _get(self, connection: sqlite3.Connection, name: str) -> Consumer:
        found = self._find(connection, name)
        if found is None:
            raise NotFound("there is no such consumer", consumer=name)
        return found

    def _held(self, connection: sqlite3.Connection, name: str, lease: str) -> Consumer:
        consumer = self._get(connection, name)
        if consumer.lease != lease:
            raise LeaseTaken("this lease no longer reads for the consumer: ask for events to get one", consumer=name)
        return consumer

    def _webhook(self, connection: sqlite3.Connection, name: str) -> Webhook:
        row = connection.execute(f"{WEBHOOK} WHERE c.name = ?", (name,)).fetchone()
        if row is None:
            raise NotFound("there is no such webhook", webhook=name)
        return Webhook(*row)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._closed:
                raise ShuttingDown(f"{self.path.name} is closed")
            yield self._connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._reading() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise NotDurableNow(f"{self.path.name} could not be written: {error}") from error
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()
