"""The single owner of one live document: takes messages in, decides, has them recorded, then tells everybody.

Everything here runs on the event loop, without awaiting: the order of messages is the order of calls. The only waits
are the store's, and the room goes on while they last.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Literal, NamedTuple

from keepboth.decider.edits import Decided, Owner, RecordEdit, decide_edit, must_wait, runs, take_in
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
from keepboth.events import (
    DOCUMENT_CREATED,
    EDIT_RECORDED,
    Draft,
    EventId,
    Micros,
    Receipt,
)
from keepboth.fold.document import DocumentFold, FoldedEdit, Release, readable_form
from keepboth.fold.replica import EMPTY_UPDATE, Poisoned, merge
from keepboth.live.frames import binary_frame, update_frame
from keepboth.live.handshake import Handshake
from keepboth.live.presence import Claim, Presence, claim_of
from keepboth.live.session import Gone, Session
from keepboth.settings import Settings
from keepboth.store.base import Append, Appended, AppendResult, EventStore, Refused
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
from keepboth.yjs.slicing import inserted
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

log = logging.getLogger("keepboth.live")

RESYNC_EVERY_S = 1.0
MAX_AWARENESS_FRAME = 16
"""Bytes that one awareness message may take, as a multiple of what one state may take."""
MAX_REMEMBERED = 10_000


class Ports(NamedTuple):
    """What a room is given from outside. Times: ``now`` UTC µs, ``clock`` monotonic seconds."""

    now: Callable[[], Micros]
    clock: Callable[[], float]
    new_id: Callable[[], EventId]
    submit: Callable[[Append, InFlight], None]
    later: Callable[[float, Callable[[], None]], Any]
    detect: Callable[[Room, Sequence[CommittedEdit]], None]
    look_up: Callable[[Callable[[EventStore], Any], Callable[[Any], None]], None]
    store_id: str


class InFlight:
    """One item on its way to the disk, and everything needed when it has arrived."""

    __slots__ = ("after", "bytes", "decided", "done", "item", "pending", "result", "room", "seq", "session", "settled")

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


class Room:
    """One live document. See the module's docstring."""

    def __init__(self, name: str, settings: Settings, ports: Ports) -> None:
        self.name = name
        self.settings = settings
        self.ports = ports
        self.state: Literal["loading", "live", "closed"] = "loading"
        self.sessions: set[Session] = set()
        self.presence = Presence(settings.max_awareness_bytes)
        self.handshake = Handshake(self)
        self.owners: dict[int, Owner] = {}
        self.gone: dict[str, Gone] = {}
        self.revision = 0
        self.loaded_revision = 0
        self.document_hash = b""
        self.fold = DocumentFold()
        self.identity = Identity({}, {}, dict)
        self.in_flight: deque[InFlight] = deque()
        self.in_flight_bytes = 0
        self._pending_in_flight = 0
        self.idle_since: float | None = ports.clock()
        self._backlog: deque[tuple[Session, bytes]] = deque()
        self._presence_news: dict[int, Any] = {}
        self._held: set[Session] = set()
        self._named: set[str] = set()
        self._claims: dict[str, Claim] = {}
        self._step2: tuple[int, bytes] | None = None
        self._waiting_parts: dict[int, tuple[Draft, Update]] = {}

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
        for update in fold.take_set_aside():
            take_in(self.identity, update, "pending", "")
        self.identity.quarantined |= fold.unreadable
        self.state = "live"
        attached()
        for session in list(self.sessions):
            self._greet(session)
        backlog, self._backlog = self._backlog, deque()
        for session, data in backlog:
            self.take(session, data)
        for session in list(self._held):
            self._release(session)

    def join(self, session: Session) -> None:
        """A connection has opened."""
        self.sessions.add(session)
        self.idle_since = None
        if self.state == "live":
            self._greet(session)

    def leave(self, session: Session) -> None:
        """A connection is gone. What it had sent is still recorded."""
        if session not in self.sessions:
            return
        self.sessions.discard(session)
        self._held.discard(session)
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
                self._write(other, frame)
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
            self._close(session, error)

    def _greet(self, session: Session) -> None:
        frames = binary_frame(encode_sync_step1(self.fold.replica.state_vector()))
        states = self.presence.states()
        if states:
            frames += binary_frame(encode_awareness(states))
        self._write(session, frames)

    # -- messages in --------------------------------------------------------------------------------------------------

    def take(self, session: Session, data: bytes) -> None:
        """Take one message of *session* in; close the session, by name, if it cannot be one."""
        if session.closed:
            return
        try:
            self.receive(session, data)
        except Poisoned as error:
            self._fail(error)
        except KeepBothError as error:
            self._close(session, error)
        except Exception:
            log.exception("a message of session %s in %r could not be handled", session.id, self.name)
            self._close(session, KeepBothError("the server failed on a message"))

    def receive(self, session: Session, data: bytes) -> None:
        """Take one message of *session* in. Raises one of our errors if it cannot be one."""
        if self.state != "live" or session.backlog is not None:
            self._queue(session, data)
            return
        if not data:
            raise MalformedMessage("an empty frame")
        if data[0] == AWARENESS and len(data) > MAX_AWARENESS_FRAME * self.settings.max_awareness_bytes:
            raise OverLimit(f"an awareness message of {len(data)} bytes")
        message = decode_message(data)
        kind = type(message)
        if kind is UpdateMessage:
            self._receive_edit(session, message.update, transfer=False)  # type: ignore[union-attr]
        elif isinstance(message, SyncStep2):
            self._receive_edit(session, message.update, transfer=True)
        elif isinstance(message, SyncStep1):
            self._answer_step1(session, message.state_vector)
        elif isinstance(message, Awareness):
            self._receive_awareness(session, message)
        elif isinstance(message, QueryAwareness):
            self._write(session, binary_frame(encode_awareness(self.presence.states())))
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
            self._hold(session)

    def take_queued(self, session: Session) -> None:
        """This session's hello has been answered: go on with what it sent since."""
        queued, session.backlog = session.backlog or deque(), None
        for _, data in queued:
            self.take(session, data)
        if session in self._held and not self._full():
            self._release(session)

    def _answer_step1(self, session: Session, state_vector: bytes) -> None:
        vector = decode_state_vector(state_vector)
        self._write(session, self._step2_frame(session, state_vector))
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

    def _receive_awareness(self, session: Session, message: Awareness) -> None:
        news = self.presence.take(message.states)
        if len(message.states) == 1:
            state = message.states[0]
            if not session.clients and not session.declared:
                self._learn_client(session, state.client, opening=session.arrived_with is not None)
            if state.client in session.clients and state.state_json != "null":
                session.claim = claim_of(state.state_json)
        # Providers repeat what they hear of others: that is no news, and does not make it theirs to keep alive.
        elsewhere = {client for other in self.sessions if other is not session for client in other.clients}
        session.awareness.update(
            state.client
            for state in message.states
            if state.state_json != "null"
            and (state.client in session.clients or (state in news and state.client not in elsewhere))
        )
        if not news:
            return
        if not self._presence_news:
            self.ports.later(0.005, self._relay_presence)
        for state in news:
            self._presence_news[state.client] = state

    def _relay_presence(self) -> None:
        news, self._presence_news = self._presence_news, {}
        if not news or self.state == "closed":
            return
        frame = binary_frame(encode_awareness(news.values()))
        for session in self.sessions:
            self._write(session, frame)

    def _learn_client(self, session: Session, client: int, *, opening: bool = False) -> None:
        """A stock client's Yjs id has become known: its session is named after it, so that it survives reconnects.

        ``opening``: it was the only one named before the client had answered us, when it could not yet repeat what it
        heard of others. Then it is its own, even if a socket that we do not know to be dead still has it.
        """
        holders = [other for other in self.sessions if other is not session and client in other.clients]
        if any(not opening or other.declared or other.actor != session.actor for other in holders):
            return
        for old in holders:
            session.lower = max(session.lower, old.lower)
            if session.arrived_with is not None:
                session.arrived_with = min(session.arrived_with, old.sent)
        session.clients = frozenset((client,))
        known = self.owners.get(client)
        name = f"y:{client}"
        session.id = known.session if known is not None and known.session == name else name
        before = session.gone = self.gone.pop(session.id, None)
        if before is not None:
            session.lower = max(session.lower, before.lower)
            if session.arrived_with is not None:
                session.arrived_with = min(session.arrived_with, before.sent)
            session.away_from = before.at
            session.correlation_id = f"away:{session.id}:{before.at}"

    # -- edits --------------------------------------------------------------------------------------------------------

    def _receive_edit(self, session: Session, payload: bytes, *, transfer: bool) -> None:
        """Record what a session sent, unless all of it is known."""
        seq: int | None = None
        authored_at: Micros | None = None
        if session.declared and not transfer:
            seq = session.next_seq
            session.next_seq = seq + 1
            authored_at, session.next_authored_at = session.next_authored_at, None
        if payload == EMPTY_UPDATE:
            if transfer:
                session.arrived_with = None
            if seq is not None:
                self._known_already(session, seq, None)
            return
        update = decode_update(payload)
        self._check_waiting(update)
        if not session.declared and not session.clients:
            # Whoever brings news of one client and has not said who it is (pycrdt.Provider never does) is that client.
            authors = inserted(update).difference(self.identity.inserted).clients()
            if len(authors) == 1:
                self._learn_client(session, authors[0], opening=not transfer)
        proved = session.prove(update, self.identity, self.fold.late)
        context, source = session.context(proved, transfer=transfer)
        away = session.correlation_id is not None and (
            transfer or (seq is not None and seq <= session.offline_until_seq)
        )
        command = RecordEdit(
            session.owner,
            session.clients,
            payload,
            update,
            context,
            source,
            self.revision,
            transfer or (session.echoes and not update.structs),
            readable_form(payload, update) is not None,
            seq,
            authored_at,
            "assumed" if authored_at is None else "measured",
            session.correlation_id if away else None,
            session.away_from if away else None,
            session.stretches if transfer else (),
        )
        decided = decide_edit(command, self.identity, self.owners, self.ports.new_id)
        if transfer and not session.declared:
            session.correlation_id = None
        if not decided.drafts:
            if seq is not None:
                self._known_already(session, seq, update)
            elif not transfer and not session.awareness and not session.clients.issuperset(update.structs):
                session.echoes = True
            return
        self._record(session, decided, seq)

    def _check_waiting(self, update: Update) -> None:
        """Before anything is decided: raise OverLimit for an edit that would wait where too many wait already."""
        waiting = len(self.fold.waiting) + self._pending_in_flight
        if waiting >= self.settings.max_pending_edits and must_wait(update, self.identity):
            raise OverLimit(f"{waiting} edits of this document wait for others that never came")

    def _known_already(self, session: Session, seq: int, update: Update | None) -> None:
        """Answer a repeat: at once if what it repeats is durable, else together with that."""

        def answer() -> None:
            revision = 0
            if update is not None:
                for client, structs in update.structs.items():
                    revision = max(revision, self.identity.insertions.revision_of(client, structs[-1].clock))
            self._receipts(session, [EditReceipt(seq, "duplicate", revision, "ready")])

        if self.in_flight:
            self.in_flight[-1].after.append(answer)
        else:
            answer()

    def record_command(
        self,
        command: RecordEdit,
        done: Callable[[AppendResult | NotDurableNow], None],
        *,
        check_ids: bool,
        name: str | None = None,
    ) -> Decided:
        """Record an edit that came another way than through a socket (HTTP). ``done`` gets the store's answer, whose
        last receipts are the decided drafts'. ``name`` is the author's, where the ``identify`` hook knows it. Raises
        OverLimit.
        """
        self._check_waiting(command.update)
        decided = decide_edit(command, self.identity, self.owners, self.ports.new_id)
        if decided.drafts:
            drafts = decided.drafts
            if name and command.owner.session not in self._named:
                self._named.add(command.owner.session)
                drafts = [self.handshake.named(command.owner, name), *drafts]
            item = Append(self.name, drafts, create=self._create(command.owner), check_ids=check_ids)
            self._submit(InFlight(self, item, decided=decided, done=done))
        return decided

    def record_item(self, item: Append, done: Callable[[AppendResult | NotDurableNow], None]) -> None:
        """Record events that were decided elsewhere (decisions, an application's own events)."""
        decided = Decided(list(item.drafts), [], [])
        self._submit(InFlight(self, item, decided=decided, done=done))

    def _create(self, owner: Owner) -> Draft | None:
        if self.revision:
            return None
        return Draft(
            DOCUMENT_CREATED, self.ports.new_id(), b'{"title":null}', actor=owner.actor, actor_kind=owner.actor_kind
        )

    def _record(self, session: Session, decided: Decided, seq: int | None) -> None:
        drafts = decided.drafts
        session.edits += 1
        if self._claims.get(session.id) != session.claim:
            self._claims[session.id] = session.claim
            drafts = [self.handshake.joined(session), *drafts]
        repeats = seq is not None and seq <= session.recorded_seq
        if seq is not None and not repeats:
            session.recorded_seq = seq
        item = Append(self.name, drafts, create=self._create(session.owner), check_ids=repeats)
        session.in_flight += 1
        self._submit(InFlight(self, item, session, seq, decided))
        if decided.missing and any(decided.missing):
            self._ask_for_missing(session)

    def _submit(self, entry: InFlight) -> None:
        self.in_flight.append(entry)
        self.in_flight_bytes += entry.bytes
        self._pending_in_flight += entry.pending
        self.ports.submit(entry.item, entry)
        if entry.session is not None and self._full():
            self._hold(entry.session)

    def _ask_for_missing(self, session: Session) -> None:
        """An edit builds on something that is not in the log: its author has it, so ask (at most once a second)."""
        now = self.ports.clock()
        if now - session.last_resync >= RESYNC_EVERY_S:
            session.last_resync = now
            vector = self.fold.replica.state_vector()
            self._write(session, binary_frame(encode_sync_step1(vector)))

    # -- flow control -------------------------------------------------------------------------------------------------

    def _full(self) -> bool:
        return len(self.in_flight) >= self.settings.mailbox_edits or self.in_flight_bytes >= self.settings.mailbox_bytes

    def _hold(self, session: Session) -> None:
        if session in self._held or session.closed:
            return
        self._held.add(session)
        session.held_since = self.ports.clock()
        session.connection.hold(True)

    def _release(self, session: Session) -> None:
        self._held.discard(session)
        session.held_since = None
        if not session.closed:
            session.connection.hold(False)

    def check_patience(self) -> None:
        """Close, by name, writers that have been slowed, and readers that have been behind, for too long."""
        now = self.ports.clock()
        limit = now - self.settings.mailbox_patience_s
        for session in list(self.sessions):
            if session.connection.backlog_bytes() <= self.settings.outbox_bytes:
                session.behind_since = None
            elif session.behind_since is None:
                session.behind_since = now
            elif session.behind_since < limit:
                self._close(session, SlowReader("this connection reads slower than the document changes"))
        for session in [s for s in self._held if s.held_since is not None and s.held_since < limit]:
            self._close(session, Overloaded("this document's queue to the disk stayed full"))

    # -- after the commit ---------------------------------------------------------------------------------------------

    def committed(self, entries: Sequence[InFlight]) -> None:
        """Go on with what one commit made durable: fold it, then tell everybody. In the order it was submitted."""
        edits: list[FoldedEdit] = []
        facts: dict[int, tuple[Draft, Update]] = {}
        receipts: dict[Session, list[EditReceipt]] = {}
        last = 0
        for entry in entries:
            self.in_flight.popleft()
            self.in_flight_bytes -= entry.bytes
            self._pending_in_flight -= entry.pending
            if entry.session is not None:
                entry.session.in_flight -= 1
            result = entry.result
            if isinstance(result, Appended):
                last = max(last, self._take_receipts(entry, result, edits, facts, receipts))
            else:
                entry.after.clear()
                if isinstance(result, NotDurableNow):
                    self._fail(result)
            if entry.done is not None:
                assert result is not None
                entry.done(result)
            elif isinstance(result, Refused):
                log.error("an edit of %r was refused by the store: %s", self.name, result.error)
                self._fail(NotDurableNow("the store did not take an edit"))
            for tell in entry.settled:
                tell()
        if self.state != "live":
            return
        if last:
            self.revision = last
            self._step2 = None
            self._publish(edits, facts, receipts)
        elif receipts:
            self._receipts_all(receipts)
        for entry in entries:
            for answer in entry.after:
                answer()
        if self._held and not self._full():
            for session in list(self._held):
                self._release(session)

    def _take_receipts(
        self,
        entry: InFlight,
        result: Appended,
        edits: list[FoldedEdit],
        facts: dict[int, tuple[Draft, Update]],
        receipts: dict[Session, list[EditReceipt]],
    ) -> int:
        """Sort one item's receipts: what to fold, whom to tell. Returns the last new revision, 0 if nothing is new."""
        last = 0
        if result.created is not None:
            last = result.created.revision
        updates = iter(entry.decided.updates if entry.decided is not None else ())
        answer: Receipt | None = None
        for draft, receipt in zip(entry.item.drafts, result.receipts, strict=True):
            if draft.type != EDIT_RECORDED:
                if receipt.status != "duplicate":
                    last = receipt.revision
                continue
            update = next(updates, None)
            answer = receipt
            if receipt.status == "duplicate":
                continue
            last = receipt.revision
            if update is None:
                update = decode_update(draft.payload)
                take_in(self.identity, update, receipt.disposition, draft.session or draft.actor)
            edits.append(FoldedEdit(receipt.revision, receipt.disposition, draft.payload, update))
            facts[receipt.revision] = (draft, update)
            insertions = self.identity.insertions
            for client, structs in update.structs.items():
                for clock, length in runs(structs):
                    insertions.add(client, clock, length, receipt.revision)
                if client not in self.owners and draft.session is not None:
                    self.owners[client] = Owner(draft.session, draft.actor, draft.actor_kind)
        if last:
            self.document_hash = result.document_hash
        if answer is not None and entry.seq is not None and entry.session is not None:
            receipts.setdefault(entry.session, []).append(
                EditReceipt(entry.seq, answer.status, answer.revision, answer.disposition)
            )
        return last

    def _publish(
        self,
        edits: list[FoldedEdit],
        facts: dict[int, tuple[Draft, Update]],
        receipts: dict[Session, list[EditReceipt]],
    ) -> None:
        """Hop 7 to 9: advance the fold, relay in release order, hand receipts out, then let the engine know."""
        for edit in edits:
            if edit.disposition == "pending":
                self._waiting_parts[edit.revision] = facts[edit.revision]
        try:
            releases = self.fold.add(edits)
        except Poisoned as error:
            log.error("the CRDT failed on an edit of %r, folding again: %s", self.name, error)
            self._receipts_all(receipts)
            self._fail(error)
            return
        for update in self.fold.take_set_aside():
            self.identity.waiting.add_update_structs(update)
        if self._waiting_parts:
            self._note_released(releases, facts)
        self._relay(releases, receipts)
        unknown = (None, None)
        visible = [
            CommittedEdit(revision, self.fold.late.get(revision, revision), *facts.get(revision, unknown))
            for release in releases
            for revision in release.revisions
        ]
        self.ports.detect(self, visible)

    def _note_released(self, releases: Iterable[Release], facts: dict[int, tuple[Draft, Update]]) -> None:
        for release in releases:
            for revision in release.revisions:
                held = self._waiting_parts.pop(revision, None)
                if held is not None:
                    facts.setdefault(revision, held)
                    for client, structs in held[1].structs.items():
                        for struct in structs:
                            self.identity.waiting.remove(client, struct.clock, struct.length)

    def _relay(
        self,
        releases: Sequence[Release],
        receipts: dict[Session, list[EditReceipt]],
    ) -> None:
        """One merged frame per session and commit, prebuilt once for stock and once for declared sessions."""
        stock = declared = single = b""
        merged = [(release.effective, release.payload) for release in releases]
        if len(merged) > 1:
            with suppress(Poisoned):
                merged = [(self.revision, merge([payload for _, payload in merged]))]
        for session in list(self.sessions):
            frames = b""
            if session.synced and merged:
                if session.one_frame_per_event:
                    single = single or self._frames_by_event(releases)
                    frames = single
                elif session.declared:
                    declared = declared or self._declared_frames(merged)
                    frames = declared
                else:
                    stock = stock or b"".join([update_frame(payload) for _, payload in merged])
                    frames = stock
            if session.synced:
                session.sent = self.revision
            mine = receipts.get(session)
            if mine:
                frames += binary_frame(encode_private(encode_receipts(mine)))
            if frames:
                self._write(session, frames)

    def _declared_frames(self, merged: Sequence[tuple[int, bytes]]) -> bytes:
        """A frame for every part that could not be merged; only the last one carries a provable hash."""
        frames = [update_frame(payload, encode_suffix(revision, b"")) for revision, payload in merged[:-1]]
        frames.append(update_frame(merged[-1][1], encode_suffix(self.revision, self.document_hash)))
        return b"".join(frames)

    def _frames_by_event(self, releases: Sequence[Release]) -> bytes:
        """A frame for every event, for clients that step through them. Only the last one carries a provable hash."""
        rows: list[tuple[int, bytes]] = []
        for release in releases:
            if release.together:
                rows.append((release.effective, release.payload))
            else:
                rows.extend(zip(release.revisions, release.payloads, strict=True))
        frames = [
            update_frame(readable_form(payload) or EMPTY_UPDATE, encode_suffix(revision, b""))
            for revision, payload in rows[:-1]
        ]
        payload = readable_form(rows[-1][1]) or EMPTY_UPDATE
        frames.append(update_frame(payload, encode_suffix(self.revision, self.document_hash)))
        return b"".join(frames)

    def _receipts(self, session: Session, receipts: list[EditReceipt]) -> None:
        self._write(session, binary_frame(encode_private(encode_receipts(receipts))))

    def _receipts_all(self, receipts: dict[Session, list[EditReceipt]]) -> None:
        for session, mine in receipts.items():
            self._receipts(session, mine)

    def _fail(self, error: KeepBothError) -> None:
        """State in memory is not what the log says any more: drop it. Everybody reconnects to a room folded anew."""
        if self.state != "closed":
            self.close(error)

    # -- out ----------------------------------------------------------------------------------------------------------

    def _write(self, session: Session, frames: bytes) -> None:
        if session.closed:
            return
        connection = session.connection
        if connection.backlog_bytes() > self.settings.outbox_bytes:
            self._close(session, SlowReader("this connection reads slower than the document changes"))
            return
        connection.write(frames)

    def _close(self, session: Session, error: KeepBothError) -> None:
        if not session.closed:
            session.connection.close(error)
            self.leave(session)

    def tell_declared(self, frame: bytes) -> None:
        """Write *frame* to every declared session."""
        for session in list(self.sessions):
            if session.declared:
                self._write(session, frame)

    def drop(self, session: Session, error: KeepBothError) -> None:
        """Close one session because of what it sent."""
        self._close(session, error)

    def fence(self, session_id: str, keep: Session) -> Gone | None:
        """End every other connection of the session *session_id*; return what is remembered of it."""
        for other in list(self.sessions):
            if other is not keep and other.declared and other.id == session_id:
                self._close(other, Fenced("this session was opened on another connection"))
        return self.gone.pop(session_id, None)

    @property
    def is_quiet(self) -> bool:
        """True if nobody is here and nothing is under way."""
        return not self.sessions and not self.in_flight and self.state == "live"

    def going_down(self) -> None:
        """Close every session because the server stops."""
        self.close(ShuttingDown("the server is going down"))
