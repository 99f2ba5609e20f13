"""A TCP proxy between a client and the server, for networks that are slow, torn or silent."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import quote, urlsplit


class Proxy:
    """Forwards one port to another. ``to_server_s`` and ``to_client_s`` delay each direction, in order; the answer to
    the opening handshake is never delayed, so that a client can be connected long before it hears anything.

    ``budget()`` says, for every new connection, after how many bytes (both directions together) it is cut without a
    word; None lets it live. Settings may change while connections are open.
    """

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._lives: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self.to_server_s = 0.0
        self.to_client_s = 0.0
        self.budget: Callable[[], int | None] = lambda: None
        self.refusing = False
        self.cuts = 0
        self.port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()
        for life in list(self._lives):
            life.cancel()
        await asyncio.gather(*self._lives, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def cut(self) -> None:
        """Tear every connection that is open, without a closing handshake."""
        self.cuts += bool(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    def freeze(self) -> None:
        """From now on nothing gets through, and nobody is told: a network that has gone away."""
        self.to_server_s = self.to_client_s = 1e6

    def socket_url(self, document: str) -> str:
        """Where a client reaches *document* through this proxy."""
        return f"ws://127.0.0.1:{self.port}/ws/{quote(document, safe='/')}"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._lives.add(task)
        task.add_done_callback(self._lives.discard)
        mine = {writer}
        try:
            if self.refusing:
                return
            far_reader, far_writer = await asyncio.open_connection(*self._target)
            mine.add(far_writer)
            self._writers |= mine
            left = [self.budget()]
            pumps = [
                asyncio.create_task(self._pump(reader, far_writer, left, lambda: self.to_server_s)),
                asyncio.create_task(self._pump(far_reader, writer, left, lambda: self.to_client_s, b"\r\n\r\n")),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                if left[0] is not None and left[0] <= 0:
                    self.cuts += 1
                    for each in mine:
                        each.transport.abort()
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        except OSError:
            pass
        finally:
            self._writers -= mine
            for each in mine:
                each.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        left: list[int | None],
        delay_s: Callable[[], float],
        at_once_until: bytes = b"",
    ) -> None:
        """Forward until an end closes or the connection's budget is used up. A delay never changes the order."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            if at_once_until:
                await queue.put((0.0, await reader.readuntil(at_once_until)))
            while data := await reader.read(4096):
                await queue.put((loop.time() + delay_s(), data))
            await queue.put((loop.time() + delay_s(), b""))

        reading = asyncio.create_task(read())
        try:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                budget = left[0]
                if budget is not None:
                    data, left[0] = data[: max(budget, 0)], budget - len(data)
                if data:
                    writer.write(data)
                    await writer.drain()
                if not data or (left[0] is not None and left[0] <= 0):
                    return
        except OSError:
            return
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


def random_budget(seed: int, low: int, high: int) -> Callable[[], int]:
    """A connection's life in bytes, drawn anew for each."""
    source = random.Random(seed)
    return lambda: source.randint(low, high)


@asynccontextmanager
async def proxied(url: str) -> AsyncIterator[Proxy]:
    """A proxy in front of the server at *url*."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    proxy = Proxy(parts.hostname, parts.port)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
