"""What going back, or leaving something out, changes, as answers show it; how a request says whose work it means."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, Field

from keepboth.api.history_models import Path, TextPiece, shortened
from keepboth.api.models import Revision, Strict
from keepboth.api.moments import micros
from keepboth.conflicts.rewinding import Change, Counts, Part
from keepboth.history.work import MAX_RANGES, Work

AROUND: Final = 60
"""Characters that are shown of what stays, on either side of a change."""

MAX_NAMES: Final = 100


class RewrittenPlace(BaseModel):
    """What changes in one text, list or key. ``pieces``: all of it in order, lists as JSON; of what is kept only the
    ends are shown, with a ``gap`` between."""

    path: Path
    pieces: list[TextPiece]


class CountsBody(BaseModel):
    """Characters and values put in and taken out, formats painted or taken away, keys changed."""

    inserted: int
    deleted: int
    formats: int
    keys: int


class WorkBody(Strict):
    """Whose work: all that is set must hold. ``since`` and ``until`` are authored times, both included."""

    actor: str | None = None
    session: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    revisions: Annotated[list[Revision | tuple[Revision, Revision]], Field(max_length=MAX_RANGES)] = Field(
        default=[], description="revisions, or [first, last]"
    )

    def to_work(self) -> Work:
        """The edits that are meant."""
        return Work(
            () if self.actor is None else (self.actor,),
            () if self.session is None else (self.session,),
            micros(self.since, "since"),
            micros(self.until, "until"),
            tuple(one if isinstance(one, tuple) else (one, one) for one in self.revisions),
        )


def change_bodies(changes: Iterable[Change]) -> list[RewrittenPlace]:
    """Changes as answers show them."""
    return [
        RewrittenPlace(path=[step.at for step in change.path], pieces=list(_pieces(change.parts))) for change in changes
    ]


def counts_body(counts: Counts) -> CountsBody:
    """Counts as answers show them."""
    fields: dict[str, Any] = counts._asdict()
    return CountsBody(**fields)


def _pieces(parts: tuple[Part, ...]) -> Iterator[TextPiece]:
    for index, (op, text) in enumerate(parts):
        before = AROUND if index > 0 else 0
        after = AROUND if index + 1 < len(parts) else 0
        if op != "keep":
            yield TextPiece(op=op, text=shortened(text))
        elif len(text) <= before + after + 1:
            yield TextPiece(op="keep", text=text)
        else:
            if before:
                yield TextPiece(op="keep", text=text[:before])
            yield TextPiece(op="gap", text="…")
            if after:
                yield TextPiece(op="keep", text=text[-after:])
