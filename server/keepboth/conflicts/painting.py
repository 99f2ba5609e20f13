"""The formats of a place: what a side gave it, and the format items that give it that again.

A format item switches an attribute on or off from its place on. Nothing is taken away: where an attribute is to be
another than it is, an item goes in front, and behind the place one that lets go on what held there before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import NamedTuple

from keepboth.conflicts.arranging import Arrangement, Element, Paint
from keepboth.conflicts.formats import canonical, format_item, painted_by
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.versions import Versions
from keepboth.yjs.structs import FORMAT

NONE = "null"


class Wishes(NamedTuple):
    """How things should look: what is copied, as on ``chosen``, or else on the screen that ``copied`` gives for its
    piece; of what stays, the attributes ``disputed`` as on ``chosen``."""

    copied: Callable[[int], Screen]
    disputed: Sequence[str]
    chosen: Screen | None


def disputed(place: Versions) -> tuple[str, ...]:
    """The attributes that events of the episode formatted in its sequence."""
    if place.keyed or not place.line.formats:
        return ()
    runs_of = place.shadow.runs
    found = {name for spot in place.cluster.spots for name in painted_by(runs_of, spot.stroke).get(place.line, ())}
    return tuple(sorted(found))


def value_at(line: Line, attribute: str, order: int, shows: Screen) -> str:
    """What *attribute* is on a screen where an order label lies, as canonical JSON, ``null`` if it is not set."""
    runs = (line.formats or {}).get(attribute, [])
    for at in range(bisect_left(runs, order, key=_order) - 1, -1, -1):
        if _held(runs[at], shows):
            return canonical(format_item(runs[at])[1])
    return NONE


def painted(place: Versions, pieces: Sequence[int], names: Sequence[str], shows: Screen) -> tuple[object, ...]:
    """The values of attributes along a version: equal for versions that look the same."""
    found: list[tuple[tuple[str, ...], int]] = []
    for index in pieces if names else ():
        piece = place.pieces[index]
        values = tuple(value_at(place.line, name, piece.run.order, shows) for name in names)
        if found and found[-1][0] == values:
            found[-1] = (values, found[-1][1] + piece.length)
        else:
            found.append((values, piece.length))
    return tuple(found)


def paint(place: Versions, arrangement: Arrangement, wishes: Wishes) -> Arrangement:
    """*arrangement* with the format items that it takes to make things look as wished."""
    for attribute in place.line.formats or ():
        arrangement = _paint_one(place, arrangement, wishes, attribute)
    return arrangement


def _paint_one(place: Versions, arrangement: Arrangement, wishes: Wishes, attribute: str) -> Arrangement:
    line, pieces, goes = place.line, place.pieces, set(arrangement.goes)
    coming: dict[int, list[Element]] = {}
    for slot, element in arrangement.comes:
        coming.setdefault(slot, []).append(element)
    held = in_effect = value_at(line, attribute, pieces[0].run.order, place.now)
    comes: list[tuple[int, Element]] = []
    behind = 0  # the slot behind the last thing that shows, and how much comes there
    size = 0
    for index in range(len(pieces) + 1):
        for element in coming.get(index, ()):
            if isinstance(element, int):
                screen = wishes.chosen or wishes.copied(element)
                wanted = value_at(line, attribute, pieces[element].run.order, screen)
                if wanted != in_effect:
                    comes.append((index, Paint(attribute, wanted)))
                    in_effect = wanted
            comes.append((index, element))
            behind, size = index, len(comes)
        if index == len(pieces):
            break
        run = pieces[index].run
        if run.kind == FORMAT and format_item(run)[0] == attribute and _held(run, place.now):
            held = in_effect = canonical(format_item(run)[1])
            behind, size = index + 1, len(comes)
        elif pieces[index].alive and index not in goes:
            wanted = held
            if attribute in wishes.disputed and wishes.chosen is not None and index in arrangement.stays:
                wanted = value_at(line, attribute, run.order, wishes.chosen)
            if wanted != in_effect:
                comes.append((index, Paint(attribute, wanted)))
                in_effect = wanted
            behind, size = index + 1, len(comes)
    if in_effect != held:
        comes.insert(size, (behind, Paint(attribute, held)))
    return arrangement._replace(comes=tuple(comes))


def _held(run: Run, shows: Screen) -> bool:
    return bool(shows(run.stroke)) and not any(shows(other) for other in run.deleters or ())


def _order(run: Run) -> int:
    return run.order


def formats_after(place: Versions, arrangement: Arrangement, names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``(attribute, value)`` of what the place shows after *arrangement*, for the attributes *names*."""
    found: set[tuple[str, str]] = set()
    coming: dict[int, list[Element]] = {}
    for slot, element in arrangement.comes:
        coming.setdefault(slot, []).append(element)
    for name in names:
        value = value_at(place.line, name, place.pieces[0].run.order, place.now)
        for index in range(len(place.pieces) + 1):
            for element in coming.get(index, ()):
                if not isinstance(element, Paint):
                    found.add((name, value))
                elif element.attribute == name:
                    value = element.value
            if index < len(place.pieces):
                piece = place.pieces[index]
                if piece.run.kind == FORMAT and format_item(piece.run)[0] == name and _held(piece.run, place.now):
                    value = canonical(format_item(piece.run)[1])
                elif piece.alive and index not in arrangement.goes:
                    found.add((name, value))
    return tuple(sorted(found))
