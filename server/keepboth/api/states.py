"""What a document says, now or at any moment."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response

import keepboth.api.models as models
from keepboth.api.moments import Moment, cut_headers
from keepboth.api.requests import Name, Parts
from keepboth.events import CONTENT_YJS_UPDATE
from keepboth.history.cuts import select
from keepboth.history.rendering import Form, render

router = APIRouter(tags=["states"])


@router.get(
    "/api/state",
    response_model=models.State,
    responses={
        200: {
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                CONTENT_YJS_UPDATE: {"schema": {"type": "string", "format": "binary"}},
            }
        },
        304: {"description": "If-None-Match names this state"},
    },
)
async def get_state(
    parts: Parts,
    document: Name,
    moment: Moment,
    response: Response,
    form: Annotated[Form, Query(alias="as")] = "json",
    root: Annotated[str | None, Query(description="one root; needed for text if there are several")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> models.State | Response:
    """The document at a moment: its roots as JSON, one root's text, or everything as a Yjs update (v1).

    ``KeepBoth-Cut`` is a token that asks for the same again, ``KeepBoth-Revision`` the last revision that shows,
    ``ETag`` the document's chain hash there, ``KeepBoth-Pending`` and ``KeepBoth-Quarantined`` count edits that do not
    show, ``KeepBoth-Added`` edits taken in only because the author of another had seen them.
    """
    selection = await asyncio.to_thread(select, parts.store, document, moment, parts.desk.chronicles.at_least)
    tag = f'"{selection.document_hash.hex() if selection.is_prefix else selection.token}"'
    headers = {"ETag": tag, **cut_headers(selection)}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    rendered = await parts.desk.read(document, lambda: render(parts.desk.folding, selection, form, root))
    headers["KeepBoth-Pending"] = str(rendered.pending)
    headers["KeepBoth-Quarantined"] = str(rendered.quarantined)
    if form == "text":
        return Response(rendered.value.encode("utf-8", "replace"), headers=headers, media_type="text/plain")
    if form == "update":
        return Response(rendered.value, headers=headers, media_type=CONTENT_YJS_UPDATE)
    response.headers.update(headers)
    return models.State(
        document=document,
        revision=selection.revision,
        hash=selection.document_hash.hex(),
        cut=selection.token,
        pending=rendered.pending,
        quarantined=rendered.quarantined,
        roots={name: models.Root(**value) for name, value in rendered.value.items()},
    )


def _names(if_none_match: str, tag: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in tags or tag in tags
