"""The durable event store: one SQLite file, one writer, readers beside it.

Nothing is answered before it is on the disk (WAL, ``synchronous=FULL``), and nothing is ever half-written: a failure
rolls the whole batch back and raises NotDurableNow. One process owns the file. Reads run on read-only connections of
their own, one a thread, and never wait for the writer.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from keepboth.errors import NotDurableNow, NotFound, ShuttingDown, StoreDamaged
from keepboth.events import Micros
from keepboth.store import sqlite_read
from keepboth.store.base import Append, AppendResult, Head
from keepboth.store.connections import check_version, connect_writer, migrate
from keepboth.store.hashing import SALT_BYTES
from keepboth.store.lock import OwnerLock
from keepboth.store.memory import utc_now
from keepboth.store.schema import WAL_PAGES
from keepboth.store.sqlite_plan import Batch
from keepboth.store.sqlite_reader import LogReader
from keepboth.store.sqlite_state import State

_POLL_S = 0.05

LOOK_EVERY_S = 0.1
"""How often at most the store looks whether somebody else has written to the file. Who has added to it in between is
noticed because positions are taken."""


class SqliteStore(LogReader):
    """:class:`~keepboth.store.base.EventStore` in the file at *path*, made if there is none.

    ``now`` gives UTC microseconds, ``salts(n)`` n random bytes. Raises StoreLocked if another process (or another
    store of this one) has it open, StoreTooNew if a later version wrote it, StoreDamaged if it is no log of ours.

    ``read_only`` opens a log that a server may be writing to: no lock, no changes. NotFound if there is none.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        now: Callable[[], Micros] = utc_now,
        salts: Callable[[int], bytes] = os.urandom,
        read_only: bool = False,
    ) -> None:
        super().__init__(Path(path))
        self._now = now
        self._draw = salts
        self._read_only = read_only
        self._writing = threading.RLock()
        self._moved = threading.Condition()
        self._closed = False
        self._lock: OwnerLock | None = None
        self._connection: sqlite3.Connection | None = None
        self._wal_pages = 0
        self._looked = 0.0
        self._state: State
        try:
            if read_only:
                if not self.path.exists():
                    raise NotFound(f"there is no log at {self.path}", path=str(self.path))
                with self._readers() as connection:
                    self._store_id = check_version(connection, self.path)
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = OwnerLock(self.path)
            self._store_id = migrate(self.path)
            self._connection = connect_writer(self.path)
            self._state = State(self._connection)
            self._head = self._state.head
        except BaseException as error:
            self.close()
            if isinstance(error, sqlite3.Error):
                raise StoreDamaged(f"{self.path} cannot be opened as a log: {error}", path=str(self.path)) from error
            raise

    # -- append ------------------------------------------------------------------------------------------------------

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        with self._writing:
            self._check_open()
            try:
                connection = self._begin()
                now, salts = self._now(), self._salts(items)
                batch = Batch(self._state, now, salts, False)
                results = batch.add_all(items)
                try:
                    batch.write()
                except sqlite3.IntegrityError:
                    # A unique index objects: something that should have been new is not. Look at everything.
                    self._state.discard()
                    connection.execute("ROLLBACK")
                    connection.execute("BEGIN IMMEDIATE")
                    self._look(connection)
                    batch = Batch(self._state, now, salts, True)
                    results = batch.add_all(items)
                    batch.write()
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._not_written(error) from error
            except BaseException:
                self._recover()
                raise
            self._state.absorb(batch)
            if len(batch):
                self._wal_pages += batch.pages
                self._tell(batch.head)
            return results

    def append_commits(self, commits: Sequence[Sequence[Append]]) -> list[list[AppendResult]]:
        with self._writing:
            now = self._now()
            answers: list[list[AppendResult]] = []
            with self._transaction():
                for items in commits:
                    batch = Batch(self._state, now, self._salts(items), True)
                    answers.append(batch.add_all(items))
                    batch.write()
                    self._state.absorb(batch)  # if the transaction fails, the state is read again
                    self._wal_pages += batch.pages
            self._tell(self._state.head)
        if self.wants_tidying:
            self.tidy()
        return answers

    def _salts(self, items: Sequence[Append]) -> bytes:
        return self._draw(SALT_BYTES * sum([len(item.drafts) + (item.create is not None) for item in items]))

    def _tell(self, head: Head) -> None:
        with self._moved:
            self._head = head
            self._moved.notify_all()

    @property
    def wants_tidying(self) -> bool:
        return self._wal_pages >= WAL_PAGES

    def tidy(self) -> None:
        """Copy the write-ahead log into the file, so that it begins anew: nearly all of it beside whoever appends, the
        rest while nobody can. A reader in the middle of a long read keeps it from being emptied, until the next time.
        """
        self._wal_pages = 0
        if self._closed:
            return
        try:
            connection = connect_writer(self.path)
            try:
                _, pages, copied = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if copied == pages:
                    with self._writing:
                        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise NotDurableNow(f"the write-ahead log could not be emptied: {error}", cause=str(error)) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE to COMMIT; whatever goes wrong rolls back, and SQLite's errors become NotDurableNow."""
        self._check_open()
        try:
            connection = self._begin()
            yield connection
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._not_written(error) from error
        except BaseException:
            self._recover()
            raise

    def _check_open(self) -> None:
        if self._closed:
            raise ShuttingDown("the store is closed")
        if self._read_only:
            raise NotDurableNow("the log was opened for reading only")

    def _not_written(self, error: sqlite3.Error) -> NotDurableNow:
        """Roll back what met *error*; return what to raise for it."""
        self._recover()
        return NotDurableNow(f"the log could not be written: {error}", cause=str(error))

    def _begin(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect_writer(self.path)
            self._state = State(self._connection)
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        now = time.monotonic()
        if now - self._looked > LOOK_EVERY_S:
            self._looked = now
            self._look(connection)
        return connection

    def _look(self, connection: sqlite3.Connection) -> None:
        """Where somebody wrote past the lock, with a tool, believe the file."""
        if connection.execute("PRAGMA data_version").fetchone()[0] != self._state.data_version:
            self._state.reload()

    def _recover(self) -> None:
        """Back to what is committed. The caches are read again, or, if not even that works, with the next append."""
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if self._connection is not None:
                self._state.reload()
        except sqlite3.Error:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def blank(self, document: str, revisions: Sequence[int]) -> int:
        with self._writing:
            blanked = 0
            with self._transaction() as connection:
                number = sqlite_read.document_id(connection, document)
                for revision in set(revisions):
                    blanked += connection.execute(
                        "UPDATE payloads SET salt = NULL, payload = NULL "
                        "WHERE document = ? AND revision = ? AND payload IS NOT NULL",
                        (number, revision),
                    ).rowcount
                    connection.execute(
                        "UPDATE messages SET raw = NULL WHERE raw IS NOT NULL AND id = (SELECT e.message "
                        "FROM payloads p CROSS JOIN events e ON e.position = p.position "
                        "WHERE p.document = ? AND p.revision = ?)",
                        (number, revision),
                    )
            # The bytes were overwritten (secure_delete); the log of the transaction still holds them until it is reset.
            if self._connection is not None:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return blanked

    # -- the head ----------------------------------------------------------------------------------------------------

    def head(self) -> Head:
        return super().head() if self._read_only else self._head

    def wait(self, after: int, timeout_s: float) -> int:
        if self._read_only:
            until = time.monotonic() + timeout_s
            while (position := self.head().position) <= after and time.monotonic() < until:
                time.sleep(_POLL_S)
            return position
        with self._moved:
            self._moved.wait_for(lambda: self._head.position > after or self._closed, timeout_s)
            return self._head.position

    def close(self) -> None:
        with self._writing:
            if self._closed:
                return
            self._closed = True
            with self._moved:
                self._moved.notify_all()
            self._readers.close()
            if self._connection is not None:
                self._connection.close()
            if self._lock is not None:
                self._lock.release()
