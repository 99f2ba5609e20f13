"""Where everything in a document came from and where it went: kept at hand, advanced with the log, asked at any cut.

A `Lineage` holds every item that was ever inserted (`Ancestry`) and, in columns by revision, who recorded what when. It
answers for any selection of events through a *screen* (see :mod:`keepboth.conflicts.screens`): how many events of each
stroke belong to it.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from keepboth.conflicts.model import EditFact
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.strokes import Stroke
from keepboth.errors import MalformedUpdate
from keepboth.events import AWAY, EDIT_RECORDED, Context, Micros
from keepboth.fold.waiting import WaitingRoom
from keepboth.history.ancestry import Ancestry, EveryEdit
from keepboth.history.cuts import Selection
from keepboth.history.way import RightOfWay
from keepboth.store.base import EventLine, EventStore, FoldRow
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

ROWS: Final = 5000

REMEMBERED_EVENTS: Final = 500_000
"""Lineages with so many events in all are kept at hand, and the last one asked about: about 300 bytes an event."""

REMEMBERED_APART: Final = 200_000
"""The same for lineages that keep every edit apart: about 1 kB an event."""

_UNKNOWN: Final = Context.of(0)


class Origin(NamedTuple):
    """Who made an event and when; its revision names it."""

    revision: int
    actor: str
    session: str | None
    recorded_at: Micros
    authored_at: Micros


class Lineage:
    """The lineage of one document, from the first event to ``revision``. Not safe for threads.

    *apart*: every edit is a stroke of its own (see `EveryEdit`).
    """

    def __init__(self, document: str, *, apart: bool = False) -> None:
        self.document = document
        self.revision = 0
        self.document_hash = b""
        self.items: Ancestry = EveryEdit() if apart else Ancestry()
        self._contexts: dict[int, Context] | None = {} if apart else None
        self.others: dict[int, str] = {}
        """The events that are no edits: revision -> type, ascending."""
        self.memo: dict[object, object] = {}
        """Answers that took long, until the log goes on."""
        self._strokes: list[Stroke | None] = []
        self._names: list[str | None] = []
        self._numbers: dict[str | None, int] = {}
        self._actors = array("L")
        self._sessions = array("L")
        self._recorded = array("q")
        self._authored = array("q")
        self._returns: dict[int, str] = {}  # by revision: the offline stretch that an edit belongs to
        self._waiting = WaitingRoom()
        self._held: dict[int, Update] = {}
        self._gaps = False

    # -- taking in ---------------------------------------------------------------------------------------------------

    def advance(
        self,
        store: EventStore,
        until: int,
        progress: Callable[[int], None] | None = None,
        way: RightOfWay | None = None,
    ) -> None:
        """Take in the log up to revision *until*, giving *way* between slices as long as there is much to read.
        About 10 µs an edit."""
        while self.revision < until:
            if way is not None and until - self.revision > ROWS:
                way.give_way()
            last = min(until, self.revision + ROWS)
            contexts = self._contexts is not None
            lines = store.lines(self.document, after=self.revision, until=last, limit=ROWS, contexts=contexts)
            rows = store.fold_rows(self.document, after=self.revision, until=last, limit=ROWS)
            self.take(lines, rows)
            if progress is not None:
                progress(self.revision)

    def take(self, lines: Sequence[EventLine], rows: Sequence[FoldRow]) -> None:
        """Take in a stretch of the stream: every event, and the content of those that are edits."""
        number = self._number
        actor = session = None
        actor_number = session_number = number(None)
        for line in lines:
            if line.actor != actor:
                actor, actor_number = line.actor, number(line.actor)
            if line.session != session:
                session, session_number = line.session, number(line.session)
            self._actors.append(actor_number)
            self._sessions.append(session_number)
            self._recorded.append(line.recorded_at)
            self._authored.append(line.authored_at)
            if line.type != EDIT_RECORDED:
                self.others[line.revision] = line.type
                continue
            if line.correlation_id is not None and line.correlation_id.startswith(AWAY):
                self._returns[line.revision] = line.correlation_id
            if self._contexts is not None and line.context is not None:
                self._contexts[line.revision] = line.context
        self._strokes += [None] * len(lines)
        for row in rows:
            self._edit(row)
        if lines:
            self.revision = lines[-1].revision
            self.memo.clear()

    def _number(self, name: str | None) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self._names)
            self._names.append(name)
        return number

    def _edit(self, row: FoldRow) -> None:
        if row.payload is None or row.disposition == "quarantined":
            self._gaps = self._gaps or row.payload is None
            return
        try:
            update = decode_update(row.payload)
        except MalformedUpdate:
            self._gaps = True
            return
        revision = row.revision
        if row.disposition == "ready" and not self._held and not self._gaps:
            self._strokes[revision - 1] = self.items.take(self._fact(revision, revision, update))
            return
        self._held[revision] = update
        self._waiting.add(revision, row.payload, update)
        released = [entry.revision for entry in self._waiting.release(self.items.clocks())]
        facts = []
        for late in released:
            brought = self._held.pop(late)
            facts.append(self._fact(late, revision, brought))
        strokes = [self.items.take(facts[0])] if released == [revision] else self.items.take_together(facts)
        for late, stroke in zip(released, strokes, strict=True):
            self._strokes[late - 1] = stroke

    def _fact(self, revision: int, effective: int, update: Update) -> EditFact:
        actor = self._names[self._actors[revision - 1]] or ""
        session = self._names[self._sessions[revision - 1]] or actor
        context = _UNKNOWN if self._contexts is None else self._contexts.pop(revision, _UNKNOWN)
        return EditFact(revision, effective, session, actor, context, update)

    # -- reading -----------------------------------------------------------------------------------------------------

    def origin(self, revision: int) -> Origin:
        """Who recorded *revision* and when."""
        at = revision - 1
        return Origin(
            revision,
            self._names[self._actors[at]] or "",
            self._names[self._sessions[at]],
            self._recorded[at],
            self._authored[at],
        )

    def who(self, revision: int) -> tuple[str, str | None, Micros]:
        """(actor, session, when authored) of *revision*."""
        at = revision - 1
        return self._names[self._actors[at]] or "", self._names[self._sessions[at]], self._authored[at]

    def stretch(self, revision: int) -> str | None:
        """The offline stretch (a correlation id) that the edit at *revision* was written in, if it was."""
        return self._returns.get(revision)

    def stroke(self, revision: int) -> Stroke | None:
        """What the edit at *revision* did; None if it did nothing that is known: no edit, waiting, unreadable."""
        return self._strokes[revision - 1]

    def firsthand(self, screen: Screen) -> Screen:
        """*screen* without deletions that their authors had seen done before: where all is seen that they had seen,
        it shows the same."""
        echoes = self.items.echoes if isinstance(self.items, EveryEdit) else ()
        return (lambda stroke: 0 if stroke in echoes else screen(stroke)) if echoes else screen

    def screen(self, selection: Selection, hidden: Collection[int] = ()) -> Screen:
        """What the events of *selection* make, except those at *hidden* revisions: what the fold there sets aside or
        makes wait."""
        if selection.is_prefix and not hidden:
            return up_to(selection.revision)
        left_out = frozenset(hidden)
        found: dict[Stroke, int] = {}

        def shows(stroke: Stroke) -> int:
            nth = found.get(stroke)
            if nth is None:
                nth = 0
                for revision in stroke.revisions_from(0):
                    if not selection.holds(revision) or revision in left_out:
                        break
                    nth += 1
                found[stroke] = nth
            return nth

        return shows


def leaving_out(screen: Screen, revisions: Iterable[int]) -> Screen:
    """*screen* without the work of the edits at *revisions*, where every edit is a stroke of its own."""
    left_out = frozenset(revisions)
    return lambda stroke: 0 if stroke.rev in left_out else screen(stroke)


def up_to(revision: int) -> Screen:
    """What the document shows at *revision*, where nothing is set aside."""

    def shows(stroke: Stroke) -> int:
        if stroke.effs is None:
            return 1 if stroke.eff <= revision else 0
        if stroke.last_eff <= revision:
            return len(stroke.effs)
        return bisect_right(stroke.effs, revision)

    return shows


class Lineages:
    """The lineages that somebody has asked about lately. Safe for threads; one lineage is for one thread at a time.

    *apart*: as for `Lineage`.
    """

    def __init__(
        self,
        store: EventStore,
        remembered: int = REMEMBERED_EVENTS,
        *,
        apart: bool = False,
        way: RightOfWay | None = None,
    ) -> None:
        self._store = store
        self._way = way or RightOfWay()
        self._remembered = remembered
        self._apart = apart
        self._kept: OrderedDict[str, Lineage] = OrderedDict()
        self._lock = threading.Lock()

    def at_least(self, document: str, revision: int, progress: Callable[[int], None] | None = None) -> Lineage:
        """The lineage of *document* from its first event to *revision* or beyond.

        Raises NotDurableNow, StoreDamaged, ShuttingDown.
        """
        with self._lock:
            lineage = self._kept.pop(document, None)
        if lineage is None or not self._holds(lineage):
            lineage = Lineage(document, apart=self._apart)
        if lineage.revision < revision:
            lineage.advance(self._store, revision, progress, self._way)
            lineage.document_hash = self._store.hash_at(document, lineage.revision) or b""
        with self._lock:
            self._kept[document] = lineage
            self._kept.move_to_end(document)
            while len(self._kept) > 1 and sum(kept.revision for kept in self._kept.values()) > self._remembered:
                self._kept.popitem(last=False)
        return lineage

    def _holds(self, lineage: Lineage) -> bool:
        """False if the log has been put in the place of another since."""
        found: bytes | None = b""
        with suppress(LookupError):
            found = self._store.hash_at(lineage.document, lineage.revision)
        return found == lineage.document_hash or lineage.revision == 0
