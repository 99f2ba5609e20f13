"""What a place says, as it is shown: its words with what changed in them, and a little text around.

An entry's texts may begin and end inside a word; what is shown is widened to whole words in every version, so that an
accent or half an emoji never stands alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from keepboth.telling.differences import Piece, difference
from keepboth.telling.words import ELLIPSIS, edges, head, tail

AROUND: Final = 200
"""Characters shown around a change."""

_NEAR: Final = 400
"""Code points from an end that decide where words begin there."""


@dataclass(frozen=True, slots=True)
class Passage:
    """``pieces`` are the place, ``before`` and ``after`` what stands around it. ``text`` is what the place says, in
    full. ``more``: something was left out, at each ``gap`` or around."""

    text: str
    pieces: tuple[Piece, ...]
    before: str
    after: str
    more: bool


class Frame(NamedTuple):
    """What stands around a place, and the parts of words that belong to it in every version."""

    before: str
    lead: str
    trail: str
    after: str

    def whole(self, text: str) -> str:
        return self.lead + text + self.trail


def framed(before: str, texts: Iterable[str], after: str) -> Frame:
    """Move the ends of the place outwards to the nearest word boundary that all *texts* have in their surroundings."""
    low, high = len(before), 0
    ends = set(texts)
    # Of a long text only its end matters; a short one is seen whole, since a word may reach across it.
    heads = [text[:_NEAR] if len(text) > _NEAR else text + after for text in ends]
    tails = [text[-_NEAR:] if len(text) > _NEAR else before + text for text in ends]
    fits = [edges(before + text) for text in heads]
    while low and not all(low in places for places in fits):
        low -= 1
    fits = [edges(text + after) for text in tails]
    while high < len(after) and not all(len(text) + high in places for text, places in zip(tails, fits, strict=True)):
        high += 1
    return Frame(before[:low], before[low:], after[:high], after[high:])


def passage(frame: Frame, base: str | None, text: str, around: int | None = AROUND) -> Passage:
    """*text* in its *frame*, with what changed from *base* (None: nothing is marked).

    At most *around* code points are shown on either side of a change; None shows all.
    """
    whole = frame.whole(text)
    if base is None:
        pieces: Sequence[Piece] = [Piece("keep", whole)] if whole else []
    else:
        pieces = difference(frame.whole(base), whole)
    if around is None:
        return Passage(whole, tuple(pieces), frame.before, frame.after, False)
    before, after = tail(frame.before, around), head(frame.after, around)
    shown: list[Piece] = []
    for piece in pieces:
        shown += _short(piece, around)
    more = len(shown) > len(pieces) or len(before + after) < len(frame.before + frame.after)
    return Passage(whole, tuple(shown), before, after, more)


def _short(piece: Piece, around: int) -> list[Piece]:
    if len(piece.text) <= 2 * around:
        return [piece]
    ends = Piece(piece.op, head(piece.text, around)), Piece(piece.op, tail(piece.text, around))
    return [ends[0], Piece("gap", ELLIPSIS), ends[1]]
