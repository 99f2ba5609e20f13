"""Runs: the pieces the shadow is made of, in document order and by id.

A *run* is consecutive clocks of one client, inserted by one stroke, side by side. Runs lie in *lines*, one linked list
per sequence and per map key, where an order label makes any two comparable at once; and in a `RunIndex` per client,
where they are found by clock. Text is kept one character a UTF-16 unit (two surrogates for a character beyond the BMP),
so that a clock is an index; `text_of` turns it back.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from keepboth.conflicts.strokes import Session, Stroke
from keepboth.yjs.structs import ANY, JSON, STRING, Id

GAP: Final = 1 << 32
"""Distance between the order labels of two runs that are appended; labels in between halve it."""

MAX_RUN: Final = 1024
"""A longer run is not extended: appending copies its text."""

BLOCK: Final = 512
"""Runs in a block of an index, at most. Inserting moves half a block, whatever the size of the document."""


class Line:
    """One linked list of runs. ``key`` is None for a sequence; ``root`` names the shared type (see `Episode.root`).

    ``holder`` is the item that holds the shared type, None for a root. ``types``: the nested types in the line.
    ``writers``: by session and in the session's order, who wrote the key, or in a sequence, who touched formats;
    ``formats``: the format items of a sequence by attribute, in document order. Nothing done in the line of a nested
    type has an effective revision above ``eff``, and nothing done further inside one above ``inner``. ``number`` tells
    the lines of a document apart.
    """

    __slots__ = ("eff", "first", "formats", "holder", "inner", "key", "last", "number", "root", "types", "writers")

    def __init__(self, root: str, key: str | None, holder: Run | None, number: int) -> None:
        self.root = root
        self.number = number
        self.key = key
        self.holder = holder
        self.first: Run | None = None
        self.last: Run | None = None
        self.types: list[Run] | None = None
        self.writers: dict[Session, list[Stroke]] | None = None
        self.formats: dict[str, list[Run]] | None = None
        self.eff = 0
        self.inner = 0

    def runs(self) -> Iterator[Run]:
        run = self.first
        while run is not None:
            yield run
            run = run.right


class Stretch:
    """Neighbouring runs that were all deleted: who knows all up to ``eff`` has seen them go and may step over them.

    Only a way to walk faster. It ends (``alive``) when something is put or deleted within it.
    """

    __slots__ = ("alive", "eff", "first", "last")

    def __init__(self, first: Run, last: Run, eff: int) -> None:
        self.first = first
        self.last = last
        self.eff = eff
        self.alive = True
        run: Run | None = first
        while run is not None:
            if run.stretch is not None:
                run.stretch.alive = False
            run.stretch = self
            run = run.right if run is not last else None


class Run:
    """Clocks ``clock`` to ``clock + length - 1`` of ``client``, inserted by ``stroke``, side by side in ``line``.

    ``order`` grows along a line. ``gone``: those of its ``deleters`` who did not delete it as such, but what it lay in.
    ``mute``: never on anybody's screen and no place where people meet (formats, content that came deleted or was
    deleted by the event that brought it). ``line`` None: content without a place (GC).
    """

    __slots__ = (
        "client",
        "clock",
        "content",
        "deleters",
        "gone",
        "kind",
        "left",
        "length",
        "line",
        "mute",
        "order",
        "origin",
        "right",
        "right_origin",
        "stretch",
        "stroke",
    )

    def __init__(
        self,
        client: int,
        clock: int,
        length: int,
        kind: int,
        stroke: Stroke,
        line: Line | None,
        origin: Id | None,
        right_origin: Id | None,
    ) -> None:
        self.client = client
        self.clock = clock
        self.length = length
        self.kind = kind
        self.content: str | tuple[object, ...] | None = None
        self.stroke = stroke
        self.deleters: tuple[Stroke, ...] | None = None
        self.gone: tuple[Stroke, ...] | None = None
        self.line = line
        self.left: Run | None = None
        self.right: Run | None = None
        self.order = 0
        self.origin = origin
        self.right_origin = right_origin
        self.mute = False
        self.stretch: Stretch | None = None

    @property
    def end(self) -> int:
        """The clock behind the run's last."""
        return self.clock + self.length

    def acts(self) -> tuple[Stroke, ...]:
        """Those who deleted it as such."""
        if self.deleters is None or self.gone is None:
            return self.deleters or ()
        return tuple(stroke for stroke in self.deleters if stroke not in self.gone)

    def __repr__(self) -> str:
        return f"Run({self.client}:{self.clock}+{self.length} {self.content!r} by {self.stroke.rev})"

    def split(self, clock: int) -> Run:
        """Become the part before *clock*, strictly inside; return the rest, linked in behind."""
        size = clock - self.clock
        rest = Run(
            self.client,
            clock,
            self.length - size,
            self.kind,
            self.stroke,
            self.line,
            (self.client, clock - 1),
            self.right_origin,
        )
        rest.deleters = self.deleters
        rest.gone = self.gone
        rest.mute = self.mute
        content = self.content
        if content is not None:
            rest.content = content[size:]
            self.content = content[:size]
        self.length = size
        if self.stretch is not None:
            self.stretch.alive = False
        if self.line is not None:
            link(self.line, rest, self)
        return rest


def link(line: Line, run: Run, left: Run | None) -> None:
    """Put *run* behind *left* (None: first) and give it an order label between its neighbours'."""
    right = line.first if left is None else left.right
    if left is not None and right is not None and left.stretch is not None and left.stretch is right.stretch:
        left.stretch.alive = False
    run.left, run.right = left, right
    if right is not None:
        right.left = run
    if left is not None:
        left.right = run
    else:
        line.first = run
    if right is None:
        line.last = run
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


_MERGED: Final = (STRING, ANY, JSON)
"""The kinds of content of which Yjs makes one item too."""


def _continues(left: Run, right: Run) -> bool:
    """True if *right* would lie behind *left*, whoever came when, had the two been one item (as Yjs merges items)."""
    return (
        right.left is left
        and right.origin == (left.client, right.clock - 1)
        and right.right_origin == left.right_origin
        and right.kind == left.kind
        and left.kind in _MERGED
        and not right.mute
        and not left.mute
    )


def _absorb(parts: list[Run]) -> None:
    """Make the first of *parts*, neighbours, hold them all."""
    first, last = parts[0], parts[-1]
    texts = [run.content for run in parts if isinstance(run.content, str)]
    values = [value for run in parts if isinstance(run.content, tuple) for value in run.content]
    first.content = "".join(texts) if texts else tuple(values) if values else None
    first.length = last.end - first.clock
    first.right = last.right
    if last.right is not None:
        last.right.left = first
    elif first.line is not None:
        first.line.last = first
    for run in parts:
        if run.stretch is not None:
            run.stretch.alive = False


class Block:
    """Part of an index: runs and where each starts."""

    __slots__ = ("runs", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.runs: list[Run] = []


class RunIndex:
    """The runs of one client by clock, without gaps from 0 to ``next``."""

    __slots__ = ("_blocks", "_heads", "next")

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._heads: list[int] = []
        self.next = 0

    def append(self, run: Run) -> None:
        """Add the run that begins at ``next``."""
        if not self._blocks or len(self._blocks[-1].runs) >= BLOCK:
            self._blocks.append(Block())
            self._heads.append(run.clock)
        block = self._blocks[-1]
        block.starts.append(run.clock)
        block.runs.append(run)
        self.next = run.clock + run.length

    def at(self, clock: int) -> Run:
        """The run that holds *clock*, from 0 to before ``next``."""
        block = self._blocks[bisect_right(self._heads, clock) - 1]
        return block.runs[bisect_right(block.starts, clock) - 1]

    @property
    def size(self) -> int:
        """How many runs there are."""
        return sum(len(block.runs) for block in self._blocks)

    def tail(self) -> Run | None:
        """The run with the last clock."""
        return self._blocks[-1].runs[-1] if self._blocks else None

    def starting_at(self, clock: int) -> Run:
        """The run that begins at *clock*; what reaches over it is cut there."""
        number = bisect_right(self._heads, clock) - 1
        block = self._blocks[number]
        index = bisect_right(block.starts, clock) - 1
        run = block.runs[index]
        if run.clock == clock:
            return run
        rest = run.split(clock)
        block.starts.insert(index + 1, clock)
        block.runs.insert(index + 1, rest)
        if len(block.runs) > BLOCK:
            right = Block()
            right.starts, block.starts = block.starts[BLOCK // 2 :], block.starts[: BLOCK // 2]
            right.runs, block.runs = block.runs[BLOCK // 2 :], block.runs[: BLOCK // 2]
            self._blocks.insert(number + 1, right)
            self._heads.insert(number + 1, right.starts[0])
        return rest

    def ending_at(self, clock: int) -> Run:
        """The run whose last clock is *clock*; what reaches over it is cut behind it."""
        run = self.at(clock)
        if run.clock + run.length > clock + 1:
            self.starting_at(clock + 1)
        return run

    def join(self, clocks: Iterable[int], one: Callable[[Run, Run], bool]) -> None:
        """Make one run of neighbours that *one* says differ in nothing, in the blocks that hold *clocks*."""
        for block in {id(block): block for block in map(self._block, clocks)}.values():
            kept: list[Run] = []
            parts: list[Run] = []
            size = 0
            for run in block.runs:
                if parts and size + run.length <= MAX_RUN and _continues(parts[-1], run) and one(parts[-1], run):
                    parts.append(run)
                    size += run.length
                    continue
                if len(parts) > 1:
                    _absorb(parts)
                parts, size = [run], run.length
                kept.append(run)
            if len(parts) > 1:
                _absorb(parts)
            block.runs = kept
            block.starts = [run.clock for run in kept]
        blocks: list[Block] = []
        for block in self._blocks:
            if blocks and len(blocks[-1].runs) + len(block.runs) <= BLOCK // 2:
                blocks[-1].runs += block.runs
                blocks[-1].starts += block.starts
            else:
                blocks.append(block)
        self._blocks = blocks
        self._heads = [block.starts[0] for block in blocks]

    def _block(self, clock: int) -> Block:
        return self._blocks[bisect_right(self._heads, clock) - 1]

    def between(self, clock: int, end: int) -> Iterator[Run]:
        """The runs that hold clocks from *clock* to before *end*."""
        while clock < end:
            run = self.at(clock)
            yield run
            clock = run.clock + run.length


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
