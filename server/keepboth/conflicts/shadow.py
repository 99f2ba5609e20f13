"""Every item a document ever had, in document order, with who inserted it and everybody who deleted it.

The shadow never forgets content and never collects garbage, so any past screen can be read from it. Items lie in
exactly the order in which Yjs (``Item.integrate``) and yrs put them. Structs only come in when what they build on is
there: that is the caller's promise, kept within a batch by `integrate`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from keepboth.conflicts.formats import put_format
from keepboth.conflicts.nesting import gone_with_holder, note_inside, note_undoer, note_writer, overwritten
from keepboth.conflicts.runs import MAX_RUN, Line, Run, RunIndex, link, units_of
from keepboth.conflicts.strokes import Stroke
from keepboth.conflicts.yata import left_of
from keepboth.errors import InvalidRequest
from keepboth.yjs.content import format_of, values
from keepboth.yjs.slicing import dependencies
from keepboth.yjs.structs import DELETED, FORMAT, GC, SKIP, STRING, TYPE, Id, Range, Struct, Update


class Shadow:
    """All items of one document.

    ``late``: strokes whose deletes had to wait for their items, which have now come. ``stirred``: strokes that have met
    others and whose content has now been deleted. ``below``: the lines of each nested type. ``formatted``: true once
    there was a format.
    """

    __slots__ = (
        "_awaited",
        "_clients",
        "_held",
        "_inserted",
        "_roots",
        "_wrote",
        "below",
        "formatted",
        "late",
        "stirred",
    )

    def __init__(self) -> None:
        self._clients: dict[int, RunIndex] = {}
        self._roots: dict[str, Line] = {}
        self._held: dict[tuple[str | Id, str | None], Line] = {}
        self._awaited: dict[int, list[tuple[int, int, Stroke]]] = {}  # deletes of ids that are not there yet
        self._inserted: list[int] = []  # by the stroke at work, not yet in its ``ins`` and ``wrote``
        self._wrote: list[int] = []
        self.below: dict[Run, list[Line]] = {}
        self.formatted = False
        self.late: list[Stroke] = []
        self.stirred: dict[Stroke, None] = {}

    # -- reading ---------------------------------------------------------------------------------------------------

    def lines(self) -> Iterator[Line]:
        yield from self._roots.values()
        yield from self._held.values()

    def line(self, root: str) -> Line | None:
        """The sequence of the root type named *root*, None if nothing was ever inserted there."""
        return self._roots.get(root)

    def next_clock(self, client: int) -> int:
        known = self._clients.get(client)
        return known.next if known else 0

    def find(self, client: int, clock: int) -> Run:
        """The run that holds an id. Raises KeyError if nothing does."""
        known = self._clients[client]
        if not 0 <= clock < known.next:
            raise KeyError((client, clock))
        return known.at(clock)

    def runs(self, ranges: tuple[int, ...]) -> Iterator[Run]:
        """The runs that hold ids in flat ``(client, clock, length, …)`` *ranges*."""
        for at in range(0, len(ranges), 3):
            clock = ranges[at + 1]
            yield from self._clients[ranges[at]].between(clock, clock + ranges[at + 2])

    def awaiting(self) -> set[Stroke]:
        """Strokes that have deleted something which is not there yet."""
        return {stroke for rows in self._awaited.values() for _, _, stroke in rows}

    def cut_out(self, ranges: tuple[int, ...]) -> Iterator[Run]:
        """The runs that hold ids in flat *ranges* and, having been cut at their ends, none besides."""
        for at in range(0, len(ranges), 3):
            known = self._clients[ranges[at]]
            clock, end = ranges[at + 1], ranges[at + 1] + ranges[at + 2]
            known.starting_at(clock)
            known.ending_at(end - 1)
            yield from known.between(clock, end)

    def join(self, touched: Iterable[Id], one: Callable[[Run, Run], bool]) -> None:
        """Make one run of neighbours by clock around the ids *touched* that *one* says differ in nothing."""
        clocks: dict[int, list[int]] = {}
        for client, clock in touched:
            clocks.setdefault(client, []).append(clock)
        for client, of_client in clocks.items():
            self._clients[client].join(of_client, one)

    def clocks(self) -> dict[int, int]:
        """The next clock of every client."""
        return {client: known.next for client, known in self._clients.items()}

    @property
    def size(self) -> int:
        """How many runs there are."""
        return sum(known.size for known in self._clients.values())

    def all_runs(self) -> Iterator[Run]:
        """Every run, by client and clock."""
        for known in self._clients.values():
            yield from known.between(0, known.next)

    def tail(self, client: int) -> Run | None:
        """The run with the last clock of *client*."""
        known = self._clients.get(client)
        return known.tail() if known else None

    def accepts(self, update: Update) -> bool:
        """True if everything that *update* builds on is here."""
        return all(clock + length <= self.next_clock(client) for client, clock, length in dependencies(update))

    # -- inserting -------------------------------------------------------------------------------------------------

    def extend(self, tail: Run, struct: Struct) -> bool:
        """Let *tail* grow by a STRING *struct* that continues its stroke, if the two lie side by side."""
        right = tail.right
        if tail.deleters is not None or tail.length >= MAX_RUN or struct.client in self._awaited:
            return False
        # Whatever does not build on the same item lies behind it: see `left_of`.
        if right is not None and right.origin == struct.origin and (right.client, right.clock) != struct.right_origin:
            return False
        assert isinstance(tail.content, str)
        assert isinstance(struct.content, str)
        text = struct.content
        tail.content += text if len(text) == struct.length else units_of(text)
        tail.length += struct.length
        self._clients[struct.client].next += struct.length
        return True

    def integrate(self, batch: Iterable[tuple[Stroke, Update]]) -> None:
        """Put the structs of *batch* in their places, each after what it builds on, then carry out its deletes.

        Raises: InvalidRequest when something that a struct builds on is neither here nor in the batch; whatever does
        not build on it has then been integrated.
        """
        batch = list(batch)
        ready = deque((stroke, deque(structs)) for stroke, update in batch for structs in update.structs.values())
        waiting: dict[int, list[tuple[Stroke, deque[Struct]]]] = {}
        missing: Id | None = None
        while ready:
            stroke, structs = ready.popleft()
            client = structs[0].client if structs else 0
            moved = False
            while structs:
                missing = self._insert(stroke, structs[0])
                if missing is not None:
                    waiting.setdefault(missing[0], []).append((stroke, structs))
                    break
                structs.popleft()
                moved = True
            if self._inserted:
                stroke.ins += tuple(self._inserted)
                self._inserted.clear()
            if self._wrote:
                stroke.wrote += tuple(self._wrote)
                self._wrote.clear()
            if moved:
                ready.extend(waiting.pop(client, ()))
        for stroke, update in batch:
            if update.deletes:
                self._delete(stroke, update.deletes)
        if waiting:
            client = min(waiting)
            raise InvalidRequest(
                "an edit was released before what it builds on", client=client, revision=waiting[client][0][0].rev
            )

    def _lacks(self, wanted: Id) -> bool:
        known = self._clients.get(wanted[0])
        return known is None or wanted[1] >= known.next

    def _insert(self, stroke: Stroke, struct: Struct) -> Id | None:
        """Integrate one struct of *stroke*, the part of it that is new. Return an id that must come first, or None."""
        if struct.kind == SKIP:
            return None
        client, clock, length = struct.client, struct.clock, struct.length
        known = self._clients.get(client)
        if known is None:
            known = self._clients[client] = RunIndex()
        offset = known.next - clock
        if offset < 0:
            return (client, clock - 1)
        if offset >= length:
            return None
        origin = struct.origin if offset == 0 else (client, known.next - 1)
        right_origin = struct.right_origin
        for wanted in (origin, right_origin, struct.parent):
            if isinstance(wanted, tuple) and self._lacks(wanted):
                return wanted
        left = None if origin is None else self._clients[origin[0]].ending_at(origin[1])
        right = None if right_origin is None else self._clients[right_origin[0]].starting_at(right_origin[1])
        line = None
        if struct.kind != GC and not (left and left.line is None) and not (right and right.line is None):
            if left is not None:
                line = left.line
            elif right is not None:
                line = right.line
            elif struct.parent is not None:
                line = self._line(struct.parent, struct.key)
        run = Run(client, known.next, length - offset, struct.kind, stroke, line, origin, right_origin)
        if line is not None:
            run.content = _content(struct, offset)
            if right is not None and right.line is not line:
                right = None
            link(line, run, left_of(self.find, line, run, left, right))
            self._note(stroke, struct.kind, line, run)
        known.append(run)
        if client in self._awaited:
            self._catch_up(client, run.clock, run.clock + run.length)
        return None

    def _note(self, stroke: Stroke, kind: int, line: Line, run: Run) -> None:
        """Keep in mind what *stroke* did by inserting *run*."""
        if kind == DELETED:
            run.mute = True
            run.deleters = (stroke,)
        elif kind == FORMAT:
            run.mute = True
        elif kind == TYPE:
            if line.types is None:
                line.types = []
            line.types.append(run)
        if line.key is None and not run.mute:
            self._inserted += (run.client, run.clock, run.length)
        elif line.key is not None or kind == FORMAT:
            self._wrote += (run.client, run.clock, run.length)
            note_writer(stroke, line)
            if line.key is None:
                self.formatted = True
                put_format(line, run)
        if line.holder is not None:
            note_inside(stroke, line)

    def _line(self, parent: str | Id, key: str | None) -> Line | None:
        """The line of a shared type named on the wire, None if there is no such type."""
        number = len(self._roots) + len(self._held)
        if isinstance(parent, str) and key is None:
            line = self._roots.get(parent)
            if line is None:
                line = self._roots[parent] = Line(parent, None, None, number)
            return line
        line = self._held.get((parent, key))
        if line is None:
            name = parent
            holder = None
            if isinstance(parent, tuple):
                holder = self.find(*parent)
                if holder.line is None or holder.kind != TYPE:
                    return None
                name = f"{parent[0]}.{parent[1]}"
            assert isinstance(name, str)
            line = self._held[parent, key] = Line(name, key, holder, number)
            if holder is not None:
                self.below.setdefault(holder, []).append(line)
        return line

    # -- deleting --------------------------------------------------------------------------------------------------

    def _delete(self, stroke: Stroke, deletes: dict[int, list[Range]]) -> None:
        found: list[Run] = []
        for client, ranges in deletes.items():
            known = self._clients.get(client)
            there = known.next if known else 0
            for clock, length in ranges:
                end = clock + length
                if end > there:
                    self._awaited.setdefault(client, []).append((max(clock, there), end, stroke))
                if clock < there:
                    self._delete_range(client, clock, min(end, there), stroke, found)
        _note_deleted(stroke, found)

    def _delete_range(self, client: int, clock: int, end: int, stroke: Stroke, found: list[Run]) -> None:
        """Make *stroke* a deleter of what it deletes; append to *found* what others inserted."""
        known = self._clients[client]
        known.starting_at(clock)
        if end < known.next:
            known.starting_at(end)
        for run in known.between(clock, end):
            line = run.line
            if line is None or run.kind == DELETED:
                continue
            if line.key is not None and overwritten(stroke, run):
                continue  # Yjs deletes what was overwritten, as it merges
            if run.stretch is not None:
                run.stretch.alive = False
            deleters = run.deleters
            if deleters is None:
                run.deleters = (stroke,)
            elif stroke in deleters or any(stroke.knows(other) for other in deleters):
                continue  # repeats what its author had seen deleted
            else:
                run.deleters = (*deleters, stroke)
            maker = run.stroke
            if maker is stroke:
                run.mute = True  # typed and deleted in one go
                continue
            if maker.spots is not None or maker.places is not None:
                self.stirred[maker] = None
                if maker.undoers is not None:
                    note_undoer(maker, stroke, run)
            found.append(run)

    def _catch_up(self, client: int, clock: int, end: int) -> None:
        """Carry out the deletes that waited for ids from *clock* to *end*."""
        rest: list[tuple[int, int, Stroke]] = []
        for low, high, stroke in self._awaited.pop(client):
            if low < end:
                found: list[Run] = []
                self._delete_range(client, max(low, clock), min(high, end), stroke, found)
                _note_deleted(stroke, found)
                self.late.append(stroke)
            if high > end:
                rest.append((max(low, end), high, stroke))
        if rest:
            self._awaited[client] = rest


def _note_deleted(stroke: Stroke, found: list[Run]) -> None:
    """Keep in mind what *stroke* did by deleting *found*, runs that others inserted."""
    dels: list[int] = []
    wrote: list[int] = []
    with_holder: dict[Line, bool] = {}
    for run in found:
        line = run.line
        assert line is not None
        if line.holder is not None:
            gone = with_holder.get(line)
            if gone is None:
                gone = with_holder[line] = gone_with_holder(stroke, line)
            if gone:
                run.gone = (*(run.gone or ()), stroke)
                continue
            note_inside(stroke, line)
        if line.key is not None or run.kind == FORMAT:
            wrote += (run.client, run.clock, run.length)
            note_writer(stroke, line)
        elif run.mute:
            continue
        elif dels and dels[-3] == run.client and dels[-2] + dels[-1] == run.clock:
            dels[-1] += run.length
        else:
            dels += (run.client, run.clock, run.length)
    if dels:
        stroke.dels += tuple(dels)
    if wrote:
        stroke.wrote += tuple(wrote)


def _content(struct: Struct, offset: int) -> str | tuple[object, ...] | None:
    content = struct.content
    if isinstance(content, str):
        if len(content) != struct.length:
            content = units_of(content)
        return content[offset:] if offset else content
    if struct.kind in (STRING, DELETED):
        return None
    return format_of(struct) if struct.kind == FORMAT else tuple(values(struct)[offset:])
