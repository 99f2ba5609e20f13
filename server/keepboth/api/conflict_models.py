"""The conflict log as OpenAPI shows it. Times are RFC 3339 in UTC with microseconds unless a field says otherwise."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from keepboth.api.card_models import CardBody, NoticeBody, SentenceBody
from keepboth.conflicts.model import Kind, Severity
from keepboth.events import TimeQuality
from keepboth.store.conflict_log import Status
from keepboth.telling.attention import Hidden


class ConflictSide(BaseModel):
    """What one person wrote at this place. ``name`` may be claimed: nobody has checked it unless the actor is known."""

    model_config = ConfigDict(extra="allow")

    actor: str
    name: str | None
    text: str
    revisions: list[int]
    session: str | None = Field(description="which device, where one person collided with themselves")
    lost: str = Field(description="what of it the merge does not show")
    formats: list[tuple[str, str]] = Field(description="formats set here: name, value as JSON")


class ConflictStep(BaseModel):
    """One step from a root to the place of a collision."""

    of: Literal["root", "key", "index"]
    at: str | int
    name: str | None = Field(description="of the XML element that is entered")


class Resolution(BaseModel):
    """Who has resolved an entry, when, and by which choice. ``id`` is that of the event."""

    id: str
    revision: int
    actor: str
    name: str | None
    recorded_at: str
    choice: str | None


class AnchoredItem(BaseModel):
    client: int
    clock: int


class Anchor(BaseModel):
    """A Yjs relative position as JSON (pycrdt: a sticky index)."""

    item: AnchoredItem
    assoc: int


class Anchors(BaseModel):
    """The places before the first and behind the last item of an entry."""

    start: Anchor
    end: Anchor


class Conflict(BaseModel):
    """One entry of the conflict log: concurrent edits that touched. See the fields in ``docs/conflicts.md``."""

    model_config = ConfigDict(extra="allow")

    id: str
    document: str
    status: Status
    severity: Severity
    certain: bool
    kinds: list[Kind]
    interleaved: bool
    capped: bool
    self_only: bool
    double_initialisation: bool
    settled_by: int | None
    root: str
    key: str | None
    path: list[ConflictStep]
    line: int | None
    heading: str | None
    first_revision: int
    last_revision: int
    revisions: list[int]
    first_at: str = Field(description="when the first of its edits was recorded")
    last_at: str = Field(description="when the last of its edits was recorded")
    base: str
    sides: list[ConflictSide]
    merged: str
    before: str
    after: str
    anchor_first: tuple[int, int]
    anchor_last: tuple[int, int]
    anchors: Anchors | None = Field(description="where it begins and ends, for editors; null for a map key")
    resolution: Resolution | None = Field(description="the resolution in force")
    seen_by: list[str] = Field(description="actors who have looked at it as it is")
    card: CardBody


class Lag(BaseModel):
    """A document whose newest edits have not been looked at yet."""

    document: str
    known_revision: int
    revision: int


class ConflictList(BaseModel):
    """A page of the conflict log.

    ``complete`` is false while the engine is behind: an empty page then does not mean that there are none. ``behind``
    names documents (at most 20) that it still looks at; ``known_revision`` and ``revision`` are given for one document.
    """

    conflicts: list[Conflict]
    count: int = Field(description="entries in the conflict log, whatever the filter")
    complete: bool
    behind: list[Lag]
    known_revision: int | None
    revision: int | None
    next: str | None


class ConflictPlaces(BaseModel):
    """Where entries lie, a row each. ``complete`` and the rest as in the list."""

    fields: list[str] = Field(description="what the columns of a row are")
    places: list[
        tuple[
            str, Status, Severity, bool, Hidden | Literal[""], int, int, tuple[tuple[int, int], tuple[int, int]] | None
        ]
    ]
    count: int = Field(description="entries of the document, whatever the filter")
    complete: bool
    behind: list[Lag]
    known_revision: int | None
    revision: int | None
    next: str | None


class DocumentConflicts(BaseModel):
    """How many entries a document has, and how many of them are open."""

    document: str
    total: int
    open: int


class ConflictCounts(BaseModel):
    """How many entries of each sort. While ``complete`` is false, there may be more."""

    total: int
    statuses: dict[Status, int]
    severities: dict[Severity, int]
    kinds: dict[Kind, int]
    certain: int
    possible: int
    self_only: int
    double_initialisation: int
    shown: int
    hidden: dict[Hidden, int] = Field(description="behind the footer, each under one reason")
    edits: int = Field(description="of the document, or of all")
    people: int = Field(description="who wrote them")
    footer: list[SentenceBody] = Field(description="what goes under a list of these")
    documents: list[DocumentConflicts] = Field(description="those with most that is open first, at most 100")
    complete: bool
    behind: list[Lag]
    known_revision: int | None
    revision: int | None


class ConflictEvent(BaseModel):
    """One of the edits that met."""

    revision: int
    id: str
    actor: str
    name: str | None
    session: str | None
    recorded_at: str
    authored_at: str
    time_quality: TimeQuality


class ConflictDetail(BaseModel):
    """One entry with the edits behind it (the first 200) and how far the conflict log is known."""

    conflict: Conflict
    events: list[ConflictEvent]
    known_revision: int
    revision: int
    complete: bool


class FeedConflict(BaseModel):
    """Data of `conflict` (an entry is new or changed), `settled`, `resolved` and `reopened` (its status changed)."""

    conflict: Conflict


class FeedSuperseded(BaseModel):
    """Data of `superseded`: the entry ``old`` has become part of ``new``."""

    document: str
    old: str
    new: str


class FeedReset(BaseModel):
    """Data of `reset`: entries are gone. Forget what you know of the document, or of all, and read the list again."""

    document: str | None


class FeedReady(BaseModel):
    """Data of `ready`, the first event: how far everything is known. Its id is where the log was then."""

    complete: bool
    behind: list[Lag]
    known_revision: int | None
    revision: int | None


class FeedNotice(BaseModel):
    """Data of `notice`: somebody came back. Replaces an earlier one of the same ``correlation_id``."""

    notice: NoticeBody


class FeedProgress(BaseModel):
    """Data of `progress`: up to which revision conflicts of a document are ``known`` and the engine has ``looked``, and
    where it is. ``complete``: the engine has caught up."""

    document: str
    known: int
    looked: int
    revision: int
    complete: bool


class FeedEvent(BaseModel):
    """One server-sent event. ``data`` is JSON. Events that change what a list would show have an ``id``."""

    id: str | None = None
    event: Literal["ready", "conflict", "settled", "resolved", "reopened", "superseded", "reset", "notice", "progress"]
    data: FeedConflict | FeedSuperseded | FeedReset | FeedNotice | FeedProgress | FeedReady
