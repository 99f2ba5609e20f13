"""Acting on a conflict over HTTP: what each choice leads to, and making one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, Field

import keepboth.api.models as models
import keepboth.api.reading as reading
from keepboth.api.requests import From, Parts, SomeName, id_of, json_body
from keepboth.api.services import ActedOn, Services
from keepboth.cloudevents import rfc3339
from keepboth.conflicts.choices import Preview, Wish
from keepboth.conflicts.versions import SideKey
from keepboth.decider.conflicts import Decision
from keepboth.events import id_text

router = APIRouter(tags=["conflicts"])

Choice = Literal["leave", "use", "both", "write", "restore", "remove"]
ConflictId = Annotated[str, Field(max_length=200, description="the entry's id, old or new")]


class ChoiceSide(BaseModel):
    """Whose version a choice takes."""

    actor: str
    session: str | None = Field(description="only where one person's devices collided")
    name: str | None


class TextPart(BaseModel):
    """A stretch of the resulting text. ``kept``: not of the chosen version, but typed by somebody who had no part."""

    text: str
    kept: bool


class ChoicePreview(BaseModel):
    """One choice as the text it leads to: ``before`` and ``after`` are what stands around it, 200 characters each."""

    choice: Choice
    sides: list[ChoiceSide] = Field(description="for `use`: whose version; several if they wrote the same")
    text: str
    parts: list[TextPart]
    before: str
    after: str
    formats: list[tuple[str, str]] = Field(description="formats in dispute that are found there then: key, JSON value")
    adds: str
    removes: str
    changes: bool = Field(description="false: the document says this already")


class ResolutionBody(BaseModel):
    """The resolution in force."""

    id: str
    revision: int
    actor: str
    name: str | None
    recorded_at: str
    choice: Choice | None


class ConflictChoices(BaseModel):
    """What can be done about one entry. ``revision`` is what the previews are for: send it with the choice."""

    id: str
    document: str
    revision: int
    status: Literal["open", "settled", "resolved"]
    resolution: ResolutionBody | None
    choices: list[ChoicePreview]


class ConflictAction(models.Strict):
    """Which entry. ``event_id`` names the decision: repeating the request with it is safe."""

    id: ConflictId
    document: str | None = Field(None, description="needed only for an entry that the list does not show yet")
    event_id: UUID | None = None


class ResolveBody(ConflictAction):
    """Make a choice. ``revision`` is that of the preview: 409 `place-changed` if the result is another by now."""

    choice: Choice
    actor: str | None = Field(None, description="for `use`: whose version")
    side_session: str | None = Field(None, description="for `use`, where one person's devices collided: which")
    text: str | None = Field(None, description="for `write`")
    revision: Annotated[int, Field(ge=0, le=models.MAX_INT)] | None = None


class ConflictActed(BaseModel):
    """What was recorded: the decision and, if the text had to change, the edit."""

    id: str = Field(description="the entry's present id")
    document: str
    status: Literal["appended", "duplicate"]
    decision: models.ReceiptBody
    edit: models.ReceiptBody | None
    result: ChoicePreview | None


@router.get("/api/conflict/choices")
async def get_choices(
    parts: Parts,
    document: SomeName,
    response: Response,
    id: Annotated[str, Query(max_length=200, description="an entry's id, old or new")],
    text: Annotated[str | None, Query(description="shows what writing this instead leads to")] = None,
) -> ConflictChoices:
    """What can be done about one entry of the conflict log: each choice with the text that it leads to.

    Opens the document and waits for the engine; 503 `not-known-yet` if that takes too long.
    """
    found = await parts.resolver.choices(id, document, text)
    actors = {side.actor for side in found.episode.sides}
    if found.resolution is not None:
        actors.add(found.resolution.event.actor)
    names = await asyncio.to_thread(reading.names_of, parts.store, found.document, actors)
    response.headers["KeepBoth-Revision"] = str(found.revision)
    return ConflictChoices(
        id=found.episode.id,
        document=found.document,
        revision=found.revision,
        status=found.status,
        resolution=None if found.resolution is None else resolution_body(found.resolution, names),
        choices=[_preview(preview, names) for preview in found.previews],
    )


@router.post("/api/conflict/resolve", status_code=201, dependencies=[Depends(json_body)])
async def resolve(parts: Parts, who: From, body: ResolveBody, response: Response) -> ConflictActed:
    """Resolve a conflict for everybody: the decision, and the edit that brings it about, in one transaction.

    409 `condition-failed` with the winner's event if somebody has resolved it, `place-changed` with the new edits if
    the result is another than at ``revision``. A repeat with the same ``event_id`` is answered with the original
    receipts (status 200).
    """
    side = None if body.actor is None else SideKey(body.actor, body.side_session)
    wish = Wish(body.choice, side, body.text)
    acted = await parts.resolver.resolve(
        body.id,
        wish,
        who,
        document=body.document,
        seen=body.revision,
        event_id=id_of(body.event_id),
        session=who.session,
    )
    return await _acted(parts, acted, response)


@router.post("/api/conflict/reopen", status_code=201, dependencies=[Depends(json_body)])
async def reopen(parts: Parts, who: From, body: ConflictAction, response: Response) -> ConflictActed:
    """Take a resolution back: the conflict is open again, the text stays as it is. 409 if it is not resolved."""
    acted = await parts.resolver.reopen(
        body.id, who, document=body.document, event_id=id_of(body.event_id), session=who.session
    )
    return await _acted(parts, acted, response)


@router.post("/api/conflict/seen", status_code=201, dependencies=[Depends(json_body)])
async def seen(parts: Parts, who: From, body: ConflictAction, response: Response) -> ConflictActed:
    """Note that the sender has looked at a conflict as it is now. The second time nothing is recorded (status 200)."""
    acted = await parts.resolver.mark_seen(
        body.id, who, document=body.document, event_id=id_of(body.event_id), session=who.session
    )
    return await _acted(parts, acted, response)


def resolution_body(decision: Decision, names: dict[str, str]) -> ResolutionBody:
    """A resolution as answers show it."""
    event = decision.event
    return ResolutionBody(
        id=id_text(event.id),
        revision=event.revision,
        actor=event.actor,
        name=names.get(event.actor),
        recorded_at=rfc3339(event.recorded_at),
        choice=decision.choice,
    )


def _preview(preview: Preview, names: dict[str, str]) -> ChoicePreview:
    return ChoicePreview(**{**preview._asdict(), "parts": _dicts(preview.parts), "sides": _sides(preview, names)})


def _dicts(rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [row._asdict() for row in rows]


def _sides(preview: Preview, names: dict[str, str]) -> list[dict[str, Any]]:
    return [{**key._asdict(), "name": names.get(key.actor)} for key in preview.sides]


async def _acted(parts: Services, acted: ActedOn, response: Response) -> ConflictActed:
    receipts = [models.receipt_fields(acted.document, one, rfc3339(one.recorded_at)) for one in acted.receipts]
    again = acted.receipts[0].status == "duplicate"
    response.status_code = 200 if again else 201
    result = None
    if acted.preview is not None:
        actors = {key.actor for key in acted.preview.sides}
        names = await asyncio.to_thread(reading.names_of, parts.store, acted.document, actors)
        result = _preview(acted.preview, names)
    return ConflictActed(
        id=acted.id,
        document=acted.document,
        status="duplicate" if again else "appended",
        decision=receipts[0],
        edit=receipts[1] if len(receipts) > 1 else None,
        result=result,
    )
