"""The bodies of requests and answers, as OpenAPI shows them.

Times are RFC 3339 in UTC with microseconds, hashes hexadecimal, ids the usual text of a UUID.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from keepboth.events import (
    ActorKind,
    Condition,
    ContextSource,
    Disposition,
    DocumentAbsent,
    DocumentExists,
    ExpectedRevision,
    NoneSince,
    Receipt,
    ReceiptStatus,
    TimeQuality,
    id_text,
)

MAX_INT = (1 << 63) - 1
MAX_TYPE = 200
MAX_ROOTS = 100

Revision = Annotated[int, Field(ge=0, le=MAX_INT)]


class Strict(BaseModel):
    """A request body: a field that is not known is an error, not a silent loss."""

    model_config = ConfigDict(extra="forbid")


# -- documents -------------------------------------------------------------------------------------------------------


class ConflictSummary(BaseModel):
    """How many entries the conflict log has, and up to which revision that is known."""

    count: int
    known_revision: int
    complete: bool = Field(description="false while the engine is behind: more may come")


class DocumentSummary(BaseModel):
    """One document as a list shows it."""

    document: str
    title: str | None
    archived: bool
    revision: int
    edits: int
    created_at: str
    updated_at: str


class Present(BaseModel):
    """Somebody who has a document open, as their editor calls them: nobody has checked it."""

    name: str | None
    color: str | None


class ListedDocument(DocumentSummary):
    """One document of a list, with who is there and what is to be looked at."""

    present: list[Present] = Field(description="everybody who is connected, each connection once")
    open: int = Field(description="collisions that are open and not hidden, as far as they are known")


class DocumentList(BaseModel):
    """A page of documents. ``next`` is the address of the page after it."""

    documents: list[ListedDocument]
    next: str | None


class Document(DocumentSummary):
    """One document. ``hash`` is its chain hash at ``revision``."""

    hash: str
    approved_at: int | None = Field(description="the revision that was approved last")
    approved_by: str | None
    conflicts: ConflictSummary


class CreateDocument(Strict):
    """Create a document. Repeating it with the same ``id`` and content is safe."""

    document: str
    title: str | None = None
    content: dict[str, str] = Field(default_factory=dict, description="text by root name", max_length=MAX_ROOTS)
    id: UUID | None = None


class RenameDecision(Strict):
    type: Literal["rename"]
    title: str
    id: UUID
    seen: Revision | None = None


class ArchiveDecision(Strict):
    type: Literal["archive"]
    id: UUID
    seen: Revision | None = None


class RestoreDecision(Strict):
    type: Literal["restore"]
    id: UUID
    seen: Revision | None = None


class ApproveDecision(Strict):
    """Approve the document as it is at revision ``at``; refused if an edit came after it."""

    type: Literal["approve"]
    at: Annotated[int, Field(ge=1, le=MAX_INT)]
    id: UUID


Decision = Annotated[RenameDecision | ArchiveDecision | RestoreDecision | ApproveDecision, Field(discriminator="type")]


# -- state -----------------------------------------------------------------------------------------------------------


class Root(BaseModel):
    """One root of a document: its type and what it says."""

    type: Literal["text", "map", "array", "xml"]
    value: Any


class State(BaseModel):
    """What a document says at one moment."""

    document: str
    revision: int = Field(description="the last one that shows")
    hash: str = Field(description="of the document's chain at that revision")
    cut: str = Field(description="a token that asks for the same state again")
    pending: int = Field(description="edits recorded by then that wait for others and are not part of the document yet")
    quarantined: int = Field(description="edits that the CRDT cannot read")
    roots: dict[str, Root]


# -- events ----------------------------------------------------------------------------------------------------------


class CloudEvent(BaseModel):
    """A recorded event as a CloudEvent 1.0; attributes without a value are left out."""

    model_config = ConfigDict(extra="forbid")

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str
    time: str
    recordedtime: str
    sequence: Annotated[str, Field(pattern=r"^\d{20}$", description="the position in the whole log")]
    partitionkey: str
    docrevision: int
    dochash: str
    datacontenttype: str
    authid: str
    authtype: str
    actorkind: ActorKind
    timequality: TimeQuality
    disposition: Disposition
    session: str | None = None
    relayedby: str | None = None
    correlationid: str | None = None
    causationid: str | None = None
    contextsource: ContextSource | None = None
    context: str | None = None
    erased: bool | None = None
    data: Any = None
    data_base64: str | None = None


class MissingRange(BaseModel):
    """Content that a pending edit waits for."""

    client: int
    clock: int
    length: int


class ReceiptBody(BaseModel):
    """What became of one event."""

    document: str
    status: ReceiptStatus
    id: str
    position: int
    revision: int
    recorded_at: str
    disposition: Disposition
    missing: list[MissingRange] = Field(default_factory=list)


class EditReceipts(BaseModel):
    """What became of an edit. ``duplicate`` without receipts: everything in it was known from other edits."""

    document: str
    status: ReceiptStatus
    receipts: list[ReceiptBody]


class NoneSinceBody(Strict):
    revision: Revision
    types: list[str] = Field(default_factory=list, max_length=100, description="any type if empty")


class ConditionBody(Strict):
    """Exactly one of these."""

    document_absent: Literal[True] | None = None
    document_exists: Literal[True] | None = None
    expected_revision: Revision | None = None
    none_since: NoneSinceBody | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> ConditionBody:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a condition has exactly one member, this one {len(given)}")
        return self

    def condition(self) -> Condition:
        """The condition as the store knows it."""
        if self.document_absent:
            return DocumentAbsent()
        if self.document_exists:
            return DocumentExists()
        if self.expected_revision is not None:
            return ExpectedRevision(self.expected_revision)
        assert self.none_since is not None
        return NoneSince(self.none_since.revision, frozenset(self.none_since.types))


class OwnEvent(Strict):
    """An application's own event; its type must not start with one of KeepBoth's prefixes."""

    id: UUID
    type: Annotated[str, Field(min_length=1, max_length=MAX_TYPE, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    data: Any = None
    condition: ConditionBody | None = None
    correlation_id: Annotated[str, Field(max_length=200)] | None = None
    causation_id: Annotated[str, Field(max_length=200)] | None = None


class EditBody(Strict):
    """A Yjs update in JSON, for clients that cannot send bytes."""

    update: Annotated[str, Field(description="the update v1, base64")]
    id: UUID | None = None
    seen: Revision | None = None
    correlation_id: Annotated[str, Field(max_length=200)] | None = None
    causation_id: Annotated[str, Field(max_length=200)] | None = None


class Peeked(BaseModel):
    """Whether a condition holds, and the events (at most 100) that make it false."""

    document: str
    revision: int = Field(description="the document's revision just before it was asked; 0: there is none")
    holds: bool
    events: list[CloudEvent]


# -- health and errors -----------------------------------------------------------------------------------------------


class Alive(BaseModel):
    status: Literal["ok"]


class Ready(BaseModel):
    status: Literal["ready"]
    position: int = Field(description="the position of the last event")


class ServerState(BaseModel):
    """What this process does and how far behind it is. Counters run from the start of the process."""

    version: str
    store_id: str
    position: int = Field(description="the position of the last event")
    live: dict[str, Any] = Field(description="rooms, sessions, edits in flight, the writer's counters")
    conflicts: dict[str, Any] = Field(
        description="edits looked at, seconds spent, engines restored, engines in memory, revisions behind"
    )
    feeds: dict[str, Any] = Field(description="readers of feeds; webhooks, deliveries, failed attempts, parked events")
    store: dict[str, Any] = Field(description="sizes and counts of the log")


class Problem(BaseModel):
    """An error (RFC 9457). Facts are members of their own; ``condition-failed`` carries ``events``."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    code: str
    events: list[CloudEvent] | None = None


def receipt_fields(document: str, receipt: Receipt, recorded_at: str) -> ReceiptBody:
    """The answer for one receipt."""
    return ReceiptBody(
        document=document,
        status=receipt.status,
        id=id_text(receipt.id),
        position=receipt.position,
        revision=receipt.revision,
        recorded_at=recorded_at,
        disposition=receipt.disposition,
        missing=[MissingRange(client=c, clock=k, length=n) for c, k, n in receipt.missing],
    )
