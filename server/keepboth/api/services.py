"""What the API needs of the rest of the server, as ports: the composition root brings the parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from keepboth.api.titles import Titles
from keepboth.conflicts.choices import Preview, Wish
from keepboth.conflicts.model import Episode
from keepboth.decider.conflicts import Decision, Status
from keepboth.events import ActorKind, Draft, EventId, Micros, Receipt
from keepboth.feeds.consumers import Consumers
from keepboth.feeds.following import Feeds
from keepboth.feeds.webhooks import Deliverer
from keepboth.history.desk import Desk
from keepboth.history.going_back import GoBack, Reversion
from keepboth.reducers.apart import Reductions
from keepboth.settings import Settings
from keepboth.store.base import Append, Appended, EventStore
from keepboth.store.conflict_log import ConflictStore


class Actor(Protocol):
    """Who sends a request, as the ``identify`` hook says. ``id`` is stable; ``name`` is for people."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> ActorKind: ...

    @property
    def name(self) -> str | None: ...


class ClaimPort(Protocol):
    """What a session says of itself: a label for people, not an identity."""

    @property
    def name(self) -> str | None: ...

    @property
    def color(self) -> str | None: ...


class HubPort(Protocol):
    """The live rooms' way in: what is recorded through it is folded and relayed to everybody who is connected."""

    async def append_edit(
        self,
        document: str,
        payload: bytes,
        *,
        actor: Any,
        event_id: EventId | None = None,
        seen: int | None = None,
        session: str | None = None,
        causation_id: str | None = None,
        correlation_id: str | None = None,
        whole: bool = False,
    ) -> tuple[Receipt, ...]:
        """Record a Yjs update, with ``whole`` as one event; its receipts, none if all of it is known already."""

    async def append(self, item: Append) -> Appended:
        """Record events that were decided here. Raises what the store refuses with."""

    def present(self, document: str) -> Sequence[ClaimPort]:
        """What everybody who is connected to *document* says of themselves."""

    def statistics(self) -> dict[str, Any]:
        """Counts: ``rooms``, ``sessions``, ``in_flight``, ``writer``."""


class BellPort(Protocol):
    """Take ``next()`` before looking for news, then wait for it. ``closed``: the server goes down."""

    @property
    def closed(self) -> bool: ...

    def next(self) -> asyncio.Event: ...


class LagPort(Protocol):
    """Revisions: up to which conflicts are ``known``, the engine has ``looked``, the document is."""

    @property
    def document(self) -> str: ...

    @property
    def known(self) -> int: ...

    @property
    def looked(self) -> int: ...

    @property
    def revision(self) -> int: ...


class DetectorPort(Protocol):
    """The conflict engine, as far as a reader of the conflict log must wait for it."""

    async def catch_up(self, document: str, timeout_s: float) -> int:
        """Wait for at most *timeout_s*; return the revision up to which the document's conflicts are known."""

    async def present(self, document: str, ids: Sequence[str], timeout_s: float) -> dict[str, str]:
        """What the document says now where these entries are, by id, as far as that is known within *timeout_s*; 0: if
        it is at hand."""

    def lags(self, document: str | None = None) -> Sequence[LagPort]:
        """Live documents (or this one) that the engine is behind in."""

    @property
    def bell(self) -> BellPort:
        """Rung when the conflict log has changed."""

    def statistics(self) -> dict[str, Any]:
        """Counts: ``edits`` looked at, ``seconds`` spent, engines ``restored`` and in memory (``engines``), revisions
        ``behind``."""


class FoundByLine(Protocol):
    """The entries of one document at line grain, in ``conflicts``, up to ``revision``."""

    @property
    def conflicts(self) -> ConflictStore: ...

    @property
    def revision(self) -> int: ...


class LineLogPort(Protocol):
    """Finds conflicts at line grain when asked."""

    async def look(self, document: str) -> FoundByLine:
        """The entries of a document as it is now. Raises NotFound, OverLimit."""

    async def present(self, document: str, ids: Sequence[str]) -> dict[str, str]:
        """What the document says where these entries are, by id, up to where it was last looked at."""


class ChoicesFound(Protocol):
    """What can be done about one entry of the conflict log. ``revision``: up to which everything was looked at."""

    @property
    def document(self) -> str: ...

    @property
    def episode(self) -> Episode: ...

    @property
    def revision(self) -> int: ...

    @property
    def status(self) -> Status: ...

    @property
    def resolution(self) -> Decision | None: ...

    @property
    def previews(self) -> list[Preview]: ...


class ActedOn(Protocol):
    """What was recorded about an entry: the decision, and the edit if one was needed."""

    @property
    def document(self) -> str: ...

    @property
    def id(self) -> str: ...

    @property
    def receipts(self) -> tuple[Receipt, ...]: ...

    @property
    def preview(self) -> Preview | None: ...


class ResolverPort(Protocol):
    """The way in for whoever acts on a conflict. ``document`` is needed where the entry may not be stored yet."""

    async def choices(self, id: str, document: str | None = None, text: str | None = None) -> ChoicesFound:
        """What can be done about an entry, each choice with its result."""

    async def resolve(
        self,
        id: str,
        wish: Wish,
        who: Any,
        *,
        document: str | None = None,
        seen: int | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> ActedOn:
        """Carry out a choice. Raises ConditionFailed, PlaceChanged."""

    async def reopen(
        self,
        id: str,
        who: Any,
        *,
        document: str | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> ActedOn:
        """Take a resolution back."""

    async def mark_seen(
        self,
        id: str,
        who: Any,
        *,
        document: str | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> ActedOn:
        """Note that somebody has looked at an entry."""


class RevertedTo(Protocol):
    """What was recorded: the decision, and the edit if one was needed. ``worked`` is None for a repeated request."""

    @property
    def document(self) -> str: ...

    @property
    def receipts(self) -> tuple[Receipt, ...]: ...

    @property
    def worked(self) -> Reversion | None: ...


class ReverterPort(Protocol):
    """The way in for whoever goes back."""

    async def preview(self, document: str, wish: GoBack) -> Reversion:
        """What a wish leads to now, and what the document will say."""

    async def revert(
        self,
        document: str,
        wish: GoBack,
        who: Any,
        *,
        seen: int | None = None,
        event_id: EventId | None = None,
        session: str | None = None,
    ) -> RevertedTo:
        """Carry out a wish. Raises PlaceChanged."""


class IntroducePort(Protocol):
    """What says the name of whoever decides, to be recorded in front of the decision."""

    async def __call__(
        self, document: str, who: Actor, session: str | None, event_id: EventId | None = None
    ) -> list[Draft]:
        """Nothing if the log knows the name already, or the decision *event_id*."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the API works with.

    ``identify`` gets the request and returns (or awaits) an :class:`Actor`, or None for a guest; it raises
    NotAuthorised to refuse. None: everybody is a guest. ``ready`` is false once the server is going down.
    """

    settings: Settings
    store: EventStore
    conflicts: ConflictStore
    line_log: LineLogPort
    desk: Desk
    feeds: Feeds
    consumers: Consumers
    deliverer: Deliverer
    reductions: Reductions
    hub: HubPort
    detector: DetectorPort
    resolver: ResolverPort
    reverter: ReverterPort
    introduce: IntroducePort
    titles: Titles
    identify: Callable[[Any], Any] | None
    now: Callable[[], Micros]
    new_id: Callable[[], EventId]
    ready: Callable[[], bool]
