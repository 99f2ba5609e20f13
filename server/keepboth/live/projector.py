"""Feeds one document's edits to the conflict engine, from the log or from a live room, and collects what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode
from keepboth.conflicts.report import episode_body
from keepboth.events import Context, Draft, Seen
from keepboth.fold.waiting import WaitingRoom
from keepboth.store.base import ConflictStore, EditRow, EventStore, StoredEpisode
from keepboth.yjs.structs import SKIP, Update
from keepboth.yjs.update import decode_update

READ_ROWS = 500


class Findings(NamedTuple):
    """What a stretch of events did to the conflict log."""

    episodes: dict[str, Episode]
    superseded: list[tuple[str, str]]


def edit_fact(effective: int, event: EditRow | Draft, revision: int, update: Update) -> EditFact:
    """One edit as the engine needs it. Without a context: anything before it may have been seen, nothing must.

    What is only assumed about an author (content that somebody else brought) makes nothing certain.
    """
    context = event.context
    if context is None:
        context = Context(Seen(0), Seen(revision - 1))
    unsure = event.context_source == "assumed" or (not update.structs and not context.exact)
    return EditFact(revision, effective, event.session or event.actor, event.actor, context, update, unsure)


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

    @property
    def may_rest(self) -> bool:
        """True if the engine and the revision are all there is to know."""
        return not self._held and not self.engine.pending

    def digs(self, contexts: Iterable[Context | None]) -> bool:
        """True if an edit with one of these contexts makes the engine unpack what is old: not to be done between two
        messages."""
        return any(self.engine.packed_above(0 if context is None else context.lower.base) for context in contexts)

    def take_rows(self, rows: Iterable[EditRow]) -> None:
        """Feed recorded edits, in revision order; those that wait are fed when their last dependency arrives."""
        for event in rows:
            self.revision = event.revision
            if event.payload is None or event.disposition == "quarantined":
                continue
            update = decode_update(event.payload)
            if event.disposition == "ready" and not self._held:
                self._feed([(event, update)], event.revision)
                continue
            self._held[event.revision] = (event, update)
            self._waiting.add(event.revision, event.payload, update)
            released = self._waiting.release(self._clocks)
            if released:
                arrived = [self._held.pop(entry.revision) for entry in released if entry.revision in self._held]
                self._feed(arrived, event.revision)

    def take_facts(self, facts: Sequence[EditFact], revision: int) -> None:
        """Feed edits that a live room has just released, up to its revision *revision*."""
        by_effective: dict[int, list[EditFact]] = {}
        for fact in facts:
            self._held.pop(fact.revision, None)
            by_effective.setdefault(fact.effective, []).append(fact)
            self._note(fact.update)
        for batch in by_effective.values():
            self._add(batch)
        self.revision = max(self.revision, revision)

    def held(self, revision: int) -> tuple[EditRow, Update] | None:
        """An edit that was waiting when it was read from the log."""
        return self._held.get(revision)

    def findings(self) -> Findings:
        """What changed since the last call. Renders every changed episode whole (0.2 to 1 ms each, a capped one 30 ms):
        call it when there is a pause, not for every edit."""
        changes = self.engine.changes()
        return Findings({episode.id: episode for episode in changes.changed}, list(changes.superseded))

    def _feed(self, rows: list[tuple[EditRow, Update]], effective: int) -> None:
        for _, update in rows:
            self._note(update)
        self._add([edit_fact(effective, event, event.revision, update) for event, update in rows])

    def _add(self, batch: list[EditFact]) -> None:
        self.engine.feed(batch)
        self.engine.work()

    def _note(self, update: Update) -> None:
        clocks = self._clocks
        for client, structs in update.structs.items():
            last = structs[-1]
            if last.kind != SKIP:
                end = last.clock + last.length
                if clocks.get(client, 0) < end:
                    clocks[client] = end


def stored(document: str, episode: Episode) -> StoredEpisode:
    """The episode as the projection keeps it."""
    return StoredEpisode(
        episode.id,
        document,
        episode.first_revision,
        episode.last_revision,
        episode.certain,
        tuple(sorted(episode.kinds)),
        tuple(side.actor for side in episode.sides),
        episode_body(episode),
    )


def rebuild(
    store: EventStore,
    conflicts: ConflictStore,
    document: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Drop the conflict log of *document* (or all) and build it again from the events; return the number of episodes.

    ``progress(done, total)`` counts events.
    """
    rows = [row] if document is not None and (row := store.document(document)) else []
    if document is None:
        after = ""
        while page := store.documents(after=after, limit=500):
            rows += page
            after = page[-1].document
    total = sum(row.revision for row in rows)
    done = 0
    conflicts.drop(document)
    for row in rows:
        projector = ConflictProjector(row.document)
        before = done
        while edits := store.edit_rows(row.document, after=projector.revision, until=row.revision, limit=READ_ROWS):
            projector.take_rows(edits)
            done = before + projector.revision
            if progress is not None:
                progress(done, total)
        done = before + row.revision
        if progress is not None:
            progress(done, total)
        findings = projector.findings()
        conflicts.advance(
            row.document,
            row.revision,
            row.document_hash,
            [stored(row.document, episode) for episode in findings.episodes.values()],
            findings.superseded,
        )
    return conflicts.count(document)
