"""Who the server takes the sender of a request for: what a page must know to speak as the person who reads it."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, Field

import keepboth.api.reading as reading
from keepboth.api.requests import SESSION_PATTERN, Caller, Parts, SomeName, caller
from keepboth.events import ActorKind

router = APIRouter(tags=["people"])


class Me(BaseModel):
    """Whom this sender's decisions are recorded for."""

    actor: str | None = Field(description="null for a guest who names no session: each request is somebody else then")
    kind: ActorKind
    name: str | None = Field(description="as the hook says, else the newest that the actor gave in `document`")
    identified: bool = Field(description="whether the server's `identify` hook knows who this is")
    session: str | None


@router.get("/api/me")
async def get_me(
    parts: Parts,
    asked_by: Annotated[Caller, Depends(caller)],
    document: SomeName,
    session: Annotated[
        str | None,
        Query(pattern=SESSION_PATTERN, description="the sender's editing session, as in `hello`"),
    ] = None,
) -> Me:
    """Who is asking: the actor of the ``identify`` hook, or the guest of ``session``. Records nothing."""
    known = asked_by.actor
    if known is not None:
        actor, kind, name = known.id, known.kind, known.name
    else:
        actor, kind, name = None if session is None else f"guest:{session}", "anonymous", None
    if name is None and actor is not None and document is not None:
        names = await asyncio.to_thread(reading.names_of, parts.store, document, {actor})
        name = names.get(actor)
    return Me(actor=actor, kind=kind, name=name, identified=known is not None, session=session)
