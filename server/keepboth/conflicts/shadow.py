"""Every item a document ever had, in document order, with who inserted it and everybody who deleted it.

The shadow never forgets content and never collects garbage, so any past screen can be read from it. Items lie in
*lines*: one linked list per sequence and one per map key, in exactly the order in which Yjs (``Item.integrate``) and
yrs put them. They are kept as *runs*: consecutive clocks of one client inserted by one stroke, side by side; a run is
cut where an edit needs a border inside it.

Text is kept one character a UTF-16 unit (a pair of surrogates for a character beyond the BMP), so that a clock is an
index; `text_of` turns it back. Structs only come in when what they build on is there: that is the caller's promise,
kept within a batch by `integrate`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from keepboth.conflicts.strokes import Stroke
from keepboth.errors import InvalidRequest
from keepboth.yjs.content import values
from keepboth.yjs.slicing import dependencies
from keepboth.yjs.structs import ANY, DELETED, FORMAT, GC, JSON, SKIP, TYPE, Id, Range, Struct, Update

GAP: Final = 1 << 32
"""Distance between the order labels of two runs that are appended; labels in between halve it."""

MAX_RUN: Final = 1024
"""A longer run is not extended: appending copies its text."""


class Line:
    """One linked list of runs. ``key`` is None for a sequence; ``root`` names the shared type (see `Episode.root`)."""

    __slots__ = ("first", "key", "root")

    def __init__(self, root: str, key: str | None) -> None:
        self.root = root
        self.key = key
        self.first: Run | None = None


class Run:
    """Clocks ``clock`` to ``clock + length - 1`` of ``client``, inserted by ``stroke``, side by side in ``line``.

    ``order`` grows along a line. ``mute``: never on anybody's screen and no place where people meet (formats, content
    that came deleted or was deleted by the event that brought it). ``line`` None: content without a place (GC).
    """

    __slots__ = (
        "client",
        "clock",
        "content",
        "deleters",
        "kind",
        "left",
        "length",
        "line",
        "mute",
        "order",
        "origin",
        "right",
        "right_origin",
        "stroke",
    )

    def __init__(
        self, struct: Struct, clock: int, length: int, stroke: Stroke, line: Line | None, origin: Id | None
    ) -> None:
        self.client = struct.client
        self.clock = clock
        self.length = length
        self.kind = struct.kind
        self.content: str | tuple[object, ...] | None = None
        self.stroke = stroke
        self.deleters: tuple[Stroke, ...] | None = None
        self.line = line
        self.left: Run | None = None
        self.right: Run | None = None
        self.order = 0
        self.origin = origin
        self.right_origin = struct.right_origin
        self.mute = False

    @property
    def end(self) -> int:
        """The clock behind the run's last."""
        return self.clock + self.length

    def __repr__(self) -> str:
        return f"Run({self.client}:{self.clock}+{self.length} {self.content!r} by {self.stroke.rev})"


class _Client:
    __slots__ = ("next", "runs", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.runs: list[Run] = []
        self.next = 0

    def add(self, run: Run) -> None:
        self.starts.append(run.clock)
        self.runs.append(run)
        self.next = run.clock + run.length

    def index(self, clock: int) -> int:
        return bisect_right(self.starts, clock) - 1


class Shadow:
    """All items of one document. ``late``: strokes whose deletes had to wait for their items, which have now come."""

    __slots__ = ("_awaited", "_clients", "_held", "_roots", "late")

    def __init__(self) -> None:
        self._clients: dict[int, _Client] = {}
        self._roots: dict[str, Line] = {}
        self._held: dict[tuple[str | Id, str | None], Line] = {}
        self._awaited: dict[int, list[tuple[int, int, Stroke]]] = {}  # deletes of ids that are not there yet
        self.late: list[Stroke] = []

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
        return known.runs[known.index(clock)]

    def runs(self, ranges: tuple[int, ...]) -> Iterator[Run]:
        """The runs that lie in flat ``(client, clock, length, …)`` *ranges*; their borders must be borders of runs."""
        for at in range(0, len(ranges), 3):
            known = self._clients[ranges[at]]
            clock, end = ranges[at + 1], ranges[at + 1] + ranges[at + 2]
            index = known.index(clock)
            while index < len(known.runs) and known.runs[index].clock < end:
                yield known.runs[index]
                index += 1

    def tail(self, client: int) -> Run | None:
        """The run with the last clock of *client*."""
        known = self._clients.get(client)
        return known.runs[-1] if known else None

    def accepts(self, update: Update) -> bool:
        """True if everything that *update* builds on is here."""
        return all(clock + length <= self.next_clock(client) for client, clock, length in dependencies(update))

    # -- inserting -------------------------------------------------------------------------------------------------

    def extend(self, tail: Run, struct: Struct) -> bool:
        """Let *tail* grow by a STRING *struct* that continues its stroke, if the two lie side by side."""
        right = tail.right
        if tail.deleters is not None or tail.length >= MAX_RUN or struct.client in self._awaited:
            return False
        # Whatever does not build on the same item lies behind it: see `_place`.
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
            known = self._clients[client] = _Client()
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
        left = None if origin is None else self._ending_at(*origin)
        right = None if right_origin is None else self._starting_at(*right_origin)
        line = None
        if struct.kind != GC and not (left and left.line is None) and not (right and right.line is None):
            if left is not None:
                line = left.line
            elif right is not None:
                line = right.line
            elif struct.parent is not None:
                line = self._line(struct.parent, struct.key)
        run = Run(struct, clock + offset, length - offset, stroke, line, origin)
        if line is not None:
            run.content = _content(struct, offset)
            if right is not None and right.line is not line:
                right = None
            _link(line, run, _place(self, line, run, left, right))
            if struct.kind == DELETED:
                run.mute = True
                run.deleters = (stroke,)
            elif struct.kind == FORMAT:
                run.mute = True
            if line.key is None and not run.mute:
                stroke.ins += (client, run.clock, run.length)
        known.add(run)
        if client in self._awaited:
            self._catch_up(client, run.clock, run.clock + run.length)
        return None

    def _line(self, parent: str | Id, key: str | None) -> Line | None:
        """The line of a shared type named on the wire, None if there is no such type."""
        if isinstance(parent, str) and key is None:
            line = self._roots.get(parent)
            if line is None:
                line = self._roots[parent] = Line(parent, None)
            return line
        line = self._held.get((parent, key))
        if line is None:
            name = parent
            if isinstance(parent, tuple):
                holder = self.find(*parent)
                if holder.line is None or holder.kind != TYPE:
                    return None
                name = f"{parent[0]}.{parent[1]}"
            assert isinstance(name, str)
            line = self._held[parent, key] = Line(name, key)
        return line

    def _ending_at(self, client: int, clock: int) -> Run:
        known = self._clients[client]
        index = known.index(clock)
        run = known.runs[index]
        if run.clock + run.length > clock + 1:
            _split(known, index, clock + 1)
        return run

    def _starting_at(self, client: int, clock: int) -> Run:
        known = self._clients[client]
        index = known.index(clock)
        run = known.runs[index]
        return run if run.clock == clock else _split(known, index, clock)

    # -- deleting --------------------------------------------------------------------------------------------------

    def _delete(self, stroke: Stroke, deletes: dict[int, list[Range]]) -> None:
        for client, ranges in deletes.items():
            known = self._clients.get(client)
            there = known.next if known else 0
            for clock, length in ranges:
                end = clock + length
                if end > there:
                    self._awaited.setdefault(client, []).append((max(clock, there), end, stroke))
                if clock < there:
                    self._delete_range(client, clock, min(end, there), stroke)

    def _delete_range(self, client: int, clock: int, end: int, stroke: Stroke) -> None:
        known = self._clients[client]
        if known.runs[known.index(clock)].clock != clock:
            _split(known, known.index(clock), clock)
        index = known.index(clock)
        found: list[int] = []
        while clock < end:
            run = known.runs[index]
            if run.clock + run.length > end:
                _split(known, index, end)
            clock = run.clock + run.length
            index += 1
            if run.line is None or run.kind == DELETED:
                continue
            deleters = run.deleters
            if deleters is None:
                run.deleters = (stroke,)
            elif stroke in deleters or any(stroke.knows(other) for other in deleters):
                continue  # repeats what its author had seen deleted
            else:
                run.deleters = (*deleters, stroke)
            if run.stroke is stroke:
                run.mute = True  # typed and deleted in one go
            elif not run.mute and run.line.key is None:
                if found and found[-3] == client and found[-2] + found[-1] == run.clock:
                    found[-1] += run.length
                else:
                    found += (client, run.clock, run.length)
        stroke.dels += tuple(found)

    def _catch_up(self, client: int, clock: int, end: int) -> None:
        """Carry out the deletes that waited for ids from *clock* to *end*."""
        rest: list[tuple[int, int, Stroke]] = []
        for low, high, stroke in self._awaited.pop(client):
            if low < end:
                self._delete_range(client, max(low, clock), min(high, end), stroke)
                self.late.append(stroke)
            if high > end:
                rest.append((max(low, end), high, stroke))
        if rest:
            self._awaited[client] = rest


def units_of(text: str) -> str:
    """*text* with every character beyond the BMP as two surrogates: one character a clock."""
    units = array("H", text.encode("utf-16-le" if _LITTLE else "utf-16-be", "surrogatepass"))
    return "".join(map(chr, units))


_LITTLE: Final = array("H", b"\x01\x00")[0] == 1


def text_of(units: str) -> str:
    """Undo `units_of`. Half a character becomes U+FFFD."""
    if units.isascii():
        return units
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _content(struct: Struct, offset: int) -> str | tuple[object, ...] | None:
    content = struct.content
    if isinstance(content, str):
        if len(content) != struct.length:
            content = units_of(content)
        return content[offset:] if offset else content
    if struct.kind in (ANY, JSON):
        return tuple(values(struct)[offset:])
    return None


def _split(known: _Client, index: int, clock: int) -> Run:
    """Cut the run at *index* before *clock*, strictly inside it; return the right part. The run stays the left part."""
    run = known.runs[index]
    size = clock - run.clock
    rest = Run.__new__(Run)
    rest.client = run.client
    rest.clock = clock
    rest.length = run.length - size
    rest.kind = run.kind
    rest.stroke = run.stroke
    rest.deleters = run.deleters
    rest.line = run.line
    rest.origin = (run.client, clock - 1)
    rest.right_origin = run.right_origin
    rest.mute = run.mute
    rest.order = 0
    rest.left = rest.right = None
    content = run.content
    rest.content = None
    if content is not None:
        rest.content = content[size:]
        run.content = content[:size]
    run.length = size
    known.starts.insert(index + 1, clock)
    known.runs.insert(index + 1, rest)
    if run.line is not None:
        _link(run.line, rest, run)
    return rest


def _place(shadow: Shadow, line: Line, run: Run, left: Run | None, right: Run | None) -> Run | None:
    """The run that *run* goes behind. Source: Yjs 13 ``Item.integrate``; yrs ``Item::integrate`` does the same."""
    if left.right is right if left is not None else right is not None and right.left is None:
        return left
    other = left.right if left is not None else line.first
    origin, client = run.origin, run.client
    before: set[Run] = set()
    conflicting: set[Run] = set()
    while other is not None and other is not right:
        before.add(other)
        conflicting.add(other)
        if other.origin == origin:
            if other.client < client:
                left = other
                conflicting.clear()
            elif other.right_origin == run.right_origin:
                break
        elif other.origin is not None and (source := shadow.find(*other.origin)) in before:
            if source not in conflicting:
                left = other
                conflicting.clear()
        else:
            break
        other = other.right
    return left


def _link(line: Line, run: Run, left: Run | None) -> None:
    """Put *run* behind *left* (None: first) and give it an order label between its neighbours'."""
    right = line.first if left is None else left.right
    run.left, run.right = left, right
    if right is not None:
        right.left = run
    if left is not None:
        left.right = run
    else:
        line.first = run
    if right is None:
        run.order = left.order + GAP if left is not None else 0
    elif left is None:
        run.order = right.order - GAP
    else:
        run.order = left.order + right.order >> 1
        if run.order == left.order:
            _make_room(left)


def _make_room(left: Run) -> None:
    """Spread the labels right of *left*, over so many runs that the work is shared by many inserts (Dietz-Sleator)."""
    runs: list[Run] = []
    run = left.right
    while run is not None and run.order - left.order <= 4 * (len(runs) + 1) ** 2:
        runs.append(run)
        run = run.right
    end = run.order if run is not None else left.order + GAP * (len(runs) + 1)
    step = (end - left.order) // (len(runs) + 1)
    for nth, member in enumerate(runs, 1):
        member.order = left.order + step * nth
