"""The neighbourhood of one edit: who else was at work there, and do the two touch?

A *zone* reaches from a place the edit changed to the nearest *universal separators* on both sides: undeleted items that
the author and the author of everything unseen had on their screens. Nothing beyond them can touch the edit. Within a
zone every concurrent stroke is a *partner*; for each, the separators of the two cut the zone into pieces, and a piece
with points of both is a `Meeting`. Cost: the runs of the zone, plus for each partner its points and the items of the
zone that the author still saw.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from keepboth.conflicts.crowds import Shortcut
from keepboth.conflicts.kinds import (
    ADJACENT_DELETES,
    DELETE_DELETE,
    INSERT_AT_EDGE,
    INSERT_IN_DELETED,
    INSERT_INSERT,
)
from keepboth.conflicts.pieces import OWN_DELETE, OWN_INSERT, SEEN, THEIRS, Entry, Points, Separators, sees
from keepboth.conflicts.runs import Run, Stretch
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.yjs.structs import Id

HOPS: Final = 32
"""Walking over so many deleted runs or stretches of them makes them one stretch."""


class Meeting(NamedTuple):
    """A piece that holds points of an edit and of a partner. ``nth``: the partner's first event that takes part."""

    partner: Stroke
    nth: int
    kinds: int
    own: tuple[Run, ...]
    theirs: tuple[Run, ...]
    first: Id
    last: Id


class Survey:
    """What surrounds the events from the *nth* on of a stroke. ``steps`` counts the work done."""

    __slots__ = ("_concurrent", "_quick", "_unseen", "covered", "nth", "rev", "steps", "stroke")

    def __init__(self, stroke: Stroke, nth: int, unseen: list[tuple[Session, int]]) -> None:
        """*unseen*: each session with something the author had not seen, and a floor of what its events there knew."""
        self.stroke = stroke
        self.nth = nth
        self.rev = stroke.rev_at(nth)
        self.steps = 0
        self.covered: set[Run] = set()
        self._unseen = unseen
        self._quick = min(stroke.floor, min(floor for _, floor in unseen))
        self._concurrent: dict[Stroke, bool] = {}

    # -- walking ---------------------------------------------------------------------------------------------------

    def zone(self, run: Run, low: int, shortcut: Shortcut | None) -> list[Entry] | None:
        """The zone, in document order, around what the stroke did to *run* from the clock *low* on.

        With a *shortcut*, without the inside of crowds that the stroke is part of, or becomes part of on the way; None
        if there is somebody beyond, so that the inside matters.
        """
        out: list[Entry] = []
        covered = set(self.covered) if shortcut is not None else set()
        if self._walk(run, low, True, out, shortcut):
            out.reverse()
            self._look(run, low, run.clock + run.length, False, out)
            if self._walk(run, low, False, out, shortcut):
                return out
        self.covered = covered
        return None

    def _walk(self, run: Run, low: int, leftward: bool, out: list[Entry], shortcut: Shortcut | None) -> bool:
        """Append what lies on one side of *run*; return False if a leap went over something that matters."""
        start = len(out)
        leapt = False
        node: Run | None = run
        inside = shortcut.across(run) if shortcut is not None else None
        if inside is None and leftward and low > run.clock and self._look(run, run.clock, low, True, out):
            return True
        while True:
            if inside is not None:
                node = inside[0] if leftward else inside[1]
                leapt = True
            assert node is not None
            node = self._next(node, leftward)
            if node is None:
                return True
            inside = shortcut.across(node) if shortcut is not None else None
            if inside is not None:
                continue
            known = len(out)
            if self._look(node, node.clock, node.clock + node.length, leftward, out):
                return True
            if shortcut is None:
                continue
            for index in range(known, len(out)):
                flags, other, _, _, partners = out[index]
                if leapt and (flags & ~SEEN or partners):
                    return False
                met = (other.stroke, *partners) if flags & THEIRS else partners
                if met and run.stroke is self.stroke and self._meets(shortcut, met, other, out[start:index]):
                    inside = shortcut.across(node)

    def _next(self, run: Run, leftward: bool) -> Run | None:
        """The next run that the stroke's author did not know to be long gone."""
        node = run.left if leftward else run.right
        near = far = node
        hops = greatest = 0
        while node is not None:
            stretch = node.stretch
            if stretch is not None and stretch.alive:
                end, eff = stretch.first if leftward else stretch.last, stretch.eff
            elif node.mute:
                end, eff = node, 0
            elif node.deleters is not None:
                end, eff = node, max(node.stroke.last_eff, max(deleter.last_eff for deleter in node.deleters))
            else:
                break
            if eff > self.stroke.floor:
                break
            hops += 1
            greatest = max(greatest, eff)
            far = end
            node = end.left if leftward else end.right
        self.steps += hops
        if hops >= HOPS and near is not None and far is not None:
            Stretch(*((far, near) if leftward else (near, far)), greatest)
        return node

    def _meets(self, shortcut: Shortcut, met: tuple[Stroke, ...], run: Run, between: list[Entry]) -> bool:
        """True if the stroke, having inserted, surely touches at *run* a partner from a crowd, which it has joined."""
        seen = [entry for entry in between if entry[0] & SEEN]
        return any(not any(sees(partner, entry) for entry in seen) and shortcut.join(partner, run) for partner in met)

    def _look(self, run: Run, low: int, high: int, leftward: bool, out: list[Entry]) -> bool:
        """Append what *run* means here; return True at a universal separator."""
        self.steps += 1
        if run.mute:
            return False
        maker = run.stroke
        if run.deleters is None and maker.last_eff <= self._quick:
            return True
        cut = self._known_part(run, low, high)
        if leftward and cut < high:
            self._unknown(run, cut, high, out)
        if cut > low and self._known(run, low, cut, out):
            return True
        if not leftward and cut < high:
            self._unknown(run, cut, high, out)
        return False

    def _known_part(self, run: Run, low: int, high: int) -> int:
        """The first clock from *low* to *high* that the author had not seen just before the edit, *high* if none."""
        stroke, maker = self.stroke, run.stroke
        if maker is stroke:
            return min(max(maker.clock_at(self.nth), low), high)
        if maker.session is stroke.session:
            return high if maker.rev < self.rev else low
        return stroke.clock_cut(maker, low, high)

    def _unknown(self, run: Run, low: int, high: int, out: list[Entry]) -> None:
        flags = 0
        if run.stroke is self.stroke:
            flags = OWN_INSERT
            self.covered.add(run)
        elif self.concurrent(run.stroke):
            flags = THEIRS
        if run.deleters is not None and self.stroke in run.acts():
            flags |= OWN_DELETE
            self.covered.add(run)
        if flags:
            out.append((flags, run, low, high, ()))

    def _known(self, run: Run, low: int, high: int, out: list[Entry]) -> bool:
        stroke = self.stroke
        maker = run.stroke
        if run.deleters is None:
            eff = maker.eff_of(low)
            for session, floor in self._unseen:
                if eff > floor and maker.session is not session:
                    out.append((SEEN, run, low, high, ()))
                    return False
            return True
        flags = SEEN
        others: tuple[Stroke, ...] = ()
        gone = run.gone or ()
        for deleter in run.deleters:
            if deleter is stroke:
                flags = 0 if deleter in gone else OWN_DELETE
                self.covered.add(run)
            elif deleter.session is stroke.session:
                if deleter.rev < self.rev:
                    flags &= ~SEEN
            elif deleter.last_eff <= stroke.floor or stroke.knows(deleter):
                flags &= ~SEEN
            elif self.concurrent(deleter) and deleter not in gone:
                others = (*others, deleter)
        if flags or others:
            out.append((flags, run, low, high, others))
        return False

    def concurrent(self, other: Stroke) -> bool:
        """True if *other*, unseen by the stroke's author, was made by somebody else who had not seen the stroke."""
        known = self._concurrent.get(other)
        if known is None:
            stroke = self.stroke
            known = other.session is not stroke.session and other.cut(stroke) <= self.nth
            self._concurrent[other] = known
        return known

    # -- pairing ---------------------------------------------------------------------------------------------------

    def meetings(
        self,
        entries: list[Entry],
        settled: Callable[[Stroke, int, int], bool],
        crowded: Callable[[Stroke, Run], bool],
    ) -> Iterator[Meeting]:
        """Every piece of the zone in which the stroke and a partner both did something.

        Partners of whom *settled*, asked with the clock of their first insert here and the kinds that are possible,
        says that nothing is to be learnt are left out. Once *crowded* says of a meeting that has been given out that it
        is part of a crowd, what it held of the stroke is not told again in full.
        """
        partners: dict[Stroke, list[int]] = {}
        seen: list[int] = []
        own: list[int] = []
        for index, (flags, run, _, _, others) in enumerate(entries):
            if flags & SEEN:
                seen.append(index)
            if flags & (OWN_INSERT | OWN_DELETE):
                own.append(index)
            if flags & THEIRS:
                partners.setdefault(run.stroke, []).append(index)
            for other in others:
                partners.setdefault(other, []).append(index)
        if not partners or not own:
            return
        possible = _possible(entries, own)
        separators: Separators | None = None
        mine = Points([], [])
        for partner in partners if len(partners) == 1 else sorted(partners, key=lambda one: one.rev):
            points = partners[partner]
            self.steps += 1
            inserts, low = 0, 0
            deletes = 0
            for index in points:
                if entries[index][1].stroke is not partner:
                    deletes = 1
                elif not inserts:
                    inserts, low = 1, entries[index][2]
            if settled(partner, low, possible[inserts][deletes]):
                continue
            if separators is None:
                separators = Separators(entries, seen)
                mine = Points(own, [self._is_solid(entries[index]) for index in own])
            yield from self._pieces(entries, partner, points, mine, separators, crowded)
        if separators is not None:
            self.steps += separators.steps

    def _is_solid(self, entry: Entry) -> bool:
        return bool(entry[0] & OWN_INSERT) or entry[1].stroke.last_eff <= self._quick

    def _pieces(
        self,
        entries: list[Entry],
        partner: Stroke,
        points: list[int],
        mine: Points,
        separators: Separators,
        crowded: Callable[[Stroke, Run], bool],
    ) -> Iterator[Meeting]:
        for low, high in separators.pieces(partner, points):
            numbers = mine.within(low, high)
            theirs = points[bisect_right(points, low) : bisect_right(points, high)]
            self.steps += len(numbers) + len(theirs)
            inserts: list[int] = []
            deletes: list[int] = []
            for index in map(mine.index, numbers):
                if entries[index][0] & OWN_INSERT:
                    inserts.append(index)
                elif self._knew(partner, entries[index]):
                    deletes.append(index)
            if not inserts and not deletes:
                continue
            their_inserts = [index for index in theirs if entries[index][1].stroke is partner]
            their_deletes = [index for index in theirs if entries[index][1].stroke is not partner]
            yield self._meeting(entries, partner, (inserts, deletes), (their_inserts, their_deletes))
            if len(numbers) > 1 and crowded(partner, entries[theirs[0]][1]):
                mine.join(numbers)

    def _knew(self, partner: Stroke, entry: Entry) -> bool:
        _, run, low, high, _ = entry
        return run.stroke is partner or partner.clock_cut(run.stroke, low, high) > low

    def _meeting(
        self,
        entries: list[Entry],
        partner: Stroke,
        own: tuple[list[int], list[int]],
        their: tuple[list[int], list[int]],
    ) -> Meeting:
        (inserts, deletes), (their_inserts, their_deletes) = own, their
        bits = 0
        if inserts and their_inserts:
            bits |= INSERT_INSERT
        if deletes and their_deletes:
            bits |= ADJACENT_DELETES if set(deletes).isdisjoint(their_deletes) else DELETE_DELETE
        if inserts and their_deletes:
            bits |= INSERT_IN_DELETED if _between(entries, inserts, their_deletes) else INSERT_AT_EDGE
        if their_inserts and deletes:
            bits |= INSERT_IN_DELETED if _between(entries, their_inserts, deletes) else INSERT_AT_EDGE
        mine, theirs = sorted(inserts + deletes), sorted(their_inserts + their_deletes)
        first, last = min(mine[0], theirs[0]), max(mine[-1], theirs[-1])
        nth = partner.nth_of(min(entries[index][2] for index in their_inserts)) if their_inserts else 0
        return Meeting(
            partner,
            nth,
            bits,
            tuple(entries[index][1] for index in mine),
            tuple(entries[index][1] for index in theirs),
            (entries[first][1].client, entries[first][2]),
            (entries[last][1].client, self._end(entries, last, partner, last in theirs) - 1),
        )

    def _end(self, entries: list[Entry], index: int, partner: Stroke, theirs: bool) -> int:
        """The clock behind the last point at *index*: of what the stroke deleted only what the partner knew counts."""
        flags, run, low, high, _ = entries[index]
        if theirs or flags & OWN_INSERT or run.stroke is partner:
            return high
        return partner.clock_cut(run.stroke, low, high)


def _possible(entries: list[Entry], own: list[int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The kinds of meeting that are possible, by whether the partner inserted and whether it deleted."""
    to_insert = to_delete = 0
    if any(entries[index][0] & OWN_INSERT for index in own):
        to_insert |= INSERT_INSERT
        to_delete |= INSERT_IN_DELETED | INSERT_AT_EDGE
    if any(entries[index][0] & OWN_DELETE for index in own):
        to_insert |= INSERT_IN_DELETED | INSERT_AT_EDGE
        to_delete |= DELETE_DELETE | ADJACENT_DELETES
    return (0, to_delete), (to_insert, to_insert | to_delete)


def _between(entries: list[Entry], inner: list[int], outer: list[int]) -> bool:
    """True if a unit of the entries *inner* lies strictly between two units of the entries *outer*."""
    first, last = outer[0], outer[-1]
    return any(
        first < index < last
        or (index in (first, last) and entries[index][2] + (index == first) < entries[index][3] - (index == last))
        for index in inner
    )
