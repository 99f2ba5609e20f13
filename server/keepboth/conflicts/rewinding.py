"""Makes a document say what some of its events alone would have made of it: with as little change as possible.

Two screens are compared, what there is *now* and what there should be *then*: what shows on both stays, what shows only
now is deleted, what shows only then is put back as a copy where it lay. Copies name their neighbours, deleted ones
included, so that what is typed meanwhile keeps its place.

Events are told one by one here: the shadow must have a stroke for each (see :mod:`keepboth.history.ledger`).
"""

from __future__ import annotations

import hashlib
from typing import Literal, NamedTuple

from keepboth.conflicts.copying import Cursor, OnScreen, Writer, first_held
from keepboth.conflicts.formats import canonical, format_item
from keepboth.conflicts.likeness import Piece, State, Stretch, likeness
from keepboth.conflicts.model import Step
from keepboth.conflicts.paths import Place, path_to
from keepboth.conflicts.rendering import joined, shown
from keepboth.conflicts.repainting import ValueAt, on_screen, without
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import FORMAT, STRING, TYPE, Id, Update

Op = Literal["keep", "insert", "delete"]


class Part(NamedTuple):
    """A stretch of text, or of values as JSON."""

    op: Op
    text: str


class Change(NamedTuple):
    """What changes in one text, list or key: ``path`` leads to the first place; ``parts`` are all of it, in order."""

    path: tuple[Step, ...]
    parts: tuple[Part, ...]


class Counts(NamedTuple):
    """Characters and values that are put in and taken out, formats that are painted, keys that change."""

    inserted: int = 0
    deleted: int = 0
    formats: int = 0
    keys: int = 0


class Rewound(NamedTuple):
    """The edit, and what it does. Equal ``digest``: the same is deleted and the same put back."""

    update: Update
    changes: tuple[Change, ...]
    counts: Counts
    digest: bytes


class _Mark(NamedTuple):
    """From here on ``attribute`` is to have ``value``."""

    attribute: str
    value: str


def rewind(shadow: Shadow, client: int, now: Screen, then: Screen, *, sparing: bool = False) -> Rewound:
    """The edit of *client*, who has written nothing yet, that makes what *now* shows what *then* shows.

    Whom *then* shows, *now* must show. *sparing*: what the others did since stays done: a type that somebody put
    something into is not taken away, a key that somebody has removed does not come back, formats are as if only those
    others had painted.
    """
    work = _Rewinder(shadow, client, now, then, sparing)
    for line in list(shadow.lines()):
        if line.holder is None:
            work.line(line)
    return work.result()


class _Rewinder(OnScreen):
    """Walks what there is now, line by line. As a view it shows what comes back."""

    def __init__(self, shadow: Shadow, client: int, now: Screen, then: Screen, sparing: bool) -> None:
        super().__init__(then)
        self._shadow = shadow
        self._now = now
        self._now_view = OnScreen(now)
        self._then = then
        self._sparing = sparing
        self._writer = Writer(shadow, client)
        self._gone = IdSet()
        self._changes: list[Change] = []
        self._counts = [0, 0, 0, 0]
        self._digest = hashlib.sha256()
        self._lived: dict[Run, bool] = {}

    def result(self) -> Rewound:
        writer = self._writer
        structs = {writer.client: writer.structs} if writer.structs else {}
        gone = self._gone.to_dict()
        self._digest.update(repr(gone).encode())
        return Rewound(Update(structs, gone), tuple(self._changes), Counts(*self._counts), self._digest.digest())

    def line(self, line: Line) -> None:
        """Bring about what should be in *line*, which is there now."""
        if line.key is not None:
            self._key(line)
        else:
            self._sequence(line)

    # -- what comes back -----------------------------------------------------------------------------------------------

    def part(self, run: Run) -> tuple[int, int]:
        low, high = visible(run, run.clock, run.end, self._then)
        return (run.clock, run.end) if low == high and self._spared(run) else (low, high)

    def held(self, line: Line) -> Run | None:
        found = super().held(line)
        if found is None and line.holder is not None and self._sparing and not self._then(line.holder.stroke):
            # Nothing of the type is meant to be there but what others put in; it keeps the keys it was made with.
            return next((run for run in reversed(list(line.runs())) if run.stroke is line.holder.stroke), None)
        return found

    def _spared(self, run: Run) -> bool:
        """True for a type that goes by itself, but holds something of those who stay."""
        if not self._sparing or run.kind != TYPE or run.mute or self._then(run.stroke) or not self._now(run.stroke):
            return False
        if any(self._then(other) for other in run.deleters or ()):
            return False
        return self._lives_in(run)

    def _lives_in(self, holder: Run) -> bool:
        """True if something in *holder* shows then, at whatever depth."""
        found = self._lived.get(holder)
        if found is None:
            found = self._lived[holder] = any(self._lives_on(line) for line in self._shadow.below.get(holder, ()))
        return found

    def _lives_on(self, line: Line) -> bool:
        if line.key is not None:
            run = current(line, self._then)
            return run is not None or any(self._spared(one) for one in line.runs())
        return any(
            run.kind != FORMAT and (self._spared(run) or visible(run, run.clock, run.end, self._then)[1] > run.clock)
            for run in line.runs()
        )

    # -- keys ----------------------------------------------------------------------------------------------------------

    def _key(self, line: Line) -> None:
        run = current(line, self._now)
        back = self._wanted(line, run)
        if back is run:
            if run is not None:
                self._enter(run)
            return
        if run is not None and back is not None and self._alike(run, back):
            return
        parts = []
        if run is not None:
            low = first_held(run)
            self._gone.add(run.client, low, run.end - low)
            parts.append(Part("delete", self._say(run, low, run.end, self._now)))
        if back is not None:
            left = next(one for one in reversed(list(line.runs())) if self._now(one.stroke))
            cursor = Cursor(self._writer, (left.client, left.end - 1), None, None, line.key)
            low = first_held(back)
            self._put(cursor, back, low, back.end)
            cursor.flush()
            parts.append(Part("insert", self._say(back, low, back.end, self._then)))
        self._counts[3] += 1
        at = back or run
        assert at is not None
        self._changes.append(Change(path_to(Place(line, at, at.clock, self._now)), tuple(parts)))

    def _wanted(self, line: Line, run: Run | None) -> Run | None:
        """What the key should hold."""
        then = current(line, self._then)
        if not self._sparing:
            return then
        if run is not None:
            if self._then(run.stroke) or self._spared(run):
                return run
            made_with = line.holder is not None and run.stroke is line.holder.stroke
            return run if made_with and then is None else then
        last = next((one for one in reversed(list(line.runs())) if self._now(one.stroke)), None)
        removed = last is not None and any(self._then(other) for other in last.deleters or ())
        return None if removed else then

    # -- sequences -----------------------------------------------------------------------------------------------------

    def _sequence(self, line: Line) -> None:
        pieces = self._pieces(line)
        marks = self._marks(line, pieces)
        changed = next((i for i, one in enumerate(pieces) if one.state in ("goes", "comes") or i in marks), None)
        if changed is None:
            for piece in pieces:
                self._inside(piece)
            return
        at = pieces[changed].run
        self._changes.append(Change(path_to(Place(line, at, at.clock, self._now)), self._parts(pieces)))
        cursor: Cursor | None = None
        left: Id | None = None
        for index, piece in enumerate(pieces):
            if index in marks:
                cursor = cursor or self._cursor(left, pieces, index)
                for mark in marks[index]:
                    cursor.paint(mark.attribute, mark.value)
                    self._digest.update(repr((mark, piece.run.client, piece.low)).encode())
                self._counts[2] += len(marks[index])
            if piece.state == "comes":
                cursor = cursor or self._cursor(left, pieces, index)
                self._put(cursor, piece.run, piece.low, piece.high)
                self._counts[0] += piece.high - piece.low
                continue
            left = (piece.run.client, piece.high - 1)
            if piece.state == "goes":
                self._gone.add(piece.run.client, piece.low, piece.high - piece.low)
                self._counts[2 if piece.run.kind == FORMAT else 1] += piece.high - piece.low
            elif piece.state == "stays":
                if cursor is not None:
                    cursor.flush()
                cursor = None
                self._inside(piece)
        if cursor is not None:
            cursor.flush()

    def _pieces(self, line: Line) -> list[Piece]:
        """What is there now, in order, and what comes, where it lay or where it belongs."""
        pieces: list[Piece] = []
        stretch = Stretch(self._shadow, self._now_view, self)
        for run in line.runs():
            if not self._now(run.stroke):
                continue
            state = self._state(run)
            piece = Piece(run, run.clock, run.end, state)
            if state == "stays":
                pieces += stretch.arranged(not self._sparing)
                pieces.append(piece)
                stretch = Stretch(self._shadow, self._now_view, self)
            else:
                stretch.add(piece)
        return pieces + stretch.arranged(not self._sparing)

    def _state(self, run: Run) -> State:
        if run.kind == FORMAT:
            if not self._now_view.formats(run):
                return "dead"
            return "stays" if self._then(run.stroke) else "goes"
        here = visible(run, run.clock, run.end, self._now)[1] > run.clock
        there = self.part(run)[1] > run.clock
        if here:
            return "stays" if there else "goes"
        return "comes" if there else "dead"

    def _cursor(self, left: Id | None, pieces: list[Piece], index: int) -> Cursor:
        """Where to write what comes before what is there from *index* on."""
        right = next((one for one in pieces[index:] if one.state != "comes"), None)
        return Cursor(self._writer, left, None if right is None else (right.run.client, right.low), None)

    def _put(self, cursor: Cursor, run: Run, low: int, high: int) -> None:
        self._writer.copy(cursor, run, low, high, self)
        self._digest.update(repr((run.client, low, high)).encode())

    def _inside(self, piece: Piece) -> None:
        if piece.state == "stays" and piece.twin is None:
            self._enter(piece.run)

    def _enter(self, run: Run) -> None:
        if run.kind == TYPE:
            for line in self._shadow.below.get(run, ()):
                self.line(line)

    # -- formats -------------------------------------------------------------------------------------------------------

    def _marks(self, line: Line, pieces: list[Piece]) -> dict[int, list[_Mark]]:
        """What to paint in front of which pieces, so that everything looks as it should. A format item that would go
        stays if it paints just that."""
        found: dict[int, list[_Mark]] = {}
        for attribute in line.formats or ():
            wanted = self._values(line, attribute)
            effect = "null"
            useful: dict[str, int] = {}  # format items that would go, by what they paint: none that stays lies behind
            for index, piece in enumerate(pieces):
                if piece.run.kind == FORMAT:
                    name, value = format_item(piece.run)
                    if name == attribute and piece.state == "stays":
                        effect = canonical(value)
                        useful.clear()
                    elif name == attribute and piece.state == "goes":
                        useful[canonical(value)] = index
                elif piece.state in ("stays", "comes"):
                    here = wanted(piece.twin or piece.run)
                    if here != effect:
                        if here in useful:
                            pieces[useful[here]] = pieces[useful[here]]._replace(state="stays")
                        else:
                            found.setdefault(index, []).append(_Mark(attribute, here))
                        effect = here
                    useful.clear()
        return found

    def _values(self, line: Line, attribute: str) -> ValueAt:
        if self._sparing:
            return without(line, attribute, self._now, self._then) or on_screen(line, attribute, self._now)
        return on_screen(line, attribute, self._then)

    # -- telling -------------------------------------------------------------------------------------------------------

    def _parts(self, pieces: list[Piece]) -> tuple[Part, ...]:
        """All of it in order; between what stays, what goes stands before what comes."""
        found: list[Part] = []
        said: dict[Op, list[tuple[bool, str]]] = {"keep": [], "delete": [], "insert": []}

        def close() -> None:
            found.extend(Part(op, text) for op, parts in said.items() if (text := joined(parts)))
            for parts in said.values():
                parts.clear()

        for run, low, high, state, _ in pieces:
            if state == "dead" or run.kind == FORMAT:
                continue
            op: Op = "keep" if state == "stays" else "delete" if state == "goes" else "insert"
            if bool(said["keep"]) != (op == "keep"):
                close()
            said[op].append(shown(self._shadow, run, low, high, self._then if state == "comes" else self._now))
        close()
        return tuple(found)

    def _alike(self, run: Run, back: Run) -> bool:
        """True if a key holds already what it should. A shared type is not what somebody else's is, however alike."""
        if self._sparing and run.kind == TYPE:
            return False
        shadow = self._shadow
        return likeness(shadow, run, first_held(run), run.end, self._now_view) == likeness(
            shadow, back, first_held(back), back.end, self
        )

    def _say(self, run: Run, low: int, high: int, screen: Screen) -> str:
        low = low if run.kind == STRING else high - 1
        return joined((shown(self._shadow, run, low, high, screen),))
