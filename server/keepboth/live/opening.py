"""Where rooms get the folds that they begin with, and leave what they have come to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from keepboth.fold.document import DocumentFold
from keepboth.history.folding import LEAST, LONG, Folding
from keepboth.live.room import Room
from keepboth.store.base import EventStore

log = logging.getLogger("keepboth.live")

THREADS: Final = 2
"""Long folds at a time: they must not keep the loop's pool from short ones, nor from the log."""


class Opening:
    """Folds documents in threads, from the nearest checkpoint; leaves one where a room ends.

    Checkpoints are disposable: what fails here is logged, and costs the next one who opens the document some time.
    """

    def __init__(self, store: EventStore, folding: Folding) -> None:
        self._store = store
        self._folding = folding
        self._long = ThreadPoolExecutor(THREADS, "keepboth-opening")
        self._keeping: set[asyncio.Task[None]] = set()

    async def fold(self, document: str) -> DocumentFold:
        """The fold of the whole stream, for the caller alone. Raises NotDurableNow, StoreDamaged, ShuttingDown."""
        start, until = await asyncio.to_thread(self._begin, document)
        pool = self._long if until - start.revision > LONG else None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(pool, self._folding.opened, document, start, until)

    def _begin(self, document: str) -> tuple[DocumentFold, int]:
        row = self._store.document(document)
        until = row.revision if row is not None else 0
        return self._folding.nearest(document, until), until

    def keep(self, room: Room) -> None:
        """Keep what *room*, which is live, has nothing under way and is not used again, has come to, if a good deal has
        come since it was opened."""
        if room.revision - room.loaded_revision >= LEAST:
            self._do(self._keep(room.name, room.fold, room.revision, room.document_hash))

    async def _keep(self, document: str, fold: DocumentFold, revision: int, document_hash: bytes) -> None:
        try:
            await asyncio.to_thread(self._folding.keep_head, document, fold, revision, document_hash)
        except Exception:
            log.exception("what %r has come to could not be kept", document)

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._keeping.add(task)
        task.add_done_callback(self._keeping.discard)

    async def close(self) -> None:
        """Finish what is being kept. A fold under way goes on until it is done; nobody waits for it."""
        while self._keeping:
            await asyncio.wait(set(self._keeping))
        self._long.shutdown(wait=False, cancel_futures=True)
