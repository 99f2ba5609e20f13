"""From an id back to the episode that it names or ever named."""

from __future__ import annotations

from keepboth.conflicts.episodes import Cluster, Clusters, Spot
from keepboth.conflicts.places import format_places
from keepboth.conflicts.runs import Run
from keepboth.conflicts.strokes import Stroke


def cluster_named(clusters: Clusters, id: str) -> Cluster | None:
    """The cluster that *id* names, or that took in the one it named; None if there is none."""
    what, *numbers = id.split("-")
    try:
        client, clock, *first = map(int, numbers)
        run = clusters.shadow.find(client, clock)
        if what == "f" and len(first) == 2:
            return _formatted(clusters, run, (first[0], first[1]))
    except (KeyError, ValueError):
        return None
    if first:
        return None
    strokes = (run.stroke,) if what == "c" else run.acts() if what == "d" else ()
    for stroke in strokes:
        spot = _spot_at(clusters, stroke, run)
        if spot is not None and spot.cluster is not None:
            return spot.cluster
    return None


def _spot_at(clusters: Clusters, stroke: Stroke, run: Run) -> Spot | None:
    if run.line is not None and run.line.key is not None:
        return (stroke.places or {}).get((run.line, None))
    return None if stroke.spots is None or run.mute else clusters.spot(stroke, run, stroke.count)


def _formatted(clusters: Clusters, run: Run, first: tuple[int, int]) -> Cluster | None:
    """The cluster of the place where somebody who touched the format item *run* formatted the character *first*."""
    where = clusters.shadow.find(*first).line
    if where is None:
        return None
    for stroke in (run.stroke, *run.acts()):
        for place in format_places(stroke, where):
            low, high = place.ends()
            if clusters.place(low) <= clusters.place(first) <= clusters.place(high):
                return place.cluster
    return None
