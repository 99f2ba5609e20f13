"""The sides of an episode: who wrote what, and what of it the merge does not show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from keepboth.conflicts.episodes import Spot
from keepboth.conflicts.formats import painted_by, paints
from keepboth.conflicts.model import Side
from keepboth.conflicts.places import FORMATTED, Place
from keepboth.conflicts.rendering import DEEPEST, Part, Piece, joined, key_text, shown, text
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen, current, union_of, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Stroke
from keepboth.yjs.structs import TYPE, Id


class Region(NamedTuple):
    """Where an episode is: parts of a sequence, or a whole key."""

    line: Line
    parts: tuple[Part, ...]
    makers: dict[Stroke, list[int]]

    @classmethod
    def of(cls, line: Line, parts: tuple[Part, ...]) -> Region:
        """The region of *parts* of *line*."""
        makers: dict[Stroke, list[int]] = {}
        for at, (run, _, _) in enumerate(parts):
            if not run.mute:
                makers.setdefault(run.stroke, []).append(at)
        return cls(line, parts, makers)

    def on(self, shows: Screen) -> Region:
        """What of it those inserted who are on a screen: all that can be visible there."""
        places = [at for maker, own in self.makers.items() if shows(maker) for at in own]
        if len(places) == len(self.parts):
            return self
        places.sort()
        return Region(self.line, tuple(self.parts[at] for at in places), self.makers)

    def text(self, shadow: Shadow, shows: Screen) -> str:
        """What it says on a screen."""
        return text(shadow, self.parts, shows) if self.line.key is None else key_text(shadow, self.line, shows)


def parts_between(shadow: Shadow, first: Id, last: Id) -> Iterator[Part]:
    """The parts of a sequence from one id to another."""
    start, stop = shadow.find(*first), shadow.find(*last)
    run: Run | None = start
    while run is not None:
        yield run, first[1] if run is start else run.clock, last[1] + 1 if run is stop else run.end
        run = run.right if run is not stop else None


def by_side(spots: Iterable[Spot]) -> dict[tuple[str, str | None], list[Spot]]:
    """*spots* by ``(actor, None)``, or where there is only one actor by ``(actor, session)``."""
    found: dict[tuple[str, str | None], list[Spot]] = {}
    for spot in spots:
        found.setdefault((spot.stroke.actor, None), []).append(spot)
    if len(found) == 1:
        ((actor, _), spots), found = next(iter(found.items())), {}
        for spot in spots:
            found.setdefault((actor, spot.stroke.session.name), []).append(spot)
    return dict(sorted(found.items(), key=lambda entry: (entry[0][0], entry[0][1] or "")))


def side_of(
    shadow: Shadow, region: Region, who: tuple[str, str | None], spots: list[Spot], merged: Screen, merged_text: str
) -> Side:
    """One side of an episode, whole."""
    own = union_of(spot.stroke for spot in spots)
    region = region.on(own)
    said = region.text(shadow, own)
    lost = "" if said == merged_text else joined(_lost(shadow, region, _events(spots), own, merged))
    return Side(
        who[0],
        said,
        tuple(sorted({rev for spot in spots for rev in spot.stroke.revisions_from(spot.nth)})),
        who[1],
        lost,
        tuple(sorted(set(_formats(shadow, spots)))),
    )


def rewrote(region: Region, before: Region, spots: list[Spot], base: Screen) -> bool:
    """True if a side deleted something of the base and inserted something that it still had in the end.

    *before* is what of the region can be visible on *base*.
    """
    own = union_of(spot.stroke for spot in spots)
    events = _events(spots)
    if region.line.key is not None:
        run = current(region.line, own)
        return run is not None and run.stroke in events and current(region.line, base) is not None
    if not any(_made(events, run, *visible(run, low, high, own)) for run, low, high in region.on(own).parts):
        return False
    for run, start, stop in before.parts:
        if run.deleters is not None and any(other in events for other in run.acts()):
            low, high = visible(run, start, stop, base)
            if low < high:
                return True
    return False


def _events(spots: Iterable[Spot]) -> dict[Stroke, int]:
    """The first event of each stroke that takes part."""
    events: dict[Stroke, int] = {}
    for spot in spots:
        events[spot.stroke] = min(spot.nth, events.get(spot.stroke, spot.nth))
    return events


def _made(events: Mapping[Stroke, int], run: Run, low: int, high: int) -> tuple[int, int] | None:
    """What of clocks *low* to before *high* of *run* these events inserted."""
    nth = events.get(run.stroke)
    if nth is None or high <= low:
        return None
    if nth:
        low = max(low, run.stroke.clock_at(nth))
    return (low, high) if low < high else None


def _lost(shadow: Shadow, region: Region, events: Mapping[Stroke, int], own: Screen, merged: Screen) -> Iterator[Piece]:
    if region.line.key is None:
        yield from _lost_parts(shadow, region.parts, events, own, merged, 0)
    else:
        yield from _lost_key(shadow, region.line, events, own, merged, 0)


def _lost_parts(
    shadow: Shadow, parts: Iterable[Part], events: Mapping[Stroke, int], own: Screen, merged: Screen | None, depth: int
) -> Iterator[Piece]:
    """What *events* inserted in *parts* and *own* shows, but not *merged*; None shows nothing."""
    for run, start, stop in parts:
        low, high = visible(run, start, stop, own)
        if low == high:
            continue
        stays = False
        if merged is not None:
            left, right = visible(run, low, high, merged)
            stays = left < right
        made = None if stays else _made(events, run, low, high)
        if made is not None:
            yield shown(shadow, run, *made, own)
        elif run.kind == TYPE:
            yield from _lost_below(shadow, run, events, own, merged if stays else None, depth)


def _lost_key(
    shadow: Shadow, line: Line, events: Mapping[Stroke, int], own: Screen, merged: Screen | None, depth: int
) -> Iterator[Piece]:
    run = current(line, own)
    if run is None:
        return
    stays = merged is not None and current(line, merged) is run
    if not stays and run.stroke in events:
        said = shown(shadow, run, run.end - 1, run.end, own)
        if merged is None or joined((said,)) != key_text(shadow, line, merged):
            yield said
    elif run.kind == TYPE:
        yield from _lost_below(shadow, run, events, own, merged if stays else None, depth)


def _lost_below(
    shadow: Shadow, run: Run, events: Mapping[Stroke, int], own: Screen, merged: Screen | None, depth: int
) -> Iterator[Piece]:
    if depth > DEEPEST:
        return
    for line in sorted(shadow.below.get(run, ()), key=lambda line: line.key or ""):
        if line.key is None:
            parts = ((inner, inner.clock, inner.end) for inner in line.runs())
            yield from _lost_parts(shadow, parts, events, own, merged, depth + 1)
        else:
            yield from _lost_key(shadow, line, events, own, merged, depth + 1)


def _formats(shadow: Shadow, spots: Iterable[Spot]) -> Iterator[tuple[str, str]]:
    """The formats that these spots set, each with its value as canonical JSON."""
    for spot in spots:
        line = spot.first.line
        if isinstance(spot, Place) and spot.what == FORMATTED and line is not None:
            parts = tuple(parts_between(shadow, *spot.ends()))
            for attribute, stretches in painted_by(shadow.runs, spot.stroke).get(line, {}).items():
                for stretch in stretches:
                    if paints(spot.stroke, stretch, parts):
                        yield attribute, stretch.value
