"""What different people saw at the place of an episode, which is cut into pieces that each of them saw all or none of.

A *version* is what one screen shows there: what everybody had before, one side's, the merge. Pieces lie in document
order, deleted ones included, so a version is an ascending list of pieces. Valid until the shadow next changes.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

from keepboth.conflicts.episodes import Cluster
from keepboth.conflicts.nesting import holders
from keepboth.conflicts.rendering import joined, shown
from keepboth.conflicts.runs import Run
from keepboth.conflicts.screens import Screen, current, everything, intersection_of, union_of, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.sides import by_side
from keepboth.conflicts.strokes import Stroke
from keepboth.conflicts.views import Span, span_of
from keepboth.yjs.structs import STRING, TYPE, Id


class SideKey(NamedTuple):
    """Names a side: ``session`` is None unless one actor collided with itself."""

    actor: str
    session: str | None = None


class Piece:
    """Clocks ``low`` to before ``high`` of ``run``. ``alive``: shown at the moment that the place is looked at.

    ``own``: the episode's own, inserted by one of its events or by an earlier resolution. ``struck``: deleted by one.
    ``before``: part of what all had before. ``known``: on the screen of somebody who took part; what is not came later,
    or from elsewhere.
    """

    __slots__ = ("alive", "before", "high", "known", "low", "own", "run", "struck")

    def __init__(self, run: Run, low: int, high: int) -> None:
        self.run = run
        self.low = low
        self.high = high
        self.alive = self.before = self.own = self.struck = self.known = False

    @property
    def first(self) -> Id:
        return (self.run.client, self.low)

    @property
    def last(self) -> Id:
        return (self.run.client, self.high - 1)

    @property
    def length(self) -> int:
        return self.high - self.low


def until(revision: int) -> Screen:
    """The screen of somebody who had everything that was released up to *revision*."""
    return lambda stroke: stroke.nth_beyond(revision)


class Version(NamedTuple):
    """What one side made of the place, or several the same."""

    sides: tuple[SideKey, ...]
    text: str
    pieces: list[int]
    screen: Screen


class Versions:
    """``sides`` and ``base`` are versions: indices into ``pieces``. ``screens`` are the sides' screens. ``different``:
    the versions without repetition, once somebody has worked them out.

    Of a key, the pieces are everything it ever held, and a version has one piece or none.
    """

    def __init__(self, shadow: Shadow, cluster: Cluster, now: Screen, earlier: frozenset[int] = frozenset()) -> None:
        """``now`` says what shows at present; ``earlier`` are the revisions of edits that resolved this before."""
        self.shadow = shadow
        self.cluster = cluster
        self.now = now
        self.line = cluster.line
        self.keyed = self.line.key is not None
        self.span: Span = _with(span_of(shadow, cluster), earlier)
        self.screens: dict[SideKey, Screen] = {
            SideKey(*who): union_of(spot.stroke for spot in spots) for who, spots in by_side(cluster.spots).items()
        }
        self.merged: Screen = union_of(spot.stroke for spot in cluster.spots)
        self.before: Screen = intersection_of(cluster.spots)
        self.pieces: list[Piece] = []
        self.base: list[int] = []
        self.different: list[Version] = []
        self.sides: dict[SideKey, list[int]] = {key: [] for key in self.screens}
        members = _members(cluster)
        if self.keyed:
            self._read_key(members, earlier)
        else:
            self._read_sequence(members, earlier)

    def _read_sequence(self, members: dict[Stroke, int], earlier: frozenset[int]) -> None:
        for run, low, high in self.span.parts():
            ends = {key: visible(run, low, high, screen)[1] for key, screen in self.screens.items()}
            base_end = visible(run, low, high, self.before)[1]
            now_end = visible(run, low, high, self.now)[1]
            merged_end = visible(run, low, high, self.merged)[1]
            mine = _own_from(run, members, earlier)
            struck = _struck(run, members, earlier)
            for start, stop in _cuts(low, high, (*ends.values(), base_end, now_end, merged_end, mine)):
                index = len(self.pieces)
                piece = Piece(run, start, stop)
                piece.alive = start < now_end
                piece.own = start >= mine
                piece.struck = struck
                piece.known = start < base_end or start < merged_end or any(start < end for end in ends.values())
                self.pieces.append(piece)
                piece.before = start < base_end
                if piece.before:
                    self.base.append(index)
                for key, end in ends.items():
                    if start < end:
                        self.sides[key].append(index)

    def _read_key(self, members: dict[Stroke, int], earlier: frozenset[int]) -> None:
        alive = current(self.line, self.now)
        base = current(self.line, self.before)
        ours = {key: current(self.line, screen) for key, screen in self.screens.items()}
        for index, run in enumerate(self.line.runs()):
            # Of a row of values a key holds the last; a text counts as one.
            piece = Piece(run, run.clock if run.kind == STRING else run.end - 1, run.end)
            piece.alive = run is alive
            piece.own = _own_from(run, members, earlier) < run.end
            piece.struck = _struck(run, members, earlier)
            piece.known = True
            self.pieces.append(piece)
            piece.before = run is base
            if piece.before:
                self.base.append(index)
            for key, held in ours.items():
                if run is held:
                    self.sides[key].append(index)

    @property
    def lost(self) -> bool:
        """True if the type that all this lies in is gone: nothing can be put there."""
        for holder in holders(self.line):
            assert holder.line is not None
            low, high = visible(holder, holder.clock, holder.end, self.now)
            if low == high or (holder.line.key is not None and current(holder.line, self.now) is not holder):
                return True
        return False

    def screen_of(self, index: int) -> Screen:
        """A screen that shows a piece: the present one if it can be, else that of somebody who took part."""
        if self.pieces[index].alive:
            return self.now
        if self.pieces[index].before:
            return self.before
        return next((self.screens[key] for key, version in self.sides.items() if _holds(version, index)), everything)

    def say(self, indices: Iterable[int], screen: Screen | None = None) -> str:
        """What pieces say one after the other, deleted or not; what is nested in them, as on *screen*."""
        return joined(self.piece(index, screen) for index in indices)

    def piece(self, index: int, screen: Screen | None = None) -> tuple[bool, str]:
        """``(is it a value of a list, its text)``."""
        piece = self.pieces[index]
        return shown(self.shadow, piece.run, piece.low, piece.high, self.inside(index, screen))

    def inside(self, index: int, screen: Screen | None = None) -> Screen:
        """What shows what is nested in a piece: *screen*, which shows the piece itself, or else what all have made of
        it; of a piece that was removed, as if it had not been."""
        piece = self.pieces[index]
        if screen is not None or piece.run.kind != TYPE or piece.alive:
            return screen or self.now
        now, removers = self.now, _removers(self.shadow, piece.run)
        return lambda stroke: 0 if stroke in removers else now(stroke)

    def split(self, index: int, offset: int) -> None:
        """Cut one piece in two: versions are renumbered."""
        piece = self.pieces[index]
        rest = Piece(piece.run, piece.low + offset, piece.high)
        rest.alive, rest.before, rest.own = piece.alive, piece.before, piece.own
        rest.struck, rest.known = piece.struck, piece.known
        piece.high = rest.low
        self.pieces.insert(index + 1, rest)
        for version in (self.base, *self.sides.values()):
            version[:] = [new for old in version for new in _renumbered(old, index)]

    @property
    def left(self) -> Id | None:
        """The id before the first piece, None at the beginning."""
        if self.keyed:
            return None
        run, low = self.span.first, self.span.low
        if low > run.clock:
            return (run.client, low - 1)
        return None if run.left is None else (run.left.client, run.left.end - 1)

    @property
    def right(self) -> Id | None:
        """The id behind the last piece, None at the end."""
        if self.keyed:
            return None
        run, high = self.span.last, self.span.high
        if high < run.end:
            return (run.client, high)
        return None if run.right is None else (run.right.client, run.right.clock)

    def news(self, revision: int) -> list[int]:
        """The revisions of later edits than *revision* that changed something here."""
        found: set[int] = set()
        for piece in self.pieces:
            for stroke in (piece.run.stroke, *(piece.run.deleters or ())):
                if stroke.last_eff > revision:
                    found.update(stroke.revisions_from(stroke.nth_beyond(revision)))
        return sorted(found)

    def lost_since(self, revision: int) -> bool:
        """True if something that showed here at *revision* has been deleted since. Whoever did may have put something
        else just beside it, where it is no part of this place."""
        for piece in self.pieces:
            run = piece.run
            stood = run.deleters and run.stroke.eff_of(run.clock) <= revision
            if stood and all(stroke.eff > revision for stroke in run.deleters or ()):
                return True
        return False

    def revisions(self) -> tuple[int, ...]:
        """The revisions of the episode's events."""
        return tuple(sorted({rev for spot in self.cluster.spots for rev in spot.stroke.revisions_from(spot.nth)}))

    def late(self, revision: int) -> list[int]:
        """The revisions of the episode's events that were not released by *revision*."""
        found: set[int] = set()
        for spot in self.cluster.spots:
            nth = max(spot.nth, spot.stroke.nth_beyond(revision))
            if nth < spot.stroke.count:
                found.update(spot.stroke.revisions_from(nth))
        return sorted(found)


def _with(span: Span, revisions: frozenset[int]) -> Span:
    """*span*, so far that it holds what earlier resolutions put at its ends."""
    first, low, last, high = span
    for run in span.line.runs() if revisions and span.line.key is None else ():
        if run.stroke.revs is None and run.stroke.rev in revisions:
            if run.order < first.order:
                first, low = run, run.clock
            if run.order > last.order:
                last, high = run, run.end
    return Span(first, low, last, high)


def _members(cluster: Cluster) -> dict[Stroke, int]:
    """The episode's strokes and the first event of each that takes part."""
    found: dict[Stroke, int] = {}
    for spot in cluster.spots:
        found[spot.stroke] = min(spot.nth, found.get(spot.stroke, spot.nth))
    return found


def _own_from(run: Run, members: dict[Stroke, int], earlier: frozenset[int]) -> int:
    """The first clock of *run* that an event of the episode, or an earlier resolution, inserted."""
    nth = members.get(run.stroke)
    if nth is not None:
        return run.stroke.clock_at(nth) if nth else run.clock
    return run.clock if run.stroke.revs is None and run.stroke.rev in earlier else run.end


def _struck(run: Run, members: dict[Stroke, int], earlier: frozenset[int]) -> bool:
    """True if an event of the episode, or an earlier resolution, deleted *run*, which another had inserted."""
    return any((other in members and other is not run.stroke) or other.rev in earlier for other in run.deleters or ())


def _removers(shadow: Shadow, run: Run) -> frozenset[Stroke]:
    """Those who removed the type *run*, and those who deleted something in it when they had seen it go."""
    found = set(run.deleters or ())
    first = tuple(found)
    todo = [run]
    while todo:
        for line in shadow.below.get(todo.pop(), ()):
            for inner in line.runs():
                found.update(one for one in inner.gone or () if any(one.knows(other) for other in first))
                if inner.kind == TYPE:
                    todo.append(inner)
    return frozenset(found)


def _cuts(low: int, high: int, at: Iterable[int]) -> Iterator[tuple[int, int]]:
    edges = sorted({low, high, *(clock for clock in at if low < clock < high)})
    yield from pairwise(edges)


def _holds(version: list[int], index: int) -> bool:
    at = bisect_left(version, index)
    return at < len(version) and version[at] == index


def _renumbered(old: int, split: int) -> tuple[int, ...]:
    if old < split:
        return (old,)
    return (old, old + 1) if old == split else (old + 1,)
