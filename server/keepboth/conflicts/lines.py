"""Looking with a coarser grain: as git does, where whole lines are what two people kept in common.

With this grain a cut between two changes takes a whole line that both still see, so changes of one line, or of lines
next to each other, belong together even where the characters between them keep them apart: kind ``same-line``, for all
that two edits did on a stretch without a whole line that both see, unless nothing at all keeps it apart.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator

from keepboth.conflicts.crowds import Shortcut
from keepboth.conflicts.kinds import SAME_LINE
from keepboth.conflicts.pieces import OWN_INSERT, SEEN, Entry, Points, Separators
from keepboth.conflicts.runs import Run
from keepboth.conflicts.strokes import Stroke
from keepboth.conflicts.zones import Meeting, Survey

WHOLE = 2
"""So many line ends in a row hold a whole line between them."""


class LineSurvey(Survey):
    """A survey that goes on to the next whole line that everybody saw, and also finds who met on a line only."""

    __slots__ = ("_ends",)

    def _walk(self, run: Run, low: int, leftward: bool, out: list[Entry], shortcut: Shortcut | None) -> bool:
        self._ends = 0
        if leftward and low > run.clock and self._look(run, run.clock, low, True, out):
            return True
        node = self._next(run, leftward)
        while node is not None and not self._look(node, node.clock, node.clock + node.length, leftward, out):
            node = self._next(node, leftward)
        return True

    def _look(self, run: Run, low: int, high: int, leftward: bool, out: list[Entry]) -> bool:
        self.steps += 1
        if run.mute:
            return False
        known = self._known_part(run, low, high)
        parts = [(known, high, False), (low, known, True)] if leftward else [(low, known, True), (known, high, False)]
        for start, stop, seen in parts:
            if start >= stop:
                continue
            before = len(out)
            if not seen:
                self._unknown(run, start, stop, out)
            elif self._known(run, start, stop, out):
                out.append((SEEN, run, start, stop, ()))
                self._ends += line_ends(run, start, stop)
                if self._ends >= WHOLE:
                    return True
                continue
            if len(out) > before:
                self._ends = 0
        return False

    def _pieces(
        self,
        entries: list[Entry],
        partner: Stroke,
        points: list[int],
        mine: Points,
        separators: Separators,
        crowded: Callable[[Stroke, Run], bool],
    ) -> Iterator[Meeting]:
        yield from super()._pieces(entries, partner, points, mine, separators, crowded)
        cuts = separators.all_of(partner)
        own = [mine.index(number) for number in mine.within(-1, len(entries))]
        for ours, theirs in self._groups(entries, partner, points, own, cuts):
            if len({bisect_left(cuts, index) for index in (*ours, *theirs)}) == 1:
                continue  # all of it touches
            first, last = min(ours[0], theirs[0]), max(ours[-1], theirs[-1])
            inserted = [entries[index][2] for index in theirs if entries[index][1].stroke is partner]
            yield Meeting(
                partner,
                partner.nth_of(min(inserted)) if inserted else 0,
                SAME_LINE,
                tuple(entries[index][1] for index in ours),
                tuple(entries[index][1] for index in theirs),
                (entries[first][1].client, entries[first][2]),
                (entries[last][1].client, self._end(entries, last, partner, last in theirs) - 1),
            )

    def _groups(
        self, entries: list[Entry], partner: Stroke, points: list[int], own: list[int], separators: list[int]
    ) -> Iterator[tuple[list[int], list[int]]]:
        """The points of the stroke and of *partner* on each stretch without a whole line that both see."""
        mine: list[int] = []
        theirs: list[int] = []
        between = set(separators)
        ends = 0
        for index, (flags, run, low, high, _) in enumerate(entries):
            is_theirs = index in points
            is_mine = index in own and (
                flags & OWN_INSERT or run.stroke is partner or partner.clock_cut(run.stroke, low, high) > low
            )
            if is_mine or is_theirs:
                if ends >= WHOLE:
                    if mine and theirs:
                        yield mine, theirs
                    mine, theirs = [], []
                ends = 0
                if is_mine:
                    mine.append(index)
                if is_theirs:
                    theirs.append(index)
            elif index in between:
                seen = high if run.stroke is partner else partner.clock_cut(run.stroke, low, high)
                ends += line_ends(run, low, seen)
        if mine and theirs:
            yield mine, theirs


def line_ends(run: Run, low: int, high: int) -> int:
    """How many line ends clocks *low* to *high* of *run* hold. What is no text stands for itself, as a line does."""
    if isinstance(run.content, str):
        return run.content.count("\n", low - run.clock, high - run.clock)
    return WHOLE
