"""Wakes whoever waits for the log to move: one notification for all readers, on the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from weakref import WeakValueDictionary


class Heads:
    """Told after every commit, and for the last time when the server goes down.

    Take :meth:`next` *before* looking for news, then wait for it: nothing is missed in between. Who follows one
    document sleeps through the commits of all others.
    """

    def __init__(self) -> None:
        self._waited_for: WeakValueDictionary[str | None, asyncio.Event] = WeakValueDictionary()
        self.closed = False

    def next(self, document: str | None = None) -> asyncio.Event:
        """Set at the next commit that touches *document* (None: at the next commit). Keep hold of it while waiting."""
        found = self._waited_for.get(document)
        if found is None:
            found = self._waited_for[document] = asyncio.Event()
            if self.closed:
                found.set()
        return found

    def moved(self, documents: Iterable[str]) -> None:
        """A commit of these documents is durable."""
        for key in (None, *documents):
            waiting = self._waited_for.pop(key, None)
            if waiting is not None:
                waiting.set()

    def close(self) -> None:
        """Wake everybody for good."""
        self.closed = True
        for waiting in list(self._waited_for.values()):
            waiting.set()
