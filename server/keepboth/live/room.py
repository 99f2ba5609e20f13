"""The single owner of one live document: takes messages in, decides, has them recorded, then tells everybody.

Everything here runs on the event loop, without awaiting: the order of messages is the order of calls. The only waits
are the store's, and the room goes on while they last.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal

from keepboth.decider.edits import Owner, take_in
from keepboth.decider.identity import Identity
from keepboth.errors import (
    Fenced,
    KeepBothError,
    MalformedMessage,
    NotDurableNow,
    OverLimit,
    Overloaded,
    ShuttingDown,
    SlowReader,
)
from keepboth.fold.document import DocumentFold
from keepboth.fold.replica import Poisoned
from keepboth.live.asking import Asking
from keepboth.live.frames import binary_frame
from keepboth.live.handshake import Handshake
from keepboth.live.intake import Intake
from keepboth.live.passage import InFlight, Ports
from keepboth.live.people import People
from keepboth.live.presence import Presence
from keepboth.live.publication import Publication
from keepboth.live.session import Gone, Session
from keepboth.settings import Settings
from keepboth.store.writer import Chain
from keepboth.yjs.messages import (
    AWARENESS,
    Auth,
    Awareness,
    Private,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    UpdateMessage,
    decode_message,
    decode_state_vector,
    encode_awareness,
    encode_private,
    encode_sync_step1,
    encode_sync_step2,
)
from keepboth.yjs.private import EditReceipt, encode_receipts, encode_suffix

log = logging.getLogger("keepboth.live")

RESYNC_EVERY_S = 1.0
MAX_AWARENESS_FRAME = 16
"""Bytes that one awareness message may take, as a multiple of what one state may take."""
MAX_REMEMBERED = 10_000

UPDATE_PREFIX = b"\x00\x02"
"""How a message with an edit begins."""


class Room:
    """One live document. See the module's docstring."""

    def __init__(self, name: str, settings: Settings, ports: Ports) -> None:
        self.name = name
        self.chain = Chain()
        """Its edits: each is decided as if those before it had been recorded."""
        self.settings = settings
        self.ports = ports
        self.state: Literal["loading", "live", "closed"] = "loading"
        self.sessions: set[Session] = set()
        self.presence = Presence(settings.max_awareness_bytes)
        self.handshake = Handshake(self)
        self.people = People(self)
        self.asking = Asking(self)
        self.intake = Intake(self)
        self.publication = Publication(self)
        self.owners: dict[int, Owner] = {}
        self.gone: dict[str, Gone] = {}
        self.revision = 0
        self.loaded_revision = 0
        self.document_hash = b""
        self.fold = DocumentFold()
        self.identity = Identity({}, {}, dict)
        self.in_flight: deque[InFlight] = deque()
        self.in_flight_events = 0
        self.in_flight_bytes = 0
        self.pending_in_flight = 0
        self.idle_since: float | None = ports.clock()
        self._backlog: deque[tuple[Session, bytes]] = deque()
        self.held: set[Session] = set()
        self._step2: tuple[int, bytes] | None = None

    # -- life ---------------------------------------------------------------------------------------------------------

    def loaded(
        self,
        fold: DocumentFold,
        revision: int,
        document_hash: bytes,
        owners: dict[int, Owner],
        attached: Callable[[], None],
    ) -> None:
        """Go live with what the log says; then take in what arrived meanwhile."""
        self.fold = fold
        self.revision = self.loaded_revision = revision
        self.document_hash = document_hash
        self.owners = owners
        replica = fold.replica
        self.identity = Identity(fold.clocks(), replica.deletes(), lambda: self.fold.replica.deletes())
        for entry in fold.waiting.entries():
            for client, clock, length in entry.brings:
                self.identity.inserted.add(client, clock, length)
                self.identity.waiting.add(client, clock, length)
            for client, ranges in entry.deletes.items():
                for clock, length in ranges:
                    self.identity.deleted.add(client, clock, length)
        for update in fold.take_set_aside():
            take_in(self.identity, update, "pending", "")
        self.identity.quarantined |= fold.unreadable
        self.state = "live"
        attached()
        for session in list(self.sessions):
            self.guard(session, self._greet, session)
        backlog, self._backlog = self._backlog, deque()
        for session, data in backlog:
            self.take(session, data)
        for session in list(self.held):
            self.release(session)

    def join(self, session: Session) -> None:
        """A connection has opened."""
        self.sessions.add(session)
        self.idle_since = None
        if self.state == "live":
            self.guard(session, self._greet, session)

    def leave(self, session: Session) -> None:
        """A connection is gone. What it had sent is still recorded."""
        if session not in self.sessions:
            return
        self.sessions.discard(session)
        self.held.discard(session)
        session.closed = True
        while len(self.gone) >= MAX_REMEMBERED:
            self.gone.pop(next(iter(self.gone)))
        if session.clients or session.declared:
            self.gone[session.id] = Gone(self.ports.now(), session.sent, session.lower)
        others = {client for other in self.sessions for client in other.awareness}
        left = self.presence.leave(session.awareness - others)
        if left:
            frame = binary_frame(encode_awareness(left))
            for other in self.sessions:
                self.write(other, frame)
        if not self.sessions:
            self.idle_since = self.ports.clock()

    def abandon(self, entries: Sequence[InFlight]) -> None:
        """Give this room up after a failure while it went on with *entries*: they are recorded (or not) whatever
        happens here, so nobody waits for them, and everybody comes back to a room folded anew."""
        for entry in entries:
            if entry in self.in_flight:
                self.in_flight.remove(entry)
            for tell in entry.settled:
                tell()
            if entry.done is not None and entry.result is not None:
                entry.done(entry.result)
        self.close(NotDurableNow("this document is being folded again"))

    def close(self, error: KeepBothError) -> None:
        """Close every session; the room is not used again."""
        self.state = "closed"
        for session in list(self.sessions):
            self.drop(session, error)

    def _greet(self, session: Session) -> None:
        frames = binary_frame(encode_sync_step1(self.fold.replica.state_vector()))
        states = self.presence.states()
        if states:
            frames += binary_frame(encode_awareness(states))
        self.asking.step_1_written(session, 0)
        self.write(session, frames)

    # -- messages in --------------------------------------------------------------------------------------------------

    def take(self, session: Session, data: bytes) -> None:
        """Take one message of *session* in; close the session, by name, if it cannot be one."""
        if not session.closed:
            self.guard(session, self.receive, session, data)

    def take_many(self, session: Session, messages: Sequence[bytes]) -> None:
        """`take` for messages that have come together: keystrokes among them are taken in by the run."""
        at, size = 0, len(messages)
        while at < size and not session.closed:
            run = at
            if (
                messages[at][:2] == UPDATE_PREFIX
                and self.state == "live"
                and session.backlog is None
                and self.intake.takes_runs(session)
            ):
                run += 1
                while run < size and messages[run][:2] == UPDATE_PREFIX:
                    run += 1
            if run == at:
                self.take(session, messages[at])
                at += 1
            else:
                self.guard(session, self.intake.receive_run, session, messages[at:run])
                at = run

    def guard(self, session: Session, call: Callable[..., None], *arguments: Any) -> None:
        """Do what a message of *session* asks for; close the session, by name, if that fails."""
        try:
            call(*arguments)
        except Poisoned as poisoned:
            self.fail(poisoned)
        except KeepBothError as error:
            self.drop(session, error)
        except Exception:
            log.exception("a message of session %s in %r could not be handled", session.id, self.name)
            self.drop(session, KeepBothError("the server failed on a message"))

    def receive(self, session: Session, data: bytes) -> None:
        """Take one message of *session* in. Raises one of our errors if it cannot be one."""
        if self.state != "live" or session.backlog is not None:
            self._queue(session, data)
            return
        if not data:
            raise MalformedMessage("an empty frame")
        if data[0] == AWARENESS and len(data) > MAX_AWARENESS_FRAME * self.settings.max_awareness_bytes:
            raise OverLimit(f"an awareness message of {len(data)} bytes")
        if data[0] == AWARENESS and session.asked.open and self.asking.answers(session, data):
            return
        message = decode_message(data)
        kind = type(message)
        if kind is UpdateMessage:
            self.intake.receive(session, message.update, transfer=False)  # type: ignore[union-attr]
        elif isinstance(message, SyncStep2):
            self.intake.receive(session, message.update, transfer=True)
            self.asking.step_2_came(session, len(data))
        elif isinstance(message, SyncStep1):
            self._answer_step1(session, message.state_vector)
        elif isinstance(message, Awareness):
            self.people.receive(session, message)
        elif isinstance(message, QueryAwareness):
            self.write(session, binary_frame(encode_awareness(self.presence.states())))
        elif isinstance(message, Private):
            self.handshake.receive(session, message.body)
        elif isinstance(message, Auth):
            return
        else:
            log.debug("message of unknown type from %s in %r ignored", session.id, self.name)

    def _queue(self, session: Session, data: bytes) -> None:
        """Keep a message for later: the room is being loaded, or this session's hello is being looked up."""
        waiting = self._backlog if session.backlog is None else session.backlog
        waiting.append((session, data))
        if len(waiting) >= 64:
            self.hold(session)

    def take_queued(self, session: Session) -> None:
        """This session's hello has been answered: go on with what it sent since."""
        queued, session.backlog = session.backlog or deque(), None
        for _, data in queued:
            self.take(session, data)
        if session in self.held and not self.is_full():
            self.release(session)

    def _answer_step1(self, session: Session, state_vector: bytes) -> None:
        vector = decode_state_vector(state_vector)
        self.write(session, self._step2_frame(session, state_vector))
        first = not session.synced
        if first:
            session.first_vector = vector
        session.step2_revision = self.revision
        session.sent = self.revision
        session.synced = True
        if session.declared:
            return
        if first:
            unseen = self.identity.insertions.first_unseen(vector)
            if unseen is None:
                known, most = self.identity.insertions.last_before(self.revision + 1), self.revision
            else:
                known, most = self.identity.insertions.last_before(unseen), max(unseen - 1, 0)
                if unseen == 0:
                    most = self.loaded_revision
            session.lower = max(session.lower, known if vector else 0)
            session.arrived_with = most if session.gone is None else min(most, session.gone.sent)

    def _step2_frame(self, session: Session, state_vector: bytes) -> bytes:
        suffix = encode_suffix(self.revision, self.document_hash) if session.declared else b""
        if state_vector != b"\x00" or suffix:
            return binary_frame(encode_sync_step2(self.fold.replica.update_since(state_vector)) + suffix)
        if self._step2 is None or self._step2[0] != self.revision:
            self._step2 = (self.revision, binary_frame(encode_sync_step2(self.fold.replica.update_since())))
        return self._step2[1]

    # -- flow control -------------------------------------------------------------------------------------------------

    def is_full(self) -> bool:
        """True if as much waits for the disk as this room may have waiting."""
        settings = self.settings
        return self.in_flight_events >= settings.mailbox_edits or self.in_flight_bytes >= settings.mailbox_bytes

    def hold(self, session: Session) -> None:
        """Stop reading from a session."""
        if session in self.held or session.closed:
            return
        self.held.add(session)
        session.held_since = self.ports.clock()
        session.connection.hold(True)

    def release(self, session: Session) -> None:
        """Go on reading from a session."""
        self.held.discard(session)
        session.held_since = None
        if not session.closed:
            session.connection.hold(False)

    def check_patience(self) -> None:
        """Close, by name, writers that have been slowed, and readers that have been behind, for too long."""
        now = self.ports.clock()
        limit = now - self.settings.mailbox_patience_s
        for session in list(self.sessions):
            if not session.connection.behind:
                session.behind_since = None
            elif session.behind_since is None:
                session.behind_since = now
            elif session.behind_since < limit:
                self.drop(session, SlowReader("this connection reads slower than the document changes"))
        for session in [s for s in self.held if s.held_since is not None and s.held_since < limit]:
            self.drop(session, Overloaded("this document's queue to the disk stayed full"))

    def give_receipts(self, session: Session, receipts: list[EditReceipt]) -> None:
        """Send receipts to the session that they are for."""
        self.write(session, binary_frame(encode_private(encode_receipts(receipts))))

    def forget_step2(self) -> None:
        """The document has changed: the cached answer to an empty state vector is out of date."""
        self._step2 = None

    def fail(self, error: KeepBothError) -> None:
        """State in memory is not what the log says any more: drop it. Everybody reconnects to a room folded anew."""
        if self.state != "closed":
            self.close(error)

    # -- out ----------------------------------------------------------------------------------------------------------

    def write(self, session: Session, frames: bytes) -> None:
        """Send prebuilt frames; a reader that is too far behind is closed instead, by name."""
        if session.closed:
            return
        connection = session.connection
        if connection.behind:
            self.drop(session, SlowReader("this connection reads slower than the document changes"))
            return
        connection.write(frames)

    def drop(self, session: Session, error: KeepBothError) -> None:
        """Close one session, by name."""
        if not session.closed:
            session.connection.close(error)
            self.leave(session)

    def tell_declared(self, frame: bytes) -> None:
        """Write *frame* to every declared session."""
        for session in list(self.sessions):
            if session.declared:
                self.write(session, frame)

    def fence(self, session_id: str, keep: Session) -> Gone | None:
        """End every other connection of the session *session_id*; return what is remembered of it."""
        for other in list(self.sessions):
            if other is not keep and other.declared and other.id == session_id:
                self.drop(other, Fenced("this session was opened on another connection"))
        return self.gone.pop(session_id, None)

    @property
    def is_quiet(self) -> bool:
        """True if nobody is here and nothing is under way."""
        return not self.sessions and not self.in_flight and self.state == "live"

    def going_down(self) -> None:
        """Close every session because the server stops."""
        self.close(ShuttingDown("the server is going down"))
