"""A SQLite file that may be deleted at any time, because all in it can be made again from the log.

The file says which version of its maker wrote it; another version, or bytes that SQLite cannot read, and it is begun
anew. Durability is not asked of it (``synchronous=OFF``): a crash may cost rows or even the file.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from keepboth.errors import NotDurableNow, NotFound, ShuttingDown
from keepboth.store.schema import set_pragmas, statements

_PRAGMAS: Final[dict[str, str | int]] = {
    "journal_mode": "wal",
    "synchronous": 0,
    "foreign_keys": 1,
    "recursive_triggers": 1,
}


_DAMAGED: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class DisposableFile:
    """One connection behind a lock: its transactions take microseconds.

    *tables* is the script that makes an empty file's tables, *version* any text: a file of another is deleted. With
    ``read_only`` it is left alone, and NotFound raised instead.
    """

    def __init__(self, path: Path, tables: str, version: str, *, read_only: bool = False) -> None:
        self.path = path
        self._tables = tables
        self._version = version
        self._read_only = read_only
        self._lock = threading.RLock()
        self._closed = False
        if read_only:
            connection = self._open() if path.exists() else None
            if connection is None:
                raise NotFound(f"there is no file of this version at {path}", path=str(path))
            self._connection = connection
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = self._open() or self._begin_anew()

    def _open(self) -> sqlite3.Connection | None:
        mode = "?mode=ro" if self._read_only else ""
        connection = sqlite3.connect(
            self.path.absolute().as_uri() + mode, uri=True, isolation_level=None, check_same_thread=False
        )
        try:
            if not self._read_only:
                set_pragmas(connection, _PRAGMAS)
            empty = connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None
            if empty and not self._read_only:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("CREATE TABLE version (version TEXT NOT NULL) STRICT")
                connection.execute("INSERT INTO version VALUES (?)", (self._version,))
                for statement in statements(self._tables):
                    connection.execute(statement)
                connection.execute("COMMIT")
            if connection.execute("SELECT version FROM version").fetchall() == [(self._version,)]:
                return connection
        except sqlite3.DatabaseError:
            pass
        connection.close()
        return None

    def _begin_anew(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        connection = self._open()
        if connection is None:
            raise NotDurableNow(f"the file {self.path} cannot be made", path=str(self.path))
        return connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for reading. Raises ShuttingDown; NotDurableNow if SQLite fails. What turns out to be
        damaged is begun anew for the next."""
        with self._lock:
            if self._closed:
                raise ShuttingDown(f"{self.path.name} is closed")
            try:
                yield self._connection
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED and not self._read_only:
                    self._connection.close()
                    self._connection = self._begin_anew()
                raise NotDurableNow(f"{self.path.name} could not be read or written: {error}") from error

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction. Raises ShuttingDown; NotDurableNow if SQLite fails."""
        with self.reading() as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()
