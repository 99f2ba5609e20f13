"""A real server in this process, and plain clients on real sockets. Shared by the tests that need them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import keepboth.yjs.update
from keepboth.app import Application
from keepboth.events import EDIT_RECORDED, Event
from keepboth.live.gateway import Identify
from keepboth.settings import Settings
from keepboth.yjs.messages import (
    Awareness,
    AwarenessState,
    Private,
    SyncStep1,
    SyncStep2,
    UpdateMessage,
    decode_message,
    encode_awareness,
    encode_private,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.private import (
    HELLO,
    RECEIPTS,
    WELCOME,
    EditReceipt,
    decode_json,
    decode_receipts,
    decode_suffix,
    encode_json,
    subtype_of,
)

TIMEOUT_S = 10.0


AS_C = not str(keepboth.yjs.update.__file__).endswith(".py")
"""Whether the modules that every edit passes are C (`make compiled`): their names cannot be patched then."""


def run(main: Coroutine[Any, Any, Any]) -> Any:
    """Run one asynchronous test."""
    return asyncio.run(main)


async def eventually(check: Callable[[], Any], what: str = "", timeout_s: float = TIMEOUT_S) -> Any:
    """Wait until *check* gives something true (it may be asynchronous); fail after *timeout_s*."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        value = check()
        if isinstance(value, Awaitable):
            value = await value
        if value:
            return value
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not in {timeout_s} s: {what or check}")
        await asyncio.sleep(0.005)


@dataclass
class Running:
    """A server that accepts connections."""

    application: Application

    @property
    def url(self) -> str:
        return self.application.url

    def socket_url(self, document: str) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/ws/{quote(document, safe='/')}"

    def events(self, document: str, *types: str) -> list[Event]:
        """All events of *document*, straight from the store."""
        out: list[Event] = []
        while page := self.application.store.read(document, after=out[-1].revision if out else 0, limit=5000):
            out += page
        return [event for event in out if not types or event.type in types]

    def edits(self, document: str) -> list[Event]:
        return self.events(document, EDIT_RECORDED)


@asynccontextmanager
async def running(data: Path, identify: Identify | None = None, **settings: Any) -> AsyncIterator[Running]:
    """A server on a free port, stopped at the end the way SIGTERM stops it."""
    application = Application(Settings(**{"port": 0, "data": data, **settings}), identify)
    task = asyncio.create_task(application.serve(announce=False))
    while not application.url:
        if task.done():
            await task
        await asyncio.sleep(0.002)
    try:
        yield Running(application)
    finally:
        application.stop()
        await asyncio.wait_for(task, 30)


class Peer:
    """A plain y-websocket client on one socket: a pycrdt document, kept in sync by the book.

    Undeclared unless :meth:`hello` is called. ``frames`` keeps every message that came, decoded.
    """

    def __init__(self, server: Running, document: str, client_id: int | None = None) -> None:
        self.server = server
        self.document = document
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id) if client_id else pycrdt.Doc()
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.socket: ClientConnection | None = None
        self.frames: list[Any] = []
        self.receipts: list[EditReceipt] = []
        self.welcome: dict[str, Any] | None = None
        self.seen = (0, b"")
        self.synced = asyncio.Event()
        self.unsent: list[bytes] = []
        self.closed: ConnectionClosed | None = None
        self.answer_step1 = True
        self._reader: asyncio.Task[None] | None = None
        self._remote = False
        self._subscription = self.doc.observe(self._changed)

    # -- connection

    async def __aenter__(self) -> Peer:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, *, sync: bool = True, awareness: bool = True) -> None:
        self.synced.clear()
        self.closed = None
        self.socket = await connect(self.server.socket_url(self.document), max_size=None, compression=None)
        self._reader = asyncio.create_task(self._read(self.socket))
        if sync:
            await self.socket.send(encode_sync_step1(self.doc.get_state()))
            if awareness:
                await self.socket.send(encode_awareness([AwarenessState(self.doc.client_id, 1, "{}")]))
            await asyncio.wait_for(self.synced.wait(), TIMEOUT_S)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self._reader is not None:
            await self._reader
        self.socket = self._reader = None

    async def _read(self, socket: ClientConnection) -> None:
        try:
            while True:
                data = await socket.recv()
                assert isinstance(data, bytes)
                await self._take(data)
        except ConnectionClosed as error:
            self.closed = error

    async def _take(self, data: bytes) -> None:
        message = decode_message(data)
        self.frames.append(message)
        if isinstance(message, SyncStep1):
            if self.answer_step1:
                await self.send(encode_sync_step2(self.doc.get_update(message.state_vector)))
        elif isinstance(message, SyncStep2 | UpdateMessage):
            if message.suffix:
                self.seen = decode_suffix(message.suffix)
            self._remote = True
            try:
                self.doc.apply_update(message.update)
            finally:
                self._remote = False
            if isinstance(message, SyncStep2):
                self.synced.set()
        elif isinstance(message, Private):
            subtype, at = subtype_of(message.body)
            if subtype == WELCOME:
                self.welcome = decode_json(message.body, at)
            elif subtype == RECEIPTS:
                self.receipts += decode_receipts(message.body, at)

    async def send(self, message: bytes) -> None:
        assert self.socket is not None
        await self.socket.send(message)

    async def hello(self, session: str, **fields: Any) -> dict[str, Any]:
        body = {"v": 1, "session": session, "client": self.doc.client_id, **fields}
        self.welcome = None
        await self.send(encode_private(encode_json(HELLO, body)))
        return await eventually(lambda: self.welcome or self.closed, "welcome")

    # -- edits

    def _changed(self, event: Any) -> None:
        if not self._remote and event.update != b"\x00\x00":
            self.unsent.append(event.update)

    async def flush(self) -> list[bytes]:
        """Send what was written since the last call; return it."""
        sent, self.unsent = self.unsent, []
        for update in sent:
            await self.send(encode_update_message(update))
        return sent

    async def type(self, index_utf8: int, text: str) -> None:
        """Insert *text* and send it."""
        self.text.insert(index_utf8, text)
        await self.flush()

    def awareness(self) -> list[Awareness]:
        return [frame for frame in self.frames if isinstance(frame, Awareness)]

    @property
    def value(self) -> str:
        return str(self.text)
