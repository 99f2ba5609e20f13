"""Conflict detection beside the live rooms: after the relay, in slices, and only where somebody was concurrent.

A document in which every edit was made with full knowledge of all before it needs no engine at all. The first edit
that misses something starts one, from the log, in the background; from then on the room feeds it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple, TypeVar

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode
from keepboth.errors import NotKnownYet
from keepboth.history.facts import edit_fact
from keepboth.live.bell import Bell
from keepboth.live.judging import named_by
from keepboth.live.passage import CommittedEdit
from keepboth.live.projector import READ_ROWS, ConflictProjector, Findings
from keepboth.live.recording import Batch, Describe, Recorder, Told
from keepboth.live.room import Room
from keepboth.live.shelf import Shelf
from keepboth.store.base import ConflictStore, EventStore

log = logging.getLogger("keepboth.conflicts")

_T = TypeVar("_T")

SLICE_S = 0.002
LONGEST_SLICE_S = 0.010
"""Detection holds the event loop at most about this long at a time: the shorter where the loop has time to spare, the
longer where it has not, so that the engine gets about a third of a saturated loop and its backlog slows the writers."""

LOOK_AFTER_S = 0.05
"""What is released within this long is looked at together: fewer wake-ups, and runs of typing are one stroke."""

MAX_QUEUE = 20_000
"""Edits a live room may be ahead of the engine before they are read from the log again instead."""

SHOW_EVERY_S = 1.0
"""At most so often are new findings of one document rendered, stored and pushed while people type."""

SAVE_EVERY_S = 5.0

REST_AFTER_S = 60.0
"""An engine that has had nothing to look at for so long is put away; the next edit that misses something brings it
back."""

SLICE_EDITS = 64


class Lag(NamedTuple):
    """How far the conflicts of a document are ``known``, how far the engine has ``looked``, and where the document is:
    revisions."""

    document: str
    known: int
    looked: int
    revision: int


@dataclass(slots=True, eq=False)
class Watch:
    """What detection knows of one live room.

    ``last`` and ``last_other`` are the newest release points of two different sessions: enough to tell in a moment
    whether an edit's author missed somebody's. ``covered`` is the revision up to which conflicts are known. ``named``:
    ids of entries that were decided about, for the next findings.
    """

    room: Room
    covered: int = 0
    saved: int = -1
    session: str = ""
    last: int = 0
    last_other: int = 0
    projector: ConflictProjector | None = None
    build_until: int = 0
    queue: deque[CommittedEdit] = field(default_factory=deque)
    overflowed: bool = False
    heavy: bool = False
    threaded: bool = False
    scheduled: bool = False
    asked: bool = False
    failed: bool = False
    searched: bool = False
    fed_at: float = 0.0
    shown: int = 0
    shown_at: float = -1.0
    timer: asyncio.TimerHandle | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    named: set[str] = field(default_factory=set)

    @property
    def known(self) -> int:
        """The revision up to which conflicts are known and have been handed to the projection."""
        return self.covered if self.projector is None else self.shown

    @property
    def reached(self) -> int:
        """The revision up to which the engine has looked."""
        return self.covered if self.projector is None else self.projector.revision


class Detector:
    """Watches every live room. Owns the conflict projection while the server runs."""

    def __init__(
        self, store: EventStore, conflicts: ConflictStore, describe: Describe, shelf: Shelf | None = None
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._conflicts = conflicts
        self._watches: dict[Room, Watch] = {}
        self._busy: deque[Watch] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._worker = self._loop.create_task(self._work())
        self._saver = self._loop.create_task(self._save_regularly())
        self._saves: set[asyncio.Task[None]] = set()
        self._named: dict[str, set[str]] = {}
        self.bell = Bell()
        self._recorder = Recorder(store, conflicts, describe)
        self._ended = perf_counter()
        self.seconds = 0.0
        self.edits = 0
        self.restored = 0

    # -- called by rooms ----------------------------------------------------------------------------------------------

    async def known_up_to(self, document: str, revision: int, document_hash: bytes) -> int:
        """The revision up to which stored conflicts of *document* can be trusted; what cannot be is dropped.

        ``revision`` and ``document_hash`` are those of the log now.
        """
        self._recorder.forget(document)
        self._named[document] = await asyncio.to_thread(named_by, self._store, document)
        covered, digest = await asyncio.to_thread(self._conflicts.cursor, document)
        agrees = digest == document_hash if covered == revision else not await self._differs(document, covered, digest)
        if covered > revision or not agrees:
            await asyncio.to_thread(self._conflicts.drop, document)
            return 0
        await self._recorder.judge(document, tell=False)
        return covered

    def attach(self, room: Room, covered: int) -> None:
        """Watch a room that has just been folded; its conflicts are known up to *covered*."""
        watch = Watch(room, covered=covered, saved=covered, last=room.revision, last_other=room.revision)
        watch.named |= self._named.pop(room.name, set())
        self._watches[room] = watch
        if covered != room.revision:
            self._start(watch)

    async def _differs(self, document: str, revision: int, digest: bytes) -> bool:
        if revision == 0:
            return False
        return await asyncio.to_thread(self._store.hash_at, document, revision) != digest

    def detect(self, room: Room, edits: Sequence[CommittedEdit]) -> None:
        """Called by a room after it has relayed *edits*. Cheap: decides whether the engine must look."""
        watch = self._watches.get(room)
        if watch is None or watch.failed:
            return
        if watch.projector is None:
            for edit in edits:
                if self._misses_something(watch, edit):
                    self._start(watch)
                    break
            else:
                watch.covered = max(watch.covered, room.revision)
                watch.moved.set()
                return
            return
        queue = watch.queue
        if len(queue) + len(edits) > MAX_QUEUE:
            queue.clear()
            watch.overflowed = True
        if not watch.overflowed:
            queue.extend(edits)
        self._schedule(watch)

    def _misses_something(self, watch: Watch, edit: CommittedEdit) -> bool:
        draft = edit.draft
        if draft is None or draft.session is None or draft.context is None or edit.effective != edit.revision:
            return True
        session = draft.session
        others = watch.last_other if session == watch.session else watch.last
        if draft.context.lower.base < others:
            return True
        if session != watch.session:
            watch.last_other, watch.session = watch.last, session
        watch.last = edit.revision
        return bool(draft.context.lower.exclude)

    def decided(self, room: Room, conflicts: Sequence[str]) -> None:
        """Called by a room after decisions about these entries were recorded."""
        watch = self._watches.get(room)
        if watch is not None:
            watch.named.update(conflicts)
        self._do(self._judge(room))

    async def _judge(self, room: Room) -> None:
        self._push(room, await self._recorder.judge(room.name, tell=_has_declared(room)))

    def retired(self, room: Room) -> None:
        """A room has left memory: keep how far its conflicts are known."""
        watch = self._watches.pop(room, None)
        if watch is not None:
            self._finish(watch)
            watch.moved.set()

    def _finish(self, watch: Watch) -> None:
        """Hand over what has been found and not been shown yet; nothing more will come."""
        if watch.timer is not None:
            watch.timer.cancel()
            watch.timer = None
        if (
            watch.projector is not None
            and not watch.failed
            and not watch.queue
            and watch.shown < watch.covered == watch.room.revision
        ):
            watch.projector.name(watch.named)
            self._hand_over(watch, watch.projector.findings())
        self._save_soon(watch)
        self._put_away(watch)

    def _put_away(self, watch: Watch) -> bool:
        """Take the engine from *watch* and keep it on the shelf; return False if it still has something to do."""
        projector = watch.projector
        if (
            projector is None
            or self._shelf is None
            or watch.failed
            or watch.queue
            or watch.overflowed
            or watch.timer is not None
            or not watch.shown == watch.covered == projector.revision == watch.room.revision
        ):
            return False
        watch.projector = None
        watch.last = watch.last_other = watch.room.revision
        task = self._loop.create_task(self._shelf.put(projector))
        self._saves.add(task)
        task.add_done_callback(self._saves.discard)
        return True

    # -- the engine's turn --------------------------------------------------------------------------------------------

    def _start(self, watch: Watch) -> None:
        """Build the engine from the log up to where the room is now; what comes later is queued behind it."""
        watch.projector = ConflictProjector(watch.room.name)
        watch.build_until = watch.room.revision
        watch.queue.clear()
        watch.overflowed = watch.searched = False
        self._schedule(watch)

    def _schedule(self, watch: Watch) -> None:
        """Look at this document soon: what comes within a moment is looked at together."""
        if not watch.scheduled:
            watch.scheduled = True
            self._busy.append(watch)
        if self._timer is None and not self._wake.is_set():
            self._timer = self._loop.call_later(LOOK_AFTER_S, self._rouse)

    def _rouse(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._wake.set()

    async def _work(self) -> None:
        while True:
            if not self._busy:
                self._wake.clear()
            await self._wake.wait()
            if not self._busy:
                continue
            watch = self._busy.popleft()
            watch.scheduled = False
            try:
                more = await self._step(watch)
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception(
                    "conflict detection failed in %r; it is tried again when the document is next opened",
                    watch.room.name,
                )
                more, watch.failed = False, True
                watch.queue.clear()
                watch.moved.set()
            if more and watch.room in self._watches:
                self._schedule(watch)
            await self._pause()

    def _deadline(self) -> float:
        """When the slice that begins now must end."""
        away_s = perf_counter() - self._ended
        return perf_counter() + min(max(SLICE_S, away_s / 2), LONGEST_SLICE_S)

    async def _pause(self) -> None:
        """Let everybody else have their turn."""
        self._ended = perf_counter()
        await asyncio.sleep(0)

    async def _step(self, watch: Watch) -> bool:
        """One slice of work for one document; True if there is more."""
        projector = watch.projector
        if projector is None or watch.failed:
            return False
        watch.fed_at = self._loop.time()
        if not watch.searched:
            watch.searched = True
            found = None if self._shelf is None else await self._shelf.take(watch.room.name, watch.build_until)
            if found is not None:
                if watch.covered < found.revision:
                    found.engine.report_all()
                watch.projector = projector = found
                self.restored += 1
        if projector.revision < watch.build_until:
            events = await asyncio.to_thread(
                self._store.edit_rows,
                watch.room.name,
                after=projector.revision,
                until=watch.build_until,
                limit=READ_ROWS,
            )
            at = 0
            while at < len(events):
                deadline = self._deadline()
                while at < len(events):
                    piece = events[at : at + (1 if watch.heavy else SLICE_EDITS // 4)]
                    digs = projector.digs(row.context for row in piece)
                    await self._feed(watch, partial(projector.take_rows, piece), len(piece), digs)
                    at += len(piece)
                    if perf_counter() >= deadline:
                        break
                await self._pause()
            if not events:
                projector.revision = watch.build_until
            return True
        if watch.overflowed:
            watch.overflowed = False
            watch.build_until = watch.room.revision
            return True
        deadline = self._deadline()
        while watch.queue:
            facts = self._take(watch, projector)
            reached = facts[-1].effective if facts else projector.revision
            digs = projector.digs(fact.context for fact in facts)
            await self._feed(watch, partial(projector.take_facts, facts, reached), len(facts), digs)
            if perf_counter() >= deadline:
                break
        if watch.queue:
            return True
        watch.covered = projector.revision = watch.room.revision
        await self._show(watch, projector)
        watch.moved.set()
        return False

    async def _show(self, watch: Watch, projector: ConflictProjector) -> None:
        """Store and push what the engine has found: at once when somebody asks, else once a second at most."""
        now = self._loop.time()
        if not watch.asked and now < watch.shown_at + SHOW_EVERY_S:
            if watch.timer is None:
                watch.timer = self._loop.call_at(watch.shown_at + SHOW_EVERY_S, self._schedule, watch)
            return
        if watch.timer is not None:
            watch.timer.cancel()
        watch.timer, watch.shown_at, watch.asked = None, now, False
        named, watch.named = watch.named, set()
        projector.name(named)
        started = perf_counter()
        findings = await self._threaded(watch, projector.findings) if watch.heavy else projector.findings()
        took_s = perf_counter() - started
        self.seconds += took_s
        watch.heavy = watch.heavy or took_s > LONGEST_SLICE_S
        self._hand_over(watch, findings)

    def _hand_over(self, watch: Watch, findings: Findings) -> None:
        watch.shown = watch.covered
        if findings.episodes or findings.superseded:
            self._save_soon(watch, list(findings.episodes.values()), findings.superseded)

    async def _feed(self, watch: Watch, call: Callable[[], None], edits: int, heavy: bool) -> None:
        """Let the engine look at a few edits: here, or in a thread if they are *heavy* or while this document's edits
        take long to look at (a merge of long branches), so that no room waits for it."""
        started = perf_counter()
        if watch.heavy or heavy:
            await self._threaded(watch, call)
        else:
            call()
        took_s = perf_counter() - started
        watch.heavy = took_s > LONGEST_SLICE_S
        self.seconds += took_s
        self.edits += edits

    async def _threaded(self, watch: Watch, call: Callable[[], _T]) -> _T:
        """Let a thread have the engine; nobody else may touch it meanwhile."""
        watch.threaded = True
        try:
            return await asyncio.to_thread(call)
        finally:
            watch.threaded = False

    def _take(self, watch: Watch, projector: ConflictProjector) -> list[EditFact]:
        facts: list[EditFact] = []
        queue = watch.queue
        while queue and len(facts) < (1 if watch.heavy else SLICE_EDITS):
            edit = queue.popleft()
            if edit.effective <= watch.build_until:
                continue  # built from the log already
            if edit.draft is not None and edit.update is not None:
                facts.append(edit_fact(edit.effective, edit.draft, edit.revision, edit.update))
                continue
            held = projector.held(edit.revision)
            if held is not None:
                event, update = held
                facts.append(edit_fact(edit.effective, event, edit.revision, update))
        return facts

    # -- the projection -----------------------------------------------------------------------------------------------

    def _save_soon(
        self, watch: Watch, episodes: Sequence[Episode] = (), superseded: Sequence[tuple[str, str]] = ()
    ) -> None:
        room = watch.room
        up_to = watch.known
        if up_to <= watch.saved and not episodes and not superseded and not self._recorder.owes(room.name):
            return
        watch.saved = up_to
        digest = room.document_hash if up_to == room.revision else b""
        self._do(self._save(room, up_to, digest, list(episodes), list(superseded)))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = self._loop.create_task(work)
        self._saves.add(task)
        task.add_done_callback(self._saves.discard)

    async def _save(
        self, room: Room, covered: int, digest: bytes, episodes: list[Episode], superseded: list[tuple[str, str]]
    ) -> None:
        """Store findings, then push what changed by them to the sessions that understand it."""
        batch = Batch(covered, digest, episodes, superseded)
        self._push(room, await self._recorder.record(room.name, batch, tell=_has_declared(room)))

    def _push(self, room: Room, told: Told) -> None:
        for frame in told.frames:
            room.tell_declared(frame)
        if told.changed:
            self.bell.ring()

    async def _save_regularly(self) -> None:
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            for watch in list(self._watches.values()):
                behind = watch.known > watch.saved or self._recorder.owes(watch.room.name)
                if behind and watch.room.state == "live":
                    self._save_soon(watch)
                if watch.fed_at + REST_AFTER_S < self._loop.time():
                    self._put_away(watch)

    async def caught_up(self, room: Room, timeout_s: float) -> int:
        """Wait until the conflicts of *room* are known up to where it is now, and stored; return how far they are."""
        watch = self._watches.get(room)
        if watch is None:
            return 0
        target = room.revision
        try:
            async with asyncio.timeout(timeout_s):
                while room in self._watches and watch.known < target and not watch.failed:
                    watch.asked = True
                    self._schedule(watch)
                    self._rouse()
                    watch.moved.clear()
                    await watch.moved.wait()
                if self._recorder.owes(room.name):
                    self._save_soon(watch)
                if self._saves:
                    await asyncio.wait(set(self._saves))
        except TimeoutError:
            pass
        return 0 if self._recorder.owes(room.name) else watch.known

    def lags(self, document: str | None = None) -> list[Lag]:
        """Live documents whose newest edits the engine has not looked at, or whose findings are not stored yet."""
        return [
            Lag(room.name, watch.known, max(watch.known, watch.reached), room.revision)
            for room, watch in self._watches.items()
            if document in (None, room.name) and watch.known < room.revision and not watch.failed
        ]

    async def engine(self, room: Room, timeout_s: float) -> DocumentConflicts:
        """The engine of *room*, which has looked at all that the room shows: to be used before the next await.

        Builds it from the log if there is none. Raises NotKnownYet if that takes longer than *timeout_s*.
        """
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    watch = self._watches.get(room)
                    if watch is None or watch.failed:
                        raise NotKnownYet("the conflicts of this document are not known at the moment")
                    if watch.projector is None:
                        self._start(watch)
                    elif self._bring_up(watch, watch.projector):
                        return watch.projector.engine
                    watch.asked = True
                    self._schedule(watch)
                    self._rouse()
                    watch.moved.clear()
                    await watch.moved.wait()
        except TimeoutError:
            raise NotKnownYet("the conflict engine is still looking at this document") from None

    def _bring_up(self, watch: Watch, projector: ConflictProjector) -> bool:
        """Look at the last few edits at once; False if there is more to do than that, or a thread has the engine."""
        if watch.threaded or watch.overflowed or projector.revision < watch.build_until:
            return False
        if watch.queue and (watch.heavy or len(watch.queue) > SLICE_EDITS):
            return False
        if watch.queue:
            facts = self._take(watch, projector)
            projector.take_facts(facts, facts[-1].effective if facts else projector.revision)
            self._schedule(watch)
        watch.covered = projector.revision = watch.room.revision
        return True

    def statistics(self) -> dict[str, Any]:
        """What detection has done since the start: edits looked at, seconds spent, engines taken from checkpoints,
        engines in memory, revisions behind."""
        watches = list(self._watches.values())
        return {
            "edits": self.edits,
            "seconds": round(self.seconds, 6),
            "restored": self.restored,
            "engines": sum(watch.projector is not None for watch in watches),
            "behind": sum(max(0, watch.room.revision - watch.covered) for watch in watches),
        }

    async def close(self) -> None:
        """Store how far conflicts are known and end."""
        self._rouse()
        for task in (self._worker, self._saver):
            task.cancel()
        await asyncio.gather(self._worker, self._saver, return_exceptions=True)
        for watch in list(self._watches.values()):
            self._finish(watch)
        if self._saves:
            await asyncio.wait(set(self._saves))


def _has_declared(room: Room) -> bool:
    return any(session.declared for session in room.sessions)
