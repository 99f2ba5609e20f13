"""Documents and the decisions about them: create, rename, archive, restore, approve."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Response

import keepboth.api.models as models
import keepboth.api.reading as reading
from keepboth.api.conflicts import stored_or_caught_up
from keepboth.api.content import content_client, content_event_id, content_update
from keepboth.api.requests import From, Name, Parts, address, id_of, json_body, link_header
from keepboth.api.services import Services
from keepboth.cloudevents import rfc3339
from keepboth.decider.documents import (
    Approve,
    Archive,
    Create,
    DecidedEvent,
    DocumentCommand,
    DocumentState,
    Rename,
    Restore,
    decide,
    fold_state,
)
from keepboth.errors import ConditionFailed, InvalidRequest, NotFound
from keepboth.events import (
    CONTENT_YJS_UPDATE,
    DOCUMENT_ARCHIVED,
    DOCUMENT_RESTORED,
    EDIT_RECORDED,
    NOTHING_SEEN,
    Draft,
    EventId,
    Micros,
    check_document_name,
    id_text,
)
from keepboth.store.base import Append, DocumentRow, EventStore
from keepboth.store.conflict_log import Wanted

router = APIRouter(tags=["documents"])


PAGE = 500
"""Documents that are read at once in a search."""

CATCH_UP_S = 0.3
"""An answer about a document waits at most this long for its number of collisions."""


def _summary(row: DocumentRow, state: DocumentState) -> models.DocumentSummary:
    return models.DocumentSummary(
        document=row.document,
        title=state.title,
        archived=state.archived,
        revision=row.revision,
        edits=row.edits,
        created_at=rfc3339(row.created_at),
        updated_at=rfc3339(row.updated_at),
    )


@router.get("/api/documents")
async def list_documents(
    parts: Parts,
    response: Response,
    after: Annotated[str, Query(description="where the page before ended: see `next`; by name, the last one")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    contains: Annotated[str, Query(description="only those with this text in their name or title, in any case")] = "",
    sort: Annotated[Literal["name", "newest"], Query(description="by name, or by their last event")] = "name",
) -> models.DocumentList:
    """Documents by name (in the order of code points), or those with the newest event first."""

    fits = parts.titles.matching(contains)
    size = PAGE if contains else limit + 1

    def read() -> tuple[list[DocumentRow], list[dict[str, Any]]]:
        if sort == "name":
            rows = list(islice(_by_name(parts.store, after, fits, size), limit + 1))
        else:
            rows = list(islice(_by_newest(parts.store, _place(after), fits, size), limit + 1))
        return rows, [_listed(parts, row) for row in rows[:limit]]

    rows, listed = await asyncio.to_thread(read)
    found = [models.ListedDocument(**one, present=_present(parts, one["document"])) for one in listed]
    following = None
    if len(rows) > limit:
        last = rows[limit - 1]
        ended = last.document if sort == "name" else f"{last.updated_at} {last.document}"
        following = address("/api/documents", {"after": ended, "limit": limit, "contains": contains, "sort": sort})
    response.headers.update(link_header(following))
    return models.DocumentList(documents=found, next=following)


def _by_name(store: EventStore, after: str, fits: Callable[[DocumentRow], bool], size: int) -> Iterator[DocumentRow]:
    while page := store.documents(after=after, limit=size):
        yield from filter(fits, page)
        after = page[-1].document


def _by_newest(
    store: EventStore, before: tuple[Micros, str] | None, fits: Callable[[DocumentRow], bool], size: int
) -> Iterator[DocumentRow]:
    while page := store.newest_documents(before=before, limit=size):
        yield from filter(fits, page)
        before = page[-1].updated_at, page[-1].document


def _listed(parts: Services, row: DocumentRow) -> dict[str, Any]:
    counts = parts.conflicts.counts(Wanted(row.document, hidden=False), documents=0)
    return {**_summary(row, reading.state_of(parts.store, row)).model_dump(), "open": counts.total}


def _present(parts: Services, document: str) -> list[models.Present]:
    return [models.Present(name=who.name, color=who.color) for who in parts.hub.present(document)]


def _place(after: str) -> tuple[int, str] | None:
    """Where a page of the newest documents ended: microseconds and a name. Raises InvalidRequest."""
    if not after:
        return None
    at, space, name = after.partition(" ")
    if not (space and at.isascii() and at.isdigit() and len(at) <= 18):
        raise InvalidRequest("`after` does not come from a page of the newest documents", field="after")
    return int(at), name


@router.get("/api/document")
async def get_document(parts: Parts, document: Name, response: Response) -> models.Document:
    """One document: what decisions made of it, how far it has come, how many collisions its conflict log shows."""

    row = await asyncio.to_thread(reading.document_row, parts.store, document)
    known = await stored_or_caught_up(parts, row, CATCH_UP_S)

    def read() -> models.Document:
        state = reading.state_of(parts.store, row)
        count = parts.conflicts.count(document)
        return models.Document(
            **_summary(row, state).model_dump(),
            hash=row.document_hash.hex(),
            approved_at=state.approved_at,
            approved_by=state.approved_by,
            conflicts=models.ConflictSummary(count=count, known_revision=known.known, complete=known.complete),
        )

    response.headers["KeepBoth-Revision"] = str(row.revision)
    return await asyncio.to_thread(read)


def canonical_json(value: Any) -> bytes:
    """*value* as JSON that is the same for equal values: sorted keys, no spaces. Raises InvalidRequest."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(f"the data cannot be written as JSON: {error}") from None


def _draft(decided: DecidedEvent, event_id: EventId, who: From) -> Draft:
    return Draft(
        decided.type, event_id, canonical_json(decided.payload), actor=who.id, actor_kind=who.kind, session=who.session
    )


@router.post("/api/documents", status_code=201, dependencies=[Depends(json_body)])
async def create_document(
    parts: Parts, who: From, body: models.CreateDocument, response: Response
) -> models.ReceiptBody:
    """Create a document, with its first text if ``content`` is given: both in one transaction.

    409 if it exists. With an ``id``, a repeat is answered with the original receipt (status 200).
    """
    name = check_document_name(body.document)
    event_id = id_of(body.id) or parts.new_id()
    command = Create(body.title, tuple(sorted(body.content.items())))
    decided = decide(command, DocumentState())
    drafts = [_draft(decided, event_id, who)]
    update = content_update(body.content, event_id)
    if update is not None:
        drafts.append(
            Draft(
                EDIT_RECORDED,
                content_event_id(event_id),
                update,
                actor=who.id,
                actor_kind=who.kind,
                content_type=CONTENT_YJS_UPDATE,
                session=who.session or f"http:{who.id}",
                clients=(content_client(event_id),),
                context=NOTHING_SEEN,
                context_source="declared",
                causation_id=id_text(event_id),
            )
        )
    drafts += await parts.introduce(name, who, who.session, event_id)  # behind what makes the document
    item = Append(name, drafts, condition=decided.condition, check_ids=True)
    return await _record(parts, item, response)


async def _record(parts: Services, item: Append, response: Response, at: int = 0) -> models.ReceiptBody:
    """Record *item*; the receipt of its draft *at* is the answer."""
    receipt = (await parts.hub.append(item)).receipts[at]
    response.status_code = 200 if receipt.status == "duplicate" else 201
    return models.receipt_fields(item.document, receipt, rfc3339(receipt.recorded_at))


@router.post("/api/decisions", status_code=201, dependencies=[Depends(json_body)])
async def decide_on_document(
    parts: Parts, who: From, document: Name, body: models.Decision, response: Response
) -> models.ReceiptBody:
    """Rename, archive, restore or approve a document, provided the world has not moved on.

    ``seen`` is the revision that the decision was made at (the newest if it is left out): 409 with the decisions that
    came after it. An approval is for the text at revision ``at``: 409 with the edits that came after it. A repeat with
    the same ``id`` is answered with the original receipt (status 200).
    """
    command = _command(body)
    seen = None if isinstance(body, models.ApproveDecision) else body.seen
    drafted = await asyncio.to_thread(_prepare, parts.store, document, command, seen, body.id.bytes)
    introduced = await parts.introduce(document, who, who.session, body.id.bytes)
    drafts = [*introduced, _draft(drafted, body.id.bytes, who)]
    item = Append(document, drafts, condition=drafted.condition, check_ids=True)
    return await _record(parts, item, response, len(introduced))


def _command(body: models.Decision) -> DocumentCommand:
    match body:
        case models.RenameDecision(title=title):
            return Rename(title)
        case models.ArchiveDecision():
            return Archive()
        case models.RestoreDecision():
            return Restore()
        case _:
            return Approve(body.at)


def _prepare(
    store: EventStore, document: str, command: DocumentCommand, seen: int | None, event_id: EventId
) -> DecidedEvent:
    """Decide on what the caller has seen. A decision that is recorded already goes to the store: it knows repeats."""
    row = reading.document_row(store, document)
    until = row.revision if seen is None else seen
    named = command.at if isinstance(command, Approve) else until
    if named > row.revision:
        raise NotFound(f"the document has no revision {named} yet", revision=row.revision)
    past = reading.decisions(store, document, until)
    if store.get(event_id) is not None:
        return decide(command, DocumentState(exists=True, archived=isinstance(command, Restore)))
    try:
        return decide(command, fold_state(past) if past else DocumentState(exists=True))
    except ConditionFailed as error:
        ended = [event for event in past if event.type in (DOCUMENT_ARCHIVED, DOCUMENT_RESTORED)]
        raise ConditionFailed(error.detail, tuple(ended[-1:]), document=document, revision=row.revision) from None
