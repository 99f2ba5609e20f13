"""Frames are cut from what a socket brings as the library would cut them, however the bytes come."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN, Protocol, Side

from keepboth.live.incoming import Incoming
from keepboth.yjs.messages import AwarenessState, encode_awareness, encode_sync_step1, encode_update_message
from tests.harness import Peer, eventually, run, running
from tests.live.test_rooms import APART, Gate

LIMIT = 3000


def sent(opcode: int, data: bytes, *, fin: bool = True) -> bytes:
    return Frame(Opcode(opcode), data, fin=fin).serialize(mask=True)


def session(rng: random.Random) -> bytes:
    """What a client might send: messages of every length, in fragments too, control frames anywhere."""
    out = bytearray()
    for _ in range(rng.randint(1, 30)):
        data = rng.randbytes(rng.choice((0, 1, 5, 40, 125, 126, 127, 300, 2999)))
        match rng.randrange(6):
            case 0:
                parts = rng.randint(2, 4)
                for part in range(parts):
                    out += sent(2 if part == 0 else 0, data[:40], fin=part == parts - 1)
                    if rng.random() < 0.5:
                        out += sent(9, b"ping")
            case 1:
                out += sent(rng.choice((9, 10)), data[:125])
            case _:
                out += sent(2, data)
    return bytes(out)


def by_library(stream: bytes) -> list[Frame]:
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=LIMIT)
    protocol.receive_data(stream)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


@pytest.mark.parametrize("seed", range(60))
def test_it_finds_what_the_library_finds(seed: int) -> None:
    rng = random.Random(seed)
    stream = session(rng)
    wanted = by_library(stream)
    incoming = Incoming(LIMIT)
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=LIMIT)
    found: list[Frame] = []
    while stream:
        size = rng.choice((1, 3, 20, 500, len(stream)))
        piece, stream = stream[:size], stream[size:]
        for is_message, part in incoming.take(piece):
            if is_message:
                found.append(Frame(Opcode.BINARY, part))
            else:
                protocol.receive_data(part)
                found.extend(event for event in protocol.events_received() if isinstance(event, Frame))
    assert protocol.parser_exc is None
    assert [(frame.opcode, frame.fin, bytes(frame.data)) for frame in found] == [
        (frame.opcode, frame.fin, bytes(frame.data)) for frame in wanted
    ]


def test_whole_messages_are_not_left_to_the_library() -> None:
    incoming = Incoming(LIMIT)
    data = sent(2, b"one") + sent(2, b"two" * 100)
    assert incoming.take(data + sent(2, b"three")[:4]) == [(True, b"one"), (True, b"two" * 100)]


@pytest.mark.parametrize(
    "data",
    [
        sent(2, bytes(LIMIT + 1))[:20],
        sent(2, bytes(70_000))[:20],
        Frame(Opcode.BINARY, b"not masked").serialize(mask=False),
    ],
    ids=["too long", "far too long", "not masked"],
)
def test_what_the_library_refuses_it_is_given(data: bytes) -> None:
    incoming = Incoming(LIMIT)
    protocol = Protocol(Side.SERVER, state=OPEN, max_size=LIMIT)
    for piece in (data[:3], data[3:], b"more"):
        for is_message, part in incoming.take(piece):
            assert not is_message
            if protocol.parser_exc is None:
                protocol.receive_data(part)
    assert protocol.parser_exc is not None


# -- runs of keystrokes ------------------------------------------------------------------------------------------------


def typing(rng: random.Random, before: bytes) -> list[bytes]:
    """Messages of one stock client that types, deletes, pastes, repeats itself and, now and then, leaves one out."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    text = doc.get("text", type=pycrdt.Text)
    doc.apply_update(before)
    made: list[bytes] = []
    subscription = doc.observe(lambda event: made.append(event.update))
    out: list[bytes] = []
    at = len(str(text)) // 2
    for _ in range(60):
        match rng.randrange(14):
            case 0:
                del text[at - 1 : at]
                at -= 1
            case 1:
                text.insert(at, "pasted")
                at += 6
            case 2:
                at = rng.randint(1, len(str(text)))
                continue
            case 3 if out:
                made.append(rng.choice(out))
            case 4:
                doc.get("map", type=pycrdt.Map)["key"] = rng.random()
            case 5 if rng.random() < 0.2:
                text.insert(at, "?")
                at += 1
                made.clear()  # lost: what comes next must wait
            case _:
                text.insert(at, rng.choice("abcdef"))
                at += 1
        out += made
        made.clear()
    del subscription
    return [encode_update_message(update) for update in out]


@pytest.mark.parametrize("seed", range(12))
def test_keystrokes_that_come_together_are_recorded_as_if_they_came_alone(seed: int, tmp_path: Path) -> None:
    async def main() -> None:
        rng = random.Random(seed)
        first: pycrdt.Doc[Any] = pycrdt.Doc(client_id=3)
        first.get("text", type=pycrdt.Text).insert(0, "what was there before")
        before = first.get_update()
        messages = typing(rng, before)
        names = ("alone", "together")
        async with running(tmp_path, **APART) as server:
            gate = Gate(server)
            told: dict[str, list[Any]] = {}
            for name in names:
                async with Peer(server, name) as ann:
                    await ann.send(encode_update_message(before))
                    await eventually(lambda name=name: len(server.edits(name)) == 1)
                    writer = await connect(server.socket_url(name), compression=None)
                    await writer.send(encode_sync_step1(b"\x00"))
                    await writer.send(encode_awareness([AwarenessState(5, 1, "{}")]))
                    room = server.application.hub.rooms[name]
                    await eventually(lambda room=room: any(5 in s.clients and s.synced for s in room.sessions))
                    (session,) = [one for one in room.sessions if 5 in one.clients]
                    gate.open.clear()
                    if name == "together":
                        writer.transport.write(b"".join([sent(2, message) for message in messages]))
                    else:
                        for message in messages:
                            room.take(session, message)  # the long way, which any message can go
                    await eventually(lambda session=session: session.edits)
                    await answered(writer)
                    gate.open.set()
                    await eventually(lambda room=room: not room.in_flight)
                    told[name] = [
                        (
                            event.payload,
                            event.actor,
                            event.session,
                            event.clients,
                            event.context,
                            event.context_source,
                            event.disposition,
                            event.time_quality,
                            event.revision,
                        )
                        for event in server.edits(name)
                    ]
                    await writer.close()
            assert told["alone"] == told["together"]
            assert len(told["alone"]) > 20

    run(main())


async def answered(socket: ClientConnection) -> None:
    """Wait until all that was sent has been read: an answer to a question comes in order."""
    await (await socket.ping())
