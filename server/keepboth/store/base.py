"""The store's port: what every event store offers, in terms that a second database could meet.

All calls block; callers run them off the event loop. Implementations are ``memory`` and ``sqlite``; one contract
suite (``tests/store/``) runs against both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

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


Status = Literal["open", "settled", "resolved"]
Order = Literal["document", "newest", "attention"]
"""By (document, first revision, id); by recorded time, newest first; missing text, then *mine*, then newest."""


class StoredEpisode(NamedTuple):
    """One entry of the conflict log as the projection keeps it; ``body`` is canonical JSON (sorted keys).

    ``status`` and ``state`` are what decisions have made of it; ``state`` is canonical JSON. ``first_at`` and
    ``last_at``: when its first and its last edit were recorded. ``text``: what a search looks in. ``hidden``: why it
    stays behind the footer while it is open, "" if it does not. ``stretch``: the offline stretch that it is told with,
    "" if none. An id is unique within its document. ``met``: the revision at which its versions met, the first edit of
    the side that came last. ``anchors``: its first and its last item as JSON, ``[[client, clock], [client, clock]]``;
    "" where it lies in no sequence.
    """

    id: str
    document: str
    first_revision: int
    last_revision: int
    certain: bool
    kinds: tuple[str, ...]
    actors: tuple[str, ...]
    body: bytes
    status: Status = "open"
    severity: str = "same-gap"
    self_only: bool = False
    double_initialisation: bool = False
    first_at: Micros = 0
    last_at: Micros = 0
    state: str = "{}"
    text: str = ""
    hidden: str = ""
    stretch: str = ""
    met: int = 0
    anchors: str = ""


class Placed(NamedTuple):
    """Where one entry lies, and of what sort it is: the columns of `StoredEpisode` that need no body."""

    id: str
    status: Status
    severity: str
    certain: bool
    hidden: str
    met: int
    last_revision: int
    anchors: str


class Places(NamedTuple):
    """Entries' places in order, and the cursor of the page after them; None if there is none."""

    places: list[Placed]
    next: str | None


class Met(NamedTuple):
    """The entries whose versions met at revision ``met`` and that are alike ``shown`` or behind the footer: their
    ``number``, and the one of the greatest id."""

    met: int
    shown: bool
    number: int
    id: str
    first_revision: int
    last_revision: int
    status: Status
    severity: str
    certain: bool


class Wanted(NamedTuple):
    """Which entries: every condition that is set must hold; where one has several values, any of them does.
    ``hidden``: those behind the footer, which those that are not open are, too.

    ``since`` and ``until``: those with an edit recorded in between, both included. ``text``: each of its words occurs
    in an entry's texts, whatever the case, also within a word. ``met_since`` and ``met_until``: those whose versions
    met at one of these revisions, both included. ``anchored``: those that lie in a sequence.
    """

    document: str | None = None
    statuses: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    actor: str | None = None
    certain: bool | None = None
    self_only: bool | None = None
    double_initialisation: bool | None = None
    since: Micros | None = None
    until: Micros | None = None
    text: str = ""
    hidden: bool | None = None
    stretch: str | None = None
    met_since: int | None = None
    met_until: int | None = None
    anchored: bool | None = None


class Page(NamedTuple):
    """Entries in order, and the cursor of the page after them; None if there is none."""

    episodes: list[StoredEpisode]
    next: str | None


class Counts(NamedTuple):
    """How many entries there are of each sort. ``hidden`` counts every entry behind the footer once: by its status if
    it is not open, else by why it is hidden. ``documents``: (document, entries, of which open), most open first."""

    total: int
    statuses: dict[str, int]
    severities: dict[str, int]
    kinds: dict[str, int]
    certain: int
    self_only: int
    double_initialisation: int
    hidden: dict[str, int]
    documents: list[tuple[str, int, int]]


class Change(NamedTuple):
    """One thing that is different since a change number.

    ``entry``: ``episode`` is new (``fresh``), or its status is another (``turned``), or something else of it.
    ``superseded``: the entry ``id`` has become part of ``into``. ``reset``: entries of the document are gone; forget
    what you know of it.
    """

    number: int
    what: Literal["entry", "superseded", "reset"]
    document: str
    id: str = ""
    into: str = ""
    episode: StoredEpisode | None = None
    fresh: bool = False
    turned: bool = False


class ConflictStore(Protocol):
    """The conflict log: a projection. It lives in a file of its own that may be deleted at any time.

    Rows belong to an engine ``version``; opening with another version drops them, and they are rebuilt. Whatever
    changes gets the next change number; numbers never decrease within an ``epoch``.
    """

    @property
    def epoch(self) -> str:
        """Names the life of the projection: another one after it was begun anew or dropped whole."""

    def cursor(self, document: str) -> tuple[int, bytes]:
        """(revision, document hash) up to which the document's conflicts are stored; (0, b"") if none."""

    def advance(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        upserts: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> None:
        """Store new or changed episodes, redirect superseded ids (old, new) and move the cursor, in one transaction.
        Superseded episodes' rows are removed; their ids keep resolving to the newest. What is stored already gets no
        new change number."""

    def replace(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        episodes: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> bool:
        """Make this all there is of *document*, in one transaction; former ids that still lead somewhere stay. False,
        and nothing is done, if what is stored reaches beyond *revision* by now."""

    def documents(self) -> Sequence[str]:
        """Every document of which something is stored."""

    def judge(self, document: str, decided: int, judged: Sequence[tuple[str, Status, str]]) -> None:
        """Store what decisions up to revision *decided* have made of entries: (id, status, state)."""

    def decided(self, document: str) -> int:
        """The revision of the last decision that :meth:`judge` was told of, 0 if none."""

    def list(
        self,
        document: str | None = None,
        *,
        after: str = "",
        limit: int = 100,
        certain: bool | None = None,
    ) -> list[StoredEpisode]:
        """Episodes by (document, first_revision, id), ascending; *after* is the id of the last one seen."""

    def page(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Page:
        """Entries in *order* behind the cursor *after*: what stays where it is appears exactly once, whatever comes or
        goes meanwhile. *mine* is an actor, for ``attention``. Raises InvalidRequest for another order's cursor."""

    def places(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Places:
        """As :meth:`page`, but only where entries lie: reads no bodies."""

    def met(self, document: str) -> Sequence[Met]:
        """How many of the document's entries met at which revision, ascending; what is shown before what is not."""

    def count(self, document: str | None = None) -> int:
        """How many episodes there are."""

    def counts(self, wanted: Wanted, *, documents: int = 100) -> Counts:
        """How many of each sort among *wanted*; at most so many documents are named."""

    def get(self, episode_id: str, document: str | None = None) -> StoredEpisode | None:
        """The episode with this id, or the one that it became part of, or None. Raises InvalidRequest if no document
        is named and several have one."""

    def change(self) -> int:
        """The last change number, 0 if nothing has changed."""

    def changes(self, after: int, document: str | None = None, limit: int = 100) -> Sequence[Change]:
        """What is different since change number *after*, oldest first; each thing once, as it is now."""

    def drop(self, document: str | None = None) -> None:
        """Forget everything about *document* (or all documents): it will be rebuilt."""

    def close(self) -> None:
        """Finish and release the file."""
