"""Going back in a live document: records what was asked and the edit that brings it about, in one append.

The edit is worked out in the thread for questions about the past, from all that is recorded. What comes between that
and the append is concurrent with it, as with anybody's edit, and stays.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any, Final, NamedTuple

from keepboth.decider.edits import Owner
from keepboth.errors import IdentityClash, InvalidRequest, NotKnownYet, PlaceChanged
from keepboth.events import (
    CONTENT_YJS_UPDATE,
    DOCUMENT_REVERTED,
    EDIT_RECORDED,
    Context,
    DocumentExists,
    Draft,
    Event,
    EventId,
    Receipt,
    id_text,
)
from keepboth.history.desk import Desk
from keepboth.history.going_back import GoBack, Reversion, work_out
from keepboth.live.hub import Hub
from keepboth.live.introducing import Introducer
from keepboth.live.room import Room
from keepboth.live.session import Actor
from keepboth.store.base import Append

TRIES: Final = 5
"""How often it is worked out again because something came in between. After that, what came is concurrent."""

MAX_NEWS: Final = 100


class Reverted(NamedTuple):
    """What was recorded: the decision, and the edit if one was needed. ``worked`` is None for a repeated request."""

    document: str
    receipts: tuple[Receipt, ...]
    worked: Reversion | None


class Reverter:
    """The way in for whoever goes back."""

    def __init__(self, hub: Hub, desk: Desk) -> None:
        self._hub = hub
        self._desk = desk
        self._introduce = Introducer(hub.store, hub.new_id)

    async def preview(self, document: str, wish: GoBack) -> Reversion:
        """What *wish* leads to now, with what the document will say. Raises NotFound, InvalidRequest."""
        return await self._desk.ask(document, lambda: work_out(self._desk.past, document, wish, show=True))

    async def revert(
        self,
        document: str,
        wish: GoBack,
        who: Actor,
        *,
        seen: int | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> Reverted:
        """Carry out *wish*. ``seen``: the revision of the preview that it was decided on.

        Raises NotFound, InvalidRequest; PlaceChanged if it leads to something else than the preview showed: then
        nothing was recorded. IdentityClash, NotDurableNow, ShuttingDown.
        """
        if event_id is not None and (repeated := await self._repeated(document, event_id)) is not None:
            return repeated
        event_id = event_id or self._hub.new_id()
        introduced = await self._introduce(document, who, session)
        worked = await self._worked(document, wish, event_id)
        if seen is not None:
            await self._check(worked, wish, event_id, seen)
        owner = Owner(f"reverting:{session or who.id}", who.id, who.kind)
        edits = [] if worked.is_empty else [_edit(worked, event_id, owner)]
        drafts = [*introduced, _decision(worked, wish, event_id, who, session), *edits]
        item = Append(document, drafts, condition=DocumentExists(), check_ids=True)
        receipts = (await self._hub.append(item)).receipts
        return Reverted(document, receipts[len(introduced) :], worked)

    async def _worked(self, document: str, wish: GoBack, event_id: EventId) -> Reversion:
        """The edit for everything that the room shows, if that can be had; else for what it showed a moment ago."""
        worked = await self._work(document, wish, event_id)  # first: an unknown document opens no room
        for _ in range(TRIES):
            room = await self._room(document)
            if worked.revision >= room.revision and not room.in_flight:
                break
            if room.in_flight:
                await self._hub.flush(room)
            worked = await self._work(document, wish, event_id)
        return worked

    async def _room(self, document: str) -> Room:
        for _ in range(TRIES):
            room = await self._hub.live_room(document)
            if room.state == "live":
                return room
        raise NotKnownYet("this document is being folded again")

    async def _work(self, document: str, wish: GoBack, event_id: EventId, at: int | None = None) -> Reversion:
        return await self._desk.ask(document, lambda: work_out(self._desk.past, document, wish, event_id, at=at))

    async def _check(self, worked: Reversion, wish: GoBack, event_id: EventId, seen: int) -> None:
        """Raise PlaceChanged unless *wish* does now what it did at revision *seen*."""
        if seen > worked.revision:
            raise InvalidRequest(f"the document has no revision {seen} yet", field="revision", revision=worked.revision)
        if seen == worked.revision:
            return
        then = await self._work(worked.document, wish, event_id, seen)
        if then.digest == worked.digest:
            return
        events = await asyncio.to_thread(self._news, worked.document, seen, worked.revision)
        raise PlaceChanged("going back leads to something else by now", events, revision=worked.revision)

    def _news(self, document: str, after: int, until: int) -> tuple[Event, ...]:
        found = self._hub.store.read(document, after=after, until=until, types=[EDIT_RECORDED], limit=MAX_NEWS)
        return tuple(found)

    async def _repeated(self, document: str, event_id: EventId) -> Reverted | None:
        """What was recorded under this id the first time."""

        def read() -> Reverted | None:
            event = self._hub.store.get(event_id)
            if event is None:
                return None
            if event.document != document or event.type != DOCUMENT_REVERTED:
                raise IdentityClash("this id is taken", id=id_text(event_id))
            receipts = [_receipt(event)]
            edit = self._hub.store.get(edit_id(event_id))
            receipts += [_receipt(edit)] if edit is not None else []
            return Reverted(document, tuple(receipts), None)

        return await asyncio.to_thread(read)


def edit_id(event_id: EventId) -> EventId:
    """The id (UUIDv8) of the edit that brings the reversion *event_id* about."""
    digest = bytearray(hashlib.sha256(b"keepboth reverting event\0" + event_id).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def _decision(worked: Reversion, wish: GoBack, event_id: EventId, who: Actor, session: str | None) -> Draft:
    body: dict[str, Any] = {"at": worked.revision, "edit": not worked.is_empty}
    if wish.undo is not None:
        body |= {"undo": wish.undo.described(), "undone": worked.undone}
    else:
        body["to"] = worked.to
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return Draft(DOCUMENT_REVERTED, event_id, payload, actor=who.id, actor_kind=who.kind, session=session)


def _edit(worked: Reversion, event_id: EventId, owner: Owner) -> Draft:
    """Its author has seen all that it was worked out from."""
    return Draft(
        EDIT_RECORDED,
        edit_id(event_id),
        worked.update,
        actor=owner.actor,
        actor_kind=owner.actor_kind,
        content_type=CONTENT_YJS_UPDATE,
        session=owner.session,
        clients=worked.clients,
        context=Context.of(worked.revision),
        context_source="declared",
        causation_id=id_text(event_id),
    )


def _receipt(event: Event) -> Receipt:
    return Receipt("duplicate", event.id, event.position, event.revision, event.recorded_at, event.disposition)
