"""Neighbouring spots of one edit: those whose records lie near each other on its author's screen belong together.

How far the records of a spot reach only ever grows, and so does the span of a crowd. What is near each other is kept as
a chain of stretches, none of which is near the next; whatever has grown is put in there, at the cost of a look-up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NamedTuple

from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.strokes import Stroke, visible_units
from keepboth.yjs.structs import Id

if TYPE_CHECKING:
    from keepboth.conflicts.episodes import Clusters, Spot

MANY: Final = 8
"""The chain of an edit with so many spots is kept."""


class Stretch(NamedTuple):
    """From the id ``left`` to ``right``: the records of ``spot`` and of others in its cluster."""

    left: Id
    right: Id
    spot: Spot


Chain = dict[Line, list[Stretch]]
"""By sequence, in document order: stretches none of which is near another."""


def link(clusters: Clusters, stroke: Stroke, grown: Iterable[Spot]) -> None:
    """Unite the spots of *stroke* whose records lie within the gap of each other on its author's screen; *grown* are
    those that are new or reach farther than when it was asked last."""
    spots = spots_of(stroke)
    if len(spots) < 2:
        return
    if clusters.chains is None:
        clusters.chains = {}
    chain = clusters.chains.get(stroke)
    if chain is None:
        chain = {}
        grown = spots
        if len(spots) >= MANY:
            clusters.chains[stroke] = chain
    for spot in grown:
        line = spot.first.line
        crowd = spot.cluster.crowd if spot.cluster is not None else None
        left, right = (spot.left, spot.right) if crowd is None else (crowd.low, crowd.high)
        if left is not None and right is not None and line is not None and line.key is None:
            _put(clusters, stroke, chain.setdefault(line, []), Stretch(left, right, spot))


def spots_of(stroke: Stroke) -> list[Spot]:
    """All spots and places of *stroke*."""
    spots = stroke.spots
    found = spots if isinstance(spots, list) else [] if spots is None else [spots]
    return found if stroke.places is None else [*found, *stroke.places.values()]


def _put(clusters: Clusters, stroke: Stroke, stretches: list[Stretch], new: Stretch) -> None:
    """Put *new* in its place, as one with all that is near it."""
    place = clusters.place
    left, right = new.left, new.right
    low = bisect_left(stretches, place(left), key=lambda one: place(one.right))
    if low and _near(clusters, stroke, stretches[low - 1].right, left):
        low -= 1
    high = low
    while high < len(stretches) and (
        place(stretches[high].left) <= place(right) or _near(clusters, stroke, right, stretches[high].left)
    ):
        one = stretches[high]
        if one.spot.cluster is not new.spot.cluster:
            clusters.unite((one.spot, new.spot), 0, False)
        left = min(left, one.left, key=place)
        right = max(right, one.right, key=place)
        high += 1
    stretches[low:high] = [Stretch(left, right, new.spot)]


def _near(clusters: Clusters, stroke: Stroke, left: Id, right: Id) -> bool:
    """True if at most ``gap`` units between two ids are on the stroke's screen, or they overlap."""
    start, stop = clusters.shadow.find(*left), clusters.shadow.find(*right)
    if (stop.order, right[1]) <= (start.order, left[1]):
        return True
    seen = 0
    run: Run | None = start
    while run is not None:
        clusters.steps += 1
        low = left[1] + 1 if run is start else run.clock
        high = right[1] if run is stop else run.end
        if low < high:
            seen += visible_units(stroke, run, low, high)
            if seen > clusters.gap:
                return False
        if run is stop:
            break
        run = run.right
    return True
