"""Named consumers over HTTP: at least once, in order, one reader at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

import keepboth.api.feed_models as bodies
import keepboth.api.models as models
from keepboth.api.requests import Caller, Parts, caller, json_body
from keepboth.api.services import Services
from keepboth.api.streaming import RETRY, EventStream, gone, sent_event
from keepboth.cloudevents import BATCH, json_bytes, rfc3339
from keepboth.errors import NotAuthorised, ShuttingDown
from keepboth.events import check_document_name
from keepboth.feeds.consumers import LEASE_S, Given
from keepboth.store.choice import choice_of
from keepboth.store.consumer_tables import Consumer

MAX_LIMIT = 1000
MAX_WAIT_S = 60.0


async def known_caller(asked_by: Annotated[Caller, Depends(caller)], parts: Parts) -> None:
    """Where the server knows people, guests neither see nor move consumers. Raises NotAuthorised."""
    if parts.identify is not None and asked_by.actor is None:
        raise NotAuthorised("guests have no part in consumers and webhooks")


router = APIRouter(tags=["consumers"], dependencies=[Depends(known_caller)])

ConsumerName = Annotated[str, Query(alias="consumer", min_length=1, max_length=200, description="the consumer's name")]
Lease = Annotated[str | None, Query(max_length=200, description="`KeepBoth-Lease` of an earlier answer")]
LeaseS = Annotated[float, Query(ge=1, le=3600, description="how long others are kept out, in seconds")]


async def state(parts: Services, consumer: Consumer) -> bodies.ConsumerState:
    """The answer for one consumer."""
    head = await asyncio.to_thread(parts.store.head)
    return bodies.consumer_fields(consumer, head.position, parts.now())


@router.get("/api/consumers")
async def list_consumers(parts: Parts) -> bodies.ConsumerList:
    """All consumers, by name."""
    found = await asyncio.to_thread(parts.consumers.kept.all)
    return bodies.ConsumerList(consumers=[await state(parts, one) for one in found])


@router.put("/api/consumer", dependencies=[Depends(json_body)])
async def put_consumer(
    parts: Parts, name: ConsumerName, body: bodies.ConsumerBody, response: Response
) -> bodies.ConsumerState:
    """Make a consumer (201), or change what it wants or where it is (200). Moving it takes the lease away."""
    document = None if body.document is None else check_document_name(body.document)
    after = (await asyncio.to_thread(parts.store.head)).position if body.after == "now" else body.after
    consumer, new = await parts.consumers.put(name, choice_of(document, body.types, body.actors), after)
    response.status_code = 201 if new else 200
    return await state(parts, consumer)


@router.get("/api/consumer")
async def get_consumer(parts: Parts, name: ConsumerName) -> bodies.ConsumerState:
    """One consumer: what it wants, how far it has come, who reads."""
    return await state(parts, await asyncio.to_thread(parts.consumers.kept.get, name))


@router.delete("/api/consumer", status_code=204)
async def delete_consumer(parts: Parts, name: ConsumerName) -> None:
    """Forget a consumer, what it has parked, and its webhook."""
    await parts.consumers.delete(name)


@router.get(
    "/api/consumer/events",
    response_class=Response,
    responses={200: {"model": list[models.CloudEvent], "content": {BATCH: {}}}},
)
async def poll(
    request: Request,
    parts: Parts,
    name: ConsumerName,
    lease: Lease = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    lease_s: LeaseS = LEASE_S,
    wait_s: Annotated[float, Query(ge=0, le=MAX_WAIT_S, description="wait so long for something to come")] = 0,
) -> Response:
    """The events behind the last acknowledgement, and a lease that keeps other readers out.

    ``KeepBoth-Lease`` goes with every acknowledgement; ``KeepBoth-Position`` is up to where everything wanted is in the
    answer. With ``KeepBoth-Replay: true`` the events had been parked: acknowledge each of them with ``replay``.
    """
    polling = asyncio.ensure_future(parts.consumers.poll(name, lease, limit=limit, lease_s=lease_s, wait_s=wait_s))
    leaving = asyncio.ensure_future(gone(request.receive))
    try:
        await asyncio.wait((polling, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not polling.done():
            return Response(status_code=204)  # nobody reads it
        given = polling.result()
    finally:
        polling.cancel()
        leaving.cancel()
        await asyncio.wait((polling, leaving))
    headers = {
        "KeepBoth-Lease": given.lease,
        "KeepBoth-Lease-Until": rfc3339(given.until),
        "KeepBoth-Position": str(given.cursor),
        "KeepBoth-Replay": str(given.replay).lower(),
    }
    body = b"[%s]" % b",".join(told.body for told in given.told)
    return Response(body, headers=headers, media_type=BATCH)


@router.get(
    "/api/consumer/stream",
    response_class=EventStream,
    responses={200: {"model": models.CloudEvent, "description": "Server-sent events."}},
)
async def stream(
    parts: Parts,
    name: ConsumerName,
    window: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="so far ahead of the acknowledgements at most")] = 100,
    lease_s: LeaseS = LEASE_S,
) -> EventStream:
    """The same as it comes. First an event ``lease``; then events, named ``replay`` if they had been parked, and a
    ``checkpoint`` at least every 15 s. The lease is let go with the connection."""
    if not parts.ready():
        raise ShuttingDown("the server is going down")
    given = parts.consumers.stream(name, window=window, lease_s=lease_s)
    first = await anext(given)
    return EventStream(_lines(parts, first, given), parts.settings.mailbox_patience_s)


async def _lines(parts: Services, first: Given, rest: AsyncGenerator[Given, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield RETRY + sent_event(json_bytes({"lease": first.lease, "cursor": first.cursor}), name="lease")
        async for given in rest:
            name = "replay" if given.replay else None
            if given.told:
                yield b"".join(sent_event(told.body, str(told.position), name) for told in given.told)
            else:
                yield sent_event(parts.feeds.checkpoint(given.cursor), name="checkpoint")


@router.post("/api/consumer/ack", dependencies=[Depends(json_body)])
async def acknowledge(parts: Parts, name: ConsumerName, body: bodies.Acknowledgement) -> bodies.ConsumerState:
    """Say that a position and everything before it is dealt with. Repeating it changes nothing."""
    if body.replay:
        await parts.consumers.replayed(name, body.lease, body.position)
        return await get_consumer(parts, name)
    return await state(parts, await parts.consumers.ack(name, body.lease, body.position))


@router.post("/api/consumer/park", dependencies=[Depends(json_body)])
async def park(parts: Parts, name: ConsumerName, body: bodies.Parking) -> bodies.ConsumerState:
    """Put an event aside that cannot be handled, and go on behind it."""
    await parts.consumers.park(name, body.lease, body.position, body.reason)
    return await get_consumer(parts, name)


@router.get("/api/consumer/parked")
async def list_parked(
    parts: Parts,
    name: ConsumerName,
    after: Annotated[int, Query(ge=0, le=models.MAX_INT)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
) -> bodies.ParkedList:
    """What a consumer has put aside, by position."""
    found = await asyncio.to_thread(lambda: parts.consumers.kept.parked(name, after=after, limit=limit + 1))
    return bodies.ParkedList(
        parked=[bodies.parked_fields(one) for one in found[:limit]],
        next=found[limit - 1].position if len(found) > limit else None,
    )


@router.post("/api/consumer/replay", dependencies=[Depends(json_body)])
async def replay(parts: Parts, name: ConsumerName, body: bodies.Replay) -> bodies.Replayed:
    """Have parked events given once more, before what is new."""
    return bodies.Replayed(replaying=await parts.consumers.replay(name, body.positions))


@router.post("/api/consumer/release", status_code=204, dependencies=[Depends(json_body)])
async def release(parts: Parts, name: ConsumerName, body: bodies.Release) -> None:
    """Give the lease up, so that another reader need not wait until it runs out."""
    await asyncio.to_thread(parts.consumers.kept.release, name, body.lease)
