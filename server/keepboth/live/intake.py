"""Edits on their way in: what a session sent, in its context, decided against the log, handed to the writer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from keepboth.decider.edits import Decided, Owner, RecordEdit, decide_edit, must_wait
from keepboth.decider.typing import is_keystroke, take_keystroke
from keepboth.errors import NotDurableNow, OverLimit
from keepboth.events import DOCUMENT_CREATED, Draft, Event, Micros
from keepboth.fold.document import readable_form
from keepboth.fold.replica import EMPTY_UPDATE
from keepboth.live.frames import binary_frame
from keepboth.live.passage import InFlight
from keepboth.live.presence import Claim
from keepboth.live.session import Session
from keepboth.store.base import Append, AppendResult, EventStore
from keepboth.yjs.messages import encode_sync_step1, update_in
from keepboth.yjs.private import EditReceipt
from keepboth.yjs.slicing import inserted
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

if TYPE_CHECKING:
    from keepboth.live.room import Room

RESYNC_EVERY_S = 1.0

MOST_IN_A_RUN = 256
"""Keystrokes that are recorded as one item."""


class Intake:
    """What a room does with an edit until it is on its way to the disk."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._named: set[str] = set()
        self._claims: dict[str, Claim] = {}

    def receive(self, session: Session, payload: bytes, *, transfer: bool) -> None:
        """Record what a session sent, unless all of it is known."""
        seq: int | None = None
        authored_at: Micros | None = None
        if session.declared and not transfer:
            seq = session.next_seq
            session.next_seq = seq + 1
            authored_at, session.next_authored_at = session.next_authored_at, None
            if seq <= session.recorded_seq:
                self._look_up_repeat(session, seq, payload, authored_at)
                return
            session.recorded_seq = seq
        self._decide(session, payload, transfer, seq, authored_at)

    def takes_runs(self, session: Session) -> bool:
        """True if keystrokes of *session* may be taken in by the run: nothing of them depends on how they come."""
        return (
            session.synced
            and not session.declared
            and not session.linked
            and len(session.clients) == 1
            and self._room.identity.waiting.is_empty
            and not self._room.fold.waiting
        )

    def receive_run(self, session: Session, messages: Sequence[bytes]) -> None:
        """`receive` for update messages of a stock session that have come together. Consecutive keystrokes are recorded
        as one item, in the order they came, an event each; anything else goes the usual way in between."""
        room = self._room
        identity, new_id = room.identity, room.ports.new_id
        owner, clients = session.owner, tuple(session.clients)
        run = Decided([], [], [])
        try:
            for at, data in enumerate(messages):
                payload = update_in(data)
                update = decode_update(payload, room.settings.max_update_items)
                if not is_keystroke(update, payload, clients[0], identity) or readable_form(payload, update) is None:
                    self._record_run(session, run)
                    run = Decided([], [], [])
                    self._decide(session, payload, False, None, None)
                    if session.backlog is not None or not self.takes_runs(session):
                        for later in messages[at + 1 :]:
                            room.take(session, later)
                        return
                    continue
                proved = session.prove(update, identity, room.fold.late)
                context, source = session.context(proved, room.revision)
                draft = take_keystroke(update, payload, owner, clients, context, source, identity, new_id)
                run.drafts.append(draft)
                run.updates.append(update)
                run.missing.append(())
                if len(run.drafts) == MOST_IN_A_RUN:
                    self._record_run(session, run)
                    run = Decided([], [], [])
        finally:
            self._record_run(session, run)

    def _record_run(self, session: Session, run: Decided) -> None:
        if run.drafts:
            self._record(session, run, None, False)

    def _look_up_repeat(self, session: Session, seq: int, payload: bytes, authored_at: Micros | None) -> None:
        """A number that is taken: if the log holds these very bytes under it, answer with their receipt. Whatever else
        the session sends waits until that is known."""
        room = self._room
        document, name = room.name, session.id
        session.backlog = deque()

        def look_up(store: EventStore) -> tuple[bytes | None, Event] | None:
            events = store.by_session(document, name, seq)
            if not events:
                return None
            digest = events[0].message_digest
            return (events[0].payload if digest is None else store.message(digest)), events[-1]

        def done(found: tuple[bytes | None, Event] | None) -> None:
            if session.closed or room.state != "live":
                return
            if found is not None and found[0] == payload:
                event = found[1]
                room.give_receipts(session, [EditReceipt(seq, "duplicate", event.revision, event.disposition)])
            else:
                room.guard(session, self._decide, session, payload, False, seq, authored_at, True)
            room.take_queued(session)

        room.ports.look_up(look_up, done)

    def _decide(
        self,
        session: Session,
        payload: bytes,
        transfer: bool,
        seq: int | None,
        authored_at: Micros | None,
        repeats: bool = False,
        settled: bool = False,
    ) -> None:
        """Record *payload*, unless all of it is known. ``repeats``: the edit's number is taken by other content.
        ``settled``: whatever was on its way when it came has been folded.
        """
        room = self._room
        if payload == EMPTY_UPDATE:
            if transfer:
                session.arrived_with = None
            if seq is not None:
                self._known_already(session, seq, None)
            return
        update = decode_update(payload, room.settings.max_update_items)
        structs = update.structs
        copies = transfer or (not session.clients.issuperset(structs) if structs else session.may_echo)
        if copies and room.in_flight and not settled and room.identity.unknown_deletes(update.deletes):
            self._when_settled(session, payload, transfer, seq, authored_at, repeats)
            return
        self._check_waiting(update)
        if not session.declared and not session.clients:
            # Whoever brings news of one client and has not said who it is (pycrdt.Provider never does) is that client.
            authors = inserted(update).difference(room.identity.inserted).clients()
            if len(authors) == 1:
                room.people.learn_client(session, authors[0], opening=not transfer)
        proved = session.prove(update, room.identity, room.fold.late)
        context, source = session.context(proved, room.revision, transfer=transfer)
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
            room.revision,
            copies,
            readable_form(payload, update) is not None,
            seq,
            authored_at,
            "assumed" if authored_at is None else "measured",
            session.correlation_id if away else None,
            session.away_from if away else None,
            session.stretches if transfer else (),
            applied=self._applied,
        )
        decided = decide_edit(command, room.identity, room.owners, room.ports.new_id)
        if transfer and not session.declared:
            session.correlation_id = None
        if not decided.drafts:
            if seq is not None:
                self._known_already(session, seq, update)
            elif not transfer and not session.awareness and not session.clients.issuperset(update.structs):
                session.echoes = True
            return
        self._record(session, decided, seq, repeats)

    def _applied(self, session_id: str) -> int:
        """Up to which release point a stock session, here or gone, is known to have applied the document."""
        room = self._room
        gone = room.gone.get(session_id)
        here = [session.lower for session in room.sessions if session.id == session_id and not session.declared]
        return max([0 if gone is None else gone.lower, *here])

    def _when_settled(self, session: Session, *arguments: Any) -> None:
        """Decide on a copy of state only when what is on its way has been folded: deletes that the merge is about to
        make are no edit. Whatever else the session sends waits behind it."""
        room = self._room
        session.backlog = deque()

        def go_on() -> None:
            if not session.closed:
                room.guard(session, self._decide, session, *arguments, True)
                room.take_queued(session)

        room.in_flight[-1].after.append(go_on)

    def _check_waiting(self, update: Update) -> None:
        """Before anything is decided: raise OverLimit for an edit that would wait where too many wait already."""
        waiting = len(self._room.fold.waiting) + self._room.pending_in_flight
        if waiting >= self._room.settings.max_pending_edits and must_wait(update, self._room.identity):
            raise OverLimit(f"{waiting} edits of this document wait for others that never came")

    def _known_already(self, session: Session, seq: int, update: Update | None) -> None:
        """Answer a repeat: at once if what it repeats is durable, else together with that."""

        def answer() -> None:
            revision = 0
            if update is not None:
                for client, structs in update.structs.items():
                    revision = max(revision, self._room.identity.insertions.revision_of(client, structs[-1].clock))
            self._room.give_receipts(session, [EditReceipt(seq, "duplicate", revision, "ready")])

        if self._room.in_flight:
            self._room.in_flight[-1].after.append(answer)
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
        decided = decide_edit(command, self._room.identity, self._room.owners, self._room.ports.new_id)
        if decided.drafts:
            drafts = [*self.introduce(command.owner, name), *decided.drafts]
            item = Append(self._room.name, drafts, create=self._create(command.owner), check_ids=check_ids)
            self._submit(InFlight(self._room, item, decided=decided, done=done))
        return decided

    def introduce(self, owner: Owner, name: str | None) -> list[Draft]:
        """What says the author's name, the first time that *owner* writes; recorded in front of what it writes."""
        if not name or owner.session in self._named:
            return []
        self._named.add(owner.session)
        return [self._room.handshake.named(owner, name)]

    def record_item(self, item: Append, done: Callable[[AppendResult | NotDurableNow], None]) -> None:
        """Record events that were decided elsewhere (decisions, an application's own events)."""
        decided = Decided(list(item.drafts), [], [])
        self._submit(InFlight(self._room, item, decided=decided, done=done))

    def _create(self, owner: Owner) -> Draft | None:
        if self._room.revision:
            return None
        new_id = self._room.ports.new_id()
        return Draft(DOCUMENT_CREATED, new_id, b'{"title":null}', actor=owner.actor, actor_kind=owner.actor_kind)

    def _record(self, session: Session, decided: Decided, seq: int | None, repeats: bool) -> None:
        drafts = decided.drafts
        session.edits += 1
        session.active_at = self._room.ports.clock()
        if self._claims.get(session.id) != session.claim:
            self._claims[session.id] = session.claim
            drafts = [self._room.handshake.joined(session), *drafts]
        item = Append(self._room.name, drafts, create=self._create(session.owner), check_ids=repeats)
        session.in_flight += 1
        self._submit(InFlight(self._room, item, session, seq, decided))
        if decided.missing and any(decided.missing):
            self._ask_for_missing(session)

    def _submit(self, entry: InFlight) -> None:
        self._room.in_flight.append(entry)
        self._room.in_flight_events += entry.events
        self._room.in_flight_bytes += entry.bytes
        self._room.pending_in_flight += entry.pending
        self._room.ports.submit(entry.item, entry)
        if entry.session is not None and self._room.is_full():
            self._room.hold(entry.session)

    def _ask_for_missing(self, session: Session) -> None:
        """An edit builds on something that is not in the log: its author has it, so ask (at most once a second)."""
        now = self._room.ports.clock()
        if now - session.last_resync >= RESYNC_EVERY_S:
            session.last_resync = now
            vector = self._room.fold.replica.state_vector()
            self._room.asking.step_1_written(session, session.sent)
            self._room.write(session, binary_frame(encode_sync_step1(vector)))
