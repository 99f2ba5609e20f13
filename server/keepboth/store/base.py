"""The store's port: what every event store offers, in terms that a second database could meet.

All calls block; callers run them off the event loop. Implementations are ``memory`` and ``sqlite``; one contract
suite (``tests/store/``) runs against both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from keepboth.errors import KeepBothError
from keepboth.events import (
    ActorKind,
    Condition,
    Context,
    ContextSource,
    Disposition,
    Draft,
    Event,
    EventId,
    Micros,
    Receipt,
)


class Original(NamedTuple):
    """What a copy keeps of an event besides its draft. ``salt``: the 16 random bytes of the payload's digest.

    ``salt`` None: payload and salt are erased (the draft's payload is empty); digest and length stand for them.
    ``message_digest`` without a raw message in the draft: that was erased.
    """

    salt: bytes | None
    payload_digest: bytes = b""
    payload_len: int = 0
    message_digest: bytes | None = None


@dataclass(slots=True)
class Append:
    """Drafts for one document that are recorded all or none, consecutively, if ``condition`` holds.

    ``create`` names who creates the document if this is its first event: the store then records ``create`` (a
    ``document.created`` draft) first, in the same transaction; its receipt is not part of the answer.
    ``check_ids`` says that the drafts' ids came from outside (or repeat something), so that each must be looked up
    before it is written; ids that the server has just minted need no look-up.
    ``at`` fixes ``recorded_at``, and ``originals`` say of each draft what the event it is a copy of had (imports only:
    with both, a stream keeps its hashes). ``at`` may lie before the log's last event, not before the document's.
    A copy is never rekeyed: if its id is taken by other content, that is an IdentityClash.
    """

    document: str
    drafts: Sequence[Draft]
    condition: Condition | None = None
    create: Draft | None = None
    check_ids: bool = False
    at: Micros | None = None
    originals: Sequence[Original] = ()


class Appended(NamedTuple):
    """All drafts of an item are durable. One receipt a draft, in order. ``created`` if ``create`` was recorded too:
    its receipt. ``document_hash`` is the document's chain hash after the item (as it is now, if all were duplicates).
    """

    receipts: tuple[Receipt, ...]
    created: Receipt | None = None
    document_hash: bytes = b""


class Refused(NamedTuple):
    """Nothing of the item was written: ``error`` says why (ConditionFailed carries the events)."""

    error: KeepBothError


AppendResult = Appended | Refused


class Head(NamedTuple):
    """The end of the log: ``position`` of the last event (0 when empty) and the chain's hash there."""

    position: int
    commit_hash: bytes


class CommitRow(NamedTuple):
    """One commit of the chain: the positions it covers and the log's hash after it."""

    first: int
    last: int
    commit_hash: bytes


class WholeEvent(NamedTuple):
    """An event with what copies need besides: the salt of its payload digest, None once erased."""

    event: Event
    salt: bytes | None


class DocumentRow(NamedTuple):
    """One document as the log knows it. Times in UTC microseconds."""

    document: str
    revision: int
    document_hash: bytes
    created_at: Micros
    updated_at: Micros
    edits: int


class FoldRow(NamedTuple):
    """What a fold needs of one edit, and no more."""

    revision: int
    disposition: Disposition
    payload: bytes | None


class EventLine(NamedTuple):
    """Who, when and in what context: what history needs of one event besides its payload, cheaply."""

    revision: int
    type: str
    actor: str
    actor_kind: ActorKind
    session: str | None
    recorded_at: Micros
    authored_at: Micros
    correlation_id: str | None
    context: Context | None


class EditRow(NamedTuple):
    """What the conflict engine needs of one edit, and no more."""

    revision: int
    disposition: Disposition
    payload: bytes | None
    actor: str
    session: str | None
    context: Context | None
    context_source: ContextSource


class Problem(NamedTuple):
    """One place where the log disagrees with itself."""

    position: int
    document: str
    revision: int
    what: str


class EventStore(Protocol):
    """An append-only log of events, grouped in streams by document."""

    @property
    def store_id(self) -> str:
        """A UUID minted with the store; survives restarts, differs between stores."""

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        """Record *items* in order, one answer each; durable when it returns.

        One bad item never fails the others. Safe to repeat for ever: an item whose drafts are all recorded already
        answers ``duplicate`` with the original receipts, before its condition is looked at. Identity:

        * an edit's identity is its ``id`` and, where ``session_seq`` is set, also (document, session, session_seq,
          part). Same identity, same document and same payload: ``duplicate``. Same identity, other content: recorded
          under :func:`~keepboth.events.rekeyed_id` of the id that holds the identity, with ``session_seq`` None and
          status ``rekeyed`` (a repeat of *that* is a ``duplicate``, whatever id it carries).
        * any other event under a taken id: same type, document and payload is a ``duplicate``, else
          :class:`~keepboth.errors.IdentityClash` with both digests.
        * an erased payload cannot be compared: one of the same length counts as the same, lest a repeat bring it back.

        ``recorded_at`` is the same for a batch and never less than any before. An ``authored_at`` after it is clamped
        to it, with ``time_quality`` ``clamped``. What can never be recorded (an id of 5 bytes) is Refused with
        InvalidRequest or OverLimit.

        Raises NotDurableNow if the whole batch could not be written (then nothing was).
        """

    def append_commits(self, commits: Sequence[Sequence[Append]]) -> list[list[AppendResult]]:
        """:meth:`append` for each of *commits* in order, all of them durable together: each keeps a link of its own in
        the chain of commits (imports only). Raises NotDurableNow if they could not be written (then nothing was)."""

    @property
    def wants_tidying(self) -> bool:
        """True if :meth:`tidy` has something to do. Costs nothing to ask."""

    def tidy(self) -> None:
        """Do what can wait until those who appended have been answered. Takes its time; from any thread, while others
        append. What it cannot do now it leaves for later, and may raise NotDurableNow."""

    def get(self, event_id: EventId) -> Event | None:
        """The event with this id, or None."""

    def by_session(self, document: str, session: str, session_seq: int) -> list[Event]:
        """The events cut out of one message of a session, by ``part``."""

    def session_head(self, document: str, session: str) -> int:
        """The greatest ``session_seq`` recorded for the session in this document, 0 if none."""

    def session_clients(self, document: str) -> dict[int, tuple[str, str, ActorKind]]:
        """Yjs client id -> (session, actor, actor kind) of the first event that brought content of it."""

    def read(
        self,
        document: str | None = None,
        *,
        after: int = 0,
        until: int | None = None,
        types: Sequence[str] = (),
        actors: Sequence[str] = (),
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[Event]:
        """Events in order. ``after`` (exclusive) and ``until`` (inclusive) are revisions of *document*, or positions
        if *document* is None. With ``reverse`` the newest come first. At most ``limit`` events; never more than
        10,000 a call."""

    def read_whole(
        self, document: str | None = None, *, after: int = 0, until: int | None = None, limit: int = 1000
    ) -> list[WholeEvent]:
        """:meth:`read` for copies: every event with its salt."""

    def commits(self, *, after: int = 0, limit: int = 1000) -> list[CommitRow]:
        """The commits whose last position is greater than *after*, in order."""

    def fold_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[FoldRow]:
        """The edits of *document* with ``after < revision <= until``, cheaply, in order, at most *limit*."""

    def lines(
        self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000, contexts: bool = True
    ) -> list[EventLine]:
        """The events of *document* with ``after < revision <= until``, without content, in order, at most *limit*.

        ``contexts`` False: ``context`` is None in all of them, which makes reading them a third cheaper."""

    def revision_at(self, document: str, position: int) -> int:
        """The last revision of *document* at or before *position* of the log, 0 if there is none."""

    def edit_rows(self, document: str, *, after: int = 0, until: int | None = None, limit: int = 2000) -> list[EditRow]:
        """The edits of *document* with ``after < revision <= until`` and who made them, in order, at most *limit*."""

    def head(self) -> Head:
        """The end of the log."""

    def document(self, document: str) -> DocumentRow | None:
        """One document, or None if it has no event."""

    def hash_at(self, document: str, revision: int) -> bytes | None:
        """The document's chain hash at *revision*, or None if there is no such revision."""

    def documents(self, *, after: str = "", limit: int = 100) -> list[DocumentRow]:
        """Documents whose name sorts after *after* (by code points), ascending."""

    def newest_documents(self, *, before: tuple[Micros, str] | None = None, limit: int = 100) -> list[DocumentRow]:
        """Documents by ``updated_at`` and name, descending; *before*: only those behind that place of the order."""

    def peek(self, document: str, condition: Condition) -> list[Event] | None:
        """None if *condition* holds now, else the events that make it false (at most 100, oldest first; the list can
        be empty, when a document is expected and none exists; for a document that should be absent it is the first).
        Writes nothing."""

    def message(self, digest: bytes) -> bytes | None:
        """The raw message with this SHA-256 digest, if it was kept apart from its events' payloads and not erased."""

    def salt(self, event_id: EventId) -> bytes | None:
        """The 16 bytes in front of the payload in its digest (exports only); None once erased, or for no event."""

    def blank(self, document: str, revisions: Sequence[int]) -> int:
        """Erase the payloads of these events, their salts, and the raw messages that held them; return how many
        payloads that were there are gone. The events stay, and so do their digests and hashes. Raises NotDurableNow."""

    def wait(self, after: int, timeout_s: float) -> int:
        """Block until the head's position is greater than *after* or the time is over; return the head's position."""

    def verify(self, progress: Callable[[int, int], None] | None = None) -> Iterator[Problem]:
        """Recompute every hash, digest, gap and counter of the log; yield what does not agree."""

    def statistics(self) -> dict[str, Any]:
        """Sizes and counts for people who run the server."""

    def close(self) -> None:
        """Finish and release the file."""
