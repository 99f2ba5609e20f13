"""A server in a thread of its own, everything it logs, and people who go on working while it is attacked."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pycrdt
from websockets.exceptions import ConnectionClosed

from keepboth import errors
from tests.harness import Peer, Running, eventually, running

CODES = {
    kind.code
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.KeepBothError) and kind.__subclasses__() == []
} | {"replica-poisoned"}
"""Every stable code that a close reason may begin with (the abstract ones may not)."""

LONGEST_WAIT_S = 15.0
"""How long one edit of an innocent pair may take to reach the other: two cores, often shared with other test runs."""


class Errors(logging.Handler):
    """Keeps every record of level ERROR and above, and every traceback."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or (record.levelno >= logging.ERROR and not record.name.startswith("keepboth.live")):
            text = logging.Formatter("%(name)s %(message)s").format(record)
            self.found.append(text[-3000:])


@contextmanager
def no_tracebacks() -> Iterator[Errors]:
    """Fail at the end if anything was logged with a traceback, or as an error by anybody but the rooms."""
    handler = Errors()
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield handler
    finally:
        root.removeHandler(handler)
    assert not handler.found, f"{len(handler.found)} records: " + "\n\n".join(handler.found[:5])


@contextmanager
def server_in_a_thread(data: Path, **settings: Any) -> Iterator[Running]:
    """A server on a loop of its own, so that clients and server do not wait for each other's turns."""
    started: dict[str, Any] = {}
    ready = threading.Event()

    async def main() -> None:
        started["loop"] = asyncio.get_running_loop()
        started["stop"] = asyncio.Event()
        async with running(data, **settings) as server:
            started["server"] = server
            ready.set()
            await started["stop"].wait()

    def thread() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - told to the test
            started["error"] = error
        finally:
            ready.set()

    worker = threading.Thread(target=thread)
    worker.start()
    assert ready.wait(20)
    try:
        if "error" not in started:
            yield started["server"]
    finally:
        if "stop" in started:
            started["loop"].call_soon_threadsafe(started["stop"].set)
        worker.join(40)
    assert not worker.is_alive()
    if "error" in started:
        raise started["error"]


def check_close(closed: ConnectionClosed, *also: int) -> str:
    """The stable code of a connection's end: one of ours, or 1009 for what is too large (or a code in *also*)."""
    assert closed.rcvd is not None, "the connection was cut without a word"
    if closed.rcvd.code == 1009 or closed.rcvd.code in also:
        return str(closed.rcvd.code)
    code = closed.rcvd.reason.partition(":")[0]
    assert 4400 <= closed.rcvd.code <= 4599, closed.rcvd
    assert code in CODES, closed.rcvd
    return code


class Innocent(Peer):
    """Somebody who types into a root of their own and reconnects when told to come back."""

    def __init__(self, server: Running, document: str) -> None:
        super().__init__(server, document)
        self.text = self.doc.get("calm", type=pycrdt.Text)
        self.returns = 0

    async def present(self) -> None:
        """Make sure to be connected."""
        while self.socket is None or self.closed is not None or (self._reader is not None and self._reader.done()):
            if self._reader is not None and self._reader.done():
                self._reader.result()
            if self.closed is not None:
                assert check_close(self.closed) == "replica-poisoned"
                self.returns += 1
            self.unsent.clear()
            try:
                await self.open()
            except (ConnectionClosed, TimeoutError):
                await asyncio.sleep(0.01)


class Pair:
    """Two innocents in one document who take turns typing; how long each edit took to arrive is kept."""

    def __init__(self, server: Running, document: str) -> None:
        self.ann, self.bob = Innocent(server, document), Innocent(server, document)
        self.waits: list[float] = []
        self.typed = 0
        self._stop = asyncio.Event()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self._stop.is_set():
            writer, reader = (self.ann, self.bob) if self.typed % 2 else (self.bob, self.ann)
            began = loop.time()
            writer.text.insert(0, "abcdefghij"[self.typed % 10])
            self.typed += 1
            await eventually(lambda w=writer, r=reader: self._arrived(w, r), "an innocent edit arrives", 20)
            self.waits.append(loop.time() - began)
            await asyncio.sleep(0.02)

    async def _arrived(self, writer: Innocent, reader: Innocent) -> bool:
        await writer.present()
        await reader.present()
        try:
            await writer.flush()
        except ConnectionClosed:
            return False
        return len(reader.value) >= self.typed

    async def finish(self, task: asyncio.Task[None]) -> None:
        self._stop.set()
        await task
        assert self.ann.value == self.bob.value
        assert len(self.ann.value) == self.typed
        for peer in (self.ann, self.bob):
            await peer.close()


@asynccontextmanager
async def innocents(server: Running, *documents: str) -> AsyncIterator[list[Pair]]:
    """Pairs that work in *documents* all the while; at the end each has converged and never waited long."""
    pairs = [Pair(server, document) for document in documents]
    for pair in pairs:
        await pair.ann.open()
        await pair.bob.open()
    before = [pair.ann.value for pair in pairs]
    for pair, text in zip(pairs, before, strict=True):
        pair.typed = len(text)
    tasks = [asyncio.create_task(pair.run()) for pair in pairs]
    try:
        yield pairs
    finally:
        for pair, task in zip(pairs, tasks, strict=True):
            await pair.finish(task)
    for pair in pairs:
        assert pair.waits
        assert max(pair.waits) < LONGEST_WAIT_S, sorted(pair.waits)[-5:]
