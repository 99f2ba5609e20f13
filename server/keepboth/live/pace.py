"""Rounds instead of wake-ups, where many people type a little.

A thread that is woken for one keystroke spends more on being woken, and on finding its caches cold, than on the
keystroke. Where several edits are likely to come within a few milliseconds, the event loop therefore rests until they
are there, takes them all, has them recorded by one commit, and rests again. Alone, nobody waits; under full load the
loop has no time to rest, and commits are shared anyhow.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

_LEAST: Final = 1.5
"""Edits that a round must promise: below, resting would make somebody wait for nobody."""

_MOST: Final = 16
"""Edits in a round from which on commits are shared without resting."""

_QUIET: Final = 8
"""A gap of this many rounds counts as silence; a longer one would take as long to forget."""


class Pace:
    """When to rest, and for how long. ``round_s``: seconds from one rest to the next, 0 for never."""

    __slots__ = ("_clock", "_gap_s", "_last", "_rest", "_rested", "_round_s", "resting")

    def __init__(
        self,
        round_s: float,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], None] = time.sleep,
    ) -> None:
        self._round_s = round_s
        self._clock = clock
        self._rest = rest
        self._gap_s = _QUIET * round_s
        self._last = self._rested = clock()
        self.resting = False
        """Whether edits come at a rate that is worth it."""

    def committed(self, edits: int) -> None:
        """One commit has recorded this many."""
        if not self._round_s:
            return
        now = self._clock()
        gap_s = min((now - self._last) / max(edits, 1), _QUIET * self._round_s)
        self._last = now
        self._gap_s += (gap_s - self._gap_s) / 8
        self.resting = self._round_s / _MOST < self._gap_s < self._round_s / _LEAST

    def rest(self) -> None:
        """Sleep until the round is over, if it is worth it: the thread does nothing meanwhile."""
        if self.resting:
            left = self._rested + self._round_s - self._clock()
            if left > 0:
                self._rest(left)
        self._rested = self._clock()
