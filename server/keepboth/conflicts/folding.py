"""A row of strokes as one, and what it takes to make them of it again."""

from __future__ import annotations

import marshal
import zlib
from array import array
from itertools import pairwise
from typing import Any

from keepboth.conflicts.model import EditFact
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.events import Context, Seen
from keepboth.yjs.structs import Update

_Folded = tuple[Any, ...]


class Pack(Stroke):
    """A row of strokes as one stroke, known whole or not at all. ``folded`` is what `unfold` makes them of."""

    __slots__ = ("folded",)

    def __init__(self, strokes: list[Stroke]) -> None:
        first, last = strokes[0], strokes[-1]
        context = Context(first.lower, first.upper)
        super().__init__(
            EditFact(first.rev, first.eff, first.session.name, first.actor, context, Update()), first.session
        )
        self.last_rev = last.last_rev
        self.last_eff = last.last_eff
        self.folded = fold(strokes)


def fold(strokes: list[Stroke]) -> bytes:
    """What `unfold` needs to make *strokes*, which are of one session, again."""
    rows: list[_Folded] = []
    before = 0
    for stroke in strokes:
        upper = None if stroke.upper is stroke.lower else _plain(stroke.upper)
        events = None
        if stroke.revs is not None and stroke.effs is not None and stroke.clocks is not None:
            events = tuple(_steps(column) for column in (stroke.revs, stroke.effs, stroke.clocks))
        rows.append(
            (
                stroke.rev - before,
                stroke.eff - stroke.rev,
                stroke.actor,
                _plain(stroke.lower),
                upper,
                stroke.undeclared,
                stroke.ins,
                stroke.dels,
                events,
            )
        )
        before = stroke.rev
    return zlib.compress(marshal.dumps(rows), 1)


def unfold(folded: bytes, session: Session) -> list[Stroke]:
    """The strokes of *session* that `fold` was given."""
    strokes = []
    rev = 0
    for step, late, actor, lower, upper, undeclared, ins, dels, events in marshal.loads(zlib.decompress(folded)):
        rev += step
        low = Seen(*lower)
        context = Context(low, low if upper is None else Seen(*upper))
        stroke = Stroke(EditFact(rev, rev + late, session.name, actor, context, Update(), undeclared), session)
        stroke.ins, stroke.dels = ins, dels
        if events is not None:
            stroke.revs, stroke.effs, stroke.clocks = (_summed(column) for column in events)
            stroke.last_rev, stroke.last_eff = stroke.revs[-1], stroke.effs[-1]
        strokes.append(stroke)
    return strokes


def _plain(seen: Seen) -> tuple[Any, ...]:
    return (seen.base, seen.include, seen.exclude) if seen.include or seen.exclude else (seen.base,)


def _steps(column: array[int]) -> tuple[int, ...]:
    return (column[0], *(after - before for before, after in pairwise(column)))


def _summed(steps: tuple[int, ...]) -> array[int]:
    out = array("q")
    value = 0
    for step in steps:
        value += step
        out.append(value)
    return out
