"""When the conflict engines work: after the relay, in slices, in turn, and in a thread where a slice takes long."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial
from time import perf_counter, thread_time
from typing import TypeVar

from keepboth.history.way import RightOfWay
from keepboth.live.projector import READ_ROWS, ConflictProjector, size_of_rows
from keepboth.live.room import Room
from keepboth.live.shelf import Shelf
from keepboth.live.watching import SLICE_EDITS, Watch
from keepboth.store.base import EventStore

log = logging.getLogger("keepboth.conflicts")

_T = TypeVar("_T")

SLICE_S = 0.002
LONGEST_SLICE_S = 0.010
"""Detection holds the event loop at most about this long at a time: the shorter where the loop has time to spare, the
longer where it has not, so that the engine gets about a third of a saturated loop and its backlog slows the writers."""

LOOK_AFTER_S = 0.05
"""What is released within this long is looked at together: fewer wake-ups, and runs of typing are one stroke."""


SHORT = 2000
"""So many revisions of a log are read in a moment (20 µs each), in slices, and give way to nobody."""


class Turns:
    """Gives every watched document's engine its turn. ``show(watch, projector)`` is awaited when one has looked at all
    there is. ``seconds`` and ``edits`` say what has been spent; ``restored`` counts engines taken from the shelf."""

    def __init__(
        self,
        store: EventStore,
        shelf: Shelf | None,
        is_watched: Callable[[Room], bool],
        show: Callable[[Watch, ConflictProjector], Awaitable[None]],
        way: RightOfWay | None = None,
    ) -> None:
        self._store = store
        self._shelf = shelf
        self._is_watched = is_watched
        self._show = show
        self._way = way or RightOfWay()
        self._busy: deque[Watch] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._ended = perf_counter()
        self.seconds = 0.0
        self.edits = 0
        self.restored = 0
        self._worker = self._loop.create_task(self._work())

    async def close(self) -> None:
        """End. A slice under way in a thread goes on until it is done."""
        self.rouse()
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)

    def start(self, watch: Watch) -> None:
        """Build the engine from the log up to where the room is now; what comes later is queued behind it."""
        watch.projector = ConflictProjector(watch.room.name)
        watch.build_until = watch.room.revision
        watch.queue.clear()
        watch.overflowed = watch.searched = False
        self.schedule(watch)

    def schedule(self, watch: Watch) -> None:
        """Look at this document soon: what comes within a moment is looked at together."""
        if not watch.scheduled:
            watch.scheduled = True
            self._busy.append(watch)
        if self._timer is None and not self._wake.is_set():
            self._timer = self._loop.call_later(LOOK_AFTER_S, self.rouse)

    def rouse(self) -> None:
        """Look at once."""
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
            if more and self._is_watched(watch.room):
                self.schedule(watch)
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
        if projector.revision < watch.build_until and self._gives_way(watch):
            return False
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
                    long = projector.is_long(size_of_rows(piece))
                    await self._feed(watch, partial(projector.take_rows, piece), len(piece), long)
                    at += len(piece)
                    if perf_counter() >= deadline:
                        break
                await self._pause()
                if at < len(events) and self._gives_way(watch):
                    return False
            if not events:
                projector.revision = watch.build_until
            return True
        if watch.overflowed:
            watch.overflowed = False
            watch.build_until = watch.room.revision
            return True
        deadline = self._deadline()
        while watch.queue:
            facts, size = watch.take(projector)
            reached = facts[-1].effective if facts else projector.revision
            long = projector.is_long(size)
            await self._feed(watch, partial(projector.take_facts, facts, reached), len(facts), long)
            if perf_counter() >= deadline:
                break
        if watch.queue:
            return True
        watch.covered = projector.revision = watch.room.revision
        await self._show(watch, projector)
        watch.moved.set()
        return False

    def _gives_way(self, watch: Watch) -> bool:
        """True if *watch* has been put aside because somebody waits for a document, and there is much to read."""
        if watch.projector is None or watch.build_until - watch.projector.revision <= SHORT:
            return False
        wait_s = self._way.wait_s()
        if wait_s and not watch.aside:
            watch.aside = True
            self._loop.call_later(wait_s, self._go_on, watch)
        return bool(wait_s)

    def _go_on(self, watch: Watch) -> None:
        watch.aside = False
        if self._is_watched(watch.room):
            self.schedule(watch)

    async def _feed(self, watch: Watch, call: Callable[[], None], edits: int, long: bool) -> None:
        """Let the engine look at a few edits: here, or in a thread if that is *long* or while this document's edits
        take long to look at (a merge of long branches), so that no room waits for it."""
        _, took_s = await self.run(watch, call, apart=watch.heavy or long)
        watch.looked(long=took_s > LONGEST_SLICE_S)
        self.edits += edits

    async def run(self, watch: Watch, call: Callable[[], _T], *, apart: bool) -> tuple[_T, float]:
        """What *call* returns, and how many seconds of work it was: here, or *apart* in a thread, which then has the
        engine alone."""
        if not apart:
            result, took_s = _timed(call)
        else:
            watch.threaded = True
            try:
                result, took_s = await asyncio.to_thread(_timed, call)
            finally:
                watch.threaded = False
        self.seconds += took_s
        return result, took_s


def _timed(call: Callable[[], _T]) -> tuple[_T, float]:
    """What *call* returns, and how many seconds this thread worked for it: not how long it waited for others."""
    started = thread_time()
    return call(), thread_time() - started
