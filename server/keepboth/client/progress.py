"""Which revisions of a document one replica has applied, exactly: a base, and what it has beyond it."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable

from keepboth.events import Seen

Range = tuple[int, int]
"""First and last revision, both inclusive."""


class Progress:
    """Everything up to ``base`` is applied, and the ranges beyond it (ascending, disjoint, not adjacent)."""

    __slots__ = ("_beyond", "_seen", "base")

    def __init__(self, base: int = 0, beyond: Iterable[Range] = ()) -> None:
        self.base = base
        self._beyond: list[Range] = list(beyond)
        self._seen: Seen | None = None

    @property
    def seen(self) -> Seen:
        """What to declare."""
        if self._seen is None:
            self._seen = Seen(self.base, tuple(self._beyond))
        return self._seen

    def knows(self, revision: int) -> bool:
        """True if *revision* is applied."""
        if revision <= self.base:
            return True
        at = bisect_left(self._beyond, (revision + 1,))
        return at > 0 and self._beyond[at - 1][1] >= revision

    def reach(self, revision: int) -> None:
        """Everything up to *revision* is applied."""
        if revision > self.base:
            self.add(self.base + 1, revision)

    def add(self, first: int, last: int) -> None:
        """Exactly the revisions *first* to *last* are applied as well."""
        first = max(first, self.base + 1)
        if last < first:
            return
        self._seen = None
        beyond = self._beyond
        if not beyond and first == self.base + 1:
            self.base = last
            return
        at = bisect_left(beyond, (first,))
        if at and beyond[at - 1][1] >= first - 1:
            at -= 1
        until = at
        while until < len(beyond) and beyond[until][0] <= last + 1:
            first, last = min(first, beyond[until][0]), max(last, beyond[until][1])
            until += 1
        del beyond[at:until]
        insort(beyond, (first, last))
        if beyond[0][0] == self.base + 1:
            self.base = beyond.pop(0)[1]
