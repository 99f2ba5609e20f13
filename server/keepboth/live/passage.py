"""What travels through a room: items on their way to the disk, edits that have just become visible; and the ports that
a room is given from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from keepboth.decider.edits import Decided
from keepboth.errors import NotDurableNow
from keepboth.events import Draft, EventId, Micros
from keepboth.live.session import Session
from keepboth.store.base import Append, AppendResult, EventStore
from keepboth.yjs.structs import Update

if TYPE_CHECKING:
    from keepboth.live.room import Room


class Ports(NamedTuple):
    """What a room is given from outside. Times: ``now`` UTC µs, ``clock`` monotonic seconds."""

    now: Callable[[], Micros]
    clock: Callable[[], float]
    new_id: Callable[[], EventId]
    submit: Callable[[Append, InFlight], None]
    later: Callable[[float, Callable[[], None]], Any]
    detect: Callable[[Room, Sequence[CommittedEdit]], None]
    decided: Callable[[Room, Sequence[str]], None]
    look_up: Callable[[Callable[[EventStore], Any], Callable[[Any], None]], None]
    store_id: str


class InFlight:
    """One item on its way to the disk, and everything needed when it has arrived."""

    __slots__ = (
        "after",
        "bytes",
        "decided",
        "done",
        "events",
        "item",
        "pending",
        "result",
        "room",
        "seq",
        "session",
        "settled",
    )

    def __init__(
        self,
        room: Room,
        item: Append,
        session: Session | None = None,
        seq: int | None = None,
        decided: Decided | None = None,
        done: Callable[[AppendResult | NotDurableNow], None] | None = None,
    ) -> None:
        self.room = room
        self.item = item
        self.session = session
        self.seq = seq
        self.decided = decided
        self.done = done
        self.result: AppendResult | NotDurableNow | None = None
        self.after: list[Callable[[], None]] = []
        """Called when it is on the disk and the room has told everybody."""
        self.settled: list[Callable[[], None]] = []
        """Called when its way has ended, however it ended."""
        self.events = len(item.drafts)
        self.bytes = 0
        self.pending = 0
        for draft in item.drafts:
            self.bytes += len(draft.payload)
            if draft.disposition == "pending":
                self.pending += 1


class CommittedEdit(NamedTuple):
    """One edit that has just become visible, for the conflict engine (which asks the log where ``draft`` is None)."""

    revision: int
    effective: int
    draft: Draft | None
    update: Update | None
