"""The definition of a conflict, applied literally to every pair of edits: the engine's slow and obvious twin.

It takes the final order of all items (from the shadow, which another test proves equal to what Yjs shows) and the
edits; everything else it works out itself, with one set per question. Quadratic in edits and worse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from keepboth.conflicts.model import EditFact, Episode, Kind, Record, Side
from keepboth.conflicts.runs import text_of
from keepboth.conflicts.shadow import Shadow
from keepboth.events import Seen
from keepboth.yjs.structs import DELETED, FORMAT, STRING, Id

Point = tuple[str, int]
"""``(line, position in it)``."""

Node = tuple[int, str, int]
"""``(first event of a stroke, line, which of its spots there)``."""


def knows(bound: Seen, of: EditFact, other: EditFact) -> bool:
    if other.session == of.session:
        return other.revision < of.revision
    return bound.knows(other.revision, other.effective)


@dataclass
class Item:
    id: Id
    units: str
    maker: int
    shown: bool  # can ever be on a screen
    deleters: set[int] = field(default_factory=set)


class BruteForce:
    def __init__(self, facts: Sequence[EditFact], shadow: Shadow, gap: int = 20) -> None:
        self.gap = gap
        self.facts = {fact.revision: fact for fact in facts}
        self.past = {
            e: {a for a, other in self.facts.items() if a != e and knows(fact.context.lower, fact, other)}
            for e, fact in self.facts.items()
        }
        self.perhaps = {
            e: {a for a, other in self.facts.items() if a != e and knows(fact.context.upper, fact, other)}
            for e, fact in self.facts.items()
        }
        self.lines = self._read(shadow)
        everywhere = [(line, at) for line, items in self.lines.items() for at in range(len(items))]
        self.screen = {e: {p for p in everywhere if self.visible(p, {e} | self.past[e])} for e in self.facts}
        self.inserted = {
            e: {p for p in everywhere if self.item(p).maker == e and self.item(p).shown} for e in self.facts
        }
        self.deleted = {
            e: {p for p in everywhere if e in self.item(p).deleters and self.item(p).shown} for e in self.facts
        }
        self.points: dict[tuple[Record, int], set[int]] = {}
        self.records = [record for a, b in combinations(sorted(self.facts), 2) for record in self._records(a, b)]

    # -- items -----------------------------------------------------------------------------------------------------

    def _read(self, shadow: Shadow) -> dict[str, list[Item]]:
        makers: dict[Id, int] = {}
        deleters: dict[Id, set[int]] = {}
        for revision in sorted(self.facts):
            update = self.facts[revision].update
            for structs in update.structs.values():
                for struct in structs:
                    for clock in range(struct.clock, struct.clock + struct.length):
                        makers.setdefault((struct.client, clock), revision)
            for client, ranges in update.deletes.items():
                for first, length in ranges:
                    for clock in range(first, first + length):
                        deleters.setdefault((client, clock), set()).add(revision)
        lines: dict[str, list[Item]] = {}
        for line in shadow.lines():
            if line.key is not None:
                continue
            items = lines.setdefault(line.root, [])
            run = line.first
            while run is not None:
                for clock in range(run.clock, run.clock + run.length):
                    id = (run.client, clock)
                    units = run.content[clock - run.clock] if isinstance(run.content, str) else "￼"
                    by = deleters.get(id, set())
                    # deleting what one has seen deleted is a repetition, no act
                    acts = {d for d in by if not any(d != other and other in self.past[d] for other in by)}
                    shown = run.kind not in (FORMAT, DELETED) and makers[id] not in acts
                    items.append(Item(id, units, makers[id], shown, acts))
                run = run.right
        return lines

    def item(self, point: Point) -> Item:
        return self.lines[point[0]][point[1]]

    def visible(self, point: Point, events: set[int]) -> bool:
        item = self.item(point)
        return item.shown and item.maker in events and not item.deleters & events

    # -- pairs -----------------------------------------------------------------------------------------------------

    def _records(self, a: int, b: int) -> Iterable[Record]:
        if a in self.past[b] or b in self.past[a] or self.facts[a].session == self.facts[b].session:
            return
        separators = self.screen[a] & self.screen[b]
        deletes = {
            (e, other): {p for p in self.deleted[e] if self.item(p).maker in {other} | self.past[other]}
            for e, other in ((a, b), (b, a))
        }
        for line in self.lines:
            cuts = sorted(at for name, at in separators if name == line)
            pieces: dict[int, dict[str, set[int]]] = {}
            for what, points in (
                ("ins a", self.inserted[a]),
                ("del a", deletes[a, b]),
                ("ins b", self.inserted[b]),
                ("del b", deletes[b, a]),
            ):
                for name, at in points:
                    if name == line:
                        piece = sum(1 for cut in cuts if cut < at)
                        pieces.setdefault(piece, {}).setdefault(what, set()).add(at)
            for points_of in pieces.values():
                yield from self._record(a, b, line, points_of)

    def _record(self, a: int, b: int, line: str, points: dict[str, set[int]]) -> Iterable[Record]:
        ins_a, del_a = points.get("ins a", set()), points.get("del a", set())
        ins_b, del_b = points.get("ins b", set()), points.get("del b", set())
        if not (ins_a or del_a) or not (ins_b or del_b):
            return
        kinds: set[Kind] = set()
        if ins_a and ins_b:
            kinds.add("insert-insert")
        if del_a and del_b:
            kinds.add("delete-delete" if del_a & del_b else "adjacent-deletes")
        for inserts, deletes in ((ins_a, del_b), (ins_b, del_a)):
            if inserts and deletes:
                within = any(min(deletes) < at < max(deletes) for at in inserts)
                kinds.add("insert-in-deleted" if within else "insert-at-edge")
        every = ins_a | del_a | ins_b | del_b
        one, other = self.facts[a], self.facts[b]
        certain = not (a in self.perhaps[b] or b in self.perhaps[a] or one.undeclared_delete or other.undeclared_delete)
        items = self.lines[line]
        record = Record(a, b, frozenset(kinds), items[min(every)].id, items[max(every)].id, certain)
        self.points[record, a] = ins_a | del_a
        self.points[record, b] = ins_b | del_b
        yield record

    # -- episodes --------------------------------------------------------------------------------------------------

    def _span(self, record: Record) -> tuple[str, int, int]:
        if not hasattr(self, "_where"):
            self._where = {item.id: (line, at) for line, items in self.lines.items() for at, item in enumerate(items)}
        line, low = self._where[record.first]
        return line, low, self._where[record.last][1]

    def _linked(self, one: Record, other: Record) -> bool:
        line, low, high = self._span(one)
        other_line, other_low, other_high = self._span(other)
        if line != other_line:
            return False
        between = range(min(high, other_high) + 1, max(low, other_low))  # empty where they overlap
        return any(
            sum(1 for at in between if (line, at) in self.screen[event]) <= self.gap
            for event in {one.a, one.b} & {other.a, other.b}
        )

    def episodes(self) -> list[Episode]:
        group = list(range(len(self.records)))

        def find(at: int) -> int:
            while group[at] != at:
                at = group[at]
            return at

        of_event: dict[int, list[int]] = {}
        for at, record in enumerate(self.records):
            for event in (record.a, record.b):
                of_event.setdefault(event, []).append(at)
        for members in of_event.values():
            for x, y in combinations(members, 2):
                if find(x) != find(y) and self._linked(self.records[x], self.records[y]):
                    group[find(x)] = find(y)
        clusters: dict[int, list[Record]] = {}
        for at, record in enumerate(self.records):
            clusters.setdefault(find(at), []).append(record)
        found = [self._episode(records) for records in clusters.values()]
        return [episode for _, episode in sorted(found, key=lambda pair: pair[0])]

    def _spots(self, event: int, line: str) -> list[set[int]]:
        """What *event* touched in a line, cut where something else lies between on its author's screen."""
        touched = sorted(at for name, at in self.inserted[event] | self.deleted[event] if name == line)
        spots: list[set[int]] = []
        for at in touched:
            if spots and not any(
                (line, x) in self.screen[event] and self.lines[line][x].maker != event
                for x in range(max(spots[-1]) + 1, at)
            ):
                spots[-1].add(at)
            else:
                spots.append({at})
        return spots

    def _spot(self, event: int, record: Record) -> set[int]:
        """The points of *event* in the record, with what it touched beside them, up to what else its author saw."""
        points = self.points[record, event]
        return set().union(*(spot for spot in self._spots(event, self._span(record)[0]) if spot & points))

    def _episode(self, records: list[Record]) -> tuple[tuple[str, int, int, object], Episode]:
        events: dict[int, set[int]] = {}
        for record in records:
            for event in (record.a, record.b):
                events.setdefault(event, set()).update(self._spot(event, record))
        kinds = frozenset().union(*(record.kinds for record in records))
        certain = any(record.certain for record in records)
        return self._entry(self._span(records[0])[0], events, kinds, certain, False)

    def _entry(
        self, line: str, events: dict[int, set[int]], kinds: frozenset[Kind], certain: bool, capped: bool
    ) -> tuple[tuple[str, int, int, object], Episode]:
        items = self.lines[line]
        touched = set().union(*events.values())
        low, high = min(touched), max(touched)
        lowest = min(
            (*items[at].id, "c" if items[at].maker == event else "d") for event, spot in events.items() for at in spot
        )
        actors = sorted({self.facts[event].actor for event in events})
        merged = self._with_pasts(events)

        def text(seen: set[int], start: int, stop: int) -> str:
            return text_of("".join(items[at].units for at in range(start, stop) if self.visible((line, at), seen)))

        base = set(self.facts)
        for event in events:
            base &= self.past[event]
        revisions = tuple(sorted(events))
        sides = []
        for actor in actors:
            own = [event for event in revisions if self.facts[event].actor == actor]
            sides.append(Side(actor, text(self._with_pasts(own), low, high + 1), tuple(own)))
        order: list[str] = []
        mixed = False
        for at in range(low, high + 1):
            if self.visible((line, at), merged):
                if items[at].maker not in events:
                    order = []
                    continue
                actor = self.facts[items[at].maker].actor
                if order[-1:] != [actor]:
                    mixed = mixed or actor in order
                    order.append(actor)
        episode = Episode(
            id=f"{lowest[2]}-{lowest[0]}-{lowest[1]}",
            kinds=kinds,
            certain=certain,
            interleaved=mixed,
            capped=capped,
            root=line,
            first_revision=revisions[0],
            last_revision=revisions[-1],
            revisions=revisions,
            base=text(base, low, high + 1),
            sides=tuple(sides),
            merged=text(merged, low, high + 1),
            before=text(merged, 0, low)[-200:],
            after=text(merged, high + 1, len(items))[:200],
            anchor_first=items[low].id,
            anchor_last=items[high].id,
        )
        return (line, low, 0, lowest), episode

    def _with_pasts(self, events: Iterable[int]) -> set[int]:
        return set(events).union(*(self.past[event] for event in events))

    # -- crowds ----------------------------------------------------------------------------------------------------

    def _strokes(self) -> dict[int, int]:
        """For each event the first event of its stroke."""
        heads: dict[int, int] = {}
        last: dict[str, int] = {}
        for event in sorted(self.facts):
            fact = self.facts[event]
            before = last.get(fact.session)
            heads[event] = heads[before] if before is not None and self._continues(before, event) else event
            last[fact.session] = event
        return heads

    def _continues(self, before: int, event: int) -> bool:
        one, other = self.facts[before], self.facts[event]
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
            and self.past[event] == self.past[before] | {before}
        )

    def crowded_episodes(self, cap: int) -> list[Episode]:
        """The episodes where a cluster of more than *cap* strokes' spots takes in all that is apart from it."""
        heads = self._strokes()
        of_stroke: dict[int, set[int]] = {}
        for event, head in heads.items():
            of_stroke.setdefault(head, set()).add(event)
        whole: dict[Node, set[int]] = {}  # every place that a stroke touched, whoever took part
        for head, members in of_stroke.items():
            for line in self.lines:
                for at, spot in enumerate(self._spots(head, line)):
                    whole[head, line, at] = spot
                if len(members) > 1:
                    whole[head, line, 0] = {at for m in members for name, at in self.inserted[m] if name == line}
        clusters: list[tuple[set[Node], set[int], set[Record]]] = []  # spots, events, records

        def put(nodes: set[Node], events: set[int], records: set[Record]) -> None:
            for cluster in [cluster for cluster in clusters if cluster[0] & nodes]:
                clusters.remove(cluster)
                nodes, events, records = nodes | cluster[0], events | cluster[1], records | cluster[2]
            clusters.append((nodes, events, records))

        def nodes_of(record: Record) -> set[Node]:
            line = self._span(record)[0]
            return {
                node
                for node, spot in whole.items()
                for event in (record.a, record.b)
                if node[:2] == (heads[event], line) and spot & self.points[record, event]
            }

        def members(cluster: tuple[set[Node], set[int], set[Record]], node: Node) -> set[int]:
            return of_stroke[node[0]] & cluster[1]

        def span(cluster: tuple[set[Node], set[int], set[Record]]) -> tuple[str, int, int]:
            line = next(iter(cluster[0]))[1]
            places = set()
            for node in cluster[0]:
                if len(of_stroke[node[0]]) == 1:
                    places |= whole[node]
                else:
                    places |= {at for m in members(cluster, node) for name, at in self.inserted[m] if name == line}
            return line, min(places), max(places)

        for record in self.records:
            put(nodes_of(record), {record.a, record.b}, {record})
        for one, other in combinations(self.records, 2):
            if {one.a, one.b} & {other.a, other.b} and self._linked(one, other):
                put(nodes_of(one) | nodes_of(other), set(), set())
        before: object = None
        while before != sorted((sorted(c[0]), sorted(c[1])) for c in clusters):
            before = sorted((sorted(c[0]), sorted(c[1])) for c in clusters)
            for cluster in list(clusters):
                if cluster not in clusters or len(cluster[0]) <= cap:
                    continue
                line, low, high = span(cluster)
                for node, spot in whole.items():
                    if node[1] == line and any(low <= at <= high for at in spot):
                        apart = {e for e in of_stroke[node[0]] if any(self._apart(e, m) for m in cluster[1])}
                        if apart:
                            put({node, next(iter(cluster[0]))}, apart, set())
                for node in cluster[0]:
                    for event in members(cluster, node):
                        reaches = [
                            (nodes_of(record), *self._span(record)) for record in self.records if event in record[:2]
                        ]
                        reaches += [
                            (other[0], *span(other))
                            for other in clusters
                            if len(other[0]) > cap and any(node[0] == theirs[0] for theirs in other[0])
                        ]
                        for nodes, name, first, last in reaches:
                            between = range(min(high, last) + 1, max(low, first))
                            if name == line and sum((line, at) in self.screen[event] for at in between) <= self.gap:
                                put({node} | nodes, set(), set())
        found = []
        for cluster in clusters:
            line = next(iter(cluster[0]))[1]
            capped = len(cluster[0]) > cap
            events: dict[int, set[int]] = {}
            for node in cluster[0]:
                for event in members(cluster, node):
                    if len(of_stroke[node[0]]) == 1:
                        events.setdefault(event, set()).update(whole[node])
                    else:
                        events[event] = {at for name, at in self.inserted[event] if name == line}
            if capped:
                kinds, certain = self._coarse(events)
            else:
                kinds = frozenset().union(*(record.kinds for record in cluster[2]))
                certain = any(record.certain for record in cluster[2])
            found.append(self._entry(line, events, kinds, certain, capped))
        return [episode for _, episode in sorted(found, key=lambda pair: pair[0])]

    def _apart(self, a: int, b: int) -> bool:
        same = self.facts[a].session == self.facts[b].session
        return not same and a not in self.past[b] and b not in self.past[a]

    def _coarse(self, events: Iterable[int]) -> tuple[frozenset[Kind], bool]:
        inserting = {self.facts[e].session for e in events if self.inserted[e]}
        deleting = {self.facts[e].session for e in events if self.deleted[e]}
        exact = {
            self.facts[e].session for e in events if self.facts[e].context.exact and not self.facts[e].undeclared_delete
        }
        kinds: set[Kind] = set()
        if len(inserting) > 1:
            kinds.add("insert-insert")
        if len(deleting) > 1:
            kinds.add("delete-delete")
        if inserting and deleting and len(inserting | deleting) > 1:
            kinds.add("insert-in-deleted")
        return frozenset(kinds), len(exact) > 1
