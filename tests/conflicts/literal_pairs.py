"""Who had seen what, and which pairs of edits collide where: the definition of every kind, one set per question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from keepboth.conflicts.model import EditFact, Grain, Kind, Record
from keepboth.events import Seen
from keepboth.yjs.structs import FORMAT, STRING
from tests.conflicts.literal_items import Item, Items, Line


def canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def knows(bound: Seen, of: EditFact, other: EditFact) -> bool:
    if other.session == of.session:
        return other.revision < of.revision
    return bound.knows(other.revision, other.effective)


def ends_a_line(item: Item) -> int:
    """What is no text stands for itself, as a whole line does."""
    return int(item.content == "\n") if item.kind == STRING else 2


class Place:
    """One record with its line, and what each of the two touched there."""

    def __init__(self, record: Record, line: Line, points: dict[int, set[Item]]) -> None:
        self.record = record
        self.line = line
        self.points = points


class Pairs:
    """``places``: every record of *facts*."""

    def __init__(self, facts: Sequence[EditFact], grain: Grain = "character") -> None:
        self.grain = grain
        self.facts = {fact.revision: fact for fact in facts}
        self.past = self._pasts("lower")
        self.perhaps = self._pasts("upper")
        self.items = Items(facts, self.past)
        self.lines = list(self.items.lines.values())
        self.where = {item: at for line in self.lines for at, item in enumerate(line.items)}
        every = [item for line in self.lines for item in line.items]
        self.screen = {e: self.screen_of({e} | self.past[e]) for e in self.facts}
        self.inserted = {
            e: {item for item in every if item.maker == e and item.shown and item.line.key is None} for e in self.facts
        }
        self.deleted = {
            e: {i for i in every if e in i.deleters and i.shown and i.line.key is None and not self.goes_along(i, e)}
            for e in self.facts
        }
        self.writes = {e: self._writes(e) for e in self.facts}
        self.removes = {e: self._removes(e, every) for e in self.facts}
        self.edits_inside = {e: self._edits_inside(e, every) for e in self.facts}
        self.formats = {e: self._formats(e) for e in self.facts}
        self.places = [place for a, b in combinations(sorted(self.facts), 2) for place in self._places(a, b)]

    def _pasts(self, bound: str) -> dict[int, set[int]]:
        return {
            e: {a for a, other in self.facts.items() if a != e and knows(getattr(fact.context, bound), fact, other)}
            for e, fact in self.facts.items()
        }

    def with_pasts(self, events: Iterable[int]) -> set[int]:
        events = set(events)
        return events.union(*(self.past[event] for event in events))

    def apart(self, a: int, b: int) -> bool:
        same = self.facts[a].session == self.facts[b].session
        return not same and a not in self.past[b] and b not in self.past[a]

    # -- screens ---------------------------------------------------------------------------------------------------

    def current(self, line: Line, events: set[int]) -> Item | None:
        """The value of a key line among *events*, None if they deleted it or never wrote one."""
        known = [item for item in line.items if item.maker in events]
        return known[-1] if known and not known[-1].deleters & events else None

    def visible(self, line: Line, events: set[int]) -> list[Item]:
        """What of *line* is on the screen of somebody who knows *events*, in order."""
        if line.key is not None:
            current = self.current(line, events)
            return [] if current is None else [current]
        return [item for item in line.items if item.shown and item.maker in events and not item.deleters & events]

    def screen_of(self, events: set[int]) -> set[Item]:
        return {item for line in self.lines for item in self.visible(line, events)}

    # -- what one event did ----------------------------------------------------------------------------------------

    def superseded(self, item: Item, events: set[int]) -> bool:
        """True if *item* lies in a key line and *events* put something behind it."""
        line = item.line
        later = line.items[self.where[item] + 1 :] if line.key is not None else []
        return any(other.maker in events for other in later)

    def goes_along(self, item: Item, event: int) -> bool:
        """True if *event* deleted *item* only with what it lies in, or after that was gone."""
        seen = self.past[event]
        return any(holder.named_by & (seen | {event}) or self.superseded(holder, seen) for holder in item.line.chain())

    def _writes(self, event: int) -> dict[Line, set[Item]]:
        """Key lines it wrote, with what it inserted there and the current value if it deleted that."""
        found: dict[Line, set[Item]] = {}
        for line in self.lines:
            if line.key is None:
                continue
            touched = {item for item in line.items if item.maker == event}
            current = self.current(line, self.past[event])
            if current is not None and event in current.deleters and not self.goes_along(current, event):
                touched.add(current)
            if touched:
                found[line] = touched
        return found

    def _removes(self, event: int, every: list[Item]) -> set[Item]:
        """Types it deleted, not along with what they lie in, or put another value behind."""
        types = {item for item in every if item.is_type}
        return {item for item in types if event in item.deleters and not self.goes_along(item, event)} | {
            item for item in types if self.superseded(item, {event})
        }

    def _edits_inside(self, event: int, every: list[Item]) -> set[Item]:
        """Types in which, at whatever depth, it inserted or deleted something or wrote a key."""
        touched = {item.line for item in every if item.maker == event}
        touched |= {i.line for i in every if event in i.deleters and i.maker != event and not self.goes_along(i, event)}
        return {holder for line in touched | set(self.writes[event]) for holder in line.chain()}

    def attributes(self, line: Line, events: set[int]) -> dict[Item, dict[str, str]]:
        """The formats in effect at each visible item of *line*, without what is unset."""
        shown = set(self.visible(line, events))
        now: dict[str, str] = {}
        found: dict[Item, dict[str, str]] = {}
        for item in line.items:
            if item.kind == FORMAT and item.maker in events and not item.deleters & events:
                key, value = item.content
                now = {**now, key: canonical(value)}
            elif item in shown:
                found[item] = {key: value for key, value in now.items() if value != "null"}
        return found

    def _formats(self, event: int) -> dict[tuple[Item, str], str]:
        """``(item, format)`` -> its new value as canonical JSON, of all that the event formats."""
        found: dict[tuple[Item, str], str] = {}
        for line in self.lines:
            if line.key is not None or not any(
                item.kind == FORMAT
                and (item.maker == event or (event in item.deleters and not self.goes_along(item, event)))
                for item in line.items
            ):
                continue
            before = self.attributes(line, self.past[event])
            after = self.attributes(line, self.past[event] | {event})
            for item in before.keys() & after.keys():
                for key in before[item].keys() | after[item].keys():
                    if before[item].get(key) != after[item].get(key):
                        found[item, key] = after[item].get(key, "null")
        return found

    # -- pairs -----------------------------------------------------------------------------------------------------

    def _places(self, a: int, b: int) -> Iterator[Place]:
        if not self.apart(a, b):
            return
        for line in self.lines:
            if line.key is None:
                yield from self._pieces(a, b, line)
                yield from self._format_place(a, b, line)
            elif line in self.writes[a] and line in self.writes[b]:
                points = {a: self.writes[a][line], b: self.writes[b][line]}
                yield self._place(a, b, {"map-key"}, line, points)
        removed = {
            item
            for one, other in ((a, b), (b, a))
            for item in self.removes[one] & self.edits_inside[other]
            if item.maker in self.past[other]
        }
        for item in removed:
            yield self._place(a, b, {"in-removed-subtree"}, item.line, {a: {item}, b: {item}})

    def _place(self, a: int, b: int, kinds: set[Kind], line: Line, points: dict[int, set[Item]]) -> Place:
        one, other = self.facts[a], self.facts[b]
        certain = not (a in self.perhaps[b] or b in self.perhaps[a] or one.undeclared_delete or other.undeclared_delete)
        every = sorted(points[a] | points[b], key=self.where.__getitem__)
        return Place(Record(a, b, frozenset(kinds), every[0].id, every[-1].id, certain), line, points)

    def _pieces(self, a: int, b: int, line: Line) -> Iterator[Place]:
        separators = self.screen[a] & self.screen[b]
        cuts = [at for at, item in enumerate(line.items) if item in separators]
        pieces: dict[int, dict[str, set[int]]] = {}
        for event, other in ((a, b), (b, a)):
            known = {other} | self.past[other]
            for what, points in (
                (f"insert {event}", self.inserted[event]),
                (f"delete {event}", {item for item in self.deleted[event] if item.maker in known}),
            ):
                for item in points:
                    if item.line is line:
                        at = self.where[item]
                        piece = sum(1 for cut in cuts if cut < at)
                        pieces.setdefault(piece, {}).setdefault(what, set()).add(at)
        for found in pieces.values():
            ins_a, del_a = found.get(f"insert {a}", set()), found.get(f"delete {a}", set())
            ins_b, del_b = found.get(f"insert {b}", set()), found.get(f"delete {b}", set())
            if not (ins_a or del_a) or not (ins_b or del_b):
                continue
            kinds: set[Kind] = set()
            if ins_a and ins_b:
                kinds.add("insert-insert")
            if del_a and del_b:
                kinds.add("delete-delete" if del_a & del_b else "adjacent-deletes")
            for inserts, deletes in ((ins_a, del_b), (ins_b, del_a)):
                if inserts and deletes:
                    within = any(min(deletes) < at < max(deletes) for at in inserts)
                    kinds.add("insert-in-deleted" if within else "insert-at-edge")
            points = {a: {line.items[at] for at in ins_a | del_a}, b: {line.items[at] for at in ins_b | del_b}}
            yield self._place(a, b, kinds, line, points)
        if self.grain == "line":
            yield from self._on_lines(a, b, line, pieces, separators)

    def _on_lines(
        self, a: int, b: int, line: Line, pieces: dict[int, dict[str, set[int]]], separators: set[Item]
    ) -> Iterator[Place]:
        """What both did on a stretch without a whole line that both see, unless no character keeps it apart."""
        of: dict[int, set[int]] = {a: set(), b: set()}
        touching: list[set[int]] = []
        for found in pieces.values():
            mine = {e: found.get(f"insert {e}", set()) | found.get(f"delete {e}", set()) for e in (a, b)}
            of[a] |= mine[a]
            of[b] |= mine[b]
            if mine[a] and mine[b]:
                touching.append(mine[a] | mine[b])
        groups: list[list[int]] = []
        for at in sorted(of[a] | of[b]):
            between = line.items[groups[-1][-1] + 1 : at] if groups else []
            if not groups or sum(ends_a_line(item) for item in between if item in separators) >= 2:
                groups.append([])
            groups[-1].append(at)
        for group in groups:
            met = {e: {line.items[at] for at in group if at in of[e]} for e in (a, b)}
            if met[a] and met[b] and set(group) not in touching:
                yield self._place(a, b, {"same-line"}, line, met)

    def _format_place(self, a: int, b: int, line: Line) -> Iterator[Place]:
        kinds: set[Kind] = set()
        where: set[Item] = set()
        for (item, key), value in self.formats[a].items():
            if item.line is line and (item, key) in self.formats[b] and self.formats[b][item, key] != value:
                kinds.add("format")
                where.add(item)
        for one, other in ((a, b), (b, a)):
            met = {item for item, _ in self.formats[one] if item.line is line and item in self.deleted[other]}
            if met:
                kinds.add("format-in-deleted")
                where |= met
        if where:
            yield self._place(a, b, kinds, line, {a: where, b: where})
