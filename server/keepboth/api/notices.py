"""Coming back after a time offline: one notice for everything that one return ran into."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any, Final

from fastapi import APIRouter, Response

from keepboth.api.card_models import NoticeBody, Notices
from keepboth.api.conflicts import reach
from keepboth.api.entries import Told, Viewpoint, names_for, tell
from keepboth.api.filters import View
from keepboth.api.requests import Name, Parts
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore, Wanted
from keepboth.telling.cards import as_json
from keepboth.telling.facts import Circumstances
from keepboth.telling.returns import notice_of, returns_of

router = APIRouter(tags=["conflicts"])

MAX_RETURNS: Final = 50
MAX_ENTRIES: Final = 200
"""Of one return that are counted."""

WINDOW: Final = 200
MAX_READ: Final = 5_000
"""Events of a document on each side of a collision in which the rest of its author's return is looked for."""


def _stretch(store: EventStore, document: str, known: Circumstances) -> list[Circumstances]:
    """All edits of the return that *known* belongs to: a session records them one after the other."""
    found = {known.revision: known}
    for reverse in (False, True):
        at, left = known.revision, MAX_READ
        while left > 0:
            if reverse:
                page = store.read(document, until=at - 1, reverse=True, limit=WINDOW)
            else:
                page = store.read(document, after=at, limit=WINDOW)
            mine = [event for event in page if event.session == known.session]
            same = [event for event in mine if event.correlation_id == known.correlation_id]
            found |= {event.revision: Circumstances.of(event) for event in same}
            if len(page) < WINDOW or len(same) < len(mine):
                break
            at, left = page[-1].revision, left - len(page)
    return [found[revision] for revision in sorted(found)]


def notices(
    store: EventStore, conflicts: ConflictStore, document: str, stretches: Iterable[str], view: Viewpoint
) -> list[dict[str, Any]]:
    """What to tell about these returns, as JSON-able values. Blocks."""
    found: list[dict[str, Any]] = []
    for stretch in stretches:
        page = conflicts.page(Wanted(document, stretch=stretch, statuses=("open",)), order="newest", limit=MAX_ENTRIES)
        told = tell(store, page.episodes, view)
        facts = _facts(told, stretch)
        if facts is None:
            continue
        names = names_for(store, page.episodes)[document]
        for returned in returns_of(_stretch(store, document, facts)):
            notice = notice_of(returned, [one.card for one in told], names=names, utc_offset_s=view.utc_offset_s)
            if notice is not None:
                found.append({"document": document, **as_json(notice)})
    return found


def _facts(told: Iterable[Told], stretch: str) -> Circumstances | None:
    return next((fact for one in told for fact in one.facts if fact.stretch == stretch), None)


def recent(conflicts: ConflictStore, document: str) -> list[str]:
    """The returns that newest entries belong to."""
    page = conflicts.page(Wanted(document, statuses=("open",)), order="newest", limit=MAX_ENTRIES)
    found = dict.fromkeys(episode.stretch for episode in page.episodes if episode.stretch)
    return list(found)[:MAX_RETURNS]


@router.get("/api/notices")
async def list_notices(parts: Parts, document: Name, view: View, response: Response) -> Notices:
    """Who came back after a time offline, and what their edits ran into: one notice a return, while that is open."""
    reached = await reach(parts, document)

    def read() -> list[dict[str, Any]]:
        return notices(parts.store, parts.conflicts, document, recent(parts.conflicts, document), view)

    found = await asyncio.to_thread(read)
    response.headers.update(reached.headers())
    assert reached.known is not None
    return Notices(
        notices=[NoticeBody(**notice) for notice in sorted(found, key=lambda one: -one["arrived_at"])],
        complete=reached.complete,
        known_revision=reached.known.known,
        revision=reached.known.head,
    )
