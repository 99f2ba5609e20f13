"""Named consumers: at least once, in order, one reader at a time; what cannot be handled is put aside, not lost.

A reader asks for events and gets a *lease* with them. What it does not acknowledge is given again: to it, or to the
next one when the lease has run out.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

from keepboth.errors import InvalidRequest, LeaseTaken, NotFound, OtherLog, ShuttingDown
from keepboth.events import Micros
from keepboth.feeds.following import HEARTBEAT_S, Batch, Feeds, Told
from keepboth.feeds.heads import Heads
from keepboth.store.choice import Choice
from keepboth.store.consumer_tables import Consumer, Parked
from keepboth.store.consumers import SqliteConsumers

LEASE_S: Final = 30.0
MAX_REPLAYED: Final = 100
ADVANCE_EVERY: Final = 1000
"""Positions without anything wanted after which a stream moves the cursor by itself."""


class Given(NamedTuple):
    """What a reader gets: ``told``, to be acknowledged by the time of ``until``. All that is wanted up to ``cursor`` is
    in it or was acknowledged. ``replay``: it was parked, and is given once more."""

    told: tuple[Told, ...]
    cursor: int
    lease: str
    until: Micros
    replay: bool = False


class Consumers:
    """Every consumer of this server. ``new_lease`` gives a secret that nobody else has."""

    def __init__(self, feeds: Feeds, kept: SqliteConsumers, new_lease: Callable[[], str]) -> None:
        self.feeds = feeds
        self.kept = kept
        self.new_lease = new_lease
        self._checked: set[str] = set()
        self._changes = Heads()

    # -- which there are -----------------------------------------------------------------------------------------------

    async def put(self, name: str, wanted: Choice, after: int | None) -> tuple[Consumer, bool]:
        """Make a consumer, or change what it wants; *after* is where it begins, or goes on. Raises NotFound for a
        position that the log has not reached."""

        def run() -> tuple[Consumer, bool]:
            cursor = None if after is None else (self.feeds.check(after), self.hash_at(after))
            return self.kept.put(name, wanted, cursor, self.feeds.now())

        found = await asyncio.to_thread(run)
        self._checked.discard(name)
        self.changed(name)
        return found

    async def delete(self, name: str) -> None:
        """Raises NotFound."""
        await asyncio.to_thread(self.kept.delete, name)
        self.changed(name)

    def hash_at(self, position: int) -> bytes:
        """The document hash of the event at *position*, empty for 0. Blocks."""
        if position == 0:
            return b""
        events = self.feeds.store.read(after=position - 1, until=position, limit=1)
        if not events:
            raise NotFound(f"there is no position {position} in this log", position=position)
        return events[0].document_hash

    def changed(self, name: str) -> None:
        """Wake what waits for a change of this consumer: an acknowledgement, another filter, a replay."""
        self._changes.moved([name])

    def change_of(self, name: str) -> asyncio.Event:
        """Set at the next change. Take it before looking."""
        return self._changes.next(name)

    def close(self) -> None:
        """Wake everybody who waits, for good."""
        self._changes.close()

    # -- reading -------------------------------------------------------------------------------------------------------

    async def poll(
        self, name: str, lease: str | None = None, *, limit: int = 100, lease_s: float = LEASE_S, wait_s: float = 0.0
    ) -> Given:
        """What comes behind the last acknowledgement, waiting up to *wait_s* for something.

        Without *lease* a new one is made. Cancelled while it waits, it lets the lease go: whoever waits has dealt with
        all it was given. Raises LeaseTaken, OtherLog, NotFound, ShuttingDown.
        """
        lease = lease or self.new_lease()
        try:
            return await self._poll(name, lease, limit, lease_s, wait_s)
        except asyncio.CancelledError:
            with suppress(ShuttingDown):
                await asyncio.shield(asyncio.to_thread(self.kept.release, name, lease))
            raise

    async def _poll(self, name: str, lease: str, limit: int, lease_s: float, wait_s: float) -> Given:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            change, ring = self.change_of(name), self.feeds.heads.next((await self.consumer(name)).wanted.document)
            consumer = await self.consumer(name)
            now = self.feeds.now()
            until = now + int(1e6 * (lease_s + max(0.0, deadline - loop.time())))
            if consumer.replaying:
                replays = await self.replays(consumer, min(limit, MAX_REPLAYED))
                hold = partial(self.kept.hold, name, lease, until, now, cursor=consumer.cursor)
                held: bool = await asyncio.to_thread(hold)
                if replays.told and held:
                    return Given(replays.told, consumer.cursor, lease, until, replay=True)
            batch = await self.feeds.batch(consumer.wanted, consumer.cursor, limit)
            if not await self._hold(consumer, lease, until, now, batch):
                continue
            if batch.told:
                return Given(batch.told, batch.cursor, lease, until)
            if batch.more:
                continue
            patience_s = deadline - loop.time()
            if patience_s <= 0 or self.feeds.heads.closed:
                return Given((), batch.cursor, lease, until)
            await _either(ring, change, patience_s if batch.again_s is None else min(patience_s, batch.again_s))

    async def _hold(self, consumer: Consumer, lease: str, until: Micros, now: Micros, batch: Batch) -> bool:
        def run() -> bool:
            skipped = not batch.told and batch.cursor > consumer.cursor
            advance = self.hash_at(batch.cursor) if skipped else None
            return self.kept.hold(
                consumer.name, lease, until, now, cursor=consumer.cursor, delivered=batch.cursor, advance=advance
            )

        return await asyncio.to_thread(run)

    async def consumer(self, name: str) -> Consumer:
        """The consumer, if the log is still the one that it has read. Raises NotFound, OtherLog."""
        consumer = await asyncio.to_thread(self.kept.get, name)
        if name not in self._checked and consumer.cursor:
            try:
                same = await asyncio.to_thread(self.hash_at, consumer.cursor) == consumer.hash
            except NotFound:
                same = False
            if not same:
                raise OtherLog(
                    f"the log is not the one of which this consumer has read {consumer.cursor} events: "
                    "put it somewhere with `after`",
                    consumer=name,
                    cursor=consumer.cursor,
                )
        self._checked.add(name)
        return consumer

    async def replays(self, consumer: Consumer, limit: int) -> Batch:
        """The parked events that are to be given once more, as they are now (an erased one without its content)."""
        parked: list[Parked] = await asyncio.to_thread(self.kept.parked, consumer.name, limit=limit, replaying=True)
        told: list[Told] = []
        for one in parked:
            batch = await self.feeds.batch(one.wanted, one.position - 1, 1)
            told += [found for found in batch.told if found.position == one.position]
        return Batch(tuple(told), consumer.cursor)

    async def stream(
        self, name: str, *, window: int = 100, lease_s: float = LEASE_S, heartbeat_s: float = HEARTBEAT_S
    ) -> AsyncGenerator[Given, None]:
        """What :meth:`poll` gives, as it comes: at most *window* events ahead of the last acknowledgement. The lease is
        kept while the stream is, and let go with it; the stream ends if somebody else gets it. Something comes at least
        every *heartbeat_s*; the first thing comes at once. Raises LeaseTaken, OtherLog, NotFound before that."""
        stream = _Stream(self, name, self.new_lease(), window, max(lease_s, 2 * heartbeat_s))
        loop = asyncio.get_running_loop()
        begun = False
        try:
            yield await stream.begin()
            begun, heard = True, loop.time()
            while not self.feeds.heads.closed:
                given, again_s = await stream.next()
                if given is not None:
                    yield given
                    heard = loop.time()
                elif again_s is None or again_s > 0:
                    patience_s = heard + heartbeat_s - loop.time()
                    if patience_s <= 0:
                        yield stream.heartbeat()
                        heard = loop.time()
                        continue
                    await stream.news(patience_s if again_s is None else min(patience_s, again_s))
        except (LeaseTaken, NotFound, ShuttingDown):
            if not begun:
                raise
        finally:
            with suppress(ShuttingDown):
                await asyncio.to_thread(self.kept.release, name, stream.lease)
            self.changed(name)

    # -- what the reader says ------------------------------------------------------------------------------------------

    async def ack(self, name: str, lease: str, position: int) -> Consumer:
        """Everything up to *position* is dealt with. Raises LeaseTaken, InvalidRequest, NotFound."""

        def run() -> Consumer:
            return self.kept.ack(name, lease, position, self.hash_at(position), self.feeds.now())

        consumer = await asyncio.to_thread(run)
        self.changed(name)
        return consumer

    async def replayed(self, name: str, lease: str, position: int) -> int:
        """A parked event that was given once more is dealt with: forget it. Raises LeaseTaken."""
        count = await asyncio.to_thread(self.kept.replayed, name, lease, position)
        self.changed(name)
        return count

    async def park(self, name: str, lease: str, position: int, reason: str) -> None:
        """Put the event at *position* aside: the first that is not acknowledged, or one that is given once more.

        Raises LeaseTaken, InvalidRequest.
        """
        consumer = await self.consumer(name)
        if consumer.lease != lease:
            raise LeaseTaken("this lease no longer reads for the consumer", consumer=name)
        told: tuple[Told, ...]
        if position > consumer.cursor:
            told = (await self._first(consumer)).told
        else:
            told = tuple(one for one in (await self.replays(consumer, MAX_REPLAYED)).told if one.position == position)
        if not told or told[0].position != position:
            raise InvalidRequest(
                "only the first event that is not acknowledged can be parked: acknowledge those before it",
                field="position",
                first=told[0].position if told else None,
            )

        def run() -> None:
            now = self.feeds.now()
            self.kept.park(name, lease, position, self.hash_at(position), told[0].id, reason, now)

        await asyncio.to_thread(run)
        self.changed(name)

    async def _first(self, consumer: Consumer) -> Batch:
        """The first event behind the cursor."""
        at = consumer.cursor
        while True:
            batch = await self.feeds.batch(consumer.wanted, at, 1)
            if batch.told or not batch.more:
                return batch
            at = batch.cursor

    async def replay(self, name: str, positions: list[int] | None) -> int:
        """Have parked events given once more, before what is new; return how many."""
        count = await asyncio.to_thread(self.kept.replay, name, positions)
        self.changed(name)
        return count


class _Stream:
    """One reader that is sent events before it has acknowledged those before them."""

    def __init__(self, consumers: Consumers, name: str, lease: str, window: int, lease_s: float) -> None:
        self.lease = lease
        self._consumers = consumers
        self._name = name
        self._window = window
        self._lease_us = int(1e6 * lease_s)
        self._sent = 0
        self._until = 0
        self._ahead: deque[int] = deque()
        self._again: set[int] = set()

    async def begin(self) -> Given:
        """Get the lease."""
        while True:
            consumer = await self._consumers.consumer(self._name)
            if await self._hold(cursor=consumer.cursor, delivered=consumer.cursor):
                self._sent = consumer.cursor
                return self.heartbeat()

    def heartbeat(self) -> Given:
        """Nothing, but a sign of life."""
        return Given((), self._ahead[0] - 1 if self._ahead else self._sent, self.lease, self._until)

    async def next(self) -> tuple[Given | None, float | None]:
        """What can be sent now; else after how long to look again, None for not before something moves."""
        feeds = self._consumers.feeds
        self._change = self._consumers.change_of(self._name)
        consumer = await self._consumers.consumer(self._name)
        self._ring = feeds.heads.next(consumer.wanted.document)
        if feeds.now() > self._until - self._lease_us // 2:
            await self._hold(cursor=None)
        replays = await self._replays(consumer)
        if replays:
            return Given(replays, consumer.cursor, self.lease, self._until, replay=True), None
        while self._ahead and self._ahead[0] <= consumer.cursor:
            self._ahead.popleft()
        self._sent = max(self._sent, consumer.cursor)
        room = self._window - len(self._ahead)
        if room <= 0:
            return None, None
        batch = await feeds.batch(consumer.wanted, self._sent, room)
        self._sent = batch.cursor
        if batch.told:
            await self._hold(cursor=None, delivered=batch.cursor)
            self._ahead.extend(one.position for one in batch.told)
            return Given(batch.told, batch.cursor, self.lease, self._until), None
        if not self._ahead and batch.cursor >= consumer.cursor + ADVANCE_EVERY:
            digest = await asyncio.to_thread(self._consumers.hash_at, batch.cursor)
            await self._hold(cursor=consumer.cursor, delivered=batch.cursor, advance=digest)
        return None, 0.0 if batch.more else batch.again_s

    async def _replays(self, consumer: Consumer) -> tuple[Told, ...]:
        """What was parked and has not been sent again on this stream."""
        if not consumer.replaying:
            self._again.clear()
            return ()
        batch = await self._consumers.replays(consumer, MAX_REPLAYED)
        self._again &= {one.position for one in batch.told}
        told = tuple(one for one in batch.told if one.position not in self._again)
        self._again.update(one.position for one in told)
        return told

    async def news(self, timeout_s: float) -> None:
        """Wait until something has moved since :meth:`next` looked."""
        await _either(self._ring, self._change, timeout_s)

    async def _hold(self, *, cursor: int | None, delivered: int = 0, advance: bytes | None = None) -> bool:
        now = self._consumers.feeds.now()
        until = now + self._lease_us
        hold = partial(self._consumers.kept.hold, cursor=cursor, delivered=delivered, advance=advance)
        if held := await asyncio.to_thread(hold, self._name, self.lease, until, now):
            self._until = until
        return held


async def _either(one: asyncio.Event, other: asyncio.Event, timeout_s: float) -> None:
    waits = [asyncio.ensure_future(one.wait()), asyncio.ensure_future(other.wait())]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
