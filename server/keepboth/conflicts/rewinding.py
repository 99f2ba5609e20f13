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
from keepboth.conflicts.model import Step
from keepboth.conflicts.paths import path_to
from keepboth.conflicts.rendering import joined, shown
from keepboth.conflicts.repainting import ValueAt, on_screen, without
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import FORMAT, STRING, TYPE, Id, Update

How = Literal["kept", "inserted", "deleted"]


class Part(NamedTuple):
    """A stretch of text, or of values as JSON."""

    how: How
    text: str


class Change(NamedTuple):
    """What changes in one text, list or key: ``path`` leads to the first place; ``parts`` are all of it, in order."""

    root: str
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


State = Literal["stays", "goes", "comes", "dead"]


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
                self._inside(run)
            return
        parts = []
        if run is not None:
            low = first_held(run)
            self._gone.add(run.client, low, run.end - low)
            parts.append(Part("deleted", self._say(run, low, run.end, self._now)))
        if back is not None:
            left = next(one for one in reversed(list(line.runs())) if self._now(one.stroke))
            cursor = Cursor(self._writer, (left.client, left.end - 1), None, None, line.key)
            low = first_held(back)
            self._put(cursor, back, low, back.end)
            cursor.flush()
            parts.append(Part("inserted", self._say(back, low, back.end, self._then)))
        self._counts[3] += 1
        at = back or run
        assert at is not None
        self._changes.append(Change(line.root, path_to(line, at, at.clock, self._now), tuple(parts)))

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
        now = self._now
        runs = [run for run in line.runs() if now(run.stroke)]
        states = [self._state(run) for run in runs]
        marks = self._marks(line, runs, states)
        if not marks and all(state in ("stays", "dead") for state in states):
            for run, state in zip(runs, states, strict=True):
                if state == "stays":
                    self._inside(run)
            return
        at = next(i for i in range(len(runs)) if states[i] in ("goes", "comes") or i in marks)
        path = path_to(line, runs[at], runs[at].clock, now)
        self._changes.append(Change(line.root, path, self._parts(runs, states)))
        cursor: Cursor | None = None
        left: Id | None = None
        for index, (run, state) in enumerate(zip(runs, states, strict=True)):
            before = left
            left = (run.client, run.end - 1)
            if index in marks:
                cursor = cursor or self._cursor(before, run)
                for mark in marks[index]:
                    cursor.paint(mark.attribute, mark.value)
                    self._digest.update(repr((mark, run.client, run.clock)).encode())
                self._counts[2] += len(marks[index])
            if state == "comes":
                if cursor is None:
                    cursor = self._cursor(left, runs[index + 1] if index + 1 < len(runs) else None)
                self._put(cursor, run, run.clock, run.end)
                self._counts[0] += run.length
            elif state == "goes":
                self._gone.add(run.client, run.clock, run.length)
                self._counts[2 if run.kind == FORMAT else 1] += 1 if run.kind == FORMAT else run.length
            elif state == "stays":
                if cursor is not None:
                    cursor.flush()
                cursor = None
                self._inside(run)
        if cursor is not None:
            cursor.flush()

    def _state(self, run: Run) -> State:
        if run.kind == FORMAT:
            if not OnScreen(self._now).formats(run):
                return "dead"
            return "stays" if self._then(run.stroke) else "goes"
        here = visible(run, run.clock, run.end, self._now)[1] > run.clock
        there = self.part(run)[1] > run.clock
        if here:
            return "stays" if there else "goes"
        return "comes" if there else "dead"

    def _cursor(self, left: Id | None, right: Run | None) -> Cursor:
        return Cursor(self._writer, left, None if right is None else (right.client, right.clock), None)

    def _put(self, cursor: Cursor, run: Run, low: int, high: int) -> None:
        self._writer.copy(cursor, run, low, high, self)
        self._digest.update(repr((run.client, low, high)).encode())

    def _inside(self, run: Run) -> None:
        if run.kind == TYPE:
            for line in self._shadow.below.get(run, ()):
                self.line(line)

    # -- formats -------------------------------------------------------------------------------------------------------

    def _marks(self, line: Line, runs: list[Run], states: list[State]) -> dict[int, list[_Mark]]:
        """What to paint in front of which runs, so that everything looks as it should."""
        found: dict[int, list[_Mark]] = {}
        for attribute in line.formats or ():
            wanted = self._values(line, attribute)
            if wanted is None:
                continue
            effect = "null"
            for index, (run, state) in enumerate(zip(runs, states, strict=True)):
                if run.kind == FORMAT:
                    name, value = format_item(run)
                    if state == "stays" and name == attribute:
                        effect = canonical(value)
                elif state in ("stays", "comes") and (value := wanted(run)) != effect:
                    found.setdefault(index, []).append(_Mark(attribute, str(value)))
                    effect = str(value)
        return found

    def _values(self, line: Line, attribute: str) -> ValueAt | None:
        if self._sparing:
            return without(line, attribute, self._now, self._then) or on_screen(line, attribute, self._now)
        return on_screen(line, attribute, self._then)

    # -- telling -------------------------------------------------------------------------------------------------------

    def _parts(self, runs: list[Run], states: list[State]) -> tuple[Part, ...]:
        rows: list[tuple[How, list[tuple[bool, str]]]] = []
        how: How
        for run, state in zip(runs, states, strict=True):
            if state == "dead" or run.kind == FORMAT:
                continue
            how = "kept" if state == "stays" else "deleted" if state == "goes" else "inserted"
            if not rows or rows[-1][0] != how:
                rows.append((how, []))
            screen = self._then if state == "comes" else self._now
            rows[-1][1].append(shown(self._shadow, run, run.clock, run.end, screen))
        return tuple(Part(how, text) for how, pieces in rows if (text := joined(pieces)))

    def _say(self, run: Run, low: int, high: int, screen: Screen) -> str:
        low = low if run.kind == STRING else high - 1
        return joined((shown(self._shadow, run, low, high, screen),))
