"""Ten thousand damaged messages against one server that people are working on."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from keepboth.errors import MalformedMessage, MalformedUpdate
from keepboth.fold.document import FoldedEdit, fold
from keepboth.fold.views import json_value
from keepboth.yjs.idset import IdSet
from keepboth.yjs.messages import Awareness, Message, SyncStep2, UpdateMessage, decode_message
from keepboth.yjs.slicing import inserted
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update
from tests.harness import Running, eventually, run
from tests.hostile.material import Messages, frame, question
from tests.hostile.watch import Innocent, check_close, innocents, no_tracebacks, server_in_a_thread

FRAMES = 1000
SEEDS = 10
SOCKETS = 16
MEMORY_MB = 300
MESS, QUIET = "mess", "quiet/other"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    before = resident_mb()
    with no_tracebacks(), server_in_a_thread(tmp_path_factory.mktemp("damage")) as running:
        yield running
    gc.collect()
    assert resident_mb() - before < MEMORY_MB


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


class Attacker:
    """One socket after another; every message is followed by a question that must be answered unless it was the end."""

    def __init__(self, server: Running, document: str, client: int) -> None:
        self.url = server.socket_url(document)
        self.client = client
        self.number = 0
        self.socket: ClientConnection | None = None
        self.ends: Counter[str] = Counter()
        self.accepted: list[bytes] = []

    async def send(self, message: bytes | str | list[bytes]) -> None:
        if self.socket is None:
            self.socket = await connect(self.url, compression=None, max_size=None)
        try:
            await self.socket.send(message)
            self.number += 1
            for part in question(self.client, self.number):
                await self.socket.send(part)
            async with asyncio.timeout(15):
                while not self._answers(decode_message(await self.socket.recv(decode=False))):
                    pass
            self.ends["open"] += 1
        except ConnectionClosed as closed:
            self.ends[check_close(closed)] += 1
            self.socket = None
        else:
            self._note(message)

    def _answers(self, message: Message) -> bool:
        return isinstance(message, Awareness) and any(
            (state.client, state.clock) == (self.client, self.number) for state in message.states
        )

    def _note(self, message: bytes | str | list[bytes]) -> None:
        """Remember an update that was taken: it must be in the log."""
        data = b"".join(message) if isinstance(message, list) else message
        assert isinstance(data, bytes), "a text frame was accepted"
        decoded = decode_message(data)
        if isinstance(decoded, SyncStep2 | UpdateMessage):
            self.accepted.append(decoded.update)

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()


@pytest.mark.parametrize("seed", range(SEEDS))
def test_a_thousand_damaged_messages(server: Running, seed: int) -> None:
    async def main() -> None:
        rng = Random(seed)
        async with innocents(server, MESS, QUIET) as (here, _):
            people = (here.ann.doc.client_id, here.bob.doc.client_id)
            messages = Messages(rng, people)
            frames = [frame(rng, messages) for _ in range(FRAMES)]
            attackers = [Attacker(server, MESS, 10**12 + number * 10) for number in range(SOCKETS)]

            async def attack(number: int) -> None:
                for message in frames[number::SOCKETS]:
                    await attackers[number].send(message)
                await attackers[number].close()

            await asyncio.gather(*(attack(number) for number in range(SOCKETS)))
            ends = sum((attacker.ends for attacker in attackers), Counter[str]())
            assert ends.total() == FRAMES
            assert ends["open"] > 100
            assert ends["malformed-message"] > 100
            assert ends["malformed-update"] > 50
            room = server.application.hub.rooms[MESS]
            await eventually(lambda: not room.in_flight or room.state == "closed")
        assert_recorded(server, [update for attacker in attackers for update in attacker.accepted])
        await assert_whole(server, MESS)

    run(main())


def assert_recorded(server: Running, accepted: list[bytes]) -> None:
    """Everything that was not refused is in the log: as it came, or its ids and deletes one by one."""
    payloads: set[bytes] = set()
    brought, deleted = IdSet(), IdSet()
    for event in server.edits(MESS):
        assert event.payload is not None
        payloads.add(event.payload)
        if event.disposition != "quarantined":
            update = decode_update(event.payload)
            brought.add_update_structs(update)
            for client, ranges in update.deletes.items():
                for clock, length in ranges:
                    deleted.add(client, clock, length)
    made = server.application.hub.rooms[MESS].fold.replica.deletes()
    known = deleted.union(IdSet({client: sorted(ranges) for client, ranges in made.items()}))
    for data in accepted:
        if data in payloads:
            continue
        update: Update = decode_update(data)
        assert inserted(update).difference(brought).is_empty
        assert IdSet(update.deletes).difference(known).is_empty


async def assert_whole(server: Running, document: str) -> None:
    """The log verifies, folds to what the room shows, and a newcomer reads what everybody reads."""
    store = server.application.store
    assert list(await asyncio.to_thread(lambda: list(store.verify()))) == []
    async with open_innocent(server, document) as newcomer, open_innocent(server, document) as other:
        room = server.application.hub.rooms[document]
        rows = [FoldedEdit(*row) for row in store.fold_rows(document, limit=100_000)]
        cold = fold(lambda after: [row for row in rows if row.revision > after])
        assert json_value(cold.replica) == json_value(room.fold.replica)
        assert cold.clocks() == room.fold.clocks()
        assert newcomer.value == other.value == json_value(cold.replica)["calm"]["value"]


def open_innocent(server: Running, document: str) -> Innocent:
    return Innocent(server, document)


def test_the_generator_makes_messages_of_every_kind() -> None:
    rng = Random(0)
    seen: Counter[str] = Counter()
    for _ in range(30):
        messages = Messages(rng, (1, 2))
        for make in messages.kinds:
            seen[type(decode_message(make())).__name__] += 1
        for _ in range(100):
            message = frame(rng, messages)
            seen[type(message).__name__] += 1
            if isinstance(message, bytes):
                try:
                    decoded = decode_message(message)
                    if isinstance(decoded, UpdateMessage | SyncStep2):
                        decode_update(decoded.update)
                        seen["an update, damaged and valid"] += 1
                except (MalformedMessage, MalformedUpdate):
                    seen["malformed"] += 1
    assert min(seen[name] for name in ("bytes", "str", "list", "an update, damaged and valid", "malformed")) > 50
    assert {"UpdateMessage", "SyncStep1", "SyncStep2", "Awareness", "Private"} <= seen.keys()
