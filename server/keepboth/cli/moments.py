"""Which moment a command is about: the options that name a cut."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from keepboth.api.moments import micros
from keepboth.errors import InvalidRequest
from keepboth.events import id_from_text
from keepboth.history.cuts import Cut

_HELP = "The moment"

At = Annotated[int | None, typer.Option(min=0, help="Up to this revision.", rich_help_panel=_HELP)]
Position = Annotated[
    int | None, typer.Option(min=0, help="Up to this position of the whole log.", rich_help_panel=_HELP)
]
AtEvent = Annotated[str | None, typer.Option("--event", help="Up to the event with this id.", rich_help_panel=_HELP)]
Recorded = Annotated[
    str | None, typer.Option(help="What had been recorded by then (2026-01-31T12:00:00Z).", rich_help_panel=_HELP)
]
Authored = Annotated[
    str | None,
    typer.Option(help="What had been written by then, and all its authors had seen.", rich_help_panel=_HELP),
]
SeenBy = Annotated[
    str | None, typer.Option(help="What the author of the event with this id had seen.", rich_help_panel=_HELP)
]
Version = Annotated[str | None, typer.Option(help="A version that somebody named.", rich_help_panel=_HELP)]
Token = Annotated[str | None, typer.Option("--cut", help="The token of an earlier answer.", rich_help_panel=_HELP)]


def cut_of(
    at: int | None,
    position: int | None,
    event: str | None,
    recorded: str | None,
    authored: str | None,
    seen_by: str | None,
    version: str | None,
    token: str | None,
) -> Cut:
    """The cut that the options name. Raises InvalidRequest."""
    return Cut(
        revision=at,
        position=position,
        event=None if event is None else id_from_text(event),
        recorded_at=micros(_time(recorded, "recorded"), "recorded"),
        authored_at=micros(_time(authored, "authored"), "authored"),
        seen_by=None if seen_by is None else id_from_text(seen_by),
        version=version,
        token=token,
    )


def _time(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"{text!r} is no time such as 2026-01-31T12:00:00Z", field=field) from None
