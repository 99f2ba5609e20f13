"""What going back, or leaving something out, changes, as answers show it; how a request says whose work it means."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from keepboth.api.models import Revision, Strict
from keepboth.api.moments import micros
from keepboth.conflicts.rewinding import Change, Counts, Part
from keepboth.history.work import MAX_RANGES, Work

AROUND: Final = 60
"""Characters that are shown of what stays, on either side of a change."""

MAX_NAMES: Final = 100


class ChangePart(BaseModel):
    """A stretch of a text, or values as JSON. Of what is kept only the ends are shown, with `…` between."""

    how: Literal["kept", "inserted", "deleted"]
    text: str


class ChangeStep(BaseModel):
    """A step of the way from a root to a place, as in the conflict log."""

    of: str
    at: str | int
    name: str | None


class ChangeBody(BaseModel):
    """What changes in one text, list or key; ``path`` leads to its first place."""

    root: str
    path: list[ChangeStep]
    parts: list[ChangePart]


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


def change_bodies(changes: Iterable[Change]) -> list[ChangeBody]:
    """Changes as answers show them."""
    return [
        ChangeBody(
            root=change.root,
            path=[ChangeStep(of=step.of, at=step.at, name=step.name) for step in change.path],
            parts=[ChangePart(how=part.how, text=text) for part, text in shortened(change.parts)],
        )
        for change in changes
    ]


def counts_body(counts: Counts) -> CountsBody:
    """Counts as answers show them."""
    fields: dict[str, Any] = counts._asdict()
    return CountsBody(**fields)


def shortened(parts: tuple[Part, ...]) -> list[tuple[Part, str]]:
    """Parts with the text that is shown of each."""
    found = []
    for index, part in enumerate(parts):
        text = part.text
        before = AROUND if index > 0 else 0
        after = AROUND if index + 1 < len(parts) else 0
        if part.how == "kept" and len(text) > before + after + 1:
            text = f"{text[:before]}…{text[len(text) - after :]}"
        found.append((part, text))
    return found
