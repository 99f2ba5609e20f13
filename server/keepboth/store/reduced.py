"""Results of reducers, kept in a file that may be deleted at any time.

A result belongs to the code that made it: other code makes another beside it. Of each question and code the newest few
are kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, NamedTuple

from keepboth.events import Micros
from keepboth.store.disposable import DisposableFile

KEPT: Final = 20
"""Results of one reducer's code over one scope."""

VERSION: Final = "reduced 1"

_TABLES: Final = """
CREATE TABLE results (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, scope TEXT NOT NULL, cut TEXT NOT NULL,
    until INTEGER NOT NULL, made_at INTEGER NOT NULL, body TEXT NOT NULL, UNIQUE (name, code, scope, cut)
) STRICT;
"""


class Stored(NamedTuple):
    """One result: ``body`` is JSON. ``scope`` names the documents, one a line, "" for the whole log."""

    name: str
    code: str
    scope: str
    cut: str
    until: int
    made_at: Micros
    body: bytes


_Rows = list[Stored]


class ReducedStore:
    """Results in the file at *path*."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._file = DisposableFile(path, _TABLES, VERSION, read_only=read_only)

    def get(self, name: str, code: str, scope: str, cut: str) -> Stored | None:
        """What *code* made of *scope* at *cut*."""
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT name, code, scope, cut, until, made_at, body FROM results "
                "WHERE name = ? AND code = ? AND scope = ? AND cut = ?",
                (name, code, scope, cut),
            ).fetchone()
        return None if row is None else _stored(row)

    def put(self, row: Stored) -> None:
        """Keep *row*; the oldest beyond `KEPT` go. Raises NotDurableNow."""
        with self._file.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO results (name, code, scope, cut, until, made_at, body) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*row[:6], row.body.decode()),
            )
            connection.execute(
                "DELETE FROM results WHERE id IN (SELECT id FROM results WHERE name = ? AND code = ? AND scope = ? "
                "ORDER BY id DESC LIMIT -1 OFFSET ?)",
                (row.name, row.code, row.scope, KEPT),
            )

    def list(self, name: str | None = None) -> _Rows:
        """Every result, or those of one reducer, newest first."""
        with self._file.reading() as connection:
            rows = connection.execute(
                "SELECT name, code, scope, cut, until, made_at, body FROM results "
                "WHERE ? IS NULL OR name = ? ORDER BY id DESC",
                (name, name),
            ).fetchall()
        return [_stored(row) for row in rows]

    def close(self) -> None:
        """Release the file."""
        self._file.close()


def _stored(row: tuple[Any, ...]) -> Stored:
    *facts, body = row
    return Stored._make((*facts, body.encode()))
