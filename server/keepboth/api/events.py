"""The log over HTTP: read it, append to it, ask whether a condition holds."""

from __future__ import annotations

import asyncio
import binascii
from base64 import b64decode
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import ValidationError

import keepboth.api.models as models
import keepboth.api.reading as reading
from keepboth.api.documents import canonical_json
from keepboth.api.requests import (
    Author,
    From,
    Name,
    Parts,
    SomeName,
    address,
    content_type,
    id_of,
    json_body,
    link_header,
)
from keepboth.cloudevents import BATCH, SINGLE, cloud_event, cloud_events, json_bytes, rfc3339
from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import (
    CONTENT_YJS_UPDATE,
    DOCUMENT_CREATED,
    OWN_TYPE_PREFIXES,
    Draft,
    Event,
    Receipt,
    id_from_text,
)
from keepboth.exchange.foreign import import_id
from keepboth.store.base import Append, EventStore

router = APIRouter(tags=["events"])

MAX_LIMIT = 1000
CHUNK = 100
MAX_PAGE_BYTES = 16 * 1024 * 1024
"""A page ends early when its payloads pass this: its ``next`` link goes on from there."""

RAW_TYPES = frozenset({CONTENT_YJS_UPDATE, "application/octet-stream"})


class Cut(NamedTuple):
    """Which events a page is about: those of a document (revisions) or of the whole log (positions)."""

    document: str | None
    after: int
    until: int
    types: list[str]
    actors: list[str]
    reverse: bool
    limit: int

    def place(self, event: Event) -> int:
        return event.position if self.document is None else event.revision


def _read_page(store: EventStore, cut: Cut) -> tuple[list[Event], bool]:
    """The events of one page, and whether there are more."""
    events: list[Event] = []
    after, until, size = cut.after, cut.until, 0
    while True:
        wanted = min(CHUNK, cut.limit + 1 - len(events))
        chunk = store.read(
            cut.document,
            after=after,
            until=until,
            types=cut.types,
            actors=cut.actors,
            reverse=cut.reverse,
            limit=wanted,
        )
        for event in chunk:
            if len(events) == cut.limit or (events and size > MAX_PAGE_BYTES):
                return events, True
            events.append(event)
            size += event.payload_len
        if len(chunk) < wanted:
            return events, False
        if cut.reverse:
            until = cut.place(chunk[-1]) - 1
        else:
            after = cut.place(chunk[-1])


@router.get(
    "/api/events",
    response_class=Response,
    responses={200: {"model": list[models.CloudEvent], "content": {BATCH: {}}}},
)
async def list_events(
    parts: Parts,
    document: SomeName,
    after: Annotated[int, Query(ge=0, le=models.MAX_INT, description="exclusive: a revision or a position")] = 0,
    until: Annotated[int | None, Query(ge=0, le=models.MAX_INT, description="inclusive")] = None,
    types: Annotated[list[str], Query(description="only these types; repeat it for several")] = [],  # noqa: B006
    actors: Annotated[list[str], Query(description="only by these actors")] = [],  # noqa: B006
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 100,
    reverse: Annotated[bool, Query(description="the newest first")] = False,
) -> Response:
    """Events as a CloudEvents batch. ``after`` and ``until`` are revisions of *document*, or positions without one.

    The answer is for the log as it was when asked: ``KeepBoth-Revision`` (or ``KeepBoth-Position``) says up to where,
    and the ``next`` links keep to it, however much is written meanwhile. To go on later, ask ``after`` that number.
    """

    def read() -> tuple[list[Event], bool, int, Cut]:
        store = parts.store
        head = store.head().position if document is None else reading.document_row(store, document).revision
        cut = Cut(document, after, head if until is None else min(until, head), types, actors, reverse, limit)
        events, more = _read_page(store, cut) if after < cut.until else ([], False)
        return events, more, head, cut

    events, more, head, cut = await asyncio.to_thread(read)
    headers = {"KeepBoth-Position" if document is None else "KeepBoth-Revision": str(head)}
    if more:
        last = cut.place(events[-1])
        bounds = {"after": after, "until": last - 1} if reverse else {"after": last, "until": cut.until}
        rest = {"types": types, "actors": actors, "limit": limit, "reverse": reverse or None}
        headers.update(link_header(address("/api/events", {"document": document, **bounds, **rest})))
    body = await asyncio.to_thread(lambda: json_bytes(cloud_events(events, parts.store.store_id)))
    return Response(body, headers=headers, media_type=BATCH)


@router.get(
    "/api/event", response_class=Response, responses={200: {"model": models.CloudEvent, "content": {SINGLE: {}}}}
)
async def get_event(parts: Parts, id: Annotated[str, Query(description="a UUID")]) -> Response:
    """One event by its id."""
    event = await asyncio.to_thread(parts.store.get, id_from_text(id))
    if event is None:
        raise NotFound("there is no such event", id=id)
    return Response(json_bytes(cloud_event(event, parts.store.store_id)), media_type=SINGLE)


@router.post("/api/events", status_code=201, dependencies=[Depends(json_body)])
async def append_event(
    parts: Parts, who: From, document: Name, body: models.OwnEvent, response: Response
) -> models.ReceiptBody:
    """Record an application's own event, if its condition holds. A repeat with the same id and content is answered
    with the original receipt (status 200), whatever has happened since.

    The first event of an unknown document creates it: use the condition ``document_exists`` to prevent that.
    """
    if body.type.lower().startswith(OWN_TYPE_PREFIXES):
        raise InvalidRequest(
            f"{body.type!r} starts with a prefix that is KeepBoth's own", field="type", prefixes=list(OWN_TYPE_PREFIXES)
        )
    draft = Draft(
        body.type,
        body.id.bytes,
        canonical_json(body.data),
        actor=who.id,
        actor_kind=who.kind,
        session=who.session,
        correlation_id=body.correlation_id,
        causation_id=body.causation_id,
    )
    create = Draft(DOCUMENT_CREATED, parts.new_id(), b'{"title":null}', actor=who.id, actor_kind=who.kind)
    condition = body.condition.condition() if body.condition is not None else None
    drafts = [*await parts.introduce(document, who, who.session, draft.id), draft]
    item = Append(document, drafts, condition=condition, create=create, check_ids=True)
    receipt = (await parts.hub.append(item)).receipts[-1]
    response.status_code = 200 if receipt.status == "duplicate" else 201
    return models.receipt_fields(document, receipt, rfc3339(receipt.recorded_at))


class Edit(NamedTuple):
    """An edit as it was sent, in either form."""

    update: bytes
    id: UUID | None
    seen: int | None
    correlation_id: str | None
    causation_id: str | None


Label = Annotated[str | None, Query(max_length=200)]


async def sent_edit(
    request: Request,
    id: Annotated[UUID | None, Query(description="names the edit: repeating it is safe")] = None,
    seen: Annotated[int | None, Query(ge=0, le=models.MAX_INT, description="the revision its author had")] = None,
    correlation_id: Label = None,
    causation_id: Label = None,
) -> Edit:
    """The edit of the request: bytes with the rest in the query, or all of it in JSON. Raises InvalidRequest."""
    kind = content_type(request)
    if kind in RAW_TYPES:
        edit = Edit(await request.body(), id, seen, correlation_id, causation_id)
    elif kind == "application/json":
        try:
            sent = models.EditBody.model_validate_json(await request.body())
            update = b64decode(sent.update, validate=True)
        except ValidationError as error:
            what = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()[:3])
            raise InvalidRequest(what) from None
        except (binascii.Error, ValueError):
            raise InvalidRequest("the update is not base64", field="update") from None
        edit = Edit(
            update,
            sent.id or id,
            seen if sent.seen is None else sent.seen,
            sent.correlation_id or correlation_id,
            sent.causation_id or causation_id,
        )
    else:
        raise InvalidRequest(
            f"the body must be sent as {CONTENT_YJS_UPDATE} or as application/json", field="content-type"
        )
    if not edit.update:
        raise InvalidRequest("there is no update in the body", field="update")
    return edit


_UPDATE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            CONTENT_YJS_UPDATE: {"schema": {"type": "string", "format": "binary"}},
            "application/json": {"schema": models.EditBody.model_json_schema()},
        },
    }
}


@router.post(
    "/api/import",
    status_code=201,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {CONTENT_YJS_UPDATE: {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
async def import_update(
    parts: Parts, who: From, document: Name, request: Request, response: Response
) -> models.EditReceipts:
    """Record a Yjs update (v1) from elsewhere, whoever wrote it, as one event of the kind ``import``.

    The event's id follows from the document and the bytes, so that a repeat is a duplicate.
    """
    if content_type(request) not in RAW_TYPES:
        raise InvalidRequest(f"the body must be sent as {CONTENT_YJS_UPDATE}", field="content-type")
    update = await request.body()
    receipts = await parts.hub.append_edit(
        document,
        update,
        actor=Author(who.id, "import", None if who.kind == "anonymous" else who.name, None),
        event_id=import_id(document, update),
        session=f"import:{who.id}",
        whole=True,
    )
    return _edit_receipts(document, receipts, response)


@router.post("/api/edits", status_code=201, openapi_extra=_UPDATE_BODY)
async def append_edit(
    parts: Parts, who: From, document: Name, edit: Annotated[Edit, Depends(sent_edit)], response: Response
) -> models.EditReceipts:
    """Record a Yjs update (v1) and relay it to everybody who has the document open. Nothing is refused because of what
    others wrote.

    With an ``id``, a repeat is answered with the original receipt; without one, content that is known is a duplicate.
    """
    receipts = await parts.hub.append_edit(
        document,
        edit.update,
        actor=who,
        event_id=id_of(edit.id),
        seen=edit.seen,
        session=who.session,
        causation_id=edit.causation_id,
        correlation_id=edit.correlation_id,
    )
    return _edit_receipts(document, receipts, response)


def _edit_receipts(document: str, receipts: Sequence[Receipt], response: Response) -> models.EditReceipts:
    news = [receipt for receipt in receipts if receipt.status != "duplicate"]
    response.status_code = 201 if news else 200
    return models.EditReceipts(
        document=document,
        status=news[0].status if news else "duplicate",
        receipts=[models.receipt_fields(document, receipt, rfc3339(receipt.recorded_at)) for receipt in receipts],
    )


@router.post("/api/peek", dependencies=[Depends(json_body)])
async def peek(parts: Parts, document: Name, body: models.ConditionBody) -> models.Peeked:
    """Say whether a condition holds now, and which events make it false. Writes nothing."""

    def look() -> models.Peeked:
        row = parts.store.document(document)
        events = parts.store.peek(document, body.condition())
        return models.Peeked(
            document=document,
            revision=0 if row is None else row.revision,
            holds=events is None,
            events=[models.CloudEvent(**one) for one in cloud_events(events or (), parts.store.store_id)],
        )

    return await asyncio.to_thread(look)
