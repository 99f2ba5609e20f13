"""The definition of a conflict, applied literally to every pair of edits: the engine's slow and obvious twin.

Nothing here is shared with the engine but the decoding of updates and the values that come out. Quadratic in edits and
worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations

from keepboth.conflicts.model import EditFact, Episode, Grain, Kind, Record, Side
from keepboth.conflicts.severity import severity_of
from keepboth.yjs.structs import FORMAT
from tests.conflicts.literal_items import Item, Line
from tests.conflicts.literal_pairs import Pairs, Place
from tests.conflicts.literal_paths import Paths
from tests.conflicts.literal_views import Views

Touched = dict[int, set[Item]]
"""What each event of an episode touched there."""

FORMATS: frozenset[Kind] = frozenset({"format", "format-in-deleted"})


class BruteForce:
    """``records`` and `episodes` of *facts*. ``gap``: see the definition of an episode."""

    def __init__(self, facts: Sequence[EditFact], gap: int = 20, grain: Grain = "character") -> None:
        self.gap = gap
        self.pairs = Pairs(facts, grain)
        self.views = Views(self.pairs)
        self.facts = self.pairs.facts
        self.places = self.pairs.places

    @property
    def records(self) -> list[Record]:
        return in_order(place.record for place in self.places)

    def span(self, place: Place) -> tuple[int, int]:
        where = self.pairs.where
        by_id = self.pairs.items.by_id
        return where[by_id[place.record.first]], where[by_id[place.record.last]]

    def linked(self, one: Place, other: Place) -> bool:
        shared = {one.record.a, one.record.b} & {other.record.a, other.record.b}
        if one.line is not other.line or not shared:
            return False
        if one.record.kinds == other.record.kinds == {"map-key"}:
            return True
        (low, high), (other_low, other_high) = self.span(one), self.span(other)
        between = one.line.items[min(high, other_high) + 1 : max(low, other_low)]  # empty where they overlap
        return any(sum(item in self.pairs.screen[event] for item in between) <= self.gap for event in shared)

    def episodes(self) -> list[Episode]:
        """By line and place."""
        clusters = joined(self.places, self.linked)
        return [episode for _, episode in sorted(map(self._episode, clusters), key=lambda found: found[0])]

    # -- what belongs to an episode ----------------------------------------------------------------------------------

    def spots(self, event: int, line: Line) -> list[set[Item]]:
        """What *event* inserted or deleted in a sequence, cut where something else lies between on its author's
        screen."""
        pairs = self.pairs
        mine = pairs.inserted[event] | pairs.deleted[event]
        spots: list[set[Item]] = []
        apart = True
        for item in line.items:
            if item in mine:
                if apart:
                    spots.append(set())
                spots[-1].add(item)
                apart = False
            elif item in pairs.screen[event] and item.maker != event:
                apart = True
        return spots

    def touched(self, event: int, place: Place) -> set[Item]:
        """What *event* touched at *place*: its points, and what it touched beside them up to what else its author
        saw."""
        points = place.points[event]
        found = set(points)
        for spot in self.spots(event, place.line):
            if spot & points:
                found |= spot
        if "in-removed-subtree" in place.record.kinds:
            found |= self.pairs.writes[event].get(place.line, set())
        return found

    def _episode(self, places: list[Place]) -> tuple[tuple[str, str, int, object], Episode]:
        touched: Touched = {}
        for place in places:
            for event in (place.record.a, place.record.b):
                touched.setdefault(event, set()).update(self.touched(event, place))
        kinds = frozenset().union(*(place.record.kinds for place in places))
        certain = any(place.record.certain for place in places)
        return self.entry(places[0].line, touched, kinds, certain, False, places)

    def name(self, touched: Touched, places: list[Place]) -> tuple[tuple[int, int, str], str]:
        """What is lowest of what the events created or deleted there, and the episode's id, which says it.

        Where they only formatted: ``f-``, the lowest of their format items there, and the first character at which
        who put or removed that met others.
        """
        pairs = self.pairs
        ids = []
        for event, items in touched.items():
            for item in items:
                if item.maker == event:
                    ids.append((*item.id, "c"))
                elif item in pairs.deleted[event] or item in pairs.writes[event].get(item.line, ()):
                    ids.append((*item.id, "d"))
        if ids:
            client, clock, how = min(ids)
            return (client, clock, how), f"{how}-{client}-{clock}"
        marks = []
        for place in places:
            for event in (place.record.a, place.record.b):
                inserted = [i.id for i in place.line.items if i.kind == FORMAT and i.maker == event]
                deleted = [i.id for i in place.line.items if i.kind == FORMAT and event in i.deleters]
                mark = (0, min(inserted)) if inserted else (1, min(deleted))
                marks.append((*mark, self.span(place)[0], place.record.first))
        _, item, _, first = min(marks)
        return (2**64, 0, ""), f"f-{item[0]}-{item[1]}-{first[0]}-{first[1]}"

    # -- what is said of it ----------------------------------------------------------------------------------------

    def entry(
        self, line: Line, touched: Touched, kinds: frozenset[Kind], certain: bool, capped: bool, places: list[Place]
    ) -> tuple[tuple[str, str, int, object], Episode]:
        """An episode, and where it belongs in the order of episodes."""
        pairs, views = self.pairs, self.views
        reach = [pairs.where[item] for items in touched.values() for item in items]
        low, high = min(reach), max(reach) + 1
        lowest, name = self.name(touched, places)
        revisions = tuple(sorted(touched))
        merged = pairs.with_pasts(touched)
        paths = Paths(views, merged)
        base = set(self.facts).intersection(*(pairs.past[event] for event in touched))
        merged_text = views.text(line, merged, low, high)
        sides = self._sides(line, touched, places, low, high, merged)
        severity = severity_of(kinds, sides, self._rewrote(line, sides, low, high, base), merged_text)
        episode = Episode(
            id=name,
            kinds=kinds,
            certain=certain,
            interleaved=self._interleaved(line, touched, low, high, merged),
            capped=capped,
            root=line.root,
            first_revision=revisions[0],
            last_revision=revisions[-1],
            revisions=revisions,
            base=views.text(line, base, low, high),
            sides=sides,
            merged=merged_text,
            before=views.before(line, merged, low),
            after=views.after(line, merged, high),
            anchor_first=line.items[low].id,
            anchor_last=line.items[high - 1].id,
            key=line.key,
            path=paths.path(line.items[low]),
            line=paths.line_number(line.items[low]),
            heading=paths.heading(line.items[low]),
            self_only=len({self.facts[event].actor for event in touched}) == 1,
            double_initialisation="insert-insert" in kinds and not pairs.visible(line, base),
            severity=severity,
            settled_by=self._settled_by(line, touched, kinds, severity == "lost"),
        )
        return (line.root, line.key or "", low, (lowest, name)), episode

    def _sides(
        self, line: Line, touched: Touched, places: list[Place], low: int, high: int, merged: set[int]
    ) -> tuple[Side, ...]:
        actors = {self.facts[event].actor for event in touched}
        people: dict[tuple[str, str | None], set[int]] = {}
        for event in touched:
            fact = self.facts[event]
            people.setdefault((fact.actor, fact.session if len(actors) == 1 else None), set()).add(event)
        sides = []
        for (actor, session), own in sorted(people.items()):
            seen = self.pairs.with_pasts(own)
            text = self.views.text(line, seen, low, high)
            lost = self.views.lost(line.items[low:high], line, own, seen, merged)
            if text == self.views.text(line, merged, low, high):
                lost = ""
            formats = {mark for place in places for event in own for mark in self._formats_at(place, event)}
            sides.append(Side(actor, text, tuple(sorted(own)), session, lost, tuple(sorted(formats))))
        return tuple(sides)

    def _formats_at(self, place: Place, event: int) -> set[tuple[str, str]]:
        """What *event* set at the place of a record about formats that it is part of."""
        if not place.record.kinds & FORMATS or event not in place.record[:2]:
            return set()
        low, high = self.span(place)
        return {
            (key, value)
            for (item, key), value in self.pairs.formats[event].items()
            if item.line is place.line and low <= self.pairs.where[item] <= high
        }

    def _rewrote(self, line: Line, sides: Iterable[Side], low: int, high: int, base: set[int]) -> int:
        """How many sides deleted something of the base and inserted something that they still had in the end."""
        there = set(self.pairs.visible(line, base))
        count = 0
        for side in sides:
            own = set(side.revisions)
            mine = set(self.pairs.visible(line, self.pairs.with_pasts(own)))
            items = line.items[low:high]
            inserted = any(item in mine and item.maker in own for item in items)
            if line.key is not None:
                deleted = bool(there)
            else:
                deleted = any(item in there and item in self.pairs.deleted[event] for item in items for event in own)
            count += inserted and deleted
        return count

    def _interleaved(self, line: Line, touched: Touched, low: int, high: int, merged: set[int]) -> bool:
        """True if, with no other text in between, one actor's letters stand on both sides of another's."""
        order: list[str] = []
        shown = set(self.pairs.visible(line, merged))
        for item in line.items[low:high]:
            if item not in shown:
                continue
            if item.maker not in touched:
                order = []
                continue
            actor = self.facts[item.maker].actor
            if order[-1:] != [actor]:
                if actor in order:
                    return True
                order.append(actor)
        return False

    def _settled_by(self, line: Line, touched: Touched, kinds: frozenset[Kind], lost: bool) -> int | None:
        """The first whose author knew all of it and rewrote what it left: deleted something that its events inserted
        (format items where it is about formats), or wrote the key. What is lost stays so, but for a key."""
        pairs = self.pairs
        inserted = [
            item
            for item in pairs.items.by_id.values()
            if item.maker in touched and item.line is not None and (item.kind != FORMAT or kinds & FORMATS)
        ]
        for event in sorted(self.facts):
            if event in touched or not set(touched) <= pairs.past[event]:
                continue
            if line.key is not None and line in pairs.writes[event]:
                return event
            seen = pairs.past[event]
            if not lost and any(event in item.deleters and not pairs.superseded(item, seen) for item in inserted):
                return event
        return None


def joined(members: Sequence[Place], linked: Callable[[Place, Place], bool]) -> list[list[Place]]:
    """*members* in groups: two that are linked are in one."""
    groups: list[list[Place]] = [[member] for member in members]
    for one, other in combinations(members, 2):
        mine = next(group for group in groups if one in group)
        if other not in mine and linked(one, other):
            theirs = next(group for group in groups if other in group)
            groups.remove(theirs)
            mine += theirs
    return groups


def in_order(records: Iterable[Record]) -> list[Record]:
    """By pair and place."""
    return sorted(records, key=lambda record: (record.a, record.b, record.first, record.last, sorted(record.kinds)))
