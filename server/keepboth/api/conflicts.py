"""The conflict log over HTTP. While the engine is behind, an answer never says that there is nothing."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Annotated, Any, NamedTuple, get_args

from fastapi import APIRouter, Query, Response

import keepboth.api.conflict_models as shapes
import keepboth.api.reading as reading
from keepboth.api.entries import Place, Viewpoint, entries
from keepboth.api.filters import Asked, AtGrain, Filters, View
from keepboth.api.requests import Parts, SomeName, address, link_header
from keepboth.api.services import Services
from keepboth.cloudevents import rfc3339
from keepboth.conflicts.model import Grain
from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import compress_ranges, id_text
from keepboth.store.base import DocumentRow
from keepboth.store.conflict_log import ConflictStore, Counts, Page, StoredEpisode
from keepboth.store.conflict_terms import CURSOR_MARK, cursor_of
from keepboth.telling.attention import Hidden
from keepboth.telling.cards import as_json
from keepboth.telling.footers import Tally, footer

router = APIRouter(tags=["conflicts"])

CATCH_UP_S = 1.0
"""An answer about one document waits at most this long for the engine."""

SURVEY_S = 1.5
"""An answer about all documents spends at most this long on finding out which of them are not known yet."""

MAX_BEHIND = 20
MAX_EVENTS = 200
MAX_DOCUMENTS = 100


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


async def _survey(parts: Services) -> tuple[list[shapes.Lag], bool]:
    """Documents that the engine is behind in, after it had a moment to catch up; and whether all were looked at."""
    until = monotonic() + SURVEY_S
    behind: list[shapes.Lag] = []
    after = ""
    while monotonic() < until and len(behind) < MAX_BEHIND:
        lagging, last = await asyncio.to_thread(_lagging, parts, after, 200)
        for row, stored in lagging:
            left = until - monotonic()
            known = await catch_up(parts, row, left / 2) if left > 0.01 else Known(stored, row.revision, False)
            if not known.complete:
                behind.append(shapes.Lag(document=row.document, known_revision=known.known, revision=row.revision))
        if not last:
            return behind[:MAX_BEHIND], True
        after = last
    return behind[:MAX_BEHIND], False


class Reach(NamedTuple):
    """How far an answer about one document (``known``) or all documents is known."""

    known: Known | None
    behind: list[shapes.Lag]
    complete: bool

    def fields(self) -> dict[str, Any]:
        """As members of the answer."""
        return {
            "complete": self.complete,
            "behind": self.behind,
            "known_revision": None if self.known is None else self.known.known,
            "revision": None if self.known is None else self.known.head,
        }

    def headers(self) -> dict[str, str]:
        """As headers of the answer."""
        return {} if self.known is None else {"KeepBoth-Revision": str(self.known.known)}


async def reach(parts: Services, document: str | None) -> Reach:
    """How far conflicts are known, after the engine had a moment to catch up. Raises NotFound."""
    if document is None:
        behind, surveyed = await _survey(parts)
        return Reach(None, behind, surveyed and not behind)
    row = await asyncio.to_thread(reading.document_row, parts.store, document)
    known = await stored_or_caught_up(parts, row, CATCH_UP_S)
    lag = shapes.Lag(document=document, known_revision=known.known, revision=known.head)
    return Reach(known, [] if known.complete else [lag], known.complete)


async def source(parts: Services, document: str | None, grain: Grain) -> tuple[ConflictStore, Reach]:
    """Where the entries at *grain* are, and how far they are known. Raises NotFound, InvalidRequest, OverLimit."""
    if grain == "character":
        return parts.conflicts, await reach(parts, document)
    if document is None:
        raise InvalidRequest("at line grain conflicts are found for one document: say which", grain=grain)
    found = await parts.line_log.look(document)
    return found.conflicts, Reach(Known(found.revision, found.revision, True), [], True)


async def place(
    parts: Services, document: str | None, episodes: list[StoredEpisode], grain: Grain, timeout_s: float = 0
) -> Place:
    """What the document says now where *episodes* of it are. Nothing of those of several documents."""
    if document is None:
        return Place(grain=grain)
    ids = [episode.id for episode in episodes]
    if grain == "line":
        return Place(await parts.line_log.present(document, ids), grain)
    return Place(await parts.detector.present(document, ids, timeout_s), grain)


@router.get("/api/conflicts")
async def list_conflicts(
    parts: Parts,
    asked: Filters,
    response: Response,
    after: Annotated[str, Query(description="where the page before ended: see `next`; or an entry's id")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> shapes.ConflictList:
    """Entries of the conflict log that fit all filters."""
    document = asked.wanted.document
    conflicts, reached = await source(parts, document, asked.grain)

    def read() -> Page:
        return conflicts.page(
            asked.wanted, order=asked.order, mine=asked.view.viewer, after=cursor(conflicts, asked, after), limit=limit
        )

    page = await asyncio.to_thread(read)
    known = await place(parts, document, page.episodes, asked.grain)

    def tell() -> tuple[list[shapes.Conflict], int]:
        told = entries(parts.store, page.episodes, asked.view, known)
        return [shapes.Conflict(**entry) for entry in told], conflicts.count(document)

    found, count = await asyncio.to_thread(tell)
    following = None
    if page.next is not None:
        following = address("/api/conflicts", {**asked.query, "after": page.next, "limit": limit})
    response.headers.update({**link_header(following), **reached.headers()})
    return shapes.ConflictList(conflicts=found, count=count, next=following, **reached.fields())


def cursor(conflicts: ConflictStore, asked: Asked, after: str) -> str:
    """*after* as the store takes it: it may be an entry's id, too. Raises NotFound."""
    if not after or after.startswith(CURSOR_MARK):
        return after
    episode = conflicts.get(after, asked.wanted.document)
    if episode is None:
        raise NotFound("there is no such conflict to go on behind", id=after)
    return cursor_of(episode, asked.order, asked.view.viewer)


@router.get("/api/conflicts/counts")
async def count_conflicts(parts: Parts, asked: Filters, response: Response) -> shapes.ConflictCounts:
    """How many entries of each sort fit all filters, and the lines that go under a list of them."""
    conflicts, reached = await source(parts, asked.wanted.document, asked.grain)

    def read() -> shapes.ConflictCounts:
        counts = conflicts.counts(asked.wanted, documents=MAX_DOCUMENTS)
        own = _own_devices(conflicts, asked)
        tally = _tally(parts, asked.wanted.document, reached, counts, own)
        return shapes.ConflictCounts(
            **{
                **counts._asdict(),
                "possible": counts.total - counts.certain,
                "shown": tally.shown,
                "hidden": tally.hidden,
                "documents": [shapes.DocumentConflicts(document=d, total=n, open=o) for d, n, o in counts.documents],
                "edits": tally.edits,
                "people": tally.people,
                "footer": as_json(footer(tally)),
                **reached.fields(),
            }
        )

    response.headers.update(reached.headers())
    return await asyncio.to_thread(read)


def _own_devices(conflicts: ConflictStore, asked: Asked) -> int:
    """How many of the entries hidden as somebody's own devices are the viewer's."""
    if asked.view.viewer is None or asked.wanted.actor not in (None, asked.view.viewer):
        return 0
    mine = asked.wanted._replace(actor=asked.view.viewer)
    return conflicts.counts(mine, documents=0).hidden.get("own-devices", 0)


def _tally(parts: Services, document: str | None, reached: Reach, counts: Counts, own: int) -> Tally:
    hidden: dict[Hidden, int] = {reason: counts.hidden.get(reason, 0) for reason in get_args(Hidden)}
    hidden["own-devices"] -= own
    hidden["your-own-devices"] += own
    shown = counts.total - sum(hidden.values())
    if document is None:
        whole = parts.store.statistics()
        edits, people = int(whole["edits"]), int(whole["actors"])
        unknown = sum(lag.revision - lag.known_revision for lag in reached.behind)
        known = edits if reached.complete else max(0, min(edits - 1, edits - unknown))
    else:
        row = reading.document_row(parts.store, document)
        edits = row.edits
        people = len({actor for _, actor, _ in parts.store.session_clients(document).values()})
        done = 0 if reached.known is None else edits * reached.known.known // max(reached.known.head, 1)
        known = edits if reached.complete else max(0, min(edits - 1, done))
    return Tally(shown, {reason: number for reason, number in hidden.items() if number}, edits, people, known)


@router.get("/api/conflict")
async def get_conflict(
    parts: Parts,
    response: Response,
    id: Annotated[str, Query(max_length=200, description="an entry's id, old or new")],
    document: SomeName,
    view: View,
    grain: AtGrain = "character",
) -> shapes.ConflictDetail:
    """One entry of the conflict log with the edits that met in it. The id of an entry that became part of another leads
    there. Ids are unique within a document: name it where several have the same."""
    if grain == "character":
        episode = await asyncio.to_thread(parts.conflicts.get, id, document)
        if episode is None:
            raise NotFound("there is no such conflict", id=id)
        document = episode.document
    conflicts, reached = await source(parts, document, grain)
    episode = await asyncio.to_thread(conflicts.get, id, document)
    if episode is None:
        raise NotFound("there is no such conflict", id=id)
    now = await place(parts, episode.document, [episode], grain, CATCH_UP_S)
    response.headers.update(reached.headers())
    assert reached.known is not None
    return await asyncio.to_thread(_detail, parts, episode, reached.known, view, now)


def _detail(
    parts: Services, episode: StoredEpisode, known: Known, view: Viewpoint, now: Place
) -> shapes.ConflictDetail:
    document = episode.document
    (entry,) = entries(parts.store, [episode], view, now)
    conflict = shapes.Conflict(**entry)
    names = {side.actor: side.name for side in conflict.sides}
    events: list[shapes.ConflictEvent] = []
    for first, last in compress_ranges(conflict.revisions):
        page = parts.store.read(document, after=first - 1, until=last, limit=MAX_EVENTS - len(events))
        events.extend(
            shapes.ConflictEvent(
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
    return shapes.ConflictDetail(
        conflict=conflict, events=events, known_revision=known.known, revision=known.head, complete=known.complete
    )
