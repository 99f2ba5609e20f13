"""Conflict detection beside the live rooms: after the relay, in slices, and only where somebody was concurrent.

A document in which every edit was made with full knowledge of all before it needs no engine at all. The first edit
that misses something starts one, from the log, in the background; from then on the room feeds it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from time import perf_counter
from typing import Any

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import Episode
from keepboth.errors import NotKnownYet
from keepboth.history.way import RightOfWay
from keepboth.live.bell import Bell
from keepboth.live.judging import named_by
from keepboth.live.passage import CommittedEdit
from keepboth.live.projector import ConflictProjector, Findings
from keepboth.live.recording import Batch, Describe, Recorder, Told
from keepboth.live.room import Room
from keepboth.live.shelf import Shelf
from keepboth.live.turns import SLICE_S, Turns
from keepboth.live.watching import Lag, Watch
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore

SHOW_EVERY_S = 1.0
"""At most so often are new findings of one document rendered, stored and pushed while people type."""

SAVE_EVERY_S = 5.0

REST_AFTER_S = 60.0
"""An engine that has had nothing to look at for so long is put away; the next edit that misses something brings it
back."""


class Detector:
    """Watches every live room. Owns the conflict projection while the server runs."""

    def __init__(
        self,
        store: EventStore,
        conflicts: ConflictStore,
        describe: Describe,
        shelf: Shelf | None = None,
        way: RightOfWay | None = None,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._conflicts = conflicts
        self._watches: dict[Room, Watch] = {}
        self._loop = asyncio.get_running_loop()
        self._turns = Turns(store, shelf, self._watches.__contains__, self._show, way)
        self._saver = self._loop.create_task(self._save_regularly())
        self._saves: set[asyncio.Task[None]] = set()
        self._named: dict[str, set[str]] = {}
        self.bell = Bell()
        self._recorder = Recorder(store, conflicts, describe)

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
            self._turns.start(watch)

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
                if watch.misses_something(edit):
                    self._turns.start(watch)
                    break
            else:
                watch.covered = max(watch.covered, room.revision)
                watch.moved.set()
                return
            return
        watch.queue_up(edits)
        self._turns.schedule(watch)

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
            and not watch.threaded
            and not watch.queue
            and watch.shown < watch.covered == watch.room.revision
        ):
            watch.projector.name(watch.named)
            if watch.projector.has_much_to_tell:
                self._do(self._finish_apart(watch, watch.projector))
                return
            self._hand_over(watch, watch.projector.findings())
        self._save_soon(watch)
        self._put_away(watch)

    async def _finish_apart(self, watch: Watch, projector: ConflictProjector) -> None:
        """The same where reading the findings takes long."""
        findings, _ = await self._turns.run(watch, projector.findings, apart=True)
        self._hand_over(watch, findings)
        self._save_soon(watch)
        self._put_away(watch)

    def _put_away(self, watch: Watch) -> bool:
        """Take the engine from *watch* and keep it on the shelf; return False if it still has something to do."""
        projector = watch.projector
        if (
            projector is None
            or self._shelf is None
            or watch.failed
            or watch.threaded
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

    async def _show(self, watch: Watch, projector: ConflictProjector) -> None:
        """Store and push what the engine has found: at once when somebody asks, else once a second at most."""
        now = self._loop.time()
        if not watch.asked and now < watch.shown_at + SHOW_EVERY_S:
            if watch.timer is None:
                watch.timer = self._loop.call_at(watch.shown_at + SHOW_EVERY_S, self._turns.schedule, watch)
            return
        if watch.timer is not None:
            watch.timer.cancel()
        watch.timer, watch.shown_at, watch.asked = None, now, False
        named, watch.named = watch.named, set()
        projector.name(named)
        findings, _ = await self._turns.run(watch, projector.findings, apart=projector.has_much_to_tell)
        self._hand_over(watch, findings)

    def _hand_over(self, watch: Watch, findings: Findings) -> None:
        watch.shown = watch.covered
        if findings.episodes or findings.superseded:
            self._save_soon(watch, list(findings.episodes.values()), findings.superseded)

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
        """Wait until the conflicts of *room* are known up to where it is now, and stored; return how far they are, 0 if
        that cannot be said while they are being stored."""
        watch = self._watches.get(room)
        if watch is None:
            return 0
        target = room.revision
        stored = False
        try:
            async with asyncio.timeout(timeout_s):
                while room in self._watches and watch.known < target and not watch.failed:
                    watch.asked = True
                    self._turns.schedule(watch)
                    self._turns.rouse()
                    watch.moved.clear()
                    await watch.moved.wait()
                if self._recorder.owes(room.name):
                    self._save_soon(watch)
                if self._saves:
                    await asyncio.wait(set(self._saves))
                stored = True
        except TimeoutError:
            pass
        return watch.known if stored and not self._recorder.owes(room.name) else 0

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
                        self._turns.start(watch)
                    elif watch.bring_up():
                        self._turns.schedule(watch)
                        return watch.projector.engine
                    watch.asked = True
                    self._turns.schedule(watch)
                    self._turns.rouse()
                    watch.moved.clear()
                    await watch.moved.wait()
        except TimeoutError:
            raise NotKnownYet("the conflict engine is still looking at this document") from None

    async def present(self, room: Room, ids: Sequence[str], timeout_s: float) -> dict[str, str]:
        """What *room* shows where these entries are, by id. Without an engine that has looked at everything, which it
        waits for at most *timeout_s*, nothing is known of those that are missing here."""
        found: dict[str, str] = {}
        engine: DocumentConflicts | None = None
        until = perf_counter()
        for id in ids:
            if engine is None or perf_counter() >= until:
                if engine is not None:
                    await asyncio.sleep(0)
                watch = self._watches.get(room)
                if timeout_s <= 0 and (watch is None or watch.failed or not watch.bring_up()):
                    break
                try:
                    engine = await self.engine(room, max(timeout_s, SLICE_S))
                except NotKnownYet:
                    break
                until = perf_counter() + SLICE_S
            text = engine.now(id)
            if text is not None:
                found[id] = text
        return found

    def statistics(self) -> dict[str, Any]:
        """What detection has done since the start: edits looked at, seconds spent, engines taken from checkpoints,
        engines in memory, revisions behind."""
        watches = list(self._watches.values())
        return {
            "edits": self._turns.edits,
            "seconds": round(self._turns.seconds, 6),
            "restored": self._turns.restored,
            "engines": sum(watch.projector is not None for watch in watches),
            "behind": sum(max(0, watch.room.revision - watch.covered) for watch in watches),
        }

    async def close(self) -> None:
        """Store how far conflicts are known and end."""
        self._saver.cancel()
        await asyncio.gather(self._turns.close(), self._saver, return_exceptions=True)
        for watch in list(self._watches.values()):
            self._finish(watch)
        while self._saves:
            await asyncio.wait(set(self._saves))


def _has_declared(room: Room) -> bool:
    return any(session.declared for session in room.sessions)
