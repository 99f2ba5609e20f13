"""The definition of a conflict, applied literally to every pair of edits: the engine's slow and obvious twin.

Nothing here is shared with the engine but the decoding of updates and the values that come out. Quadratic in edits and
worse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import combinations

from keepboth.conflicts.model import EditFact, Episode, Kind, Record, Side
from keepboth.conflicts.severity import severity_of
from tests.conflicts.literal_items import Item, Line
from tests.conflicts.literal_pairs import Pairs, Place
from tests.conflicts.literal_views import Views

Touched = dict[int, set[Item]]
"""What each event of an episode touched there."""


class BruteForce:
    """``records`` and `episodes` of *facts*. ``gap``: see the definition of an episode."""

    def __init__(self, facts: Sequence[EditFact], gap: int = 20) -> None:
        self.gap = gap
        self.pairs = Pairs(facts)
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
        return self.entry(places[0].line, touched, kinds, certain, False)

    # -- what is said of it ----------------------------------------------------------------------------------------

    def entry(
        self, line: Line, touched: Touched, kinds: frozenset[Kind], certain: bool, capped: bool
    ) -> tuple[tuple[str, str, int, object], Episode]:
        """An episode, and where it belongs in the order of episodes."""
        pairs, views = self.pairs, self.views
        places = [pairs.where[item] for items in touched.values() for item in items]
        low, high = min(places), max(places) + 1
        lowest = min(
            (*item.id, "c" if item.maker == event else "d") for event, items in touched.items() for item in items
        )
        revisions = tuple(sorted(touched))
        merged = pairs.with_pasts(touched)
        base = set(self.facts).intersection(*(pairs.past[event] for event in touched))
        sides = self._sides(line, touched, low, high, merged)
        merged_text = views.text(line, merged, low, high)
        severity = severity_of(kinds, sides, self._rewrote(line, touched, sides, base), merged_text)
        episode = Episode(
            id=f"{lowest[2]}-{lowest[0]}-{lowest[1]}",
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
            self_only=len({self.facts[event].actor for event in touched}) == 1,
            double_initialisation="insert-insert" in kinds and not pairs.visible(line, base),
            severity=severity,
            settled_by=None if severity == "lost" and line.key is None else self._settled_by(line, touched),
        )
        return (line.root, line.key or "", low, lowest), episode

    def _sides(self, line: Line, touched: Touched, low: int, high: int, merged: set[int]) -> tuple[Side, ...]:
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
            formats = {
                (key, value)
                for event in own
                for (item, key), value in self.pairs.formats[event].items()
                if item.line is line and low <= self.pairs.where[item] < high
            }
            sides.append(Side(actor, text, tuple(sorted(own)), session, lost, tuple(sorted(formats))))
        return tuple(sides)

    def _rewrote(self, line: Line, touched: Touched, sides: Iterable[Side], base: set[int]) -> int:
        """How many sides deleted something of the base and inserted something."""
        there = set(self.pairs.visible(line, base))
        count = 0
        for side in sides:
            mine = [(event, item) for event in side.revisions for item in touched[event]]
            deleted = any(item in there and event in item.deleters for event, item in mine)
            count += deleted and any(item.maker == event for event, item in mine)
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

    def _settled_by(self, line: Line, touched: Touched) -> int | None:
        pairs = self.pairs
        for event in sorted(self.facts):
            if event in touched or not set(touched) <= pairs.past[event]:
                continue
            if line.key is not None:
                if line in pairs.writes[event]:
                    return event
                continue
            before = pairs.screen_of(pairs.past[event])
            if any(event in item.named_by and item.maker in touched for item in before):
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


def worded(episode: Episode) -> Episode:
    """The episode without where it is, which the oracle does not tell."""
    return replace(episode, path=(), line=None, heading=None)
