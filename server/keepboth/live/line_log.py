"""The conflict log at line grain: what changes share a line, or touch where only lines keep them apart.

Found when somebody asks, from the log, by one thread at a time, and kept for a while, so that the next page does not
find it again and what has been written since is only added. Nothing of it is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.errors import NotFound, OverLimit, ShuttingDown
from keepboth.live.judging import judge, named_by
from keepboth.live.projector import READ_ROWS, ConflictProjector
from keepboth.live.rows import rows_of
from keepboth.store.base import DocumentRow, EventStore
from keepboth.store.conflict_log import ConflictStore
from keepboth.store.conflicts_memory import MemoryConflictStore

KEPT: Final = 2
"""Documents whose entries are kept for the next question."""

FEED: Final = 16
"""Edits that are taken in before it is looked whether all of it is too much."""

STEPS_PER_EDIT: Final = 200
"""For a document of as many edits as are allowed: a step is a run looked at or a pair weighed, about a microsecond. It
is the measure for crowds, whose edits are weighed pair by pair at this grain."""


class LineConflicts:
    """The entries of one document at line grain, in ``conflicts``, up to ``revision``. At most so many
    *edits* and *steps* are looked at, None for all."""

    def __init__(self, store: EventStore, document: str, edits: int | None = None, steps: int | None = None) -> None:
        self.conflicts: ConflictStore = MemoryConflictStore()
        self._store = store
        self._document = document
        self._edits = edits
        self._steps = steps if steps is not None or edits is None else edits * STEPS_PER_EDIT
        self._projector = ConflictProjector(document, DocumentConflicts(grain="line"))
        self._hash = b""

    @property
    def revision(self) -> int:
        return self._projector.revision

    def fits(self, store: EventStore) -> bool:
        """True if the document is still the one that was looked at, gone on."""
        return self.revision == 0 or store.hash_at(self._document, self.revision) == self._hash

    def present(self, ids: Sequence[str]) -> dict[str, str]:
        """What the document says, at ``revision``, where these entries are, by id."""
        now = self._projector.engine.now
        return {id: text for id in ids if (text := now(id)) is not None}

    def advance(self, stopped: Callable[[], bool] = lambda: False) -> None:
        """Look at everything that is recorded. Raises NotFound, OverLimit, and ShuttingDown once *stopped* is true."""
        row = self._store.document(self._document)
        if row is None:
            raise NotFound("there is no such document", document=self._document)
        if self._edits is not None and row.edits > self._edits:
            raise self._too_much(f"this document has {row.edits:,} edits")
        if row.revision > self.revision:
            self._look(row, stopped)
        judge(self._store, self.conflicts, self._document)

    def _look(self, row: DocumentRow, stopped: Callable[[], bool]) -> None:
        projector = self._projector
        while edits := self._store.edit_rows(
            self._document, after=projector.revision, until=row.revision, limit=READ_ROWS
        ):
            for at in range(0, len(edits), FEED):
                projector.take_rows(edits[at : at + FEED])
                if stopped():
                    raise ShuttingDown("the server is going down")
                if self._steps is not None and projector.engine.steps > self._steps:
                    raise self._too_much("too many edits of this document met in one place")
        projector.revision = row.revision
        projector.name(named_by(self._store, self._document))
        found = projector.findings()
        rows = rows_of(self._store, self.conflicts, self._document, found.episodes.values(), found.superseded)
        self.conflicts.advance(self._document, row.revision, row.document_hash, rows, found.superseded)
        self._hash = row.document_hash

    def _too_much(self, why: str) -> OverLimit:
        return OverLimit(
            f"{why}: at line grain this server looks at most at {self._edits:,} (line_grain_edits). "
            "Ask at character grain, or run `keepboth conflicts DOCUMENT --grain line` beside the log",
            limit=self._edits,
        )


class Lines(NamedTuple):
    """Entries at line grain up to ``revision``, for reading in any thread."""

    conflicts: ConflictStore
    revision: int


class LineLog:
    """Finds conflicts at line grain for a server. *edits*: a document may have so many."""

    def __init__(self, store: EventStore, edits: int) -> None:
        self._store = store
        self._edits = edits
        self._thread = ThreadPoolExecutor(1, "keepboth-lines")
        self._kept: dict[str, LineConflicts] = {}
        self._closed = False

    async def look(self, document: str) -> Lines:
        """The entries of *document* as it is now. Raises NotFound, OverLimit, ShuttingDown."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._look, document)

    async def present(self, document: str, ids: Sequence[str]) -> dict[str, str]:
        """What the document says where these entries are, by id, up to where it was last looked at."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._present, document, ids)

    def _look(self, document: str) -> Lines:
        found = self._kept.pop(document, None)
        if found is None or not found.fits(self._store):
            found = LineConflicts(self._store, document, self._edits)
        found.advance(lambda: self._closed)
        self._kept[document] = found
        while len(self._kept) > KEPT:
            del self._kept[next(iter(self._kept))]
        return Lines(found.conflicts, found.revision)

    def _present(self, document: str, ids: Sequence[str]) -> dict[str, str]:
        found = self._kept.get(document)
        return {} if found is None else found.present(ids)

    def close(self) -> None:
        """Stop soon; what waits is not looked at."""
        self._closed = True
        self._thread.shutdown(cancel_futures=True)
