"""Where the entries of a document's conflict log lie, in few bytes: for underlines and marks. Nothing is told in words,
and no body is read."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Final

from fastapi import APIRouter, Query, Response

from keepboth.api.conflict_models import ConflictPlaces
from keepboth.api.conflicts import cursor, source
from keepboth.api.filters import Filters
from keepboth.api.requests import Parts, address, link_header
from keepboth.cloudevents import json_bytes
from keepboth.errors import InvalidRequest
from keepboth.store.conflict_log import Placed

router = APIRouter(tags=["conflicts"])

PATH: Final = "/api/conflicts/places"
FIELDS: Final = ("id", "status", "severity", "certain", "hidden", "revision", "last_revision", "anchors")
"""Of `Placed`, in its order, by the names that other answers have."""


@router.get(PATH, response_model=ConflictPlaces)
async def list_places(
    parts: Parts,
    asked: Filters,
    after: Annotated[str, Query(description="where the page before ended: see `next`; or an entry's id")] = "",
    limit: Annotated[int, Query(ge=1, le=5000)] = 2000,
) -> Response:
    """Where the entries of one document that fit all filters lie: a row each, about 100 bytes."""
    document = asked.wanted.document
    if document is None:
        raise InvalidRequest("places are those of one document: say which", field="document")
    conflicts, reached = await source(parts, document, asked.grain)

    def answer() -> Response:
        found = conflicts.places(
            asked.wanted, order=asked.order, mine=asked.view.viewer, after=cursor(conflicts, asked, after), limit=limit
        )
        following = None
        if found.next is not None:
            following = address(PATH, {**asked.query, "after": found.next, "limit": limit})
        body = {
            "fields": FIELDS,
            "places": [_row(one) for one in found.places],
            "count": conflicts.count(document),
            "next": following,
            **reached.fields(),
            "behind": [lag.model_dump() for lag in reached.behind],
        }
        headers = {**link_header(following), **reached.headers()}
        return Response(json_bytes(body), media_type="application/json", headers=headers)

    return await asyncio.to_thread(answer)


def _row(one: Placed) -> tuple[object, ...]:
    return (*one[:-1], json.loads(one.anchors) if one.anchors else None)
