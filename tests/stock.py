"""A y-websocket client in Python, message for message, that is far away and knows what it had applied at every edit.

`tests/interop/test_stock_client.py` holds it against the real one. Distance is simulated in the client: what it is sent
is applied, and what it says leaves, some time later, in order.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pycrdt
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from keepboth.live.gateway import EditingConnection, Port
from keepboth.yjs.messages import (
    Awareness,
    AwarenessState,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    UpdateMessage,
    decode_message,
    encode_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)

NULL = "null"
TOGETHER_S = 0.0005


def messages_in(frames: bytes) -> Iterator[bytes]:
    """The messages in prebuilt, unmasked WebSocket frames."""
    at = 0
    while at < len(frames):
        size, at = frames[at + 1], at + 2
        if size == 126:
            size, at = int.from_bytes(frames[at : at + 2], "big"), at + 2
        elif size == 127:
            size, at = int.from_bytes(frames[at : at + 8], "big"), at + 8
        yield frames[at : at + size]
        at += size


class Ledger:
    """What the server in this process wrote to each connection: one revision for every frame of content, and how many
    questions."""

    def __init__(self) -> None:
        self._content: dict[EditingConnection, list[int]] = {}
        self.questions = 0
        self.step_1_questions = 0

    def note(self, connection: EditingConnection, frames: bytes) -> None:
        content = self._content.setdefault(connection, [])
        for message in messages_in(frames):
            if message[0] == 3:
                self.questions += 1
            elif message[0] == 0 and message[1] > 0 and connection.room is not None:
                content.append(connection.room.revision)
            elif message[0] == 0 and content:
                self.step_1_questions += 1

    def revisions(self, client: int) -> list[int]:
        """Up to where the document had been released, for every frame of content written to *client*'s connection."""
        for connection, content in self._content.items():
            if connection.session is not None and client in connection.session.clients:
                return content
        raise AssertionError(f"client {client} is not connected")


@contextmanager
def written() -> Iterator[Ledger]:
    """Keep a ledger of everything servers in this process write to editing sockets."""
    ledger = Ledger()
    make = Port.__init__

    def noting(self: Port, connection: EditingConnection) -> None:
        make(self, connection)
        send = self.write

        def write(frames: bytes) -> None:
            ledger.note(connection, frames)
            send(frames)

        self.write = write

    Port.__init__ = noting  # type: ignore[method-assign]
    try:
        yield ledger
    finally:
        Port.__init__ = make  # type: ignore[method-assign]


class People:
    """`Awareness` of y-protocols 1.0, as far as messages go. ``tell`` gets the ids of every `update` event."""

    def __init__(self, client: int, tell: Callable[[list[int]], None]) -> None:
        self.client = client
        self.states: dict[int, str] = {client: "{}"}
        self.clocks: dict[int, int] = {client: 0}
        self._tell = tell

    def set_local(self, state_json: str) -> None:
        self.clocks[self.client] += 1
        if state_json == NULL:
            self.states.pop(self.client, None)
        else:
            self.states[self.client] = state_json
        self._tell([self.client])

    def message(self, clients: list[int]) -> bytes:
        return encode_awareness(
            [AwarenessState(client, self.clocks[client], self.states.get(client, NULL)) for client in clients]
        )

    def apply(self, states: tuple[AwarenessState, ...]) -> None:
        added, updated, removed = [], [], []
        for client, clock, state in states:
            known = self.clocks.get(client)
            now = known or 0
            if not (now < clock or (now == clock and state == NULL and client in self.states)):
                continue
            if state != NULL:
                self.states[client] = state
            elif client == self.client and client in self.states:
                clock += 1
            else:
                self.states.pop(client, None)
            self.clocks[client] = clock
            if known is None and state != NULL:
                added.append(client)
            elif known is not None and state == NULL:
                removed.append(client)
            elif state != NULL:
                updated.append(client)
        if added or updated or removed:
            self._tell([*added, *updated, *removed])


class Road:
    """When messages arrive that are sent now: in order, and what is sent within a moment arrives together."""

    def __init__(self, away_s: Callable[[], float]) -> None:
        self._away_s = away_s
        self._due = self._left = 0.0

    def due(self, *, with_last: bool = False) -> float:
        """``with_last``: it was written together with the message before it."""
        now = asyncio.get_running_loop().time()
        if now > self._left + TOGETHER_S and not with_last:
            self._due = max(self._due, now + self._away_s())
        self._left = now
        return self._due


class Made(NamedTuple):
    """One edit: how many frames of content its author had applied."""

    frames: int


class StockClient:
    """One document and its provider. ``away_s()`` is the time one message takes in one direction."""

    def __init__(self, client: int, away_s: Callable[[], float] = lambda: 0.0) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client)
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.client = client
        self.people = People(client, lambda changed: self._send(self.people.message(changed)))
        self.made: list[Made] = []
        self.frames = 0
        self.applied = asyncio.Event()
        self.gate: Callable[[], bool] = lambda: True
        """Says whether the next message may be taken in now; asked again after `look`."""
        self._away_s = away_s
        self._road_out = Road(away_s)
        self._remote = False
        self._socket: ClientConnection | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._inbox: deque[tuple[float, bytes]] = deque()
        self._outbox: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        self._news = asyncio.Event()
        self._subscription = self.doc.observe(self._changed)

    async def __aenter__(self) -> StockClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self, url: str) -> None:
        self._socket = await connect(url, max_size=None, compression=None, ping_interval=None)
        self._tasks = [asyncio.create_task(step()) for step in (self._read, self._take_in, self._let_out)]
        self._send(encode_sync_step1(self.doc.get_state()))
        if self.client in self.people.states:
            self._send(self.people.message([self.client]))

    async def close(self) -> None:
        if self._socket is not None:
            await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- messages

    async def _read(self) -> None:
        assert self._socket is not None
        road = Road(self._away_s)
        try:
            while True:
                data = await self._socket.recv()
                assert isinstance(data, bytes)
                self._inbox.append((road.due(with_last=data[0] == 3), data))
                self._news.set()
        except ConnectionClosed:
            return

    def look(self) -> None:
        """Ask the gate again."""
        self._news.set()

    async def _take_in(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while not self._inbox or (self._inbox[0][1][0] == 0 and not self.gate()):
                self._news.clear()
                await self._news.wait()
            due, data = self._inbox.popleft()
            if due > loop.time():
                await asyncio.sleep(due - loop.time())
            self._take(data)

    def _take(self, data: bytes) -> None:
        message = decode_message(data)
        if isinstance(message, SyncStep1):
            self._send(encode_sync_step2(self.doc.get_update(message.state_vector)))
        elif isinstance(message, SyncStep2 | UpdateMessage):
            self._remote = True
            self.doc.apply_update(message.update)
            self._remote = False
            self.frames += 1
            self.applied.set()
        elif isinstance(message, Awareness):
            self.people.apply(message.states)
        elif isinstance(message, QueryAwareness):
            self._send(self.people.message(list(self.people.states)))

    def _send(self, data: bytes) -> None:
        self._outbox.put_nowait((self._road_out.due(), data))

    async def _let_out(self) -> None:
        assert self._socket is not None
        loop = asyncio.get_running_loop()
        try:
            while True:
                due, data = await self._outbox.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                await self._socket.send(data)
        except ConnectionClosed:
            return

    # -- edits

    def _changed(self, event: Any) -> None:
        if not self._remote and event.update != b"\x00\x00":
            self.made.append(Made(self.frames))
            self._send(encode_update_message(event.update))

    def replace(self, at: int, deleted: int, inserted: str) -> None:
        """Replace *deleted* ASCII characters at *at* by *inserted*: one edit."""
        length = len(str(self.text))
        at = min(at, length)
        with self.doc.transaction():
            if deleted and at < length:
                del self.text[at : min(at + deleted, length)]
            if inserted:
                self.text.insert(at, inserted)

    def move_cursor(self, at: int) -> None:
        """What editors do after every keystroke: say where the cursor is."""
        self.people.set_local(f'{{"user":{{"name":"client {self.client}"}},"cursor":{at}}}')


async def type_in_hot_spots(
    client: StockClient, source: random.Random, edits: int, pause_s: float, *, cursors: bool, spread: int = 12
) -> None:
    """Type words and delete around places that everybody likes, *edits* keystrokes in all."""
    until = len(client.made) + edits
    while len(client.made) < until:
        length = len(str(client.text))
        hot = source.choice((length // 3, length // 2, length // 2, length))
        at = min(max(hot + source.randint(-spread, spread), 0), length)
        for _ in range(min(source.randint(1, 8), until - len(client.made))):
            await asyncio.sleep(source.uniform(0.3, 1.7) * pause_s)
            dice = source.random()
            length = len(str(client.text))
            at = min(at, length)
            if dice < 0.2 and at > 1:
                at -= 1
                client.replace(at, 1, "")
            elif dice < 0.25 and at + 3 < length:
                client.replace(at, 3, source.choice(("", "new")))
            else:
                client.replace(at, 0, source.choice("abcdefghij klmn opq"))
                at += 1
            if cursors:
                client.move_cursor(at)
        if source.random() < 0.2:
            await asyncio.sleep(source.uniform(5, 20) * pause_s)
