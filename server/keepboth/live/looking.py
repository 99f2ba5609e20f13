"""Looks at one entry of the conflict log: what everything in the room and everybody's decisions make of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final, NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.screens import everything
from keepboth.conflicts.versions import Versions
from keepboth.decider.conflicts import CONFLICT_TYPES, ConflictState, conflict_states, state_in
from keepboth.errors import KeepBothError, NotFound, NotKnownYet
from keepboth.events import Event, compress_ranges
from keepboth.live.detection import Detector
from keepboth.live.hub import Hub
from keepboth.live.room import Room
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore

ENGINE_S: Final = 10.0
"""How long somebody who acts on a conflict waits for the engine."""

TRIES: Final = 10
"""How often it is looked again because something came in between."""

PAGE: Final = 1000
MAX_NEWS: Final = 100


class Looked(NamedTuple):
    """One entry, as everything in the room shows it. Valid until the next await."""

    room: Room
    engine: DocumentConflicts
    id: str
    state: ConflictState
    place: Versions
    head: int
    read_until: int


class Looker:
    """Finds entries, opens their documents, waits for the engine."""

    def __init__(self, hub: Hub, detector: Detector, store: EventStore, conflicts: ConflictStore) -> None:
        self._hub = hub
        self._detector = detector
        self._store = store
        self._conflicts = conflicts

    async def document_of(self, id: str, document: str | None) -> str:
        """Which document the entry is of. Raises NotFound."""
        if document is not None:
            if await asyncio.to_thread(self._store.document, document) is None:
                raise NotFound("there is no such document", document=document)
            return document
        found = await asyncio.to_thread(self._conflicts.get, id)
        if found is None:
            raise NotFound("there is no such conflict", id=id)
        return found.document

    async def look(self, document: str, id: str) -> Looked:
        """The entry with everything that the room shows and nothing of it still on its way, if that can be had."""
        for _ in range(TRIES):
            room = await self._hub.live_room(document)
            try:
                if room.in_flight:
                    await self._hub.flush(room)
                events, read_until = await asyncio.to_thread(self._decisions, document)
                engine = await self._detector.engine(room, ENGINE_S)
            except KeepBothError:
                if room.state == "closed":
                    continue  # it left memory meanwhile
                raise
            if room.state == "live" and not room.in_flight:
                break
        if room.state != "live":
            raise NotKnownYet("this document is being folded again")
        found = engine.found(id)
        if found is None:
            raise NotFound("there is no such conflict", id=id)
        now = engine.resolve_alias(id)
        assert now is not None
        state = state_in(conflict_states(events, engine.resolve_alias), now)
        place = Versions(*found, everything, state.restoring_revisions())
        return Looked(room, engine, now, state, place, room.revision, read_until)

    def _decisions(self, document: str) -> tuple[list[Event], int]:
        """Every decision about the document's conflicts, and up to which revision these are all."""
        row = self._store.document(document)
        head = 0 if row is None else row.revision
        types = sorted(CONFLICT_TYPES)
        events: list[Event] = []
        while page := self._store.read(
            document, after=events[-1].revision if events else 0, until=head, types=types, limit=PAGE
        ):
            events += page
        return events, head

    def events(self, document: str, revisions: Sequence[int]) -> tuple[Event, ...]:
        found: list[Event] = []
        for first, last in compress_ranges(revisions[:MAX_NEWS]):
            found += self._store.read(document, after=first - 1, until=last, limit=MAX_NEWS)
        return tuple(found)
