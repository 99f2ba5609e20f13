"""What is put back may be there already, as a copy or typed again: then it need not go and come once more."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final, Literal, NamedTuple

from keepboth.conflicts.copying import View, first_held
from keepboth.conflicts.formats import canonical, format_item
from keepboth.conflicts.rendering import type_of
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.content import SubDocument
from keepboth.yjs.structs import FORMAT, TYPE

LEAST: Final = 4
"""Fewer letters that happen to be the same are left alone: nobody would see them as kept."""

MOST: Final = 600
"""Letters in which two stretches may differ; beyond that, only what is the same at both ends counts. Cost is at most
this squared."""

State = Literal["stays", "goes", "comes", "dead"]


class Piece(NamedTuple):
    """Clocks ``low`` to before ``high`` of ``run``: there, deleted, or about to come back as a copy. ``twin``: what it
    is kept instead of."""

    run: Run
    low: int
    high: int
    state: State
    twin: Run | None = None


Match = tuple[int, int, int]
"""``(place among what goes, place among what comes, how many)``."""


def likeness(shadow: Shadow, run: Run, low: int, high: int, view: View) -> list[Hashable]:
    """One value a clock of *run*: equal for what looks equal, all that is nested in it included."""
    content = run.content
    if isinstance(content, str):
        return list(content[low - run.clock : high - run.clock])
    if run.kind == TYPE:
        lines = [_of_line(shadow, line, view) for line in shadow.below.get(run, ())]
        return [(type_of(run), frozenset(one for one in lines if one[1]))]
    if content is None:
        return [("unknown", run.client, clock) for clock in range(low, high)]
    return [(run.kind, _plain(value)) for value in content[low - run.clock : high - run.clock]]


def _of_line(shadow: Shadow, line: Line, view: View) -> tuple[str | None, tuple[Hashable, ...]]:
    if line.key is not None:
        run = view.held(line)
        return line.key, () if run is None else tuple(likeness(shadow, run, first_held(run), run.end, view))
    found: list[Hashable] = []
    for run in line.runs():
        if run.kind == FORMAT:
            if view.formats(run):
                attribute, value = format_item(run)
                found.append((FORMAT, attribute, canonical(value)))
        else:
            low, high = view.part(run)
            if low < high:
                found += likeness(shadow, run, low, high, view)
    return None, tuple(found)


def _plain(value: object) -> Hashable:
    """*value* as something that can be compared, 1 and True and 1.0 apart only where a document keeps them apart."""
    if isinstance(value, SubDocument):
        return ("document", value.guid)
    return repr(value)


def matches(gone: Sequence[Hashable], back: Sequence[Hashable]) -> list[Match]:
    """Stretches that are the same, in order: Myers' greedy algorithm (An O(ND) Difference Algorithm, 1986)."""
    head = 0
    most = min(len(gone), len(back))
    while head < most and gone[head] == back[head]:
        head += 1
    tail = 0
    while tail < most - head and gone[-1 - tail] == back[-1 - tail]:
        tail += 1
    found: list[Match] = [(0, 0, head)]
    inner_gone, inner_back = gone[head : len(gone) - tail], back[head : len(back) - tail]
    found += [(head + first, head + second, size) for first, second, size in _inner(inner_gone, inner_back)]
    found.append((len(gone) - tail, len(back) - tail, tail))
    return [one for one in found if one[2] and _counts(one, gone, back)]


def _inner(gone: Sequence[Hashable], back: Sequence[Hashable]) -> list[Match]:
    if not gone or not back:
        return []
    furthest = {1: 0}  # by diagonal: how far into *gone* this many differences lead
    steps: list[dict[int, int]] = []
    for differences in range(min(MOST, len(gone) + len(back)) + 1):
        steps.append(dict(furthest))
        for diagonal in range(-differences, differences + 1, 2):
            down = diagonal == -differences or (
                diagonal != differences and furthest[diagonal - 1] < furthest[diagonal + 1]
            )
            at = furthest[diagonal + 1] if down else furthest[diagonal - 1] + 1
            while at < len(gone) and 0 <= at - diagonal < len(back) and gone[at] == back[at - diagonal]:
                at += 1
            furthest[diagonal] = at
            if at >= len(gone) and at - diagonal >= len(back):
                return _way_back(steps, diagonal, at)
    return []


def _way_back(steps: list[dict[int, int]], diagonal: int, at: int) -> list[Match]:
    """The stretches along the way that led to *at* on *diagonal*."""
    found: list[Match] = []
    for differences in range(len(steps) - 1, -1, -1):
        furthest = steps[differences]
        down = diagonal == -differences or (diagonal != differences and furthest[diagonal - 1] < furthest[diagonal + 1])
        before = diagonal + 1 if down else diagonal - 1
        start = 0 if differences == 0 else furthest[before] + (0 if down else 1)
        found.append((start, start - diagonal, at - start))
        if differences:
            diagonal, at = before, furthest[before]
    return found[::-1]


def _counts(match: Match, gone: Sequence[Hashable], back: Sequence[Hashable]) -> bool:
    first, _, size = match
    if size >= LEAST or size in (len(gone), len(back)):
        return True
    return any(not isinstance(one, str) for one in gone[first : first + size])


class Stretch:
    """What lies between two things that stay: pieces that are deleted, that come back, or that are there no longer."""

    def __init__(self, shadow: Shadow, now: View, then: View) -> None:
        self._shadow = shadow
        self._now = now
        self._then = then
        self._pieces: list[Piece] = []

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)

    def arranged(self, reuse: bool) -> list[Piece]:
        """The pieces with what comes behind where it lay. *reuse*: what is there already in other pieces stays."""
        there = {piece.state for piece in self._pieces}
        if reuse and "goes" in there and "comes" in there:
            gone = self._units("goes", self._now)
            back = self._units("comes", self._then)
            found = matches([one[2] for one in gone], [one[2] for one in back])
            if found:
                return self._merged(gone, back, found)
        out: list[Piece] = []
        for piece in self._pieces:
            if piece.state == "comes":
                out.append(piece._replace(state="dead"))
            out.append(piece)
        return out

    def _units(self, state: State, view: View) -> list[tuple[int, int, Hashable]]:
        """``(index of the piece, clock, what it is like)`` of everything that goes, or that comes."""
        found: list[tuple[int, int, Hashable]] = []
        for index, piece in enumerate(self._pieces):
            if piece.state == state and piece.run.kind != FORMAT:
                like = likeness(self._shadow, piece.run, piece.low, piece.high, view)
                found += [(index, piece.low + at, one) for at, one in enumerate(like)]
        return found

    def _merged(
        self,
        gone: list[tuple[int, int, Hashable]],
        back: list[tuple[int, int, Hashable]],
        found: list[Match],
    ) -> list[Piece]:
        """Keep what matches; what comes goes behind the match before it, or stays where it lay if that is further on
        and before the next match."""
        twins = {gone[first + at][:2]: back[second + at][:2] for first, second, size in found for at in range(size)}
        kept = set(twins.values())
        here: list[Piece] = []
        order: list[tuple[int, int]] = []  # of ``here``: the index of the piece, and the clock it begins at
        for index, piece in enumerate(self._pieces):
            if piece.state != "goes" or piece.run.kind == FORMAT:
                here.append(piece._replace(state="dead") if piece.state == "comes" else piece)
                order.append((index, piece.low))
                continue
            for clock in range(piece.low, piece.high):
                twin = twins.get((index, clock))
                run = None if twin is None else self._pieces[twin[0]].run
                last = here[-1] if here and order[-1][0] == index else None
                if last is not None and last.twin is run:
                    here[-1] = last._replace(high=clock + 1)
                else:
                    here.append(Piece(piece.run, clock, clock + 1, "goes" if run is None else "stays", run))
                    order.append((index, clock))
        return self._with_coming(here, order, back, kept, twins)

    def _with_coming(
        self,
        here: list[Piece],
        order: list[tuple[int, int]],
        back: list[tuple[int, int, Hashable]],
        kept: set[tuple[int, int]],
        twins: dict[tuple[int, int], tuple[int, int]],
    ) -> list[Piece]:
        place = {index: at for at, (index, _) in reversed(list(enumerate(order)))}
        at_of_twin: dict[tuple[int, int], int] = {}
        for at, (index, _) in enumerate(order):
            if here[at].state == "stays":
                for clock in range(here[at].low, here[at].high):
                    at_of_twin[twins[index, clock]] = at
        slots: dict[int, list[Piece]] = {}
        limit = len(here)
        limits: list[int] = []
        for index, clock, _ in reversed(back):
            limits.append(limit)
            if (index, clock) in kept:
                limit = at_of_twin[index, clock]
        limits.reverse()
        low = 0
        for (index, clock, _), high in zip(back, limits, strict=True):
            if (index, clock) in kept:
                low = at_of_twin[index, clock] + 1
                continue
            slot = min(max(place[index] + 1, low), high)
            coming = slots.setdefault(slot, [])
            run = self._pieces[index].run
            if coming and coming[-1].run is run and coming[-1].high == clock:
                coming[-1] = coming[-1]._replace(high=clock + 1)
            else:
                coming.append(Piece(run, clock, clock + 1, "comes"))
            low = slot
        out: list[Piece] = []
        for at in range(len(here) + 1):
            out += slots.get(at, ())
            out += here[at : at + 1]
        return out
