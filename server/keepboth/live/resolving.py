"""Acting on conflicts: shows what each choice leads to, and records the one that somebody makes.

A resolution and the edit that brings it about are one append: both or neither. The edit is worked out on the event
loop, from everything that the room shows at that moment, and handed to the writer before anything else can happen.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from keepboth.conflicts.choices import Plan, Preview, Wish, plan, previews
from keepboth.conflicts.model import Episode
from keepboth.conflicts.restoring import fresh_client, update_of
from keepboth.conflicts.versions import Versions, until
from keepboth.decider.conflicts import (
    CONFLICT_TYPES,
    ConflictCommand,
    Decision,
    MarkSeen,
    Reopen,
    Resolve,
    Status,
    Subject,
    decide,
)
from keepboth.decider.documents import DecidedEvent
from keepboth.decider.edits import Owner
from keepboth.errors import ConditionFailed, InvalidRequest, NotKnownYet, PlaceChanged
from keepboth.events import (
    CONFLICT_RESOLVED,
    CONTENT_YJS_UPDATE,
    EDIT_RECORDED,
    Context,
    Draft,
    Event,
    EventId,
    Receipt,
    id_text,
)
from keepboth.live.detection import Detector
from keepboth.live.hub import Hub
from keepboth.live.introducing import Introducer
from keepboth.live.looking import Looked, Looker
from keepboth.live.session import Actor
from keepboth.store.base import Append, EventStore
from keepboth.store.conflict_log import ConflictStore
from keepboth.yjs.update import encode_update

DECISIONS: Final = 100
"""How often a decision is made again because others were made about the same document at once."""


class Choices(NamedTuple):
    """What can be done about one entry now. ``revision``: up to which everything was looked at."""

    document: str
    episode: Episode
    revision: int
    status: Status
    resolution: Decision | None
    previews: list[Preview]


class Acted(NamedTuple):
    """What was recorded: the decision, and the edit if one was needed. ``preview`` is what a resolution led to."""

    document: str
    id: str
    receipts: tuple[Receipt, ...]
    preview: Preview | None = None


class Resolver:
    """The way in for whoever acts on a conflict."""

    def __init__(self, hub: Hub, detector: Detector, store: EventStore, conflicts: ConflictStore) -> None:
        self._hub = hub
        self._store = store
        self._introduce = Introducer(store, hub.new_id)
        self._looker = Looker(hub, detector, store, conflicts)

    async def choices(self, id: str, document: str | None = None, text: str | None = None) -> Choices:
        """What can be done about the entry *id*, each choice with its result; *text* is for "write".

        Raises NotFound, NotKnownYet, ShuttingDown.
        """
        document = await self._looker.document_of(id, document)
        looked = await self._looker.look(document, id)
        episode = looked.engine.episode(id)
        assert episode is not None
        revisions = looked.place.revisions()
        return Choices(
            document,
            episode,
            looked.head,
            looked.state.status(revisions, episode.settled_by),
            looked.state.resolution(revisions),
            previews(looked.place, text),
        )

    async def resolve(
        self,
        id: str,
        wish: Wish,
        who: Actor,
        *,
        document: str | None = None,
        seen: int | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> Acted:
        """Resolve the entry *id*. ``seen``: the revision of the preview that the choice was made on.

        Raises NotFound, InvalidRequest for a choice that is not offered, ConditionFailed if somebody else has resolved
        it, PlaceChanged if the result is another than the preview's; then nothing was recorded. NotKnownYet,
        NotDurableNow, ShuttingDown.
        """
        document = await self._looker.document_of(id, document)
        if event_id is not None and (repeated := await self._repeated(document, id, event_id)) is not None:
            return repeated
        event_id = event_id or self._hub.new_id()
        introduced = await self._introduce(document, who, session)
        for _ in range(DECISIONS):
            looked = await self._looker.look(document, id)
            if seen is not None:
                await self._check(looked, wish, seen)
            worked = plan(looked.place, wish)
            side = wish.side
            command = Resolve(
                wish.choice,
                side.actor if side is not None else None,
                side.session if side is not None else None,
                wish.text,
                worked.preview.changes,
            )
            decided = decide(command, self._subject(looked), looked.state, looked.read_until)
            owner = Owner(f"resolving:{session or who.id}", who.id, who.kind)
            edits = [self._edit(looked, worked, event_id, owner)] if worked.preview.changes else []
            drafts = [*introduced, _draft(decided, event_id, who, session), *edits]
            receipts = await self._record(looked, drafts, decided)
            if receipts is not None:
                return Acted(document, looked.id, receipts[len(introduced) :], worked.preview)
        raise NotKnownYet("too many conflicts of this document are being decided at once")

    async def reopen(
        self,
        id: str,
        who: Actor,
        *,
        document: str | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> Acted:
        """Take a resolution back; the text stays. Raises as `resolve`: ConditionFailed if it is not resolved."""
        return await self._decide(Reopen(), id, who, document, event_id, session)

    async def mark_seen(
        self,
        id: str,
        who: Actor,
        *,
        document: str | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> Acted:
        """Note that *who* has looked at the entry. Nothing is recorded the second time. Raises as `resolve`."""
        return await self._decide(MarkSeen(), id, who, document, event_id, session)

    async def _decide(
        self,
        command: ConflictCommand,
        id: str,
        who: Actor,
        document: str | None,
        event_id: EventId | None,
        session: str | None,
    ) -> Acted:
        document = await self._looker.document_of(id, document)
        if event_id is not None and (repeated := await self._repeated(document, id, event_id)) is not None:
            return repeated
        event_id = event_id or self._hub.new_id()
        introduced = await self._introduce(document, who, session)
        for _ in range(DECISIONS):
            looked = await self._looker.look(document, id)
            subject = self._subject(looked)
            if isinstance(command, MarkSeen):
                known = looked.state.seen_by(subject.revisions).get(who.id)
                if known is not None:
                    return Acted(document, looked.id, (_receipt(known.event),))
            decided = decide(command, subject, looked.state, looked.read_until)
            drafts = [*introduced, _draft(decided, event_id, who, session)]
            receipts = await self._record(looked, drafts, decided)
            if receipts is not None:
                return Acted(document, looked.id, receipts[len(introduced) :])
        raise NotKnownYet("too many conflicts of this document are being decided at once")

    async def _check(self, looked: Looked, wish: Wish, seen: int) -> None:
        """Raise PlaceChanged unless *wish* does now what it did at revision *seen*. Awaits nothing unless it raises."""
        place = looked.place
        if seen > looked.head:
            raise InvalidRequest(f"the document has no revision {seen} yet", field="revision", revision=looked.head)
        late = place.late(seen)
        if not late:
            then = Versions(place.shadow, place.cluster, until(seen), looked.state.restoring_revisions())
            try:
                same = plan(then, wish).preview.parts == plan(place, wish).preview.parts and not place.lost_since(seen)
            except InvalidRequest:
                plan(place, wish)  # never offered, or only since
                same = False
            if same:
                return
        revisions = late or place.news(seen)
        events = await asyncio.to_thread(self._looker.events, looked.room.name, revisions)
        raise PlaceChanged("the place has changed since it was shown", events, id=looked.id, revision=looked.head)

    async def _repeated(self, document: str, id: str, event_id: EventId) -> Acted | None:
        """What was recorded under this id the first time."""

        def read() -> Acted | None:
            event = self._store.get(event_id)
            if event is None or event.document != document or event.type not in CONFLICT_TYPES:
                return None
            receipts = [_receipt(event)]
            body = json.loads(event.payload or b"{}")
            if event.type == CONFLICT_RESOLVED and body.get("edit"):
                edit = self._store.get(edit_id(event_id))
                receipts += [_receipt(edit)] if edit is not None else []
            return Acted(document, body.get("conflict", id), tuple(receipts))

        return await asyncio.to_thread(read)

    # -- recording -----------------------------------------------------------------------------------------------------

    def _subject(self, looked: Looked) -> Subject:
        return Subject(looked.id, looked.place.revisions(), looked.head)

    def _edit(self, looked: Looked, worked: Plan, event_id: EventId, owner: Owner) -> Draft:
        """The edit that brings *worked* about. Its author has seen everything that the room shows."""
        update = update_of(worked, fresh_client(looked.place.shadow, event_id))
        return Draft(
            EDIT_RECORDED,
            edit_id(event_id),
            encode_update(update),
            actor=owner.actor,
            actor_kind=owner.actor_kind,
            content_type=CONTENT_YJS_UPDATE,
            session=owner.session,
            clients=tuple(update.structs),
            context=Context.of(looked.head),
            context_source="declared",
            causation_id=id_text(event_id),
        )

    async def _record(
        self, looked: Looked, drafts: Sequence[Draft], decided: DecidedEvent
    ) -> tuple[Receipt, ...] | None:
        """Record all of *drafts* or none; None if a decision came between: decide again, which tells whether it was
        about this entry."""
        item = Append(looked.room.name, list(drafts), condition=decided.condition, check_ids=True)
        try:
            return (await self._hub.append(item)).receipts
        except ConditionFailed:
            return None


def edit_id(event_id: EventId) -> EventId:
    """The id (UUIDv8) of the edit that brings the resolution *event_id* about."""
    digest = bytearray(hashlib.sha256(b"keepboth restoring event\0" + event_id).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def _draft(decided: DecidedEvent, event_id: EventId, who: Actor, session: str | None) -> Draft:
    payload = json.dumps(decided.payload, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return Draft(decided.type, event_id, payload, actor=who.id, actor_kind=who.kind, session=session)


def _receipt(event: Event) -> Receipt:
    return Receipt("duplicate", event.id, event.position, event.revision, event.recorded_at, event.disposition)
