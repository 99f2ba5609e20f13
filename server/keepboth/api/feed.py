"""The conflict log as it changes, as server-sent events.

A connection holds no queue: it reads what has changed from the projection when its reader has taken what came before.
A reader that takes nothing is let go after a while; it loses nothing, since it comes back with the id it had last.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query

import keepboth.api.conflict_models as shapes
from keepboth.api.conflicts import CATCH_UP_S, reach
from keepboth.api.entries import Viewpoint, entries
from keepboth.api.filters import View
from keepboth.api.notices import notices
from keepboth.api.reading import known_from_projection
from keepboth.api.requests import Parts, SomeName
from keepboth.api.services import Services
from keepboth.api.streaming import RETRY, EventStream
from keepboth.cloudevents import json_bytes
from keepboth.errors import NotFound, Overloaded, ShuttingDown
from keepboth.feeds.following import Readers
from keepboth.store.conflict_log import Change

router = APIRouter(tags=["conflicts"])

HEARTBEAT_S: Final = 15.0
"""A line at least so often, so that both ends notice when the other has gone; then also looks for what another process
has changed."""

PROGRESS_S: Final = 1.0
BATCH: Final = 50
MAX_READERS: Final = 1000


class Feed:
    """What one reader gets. ``last`` is the id of the event that it has seen last, None if it has just come."""

    def __init__(self, parts: Services, document: str | None, last: str | None, view: Viewpoint) -> None:
        self._parts = parts
        self._document = document
        self._last = last
        self._view = view
        self._epoch = ""
        self._number = 0
        self._behind: dict[str, int] = {}
        self._lagged: set[str] = set()
        self._looked_at = 0.0

    async def events(self) -> AsyncGenerator[bytes, None]:
        """Events as bytes, for as long as the server runs."""
        bell = self._parts.detector.bell
        yield await self._begin()
        yield await self._ready()
        loop = asyncio.get_running_loop()
        heard, ring, look = loop.time(), bell.next(), True
        while not bell.closed:
            progress = await self._progress()
            if look or progress:
                ring = bell.next()
                while not bell.closed and (found := await asyncio.to_thread(self._read)):
                    heard = loop.time()
                    yield found
            if progress:  # behind what it is about: whoever hears that everything is known has got it
                heard = loop.time()
                yield progress
            with suppress(TimeoutError):
                await asyncio.wait_for(ring.wait(), PROGRESS_S)
            look = ring.is_set()
            if loop.time() >= heard + HEARTBEAT_S:
                heard, look = loop.time(), True
                yield b": still here\n\n"

    async def _begin(self) -> bytes:
        """Where this reader goes on: behind what it has seen, or at the end of the log."""
        conflicts = self._parts.conflicts
        self._epoch, now = await asyncio.to_thread(lambda: (conflicts.epoch, conflicts.change()))
        epoch, _, number = (self._last or "").rpartition(".")
        self._number = now
        if self._last is None:
            return RETRY
        if epoch == self._epoch and re.fullmatch("[0-9]{1,18}", number) and int(number) <= now:
            self._number = int(number)
            return RETRY
        return RETRY + self._event("reset", {"document": None}, now)

    async def _ready(self) -> bytes:
        """How far everything is known; makes the engine look at what it has not."""
        try:
            reached = await reach(self._parts, self._document)
        except NotFound:
            value = {"complete": True, "behind": [], "known_revision": 0, "revision": 0}
        else:
            value = reached.fields() | {"behind": [lag.model_dump() for lag in reached.behind]}
            self._behind |= {lag.document: lag.revision for lag in reached.behind}
        return self._event("ready", value, self._number)

    def _event(self, name: str, value: Any, number: int | None = None) -> bytes:
        id = b"" if number is None else b"id: %s.%d\n" % (self._epoch.encode(), number)
        return b"%sevent: %s\ndata: %s\n\n" % (id, name.encode(), json_bytes(value))

    def _read(self) -> bytes:
        """The next changes, if there are any."""
        conflicts = self._parts.conflicts
        epoch = conflicts.epoch
        if epoch != self._epoch:
            self._epoch, self._number = epoch, conflicts.change()
            return self._event("reset", {"document": None}, self._number)
        changes = conflicts.changes(self._number, self._document, BATCH)
        episodes = [change.episode for change in changes if change.episode is not None]
        view = self._view._replace(now=self._parts.now())
        described = iter(entries(self._parts.store, episodes, view))
        out = b""
        for change in changes:
            if change.what == "entry":
                out += self._event(_name(change), {"conflict": next(described)}, change.number)
            elif change.what == "superseded":
                value = {"document": change.document, "old": change.id, "new": change.into}
                out += self._event("superseded", value, change.number)
            else:
                out += self._event("reset", {"document": change.document}, change.number)
            self._number = change.number
        for document, stretch in dict.fromkeys((one.document, one.stretch) for one in episodes if one.stretch):
            for notice in notices(self._parts.store, conflicts, document, [stretch], view):
                out += self._event("notice", {"notice": notice})
        return out

    async def _progress(self) -> bytes:
        """At most once in a while: where the engine has been behind for that long, and once where it no longer is."""
        now = asyncio.get_running_loop().time()
        if now < self._looked_at + PROGRESS_S:
            return b""
        self._looked_at = now
        out = b""
        lags = {lag.document: lag for lag in self._parts.detector.lags(self._document) if lag.looked < lag.revision}
        for document, lag in lags.items():
            if document in self._lagged or document in self._behind:
                self._behind[document] = lag.revision
                reached = {"known": lag.known, "looked": lag.looked, "revision": lag.revision}
                out += self._event("progress", {"document": document, **reached, "complete": False})
        self._lagged = set(lags)
        for document, revision in list(self._behind.items()):
            if document not in lags and await self._is_known(document, revision):
                del self._behind[document]
                reached = {"known": revision, "looked": revision, "revision": revision}
                out += self._event("progress", {"document": document, **reached, "complete": True})
        return out

    async def _is_known(self, document: str, revision: int) -> bool:
        """Whether conflicts up to *revision* are stored; if not, sees to it that the engine goes on."""
        row = await asyncio.to_thread(self._parts.store.document, document)
        if row is None:
            return True
        known, _ = await asyncio.to_thread(known_from_projection, self._parts.store, self._parts.conflicts, row)
        return known >= revision or await self._parts.detector.catch_up(document, CATCH_UP_S / 10) >= revision


def _name(change: Change) -> str:
    """The name of the event: what happened to the status, if that is what happened."""
    status = change.episode.status if change.episode is not None else "open"
    if not change.turned:
        return "conflict"
    return "reopened" if status == "open" else status


_readers = Readers()


@router.get(
    "/api/conflicts/feed",
    response_class=EventStream,
    responses={200: {"model": shapes.FeedEvent, "description": "Server-sent events: see `FeedEvent`."}},
)
async def follow_conflicts(
    parts: Parts,
    document: SomeName,
    view: View,
    last_event_id: Annotated[str | None, Header(description="the id of the last event seen")] = None,
    after: Annotated[str | None, Query(max_length=100, description="the same, for readers that set no headers")] = None,
) -> EventStream:
    """New and changed entries of the conflict log, of one document or of all, as they come."""
    if not parts.ready():
        raise ShuttingDown("the server is going down")
    if _readers.count >= MAX_READERS:
        raise Overloaded(f"{MAX_READERS} readers follow the conflict log already")
    feed = Feed(parts, document, last_event_id or after, view)
    return EventStream(feed.events(), parts.settings.mailbox_patience_s, _readers)
