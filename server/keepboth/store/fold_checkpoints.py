"""Where folds are kept on the way, and sections of chronicles, in files that may be deleted at any time.

A checkpoint names the document's chain hash at its revision. If the log says otherwise there, it is void.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple, Protocol

from keepboth.store.disposable import DisposableFile


class Checkpoint(NamedTuple):
    """A fold at ``revision`` as bytes, or what else was made up to there; ``document_hash`` is the chain's there."""

    revision: int
    document_hash: bytes
    body: bytes


class FoldCheckpoints(Protocol):
    """What history needs of a place for checkpoints. All calls block; safe for threads; any may raise NotDurableNow."""

    def nearest(self, document: str, until: int) -> Checkpoint | None:
        """The newest checkpoint at or before revision *until*, None if there is none."""

    def put(self, document: str, checkpoint: Checkpoint, *, instead_of: Collection[int] = ()) -> None:
        """Keep *checkpoint* in place of any at its revision and of those at others. Raises NotDurableNow."""

    def sizes(self, document: str) -> dict[int, int]:
        """Revision -> bytes of every checkpoint of *document*."""

    def drop(self, document: str | None = None, *, after: int = -1) -> None:
        """Forget the checkpoints of *document* (or all) beyond revision *after*."""

    def close(self) -> None:
        """Release the file."""


_TABLES = """
CREATE TABLE checkpoints (
    id INTEGER PRIMARY KEY, document TEXT NOT NULL, revision INTEGER NOT NULL,
    document_hash BLOB NOT NULL, body BLOB NOT NULL, UNIQUE (document, revision)
) STRICT;
"""


class SqliteFoldCheckpoints:
    """`FoldCheckpoints` in the file at *path*. *version* says what made the bytes; a file of another is begun anew."""

    def __init__(self, path: Path, *, version: int | str) -> None:
        self._file = DisposableFile(path, _TABLES, f"1.{version}")

    def nearest(self, document: str, until: int) -> Checkpoint | None:
        with self._file.reading() as connection:
            row = connection.execute(
                "SELECT revision, document_hash, body FROM checkpoints WHERE document = ? AND revision <= ? "
                "ORDER BY revision DESC LIMIT 1",
                (document, until),
            ).fetchone()
        return None if row is None else Checkpoint(*row)

    def put(self, document: str, checkpoint: Checkpoint, *, instead_of: Collection[int] = ()) -> None:
        with self._file.writing() as connection:
            connection.executemany(
                "DELETE FROM checkpoints WHERE document = ? AND revision = ?",
                [(document, revision) for revision in instead_of],
            )
            connection.execute(
                "INSERT INTO checkpoints (document, revision, document_hash, body) VALUES (?, ?, ?, ?) "
                "ON CONFLICT (document, revision) DO UPDATE SET document_hash = excluded.document_hash, "
                "body = excluded.body",
                (document, *checkpoint),
            )

    def sizes(self, document: str) -> dict[int, int]:
        with self._file.reading() as connection:
            return dict(
                connection.execute("SELECT revision, length(body) FROM checkpoints WHERE document = ?", (document,))
            )

    def drop(self, document: str | None = None, *, after: int = -1) -> None:
        with self._file.writing() as connection:
            connection.execute(
                "DELETE FROM checkpoints WHERE revision > ? AND (? IS NULL OR document = ?)",
                (after, document, document),
            )

    def close(self) -> None:
        self._file.close()


class MemoryFoldCheckpoints:
    """`FoldCheckpoints` in a dictionary: for exports and tests."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, Checkpoint]] = {}
        self._lock = threading.Lock()

    def nearest(self, document: str, until: int) -> Checkpoint | None:
        with self._lock:
            kept = self._kept.get(document, {})
            revisions = sorted(kept)
            at = bisect_right(revisions, until)
            return kept[revisions[at - 1]] if at else None

    def put(self, document: str, checkpoint: Checkpoint, *, instead_of: Collection[int] = ()) -> None:
        with self._lock:
            kept = self._kept.setdefault(document, {})
            for revision in instead_of:
                kept.pop(revision, None)
            kept[checkpoint.revision] = checkpoint

    def sizes(self, document: str) -> dict[int, int]:
        with self._lock:
            return {revision: len(kept.body) for revision, kept in self._kept.get(document, {}).items()}

    def drop(self, document: str | None = None, *, after: int = -1) -> None:
        with self._lock:
            for name in [document] if document is not None else list(self._kept):
                kept = self._kept.get(name, {})
                self._kept[name] = {revision: one for revision, one in kept.items() if revision <= after}

    def close(self) -> None:
        """Nothing to release."""
