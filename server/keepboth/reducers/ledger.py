"""What every edit put into a document and took out of it, unit by unit, with who had written it.

Kept from the conflict engine's shadow, which forgets nothing: an edit costs what it touches, however long the document
is. A *unit* is a UTF-16 unit of text, or one element of a list, one node, one value under a key.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from keepboth.conflicts.model import EditFact
from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.events import NOTHING_SEEN, Event, Micros
from keepboth.reducers.arrivals import Arrivals
from keepboth.yjs.structs import DELETED, FORMAT, STRING, Id, Range, Struct, Update


class Span(NamedTuple):
    """Neighbouring units that one edit wrote, and that came or went together.

    ``actor`` did this, in the edit at ``revision``. ``author`` wrote the units, in ``session``, in the edit at
    ``written``, made at ``written_at``: for an insert the same edit. ``root`` names the shared type as conflicts do (a
    root's name, or ``client.clock`` of what holds it), ``key`` the map key, None in a sequence. ``text`` is what the
    units say, "" where they are no text. ``id`` is that of the first unit.
    """

    kind: Literal["insert", "delete"]
    root: str
    key: str | None
    text: str
    units: int
    actor: str
    revision: int
    author: str
    session: str
    written: int
    written_at: Micros
    id: Id


class Item(NamedTuple):
    """Neighbouring units of a document that share their fate. ``shows``: they were not deleted."""

    root: str
    key: str | None
    text: str
    units: int
    author: str
    written: int
    shows: bool
    deleted_by: tuple[str, ...]


class Ledger:
    """One document. ``revision`` is the last edit taken in."""

    def __init__(self, *, gaps: bool = False) -> None:
        self.revision = 0
        self._shadow = Shadow()
        self._sessions: dict[str, Session] = {}
        self._times = array("q")  # by revision: when its edit was made
        self._arrivals: Arrivals[Event] = Arrivals(self._shadow.clocks, gaps=gaps)

    def take(self, edit: Event) -> list[Span]:
        """Take in the next edit; return what that changed in the document. What had waited for it is part of that."""
        revision = edit.revision
        self.revision = revision
        times = self._times
        if revision >= len(times):
            times.extend(_zeros(revision + 1 - len(times)))
        times[revision] = edit.authored_at
        arrived = self._arrivals.take(edit)
        if len(arrived) == 1:
            event, update = arrived[0]
            typed = self._type_on(event, update)
            if typed is not None:
                return typed
        return self._integrate(arrived) if arrived else []

    def items(self, root: str | None = None) -> Iterator[Item]:
        """Everything the document ever had, in document order, line by line; formats left out."""
        for line in self._shadow.lines():
            if root is not None and line.root != root:
                continue
            there = _shows(line)
            for run in line.runs():
                if run.kind == FORMAT or run.kind == DELETED:
                    continue
                shows = there and run.deleters is None and (line.key is None or run.right is None)
                by = tuple(sorted({stroke.actor for stroke in run.deleters or ()}))
                for units, text, nth in _pieces(run):
                    written = run.stroke.rev_at(nth)
                    yield Item(line.root, line.key, text, units, run.stroke.actor, written, shows, by)

    # -- taking in ---------------------------------------------------------------------------------------------------

    def _session(self, event: Event) -> Session:
        name = event.session or event.actor
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(name)
        return session

    def _type_on(self, event: Event, update: Update) -> list[Span] | None:
        """The next letters of a stroke, the common case; None if it is something else."""
        if update.deletes or len(update.structs) != 1:
            return None
        (structs,) = update.structs.values()
        struct = structs[0]
        session = self._sessions.get(event.session or event.actor)
        if len(structs) != 1 or struct.kind != STRING or session is None or not session.strokes:
            return None
        stroke = session.strokes[-1]
        tail = self._shadow.tail(struct.client)
        if (
            tail is None
            or tail.stroke is not stroke
            or tail.line is None
            or tail.kind != STRING
            or stroke.actor != event.actor
            or stroke.last_rev > event.revision
            or len(stroke.ins) != 3
            or stroke.dels
            or stroke.wrote
            or stroke.ins[1] + stroke.ins[2] != struct.clock
            or tail.end != struct.clock
            or struct.origin != (struct.client, struct.clock - 1)
            or tail.right_origin != struct.right_origin
            or not self._shadow.extend(tail, struct)
        ):
            return None
        stroke.extend(_fact(event, update), struct.clock, struct.length)
        return [self._typed(event, tail.line, struct)] if _shows(tail.line) else []

    def _typed(self, event: Event, line: Line, struct: Struct) -> Span:
        text = struct.content
        assert isinstance(text, str)
        who = event.actor
        name = event.session or who
        revision = event.revision
        return Span(
            "insert", line.root, line.key, text, struct.length, who, revision, who, name, revision, event.authored_at,
            (struct.client, struct.clock),
        )  # fmt: skip

    def _integrate(self, arrived: list[tuple[Event, Update]]) -> list[Span]:
        shadow = self._shadow
        strokes: list[Stroke] = []
        batch: list[tuple[Stroke, Update]] = []
        for event, update in arrived:
            session = self._session(event)
            stroke = Stroke(_fact(event, update), session)
            session.append(stroke)
            strokes.append(stroke)
            batch.append((stroke, update))
        going: dict[Run, Stroke] = {}
        for stroke, update in batch:
            if update.deletes:
                for run in self._targets(update.deletes):
                    self._goes(run, stroke, going)
        ranges = [((run.client, run.clock, run.length), stroke) for run, stroke in going.items()]
        shadow.integrate(batch)
        going = {run: stroke for there, stroke in ranges for run in shadow.runs(there)}  # some were cut meanwhile
        shadow.late.clear()
        shadow.stirred.clear()
        spans: list[Span] = []
        mine = set(strokes)
        for stroke in strokes:
            if stroke.wrote:
                self._overwritten(stroke, mine, going)
        for run, stroke in going.items():
            spans += self._spans("delete", run, stroke)
        for stroke in strokes:
            for run in shadow.runs(stroke.ins + stroke.wrote):
                if run.stroke is stroke and self._stands(run):
                    spans += self._spans("insert", run, stroke)
        return spans

    def _targets(self, deletes: dict[int, list[Range]]) -> Iterable[Run]:
        """What is there of the deleted ids, cut out."""
        ranges: list[int] = []
        for client, found in deletes.items():
            there = self._shadow.next_clock(client)
            for clock, length in found:
                if clock < there:
                    ranges += (client, clock, min(length, there - clock))
        return list(self._shadow.cut_out(tuple(ranges)))

    def _stands(self, run: Run) -> bool:
        """True if *run* is on the screen now."""
        line = run.line
        if line is None or run.deleters is not None or run.kind in (FORMAT, DELETED):
            return False
        return (line.key is None or run.right is None) and _shows(line)

    def _goes(self, run: Run, stroke: Stroke, going: dict[Run, Stroke]) -> None:
        """Note that *stroke* takes *run* away, and all that shows inside it."""
        if run not in going and self._stands(run):
            todo = [run]
            while todo:
                one = todo.pop()
                going[one] = stroke
                for line in self._shadow.below.get(one, ()):
                    todo += [inner for inner in line.runs() if inner not in going and self._stands(inner)]

    def _overwritten(self, stroke: Stroke, mine: set[Stroke], going: dict[Run, Stroke]) -> None:
        """Note what lost its key to what *stroke* wrote without having deleted it."""
        for run in self._shadow.runs(stroke.wrote):
            if run.stroke is stroke and run.line is not None and run.line.key is not None and run.right is None:
                before = run.left
                while before is not None and before.stroke in mine:
                    before = before.left
                if before is not None and before not in going and before.deleters is None and _shows(run.line):
                    going[before] = stroke
                    for line in self._shadow.below.get(before, ()):
                        self._inside(line, stroke, going)

    def _inside(self, line: Line, stroke: Stroke, going: dict[Run, Stroke]) -> None:
        """Note everything in *line*, whose holder has just gone, that had shown until then."""
        for run in line.runs():
            alive = run.deleters is None and run.kind not in (FORMAT, DELETED)
            if alive and (line.key is None or run.right is None) and run.stroke is not stroke and run not in going:
                going[run] = stroke
                for inner in self._shadow.below.get(run, ()):
                    self._inside(inner, stroke, going)

    def _spans(self, kind: Literal["insert", "delete"], run: Run, by: Stroke) -> Iterator[Span]:
        line = run.line
        assert line is not None
        writer = run.stroke
        clock = run.clock
        for units, text, nth in _pieces(run):
            written = writer.rev_at(nth)
            yield Span(
                kind, line.root, line.key, text, units, by.actor, by.rev, writer.actor, writer.session.name,
                written, self._times[written], (run.client, clock),
            )  # fmt: skip
            clock += units


def _pieces(run: Run) -> Iterator[tuple[int, str, int]]:
    """What each edit wrote of *run*: ``(units, text, which event of the stroke)``."""
    stroke = run.stroke
    content = run.content
    nth = stroke.nth_of(run.clock)
    at = run.clock
    while at < run.end:
        last = nth + 1 >= stroke.count
        end = run.end if last else min(run.end, stroke.clock_at(nth + 1))
        text = content[at - run.clock : end - run.clock] if isinstance(content, str) else ""
        yield end - at, text_of(text), nth
        at, nth = end, nth + 1


def _shows(line: Line) -> bool:
    """True if the shared type that *line* belongs to is in the document."""
    holder = line.holder
    while holder is not None:
        outer = holder.line
        if outer is None or holder.deleters is not None or (outer.key is not None and holder.right is not None):
            return False
        holder = outer.holder
    return True


def _fact(event: Event, update: Update) -> EditFact:
    """*event* for the shadow. What its author had seen does not matter here: whoever deletes first takes away."""
    revision = event.revision
    return EditFact(revision, revision, event.session or event.actor, event.actor, NOTHING_SEEN, update)


def _zeros(count: int) -> array[int]:
    """*count* zeros."""
    return array("q", bytes(8 * count))
