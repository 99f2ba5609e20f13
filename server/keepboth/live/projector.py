"""Feeds one document's edits to the conflict engine, from the log or from a live room, and collects what changed."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode
from keepboth.events import Context
from keepboth.fold.waiting import WaitingRoom
from keepboth.history.facts import edit_fact
from keepboth.live.judging import judge, named_by
from keepboth.live.rows import rows_of
from keepboth.store.base import DocumentRow, EditRow, EventStore
from keepboth.store.conflict_log import ConflictStore
from keepboth.yjs.structs import SKIP, Update
from keepboth.yjs.update import decode_update

READ_ROWS = 500

WORK_EVERY = 16
"""Edits from the log that are fed before the engine looks at them."""


MANY_PAIRS = 1_000
"""So many (see `Size.pairs`) may be compared between two messages."""

MUCH_TO_TELL_US = 5_000


NO_BASE: Final = 1 << 62
"""Nobody's base: above all revisions."""


class Size(NamedTuple):
    """How much there is to look at in some edits. ``base``: up to where all their authors surely had seen everything;
    ``pairs``: the places they changed (about), each with every revision that its author may have missed."""

    base: int
    pairs: int


def pairs_of(effective: int, base: int, update: Update) -> int:
    """The `Size.pairs` of an edit that has been decoded, whose author had seen all up to *base*."""
    parts = 0
    for structs in update.structs.values():
        parts += len(structs)
    for ranges in update.deletes.values():
        parts += len(ranges)
    return (effective - base) * max(parts, 1)


def size_of_rows(rows: Iterable[EditRow]) -> Size:
    """The size of recorded edits, told from their bytes: a part takes about ten."""
    least, pairs = NO_BASE, 0
    for row in rows:
        base = base_of(row.context)
        pairs += (row.revision - base) * (1 + len(row.payload or b"") // 10)
        least = min(least, base)
    return Size(least, pairs)


def base_of(context: Context | None) -> int:
    """Up to where an author surely had seen everything."""
    return 0 if context is None else context.lower.base


class Findings(NamedTuple):
    """What a stretch of events did to the conflict log."""

    episodes: dict[str, Episode]
    superseded: list[tuple[str, str]]


class ConflictProjector:
    """The engine of one document and the place in the log that it has reached (``revision``).

    *engine* is one that has been put away at *revision*, with no edit waiting for others.
    """

    def __init__(self, document: str, engine: DocumentConflicts | None = None, revision: int = 0) -> None:
        self.document = document
        self.engine = engine or DocumentConflicts()
        self.revision = revision
        self._waiting = WaitingRoom()
        self._held: dict[int, tuple[EditRow, Update]] = {}
        self._clocks: dict[int, int] = self.engine.clocks()
        self._named: set[str] = set()

    @property
    def may_rest(self) -> bool:
        """True if the engine and the revision are all there is to know."""
        return not self._held and not self.engine.pending

    def is_long(self, size: Size) -> bool:
        """True if looking at edits of this *size* is not to be done between two messages: their authors had missed so
        much that a lot must be compared, or that the engine must unpack what is old."""
        return size.pairs > MANY_PAIRS or self.engine.packed_above(size.base)

    @property
    def has_much_to_tell(self) -> bool:
        """True if reading the findings is not to be done between two messages."""
        return self.engine.unread_us > MUCH_TO_TELL_US

    def take_rows(self, rows: Iterable[EditRow]) -> None:
        """Feed recorded edits, in revision order; those that wait are fed when their last dependency arrives."""
        engine, held = self.engine, self._held
        nth = 0
        for event in rows:
            revision = self.revision = event.revision
            if event.payload is None or event.disposition == "quarantined":
                continue
            update = decode_update(event.payload)
            if event.disposition == "ready" and not held:
                if update.structs:
                    self._note(update)
                engine.feed((edit_fact(revision, event, revision, update),))
                nth += 1
                if not nth % WORK_EVERY:
                    engine.work()
                continue
            self._held[event.revision] = (event, update)
            self._waiting.add(event.revision, event.payload, update)
            released = self._waiting.release(self._clocks)
            if released:
                arrived = [self._held.pop(entry.revision) for entry in released if entry.revision in self._held]
                self._feed(arrived, event.revision)
        engine.work()

    def take_facts(self, facts: Sequence[EditFact], revision: int) -> None:
        """Feed edits that a live room has just released, up to its revision *revision*."""
        by_effective: dict[int, list[EditFact]] = {}
        for fact in facts:
            self._held.pop(fact.revision, None)
            by_effective.setdefault(fact.effective, []).append(fact)
            self._note(fact.update)
        for batch in by_effective.values():
            self.engine.feed(batch)
            self.engine.work()
        self.revision = max(self.revision, revision)

    def name(self, ids: Iterable[str]) -> None:
        """Somebody has decided about entries under these ids: they must lead there whatever the ids become, also where
        an entry was never among the findings under this one."""
        self._named.update(ids)

    def held(self, revision: int) -> tuple[EditRow, Update] | None:
        """An edit that was waiting when it was read from the log."""
        return self._held.get(revision)

    def findings(self) -> Findings:
        """What changed since the last call. Renders every changed episode whole (0.2 to 1 ms each, a capped one 30 ms):
        call it when there is a pause, not for every edit."""
        changes = self.engine.changes()
        superseded = list(changes.superseded)
        for id in sorted(self._named):
            now = self.engine.resolve_alias(id)
            if now is not None:
                self._named.discard(id)
                if now != id and (id, now) not in superseded:
                    superseded.append((id, now))
        return Findings({episode.id: episode for episode in changes.changed}, superseded)

    def _feed(self, rows: list[tuple[EditRow, Update]], effective: int) -> None:
        for _, update in rows:
            self._note(update)
        self.engine.feed([edit_fact(effective, event, event.revision, update) for event, update in rows])

    def _note(self, update: Update) -> None:
        clocks = self._clocks
        for client, structs in update.structs.items():
            last = structs[-1]
            if last.kind != SKIP:
                end = last.clock + last.length
                if clocks.get(client, 0) < end:
                    clocks[client] = end


def rebuild(
    store: EventStore,
    conflicts: ConflictStore,
    document: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Build the conflict log of *document* (or all) again from the events; return the number of episodes.

    Each document is built beside what is stored of it and takes its place in one transaction, so readers always see
    one or the other, and a server may run meanwhile. ``progress(done, total)`` counts events.
    """
    with all_kept():
        return _rebuild(store, conflicts, document, progress)


@contextmanager
def all_kept() -> Iterator[None]:
    """No looking for garbage: an engine keeps nearly all that it makes, and going through it again and again took a
    tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _rebuild(
    store: EventStore,
    conflicts: ConflictStore,
    document: str | None,
    progress: Callable[[int, int], None] | None,
) -> int:
    rows = [row] if document is not None and (row := store.document(document)) else []
    if document is None:
        after = ""
        while page := store.documents(after=after, limit=500):
            rows += page
            after = page[-1].document
        for gone in set(conflicts.documents()).difference(row.document for row in rows):
            conflicts.drop(gone)
    total = sum(row.revision for row in rows)
    done = 0
    for row in rows:

        def tell(events: int, before: int = done) -> None:
            if progress is not None:
                progress(min(before + events, total), total)

        _build(store, conflicts, row, tell)
        done += row.revision
    return conflicts.count(document)


def _build(store: EventStore, conflicts: ConflictStore, row: DocumentRow, tell: Callable[[int], None]) -> None:
    """Build one document's conflict log and put it in place."""
    known, digest = conflicts.cursor(row.document)
    if known and store.hash_at(row.document, known) != digest:
        conflicts.drop(row.document)  # found in another history of the document
    projector = ConflictProjector(row.document)
    projector.name(named_by(store, row.document))
    episodes: dict[str, Episode] = {}
    aliases: list[tuple[str, str]] = []
    while True:
        while edits := store.edit_rows(row.document, after=projector.revision, until=row.revision, limit=READ_ROWS):
            projector.take_rows(edits)
            tell(projector.revision)
        findings = projector.findings()
        for old, _ in findings.superseded:
            episodes.pop(old, None)
        episodes |= findings.episodes
        aliases += findings.superseded
        found = rows_of(store, conflicts, row.document, episodes.values(), aliases)
        if conflicts.replace(row.document, row.revision, row.document_hash, found, aliases):
            judge(store, conflicts, row.document)
            return
        row = store.document(row.document) or row  # the server has gone on meanwhile: follow
