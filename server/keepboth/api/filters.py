"""Which entries of the conflict log a request is about, and in which order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple

from fastapi import Depends, Query
from pydantic import AwareDatetime

from keepboth.api.entries import Viewpoint
from keepboth.api.requests import Parts, SomeName
from keepboth.conflicts.model import Grain, Kind, Severity
from keepboth.events import Micros
from keepboth.store.conflict_log import Order, Status, Wanted

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_ACTOR = 1000
MAX_SEARCH = 200


class Asked(NamedTuple):
    """The filters of a request. ``query``: the same as parameters, for the address of the next page. ``grain``: among
    which entries, those of the conflict log or those found at line grain."""

    wanted: Wanted
    order: Order
    view: Viewpoint
    query: dict[str, Any]
    grain: Grain = "character"


def micros(moment: datetime) -> Micros:
    """A time as the log has it."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


async def viewpoint(
    parts: Parts,
    for_actor: Annotated[
        str | None, Query(alias="for", max_length=MAX_ACTOR, description="the actor whom it is told to")
    ] = None,
    utc_offset_s: Annotated[int, Query(ge=-86_400, le=86_400, description="how far east of UTC they are")] = 0,
) -> Viewpoint:
    """To whom cards are told."""
    return Viewpoint(parts.now(), for_actor, utc_offset_s)


View = Annotated[Viewpoint, Depends(viewpoint)]


AtGrain = Annotated[
    Grain, Query(description="what keeps two changes apart: a character that both still see, or a whole line")
]


async def filters(
    document: SomeName,
    view: View,
    status: Annotated[list[Status] | None, Query(description="any of these")] = None,
    severity: Annotated[list[Severity] | None, Query(description="any of these")] = None,
    kind: Annotated[list[Kind] | None, Query(description="any of these")] = None,
    actor: Annotated[str | None, Query(max_length=MAX_ACTOR, description="who took part")] = None,
    certain: Annotated[bool | None, Query(description="only certain (or only possible) collisions")] = None,
    self_only: Annotated[bool | None, Query(description="only one person's own devices (or only others)")] = None,
    double_initialisation: Annotated[bool | None, Query(description="only where several filled what was empty")] = None,
    since: Annotated[AwareDatetime | None, Query(description="with an edit recorded then or later (RFC 3339)")] = None,
    until: Annotated[AwareDatetime | None, Query(description="with an edit recorded then or before (RFC 3339)")] = None,
    q: Annotated[str, Query(max_length=MAX_SEARCH, description="words that all occur in its texts")] = "",
    hidden: Annotated[bool | None, Query(description="only those behind the footer (or only those shown)")] = None,
    met_since: Annotated[int | None, Query(ge=0, description="whose versions met at this revision or later")] = None,
    met_until: Annotated[int | None, Query(ge=0, description="whose versions met at this revision or before")] = None,
    anchored: Annotated[bool | None, Query(description="only those that lie in a sequence (or only others)")] = None,
    sort: Annotated[Order | None, Query(description="`document` unless `for` is given, then `attention`")] = None,
    grain: AtGrain = "character",
) -> Asked:
    """The filters, all of which must hold."""
    order: Order = sort or ("document" if view.viewer is None else "attention")
    wanted = Wanted(
        document,
        tuple(status or ()),
        tuple(severity or ()),
        tuple(kind or ()),
        actor,
        certain,
        self_only,
        double_initialisation,
        None if since is None else micros(since),
        None if until is None else micros(until),
        q,
        hidden,
        met_since=met_since,
        met_until=met_until,
        anchored=anchored,
    )
    query = {
        "document": document,
        "status": status,
        "severity": severity,
        "kind": kind,
        "actor": actor,
        "certain": certain,
        "self_only": self_only,
        "double_initialisation": double_initialisation,
        "since": None if since is None else since.isoformat(),
        "until": None if until is None else until.isoformat(),
        "q": q,
        "hidden": hidden,
        "met_since": met_since,
        "met_until": met_until,
        "anchored": anchored,
        "sort": sort,
        "grain": None if grain == "character" else grain,
        "for": view.viewer,
        "utc_offset_s": view.utc_offset_s or None,
    }
    return Asked(wanted, order, view, query, grain)


Filters = Annotated[Asked, Depends(filters)]
