"""The bodies of answers about the past of a document, and how they are made. The command line prints the same.

Places in a text count UTF-16 code units, an embedded value as one; in an array or between XML nodes, elements.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from keepboth.api.models import Strict
from keepboth.cloudevents import rfc3339
from keepboth.history.blame import Span
from keepboth.history.changes import Difference, Touch
from keepboth.history.deletions import Deletion
from keepboth.history.lineage import Lineage
from keepboth.history.past import Entry, NamedVersion
from keepboth.yjs.lib0 import utf16_length

MAX_TEXT = 10_000
"""Characters of one text in an answer that lists many, at most; ``…`` stands for the rest."""

Path = Annotated[
    list[str | int], Field(description="the way to the shared type: the root's name, then keys and places")
]


class Who(BaseModel):
    """An actor. ``name``: what the person's editor said, nobody has checked it."""

    actor: str
    name: str | None


class BlameSpan(BaseModel):
    """One stretch of content and who brought it."""

    path: Path
    key: str | None = Field(description="in a map, or an attribute of an XML node")
    start: int
    end: int
    what: Literal["text", "embed", "value", "type"]
    value: Any = Field(description="the text; the JSON value; for a shared type its name, such as `map`")
    actor: str
    first_revision: int
    last_revision: int
    first_at: str
    last_at: str


class Blame(BaseModel):
    """Who brought what a document shows at a cut."""

    document: str
    revision: int
    cut: str
    people: list[Who]
    spans: list[BlameSpan]
    next: str | None


class DeletionEntry(BaseModel):
    """What one actor deleted side by side, without a long pause."""

    path: Path
    key: str | None
    text: str = Field(description="what it was: text, JSON, markup")
    actor: str
    session: str | None
    first_revision: int
    last_revision: int
    first_at: str
    last_at: str
    authors: list[str] = Field(description="who had written it")
    written_first: int = Field(description="the first and the last revision that had brought it")
    written_last: int
    replaced: bool = Field(description="another value was put under the key")
    also: list[str] = Field(description="others who deleted some of it, too")


class Deletions(BaseModel):
    """What had been deleted by a cut, the newest first. ``count``: all that fit the filters."""

    document: str
    revision: int
    cut: str
    people: list[Who]
    deletions: list[DeletionEntry]
    count: int
    next: str | None


class TextPiece(BaseModel):
    """A stretch of text: ``keep``, ``insert``, ``delete``, or ``gap`` (``…``) where kept text is left out."""

    op: str
    text: str


class PlacedPiece(TextPiece):
    """A stretch of text. ``units``: all of it, in UTF-16 units, also where ``text`` is cut short."""

    units: int


class TouchEntry(BaseModel):
    """Content that came or went, by its identity. ``revision``, ``actor``: whose event did it; null if no event of
    the later cut did, as when that cut is the older one."""

    op: Literal["insert", "delete"]
    text: str
    revision: int | None
    actor: str | None
    at: str | None


class ChangeEntry(BaseModel):
    """One place that changed. ``pieces``: word by word, with what stands around it; ``before`` and ``after``: the
    values of a key."""

    path: Path
    kind: Literal["text", "elements", "key"]
    key: str | None
    before: Any
    after: Any
    pieces: list[PlacedPiece]
    touches: list[TouchEntry]
    at: tuple[int, int] | None = Field(
        description="for `text` of a comparison: where the pieces begin in all the text of each moment, in UTF-16 units"
    )


class Comparison(BaseModel):
    """What is different from one cut to another. ``count``: places, of which ``changes`` tells as many as asked for."""

    document: str
    before_revision: int
    before_cut: str
    after_revision: int
    after_cut: str
    people: list[Who]
    changes: list[ChangeEntry]
    count: int


class GroupEntry(BaseModel):
    """What one session did without a long pause, and what came of it. Times are those of authoring."""

    kind: Literal["edits"] = "edits"
    actor: str
    session: str | None
    first_revision: int
    last_revision: int
    first_at: str
    last_at: str
    edits: int
    stretch: str | None = Field(description="ties together what was written offline; null: written while connected")
    inserted: int = Field(description="UTF-16 units or elements that it left behind")
    deleted: int = Field(description="and that it took away of what was there before")
    changes: list[ChangeEntry]
    more: int = Field(description="places that it changed besides")


class EventEntry(BaseModel):
    """An event that is no edit: a decision, a named version, an application's own."""

    kind: Literal["event"] = "event"
    id: str
    type: str
    actor: str
    revision: int
    recorded_at: str
    data: Any


class History(BaseModel):
    """What happened, by last revision."""

    document: str
    revision: int
    cut: str
    people: list[Who]
    entries: list[GroupEntry | EventEntry]
    next: str | None


class VersionEntry(BaseModel):
    """A moment that somebody named. ``current``: no later one has the name, so the name means this one."""

    name: str
    cut: str
    id: str
    revision: int = Field(description="of the event that named it")
    actor: str
    recorded_at: str
    current: bool


class Versions(BaseModel):
    """The named versions of a document, the newest first."""

    document: str
    people: list[Who]
    versions: list[VersionEntry]


class NameVersion(Strict):
    """Name a moment. ``cut``: its token; the newest moment if it is left out."""

    name: str
    id: Annotated[UUID | None, Field(description="makes repeating safe")] = None
    cut: str | None = None


# -- making them -----------------------------------------------------------------------------------------------------


def people(names: Mapping[str, str], actors: Iterable[str]) -> list[Who]:
    """Everybody who is mentioned."""
    return [Who(actor=actor, name=names.get(actor)) for actor in sorted(set(actors))]


def blame_span(span: Span) -> BlameSpan:
    mark = span.mark
    return BlameSpan(
        path=list(mark.path),
        key=mark.key,
        start=mark.start,
        end=mark.end,
        what=mark.what,
        value=mark.value,
        actor=span.actor,
        first_revision=span.first_revision,
        last_revision=span.last_revision,
        first_at=rfc3339(span.first_at),
        last_at=rfc3339(span.last_at),
    )


def deletion_entry(one: Deletion) -> DeletionEntry:
    return DeletionEntry(
        path=list(one.path),
        key=one.key,
        text=shortened(one.text),
        actor=one.actor,
        session=one.session,
        first_revision=one.first_revision,
        last_revision=one.last_revision,
        first_at=rfc3339(one.first_at),
        last_at=rfc3339(one.last_at),
        authors=list(one.authors),
        written_first=one.written[0],
        written_last=one.written[1],
        replaced=one.replaced,
        also=list(one.also),
    )


def change_entry(lineage: Lineage, one: Difference) -> ChangeEntry:
    is_key = one.kind == "key"
    pieces, left_out = one.placed
    return ChangeEntry(
        path=list(one.path),
        kind=one.kind,
        key=one.key,
        before=one.before if is_key else None,
        after=one.after if is_key else None,
        pieces=[
            PlacedPiece(op=piece.op, text=shortened(piece.text), units=utf16_length(piece.text)) for piece in pieces
        ],
        touches=[_touch_entry(lineage, touch) for touch in one.touches],
        at=None if one.at is None else (one.at[0] + left_out, one.at[1] + left_out),
    )


def _touch_entry(lineage: Lineage, touch: Touch) -> TouchEntry:
    origin = None if touch.revision is None else lineage.origin(touch.revision)
    return TouchEntry(
        op=touch.op,
        text=shortened(touch.text),
        revision=touch.revision,
        actor=None if origin is None else origin.actor,
        at=None if origin is None else rfc3339(origin.authored_at),
    )


def history_entry(lineage: Lineage, entry: Entry) -> GroupEntry | EventEntry | None:
    """None for an event that is not there: never, while the log is whole."""
    group, changes, event = entry.group, entry.changes, entry.event
    if event is not None:
        return EventEntry(
            id=str(UUID(bytes=event.id)),
            type=event.type,
            actor=event.actor,
            revision=event.revision,
            recorded_at=rfc3339(event.recorded_at),
            data=_data(event.payload),
        )
    if group is None or changes is None:
        return None
    return GroupEntry(
        actor=group.actor,
        session=group.session,
        first_revision=group.first_revision,
        last_revision=group.last_revision,
        first_at=rfc3339(group.first_at),
        last_at=rfc3339(group.last_at),
        edits=group.edits,
        stretch=group.stretch,
        inserted=changes.inserted,
        deleted=changes.deleted,
        changes=[change_entry(lineage, one) for one in changes.differences],
        more=changes.more,
    )


def _data(payload: bytes | None) -> Any:
    try:
        return None if payload is None else json.loads(payload)
    except (ValueError, RecursionError):
        return None


def version_entry(one: NamedVersion) -> VersionEntry:
    return VersionEntry(
        name=one.name,
        cut=one.token,
        id=str(UUID(bytes=one.event.id)),
        revision=one.event.revision,
        actor=one.event.actor,
        recorded_at=rfc3339(one.event.recorded_at),
        current=one.current,
    )


def shortened(text: str) -> str:
    """*text*, or its beginning and ``…``."""
    return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
