"""Where the separators of an edit and its partners lie in a zone, without looking at all of the zone for each partner.

What the edit's author saw is looked at from a partner's points outwards, as far as the next separator. What one partner
no longer saw, none of the same session saw who came later and knew no more of others; so it is passed over at once when
they are asked in that order.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from keepboth.conflicts.runs import Run
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.events import Seen

SEEN: Final = 1  # on the author's screen just after the edit
THEIRS: Final = 2  # inserted by a partner
OWN_INSERT: Final = 4
OWN_DELETE: Final = 8

Entry = tuple[int, Run, int, int, tuple[Stroke, ...]]
"""``(flags, run, low, high, partners that deleted it)``: clocks *low* to *high*, exclusive, of a run."""


class Passed:
    """Numbers from 0 that are passed over, one after the other, and the next one to either side that is not."""

    __slots__ = ("_left", "_right")

    def __init__(self, size: int) -> None:
        self._left = list(range(size + 1))  # of what is passed: how many there are before the next to the left
        self._right = list(range(size + 1))

    def pass_over(self, at: int) -> None:
        self._left[at + 1] = at
        self._right[at] = at + 1

    def upto(self, at: int) -> int:
        """The greatest number below *at* that is not passed over, -1 if there is none."""
        return _root(self._left, at) - 1

    def since(self, at: int) -> int:
        """The least number from *at* on that is not passed over; what is behind the last if there is none."""
        return _root(self._right, at)


def _root(parents: list[int], at: int) -> int:
    root = at
    while parents[root] != root:
        root = parents[root]
    while parents[at] != root:
        parents[at], at = root, parents[at]
    return root


class Separators:
    """The separators between an edit and its partners. ``steps``: work done. Ask for the partners by revision."""

    __slots__ = ("_entries", "_least", "_passed", "_seen", "_sessions", "steps")

    def __init__(self, entries: Sequence[Entry], seen: list[int]) -> None:
        """*seen*: which of the zone's *entries* the edit's author saw."""
        self._entries = entries
        self._seen = seen
        self._sessions = {entries[index][1].stroke.session for index in seen}
        self._least = min((entries[index][1].stroke.eff for index in seen), default=0)
        self._passed: dict[tuple[Session, Seen], Passed] = {}
        self.steps = 0

    def all_of(self, partner: Stroke) -> list[int]:
        """Every separator."""
        if not self._may_see(partner):
            return []
        self.steps += len(self._seen)
        return [index for index in self._seen if sees(partner, self._entries[index])]

    def pieces(self, partner: Stroke, points: list[int]) -> Iterator[tuple[int, int]]:
        """From behind which entry up to which one each piece reaches that holds one of *points*."""
        if not self._may_see(partner):
            yield -1, len(self._entries)
            return
        passed = self._passed.get((partner.session, partner.lower))
        if passed is None:
            passed = self._passed[partner.session, partner.lower] = Passed(len(self._seen))
        high = -1
        for point in points:
            if point > high:
                low, high = self._around(partner, point, passed)
                yield low, high

    def _may_see(self, partner: Stroke) -> bool:
        lower = partner.lower
        return bool(self._seen) and bool(
            lower.base >= self._least or lower.include or partner.session in self._sessions
        )

    def _around(self, partner: Stroke, point: int, passed: Passed) -> tuple[int, int]:
        seen = self._seen
        start = bisect_left(seen, point)
        left = passed.upto(start)
        while left >= 0 and not self._separates(partner, left, passed):
            left = passed.upto(left)
        right = passed.since(start)
        while right < len(seen) and not self._separates(partner, right, passed):
            right = passed.since(right + 1)
        return seen[left] if left >= 0 else -1, seen[right] if right < len(seen) else len(self._entries)

    def _separates(self, partner: Stroke, at: int, passed: Passed) -> bool:
        self.steps += 1
        entry = self._entries[self._seen[at]]
        if sees(partner, entry):
            return True
        if entry[1].stroke.session is not partner.session:  # else a later one may see what this one did not know yet
            passed.pass_over(at)
        return False


class Points:
    """What an edit did in a zone. ``solid`` points are those of which every partner knew what was deleted. Of such that
    have become parts of one crowd next to each other, only the outermost are given out."""

    __slots__ = ("_last", "_points", "_solid")

    def __init__(self, points: list[int], solid: list[bool]) -> None:
        self._points = points
        self._solid = solid
        self._last = Passed(len(points))

    def within(self, low: int, high: int) -> list[int]:
        """Those behind the entry *low* and up to *high*, as numbers for `index` and `join`."""
        at, stop = bisect_right(self._points, low), bisect_right(self._points, high)
        found = []
        while at < stop:
            found.append(at)
            last = min(self._last.since(at), stop - 1)
            if last > at:
                found.append(last)
            at = last + 1
        return found

    def index(self, number: int) -> int:
        """Which entry it is."""
        return self._points[number]

    def join(self, numbers: list[int]) -> None:
        """These, which `within` gave out, are parts of one crowd."""
        for one, other in pairwise(numbers):
            last = self._last.since(one)
            if last + 1 == other and self._solid[last] and self._solid[other]:
                self._last.pass_over(last)


def sees(stroke: Stroke, entry: Entry) -> bool:
    """True if an item of *entry* was on the screen of *stroke*'s author just after it."""
    _, run, low, high, _ = entry
    maker = run.stroke
    if maker is not stroke and stroke.clock_cut(maker, low, high) == low:
        return False
    return run.deleters is None or not any(other is stroke or stroke.knows(other) for other in run.deleters)
