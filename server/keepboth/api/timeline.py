"""The whole course of a document at a glance, for a scrubber: computed without reading what anybody wrote."""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from keepboth.api.conflicts import stored_or_caught_up
from keepboth.api.history_models import Who, people
from keepboth.api.moments import cut_headers
from keepboth.api.reading import document_row, names_of
from keepboth.api.requests import Name, Parts
from keepboth.api.services import Services
from keepboth.cloudevents import rfc3339
from keepboth.errors import KeepBothError
from keepboth.events import Context
from keepboth.history.chronicle import Chronicle
from keepboth.history.cuts import Cut, prefix, select
from keepboth.history.timeline import Axis, Density, Stretch, density, stretches, told_groups
from keepboth.store.conflict_log import Counts, Met, Wanted

router = APIRouter(tags=["history"])

MAX_STRETCHES: Final = 500
MAX_STOPS: Final = 2000
MAX_VERSIONS: Final = 200


class AuthorCounts(BaseModel):
    """One author's edits in each bucket."""

    actor: str | None = Field(description="null: all who have no row of their own")
    edits: int
    counts: list[int]


class StretchEntry(BaseModel):
    """What one session wrote while it was away, and when that came."""

    stretch: str
    actor: str
    session: str | None
    seen_revision: int | None = Field(description="the newest revision that its author surely had when it began")
    first_revision: int
    last_revision: int
    edits: int
    written_first: str
    written_last: str
    arrived_at: str


class MarkEntry(BaseModel):
    """The entries of the conflict log whose versions met in one bucket: how many, from revision ``since`` to ``until``,
    and the newest of them, of those that need somebody if there are any. ``revision``: where its versions met, the
    first edit of the side that came last; ``last_revision``: from there on all of it is in the document."""

    id: str
    first_revision: int
    revision: int
    last_revision: int
    status: Literal["open", "settled", "resolved"]
    severity: str
    certain: bool
    hidden: bool = Field(description="none of them needs anybody")
    count: int
    shown: int = Field(description="how many of them are not hidden")
    since: int
    until: int


class Marks(BaseModel):
    """Where all entries lie, those of one bucket together, ascending; and how many there are."""

    marks: list[MarkEntry]
    count: int
    open: int
    complete: bool
    known_revision: int


class VersionMark(BaseModel):
    """A named moment. ``revision``: the last one that it shows."""

    name: str
    revision: int
    cut: str
    actor: str


class Timeline(BaseModel):
    """The course of a document in buckets of equal length."""

    document: str
    revision: int
    cut: str
    axis: Axis
    pause: float
    edits: int
    revisions: list[int] | None = Field(description="the last one within or before each bucket; null if `written`")
    times: list[str] = Field(description="of the last event within or before each bucket")
    worked_s: list[float] = Field(description="the time up to there, long pauses shortened")
    first_at: str | None
    people: list[Who] = Field(description="everybody who wrote, or named a version")
    authors: list[AuthorCounts]
    stretches: list[StretchEntry]
    stops: list[int] = Field(description="where somebody had done something in one go: last revisions, ascending")
    conflicts: Marks
    versions: list[VersionMark]


@router.get("/api/timeline")
async def get_timeline(
    parts: Parts,
    document: Name,
    response: Response,
    buckets: Annotated[int, Query(ge=1, le=2000, description="how many")] = 600,
    axis: Annotated[Axis, Query(description="by when edits were recorded, or by when they were authored")] = "arrived",
    pause: Annotated[float, Query(ge=0.001, le=86_400, description="a longer pause counts as so many seconds")] = 10,
) -> Timeline:
    """A document's whole history in few numbers: edits by author in buckets along an axis, half time without long
    pauses and half events; what was written offline, when it came; where entries of the conflict log lie; named
    versions, and where somebody had done something in one go."""
    row = await asyncio.to_thread(document_row, parts.store, document)
    known = await stored_or_caught_up(parts, row, 0)

    def answer() -> Timeline:
        selection = prefix(parts.store, document, row.revision)
        until = selection.revision
        chronicle = parts.desk.chronicles.at_least(document, until)
        found = density(chronicle, until, axis, buckets, round(pause * 1e6))
        away = stretches(chronicle, until)[-MAX_STRETCHES:]
        versions = _versions(parts, document, until)
        named = set(found.everybody)
        named |= {one.actor for one in away} | {one.actor for one in versions}
        counts = parts.conflicts.counts(Wanted(document=document), documents=1)
        arrived = found if axis == "arrived" else density(chronicle, until, "arrived", buckets, round(pause * 1e6))
        met = parts.conflicts.met(document)
        response.headers.update(cut_headers(selection))
        return Timeline(
            document=document,
            revision=until,
            cut=selection.token,
            axis=axis,
            pause=pause,
            edits=sum(one.edits for one in found.authors),
            revisions=found.revisions if axis == "arrived" else None,
            times=_times(found),
            worked_s=[done / 1e6 for done in found.worked],
            first_at=_first_at(chronicle, until, axis),
            people=people(names_of(parts.store, document, named), named),
            authors=[AuthorCounts(**one._asdict()) for one in found.authors],
            stretches=[_stretch(parts, document, one) for one in away],
            stops=_stops(chronicle, until),
            conflicts=_marks(counts, met, arrived.revisions, known.complete, known.known),
            versions=versions,
        )

    return await parts.desk.glance(answer)


def _times(found: Density) -> list[str]:
    told: dict[int, str] = {}
    return [told.get(at) or told.setdefault(at, rfc3339(at)) for at in found.times]


def _first_at(chronicle: Chronicle, until: int, axis: Axis) -> str | None:
    if until == 0:
        return None
    return rfc3339(chronicle.recorded[0] if axis == "arrived" else min(chronicle.authored[:until]))


def _stops(chronicle: Chronicle, until: int) -> list[int]:
    """The last revisions of groups; evenly thinned where there are more than `MAX_STOPS`."""
    every = sorted({group.last_revision for group in told_groups(chronicle, until)})
    if len(every) <= MAX_STOPS:
        return every
    return [every[(number + 1) * len(every) // MAX_STOPS - 1] for number in range(MAX_STOPS)]


def _stretch(parts: Services, document: str, one: Stretch) -> StretchEntry:
    lines = parts.store.lines(document, after=one.first - 1, until=one.first, limit=1)
    return StretchEntry(
        stretch=one.id,
        actor=one.actor,
        session=one.session,
        seen_revision=_newest(lines[0].context if lines else None),
        first_revision=one.first,
        last_revision=one.last,
        edits=one.edits,
        written_first=rfc3339(one.written_first),
        written_last=rfc3339(one.written_last),
        arrived_at=rfc3339(one.arrived_at),
    )


def _newest(context: Context | None) -> int | None:
    if context is None:
        return None
    return max([context.lower.base, *(last for _, last in context.lower.include)])


def _marks(counts: Counts, met: Sequence[Met], revisions: Sequence[int], complete: bool, known: int) -> Marks:
    """*met* in the buckets that end with *revisions*."""
    buckets: dict[int, list[Met]] = {}
    for one in met:
        buckets.setdefault(min(bisect_left(revisions, one.met), len(revisions) - 1), []).append(one)
    marks = [_mark(those) for those in buckets.values()]
    return Marks(
        marks=marks, count=counts.total, open=counts.statuses.get("open", 0), complete=complete, known_revision=known
    )


def _mark(those: Sequence[Met]) -> MarkEntry:
    """*those* of one bucket, ascending by revision."""
    newest = max(those, key=lambda one: (one.shown, one.met))
    return MarkEntry(
        id=newest.id,
        first_revision=newest.first_revision,
        revision=newest.met,
        last_revision=newest.last_revision,
        status=newest.status,
        severity=newest.severity,
        certain=newest.certain,
        hidden=not newest.shown,
        count=sum(one.number for one in those),
        shown=sum(one.number for one in those if one.shown),
        since=those[0].met,
        until=those[-1].met,
    )


def _versions(parts: Services, document: str, until: int) -> list[VersionMark]:
    """The names that are in force, by revision; a moment of another log is left out."""
    found: list[VersionMark] = []
    for one in parts.desk.past.versions(document, until):
        if not one.current or len(found) == MAX_VERSIONS:
            continue
        try:
            selection = select(parts.store, document, Cut(token=one.token))
        except KeepBothError:
            continue
        found.append(VersionMark(name=one.name, revision=selection.revision, cut=one.token, actor=one.event.actor))
    return sorted(found, key=lambda version: version.revision)
