"""The log as server-sent events, from any position to whatever comes next."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Header, Query

import keepboth.api.models as models
from keepboth.api.requests import Parts, SomeName
from keepboth.api.services import Services
from keepboth.api.streaming import RETRY, EventStream, sent_event
from keepboth.errors import InvalidRequest, Overloaded, ShuttingDown
from keepboth.store.choice import Choice, choice_of

router = APIRouter(tags=["feeds"])

MAX_READERS: Final = 1000
CHECKPOINT: Final = "checkpoint"


async def wanted_events(
    document: SomeName,
    types: Annotated[
        list[str],
        Query(description="only these types; repeat it for several. `document.quiet` stands for whole bursts of edits"),
    ] = [],  # noqa: B006
    actors: Annotated[list[str], Query(description="only by these actors")] = [],  # noqa: B006
) -> Choice:
    """Which events a feed is about."""
    return choice_of(document, types, actors)


Chosen = Annotated[Choice, Depends(wanted_events)]


@router.get(
    "/api/feed",
    response_class=EventStream,
    responses={200: {"model": models.CloudEvent, "description": "Server-sent events; each `data` is a CloudEvent."}},
)
async def follow_events(
    parts: Parts,
    choice: Chosen,
    after: Annotated[int, Query(ge=0, le=models.MAX_INT, description="a position; exclusive")] = 0,
    last_event_id: Annotated[str | None, Header(description="the id of the last event seen; wins")] = None,
) -> EventStream:
    """Every event behind a position, then every event as it is recorded. The id of each is its position.

    An event named ``checkpoint`` comes at least every 15 s: everything wanted up to its id has been sent.
    """
    if not parts.ready():
        raise ShuttingDown("the server is going down")
    if parts.feeds.readers.count >= MAX_READERS:
        raise Overloaded(f"{MAX_READERS} readers follow the log already")
    if last_event_id is not None:
        if not re.fullmatch("[0-9]{1,18}", last_event_id):
            raise InvalidRequest("the id of an event of this feed is a position", field="last-event-id")
        after = int(last_event_id)
    await asyncio.to_thread(parts.feeds.check, after)
    return EventStream(_lines(parts, choice, after), parts.settings.mailbox_patience_s, parts.feeds.readers)


async def _lines(parts: Services, choice: Choice, after: int) -> AsyncGenerator[bytes, None]:
    yield RETRY
    async with aclosing(parts.feeds.follow(choice, after)) as batches:
        async for batch in batches:
            if batch.told:
                yield b"".join(sent_event(told.body, str(told.position)) for told in batch.told)
            else:
                yield sent_event(parts.feeds.checkpoint(batch.cursor), str(batch.cursor), CHECKPOINT)
