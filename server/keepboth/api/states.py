"""What a document says, now or at any revision."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Query, Response

import keepboth.api.models as models
import keepboth.api.reading as reading
from keepboth.api.requests import Name, Parts
from keepboth.errors import NotFound
from keepboth.events import CONTENT_YJS_UPDATE
from keepboth.store.hashing import GENESIS

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
    response: Response,
    at: Annotated[int | None, Query(ge=0, le=models.MAX_INT, description="a revision; the newest if left out")] = None,
    form: Annotated[Literal["json", "text", "update"], Query(alias="as")] = "json",
    root: Annotated[str | None, Query(description="one root; needed for text if there are several")] = None,
    if_none_match: Annotated[str | None, Header()] = None,
) -> models.State | Response:
    """The document at revision *at*: its roots as JSON, one root's text, or everything as a Yjs update (v1).

    ``KeepBoth-Revision`` says which revision it is, ``ETag`` is the document's chain hash there, ``KeepBoth-Pending``
    and ``KeepBoth-Quarantined`` count edits that do not show.
    """

    def find() -> tuple[int, bytes]:
        row = reading.document_row(parts.store, document)
        revision = row.revision if at is None else at
        if revision == row.revision:
            return revision, row.document_hash
        found = parts.store.hash_at(document, revision) if revision else GENESIS
        if found is None:
            raise NotFound(f"the document has no revision {revision}", document=document, revision=row.revision)
        return revision, found

    revision, digest = await asyncio.to_thread(find)
    tag = f'"{digest.hex()}"'
    headers = {"ETag": tag, "KeepBoth-Revision": str(revision)}
    if if_none_match is not None and _names(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    rendered = await asyncio.to_thread(reading.render, parts.store, document, revision, form, root)
    headers["KeepBoth-Pending"] = str(rendered.pending)
    headers["KeepBoth-Quarantined"] = str(rendered.quarantined)
    if form == "text":
        return Response(rendered.value.encode("utf-8", "replace"), headers=headers, media_type="text/plain")
    if form == "update":
        return Response(rendered.value, headers=headers, media_type=CONTENT_YJS_UPDATE)
    response.headers.update(headers)
    return models.State(
        document=document,
        revision=revision,
        hash=digest.hex(),
        pending=rendered.pending,
        quarantined=rendered.quarantined,
        roots={name: models.Root(**value) for name, value in rendered.value.items()},
    )


def _names(if_none_match: str, tag: str) -> bool:
    tags = [one.strip().removeprefix("W/") for one in if_none_match.split(",")]
    return "*" in tags or tag in tags
