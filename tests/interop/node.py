"""Unmodified Yjs clients under Node, driven from a test. See driver.mjs for the commands."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

HERE = Path(__file__).parent
ANSWER_S = 30.0

needs_node = pytest.mark.skipif(
    shutil.which("node") is None or not (HERE / "node_modules" / "y-websocket").is_dir(),
    reason="needs node and `npm install` in tests/interop (make test does it)",
)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Driver:
    """The Node process: :meth:`ask` sends one command and waits for its answer."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self._ids = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            answer = json.loads(line)
            future = self._waiting.pop(answer["id"])
            if future.done():
                continue
            if "error" in answer:
                future.set_exception(AssertionError(f"node: {answer['error']}"))
            else:
                future.set_result(answer["ok"])
        for future in self._waiting.values():
            future.set_exception(AssertionError("node has ended"))

    async def ask(self, do: str, **fields: Any) -> Any:
        assert self.process.stdin is not None
        number = next(self._ids)
        future = self._waiting[number] = asyncio.get_running_loop().create_future()
        self.process.stdin.write(json.dumps({"id": number, "do": do, **fields}).encode() + b"\n")
        await self.process.stdin.drain()
        return await asyncio.wait_for(future, ANSWER_S)

    async def client(self, name: str, url: str, document: str, *, safe: str = "/", **options: Any) -> YClient:
        """A new document with an unmodified provider. ``url`` is http(s) or ws(s), without ``/ws``; ``safe`` lists
        what is not percent-encoded."""
        server = f"{url.replace('http', 'ws', 1)}/ws"
        opened = await self.ask("open", client=name, url=server, room=quote(document, safe=safe), **options)
        return YClient(self, name, opened["clientID"])

    async def replay(self, updates: Sequence[bytes], at: Sequence[int] = ()) -> dict[str, Any]:
        """What Yjs makes of *updates*, applied one by one in order."""
        return await self.ask("replay", updates=[b64(update) for update in updates], at=list(at))

    async def end(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            await asyncio.wait_for(self.process.wait(), 10)
        except TimeoutError:
            self.process.kill()
            await self.process.wait()
        await self._reader


class YClient:
    """One Yjs document and its WebsocketProvider, in Node."""

    def __init__(self, driver: Driver, name: str, client_id: int) -> None:
        self._driver = driver
        self.name = name
        self.client_id = client_id

    async def ask(self, do: str, **fields: Any) -> Any:
        return await self._driver.ask(do, client=self.name, **fields)

    async def edit(self, *edits: Sequence[Any]) -> None:
        """Perform *edits*, one transaction each: ``["insert", 0, "text"]`` and so on."""
        await self.ask("edit", edits=edits)

    async def state(self) -> dict[str, Any]:
        state: dict[str, Any] = await self.ask("state")
        return state

    async def synced(self) -> bool:
        return bool((await self.state())["synced"])

    async def text(self) -> str:
        return str((await self.state())["content"]["text"])


@asynccontextmanager
async def node() -> AsyncIterator[Driver]:
    """A Node process for the time of one test."""
    process = await asyncio.create_subprocess_exec(
        "node", str(HERE / "driver.mjs"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=2**28
    )
    driver = Driver(process)
    try:
        yield driver
    finally:
        await driver.end()
