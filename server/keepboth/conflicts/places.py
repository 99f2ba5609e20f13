"""Where an edit takes part in a collision without a spot of its own there: keys, removed types, formatted text.

A *place* is a spot besides those that an edit's inserts and deletes make: one for each key it has to do with, one for
each removed type that it was made inside, one for each piece of text that it formatted and others formatted or deleted.
"""

from __future__ import annotations

from typing import Final

from keepboth.conflicts.episodes import NO_LOW, Cluster, Clusters, LowId, Spot, low_id
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Stroke
from keepboth.yjs.structs import FORMAT, Id

PlaceKey = tuple[Line, Id | None]
"""A line, and in a sequence the removed type or the first character that it was made for."""

KEY: Final = 0
TYPE_REMOVED: Final = 1
FORMATTED: Final = 2


class Place(Spot):
    """A spot that reaches from ``left`` to ``right``, as far as its records."""

    __slots__ = ("what",)

    beside = True

    def __init__(self, stroke: Stroke, nth: int, first: Run, ends: tuple[Id, Id], low: LowId, what: int) -> None:
        super().__init__(stroke, nth, first, ends[1], low)
        self.left, self.right = ends
        self.what = what

    def ends(self) -> tuple[Id, Id]:
        """The first and last id of what takes part."""
        assert self.left is not None
        assert self.right is not None
        return self.left, self.right


def writes(shadow: Shadow, stroke: Stroke) -> dict[Line, list[Run]]:
    """What *stroke* wrote, by key, and the format items that it touched, by sequence."""
    if stroke.lines is None:
        stroke.lines = {}
        for run in shadow.runs(stroke.wrote):
            if run.line is not None:
                stroke.lines.setdefault(run.line, []).append(run)
        for runs in stroke.lines.values():
            runs.sort(key=lambda run: run.order)
    return stroke.lines


def key_place(clusters: Clusters, stroke: Stroke, line: Line, nth: int, around: Run) -> Spot:
    """The place of *stroke* in the key *line*; *around*: the type there, if it wrote nothing itself."""
    place = _found(clusters, stroke, (line, None), nth)
    if place is None:
        runs = writes(clusters.shadow, stroke).get(line, [])
        low = min((low_id(stroke, run, run.clock) for run in runs), default=NO_LOW)
        runs = runs or [around]
        ends = (runs[0].client, runs[0].clock), (runs[-1].client, runs[-1].end - 1)
        place = _keep(stroke, (line, None), Place(stroke, nth, runs[0], ends, low, KEY))
    return place


def type_place(clusters: Clusters, stroke: Stroke, run: Run, nth: int) -> Spot:
    """The place of *stroke*, which edited inside the removed type *run*, beside that type."""
    assert run.line is not None
    if run.line.key is not None:
        return key_place(clusters, stroke, run.line, nth, run)
    item = (run.client, run.clock)
    place = _found(clusters, stroke, (run.line, item), nth)
    if place is None:
        place = _keep(stroke, (run.line, item), Place(stroke, nth, run, (item, item), NO_LOW, TYPE_REMOVED))
    return place


def format_place(clusters: Clusters, stroke: Stroke, line: Line, first: Id, last: Id) -> Spot:
    """The place of *stroke* where it formatted text from *first* to *last*."""
    low, high = clusters.place(first), clusters.place(last)
    for place in format_places(stroke, line):
        left, right = place.ends()
        if clusters.place(left) <= high and clusters.place(right) >= low:
            return place
    return _keep(
        stroke, (line, first), Place(stroke, 0, clusters.shadow.find(*first), (first, last), NO_LOW, FORMATTED)
    )


def format_places(stroke: Stroke, line: Line) -> list[Place]:
    """The places where *stroke* formatted text of *line*."""
    places = stroke.places or {}
    return [
        place
        for (where, _), place in places.items()
        if where is line and isinstance(place, Place) and place.what == FORMATTED
    ]


def _format_item(shadow: Shadow, spot: Spot) -> tuple[int, int, int] | None:
    """``(0, client, clock)`` of the lowest format item that a stroke inserted where it formatted, else ``(1, …)`` of
    the lowest that it deleted; None if the spot is not about formats."""
    line = spot.first.line
    if not isinstance(spot, Place) or spot.what != FORMATTED or line is None:
        return None
    items = [run for run in writes(shadow, spot.stroke).get(line, []) if run.kind == FORMAT]
    return min((int(run.stroke is not spot.stroke), run.client, run.clock) for run in items)


def episode_id(shadow: Shadow, cluster: Cluster) -> str:
    """What names the episode: the lowest id that its edits created or deleted there. Where they only formatted, ``f-``,
    the lowest format item that one of them inserted, and the first character where that one met others."""
    if cluster.low != NO_LOW:
        client, clock, what = cluster.low
        return f"{what}-{client}-{clock}"
    marks = [(item, spot.ends()[0]) for spot in cluster.spots if (item := _format_item(shadow, spot)) is not None]
    lowest = min(item for item, _ in marks)
    first = min((id for item, id in marks if item == lowest), key=lambda id: (shadow.find(*id).order, id[1]))
    return f"f-{lowest[1]}-{lowest[2]}-{first[0]}-{first[1]}"


def _found(clusters: Clusters, stroke: Stroke, key: PlaceKey, nth: int) -> Spot | None:
    place = stroke.places.get(key) if stroke.places is not None else None
    if place is not None and nth < place.nth:
        clusters.join_from(place, nth)
    return place


def _keep(stroke: Stroke, key: PlaceKey, place: Place) -> Place:
    if stroke.places is None:
        stroke.places = {}
    stroke.places[key] = place
    return place
