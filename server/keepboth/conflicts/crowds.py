"""Where so many edits meet that weighing each against each would take too long.

A cluster of more than ``cap`` spots is a *crowd*. From then on it takes in, unweighed, every spot that touches
anything between its first and last item and was made apart from (concurrently with) one of its members; and of the
events of such a stroke all that somebody in the crowd had not seen. That is coarser than the definition's touching,
never finer, and depends on nothing but who is in the crowd; so the crowd ends up the same whatever the order of
arrival. Edits that touch the place and are apart from nobody are remembered as *visitors*: a later member may be apart
from them.

An edit that lands in a crowd costs a few look-ups, however large the crowd is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from keepboth.conflicts.reaches import link
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke, parted
from keepboth.yjs.structs import Id

if TYPE_CHECKING:
    from keepboth.conflicts.episodes import Cluster, Clusters, Spot

Join = tuple[Stroke, Run, int]
"""``(stroke, a run it touched, its first event that takes part)``: to become part of a crowd."""


class Crowd:
    """What a crowded cluster knows besides its spots. ``low`` and ``high`` are its first and last id."""

    __slots__ = ("floor", "high", "latest", "line", "low", "partial", "partly", "several", "visited", "visitors")

    def __init__(self, line: Line) -> None:
        self.line = line
        self.low: Id | None = None
        self.high: Id | None = None
        self.floor: int | None = None  # the least of its members' floors
        self.latest: dict[Session, Stroke] = {}
        self.partial: dict[Spot, None] = {}  # members not all of whose events take part
        self.partly = 0  # the greatest effective revision that may be one of those events
        self.visitors: dict[Stroke, dict[Run, None]] = {}
        self.visited = 0  # the greatest effective revision of a visitor
        self.several: dict[Stroke, Spot] = {}  # of members with more than one spot, one that is here

    def covers(self, shadow: Shadow, run: Run) -> bool:
        """True if any of *run* lies in the crowd's span."""
        if run.line is not self.line or self.low is None or self.high is None:
            return False
        low, high = shadow.find(*self.low), shadow.find(*self.high)
        return (low.order, self.low[1]) <= (run.order, run.end - 1) and (run.order, run.clock) <= (
            high.order,
            self.high[1],
        )

    def apart(self, cluster: Cluster, stroke: Stroke) -> bool:
        """True if *stroke* is concurrent with a member."""
        if self.floor is not None and stroke.last_eff <= self.floor:
            return False
        unseen = [
            other
            for session, other in self.latest.items()
            if session is not stroke.session and other.last_eff > stroke.floor
        ]
        return bool(unseen) and (
            any(parted(stroke, other) for other in unseen) or any(parted(stroke, spot.stroke) for spot in cluster.spots)
        )


def land(clusters: Clusters, stroke: Stroke, run: Run, nth: int) -> None:
    """Bring what the events of *stroke* from the *nth* on did to *run* into the crowds that it lies in."""
    spot = clusters.spot(stroke, run, nth) if stroke.spots is not None else None
    if spot is not None and spot.cluster is not None and spot.cluster.crowd is not None:
        clusters.fresh.append(spot)  # a stroke that goes on
    for cluster in list(clusters.crowds):
        crowd = cluster.crowd
        clusters.steps += 1
        if crowd is None or (spot is not None and spot.cluster is cluster) or not crowd.covers(clusters.shadow, run):
            continue
        if crowd.apart(cluster, stroke):
            spot = clusters.spot(stroke, run, nth)
            clusters.unite((cluster.spots[0], spot), 0, False)
        else:
            _visit(crowd, stroke, run)
    settle(clusters)


def settle(clusters: Clusters) -> None:
    """Let crowds take in all they must."""
    while clusters.fresh or clusters.crowded:
        for cluster in clusters.crowded:
            if cluster in clusters.all and cluster.crowd is None:
                line = cluster.spots[0].first.line
                assert line is not None
                cluster.crowd = Crowd(line)
                clusters.crowds[cluster] = None
                clusters.touched[cluster] = None
                clusters.fresh += cluster.spots
        clusters.crowded.clear()
        if clusters.fresh:
            spot = clusters.fresh.pop()
            if spot.cluster is not None and spot.cluster.crowd is not None:
                _admit(clusters, spot, spot.cluster, spot.cluster.crowd)


def _admit(clusters: Clusters, spot: Spot, cluster: Cluster, crowd: Crowd) -> None:
    """Let the crowd take notice of a member that is new, or has new events."""
    stroke = spot.stroke
    crowd.floor = stroke.floor if crowd.floor is None else min(crowd.floor, stroke.floor)
    latest = crowd.latest.get(stroke.session)
    if latest is None or latest.last_eff < stroke.last_eff:
        crowd.latest[stroke.session] = stroke
    if spot.nth and spot not in crowd.partial:
        clusters.steps += len(cluster.spots)
        clusters.join_from(spot, _first_apart(cluster, stroke))
        if spot.nth and stroke.effs is not None:
            crowd.partial[spot] = None
            crowd.partly = max(crowd.partly, stroke.effs[spot.nth - 1])
    if stroke.floor < crowd.partly:
        for other in list(crowd.partial):
            clusters.steps += 1
            if parted(stroke, other.stroke):
                clusters.join_from(other, stroke.cut(other.stroke))
                if not other.nth:
                    del crowd.partial[other]
    joins: list[Join] = []
    if stroke.floor < crowd.visited:
        for visitor in list(crowd.visitors):
            clusters.steps += 1
            if parted(stroke, visitor):
                joins += [(visitor, run, stroke.cut(visitor)) for run in crowd.visitors.pop(visitor)]
    grown = False
    for run in _grow(clusters.shadow, crowd, spot):
        grown = True
        clusters.steps += 1
        if not run.mute:
            for one in (run.stroke, *run.acts()):
                _consider(clusters, cluster, crowd, one, run, joins)
    for one, run, nth in joins:
        clusters.unite((spot, clusters.spot(one, run, nth)), 0, False)
    if isinstance(stroke.spots, list) or stroke.places is not None:
        crowd.several[stroke] = spot
        link(clusters, stroke, (spot,))
    if grown and spot.cluster is not None and spot.cluster.crowd is not None:
        for one, its in list(spot.cluster.crowd.several.items()):
            link(clusters, one, (its,))


def _consider(clusters: Clusters, cluster: Cluster, crowd: Crowd, stroke: Stroke, run: Run, joins: list[Join]) -> None:
    """Decide about somebody who touched a run that the crowd has just come to cover."""
    if stroke.spots is not None and clusters.spot(stroke, run, stroke.count).cluster is cluster:
        return
    if crowd.apart(cluster, stroke):
        joins.append((stroke, run, _first_apart(cluster, stroke)))
    else:
        _visit(crowd, stroke, run)


def _visit(crowd: Crowd, stroke: Stroke, run: Run) -> None:
    crowd.visitors.setdefault(stroke, {})[run] = None
    crowd.visited = max(crowd.visited, stroke.last_eff)


def note_visitors(clusters: Clusters, pack: Stroke, strokes: list[Stroke]) -> None:
    """Let *strokes*, which *pack* stood for, visit the crowds that it visited."""
    for cluster in clusters.crowds:
        if cluster.crowd is not None and cluster.crowd.visitors.pop(pack, None) is not None:
            for stroke in strokes:
                for run in clusters.shadow.runs(stroke.ins + stroke.dels):
                    if cluster.crowd.covers(clusters.shadow, run):
                        _visit(cluster.crowd, stroke, run)


def _first_apart(cluster: Cluster, stroke: Stroke) -> int:
    """The first event of *stroke* that a member it is apart from had not seen."""
    if stroke.revs is None:
        return 0
    return min(
        (spot.stroke.cut(stroke) for spot in cluster.spots if parted(spot.stroke, stroke)), default=stroke.count - 1
    )


def _grow(shadow: Shadow, crowd: Crowd, spot: Spot) -> Iterator[Run]:
    """Widen the crowd's span to hold *spot*; yield the runs that it covers only now."""
    first, last = spot.ends()
    if crowd.low is None or crowd.high is None:
        crowd.low, crowd.high = first, last
        yield from _between(shadow, first, last)
        return
    if _place(shadow, first) < _place(shadow, crowd.low):
        old, crowd.low = crowd.low, first
        yield from _between(shadow, first, old)
    if _place(shadow, last) > _place(shadow, crowd.high):
        old, crowd.high = crowd.high, last
        yield from _between(shadow, old, last)


def _place(shadow: Shadow, item: Id) -> tuple[int, int]:
    return (shadow.find(*item).order, item[1])


def _between(shadow: Shadow, first: Id, last: Id) -> Iterator[Run]:
    run: Run | None = shadow.find(*first)
    stop = shadow.find(*last)
    while run is not None:
        yield run
        if run is stop:
            return
        run = run.right


class Shortcut:
    """Lets a walk from what an edit did to one run leap over crowds that this spot of the edit is part of."""

    def __init__(self, clusters: Clusters, stroke: Stroke, nth: int, run: Run) -> None:
        self._clusters = clusters
        self._stroke = stroke
        self._nth = nth
        self._run = run

    def across(self, run: Run) -> tuple[Run, Run] | None:
        """The first and last run of a crowd that the spot is part of and *run* lies in."""
        if self._stroke.spots is None:
            return None
        shadow = self._clusters.shadow
        cluster = self._clusters.spot(self._stroke, self._run, self._nth).cluster
        crowd = cluster.crowd if cluster is not None else None
        if crowd is None or crowd.low is None or crowd.high is None or not crowd.covers(shadow, run):
            return None
        return shadow.find(*crowd.low), shadow.find(*crowd.high)

    def join(self, partner: Stroke, run: Run) -> bool:
        """The spot touches *partner* at *run* for certain: if that lies in a crowd, become part of it."""
        clusters = self._clusters
        if partner.spots is None:
            return False
        spot = clusters.spot(partner, run, partner.count)
        if spot.cluster is None or spot.cluster.crowd is None:
            return False
        clusters.unite((spot, clusters.spot(self._stroke, self._run, self._nth)), 0, False)
        settle(clusters)
        return True
