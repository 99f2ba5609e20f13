"""The past of a document: who wrote it, what was deleted, what happened, what is different, moments with a name."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

import keepboth.api.history_models as shapes
import keepboth.api.models as models
from keepboth.api.documents import canonical_json
from keepboth.api.moments import Moment, MomentAfter, MomentBefore, cut_headers, micros
from keepboth.api.reading import names_of
from keepboth.api.requests import From, Name, Parts, address, json_body, link_header
from keepboth.cloudevents import rfc3339
from keepboth.decider.versions import name_version
from keepboth.errors import InvalidRequest
from keepboth.events import VERSION_NAMED, Draft
from keepboth.history.cuts import Cut, Selection, select
from keepboth.store.base import Append

router = APIRouter(tags=["history"])

Gap = Annotated[
    float, Query(ge=0, le=86_400_000, description="a pause of more seconds begins a new entry", alias="gap")
]
Root = Annotated[str | None, Query(description="only this root")]


@router.get("/api/blame")
async def get_blame(
    parts: Parts,
    document: Name,
    moment: Moment,
    response: Response,
    by: Annotated[
        Literal["actor", "event"], Query(description="join neighbouring text of one actor, or not")
    ] = "actor",
    root: Root = None,
    after: Annotated[int, Query(ge=0, le=models.MAX_INT, description="leave out so many spans")] = 0,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 2000,
) -> shapes.Blame:
    """Who brought everything that a document shows at a moment, when, by which event: text in UTF-16 code units, keys,
    elements, attributes and nodes, by root and in document order."""
    selection = await asyncio.to_thread(select, parts.store, document, moment, parts.desk.chronicles.at_least)

    def answer() -> shapes.Blame:
        spans = parts.desk.past.blame(selection, root=root, by=by)
        page = spans[after : after + limit]
        here = {"document": document, "cut": selection.token, "by": by, "root": root, "limit": limit}
        following = address("/api/blame", {**here, "after": after + limit}) if len(spans) > after + limit else None
        actors = {span.actor for span in page}
        return shapes.Blame(
            document=document,
            revision=selection.revision,
            cut=selection.token,
            people=shapes.people(names_of(parts.store, document, actors), actors),
            spans=[shapes.blame_span(span) for span in page],
            next=following,
        )

    body = await parts.desk.ask(document, answer)
    response.headers.update(cut_headers(selection) | link_header(body.next))
    return body


@router.get("/api/deletions")
async def list_deletions(
    parts: Parts,
    document: Name,
    moment: Moment,
    response: Response,
    actor: Annotated[str | None, Query(description="who deleted")] = None,
    since: Annotated[datetime | None, Query(description="deleted then or later (as authored; RFC 3339)")] = None,
    until: Annotated[datetime | None, Query(description="deleted before then")] = None,
    q: Annotated[str, Query(max_length=1000, description="text that occurs in what was deleted, in any case")] = "",
    own: Annotated[bool, Query(description="also what its own author deleted")] = True,
    gap: Gap = 60,
    after: Annotated[int, Query(ge=0, le=models.MAX_INT, description="leave out so many")] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> shapes.Deletions:
    """What had been deleted by a moment: who, when, what it was, who had written it; the newest first."""
    selection = await asyncio.to_thread(select, parts.store, document, moment, parts.desk.chronicles.at_least)
    begin, end = micros(since, "since"), micros(until, "until")

    def answer() -> shapes.Deletions:
        found = parts.desk.past.deletions(
            selection, actor=actor, since=begin, before=end, text=q, own=own, gap_us=round(gap * 1e6)
        )
        page = found[after : after + limit]
        here = {
            "document": document,
            "cut": selection.token,
            "actor": actor,
            "since": None if begin is None else rfc3339(begin),
            "until": None if end is None else rfc3339(end),
            "q": q,
            "own": own,
            "gap": gap,
            "limit": limit,
        }
        following = address("/api/deletions", {**here, "after": after + limit}) if len(found) > after + limit else None
        actors = {actor for one in page for actor in (one.actor, *one.authors)}
        return shapes.Deletions(
            document=document,
            revision=selection.revision,
            cut=selection.token,
            people=shapes.people(names_of(parts.store, document, actors), actors),
            deletions=[shapes.deletion_entry(one) for one in page],
            count=len(found),
            next=following,
        )

    body = await parts.desk.ask(document, answer)
    response.headers.update(cut_headers(selection) | link_header(body.next))
    return body


@router.get("/api/history")
async def get_history(
    parts: Parts,
    document: Name,
    moment: Moment,
    response: Response,
    order: Annotated[Literal["newest", "oldest"], Query(description="which comes first")] = "newest",
    actor: Annotated[str | None, Query(description="only what this actor did")] = None,
    gap: Gap = 60,
    places: Annotated[int, Query(ge=0, le=100, description="how many changed places of each group to tell")] = 3,
    after: Annotated[int | None, Query(ge=0, le=models.MAX_INT, description="the revision to go on from")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> shapes.History:
    """What happened up to a moment: the edits of each session in groups without a long pause, each with what it
    changed word by word; decisions, named versions and an application's own events in between."""
    selection = await asyncio.to_thread(select, parts.store, document, moment, parts.desk.chronicles.at_least)

    def answer() -> shapes.History:
        past = parts.desk.past
        page = past.history(
            selection,
            gap_us=round(gap * 1e6),
            newest_first=order == "newest",
            after=after,
            limit=limit,
            places=places,
            actor=actor,
        )
        lineage = past.lineage(selection)
        entries = [told for entry in page.entries if (told := shapes.history_entry(lineage, entry)) is not None]
        here = {
            "document": document,
            "cut": selection.token,
            "order": order,
            "actor": actor,
            "gap": gap,
            "places": places,
            "limit": limit,
        }
        following = None if page.next is None else address("/api/history", {**here, "after": page.next})
        actors = {entry.actor for entry in entries}
        return shapes.History(
            document=document,
            revision=selection.revision,
            cut=selection.token,
            people=shapes.people(names_of(parts.store, document, actors), actors),
            entries=entries,
            next=following,
        )

    body = await parts.desk.ask(document, answer)
    response.headers.update(cut_headers(selection) | link_header(body.next))
    return body


@router.get("/api/compare")
async def compare(
    parts: Parts,
    document: Name,
    before: MomentBefore,
    after: MomentAfter,
    root: Root = None,
    limit: Annotated[int, Query(ge=1, le=1000, description="at most so many places")] = 200,
) -> shapes.Comparison:
    """What is different from one moment to another, in any order: texts word by word, with whose event inserted or
    deleted each piece; maps, arrays and XML by path. The parameters of a moment, each with ``from_`` or ``to_`` before
    it; ``to_`` left out means now."""

    def both() -> tuple[Selection, Selection]:
        return select(parts.store, document, before), select(parts.store, document, after)

    first, second = await asyncio.to_thread(both)

    def answer() -> shapes.Comparison:
        past = parts.desk.past
        found = past.compare(first, second, root=root)
        lineage = past.lineage(max(first, second, key=lambda one: one.revision))
        changes = [shapes.change_entry(lineage, one) for one in found[:limit]]
        actors = {touch.actor for change in changes for touch in change.touches if touch.actor is not None}
        return shapes.Comparison(
            document=document,
            before_revision=first.revision,
            before_cut=first.token,
            after_revision=second.revision,
            after_cut=second.token,
            people=shapes.people(names_of(parts.store, document, actors), actors),
            changes=changes,
            count=len(found),
        )

    return await parts.desk.ask(document, answer)


@router.get("/api/versions")
async def list_versions(parts: Parts, document: Name, response: Response) -> shapes.Versions:
    """The moments that somebody named, the newest first."""

    def answer() -> tuple[Selection, shapes.Versions]:
        selection = select(parts.store, document)
        found = parts.desk.past.versions(document, selection.revision)
        actors = {one.event.actor for one in found}
        return selection, shapes.Versions(
            document=document,
            people=shapes.people(names_of(parts.store, document, actors), actors),
            versions=[shapes.version_entry(one) for one in found],
        )

    selection, body = await parts.desk.ask(document, answer)
    response.headers.update(cut_headers(selection))
    return body


@router.post("/api/versions", status_code=201, dependencies=[Depends(json_body)])
async def create_version(
    parts: Parts, who: From, document: Name, moment: Moment, body: shapes.NameVersion, response: Response
) -> models.ReceiptBody:
    """Give a moment a name. A name may be given again: then it means what it was given to last. With an ``id``, a
    repeat is answered with the original receipt (status 200)."""
    if body.cut is not None:
        if moment.named:
            raise InvalidRequest("the moment is named twice: by `cut` in the body and in the query", field="cut")
        moment = Cut(token=body.cut)
    event_id = parts.new_id() if body.id is None else body.id.bytes
    known = await asyncio.to_thread(parts.store.get, event_id)
    selection = await asyncio.to_thread(select, parts.store, document, moment, parts.desk.chronicles.at_least)
    token = selection.token
    if known is not None and known.type == VERSION_NAMED and known.document == document and not moment.named:
        token = json.loads(known.payload or b"{}").get("token", token)  # a repeat means the now of the first time
    decided = name_version(body.name, token)
    payload = canonical_json(decided.payload)
    draft = Draft(decided.type, event_id, payload, actor=who.id, actor_kind=who.kind, session=who.session)
    drafts = [*await parts.introduce(document, who, who.session, event_id), draft]
    appended = await parts.hub.append(Append(document, drafts, condition=decided.condition, check_ids=True))
    receipt = appended.receipts[-1]
    response.status_code = 200 if receipt.status == "duplicate" else 201
    response.headers.update(cut_headers(selection))
    return models.receipt_fields(document, receipt, rfc3339(receipt.recorded_at))
