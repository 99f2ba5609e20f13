"""Where a server answers questions about the past: threads of its own, so that folds at hand are found again.

A document is always asked about in the same thread, which remembers where it was (see `Folding`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar
from zlib import crc32

from keepboth.history.folding import Folding
from keepboth.history.past import Past

Answer = TypeVar("Answer")

THREADS: Final = 2


class Desk:
    """Runs questions about documents. ``folding`` and ``past`` are for what runs here."""

    def __init__(self, folding: Folding, past: Past) -> None:
        self.folding = folding
        self.past = past
        self._threads = [ThreadPoolExecutor(1, f"keepboth-history-{number}") for number in range(THREADS)]

    async def ask(self, document: str, question: Callable[[], Answer]) -> Answer:
        """What *question* returns, asked in the document's thread."""
        thread = self._threads[crc32(document.encode()) % THREADS]
        return await asyncio.get_running_loop().run_in_executor(thread, question)

    def close(self) -> None:
        """Finish what runs; what waits is not asked."""
        for thread in self._threads:
            thread.shutdown(cancel_futures=True)
