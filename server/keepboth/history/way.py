"""Who waits for a document goes first: work that nobody looks at yet gives way meanwhile, and for a moment after."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from keepboth.errors import ShuttingDown

GRACE_S: Final = 0.5
"""So long after a document was opened, or a moment of it read, whoever asked is still busy showing it."""

PATIENCE_S: Final = 5.0
"""Nobody gives way for longer at a time; then everybody goes on for as long, however many documents are opened."""


class RightOfWay:
    """Threads and the event loop ask it between two slices of long work. Safe for threads.

    *clock* gives seconds, from anywhere, never back.
    """

    def __init__(
        self, grace_s: float = GRACE_S, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._grace_s = grace_s
        self._patience_s = patience_s
        self._clock = clock
        self._changed = threading.Condition()
        self._going = 0
        self._taken_at = 0.0
        self._grace_ends = 0.0
        self._closed = False

    @contextmanager
    def first(self) -> Iterator[None]:
        """Have the right of way while this lasts."""
        with self._changed:
            now = self._clock()
            if not self._going and now >= self._grace_ends:
                self._taken_at = now
            self._going += 1
        try:
            yield
        finally:
            with self._changed:
                self._going -= 1
                self._grace_ends = self._clock() + self._grace_s
                self._changed.notify_all()

    def wait_s(self) -> float:
        """Seconds after which to ask again, for those who must not block; 0: go on."""
        with self._changed:
            return min(self._left(), self._grace_s)

    def give_way(self) -> None:
        """Block while somebody has the right of way. Raises ShuttingDown once there is nobody left to work for."""
        with self._changed:
            while not self._closed and (left := self._left()) > 0:
                self._changed.wait(left)
            if self._closed:
                raise ShuttingDown("the server is going down")

    def close(self) -> None:
        """Whoever asks from now on, or waits, need not go on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _left(self) -> float:
        now = self._clock()
        if not self._going and now >= self._grace_ends:
            return 0.0
        waited = (now - self._taken_at) % (2 * self._patience_s)
        if waited >= self._patience_s:
            return 0.0
        left = self._patience_s - waited
        return left if self._going else min(left, self._grace_ends - now)
