"""Which meetings belong together: spots, and the clusters they grow into.

A *spot* is a part of what a stroke did with nothing else visible in between on its author's screen; whoever meets one
end of it meets all of it. A keystroke has one spot, an edit in ten places ten. A *cluster* is a set of spots: two spots
that met are in one, and so are two spots of one stroke whose records reach within ``gap`` visible characters of each
other on its author's screen. Every cluster is an episode of the log. Clusters only ever grow and merge, whatever the
order in which their events come, and end up the same.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Final

from keepboth.conflicts.crowds import Crowd
from keepboth.conflicts.model import Severity
from keepboth.conflicts.reaches import Chain, spots_of
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Stroke, visible_units
from keepboth.yjs.structs import Id

LowId = tuple[int, int, str]
"""``(client, clock, "c" or "d")``: an id somebody touched, created or deleted. The lowest names the episode."""

NO_LOW: Final[LowId] = (2**64, 0, "")
"""Of a spot that neither created nor deleted anything there."""


class Cluster:
    """A connected set of spots. ``published``: the ids it was given out under, by itself or by clusters it took in.

    ``weight``: how many of its spots are not just beside (see `places`); ``crowd`` is set once they are more than
    ``cap``. ``severity`` and
    ``settled_by`` are as they were given out last.
    """

    __slots__ = ("certain", "crowd", "kinds", "low", "published", "settled_by", "severity", "spots", "weight")

    def __init__(self, spot: Spot) -> None:
        self.spots: list[Spot] = []
        self.kinds = 0
        self.certain = False
        self.low = spot.low
        self.published: list[str] = []
        self.crowd: Crowd | None = None
        self.weight = 0
        self.severity: Severity = "same-gap"
        self.settled_by: int | None = None

    @property
    def line(self) -> Line:
        line = self.spots[0].first.line
        assert line is not None
        return line


class Spot:
    """``first`` is its leftmost run, ``last`` its last id. ``nth``: the first event of the stroke that takes part.

    ``left`` and ``right`` are the outermost ids of its records, kept where the stroke has or may get several spots.
    """

    __slots__ = ("cluster", "first", "last", "left", "low", "nth", "right", "stroke")

    beside = False

    def __init__(self, stroke: Stroke, nth: int, first: Run, last: Id, low: LowId) -> None:
        self.stroke = stroke
        self.nth = nth
        self.first = first
        self.last = last
        self.low = low
        self.left: Id | None = None
        self.right: Id | None = None
        self.cluster: Cluster | None = None

    def ends(self) -> tuple[Id, Id]:
        """The first and last id of what takes part."""
        stroke = self.stroke
        if stroke.revs is None:
            return (self.first.client, self.first.clock), self.last
        client, clock, length = stroke.ins
        return (client, stroke.clock_at(self.nth)), (client, clock + length - 1)


def clusters_of(stroke: Stroke) -> list[Cluster]:
    """The clusters that *stroke* takes part in; one may be there several times."""
    if stroke.spots is None and stroke.places is None:
        return []
    return [spot.cluster for spot in spots_of(stroke) if spot.cluster is not None]


def low_id(stroke: Stroke, run: Run, clock: int) -> LowId:
    return (run.client, clock, "c" if run.stroke is stroke else "d")


class Clusters:
    """The clusters of one document. ``touched`` collects those that changed, for whoever reports them to empty.

    ``keyed``: the clusters of each key. ``crowded`` and ``fresh`` are clusters that have become crowds and spots new in
    one: `crowds.settle` empties them. ``chains``: see `reaches`; only saves time.
    """

    __slots__ = ("_cap", "all", "chains", "crowded", "crowds", "fresh", "gap", "keyed", "shadow", "steps", "touched")

    def __init__(self, shadow: Shadow, gap: int, cap: int | None) -> None:
        self.shadow = shadow
        self.gap = gap
        self._cap = cap
        self.all: dict[Cluster, None] = {}
        self.crowds: dict[Cluster, None] = {}
        self.keyed: dict[Line, dict[Cluster, None]] = {}
        self.chains: dict[Stroke, Chain] | None = None
        self.touched: dict[Cluster, None] = {}
        self.crowded: list[Cluster] = []
        self.fresh: list[Spot] = []
        self.steps = 0

    # -- growing ---------------------------------------------------------------------------------------------------

    def unite(self, spots: Iterable[Spot], kinds: int, certain: bool) -> Cluster:
        """Make one cluster of the clusters of *spots*."""
        result: Cluster | None = None
        alone: list[Spot] = []
        for spot in spots:
            if spot.cluster is None:
                alone.append(spot)
            elif result is None:
                result = spot.cluster
            elif spot.cluster is not result:
                result = self._merge(result, spot.cluster)
        if result is None:
            result = Cluster(alone[0])
            self.all[result] = None
            line = alone[0].first.line
            if line is not None and line.key is not None:
                self.keyed.setdefault(line, {})[result] = None
        for spot in alone:
            if spot.cluster is None:
                self._take(result, spot)
        if kinds & ~result.kinds or (certain and not result.certain):
            result.kinds |= kinds
            result.certain = result.certain or certain
            self.touched[result] = None
        return result

    def _take(self, cluster: Cluster, spot: Spot) -> None:
        spot.cluster = cluster
        cluster.spots.append(spot)
        cluster.low = min(cluster.low, spot.low)
        cluster.weight += not spot.beside
        self.touched[cluster] = None
        if cluster.crowd is not None:
            self.fresh.append(spot)
        elif self._cap is not None and cluster.weight > self._cap:
            self.crowded.append(cluster)

    def _merge(self, one: Cluster, other: Cluster) -> Cluster:
        if len(one.spots) < len(other.spots):
            one, other = other, one
        for spot in other.spots:
            spot.cluster = one
        if one.crowd is not None:
            self.fresh += other.spots
        elif other.crowd is not None:
            one.crowd = other.crowd
            self.crowds[one] = None
            self.fresh += one.spots
        elif self._cap is not None and one.weight + other.weight > self._cap:
            self.crowded.append(one)
        if other in self.keyed.get(one.line, ()):
            del self.keyed[one.line][other]
        one.weight += other.weight
        one.spots += other.spots
        one.kinds |= other.kinds
        one.certain = one.certain or other.certain
        one.low = min(one.low, other.low)
        one.published += other.published
        del self.all[other]
        self.crowds.pop(other, None)
        self.touched.pop(other, None)
        self.touched[one] = None
        return one

    def join_from(self, spot: Spot, nth: int) -> None:
        """Let the events of the spot's stroke from the *nth* on take part."""
        if nth < spot.nth:
            spot.nth = nth
            stroke = spot.stroke
            if not spot.beside:
                spot.low = (stroke.ins[0], stroke.clock_at(nth), "c")
            if spot.cluster is not None:
                spot.cluster.low = min(spot.cluster.low, spot.low)
                self.touched[spot.cluster] = None

    # -- spots -----------------------------------------------------------------------------------------------------

    def spot(self, stroke: Stroke, run: Run, nth: int) -> Spot:
        """The spot of *stroke* that *run*, which it touched, lies in; its events from the *nth* on take part."""
        spots = stroke.spots
        if spots is None:
            spots = stroke.spots = self._spots(stroke, nth)
        if isinstance(spots, Spot):
            if nth < spots.nth:
                self.join_from(spots, nth)
            return spots
        return spots[bisect_right(spots, _where(run), key=_place) - 1]

    def _spots(self, stroke: Stroke, nth: int) -> Spot | list[Spot]:
        if stroke.revs is not None:
            client, clock = stroke.ins[0], stroke.clock_at(nth)
            first = self.shadow.find(client, clock)
            return Spot(stroke, nth, first, (client, clock), (client, clock, "c"))
        runs = touched_runs(self.shadow, stroke)
        groups = [[runs[0]]]
        for run in runs[1:]:
            if self._apart(stroke, groups[-1][-1], run):
                groups.append([run])
            else:
                groups[-1].append(run)
        spots = []
        for group in groups:
            low = min(low_id(stroke, run, run.clock) for run in group)
            spots.append(Spot(stroke, 0, group[0], (group[-1].client, group[-1].end - 1), low))
        return spots[0] if len(spots) == 1 else spots

    def _apart(self, stroke: Stroke, left: Run, right: Run) -> bool:
        """True if something that the stroke's author saw and did not insert lies between two runs."""
        if left.line is not right.line:
            return True
        run = left.right
        while run is not None and run is not right:
            self.steps += 1
            if run.stroke is not stroke and visible_units(stroke, run, run.clock, run.end):
                return True
            run = run.right
        return False

    def regroup(self, stroke: Stroke) -> None:
        """Find the spots of *stroke* again: it turned out to have deleted more than was there when it came."""
        old = [stroke.spots] if isinstance(stroke.spots, Spot) else stroke.spots or []
        stroke.spots = None
        if self.chains is not None:
            self.chains.pop(stroke, None)
        for spot in old:
            cluster = spot.cluster
            if cluster is None:
                continue
            now = self.spot(stroke, spot.first, 0)
            cluster.spots.remove(spot)
            cluster.spots.append(now)
            cluster.low = min(cluster.low, now.low)
            now.cluster, now.left, now.right = cluster, spot.left, spot.right
            if cluster.crowd is not None and stroke in cluster.crowd.several:
                cluster.crowd.several[stroke] = now
            self.touched[cluster] = None

    # -- neighbouring spots of one stroke ----------------------------------------------------------------------------

    def reach(self, spot: Spot, first: Id, last: Id) -> bool:
        """Note that a record of *spot* reaches from *first* to *last*; return True if that is news for
        `reaches.link`."""
        stroke = spot.stroke
        several = stroke.places is not None or isinstance(stroke.spots, list)
        if not several and not self.shadow.below and not self.shadow.formatted:
            return False
        news = spot.beside  # may be new
        before = (spot.left, spot.right)
        if spot.left is None or self.place(first) < self.place(spot.left):
            spot.left = first
            news = True
        if spot.right is None or self.place(last) > self.place(spot.right):
            spot.right = last
            news = True
        if spot.beside and spot.cluster is not None and (spot.left, spot.right) != before:
            self.touched[spot.cluster] = None
        return news and several and spot.first.line is not None and spot.first.line.key is None

    def place(self, item: Id) -> tuple[int, int]:
        """Where an id lies in its line: grows along it."""
        return (self.shadow.find(*item).order, item[1])


def _where(run: Run) -> tuple[int, int]:
    """Line by line, in document order."""
    assert run.line is not None
    return (run.line.number, run.order)


def _place(spot: Spot) -> tuple[int, int]:
    return _where(spot.first)


def touched_runs(shadow: Shadow, stroke: Stroke) -> list[Run]:
    """What one event inserted or deleted, in document order, line by line."""
    runs = [run for run in shadow.runs(stroke.ins + stroke.dels) if not run.mute]
    runs.sort(key=_where)
    return runs
