"""The log, or one document's stream, as an archive that another store can take in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Query, Response
from fastapi.responses import StreamingResponse

import keepboth.api.models as models
from keepboth.api.requests import Parts, SomeName
from keepboth.exchange.archive import archive, header_of
from keepboth.exchange.lines import MEDIA_TYPE, lines

router = APIRouter(tags=["export"])

CHUNK_BYTES = 64 * 1024


@router.get(
    "/api/export",
    response_class=Response,
    responses={200: {"content": {MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}}},
)
async def export(
    parts: Parts,
    document: SomeName,
    after: Annotated[
        int, Query(ge=0, le=models.MAX_INT, description="only what came after this position, or revision of *document*")
    ] = 0,
    until: Annotated[
        int | None, Query(ge=0, le=models.MAX_INT, description="inclusive; all there is if left out")
    ] = None,
) -> Response:
    """Every event with everything that its hash is made of, as NDJSON: `keepboth import` makes the same log of it.

    The last line is of the type ``dev.keepboth.archive.end``: without it the answer was cut short. What is recorded
    meanwhile is not in it; ask again with ``after``.
    """
    header = await asyncio.to_thread(header_of, parts.store, document, after=after, until=until)
    end = {"KeepBoth-Position" if document is None else "KeepBoth-Revision": str(header.until)}
    body = _chunks(lines(archive(parts.store, header)))
    return StreamingResponse(body, headers={**end, "KeepBoth-Hash": header.digest.hex()}, media_type=MEDIA_TYPE)


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= CHUNK_BYTES:
            yield bytes(held)
            held.clear()
    yield bytes(held)
