"""``pycrdt.Provider`` over a ``websockets`` connection: a foreign client without awareness, reconnects or manners."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed


class Channel:
    """What pycrdt.Provider calls a channel."""

    def __init__(self, socket: ClientConnection, path: str) -> None:
        self._socket = socket
        self.path = path

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self.recv()
        except ConnectionClosed:
            raise StopAsyncIteration from None

    async def send(self, message: bytes) -> None:
        await self._socket.send(message)

    async def recv(self) -> bytes:
        data = await self._socket.recv()
        assert isinstance(data, bytes)
        return data


@asynccontextmanager
async def provided(doc: pycrdt.Doc[Any], url: str) -> AsyncIterator[None]:
    """Keep *doc* in sync with the document at the socket address *url* for the time of the block."""
    async with connect(url, max_size=None) as socket, pycrdt.Provider(doc, Channel(socket, url)) as provider:
        await provider.synced.wait()
        yield


def random_edit(doc: pycrdt.Doc[Any], source: random.Random) -> None:
    """One random transaction on the roots that the Node driver edits too."""
    text = doc.get("text", type=pycrdt.Text)
    value = str(text)
    at = source.randrange(len(value) + 1)
    start = len(value[:at].encode())
    dice = source.randrange(10)
    if dice < 5 or len(value) < 3:
        text.insert(start, source.choice(["x", "yé", "😀", "py "]))
    elif dice < 8:
        end = min(len(value), at + source.randint(1, 3))
        if end > at:
            del text[start : len(value[:end].encode())]
    elif dice == 8:
        doc.get("map", type=pycrdt.Map)[f"key{source.randrange(4)}"] = source.randrange(100)
    else:
        doc.get("array", type=pycrdt.Array).insert(0, source.randrange(100))
