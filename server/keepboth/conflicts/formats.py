"""What an edit formatted, and where two edits formatted the same text differently.

A format item switches an attribute on or off from its place on; what holds for a character is the value of the last one
before it on a screen. So an edit that inserts or deletes format items *paints* the stretches between format items where
the value after it is not the value before it; only characters that were there before and after are painted.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.strokes import Stroke
from keepboth.yjs.structs import FORMAT, Id


class Painted(NamedTuple):
    """What lies between two format items of one attribute (``until`` None: all that follows) was given ``value``, as
    canonical JSON, ``null`` for none."""

    value: str
    after: Run
    until: Run | None


class Spread(NamedTuple):
    """Where two edits met over formats: its outermost characters, and what of it each of the two deleted."""

    clash: bool
    first: Id
    last: Id
    deleted: tuple[tuple[Run, ...], tuple[Run, ...]]
    painted: tuple[bool, bool]


RunsOf = Callable[[tuple[int, ...]], Iterator[Run]]
"""Gives the runs that hold the ids of flat ranges: `Shadow.runs`."""

Unit = tuple[Run, int]
"""A run and one clock of it."""


def put_format(line: Line, run: Run) -> None:
    """Take the format item *run*, which lies in *line*, into its index."""
    if line.formats is None:
        line.formats = {}
    attribute = format_item(run)[0]
    runs = line.formats.setdefault(attribute, [])
    runs.insert(bisect_left(runs, run.order, key=_order), run)


def format_item(run: Run) -> tuple[str, object]:
    """The attribute and the value of a format item."""
    assert isinstance(run.content, tuple)
    attribute, value = run.content
    assert isinstance(attribute, str)
    return attribute, value


def canonical(value: object) -> str:
    """*value* as canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _order(run: Run) -> int:
    return run.order


# -- one edit --------------------------------------------------------------------------------------------------------


def painted_by(runs_of: RunsOf, stroke: Stroke) -> dict[Line, dict[str, list[Painted]]]:
    """What *stroke* formatted: by line and attribute, in document order."""
    if stroke.painted is None:
        touched: dict[Line, dict[str, list[Run]]] = {}
        for run in runs_of(stroke.wrote):
            if run.kind == FORMAT and run.line is not None and run.line.key is None:
                touched.setdefault(run.line, {}).setdefault(format_item(run)[0], []).append(run)
        stroke.painted = {}
        for line, attributes in touched.items():
            found = {name: _stretches(stroke, line, name, runs) for name, runs in attributes.items()}
            stroke.painted[line] = {name: stretches for name, stretches in found.items() if stretches}
    return stroke.painted


def _stretches(stroke: Stroke, line: Line, attribute: str, touched: list[Run]) -> list[Painted]:
    assert line.formats is not None
    runs = line.formats[attribute]
    last = max(run.order for run in touched)
    at = bisect_left(runs, min(run.order for run in touched), key=_order)
    before = "null"
    for run in reversed(runs[:at]):
        if _held_before(stroke, run):
            before = canonical(format_item(run)[1])
            break
    after = before
    found: list[Painted] = []
    while at < len(runs):
        run = runs[at]
        if _held_before(stroke, run):
            before = canonical(format_item(run)[1])
        if _held_after(stroke, run):
            after = canonical(format_item(run)[1])
        at += 1
        if after != before:
            found.append(Painted(after, run, runs[at] if at < len(runs) else None))
        elif run.order >= last:
            break
    return found


def _held_before(stroke: Stroke, run: Run) -> bool:
    return stroke.knows(run.stroke) and not any(stroke.knows(other) for other in run.deleters or ())


def _held_after(stroke: Stroke, run: Run) -> bool:
    return (run.stroke is stroke or stroke.knows(run.stroke)) and not any(
        other is stroke or stroke.knows(other) for other in run.deleters or ()
    )


def _stayed(stroke: Stroke, run: Run, low: int, high: int) -> int:
    """The clock behind the part of *run* from *low* to *high* that *stroke*'s author saw before and after it."""
    if run.mute or run.stroke is stroke:
        return low
    high = stroke.clock_cut(run.stroke, low, high)
    gone = high <= low or any(other is stroke or stroke.knows(other) for other in run.deleters or ())
    return low if gone else high


# -- two edits -------------------------------------------------------------------------------------------------------


def spread_of(runs_of: RunsOf, one: Stroke, other: Stroke, line: Line) -> Spread | None:
    """Where in *line* two edits met over formats, None if nowhere."""
    mine = painted_by(runs_of, one).get(line, {})
    theirs = painted_by(runs_of, other).get(line, {})
    if not one.dels and not other.dels and not any(name in theirs for name in mine):
        return None
    units = [unit for pair in _overlaps(mine, theirs) for unit in _outermost(one, other, *pair)]
    if not units and not one.dels and not other.dels:
        return None
    clash = bool(units)
    deleted: list[tuple[Run, ...]] = []
    for painter, stretches, deleter in ((other, theirs, one), (one, mine, other)):
        hit = _deleted(runs_of, painter, stretches, deleter, line) if stretches else []
        deleted.append(tuple(run for run, _, _ in hit))
        units += [unit for run, low, high in hit for unit in ((run, low), (run, high - 1))]
    if not units:
        return None
    first = min(units, key=_place)
    last = max(units, key=_place)
    return Spread(
        clash,
        (first[0].client, first[1]),
        (last[0].client, last[1]),
        (deleted[0], deleted[1]),
        (clash or bool(deleted[1]), clash or bool(deleted[0])),
    )


def _place(unit: Unit) -> tuple[int, int]:
    return (unit[0].order, unit[1])


def _overlaps(mine: dict[str, list[Painted]], theirs: dict[str, list[Painted]]) -> Iterator[tuple[Run, Run | None]]:
    """Where one attribute was given different values."""
    for attribute, stretches in mine.items():
        others = theirs.get(attribute)
        if others is None or _behind(stretches, others) or _behind(others, stretches):
            continue
        at = to = 0
        while at < len(stretches) and to < len(others):
            one, other = stretches[at], others[to]
            left = one.after if one.after.order > other.after.order else other.after
            mine_ends = one.until is not None and (other.until is None or one.until.order <= other.until.order)
            right = one.until if mine_ends else other.until
            if one.value != other.value and (right is None or left.order < right.order):
                yield left, right
            if mine_ends:
                at += 1
            else:
                to += 1


def _behind(stretches: list[Painted], others: list[Painted]) -> bool:
    """True if *stretches* begin where *others* have ended."""
    until = others[-1].until
    return until is not None and stretches[0].after.order >= until.order


def _outermost(one: Stroke, other: Stroke, left: Run, right: Run | None) -> Iterator[Unit]:
    """The first and the last character between two runs that both authors saw before and after."""
    run = left.right
    while run is not None and run is not right:
        high = min(_stayed(one, run, run.clock, run.end), _stayed(other, run, run.clock, run.end))
        if high > run.clock:
            yield run, run.clock
            break
        run = run.right
    else:
        return
    assert left.line is not None
    run = right.left if right is not None else left.line.last
    while run is not None:
        high = min(_stayed(one, run, run.clock, run.end), _stayed(other, run, run.clock, run.end))
        if high > run.clock:
            yield run, high - 1
            return
        run = run.left


def _deleted(
    runs_of: RunsOf, painter: Stroke, stretches: dict[str, list[Painted]], deleter: Stroke, line: Line
) -> list[tuple[Run, int, int]]:
    """What *deleter* deleted of what *painter* formatted: ``(run, low, high)``."""
    found = []
    for run in runs_of(deleter.dels):
        if run.line is line and any(_covers(parts, run) for parts in stretches.values()):
            high = _stayed(painter, run, run.clock, run.end)
            if high > run.clock:
                found.append((run, run.clock, high))
    return found


def _covers(stretches: list[Painted], run: Run) -> bool:
    at = bisect_right(stretches, run.order, key=lambda stretch: stretch.after.order) - 1
    if at < 0:
        return False
    until = stretches[at].until
    return until is None or run.order < until.order


def paints(stroke: Stroke, stretch: Painted, parts: Iterable[tuple[Run, int, int]]) -> bool:
    """True if *stroke* painted something of *parts* of a sequence in this stretch."""
    until = stretch.until
    return any(
        stretch.after.order < run.order
        and (until is None or run.order < until.order)
        and _stayed(stroke, run, low, high) > low
        for run, low, high in parts
    )
