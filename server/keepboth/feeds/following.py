"""Feeds as readers take them: pages read off the event loop, one after the other, each when the last was taken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from keepboth.cloudevents import cloud_event, json_bytes, rfc3339, source
from keepboth.errors import NotFound, ShuttingDown
from keepboth.events import Event, Micros, id_text
from keepboth.feeds.heads import Heads
from keepboth.feeds.pages import PAGE_EVENTS, Page, read_page
from keepboth.feeds.quiet import quiet_event, quiet_id
from keepboth.store.base import EventStore
from keepboth.store.choice import Choice

HEARTBEAT_S: Final = 15.0
"""A batch at least so often, if only a checkpoint: both ends notice when the other has gone."""

CHECKPOINT_EVERY: Final = 10_000
"""Positions without a match after which a reader is told how far it has come."""

GATHER_S: Final = 0.005
"""A reader at the end of the log reads at most so often: commits in between share a page."""

Standing = Callable[[str, int], Awaitable[dict[str, Any]]]
"""How a document stands at a revision: what ``document.quiet`` says beyond who wrote."""


class Told(NamedTuple):
    """One event of a feed: a CloudEvent as JSON."""

    position: int
    id: str
    body: bytes


class Batch(NamedTuple):
    """``told`` in order; all that was wanted up to ``cursor`` has been told by now. Without any it is a checkpoint.

    ``more`` and ``again_s`` are those of :class:`~keepboth.feeds.pages.Page`."""

    told: tuple[Told, ...]
    cursor: int
    more: bool = False
    again_s: float | None = None


class Readers:
    """How many are connected."""

    def __init__(self) -> None:
        self.count = 0


class Feeds:
    """What feeds read from. One thread of the loop's pool is used while a page is read, none while a reader waits."""

    def __init__(self, store: EventStore, heads: Heads, now: Callable[[], Micros], standing: Standing) -> None:
        self.store = store
        self.heads = heads
        self.now = now
        self._standing = standing
        self._reading: dict[tuple[Choice, int, int], asyncio.Task[Batch]] = {}
        self.readers = Readers()

    def check(self, after: int) -> int:
        """*after*, if the log reaches so far. Raises NotFound: a cursor of another log, or of one that was restored."""
        head = self.store.head().position
        if after > head:
            raise NotFound(f"there is no position {after} in this log: it ends at {head}", position=head)
        return after

    async def batch(self, wanted: Choice, after: int, limit: int = PAGE_EVENTS) -> Batch:
        """The next page behind *after*. Readers that ask for the same at the same time share one reading."""
        key = (wanted, after, limit)
        task = self._reading.get(key)
        if task is None:
            task = self._reading[key] = asyncio.create_task(self._batch(wanted, after, limit))
            task.add_done_callback(lambda _: self._reading.pop(key, None))
        return await asyncio.shield(task)

    async def _batch(self, wanted: Choice, after: int, limit: int) -> Batch:
        page, bodies = await asyncio.to_thread(self._read, wanted, after, limit)
        told: list[Told] = []
        for item, body in zip(page.items, bodies, strict=True):
            if isinstance(item, Event):
                id = id_text(item.id)
            else:
                id = quiet_id(self.store.store_id, item.document, item.last)
                standing = await self._standing(item.document, item.last)
                body = await asyncio.to_thread(json_bytes, quiet_event(item, self.store.store_id, standing))
            told.append(Told(item.position, id, body))
        again_s = None if page.again_us is None else page.again_us / 1e6
        return Batch(tuple(told), page.cursor, page.more, again_s)

    def _read(self, wanted: Choice, after: int, limit: int) -> tuple[Page, list[bytes]]:
        page = read_page(self.store, wanted, after, self.now(), limit)
        store_id = self.store.store_id
        bodies = [json_bytes(cloud_event(item, store_id)) if isinstance(item, Event) else b"" for item in page.items]
        return page, bodies

    async def follow(self, wanted: Choice, after: int, heartbeat_s: float = HEARTBEAT_S) -> AsyncGenerator[Batch, None]:
        """Everything wanted behind *after*, then what comes, until the server goes down.

        The next page is read when the reader asks for it, so nothing is held for a reader that does not.
        """
        loop = asyncio.get_running_loop()
        heard, told_up_to, read_at = loop.time(), after, 0.0
        while not self.heads.closed:
            ring = self.heads.next(wanted.document)
            if (wait_s := read_at + GATHER_S - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            try:
                batch = await self.batch(wanted, after)
            except ShuttingDown:
                return
            after = batch.cursor
            late = loop.time() >= heard + heartbeat_s or after >= told_up_to + CHECKPOINT_EVERY
            if batch.told or late:
                yield batch
                heard, told_up_to = loop.time(), after
            if batch.more:
                read_at = 0.0
                continue
            read_at = loop.time()
            patience_s = max(0.0, heard + heartbeat_s - loop.time())
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    ring.wait(), patience_s if batch.again_s is None else min(patience_s, batch.again_s)
                )

    def checkpoint(self, position: int) -> bytes:
        """The CloudEvent that moves a reader to *position*."""
        return json_bytes(
            {
                "specversion": "1.0",
                "id": f"checkpoint-{position}",
                "source": source(self.store.store_id),
                "type": "dev.keepboth.feed.checkpoint.v1",
                "time": rfc3339(self.now()),
                "sequence": f"{position:020d}",
            }
        )
