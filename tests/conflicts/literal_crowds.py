"""Episodes of crowded places, by the definition: a cluster of too many spots takes in all that is apart from it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from keepboth.conflicts.model import Episode, Kind
from keepboth.yjs.structs import STRING
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.literal_items import Item, Line
from tests.conflicts.literal_pairs import Place

Node = tuple[int, Line, int]
"""``(first event of a stroke, line, which of its spots there)``."""


class Crowded:
    """One cluster on the way: its spots, its events, and the records that made it."""

    def __init__(self, nodes: set[Node], events: set[int], places: set[Place]) -> None:
        self.nodes = nodes
        self.events = events
        self.places = places


class Crowds:
    """The episodes of a text session where clusters of more than *cap* spots are no longer weighed pair by pair."""

    def __init__(self, brute: BruteForce, cap: int) -> None:
        self.brute = brute
        self.pairs = brute.pairs
        self.cap = cap
        self.heads = self._strokes()
        self.of_stroke: dict[int, set[int]] = {}
        for event, head in self.heads.items():
            self.of_stroke.setdefault(head, set()).add(event)
        self.whole: dict[Node, set[Item]] = {}  # every place that a stroke touched, whoever took part
        for head, members in self.of_stroke.items():
            for line in self.pairs.lines:
                for at, spot in enumerate(brute.spots(head, line)):
                    self.whole[head, line, at] = spot
                if len(members) > 1:
                    self.whole[head, line, 0] = self._typed(members, line)
        self.clusters: list[Crowded] = []

    def episodes(self) -> list[Episode]:
        places = self.brute.places
        for place in places:
            self._put(self._nodes_of(place), {place.record.a, place.record.b}, {place})
        for one, other in combinations(places, 2):
            if self.brute.linked(one, other):
                self._put(self._nodes_of(one) | self._nodes_of(other), set(), set())
        before: object = None
        while before != self._state():
            before = self._state()
            for cluster in list(self.clusters):
                if cluster in self.clusters and len(cluster.nodes) > self.cap:
                    self._grow(cluster)
        return [episode for _, episode in sorted(map(self._episode, self.clusters), key=lambda found: found[0])]

    def _state(self) -> object:
        return {(frozenset(cluster.nodes), frozenset(cluster.events)) for cluster in self.clusters}

    def _put(self, nodes: set[Node], events: set[int], places: set[Place]) -> None:
        for cluster in [cluster for cluster in self.clusters if cluster.nodes & nodes]:
            self.clusters.remove(cluster)
            nodes, events, places = nodes | cluster.nodes, events | cluster.events, places | cluster.places
        self.clusters.append(Crowded(nodes, events, places))

    def _nodes_of(self, place: Place) -> set[Node]:
        return {
            node
            for node, spot in self.whole.items()
            for event in (place.record.a, place.record.b)
            if node[0] == self.heads[event] and node[1] is place.line and spot & place.points[event]
        }

    def _typed(self, events: Iterable[int], line: Line) -> set[Item]:
        return {item for event in events for item in self.pairs.inserted[event] if item.line is line}

    def _members(self, cluster: Crowded, node: Node) -> set[int]:
        return self.of_stroke[node[0]] & cluster.events

    def _span(self, cluster: Crowded) -> tuple[Line, int, int]:
        line = next(iter(cluster.nodes))[1]
        items: set[Item] = set()
        for node in cluster.nodes:
            alone = len(self.of_stroke[node[0]]) == 1
            items |= self.whole[node] if alone else self._typed(self._members(cluster, node), line)
        places = [self.pairs.where[item] for item in items]
        return line, min(places), max(places)

    def _grow(self, cluster: Crowded) -> None:
        """Take in whatever lies within its span and is apart from a member, and whatever is near to it."""
        line, low, high = self._span(cluster)
        for node, spot in self.whole.items():
            if node[1] is line and any(low <= self.pairs.where[item] <= high for item in spot):
                apart = {e for e in self.of_stroke[node[0]] if any(self.pairs.apart(e, m) for m in cluster.events)}
                if apart:
                    self._put({node, next(iter(cluster.nodes))}, apart, set())
        for node in cluster.nodes:
            for event in self._members(cluster, node):
                for nodes, other, first, last in self._reaches(node, event):
                    between = line.items[min(high, last) + 1 : max(low, first)]
                    seen = sum(item in self.pairs.screen[event] for item in between)
                    if other is line and seen <= self.brute.gap:
                        self._put({node} | nodes, set(), set())

    def _reaches(self, node: Node, event: int) -> list[tuple[set[Node], Line, int, int]]:
        """Where else *event* collided, or its stroke is part of a crowd."""
        found = [
            (self._nodes_of(place), place.line, *self.brute.span(place))
            for place in self.brute.places
            if event in (place.record.a, place.record.b)
        ]
        found += [
            (other.nodes, *self._span(other))
            for other in self.clusters
            if len(other.nodes) > self.cap and any(node[0] == theirs[0] for theirs in other.nodes)
        ]
        return found

    def _episode(self, cluster: Crowded) -> tuple[tuple[str, str, int, object], Episode]:
        line = next(iter(cluster.nodes))[1]
        capped = len(cluster.nodes) > self.cap
        touched: dict[int, set[Item]] = {}
        for node in cluster.nodes:
            for event in self._members(cluster, node):
                if len(self.of_stroke[node[0]]) == 1:
                    touched.setdefault(event, set()).update(self.whole[node])
                else:
                    touched[event] = self._typed([event], line)
        if capped:
            kinds, certain = self._coarse(touched)
        else:
            kinds = frozenset().union(*(place.record.kinds for place in cluster.places))
            certain = any(place.record.certain for place in cluster.places)
        return self.brute.entry(line, touched, kinds, certain, capped, [])

    def _coarse(self, events: Iterable[int]) -> tuple[frozenset[Kind], bool]:
        """The strict kinds that are possible, and whether two sessions' contexts are exact."""
        pairs = self.pairs
        facts = [pairs.facts[event] for event in events]
        inserting = {fact.session for fact in facts if pairs.inserted[fact.revision]}
        deleting = {fact.session for fact in facts if pairs.deleted[fact.revision]}
        exact = {fact.session for fact in facts if fact.context.exact and not fact.undeclared_delete}
        kinds: set[Kind] = set()
        if len(inserting) > 1:
            kinds.add("insert-insert")
        if len(deleting) > 1:
            kinds.add("delete-delete")
        if inserting and deleting and len(inserting | deleting) > 1:
            kinds.add("insert-in-deleted")
        return frozenset(kinds), len(exact) > 1

    # -- strokes ---------------------------------------------------------------------------------------------------

    def _strokes(self) -> dict[int, int]:
        """For each event the first event of its stroke."""
        heads: dict[int, int] = {}
        last: dict[str, int] = {}
        for event in sorted(self.pairs.facts):
            session = self.pairs.facts[event].session
            before = last.get(session)
            heads[event] = heads[before] if before is not None and self._continues(before, event) else event
            last[session] = event
        return heads

    def _continues(self, before: int, event: int) -> bool:
        one, other = self.pairs.facts[before], self.pairs.facts[event]
        structs = [[s for own in fact.update.structs.values() for s in own] for fact in (one, other)]
        if one.update.deletes or other.update.deletes or len(structs[0]) != 1 or len(structs[1]) != 1:
            return False
        (first,), (second,) = structs
        return (
            first.kind == second.kind == STRING
            and second.origin == (first.client, first.clock + first.length - 1)
            and (second.client, second.clock) == (first.client, first.clock + first.length)
            and second.right_origin == first.right_origin
            and one.actor == other.actor
            and one.context.exact == other.context.exact
            and one.context.lower[1:] == other.context.lower[1:]  # the same knowledge, written the same way
            and self.pairs.past[event] == self.pairs.past[before] | {before}
        )
