"""How commands name moments."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from keepboth.errors import InvalidRequest
from keepboth.events import Micros

Since = Annotated[str | None, typer.Option(help="Only edits made then or later: RFC 3339, such as 2026-01-31T12:00Z.")]
Until = Annotated[str | None, typer.Option(help="Only edits made then or before.")]

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def moment_of(text: str | None, field: str) -> Micros | None:
    """A time as UTC microseconds. Raises InvalidRequest."""
    if text is None:
        return None
    try:
        since = datetime.fromisoformat(text) - _EPOCH
    except (ValueError, TypeError):
        raise InvalidRequest("a time is written with its offset, as in 2026-01-31T12:00Z", field=field) from None
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
