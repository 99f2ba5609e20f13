"""Screens: which events' work somebody sees, and what is visible then.

Base, a side, merged: each is a set of events, given as a function that says how many events of a stroke belong to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from keepboth.conflicts.episodes import Spot
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.strokes import Session, Stroke

Screen = Callable[[Stroke], int]
"""Says how many events of a stroke it shows the work of."""


class Reach:
    """How far the screen of `union_of` reaches: all up to the effective revision ``base`` is shown, and of the sessions
    in ``revs`` all strokes up to a revision. Besides, it may show some of what ``special`` members knew."""

    __slots__ = ("_far", "_included", "base", "revs", "special")

    def __init__(self, strokes: Iterable[Stroke]) -> None:
        members = set(strokes)
        self.base = max(stroke.floor for stroke in members)
        self.revs: dict[Session, int] = {}
        for stroke in members:
            self.revs[stroke.session] = max(stroke.rev, self.revs.get(stroke.session, 0))
        self.special = _special(members)
        self._far = max((stroke.lower.base for stroke in self.special), default=self.base)
        self._included = max(
            (stroke.lower.include[-1][1] for stroke in self.special if stroke.lower.include), default=0
        )

    def shows_all(self, session: Session, rev: int, eff: int) -> bool:
        """True if strokes of *session*, of at most these revisions, are surely shown whole."""
        return eff <= self.base or rev <= self.revs.get(session, 0)

    def shows_none(self, session: Session, rev: int, eff: int) -> bool:
        """True if nothing is shown of strokes of *session* that begin at these revisions or later."""
        return eff > self.base and eff > self._far and rev > self._included and rev > self.revs.get(session, 0)


def union_of(strokes: Iterable[Stroke]) -> Screen:
    """Show the work of *strokes* and of everything any of their authors had seen."""
    return screen_of(Reach(strokes))


def screen_of(reach: Reach) -> Screen:
    """Show what *reach* says."""
    base, revs, special = reach.base, reach.revs, reach.special
    found: dict[Stroke, int] = {}

    def shows(stroke: Stroke) -> int:
        if stroke.last_eff <= base or stroke.rev <= revs.get(stroke.session, 0):
            return stroke.count
        nth = found.get(stroke)
        if nth is None:
            nth = stroke.nth_beyond(base)
            for member in special:
                nth = max(nth, member.cut(stroke))
            found[stroke] = nth
        return nth

    return shows


def intersection_of(spots: Iterable[Spot]) -> Screen:
    """Show the work of what all authors of the members' events had seen before."""
    least: dict[object, int] = {}
    floors: dict[object, int] = {}
    members: set[Stroke] = set()
    for spot in spots:
        stroke = spot.stroke
        members.add(stroke)
        rev = stroke.rev_at(spot.nth)
        least[stroke.session] = min(rev, least.get(stroke.session, rev))
        floors[stroke.session] = min(stroke.floor, floors.get(stroke.session, stroke.floor))
    special = _special(members)
    found: dict[Stroke, int] = {}

    def shows(stroke: Stroke) -> int:
        nth = found.get(stroke)
        if nth is None:
            nth = stroke.count
            for session, floor in floors.items():
                if session is stroke.session:
                    nth = min(nth, stroke.nth_before(least[session]))
                elif not special:
                    nth = min(nth, stroke.nth_beyond(floor))
            if special:
                for member in members:
                    if member.session is not stroke.session:
                        nth = min(nth, member.cut(stroke))
            found[stroke] = nth
        return nth

    return shows


def everything(stroke: Stroke) -> int:
    """Show all there is."""
    return stroke.count


def _special(members: set[Stroke]) -> list[Stroke]:
    return [stroke for stroke in members if stroke.lower.include or stroke.floor != stroke.lower.base]


def visible(run: Run, low: int, high: int, shows: Screen) -> tuple[int, int]:
    """The part of *run* from *low* to *high* on a screen: ``(low, new high)``."""
    if run.mute:
        return low, low
    nth = shows(run.stroke)
    if nth < run.stroke.count:
        if nth == 0:
            return low, low
        high = min(high, run.stroke.clock_at(nth))
    if high <= low or (run.deleters is not None and any(shows(other) for other in run.deleters)):
        return low, low
    return low, high


def current(line: Line, shows: Screen) -> Run | None:
    """The content that the key *line* has on a screen, None if it has none. A later item hides all before it."""
    run = line.last
    while run is not None and not shows(run.stroke):
        run = run.left
    if run is None or run.mute or any(shows(other) for other in run.deleters or ()):
        return None
    return run
