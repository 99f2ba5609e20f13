"""Every item a document ever had, with the event that brought it and every event that deleted it.

The conflict engine's shadow, told to forget nothing: the engine leaves out deletes that repeat what their author had
seen, since nobody collides there; whoever asks who deleted what, or for a screen of a few chosen events, needs them
all. What the engine keeps to find collisions is left out instead, so that taking in an edit costs a third.
"""

from __future__ import annotations

from copy import copy

from keepboth.conflicts.formats import put_format
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.yjs.structs import DELETED, FORMAT, STRING, Range


class Ancestry(Shadow):
    """All items of one document. A stroke's ``ins`` holds everything with a place that it inserted (keys and formats,
    too), its ``dels`` the ranges of its delete set."""

    __slots__ = ("_sessions",)

    def __init__(self) -> None:
        super().__init__()
        self._sessions: dict[str, Session] = {}

    def take(self, fact: EditFact) -> Stroke:
        """Take in one edit that builds on nothing that is missing; the stroke that it has become, or become part of.

        Keystrokes of a session, each behind the last one's, are one stroke whatever their authors had seen: only a
        beginning of it can be chosen, because each builds on the one before.
        """
        session = self._session(fact.session)
        stroke = self._continued(session, fact)
        if stroke is None:
            stroke = Stroke(fact, session)
            session.append(stroke)
            self.integrate(((stroke, fact.update),))
        return stroke

    def take_together(self, facts: list[EditFact]) -> list[Stroke]:
        """Take in edits that may build on each other."""
        strokes = []
        for fact in facts:
            session = self._session(fact.session)
            stroke = Stroke(fact, session)
            session.append(stroke)
            strokes.append(stroke)
        self.integrate([(stroke, fact.update) for stroke, fact in zip(strokes, facts, strict=True)])
        return strokes

    def _session(self, name: str) -> Session:
        session = self._sessions.get(name)
        if session is None:
            session = self._sessions[name] = Session(name)
        return session

    def _continued(self, session: Session, fact: EditFact) -> Stroke | None:
        update = fact.update
        if not session.strokes or update.deletes or len(update.structs) != 1:
            return None
        ((client, structs),) = update.structs.items()
        stroke, struct = session.strokes[-1], structs[0]
        if len(structs) != 1 or struct.kind != STRING or stroke.dels or len(stroke.ins) != 3:
            return None
        end = stroke.ins[1] + stroke.ins[2]
        if stroke.ins[0] != client or struct.clock != end or struct.origin != (client, end - 1):
            return None
        tail = self.tail(client)
        if (
            tail is None
            or tail.stroke is not stroke
            or tail.kind != STRING
            or tail.right_origin != struct.right_origin
            or tail.end != end
            or stroke.actor != fact.actor
            or stroke.last_rev >= fact.revision
        ):
            return None
        if not self.extend(tail, struct):
            ins = stroke.ins
            self.integrate(((stroke, update),))
            stroke.ins = ins
        stroke.extend(fact, end, struct.length)
        return stroke

    def _note(self, stroke: Stroke, kind: int, line: Line, run: Run) -> None:
        if kind == DELETED:
            run.mute = True
            run.deleters = (stroke,)
            return
        run.mute = kind == FORMAT
        self._inserted += (run.client, run.clock, run.length)

    def _delete(self, stroke: Stroke, deletes: dict[int, list[Range]]) -> None:
        ranges = tuple(
            number
            for client, of_client in deletes.items()
            for clock, size in of_client
            for number in (client, clock, size)
        )
        for run in self.cut_out(ranges):
            if run.line is None or run.kind == DELETED:
                continue
            deleters = run.deleters
            if deleters is None:
                run.deleters = (stroke,)
            elif (again := self._again(stroke, deleters)) not in deleters:
                run.deleters = (*deleters, again)
            if run.stroke is stroke:
                run.mute = True  # came and went in one event
        stroke.dels = ranges

    def _again(self, stroke: Stroke, deleters: tuple[Stroke, ...]) -> Stroke:
        """What stands for *stroke*, which deletes what others have deleted."""
        return stroke

    # -- reading -----------------------------------------------------------------------------------------------------

    def root_lines(self) -> dict[str, list[Line]]:
        """The lines that lie in no nested type, by the name of the root: its sequence, then its keys."""
        found: dict[str, list[Line]] = {}
        for line in self.lines():
            if line.holder is None:
                found.setdefault(line.root, []).append(line)
        return found


class EveryEdit(Ancestry):
    """An ancestry in which each edit is a stroke of its own, so that a screen may leave out any of them; and in which
    formats are found by attribute. Costs more.

    ``echoes``: what stands among the deleters for a stroke whose author had surely seen the same deleted before.
    Clients that send all they know to be deleted with every edit have not deleted it themselves.
    """

    __slots__ = ("_echo_of", "echoes")

    def __init__(self) -> None:
        super().__init__()
        self.echoes: set[Stroke] = set()
        self._echo_of: dict[Stroke, Stroke] = {}

    def _continued(self, session: Session, fact: EditFact) -> Stroke | None:
        return None

    def _again(self, stroke: Stroke, deleters: tuple[Stroke, ...]) -> Stroke:
        if stroke in deleters or not any(stroke.knows(other) for other in deleters):
            return stroke
        echo = self._echo_of.get(stroke)
        if echo is None:
            echo = self._echo_of[stroke] = copy(stroke)
            self.echoes.add(echo)
        return echo

    def _note(self, stroke: Stroke, kind: int, line: Line, run: Run) -> None:
        super()._note(stroke, kind, line, run)
        if kind == FORMAT and line.key is None:
            put_format(line, run)
