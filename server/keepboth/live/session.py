"""One editing session: who it is, what it has been sent, what it has proved or declared to have seen.

A session belongs to one room and, while connected, to one connection. Nothing here touches a socket: the connection
is a port with four verbs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from keepboth.decider.edits import Owner, OwnStretch, named_of_others
from keepboth.decider.identity import Identity
from keepboth.errors import KeepBothError
from keepboth.events import ActorKind, Context, ContextSource, Micros, Seen
from keepboth.live.asking import Asked
from keepboth.live.presence import NO_CLAIM, Claim
from keepboth.yjs.structs import Update


class Actor(NamedTuple):
    """Who a connection belongs to, as the ``identify`` hook says. ``id`` is stable; ``name`` is for people."""

    id: str
    kind: ActorKind = "human"
    name: str | None = None


class Connection(Protocol):
    """What a session needs of its transport. All calls return at once."""

    behind: bool
    """More than ``outbox_bytes`` have been written that the network has not taken yet."""

    @property
    def write(self) -> Callable[[bytes], None]:
        """Sends prebuilt WebSocket frames."""

    @property
    def hold(self) -> Callable[[bool], None]:
        """Stops (or goes on) reading from the peer."""

    def close(self, error: KeepBothError) -> None:
        """Close with the error's close code."""


class Gone(NamedTuple):
    """What is remembered of a session between two connections."""

    at: Micros
    sent: int
    lower: int


class _KnownContext(NamedTuple):
    """The context of a session's last edit, and what it followed from: the next edit's is usually the same."""

    lower: int
    sent: int
    seen: Seen
    context: Context
    source: ContextSource


@dataclass(slots=True, eq=False)
class Session:
    """The state of one editing session. ``id`` may change once, when a stock client's Yjs id becomes known.

    ``sent`` is the release point up to which the peer has been written everything; ``lower`` the greatest one that it
    has proved to have applied; ``seen`` what it declares (declared sessions only). ``arrived_with`` is the most that a
    stock client can have had when it connected: what it answers to our opening step 1 was written with that, since it
    reads our step 1 before our step 2. None once that answer has come. ``echoes``: it sends back as its own every
    change it is sent, as ``pycrdt.Provider`` does, so a delete of its is news only if nobody else's. ``linked``: it has
    shown something of others that we had not sent it (tabs of one browser talk to each other, for one).
    """

    connection: Connection
    id: str
    actor: Actor | None = None
    clients: frozenset[int] = frozenset()
    declared: bool = False
    synced: bool = False
    closed: bool = False
    one_frame_per_event: bool = False
    echoes: bool = False
    linked: bool = False
    sent: int = 0
    first_vector: dict[int, int] = field(default_factory=dict)
    step2_revision: int = 0
    arrived_with: int | None = None
    lower: int = 0
    seen: Seen = field(default_factory=Seen)
    next_seq: int = 1
    recorded_seq: int = 0
    gone: Gone | None = None
    backlog: deque[tuple[Session, bytes]] | None = None
    next_authored_at: Micros | None = None
    clock_offset: Micros = 0
    stretches: tuple[OwnStretch, ...] = ()
    offline_until_seq: int = 0
    correlation_id: str | None = None
    away_from: Micros | None = None
    awareness: set[int] = field(default_factory=set)
    asked: Asked = field(default_factory=Asked)
    active_at: float = -1e9
    claim: Claim = NO_CLAIM
    in_flight: int = 0
    held_since: float | None = None
    behind_since: float | None = None
    last_resync: float = -10.0
    edits: int = 0
    _owner: Owner | None = None
    _context: _KnownContext | None = None

    @property
    def owner(self) -> Owner:
        """Who its edits are recorded for."""
        if self._owner is None or self._owner.session != self.id:
            if self.actor is not None:
                self._owner = Owner(self.id, self.actor.id, self.actor.kind)
            else:
                self._owner = Owner(self.id, f"guest:{self.id}", "anonymous")
        return self._owner

    @property
    def may_echo(self) -> bool:
        """True if a bare delete of this session may be somebody else's that it sends back: it has been seen to do so,
        or it shows no awareness (``pycrdt.Provider``)."""
        return not self.declared and (self.echoes or not self.awareness)

    def prove(self, update: Update, identity: Identity, late: dict[int, int]) -> int:
        """Raise ``lower`` to what *update* proves: ids of others that it names came to its author through us, and
        everything we had released before them came first. Returns the greatest release point it names (0: none).
        """
        named = named_of_others(update, self.clients)
        if not named:
            return 0
        revision_of = identity.insertions.revision_of
        had = self.first_vector
        proved = 0
        for client, clock in named:
            if clock >= identity.insertions.end(client):
                self.linked = True
            proved = max(proved, revision_of(client, clock))
            if (
                clock >= had.get(client, 0)
                and self.step2_revision > proved
                and identity.inserted.contains(client, clock)
            ):
                # It did not have this when it connected, so it has applied our step 2.
                proved = self.step2_revision
        if proved and late:
            proved = max(proved, late.get(proved, 0))
        if self.lower < proved <= self.sent:
            self.lower = proved
        return proved

    def context(self, proved: int, head: int, *, transfer: bool = False) -> tuple[Context, ContextSource]:
        """The context of an edit that arrives now, when the document is at *head*. A declaration is believed between
        what structure proves and what was sent. What was sent says nothing of a stock client that hears of the document
        by another way as well, or has not told yet what it came with."""
        if not self.declared and (self.linked or not self.synced):
            self.arrived_with = None if transfer else self.arrived_with
            return Context(Seen(min(self.lower, head)), Seen(head)), "assumed"
        if transfer and self.arrived_with is not None:
            upper, self.arrived_with = self.arrived_with, None
            return Context(Seen(min(self.lower, upper)), Seen(upper)), "state-vector"
        known = self._context
        if (
            known is not None
            and known.sent == self.sent
            and known.lower == self.lower
            and known.seen is self.seen
            and proved <= known.context.lower.base
        ):
            return known.context, known.source
        if self.declared:
            context, source = self._declared_context(proved)
        else:
            upper = max(self.sent, self.lower)
            context, source = Context(Seen(self.lower), Seen(upper)), "structure"
        self._context = _KnownContext(self.lower, self.sent, self.seen, context, source)
        return context, source

    def _declared_context(self, proved: int) -> tuple[Context, ContextSource]:
        seen = self.seen
        base = seen.base
        sent = self.sent
        if base <= sent and (not seen.include or seen.include[-1][1] <= sent) and (proved <= base or seen.include):
            return Context(seen, seen), "declared"
        base = min(max(base, proved), sent)
        include = tuple((max(first, base + 1), min(last, sent)) for first, last in seen.include)
        corrected = Seen(base, tuple(part for part in include if part[0] <= part[1]), seen.exclude)
        return Context(corrected, corrected), "corrected"
