"""What the API needs of the rest of the server, as ports: the composition root brings the parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from keepboth.events import ActorKind, EventId, Micros, Receipt
from keepboth.feeds.consumers import Consumers
from keepboth.feeds.following import Feeds
from keepboth.feeds.webhooks import Deliverer
from keepboth.history.desk import Desk
from keepboth.settings import Settings
from keepboth.store.base import Append, Appended, ConflictStore, EventStore


class Actor(Protocol):
    """Who sends a request, as the ``identify`` hook says. ``id`` is stable; ``name`` is for people."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> ActorKind: ...

    @property
    def name(self) -> str | None: ...


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
    ) -> tuple[Receipt, ...]:
        """Record a Yjs update; its receipts, none if all of it is known already."""

    async def append(self, item: Append) -> Appended:
        """Record events that were decided here. Raises what the store refuses with."""

    def statistics(self) -> dict[str, Any]:
        """Counts: ``rooms``, ``sessions``, ``in_flight``, ``writer``."""


class DetectorPort(Protocol):
    """The conflict engine, as far as a reader of the conflict log must wait for it."""

    async def catch_up(self, document: str, timeout_s: float) -> int:
        """Wait for at most *timeout_s*; return the revision up to which the document's conflicts are known."""

    def statistics(self) -> dict[str, Any]:
        """Counts: ``edits`` looked at, ``seconds`` spent, ``engines`` in memory, revisions ``behind``."""


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that the API works with.

    ``identify`` gets the request and returns (or awaits) an :class:`Actor`, or None for a guest; it raises
    NotAuthorised to refuse. None: everybody is a guest. ``ready`` is false once the server is going down.
    """

    settings: Settings
    store: EventStore
    conflicts: ConflictStore
    desk: Desk
    feeds: Feeds
    consumers: Consumers
    deliverer: Deliverer
    hub: HubPort
    detector: DetectorPort
    identify: Callable[[Any], Any] | None
    now: Callable[[], Micros]
    new_id: Callable[[], EventId]
    ready: Callable[[], bool]
