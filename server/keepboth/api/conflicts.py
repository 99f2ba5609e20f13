"""The conflict log over HTTP. While the engine is behind, an answer never says that there is nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from time import monotonic
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Query, Response

import keepboth.api.models as models
import keepboth.api.reading as reading
from keepboth.api.requests import Parts, SomeName, address, link_header
from keepboth.api.services import Services
from keepboth.cloudevents import rfc3339
from keepboth.errors import NotFound
from keepboth.events import compress_ranges, id_text
from keepboth.store.base import DocumentRow, StoredEpisode

router = APIRouter(tags=["conflicts"])

CATCH_UP_S = 1.0
"""An answer about one document waits at most this long for the engine."""

SURVEY_S = 1.5
"""An answer about all documents spends at most this long on finding out which of them are not known yet."""

MAX_BEHIND = 20
MAX_EVENTS = 200


class Known(NamedTuple):
    """How far the conflicts of a document are known, against where it is."""

    known: int
    head: int
    complete: bool


async def catch_up(parts: Services, row: DocumentRow, timeout_s: float) -> Known:
    """Let the engine look at the document up to *row*, for at most about *timeout_s*.

    Only what it says to have reached, or what is stored, counts: entries that are found and not stored yet would be
    missing from a list.
    """
    if await parts.detector.catch_up(row.document, timeout_s) >= row.revision:
        return Known(row.revision, row.revision, True)
    known, complete = await asyncio.to_thread(reading.known_from_projection, parts.store, parts.conflicts, row)
    return Known(known, row.revision, complete)


async def stored_or_caught_up(parts: Services, row: DocumentRow, timeout_s: float) -> Known:
    """What the projection says, if that reaches the last edit already; else as :func:`catch_up`."""
    known, complete = await asyncio.to_thread(reading.known_from_projection, parts.store, parts.conflicts, row)
    if complete or timeout_s <= 0:
        return Known(known, row.revision, complete)
    return await catch_up(parts, row, timeout_s)


def _lagging(parts: Services, after: str, limit: int) -> tuple[list[tuple[DocumentRow, int]], str]:
    """Among *limit* documents: those whose stored conflicts do not reach their last edit; the last name looked at."""
    rows = parts.store.documents(after=after, limit=limit)
    found: list[tuple[DocumentRow, int]] = []
    for row in rows:
        known, complete = reading.known_from_projection(parts.store, parts.conflicts, row)
        if not complete:
            found.append((row, known))
    return found, rows[-1].document if rows else ""


async def _survey(parts: Services) -> tuple[list[models.Lag], bool]:
    """Documents that the engine is behind in, after it had a moment to catch up; and whether all were looked at."""
    until = monotonic() + SURVEY_S
    behind: list[models.Lag] = []
    after = ""
    while monotonic() < until and len(behind) < MAX_BEHIND:
        lagging, last = await asyncio.to_thread(_lagging, parts, after, 200)
        for row, stored in lagging:
            left = until - monotonic()
            known = await catch_up(parts, row, left / 2) if left > 0.01 else Known(stored, row.revision, False)
            if not known.complete:
                behind.append(models.Lag(document=row.document, known_revision=known.known, revision=row.revision))
        if not last:
            return behind[:MAX_BEHIND], True
        after = last
    return behind[:MAX_BEHIND], False


def _conflict(episode: StoredEpisode, names: dict[str, str]) -> models.Conflict:
    body: dict[str, Any] = json.loads(episode.body)
    for side in body["sides"]:
        side["name"] = names.get(side["actor"])
    return models.Conflict(**{**body, "document": episode.document})


def _conflicts(parts: Services, episodes: Sequence[StoredEpisode]) -> list[models.Conflict]:
    """Stored entries as answers, with the names that people gave in each document."""
    actors: dict[str, set[str]] = {}
    for episode in episodes:
        actors.setdefault(episode.document, set()).update(episode.actors)
    names = {document: reading.names_of(parts.store, document, wanted) for document, wanted in actors.items()}
    return [_conflict(episode, names[episode.document]) for episode in episodes]


@router.get("/api/conflicts")
async def list_conflicts(
    parts: Parts,
    document: SomeName,
    response: Response,
    after: Annotated[str, Query(description="the id of the last entry of the page before")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    certain: Annotated[bool | None, Query(description="only certain (or only possible) collisions")] = None,
) -> models.ConflictList:
    """The conflict log by document and revision."""
    known: Known | None = None
    behind: list[models.Lag] = []
    if document is None:
        behind, complete = await _survey(parts)
        complete = complete and not behind
    else:
        row = await asyncio.to_thread(reading.document_row, parts.store, document)
        known = await stored_or_caught_up(parts, row, CATCH_UP_S)
        complete = known.complete
        if not complete:
            behind = [models.Lag(document=document, known_revision=known.known, revision=known.head)]

    def read() -> tuple[list[models.Conflict], bool, int]:
        found = parts.conflicts.list(document, after=after, limit=limit + 1, certain=certain)
        return _conflicts(parts, found[:limit]), len(found) > limit, parts.conflicts.count(document)

    found, more, count = await asyncio.to_thread(read)
    following = None
    if more:
        here = {"document": document, "after": found[-1].id, "limit": limit, "certain": certain}
        following = address("/api/conflicts", here)
    response.headers.update(link_header(following))
    if known is not None:
        response.headers["KeepBoth-Revision"] = str(known.known)
    return models.ConflictList(
        conflicts=found,
        count=count,
        complete=complete,
        behind=behind,
        known_revision=None if known is None else known.known,
        revision=None if known is None else known.head,
        next=following,
    )


@router.get("/api/conflict")
async def get_conflict(
    parts: Parts, response: Response, id: Annotated[str, Query(max_length=200, description="an entry's id, old or new")]
) -> models.ConflictDetail:
    """One entry of the conflict log with the edits that met in it. The id of an entry that became part of another leads
    there."""
    episode = await asyncio.to_thread(parts.conflicts.get, id)
    if episode is None:
        raise NotFound("there is no such conflict", id=id)
    row = await asyncio.to_thread(reading.document_row, parts.store, episode.document)
    known = await stored_or_caught_up(parts, row, CATCH_UP_S)
    response.headers["KeepBoth-Revision"] = str(known.known)
    return await asyncio.to_thread(_detail, parts, id, known)


def _detail(parts: Services, id: str, known: Known) -> models.ConflictDetail:
    episode = parts.conflicts.get(id)
    if episode is None:
        raise NotFound("there is no such conflict any more", id=id)
    document = episode.document
    names = reading.names_of(parts.store, document, episode.actors)
    conflict = _conflict(episode, names)
    events: list[models.ConflictEvent] = []
    for first, last in compress_ranges(conflict.revisions):
        page = parts.store.read(document, after=first - 1, until=last, limit=MAX_EVENTS - len(events))
        events.extend(
            models.ConflictEvent(
                revision=event.revision,
                id=id_text(event.id),
                actor=event.actor,
                name=names.get(event.actor),
                session=event.session,
                recorded_at=rfc3339(event.recorded_at),
                authored_at=rfc3339(event.authored_at),
                time_quality=event.time_quality,
            )
            for event in page
        )
        if len(events) >= MAX_EVENTS:
            break
    return models.ConflictDetail(
        conflict=conflict, events=events, known_revision=known.known, revision=known.head, complete=known.complete
    )
