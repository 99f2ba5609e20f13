"""How a command names a moment: one word, the same everywhere. And whose work it means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from keepboth.api.moments import micros
from keepboth.cloudevents import rfc3339
from keepboth.errors import InvalidRequest
from keepboth.events import Micros
from keepboth.history.cuts import Cut
from keepboth.history.work import Work, ranges_of

MOMENTS: Final = (
    "a revision (120), a time (2026-01-31T12:00:00Z), a version's name, or position:N, event:ID, seen-by:ID, "
    "authored:TIME, recorded:TIME, version:NAME, cut:TOKEN"
)

Since = Annotated[str | None, typer.Option(help="Only edits made then or later, RFC 3339.")]
Until = Annotated[str | None, typer.Option(help="Only edits made then or before, RFC 3339.")]

At = Annotated[str | None, typer.Option("--at", help=f"Which moment: {MOMENTS}. Now if left out.")]


def cut_of(word: str | None) -> Cut:
    """The moment that *word* names. Raises InvalidRequest."""
    if word is None:
        return Cut()
    kind, colon, value = word.partition(":")
    if colon:
        match kind:
            case "cut":
                return Cut(token=value)
            case "version":
                return Cut(version=value)
            case "position":
                return Cut(position=_number(value))
            case "event":
                return Cut(event=_id(value))
            case "seen-by":
                return Cut(seen_by=_id(value))
            case "authored":
                return Cut(authored_at=time_of(value))
            case "recorded":
                return Cut(recorded_at=time_of(value))
    if word.isascii() and word.isdigit():
        return Cut(revision=int(word))
    try:
        datetime.fromisoformat(word)
    except ValueError:
        return Cut(version=word)
    return Cut(recorded_at=time_of(word))


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise InvalidRequest(f"{value!r} is not a number", field="at")
    return int(value)


def _id(value: str) -> bytes:
    try:
        return UUID(value).bytes
    except ValueError:
        raise InvalidRequest(f"{value!r} is not the id of an event", field="at") from None


def time_of(value: str, field: str = "at") -> Micros:
    """A time as UTC microseconds. Raises InvalidRequest."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(f"{value!r} is not a time such as 2026-01-31T12:00:00Z", field=field) from None
    found = micros(moment, field)
    assert found is not None
    return found


def work_of(
    actors: Iterable[str], sessions: Iterable[str], since: str | None, until: str | None, revisions: str | None
) -> Work:
    """Whose work options name. Raises InvalidRequest."""
    return Work(
        tuple(actors),
        tuple(sessions),
        None if since is None else time_of(since, "since"),
        None if until is None else time_of(until, "until"),
        ranges_of(revisions, "revisions"),
    )


def asked_over_http(cut: Cut) -> dict[str, object]:
    """A moment as the body of a request names it."""
    named: dict[str, object] = {
        "at": cut.revision,
        "position": cut.position,
        "event": None if cut.event is None else str(UUID(bytes=cut.event)),
        "recorded": None if cut.recorded_at is None else rfc3339(cut.recorded_at),
        "authored": None if cut.authored_at is None else rfc3339(cut.authored_at),
        "seen_by": None if cut.seen_by is None else str(UUID(bytes=cut.seen_by)),
        "version": cut.version,
        "cut": cut.token,
    }
    return {name: value for name, value in named.items() if value is not None}
