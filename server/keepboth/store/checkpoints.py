"""Where conflict engines that nobody needs at the moment are kept: bytes, in a file of their own.

A row says which revision and which hash of its document it belongs to. Whoever reads it must compare; any of them may
be missing at any time, and is then built from the log.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from typing import Final, NamedTuple

from keepboth.errors import NotDurableNow, ShuttingDown

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS engines (
    document TEXT PRIMARY KEY, revision INTEGER NOT NULL, document_hash BLOB NOT NULL, body BLOB NOT NULL
) STRICT
"""


class Checkpoint(NamedTuple):
    """An engine as ``body``, after the document's ``revision``, where its chain's hash was ``document_hash``."""

    revision: int
    document_hash: bytes
    body: bytes


class Checkpoints:
    """The checkpoints in the file at *path*, one a document.

    A connection of its own behind a lock, for any thread. What SQLite refuses is raised as NotDurableNow.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._lock = threading.Lock()
        self._closed = False
        self._connection = sqlite3.connect(Path(path), isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA synchronous = 0")
        self._connection.execute(_TABLE)

    def get(self, document: str) -> Checkpoint | None:
        """The checkpoint of *document*, None if there is none."""
        rows = self._do("SELECT revision, document_hash, body FROM engines WHERE document = ?", (document,))
        return Checkpoint(*rows[0]) if rows else None

    def put(self, document: str, checkpoint: Checkpoint) -> None:
        """Keep *checkpoint* in place of the one before."""
        self._do("INSERT OR REPLACE INTO engines VALUES (?, ?, ?, ?)", (document, *checkpoint))

    def drop(self, document: str) -> None:
        """Forget the checkpoint of *document*."""
        self._do("DELETE FROM engines WHERE document = ?", (document,))

    def _do(self, sql: str, values: tuple[object, ...]) -> list[tuple[int, bytes, bytes]]:
        with self._lock:
            if self._closed:
                raise ShuttingDown("the conflict log is closed")
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise NotDurableNow(f"the checkpoint of an engine could not be stored or read: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._connection.close()
