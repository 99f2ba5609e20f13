"""Where a server answers questions about the past: threads of its own, so that folds at hand are found again.

A document is always asked about in the same thread, which remembers where it was (see `Folding`). What a document says
is read in other threads than who wrote it and what changed: a lineage takes seconds to build, and a slider must not
wait for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from zlib import crc32

from keepboth.history.chronicle import Chronicles
from keepboth.history.folding import Folding
from keepboth.history.past import Past
from keepboth.history.way import RightOfWay

Answer = TypeVar("Answer")

THREADS: Final = 2


class Desk:
    """Runs questions about documents: ``folding`` and ``past`` are for what runs here, ``chronicles`` for anybody.

    Whoever reads what a document says, or glances at its course, has the right of *way* meanwhile.
    """

    def __init__(
        self, folding: Folding, past: Past, way: RightOfWay | None = None, chronicles: Chronicles | None = None
    ) -> None:
        self.folding = folding
        self.past = past
        self._way = way or RightOfWay()
        self.chronicles = chronicles or Chronicles(past.store)
        self._asking = [ThreadPoolExecutor(1, f"keepboth-history-{number}") for number in range(THREADS)]
        self._reading = [ThreadPoolExecutor(1, f"keepboth-states-{number}") for number in range(THREADS)]

    async def ask(self, document: str, question: Callable[[], Answer]) -> Answer:
        """What *question* returns, asked in the document's thread for the past."""
        return await _run(self._asking, document, question)

    async def read(self, document: str, question: Callable[[], Answer]) -> Answer:
        """What *question* returns, which needs ``folding`` only, asked in the document's thread for states."""
        with self._way.first():
            return await _run(self._reading, document, question)

    async def glance(self, question: Callable[[], Answer]) -> Answer:
        """What *question* returns, which needs ``chronicles`` only, asked in any thread."""
        with self._way.first():
            return await asyncio.to_thread(question)

    def close(self) -> None:
        """Finish what runs, but for what gives way; what waits is not asked."""
        self._way.close()
        for thread in (*self._reading, *self._asking):
            thread.shutdown(cancel_futures=True)


async def _run(threads: Sequence[ThreadPoolExecutor], document: str, question: Callable[[], Answer]) -> Answer:
    thread = threads[crc32(document.encode()) % len(threads)]
    return await asyncio.get_running_loop().run_in_executor(thread, question)
