"""Connections of the SQLite store: the writer's, and a read-only one for every reading thread."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlite_utils import Database

from keepboth.errors import ShuttingDown, StoreDamaged, StoreTooNew
from keepboth.store.schema import MIGRATIONS, READER_PRAGMAS, WRITER_PRAGMAS, set_pragmas, unknown_migrations


def migrate(path: Path) -> str:
    """Bring the file at *path* up to date, or make it; return the store's id."""
    database = Database(sqlite3.connect(path))
    try:
        if set(database.table_names()) - {MIGRATIONS.migrations_table}:
            _check_ours(database, path)
        set_pragmas(database.conn, WRITER_PRAGMAS)
        MIGRATIONS.apply(database)
        return _store_id(database)
    finally:
        database.close()


def check_version(connection: sqlite3.Connection, path: Path) -> str:
    """Return the store's id if the file can be read as it is."""
    database = Database(connection)
    _check_ours(database, path)
    if MIGRATIONS.pending(database):
        raise StoreDamaged(f"{path} was written by an older version: start the server once", path=str(path))
    return _store_id(database)


def _check_ours(database: Database, path: Path) -> None:
    if not MIGRATIONS.applied(database):
        raise StoreDamaged(f"{path} is a database of something else", path=str(path))
    unknown = unknown_migrations(database)
    if unknown:
        raise StoreTooNew(f"{path} was written by a newer version ({', '.join(unknown)})", path=str(path))


def _store_id(database: Database) -> str:
    return str(database.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0])


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; transactions are said aloud (``isolation_level=None``)."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        set_pragmas(connection, WRITER_PRAGMAS)
    except BaseException:
        connection.close()
        raise
    return connection


class Readers:
    """Call it for this thread's read-only connection; connections of threads that have ended are closed on the way.

    The lock of a connection is nobody's but its thread's, until :meth:`close` waits for it.
    """

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"
        self._local = threading.local()
        self._all: list[tuple[threading.Thread, threading.RLock, sqlite3.Connection]] = []
        self._changing = threading.Lock()
        self._closed = False

    @contextmanager
    def __call__(self) -> Iterator[sqlite3.Connection]:
        mine = getattr(self._local, "mine", None)
        if mine is None:
            mine = self._local.mine = self._open()
        lock, connection = mine
        with lock:
            if self._closed:
                raise ShuttingDown("the store is closed")
            yield connection

    def _open(self) -> tuple[threading.RLock, sqlite3.Connection]:
        with self._changing:
            if self._closed:
                raise ShuttingDown("the store is closed")
            connection = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False)
            set_pragmas(connection, READER_PRAGMAS)
            lock = threading.RLock()
            ended = [one for one in self._all if not one[0].is_alive()]
            self._all = [one for one in self._all if one[0].is_alive()]
            self._all.append((threading.current_thread(), lock, connection))
            for _, _, old in ended:
                old.close()
            return lock, connection

    def close(self) -> None:
        """Wait for reads under way, then close every connection."""
        with self._changing:
            self._closed = True
            for _, lock, connection in self._all:
                with lock:
                    connection.close()
            self._all.clear()


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Several reads of one and the same state of the log."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")


def size(path: Path) -> int:
    """Bytes of a file, 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
