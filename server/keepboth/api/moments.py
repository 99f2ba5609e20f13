"""How a request names a moment: one of several query parameters, the same everywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, get_type_hints
from uuid import UUID

from fastapi import Depends, Query
from pydantic import Field

from keepboth.api.models import MAX_INT, Revision, Strict
from keepboth.errors import InvalidRequest
from keepboth.events import Micros
from keepboth.history.cuts import Cut, Selection

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def micros(moment: datetime | None, field: str) -> Micros | None:
    """UTC microseconds. Raises InvalidRequest for a time without an offset from UTC."""
    if moment is None:
        return None
    if moment.tzinfo is None:
        raise InvalidRequest("a time needs its offset from UTC, such as 2026-01-31T12:00:00Z", field=field)
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


async def moment(
    at: Annotated[
        int | None, Query(ge=0, le=MAX_INT, description="up to this revision; the newest if left out")
    ] = None,
    position: Annotated[int | None, Query(ge=0, le=MAX_INT, description="up to this position of the whole log")] = None,
    event: Annotated[UUID | None, Query(description="up to the event with this id")] = None,
    recorded: Annotated[datetime | None, Query(description="what had been recorded by then (RFC 3339)")] = None,
    authored: Annotated[
        datetime | None,
        Query(description="what had been written by then, and all its authors had seen; with `recorded`: as far as"),
    ] = None,
    seen_by: Annotated[UUID | None, Query(description="what the author of this event had on the screen")] = None,
    version: Annotated[str | None, Query(max_length=500, description="a version that somebody named")] = None,
    cut: Annotated[str | None, Query(max_length=100_000, description="`KeepBoth-Cut` of an earlier answer")] = None,
) -> Cut:
    """The moment that a request names."""
    return Cut(
        revision=at,
        position=position,
        event=None if event is None else event.bytes,
        recorded_at=micros(recorded, "recorded"),
        authored_at=micros(authored, "authored"),
        seen_by=None if seen_by is None else seen_by.bytes,
        version=version,
        token=cut,
    )


class MomentBody(Strict):
    """A moment in a request's body: the same names as in a query. Nothing set means now."""

    at: Revision | None = None
    position: Revision | None = None
    event: UUID | None = None
    recorded: datetime | None = None
    authored: datetime | None = None
    seen_by: UUID | None = None
    version: Annotated[str, Field(max_length=500)] | None = None
    cut: Annotated[str, Field(max_length=100_000)] | None = None

    def to_cut(self) -> Cut:
        """The moment that is named."""
        return Cut(
            revision=self.at,
            position=self.position,
            event=None if self.event is None else self.event.bytes,
            recorded_at=micros(self.recorded, "recorded"),
            authored_at=micros(self.authored, "authored"),
            seen_by=None if self.seen_by is None else self.seen_by.bytes,
            version=self.version,
            token=self.cut,
        )


def cut_headers(selection: Selection) -> dict[str, str]:
    """What every answer about a moment carries."""
    headers = {"KeepBoth-Cut": selection.token, "KeepBoth-Revision": str(selection.revision)}
    if selection.added:
        headers["KeepBoth-Added"] = str(selection.added)
    return headers


def moment_named(prefix: str) -> Callable[..., Awaitable[Cut]]:
    """`moment`, whose parameters' names all begin with *prefix*: for a request that names two moments."""
    hints = get_type_hints(moment, include_extras=True)

    async def named(**given: Any) -> Cut:
        return await moment(**{name.removeprefix(prefix): value for name, value in given.items()})

    named.__signature__ = Signature(  # type: ignore[attr-defined]
        [
            Parameter(prefix + name, Parameter.KEYWORD_ONLY, default=None, annotation=hints[name])
            for name in signature(moment).parameters
        ]
    )
    return named


Moment = Annotated[Cut, Depends(moment)]
MomentBefore = Annotated[Cut, Depends(moment_named("from_"))]
MomentAfter = Annotated[Cut, Depends(moment_named("to_"))]
