"""Every item a document ever had, unit by unit, in the order Yjs gives it: the oracle's own integration.

Slow and plain: one `Item` a clock, lists that are searched from their beginning, no runs and no indexes. Source of the
order: Yjs 13 ``Item.integrate``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from keepboth.conflicts.model import EditFact
from keepboth.yjs.content import TypeRef, format_of, values
from keepboth.yjs.structs import DELETED, FORMAT, GC, SKIP, STRING, TYPE, Id, Struct


@dataclass(eq=False)
class Line:
    """One sequence (``key`` None), or the values a map key or XML attribute ever had. ``holder`` is None for roots."""

    root: str
    key: str | None
    holder: Item | None
    items: list[Item] = field(default_factory=list)

    def chain(self) -> Iterator[Item]:
        """The types it lies in, innermost first."""
        holder = self.holder
        while holder is not None:
            yield holder
            holder = holder.line.holder if holder.line is not None else None


@dataclass(eq=False)
class Item:
    """One clock. ``line`` None: content without a place (GC). ``content``: one UTF-16 unit, a value, a `TypeRef`, the
    ``(key, value)`` of a format. ``deleters``: who deleted it without having seen it deleted."""

    id: Id
    kind: int
    maker: int
    origin: Id | None
    right_origin: Id | None
    line: Line | None = None
    content: object = None
    deleters: set[int] = field(default_factory=set)
    named_by: set[int] = field(default_factory=set)

    @property
    def at(self) -> int:
        assert self.line is not None
        return self.line.items.index(self)

    @property
    def shown(self) -> bool:
        """True if it can ever be on a screen of somebody else."""
        return self.kind not in (FORMAT, DELETED) and self.maker not in self.deleters

    @property
    def is_type(self) -> bool:
        return self.kind == TYPE

    @property
    def type_ref(self) -> TypeRef:
        assert isinstance(self.content, TypeRef)
        return self.content


class Items:
    """``by_id`` and ``lines`` of all that *facts* bring; ``past`` says for each revision what its author had seen."""

    def __init__(self, facts: Iterable[EditFact], past: Mapping[int, set[int]]) -> None:
        self.by_id: dict[Id, Item] = {}
        self.lines: dict[tuple[str, str | None], Line] = {}
        facts = list(facts)
        self._insert_all([(fact.revision, s) for fact in facts for own in fact.update.structs.values() for s in own])
        for fact in facts:
            for client, ranges in fact.update.deletes.items():
                for first, length in ranges:
                    for clock in range(first, first + length):
                        if (client, clock) in self.by_id:
                            self.by_id[client, clock].named_by.add(fact.revision)
        for item in self.by_id.values():
            if item.kind == DELETED:
                item.named_by.add(item.maker)
            # deleting what one has seen deleted is a repetition, no act
            item.deleters = {d for d in item.named_by if not any(e != d and e in past[d] for e in item.named_by)}

    def _insert_all(self, waiting: list[tuple[int, Struct]]) -> None:
        moved = True
        while waiting and moved:
            rest = []
            for revision, struct in waiting:
                if not self._insert(revision, struct):
                    rest.append((revision, struct))
            moved = len(rest) < len(waiting)
            waiting = rest
        assert not waiting, f"nothing brings what {waiting[0]} builds on"

    def _insert(self, revision: int, struct: Struct) -> bool:
        """Integrate the units of *struct* that are new. False if what it builds on is missing."""
        if struct.kind == SKIP:
            return True
        wanted = (struct.origin, struct.right_origin, struct.parent)
        if any(isinstance(id, tuple) and id not in self.by_id for id in wanted):
            return False
        if struct.clock and (struct.client, struct.clock - 1) not in self.by_id:
            return False
        contents = _contents(struct)
        for offset in range(struct.length):
            id = (struct.client, struct.clock + offset)
            if id in self.by_id:
                self.by_id[id].maker = min(revision, self.by_id[id].maker)
                continue
            origin = struct.origin if offset == 0 else (struct.client, id[1] - 1)
            item = Item(id, struct.kind, revision, origin, struct.right_origin, content=contents[offset])
            self._integrate(item, struct)
            self.by_id[id] = item
        return True

    def _integrate(self, item: Item, struct: Struct) -> None:
        left = self.by_id[item.origin] if item.origin is not None else None
        right = self.by_id[item.right_origin] if item.right_origin is not None else None
        if item.kind == GC or any(beside is not None and beside.line is None for beside in (left, right)):
            return
        if left is not None:
            line = left.line
        elif right is not None:
            line = right.line
        else:
            line = self._line(struct)
        if line is None:
            return
        item.line = line
        items = line.items
        place = items.index(left) + 1 if left is not None else 0
        end = items.index(right) if right in items else len(items)
        before: set[Id] = set()
        conflicting: set[Id] = set()
        for at in range(place, end):
            other = items[at]
            before.add(other.id)
            conflicting.add(other.id)
            if other.origin == item.origin:
                if other.id[0] < item.id[0]:
                    place = at + 1
                    conflicting.clear()
                elif other.right_origin == item.right_origin:
                    break
            elif other.origin is not None and other.origin in before:
                if other.origin not in conflicting:
                    place = at + 1
                    conflicting.clear()
            else:
                break
        items.insert(place, item)

    def _line(self, struct: Struct) -> Line | None:
        """The line that a struct names on the wire."""
        holder = None
        if isinstance(struct.parent, tuple):
            holder = self.by_id[struct.parent]
            if holder.line is None or not holder.is_type:
                return None
            root = f"{holder.id[0]}.{holder.id[1]}"
        else:
            assert struct.parent is not None
            root = struct.parent
        where = (root, struct.key)
        if where not in self.lines:
            self.lines[where] = Line(root, struct.key, holder)
        return self.lines[where]


def _contents(struct: Struct) -> list[object]:
    """One content a clock."""
    if struct.kind == STRING:
        assert isinstance(struct.content, str)
        raw = struct.content.encode("utf-16-le", "surrogatepass")
        return [raw[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(raw), 2)]
    if struct.kind == FORMAT:
        return [format_of(struct)]
    if struct.kind in (GC, DELETED):
        return [None] * struct.length
    return values(struct)
