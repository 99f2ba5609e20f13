"""Read the SQLite file of a pycrdt-store (``SQLiteYStore``; before it pycrdt-websocket and ypy-websocket).

One table ``yupdates (path, yupdate, metadata, timestamp)``; since version 2 of the schema also ``ycheckpoints (path,
checkpoint, timestamp)``. Files of before version 1 lack the times. Times are seconds since 1970; what a squash has put
together lies behind younger updates, so the order is that of the times. Source: pycrdt-store 0.1.5, ``sqlite.py``.
"""

from __future__ import annotations

import math
import os
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keepboth.errors import InvalidRequest, MalformedUpdate, NotFound
from keepboth.events import Micros
from keepboth.yjs.update import decode_update

MAGIC: Final = b"SQLite format 3\0"
"""What a SQLite file starts with."""


class YStoreFile:
    """The file at *path*, opened for reading only. Raises NotFound, or InvalidRequest if it is something else."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        if not self.path.exists():
            raise NotFound(f"there is no file {self.path}", path=str(self.path))
        self._connection = sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            self._columns = self._columns_of("yupdates")
            self._checkpoints = {"path", "checkpoint"} <= self._columns_of("ycheckpoints")
        except sqlite3.Error as error:
            self.close()
            raise InvalidRequest(f"{self.path} cannot be read: {error}", path=str(self.path)) from error
        if not {"path", "yupdate"} <= self._columns:
            self.close()
            raise InvalidRequest(f"{self.path} has no Yjs updates: it is not of a pycrdt-store", path=str(self.path))

    def _columns_of(self, table: str) -> set[str]:
        return {row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")}

    def documents(self) -> list[tuple[str, int]]:
        """The path of every document and how many updates it has."""
        rows = self._connection.execute("SELECT path, count(*) FROM yupdates GROUP BY path ORDER BY path")
        return [(str(path), int(count)) for path, count in rows]

    def updates(self, path: str) -> Iterator[tuple[bytes, Micros | None]]:
        """The document's updates by time, each with its own."""
        timed = "timestamp" in self._columns
        rows = self._connection.execute(
            f"SELECT yupdate, {'timestamp' if timed else 'NULL'} FROM yupdates "
            f"WHERE path = ? ORDER BY {'timestamp, ' if timed else ''}rowid",
            (path,),
        )
        for update, at in rows:
            yield _plain(update), _micros(at)

    def checkpoint(self, path: str) -> bytes | None:
        """The newest copy of the whole document that was kept beside its updates, if there is one."""
        if not self._checkpoints:
            return None
        row = self._connection.execute("SELECT checkpoint FROM ycheckpoints WHERE path = ?", (path,)).fetchone()
        return None if row is None else _plain(row[0])

    def close(self) -> None:
        """Release the file."""
        self._connection.close()


def _plain(data: object) -> bytes:
    """An update as it was before a store compressed it with zlib; whatever else it may be, as it is."""
    raw = bytes(data) if isinstance(data, bytes) else b""
    try:
        decode_update(raw)
    except MalformedUpdate:
        try:
            unpacked = zlib.decompress(raw)
            decode_update(unpacked)
        except (zlib.error, MalformedUpdate):
            return raw
        return unpacked
    return raw


def _micros(at: object) -> Micros | None:
    """Microseconds, None for what is no time after 1970."""
    if not isinstance(at, int | float) or not math.isfinite(at) or not 0 < at < 1 << 40:
        return None
    return round(at * 1_000_000)
