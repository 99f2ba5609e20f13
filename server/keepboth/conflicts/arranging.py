"""How to make a place show a version with as little change as possible: what stays, what goes, what comes where.

Pieces that are there stay where they are; what the version has and the document has not is put where it lay, or, if
the version's order does not allow that, behind what comes before it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from keepboth.conflicts.versions import Piece
from keepboth.yjs.structs import FORMAT


class Fresh(NamedTuple):
    """Text that nobody has written before. It comes before piece ``near``, if the order allows that."""

    text: str
    near: int | None = None


class Value(NamedTuple):
    """A JSON value for a key."""

    value: object


class Paint(NamedTuple):
    """From here on ``attribute`` has ``value`` (canonical JSON, ``null`` for none)."""

    attribute: str
    value: str


Element = int | Fresh | Value | Paint
"""What a version consists of: a piece, by its index, or something new."""


class Arrangement(NamedTuple):
    """``stays`` and ``goes``: pieces of the version that stay, and pieces that are deleted. ``comes``: ``(slot,
    element)`` in order, inserted before the piece with that index (behind all for the number of pieces)."""

    stays: frozenset[int]
    goes: tuple[int, ...]
    comes: tuple[tuple[int, Element], ...]

    @property
    def changes(self) -> bool:
        return bool(self.goes or self.comes)


def arrange(pieces: Sequence[Piece], version: Sequence[Element], removable: Iterable[int]) -> Arrangement:
    """Make *pieces* show *version*; of the pieces that are not in it, those in *removable* go. The rest is kept."""
    there = [(at, element) for at, element in enumerate(version) if isinstance(element, int) and pieces[element].alive]
    reused = _heaviest_ascent([(element, pieces[element].length) for _, element in there])
    staying = {there[nth][0] for nth in reused}
    stays = frozenset(there[nth][1] for nth in reused)
    limits = [len(pieces)] * (len(version) + 1)
    for at in range(len(version) - 1, -1, -1):
        element = version[at]
        limits[at] = element if at in staying and isinstance(element, int) else limits[at + 1]
    wanted = {element for _, element in there}.union(removable)
    goes = tuple(i for i, piece in enumerate(pieces) if piece.alive and i not in stays and i in wanted)
    gone = set(goes)

    def empty(low: int, high: int) -> bool:
        """True if nothing between two slots shows afterwards, or decides how text there looks."""
        between = range(low, high)
        return not any((pieces[i].alive and i not in gone) or _formats(pieces[i]) for i in between)

    comes: list[tuple[int, Element]] = []
    low = 0
    for at, element in enumerate(version):
        if at in staying:
            assert isinstance(element, int)
            low = element + 1
            continue
        own = element if isinstance(element, int) else element.near if isinstance(element, Fresh) else None
        slot = low if own is None or own < low else min(own, limits[at])
        if comes and comes[-1][0] >= low and empty(comes[-1][0], slot):
            slot = comes[-1][0]  # one run instead of several
        comes.append((slot, element))
        low = slot
    return Arrangement(stays, goes, tuple(comes))


def _formats(piece: Piece) -> bool:
    return piece.run.kind == FORMAT and not piece.run.deleters


def _heaviest_ascent(pairs: Sequence[tuple[int, int]]) -> list[int]:
    """Positions in *pairs* (place, weight) whose places ascend strictly and whose weights make the largest sum."""
    ends: list[int] = []  # places, ascending, of the last member of the best chains found so far
    best: list[tuple[int, int]] = []  # (weight, position) of these, ascending by weight
    before: list[int] = []
    for position, (place, weight) in enumerate(pairs):
        at = bisect_right(ends, place - 1)
        total = weight + (best[at - 1][0] if at else 0)
        before.append(best[at - 1][1] if at else -1)
        if at < len(ends) and ends[at] == place and best[at][0] >= total:
            continue
        stop = at
        while stop < len(ends) and best[stop][0] <= total:
            stop += 1
        ends[at:stop] = [place]
        best[at:stop] = [(total, position)]
    found: list[int] = []
    position = best[-1][1] if best else -1
    while position >= 0:
        found.append(position)
        position = before[position]
    return found[::-1]


def arrange_key(pieces: Sequence[Piece], version: Sequence[Element]) -> Arrangement:
    """Make a key hold *version*, one element or none."""
    alive = [index for index, piece in enumerate(pieces) if piece.alive]
    if list(version) == alive:
        return Arrangement(frozenset(alive), (), ())
    return Arrangement(frozenset(), tuple(alive), tuple((len(pieces), element) for element in version))


How = Literal["stays", "comes", "kept"]


def outcome(pieces: Sequence[Piece], arrangement: Arrangement) -> Iterator[tuple[Element, How]]:
    """What the place shows afterwards, in order."""
    coming: dict[int, list[Element]] = {}
    for slot, element in arrangement.comes:
        coming.setdefault(slot, []).append(element)
    goes = set(arrangement.goes)
    for index in range(len(pieces) + 1):
        for element in coming.get(index, ()):
            yield element, "comes"
        if index < len(pieces) and pieces[index].alive and index not in goes:
            yield index, "stays" if index in arrangement.stays else "kept"
