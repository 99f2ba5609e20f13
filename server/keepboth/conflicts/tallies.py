"""How much of a line stands before a place on a screen, at once: for reading many episodes of one document.

The runs of a line are the leaves of a tree. Of the strokes at work under a node a screen often shows all, or all of
some sessions and none of others; how much is visible there is then counted once for every screen of which that is true.
Only where it cuts through what a session did does a question go down. A tree is good until the line changes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from keepboth.conflicts.runs import Run
from keepboth.conflicts.screens import Reach, Screen, visible
from keepboth.conflicts.strokes import Session, Stroke

WIDTH: Final = 16
"""Children of a node."""

Weigh = Callable[[Run, int, int], int]
"""What clocks from the second to before the third of a run, visible ones, count for."""


class Node:
    """Some runs next to each other. ``sessions``: of each session at work there, the least and greatest revision of its
    strokes, their least and greatest effective revision. ``eff``: the greatest of these."""

    __slots__ = ("children", "counts", "eff", "runs", "sessions")

    def __init__(self, runs: Sequence[Run], children: Sequence[Node]) -> None:
        self.runs = runs
        self.children = children
        self.sessions: dict[Session, tuple[int, int, int, int]] = {}
        self.counts: dict[tuple[bool, ...], int] = {}
        for run in runs:
            self._note(run.stroke.session, _limits(run.stroke))
            for deleter in run.deleters or ():
                self._note(deleter.session, _limits(deleter))
        for child in children:
            for session, limits in child.sessions.items():
                self._note(session, limits)
        self.eff = max(limits[3] for limits in self.sessions.values())

    def _note(self, session: Session, limits: tuple[int, int, int, int]) -> None:
        known = self.sessions.get(session)
        if known is not None:
            limits = (
                min(known[0], limits[0]),
                max(known[1], limits[1]),
                min(known[2], limits[2]),
                max(known[3], limits[3]),
            )
        self.sessions[session] = limits

    def shown(self, reach: Reach) -> tuple[bool, ...] | None:
        """Of each session, whether all that it did there is shown; None if only a part of it may be."""
        if self.eff <= reach.base:
            return ()
        found = []
        for session, limits in self.sessions.items():
            shows = reach.shows_all(session, limits[1], limits[3])
            if not shows and not reach.shows_none(session, limits[0], limits[2]):
                return None
            found.append(shows)
        return () if all(found) else tuple(found)


class Tally:
    """The runs of one line that may count for something, in document order."""

    def __init__(self, runs: Iterable[Run], weigh: Weigh) -> None:
        self._weigh = weigh
        leaves = [run for run in runs if not run.mute and weigh(run, run.clock, run.end)]
        self._orders = [run.order for run in leaves]
        self._levels: list[list[Node]] = []
        level = [Node(leaves[at : at + WIDTH], ()) for at in range(0, len(leaves), WIDTH)]
        while level:
            self._levels.append(level)
            level = [Node((), level[at : at + WIDTH]) for at in range(0, len(level), WIDTH)] if len(level) > 1 else []

    def before(self, run: Run, clock: int, shows: Screen, reach: Reach) -> int:
        """What *shows* shows of the line before *clock* of *run*; *reach* describes the same screen."""
        at = bisect_left(self._orders, run.order)
        total = self._weigh(run, *visible(run, run.clock, clock, shows))
        if self._levels:
            leaf, rest = divmod(at, WIDTH)
            if rest:
                total += self._sum(self._levels[0][leaf].runs[:rest], shows)
            for level in self._levels:
                first = leaf - leaf % WIDTH
                total += sum(self._of(node, shows, reach) for node in level[first:leaf])
                leaf //= WIDTH
        return total

    def _sum(self, runs: Iterable[Run], shows: Screen) -> int:
        total = 0
        for run in runs:
            low, high = visible(run, run.clock, run.end, shows)
            if low < high:
                total += self._weigh(run, low, high)
        return total

    def _of(self, node: Node, shows: Screen, reach: Reach) -> int:
        key = node.shown(reach)
        known = node.counts.get(key) if key is not None else None
        if known is None:
            known = sum(self._of(child, shows, reach) for child in node.children) + self._sum(node.runs, shows)
            if key is not None:
                node.counts[key] = known
        return known


def _limits(stroke: Stroke) -> tuple[int, int, int, int]:
    return stroke.rev, stroke.rev, stroke.eff, stroke.last_eff
