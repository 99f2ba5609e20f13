"""Wakes whoever waits for news of the conflict log."""

from __future__ import annotations

import asyncio


class Bell:
    """Rung after every change of the conflict log, and for the last time when the server goes down.

    Take :meth:`next` *before* looking for news, then wait for it: nothing is missed in between.
    """

    def __init__(self) -> None:
        self._ring = asyncio.Event()
        self.closed = False

    def next(self) -> asyncio.Event:
        """Set at the next ring."""
        return self._ring

    def ring(self) -> None:
        """Wake everybody who waits."""
        if not self.closed:
            ring, self._ring = self._ring, asyncio.Event()
            ring.set()

    def close(self) -> None:
        """Wake everybody for good."""
        self.closed = True
        self._ring.set()
