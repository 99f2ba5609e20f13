"""A real server in a process of its own, which can be killed; and a proxy that cuts connections."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx

import keepboth
from keepboth.events import Context

START_TIMEOUT_S = 30.0


class Server:
    """``keepboth serve`` with the folder *data*. ``url`` stays the same when it is started again."""

    def __init__(self, data: Path, *options: str) -> None:
        self._data = data
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        port = self.url.rpartition(":")[2] or "0"
        folders = [str(Path(keepboth.__file__).parents[1]), str(Path(__file__).parents[2])]
        with (self._data.parent / "stderr.txt").open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "keepboth.cli", "serve", "--port", port, "--data", self._data, *self._options],
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(folders), "PYTHONUNBUFFERED": "1"},
            )
        self.url = self._address()

    def _address(self) -> str:
        assert self._process is not None
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            deadline = time.monotonic() + START_TIMEOUT_S
            while selector.select(max(0.0, deadline - time.monotonic())):
                line = self._process.stdout.readline().decode()
                if "http://" in line:
                    return "http://" + line.split("http://")[1].split()[0]
                if not line:
                    break
        raise AssertionError(f"the server did not start: {(self._data.parent / 'stderr.txt').read_text()[-2000:]}")

    def kill(self) -> None:
        """As power loss would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.communicate(timeout=20)

    # -- what the log says

    def events(self, document: str) -> list[dict[str, Any]]:
        out: list[dict[str, Any]] = []
        with httpx.Client(base_url=self.url, timeout=20) as http:
            while True:
                answer = http.get("/api/events", params={"document": document, "after": len(out), "limit": 1000})
                answer.raise_for_status()
                page = answer.json()
                if not page:
                    return out
                out.extend(page)

    def edits(self, document: str) -> list[dict[str, Any]]:
        return [event for event in self.events(document) if event["type"] == "dev.keepboth.edit.recorded.v1"]

    def text(self, document: str) -> str:
        answer = httpx.get(f"{self.url}/api/state", params={"document": document, "as": "text", "root": "text"})
        answer.raise_for_status()
        return answer.text


@contextmanager
def serving(data: Path, *options: str) -> Iterator[Server]:
    server = Server(data, *options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def payloads(edits: list[dict[str, Any]]) -> list[bytes]:
    return [base64.b64decode(event["data_base64"]) for event in edits]


def context_of(edit: dict[str, Any]) -> Context:
    return Context.from_bytes(base64.b64decode(edit["context"]))


class Proxy:
    """Forwards TCP to *url*; while ``cutting``, aborts each connection after a random number of bytes."""

    def __init__(self, url: str, seed: int, most: int = 6_000) -> None:
        self._host, self._port = url.removeprefix("http://").split(":")
        self._random = random.Random(seed)
        self._most = most
        self.cutting = True
        self.cuts = 0
        self.url = ""

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection(self._host, int(self._port))
        left = self._random.randrange(self._most) if self.cutting else -1

        async def forward(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            nonlocal left
            while data := await source.read(self._random.randrange(1, 1400)):
                if self.cutting and left >= 0:
                    data, left = data[:left], left - len(data)
                sink.write(data)
                if self.cutting and left < 0:
                    self.cuts += 1
                    break
                await sink.drain()

        pumps = [asyncio.create_task(forward(reader, far_writer)), asyncio.create_task(forward(far_reader, writer))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            for one in (writer, far_writer):
                one.transport.abort()


@asynccontextmanager
async def cutting_proxy(url: str, seed: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(url, seed)
    open_ones: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        open_ones.add(task)
        try:
            await proxy.connected(reader, writer)
        except (OSError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            open_ones.discard(task)

    listener = await asyncio.start_server(handle, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        listener.close()
        for task in list(open_ones):
            task.cancel()
        await asyncio.gather(*open_ones, return_exceptions=True)
        await listener.wait_closed()
