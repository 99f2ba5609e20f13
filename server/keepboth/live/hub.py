"""All rooms: opened when somebody comes, from the log, closed when nobody is left. Also the way in for HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

from keepboth.decider.edits import Owner, RecordEdit, is_known, named_of_others
from keepboth.errors import KeepBothError, NotDurableNow, ShuttingDown
from keepboth.events import Context, Event, EventId, Micros, Receipt, Seen
from keepboth.fold.document import readable_form
from keepboth.history.way import RightOfWay
from keepboth.live.opening import Opening
from keepboth.live.pace import Pace
from keepboth.live.passage import CommittedEdit, InFlight, Ports
from keepboth.live.presence import Claim
from keepboth.live.room import Room
from keepboth.live.session import Actor, Session
from keepboth.settings import Settings
from keepboth.store.base import Append, Appended, AppendResult, EventStore, Refused
from keepboth.store.writer import Writer
from keepboth.yjs.update import decode_update

log = logging.getLogger("keepboth.live")

SWEEP_S = 0.5


class Watcher(Protocol):
    """Who looks at what rooms release: the conflict detector (:class:`keepboth.live.detection.Detector`)."""

    async def known_up_to(self, document: str, revision: int, document_hash: bytes) -> int: ...

    def attach(self, room: Room, covered: int) -> None: ...

    def detect(self, room: Room, edits: Sequence[CommittedEdit]) -> None: ...

    def decided(self, room: Room, conflicts: Sequence[str]) -> None: ...

    def retired(self, room: Room) -> None: ...


class Hub:
    """Every live room of this process, and the writer they share."""

    def __init__(
        self,
        settings: Settings,
        store: EventStore,
        *,
        now: Callable[[], Micros],
        new_id: Callable[[], EventId],
        watcher: Watcher,
        opening: Opening,
        way: RightOfWay | None = None,
        committed: Callable[[Collection[str]], None] = lambda documents: None,
    ) -> None:
        self.settings = settings
        self.store = store
        self.now = now
        self.new_id = new_id
        self.rooms: dict[str, Room] = {}
        self.stopping = False
        self._draining: dict[str, set[Room]] = {}
        self._loop = asyncio.get_running_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loads: dict[Room, asyncio.Future[None]] = {}
        self._watcher = watcher
        self._opening = opening
        self._way = way or RightOfWay()
        self._committed = committed
        self._writer: Writer[InFlight] = Writer(
            store, self._delivered_from_writer, chain_of=lambda entry: entry.room.chain
        )
        self._pace = Pace(settings.gather_ms / 1000)
        self._under_way = 0
        self._ports = Ports(
            now=now,
            clock=self._loop.time,
            new_id=new_id,
            submit=self._submit,
            later=self._loop.call_later,
            detect=watcher.detect,
            decided=watcher.decided,
            look_up=self._look_up,
            store_id=store.store_id,
        )
        self._outgoing: list[tuple[Append, InFlight]] = []
        self._sweeper = self._spawn(self._sweep())

    # -- rooms --------------------------------------------------------------------------------------------------------

    def join(self, name: str, session: Session) -> Room:
        """Bring *session* into the room *name*, opening it if need be. Raises ShuttingDown."""
        room = self._room(name)
        room.join(session)
        return room

    async def live_room(self, name: str) -> Room:
        """The room *name*, folded from the log. Raises ShuttingDown, or what went wrong while loading."""
        room = self._room(name)
        load = self._loads.get(room)
        if load is not None:
            await asyncio.shield(load)
        return room

    def room_at_hand(self, name: str) -> Room | None:
        """The room of a document that is open now, None if it is not."""
        room = self.rooms.get(name)
        return room if room is not None and room.state == "live" else None

    def _room(self, name: str) -> Room:
        if self.stopping:
            raise ShuttingDown("the server is going down")
        room = self.rooms.get(name)
        if room is not None and room.state == "closed":
            self._retire(room)
            room = None
        if room is None:
            room = self.rooms[name] = Room(name, self.settings, self._ports)
            self._loads[room] = self._loop.create_future()
            self._spawn(self._load(room))
        return room

    async def _load(self, room: Room) -> None:
        future = self._loads[room]
        try:
            with self._way.first():
                await self._open(room)
            future.set_result(None)
        except Exception as error:
            log.exception("the document %r could not be opened", room.name)
            problem = error if isinstance(error, KeepBothError) else NotDurableNow("the document could not be opened")
            room.close(problem)
            future.set_exception(problem)
            future.exception()
        finally:
            del self._loads[room]

    async def _open(self, room: Room) -> None:
        await asyncio.gather(*(self._settled(old) for old in self._draining.get(room.name, ())))
        folded = await self._opening.fold(room.name)
        owners = await asyncio.to_thread(self.store.session_clients, room.name)
        row = await asyncio.to_thread(self.store.document, room.name)
        revision, document_hash = (row.revision, row.document_hash) if row else (0, b"")
        known = {client: Owner(session, actor, kind) for client, (session, actor, kind) in owners.items()}
        covered = await self._watcher.known_up_to(room.name, revision, document_hash)
        room.loaded(folded, revision, document_hash, known, lambda: self._watcher.attach(room, covered))

    def _retire(self, room: Room) -> None:
        if self.rooms.get(room.name) is room:
            del self.rooms[room.name]
        if room.in_flight:
            self._draining.setdefault(room.name, set()).add(room)
        self._watcher.retired(room)

    async def _sweep(self) -> None:
        """Twice a second: rooms that nobody is in leave memory, writers slowed for too long are closed by name."""
        while True:
            await asyncio.sleep(SWEEP_S)
            now = self._loop.time()
            for room in list(self.rooms.values()):
                room.check_patience()
                idle = room.idle_since is not None and now - room.idle_since >= self.settings.room_idle_s
                if room.state == "closed" or (idle and room.is_quiet):
                    if room.state == "live":
                        self._opening.keep(room)
                    room.state = "closed"
                    self._retire(room)
            for name, draining in list(self._draining.items()):
                draining.difference_update([room for room in draining if not room.in_flight])
                if not draining:
                    del self._draining[name]

    # -- the writer ---------------------------------------------------------------------------------------------------

    def _submit(self, item: Append, entry: InFlight) -> None:
        """Everything that one turn of the event loop brings is recorded together; in rounds, all that has come since
        the last one (see :mod:`keepboth.live.pace`)."""
        if not self._outgoing:
            self._loop.call_soon(self._hand_over)
        self._outgoing.append((item, entry))

    def _hand_over(self) -> None:
        if not self._outgoing or (self._pace.resting and self._under_way):
            return  # the round that is under way hands over what has come meanwhile
        outgoing, self._outgoing = self._outgoing, []
        alone = not self._under_way and self.settings.commit_on_loop
        self._under_way += len(outgoing)
        results: list[tuple[InFlight, AppendResult | NotDurableNow]] | None
        try:
            results = self._writer.append_now(outgoing) if alone else None
            if results is None:
                self._writer.submit_many(outgoing)
        except KeepBothError as error:
            problem = NotDurableNow(error.detail)
            results = [(entry, problem) for _, entry in outgoing]
        if results is not None:
            self._delivered(results)

    def _delivered_from_writer(self, results: list[tuple[Any, AppendResult | NotDurableNow]]) -> None:
        self._loop.call_soon_threadsafe(self._delivered, results)

    def _delivered(self, results: list[tuple[InFlight, AppendResult | NotDurableNow]]) -> None:
        """One commit is durable: every room it touched goes on, once."""
        by_room: dict[Room, list[InFlight]] = {}
        for entry, result in results:
            entry.result = result
            mine = by_room.get(entry.room)
            if mine is None:
                by_room[entry.room] = [entry]
            else:
                mine.append(entry)
        for room, entries in by_room.items():
            try:
                room.publication.committed(entries)
            except Exception:
                log.exception("room %r failed after a commit; its sessions resync from the log", room.name)
                room.abandon(entries)
        self._committed({room.name for room in by_room})
        self._under_way -= len(results)
        self._pace.committed(sum(entry.events for entry, _ in results))
        if not self._under_way:
            self._pace.rest()
        if self._outgoing:
            # One turn later: what has come during the rest is read first.
            self._loop.call_soon(self._loop.call_soon, self._hand_over)

    def _look_up(self, call: Callable[[EventStore], Any], done: Callable[[Any], None]) -> None:
        async def run() -> None:
            done(await asyncio.to_thread(call, self.store))

        self._spawn(run())

    # -- HTTP's way in ------------------------------------------------------------------------------------------------

    async def append_edit(
        self,
        document: str,
        payload: bytes,
        *,
        actor: Actor,
        event_id: EventId | None = None,
        seen: int | None = None,
        session: str | None = None,
        causation_id: str | None = None,
        correlation_id: str | None = None,
        whole: bool = False,
    ) -> tuple[Receipt, ...]:
        """Record a Yjs update and relay it. Returns its receipts: none if all of it is known and it has no id.

        ``seen`` declares the revision its author had applied. ``whole``: all of it becomes one event of *actor*,
        whoever wrote it (an import). Raises MalformedUpdate, NotDurableNow, ShuttingDown.
        """
        update = decode_update(payload, self.settings.max_update_items)
        room = await self.live_room(document)
        owner = Owner(session or f"http:{actor.id}", actor.id, actor.kind)
        head = room.revision
        if seen is None:
            revision_of = room.identity.insertions.revision_of
            proved = max((revision_of(*named) for named in named_of_others(update, frozenset())), default=0)
            context, source = Context(Seen(min(proved, head)), Seen(head)), "structure"
        else:
            context, source = Context.of(min(seen, head)), "declared"
        command = RecordEdit(
            owner=owner,
            clients=frozenset(update.structs) if whole or len(update.structs) == 1 else frozenset(),
            payload=payload,
            update=update,
            context=context,
            context_source=source,  # type: ignore[arg-type]
            head=head,
            readable=readable_form(payload, update) is not None,
            event_id=event_id,
            causation_id=causation_id,
            correlation_id=correlation_id,
        )
        if event_id is not None:
            repeated = await self._repeated(event_id, document, payload)
            if repeated is not None:
                return (repeated,)
        if whole and command.readable and is_known(update, room.identity):
            await self.flush(room)
            return ()
        answer: asyncio.Future[AppendResult] = self._loop.create_future()
        decided = room.intake.record_command(
            command, lambda result: _settle(answer, result), check_ids=event_id is not None, name=actor.name
        )
        if not decided.drafts:
            await self.flush(room)
            return ()
        appended = await answer
        assert isinstance(appended, Appended)
        return tuple(
            receipt._replace(missing=missing)
            for receipt, missing in zip(appended.receipts[-len(decided.drafts) :], decided.missing, strict=True)
        )

    async def append(self, item: Append) -> Appended:
        """Record events that are not edits of the live document, or that were decided elsewhere; edits among them are
        folded and relayed. Raises what the store refuses with."""
        room = await self.live_room(item.document)
        answer: asyncio.Future[AppendResult] = self._loop.create_future()
        room.intake.record_item(item, lambda result: _settle(answer, result))
        appended = await answer
        assert isinstance(appended, Appended)
        return appended

    async def flush(self, room: Room) -> None:
        """Wait until everything *room* has under way is durable. Raises NotDurableNow if that did not come to pass."""
        await self._settled(room)
        if room.state == "closed":
            raise NotDurableNow("this document is being folded again")

    async def _settled(self, room: Room) -> None:
        """Wait until nothing that *room* has under way now is under way any more, recorded or not."""
        if room.in_flight:
            settled = asyncio.Event()
            room.in_flight[-1].settled.append(settled.set)
            await asyncio.wait_for(settled.wait(), self.settings.drain_timeout_s)

    async def _repeated(self, event_id: EventId, document: str, payload: bytes) -> Receipt | None:
        """The original receipt if this very edit is in the log already."""
        known: Event | None = await asyncio.to_thread(self.store.get, event_id)
        if known is None or known.document != document or known.payload != payload:
            return None
        return Receipt("duplicate", known.id, known.position, known.revision, known.recorded_at, known.disposition)

    # -- life ---------------------------------------------------------------------------------------------------------

    async def stop(self) -> None:
        """Take nothing new in, finish the commit under way, tell the sessions, close them."""
        self.stopping = True
        rooms = [*self.rooms.values(), *(room for rooms in self._draining.values() for room in rooms)]
        await asyncio.gather(*(self._settled(room) for room in rooms), return_exceptions=True)
        for room in list(self.rooms.values()):
            if room.state == "live" and not room.in_flight:
                self._opening.keep(room)
            room.going_down()

    async def close(self) -> None:
        """After :meth:`stop` and after the connections are gone: end the writer and the background tasks."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._writer.close)
        await self._opening.close()

    def _spawn(self, coroutine: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = self._loop.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def present(self, document: str) -> list[Claim]:
        """What everybody who is connected to *document* says of themselves, in the order of their sessions."""
        room = self.rooms.get(document)
        sessions = sorted(room.sessions, key=lambda session: session.id) if room is not None else []
        return [_called(session) for session in sessions]

    def statistics(self) -> dict[str, Any]:
        """Counts for people who run the server."""
        return {
            "rooms": len(self.rooms),
            "sessions": sum(len(room.sessions) for room in self.rooms.values()),
            "in_flight": sum(len(room.in_flight) for room in self.rooms.values()),
            "writer": self._writer.counters._asdict(),
        }


def _called(session: Session) -> Claim:
    """The name that the ``identify`` hook gives, else what was claimed."""
    known = session.actor.name if session.actor is not None else None
    return session.claim._replace(name=known or session.claim.name)


def _settle(answer: asyncio.Future[AppendResult], result: AppendResult | NotDurableNow) -> None:
    if answer.done():
        return
    if isinstance(result, Refused):
        answer.set_exception(result.error)
    elif isinstance(result, NotDurableNow):
        answer.set_exception(result)
    else:
        answer.set_result(result)
