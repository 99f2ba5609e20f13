"""How a command names a moment: one word, the same everywhere."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final
from uuid import UUID

import typer

from keepboth.api.moments import micros
from keepboth.errors import InvalidRequest
from keepboth.history.cuts import Cut

MOMENTS: Final = (
    "a revision (120), a time (2026-01-31T12:00:00Z), a version's name, or position:N, event:ID, seen-by:ID, "
    "authored:TIME, recorded:TIME, version:NAME, cut:TOKEN"
)

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
                return Cut(authored_at=_time(value))
            case "recorded":
                return Cut(recorded_at=_time(value))
    if word.isascii() and word.isdigit():
        return Cut(revision=int(word))
    try:
        datetime.fromisoformat(word)
    except ValueError:
        return Cut(version=word)
    return Cut(recorded_at=_time(word))


def _number(value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise InvalidRequest(f"{value!r} is not a number", field="at")
    return int(value)


def _id(value: str) -> bytes:
    try:
        return UUID(value).bytes
    except ValueError:
        raise InvalidRequest(f"{value!r} is not the id of an event", field="at") from None


def _time(value: str) -> int:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidRequest(f"{value!r} is not a time such as 2026-01-31T12:00:00Z", field="at") from None
    found = micros(moment, "at")
    assert found is not None
    return found
