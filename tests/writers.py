"""Clients that go on through cuts, restarts and fences: one that resends edit by edit, one that syncs as Yjs does."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

from websockets.exceptions import ConnectionClosed, WebSocketException

from keepboth.events import Seen
from keepboth.yjs.messages import (
    AwarenessState,
    SyncStep2,
    UpdateMessage,
    decode_message,
    encode_awareness,
    encode_private,
    encode_sync_step1,
    encode_update_message,
)
from keepboth.yjs.private import encode_edit, encode_seen
from tests.harness import Peer

NETWORK = (OSError, EOFError, TimeoutError, WebSocketException)
CONNECT_S = 10.0


class Place(Protocol):
    """Where a document is reached: a server or a proxy in front of it."""

    def socket_url(self, document: str) -> str: ...


class Made(NamedTuple):
    """One edit as it left its author: the bytes, and the revision the author had applied."""

    update: bytes
    seen: int


class Writer(Peer):
    """What both have in common. ``received`` keeps every update that came from the server, byte for byte; ``ends``
    how each connection ended."""

    def __init__(self, place: Place, document: str, client_id: int) -> None:
        super().__init__(place, document, client_id)  # type: ignore[arg-type]
        self.received: list[bytes] = []
        self.connections = 0
        self.ends: list[ConnectionClosed] = []

    @property
    def connected(self) -> bool:
        return self.socket is not None and self.closed is None

    async def _take(self, data: bytes) -> None:
        message = decode_message(data)
        await super()._take(data)
        self.frames.clear()
        if isinstance(message, SyncStep2 | UpdateMessage):
            self.received.append(message.update)

    async def reach(self) -> bool:
        """Connect, unless connected. False if the network would not have it; try again."""
        if self.connected and self.synced.is_set():
            return True
        try:
            await self.lose()
            async with asyncio.timeout(CONNECT_S):
                await self.open(sync=False)
                self.connections += 1
                await self.greet()
                while not self.synced.is_set():
                    if self.closed is not None:
                        return False
                    await asyncio.sleep(0.002)
        except NETWORK:
            return False
        return self.closed is None

    async def greet(self) -> None:
        raise NotImplementedError

    async def push(self) -> None:
        """Send what was written and not sent on this connection."""
        raise NotImplementedError

    async def lose(self) -> None:
        """Drop the socket without saying goodbye."""
        if self.socket is not None:
            self.socket.transport.abort()
        if self._reader is not None:
            await self._reader
            assert self.closed is not None
            self.ends.append(self.closed)
        self.socket = self._reader = None

    def scribble(self, source: random.Random) -> None:
        """One random edit of the text."""
        value = self.value
        if len(value) > 3 and source.random() < 0.3:
            at = source.randrange(len(value) - 1)
            del self.text[at : at + source.randint(1, 2)]
        else:
            self.text.insert(source.randrange(len(value) + 1), source.choice("abcdefgh") * source.randint(1, 3))

    async def type_until(self, stop: asyncio.Event, source: random.Random, pause_s: float) -> None:
        """Make random edits until *stop*."""
        while not stop.is_set():
            await self.write(source, 1, pause_s)

    async def write(self, source: random.Random, edits: int, pause_s: float) -> None:
        """Make *edits* random edits, come what may."""
        for _ in range(edits):
            self.scribble(source)
            if await self.reach():
                with suppress(ConnectionClosed):
                    await self.push()
            await asyncio.sleep(pause_s * source.random())


class Resender(Writer):
    """A declared client: every edit has a number, and is sent again until it has a receipt."""

    def __init__(self, place: Place, document: str, client_id: int, session: str) -> None:
        super().__init__(place, document, client_id)
        self.session = session
        self.made: list[Made] = []
        self.answer_step1 = False
        self.identity: dict[str, Any] = {}
        self._sent = 0
        self._declared: int | None = None

    @property
    def open_edits(self) -> list[int]:
        """Numbers of the edits that have no receipt yet."""
        done = {receipt.seq for receipt in self.receipts}
        return [seq for seq in range(1, len(self.made) + 1) if seq not in done]

    def _changed(self, event: Any) -> None:
        if not self._remote and event.update != b"\x00\x00":
            self.made.append(Made(event.update, self.seen[0]))

    async def greet(self) -> None:
        seen, digest = self.seen
        proof = {"store": self.identity["store"], "seen": seen, "hash": digest.hex()} if seen else {}
        self._sent = len(self.made)
        self._declared = None
        again = self.open_edits
        await self.hello(self.session, seq=self._sent, **proof)
        if self.welcome is None:
            raise TimeoutError("no welcome")
        assert self.welcome["resumed"] is True, self.welcome
        self.identity = self.welcome
        for seq in again:
            await self._send_edit(seq, numbered=True)
        await self.send(encode_private(encode_edit(self._sent + 1, 0)))
        await self.send(encode_sync_step1(self.doc.get_state()))

    async def push(self) -> None:
        while self._sent < len(self.made):
            self._sent += 1
            await self._send_edit(self._sent, numbered=False)

    async def _send_edit(self, seq: int, *, numbered: bool) -> None:
        update, seen = self.made[seq - 1]
        if numbered:
            await self.send(encode_private(encode_edit(seq, 0)))
        if seen != self._declared:
            await self.send(encode_private(encode_seen(Seen(seen))))
            self._declared = seen
        await self.send(encode_update_message(update))

    async def settle(self) -> bool:
        """True when every edit has its receipt."""
        if await self.reach():
            try:
                await self.push()
            except ConnectionClosed:
                return False
        return not self.open_edits


class Stock(Writer):
    """An undeclared client: after a cut, its step 2 brings what the server lacks."""

    def __init__(self, place: Place, document: str, client_id: int) -> None:
        super().__init__(place, document, client_id)
        self.made: list[bytes] = []
        self._clock = 0

    def _changed(self, event: Any) -> None:
        if not self._remote and event.update != b"\x00\x00":
            self.unsent.append(event.update)
            self.made.append(event.update)

    async def greet(self) -> None:
        self.unsent.clear()  # what was written until now travels in the step 2
        self._clock += 1
        await self.send(encode_sync_step1(self.doc.get_state()))
        await self.send(encode_awareness([AwarenessState(self.doc.client_id, self._clock, "{}")]))

    async def push(self) -> None:
        while self.unsent:
            await self.send(encode_update_message(self.unsent.pop(0)))

    async def settle(self) -> bool:
        """True when connected with nothing left to send."""
        if await self.reach():
            try:
                await self.push()
            except ConnectionClosed:
                return False
            return True
        return False
