"""Clients that use what a server has: sockets, memory, queues. Bounded, by name, and others do not notice."""

from __future__ import annotations

import asyncio
import resource
import struct
import time
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from keepboth.live import presence
from keepboth.yjs.messages import (
    Awareness,
    AwarenessState,
    decode_message,
    encode_awareness,
    encode_private,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.private import STRETCHES, encode_edit, encode_json
from keepboth.yjs.structs import STRING, Range, Struct, Update
from keepboth.yjs.update import encode_update
from tests.fold.sessions import insert
from tests.harness import Peer, eventually, run, running
from tests.hostile.watch import check_close, innocents, no_tracebacks, server_in_a_thread

IDLE = 2000


async def end_of(socket: ClientConnection, timeout_s: float = 20) -> ConnectionClosed:
    """Read until the server closes."""
    async with asyncio.timeout(timeout_s):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed as closed:
                return closed


def test_two_thousand_idle_sockets_hinder_nobody(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 3 * IDLE:
        if hard < 3 * IDLE:
            pytest.skip(f"{hard} open files are allowed, {3 * IDLE} are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * IDLE, hard))

    async def main() -> None:
        with no_tracebacks(), server_in_a_thread(tmp_path) as server:
            async with innocents(server, "idle-3", "elsewhere") as pairs:
                sockets: list[ClientConnection] = []
                for start in range(0, IDLE, 100):
                    sockets += await asyncio.gather(
                        *(
                            connect(server.socket_url(f"idle-{at % 20}"), compression=None, ping_interval=None)
                            for at in range(start, start + 100)
                        )
                    )
                before = [len(pair.waits) for pair in pairs]
                await eventually(lambda: all(len(p.waits) > b + 10 for p, b in zip(pairs, before, strict=True)))
                assert len(server.application.gateway.open) >= IDLE
                for socket in sockets:
                    socket.transport.abort()
            await eventually(lambda: not server.application.gateway.open, timeout_s=20)

    run(main())


def test_more_sockets_than_allowed_are_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, max_connections=3) as server:
            sockets = [await connect(server.socket_url("d")) for _ in range(3)]
            with pytest.raises(Exception, match="503"):
                await connect(server.socket_url("d"))
            await sockets.pop().close()
            await eventually(lambda: len(server.application.gateway.open) == 2)
            sockets.append(await connect(server.socket_url("d")))
            for socket in sockets:
                await socket.close()

    run(main())


def test_a_client_that_never_reads_is_closed_by_name_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        with no_tracebacks(), server_in_a_thread(tmp_path, outbox_bytes=200_000) as server:
            async with Peer(server, "d") as writer:
                deaf = await connect(server.socket_url("d"), compression=None, max_queue=1)
                await deaf.send(encode_sync_step1(b"\x00"))
                room = server.application.hub.rooms["d"]
                await eventually(lambda: len(room.sessions) == 2)
                deaf.transport.pause_reading()
                block = "x" * 100_000
                sent = 0
                while len(room.sessions) == 2:
                    await writer.type(0, block)
                    sent += 1
                    await eventually(lambda n=sent: len(server.edits("d")) == n)
                    assert sent < 300, "the kernel's buffers cannot be this large"
                deaf.transport.resume_reading()
                assert check_close(await end_of(deaf)) == "slow-reader"
                async with Peer(server, "d") as newcomer:
                    assert newcomer.value == writer.value == block * sent

    run(main())


def masked(data: bytes) -> bytes:
    """A binary frame as a client sends it, masked with zeros."""
    head = bytes((0x82, 0x80 | len(data))) if len(data) < 126 else b"\x82\xfe" + struct.pack(">H", len(data))
    return head + bytes(4) + data


def test_a_frame_that_comes_byte_by_byte_is_a_frame(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as slow:
            assert slow.socket is not None
            for byte in masked(encode_update_message(insert(5, 0, "slowly " * 30))):
                slow.socket.transport.write(bytes((byte,)))
                await asyncio.sleep(0)
            await eventually(lambda: ann.value == "slowly " * 30)

    run(main())


def test_a_message_of_countless_empty_fragments_takes_no_memory(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            mallory = await connect(server.socket_url("d"), compression=None)
            data = encode_update_message(insert(5, 0, "whole"))
            mallory.transport.write(b"\x02\x80" + bytes(4) + (b"\x00\x80" + bytes(4)) * 20_000)
            (connection,) = [c for c in server.application.gateway.open if c.session and not c.session.synced]
            await eventually(lambda: connection._parts is not None)
            mallory.transport.write(b"\x80" + masked(data)[1:])
            assert connection._parts == []
            await eventually(lambda: ann.value == "whole")
            await mallory.close()

    run(main())


@pytest.mark.parametrize("fragments", [1, 50])
def test_a_message_that_is_too_large_is_refused_while_it_comes(tmp_path: Path, fragments: int) -> None:
    async def main() -> None:
        async with running(tmp_path, max_frame_bytes=10_000) as server, Peer(server, "d"):
            socket = await connect(server.socket_url("d"), compression=None)
            part = bytes(20_000 // fragments)
            try:
                await socket.send([part] * fragments if fragments > 1 else part)
            except ConnectionClosed as closed:
                end = closed
            else:
                end = await end_of(socket)
            assert check_close(end) == "1009"

    run(main())


def test_an_update_of_too_many_items_ends_its_sender_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, max_update_items=1000) as server, Peer(server, "d") as ann:
            socket = await connect(server.socket_url("d"), compression=None)
            many = Update({}, {66: [(2 * n, 1) for n in range(1001)]})
            await socket.send(encode_update_message(encode_update(many)))
            assert check_close(await end_of(socket)) == "over-limit"
            await ann.type(0, "still here")
            await eventually(lambda: len(server.edits("d")) == 1)

    run(main())


# -- edits that wait --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [False, True])
def test_edits_that_wait_are_taken_up_to_the_limit_and_then_refused_by_name(tmp_path: Path, at_once: bool) -> None:
    limit = 50

    async def main() -> None:
        async with running(tmp_path, max_pending_edits=limit) as server, Peer(server, "d") as ann:
            mallory = await connect(server.socket_url("d"), compression=None)
            flood = [insert(66, at, "x", (66, at - 1)) for at in range(1, 2 * limit)]
            for number, payload in enumerate(flood):
                if not at_once and number <= limit:
                    await eventually(lambda n=number: len(server.edits("d")) == n)
                await mallory.send(encode_update_message(payload))
            assert check_close(await end_of(mallory)) == "over-limit"
            await eventually(lambda: not server.application.hub.rooms["d"].in_flight)
            assert [event.payload for event in server.edits("d")] == flood[:limit]
            # What was refused is not held against anybody: it comes again, from somebody else, when there is room.
            await ann.type(0, "fine ")
            honest = await connect(server.socket_url("d"), compression=None)
            await honest.send(encode_update_message(flood[0]))
            await honest.send(encode_update_message(insert(66, 0, "x")))
            await eventually(lambda: len(ann.value) == 5 + limit + 1)
            for payload in flood[limit:]:
                await honest.send(encode_update_message(payload))
            await eventually(lambda: sorted(ann.value) == sorted("fine " + "x" * 2 * limit))
            await honest.close()
        async with running(tmp_path) as server, Peer(server, "d") as cleo:
            assert cleo.value == ann.value

    run(main())


def test_people_type_on_beside_thousands_of_edits_that_wait_for_ever(tmp_path: Path) -> None:
    async def main() -> None:
        with no_tracebacks(), server_in_a_thread(tmp_path) as server:
            async with innocents(server, "d") as (pair,), Peer(server, "d") as mallory:
                mallory.answer_step1 = False
                for at in range(1, 3001):
                    await mallory.send(encode_update_message(insert(66, at, "x", (66, at - 1))))
                await eventually(lambda: len(server.application.hub.rooms["d"].fold.waiting) == 3000, timeout_s=30)
                before = len(pair.waits)
                await eventually(lambda: len(pair.waits) > before + 30, timeout_s=20)

    run(main())


# -- awareness --------------------------------------------------------------------------------------------------------


def test_a_flood_of_awareness_is_coalesced(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as mallory:
            ann.frames.clear()
            client = mallory.doc.client_id
            for clock in range(2, 3002):
                await mallory.send(encode_awareness([AwarenessState(client, clock, f'{{"n":{clock}}}')]))
            last = AwarenessState(client, 3001, '{"n":3001}')
            await eventually(lambda: any(last in frame.states for frame in ann.awareness()))
            assert len(ann.awareness()) < 1500
            assert not ann.closed

    run(main())


def test_an_awareness_state_that_is_too_large_ends_its_sender_only(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, max_awareness_bytes=1000) as server, Peer(server, "d") as ann:
            for message in (
                encode_awareness([AwarenessState(1, 1, '"' + "x" * 1000 + '"')]),
                encode_awareness([AwarenessState(at, 1, '"' + "x" * 900 + '"') for at in range(20)]),
            ):
                mallory = await connect(server.socket_url("d"), compression=None)
                await mallory.send(message)
                assert check_close(await end_of(mallory)) == "over-limit"
            assert not ann.closed
            assert len(server.application.hub.rooms["d"].presence.states()) == 1

    run(main())


def test_more_states_than_a_room_keeps_end_their_sender(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            mallory = await connect(server.socket_url("d"), compression=None)
            states = [AwarenessState(at, 1, "1") for at in range(presence.MAX_CLIENTS + 1)]
            await mallory.send(encode_awareness(states))
            assert check_close(await end_of(mallory)) == "over-limit"
            assert not ann.closed

    run(main())


def test_a_full_room_takes_no_more_states_in_and_hurts_nobody(tmp_path: Path) -> None:
    """Many messages, each within the limits. Whoever comes later is not shown, but edits as ever."""

    async def main() -> None:
        async with running(tmp_path, max_awareness_bytes=128) as server, Peer(server, "d") as ann:
            room = server.application.hub.rooms["d"]
            mallory = await connect(server.socket_url("d"), compression=None)
            big = '"' + "x" * 120 + '"'
            for start in range(0, 1000, 10):
                states = [AwarenessState(10**9 + start + at, 1, big) for at in range(10)]
                await mallory.send(encode_awareness(states))
            await eventually(lambda: len(room.presence.states()) > 200)
            async with Peer(server, "d") as bob:
                await bob.type(0, "still here")
                await eventually(lambda: ann.value == "still here")
                size = sum(len(state.state_json) for state in room.presence.states())
                assert size <= presence.MAX_STATES * 128
                await ann.send(encode_awareness([AwarenessState(ann.doc.client_id, 9, "[]")]))
                await eventually(
                    lambda: any(
                        s.client == ann.doc.client_id and s.clock == 9 for f in bob.awareness() for s in f.states
                    )
                )
            await mallory.close()
            await eventually(lambda: len(room.presence.states()) == 1)

    run(main())


def test_somebody_elses_state_cannot_be_taken_away_while_they_are_here(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            room = server.application.hub.rooms["d"]
            mallory = await connect(server.socket_url("d"), compression=None)
            await mallory.send(encode_awareness([AwarenessState(ann.doc.client_id, 5, "null")]))
            await mallory.send(encode_awareness([AwarenessState(bob.doc.client_id, 5, '{"name":"not bob"}')]))
            await mallory.send(encode_awareness([AwarenessState(66, 1, "{}")]))
            await eventually(lambda: len(room.presence.states()) == 3)
            assert room.presence.state_of(ann.doc.client_id) == room.presence.state_of(bob.doc.client_id) == "{}"
            await ann.send(encode_awareness([AwarenessState(ann.doc.client_id, 2, '{"a":1}')]))
            await eventually(lambda: room.presence.state_of(ann.doc.client_id) == '{"a":1}')
            await mallory.close()

    run(main())


# -- numbers at the edge ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [2**52 - 1, 2**52, 2**53 - 1])
def test_edit_numbers_at_the_edge_close_their_sender_or_are_recorded(tmp_path: Path, seq: int) -> None:
    async def main() -> None:
        with no_tracebacks():
            async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d", 66) as mallory:
                await mallory.hello("hostile-session", clock=2**53 - 1)
                await mallory.send(encode_private(encode_edit(seq, 1)))
                await mallory.type(0, "a")
                await mallory.type(1, "b")
                await eventually(lambda: mallory.closed or len(mallory.receipts) == 2)
                if seq < 2**52:
                    assert [receipt.seq for receipt in mallory.receipts] == [seq, seq + 1]
                else:
                    assert mallory.closed is not None
                    assert check_close(mallory.closed) == "malformed-message"
                await ann.type(0, "fine")
                await eventually(lambda: "fine" in ann.value and not ann.closed)
                assert all(event.authored_at >= 0 for event in server.edits("d"))

    run(main())


@pytest.mark.parametrize("seq", [2**52, 2**53 - 1])
def test_a_hello_whose_numbers_would_not_fit_is_refused(tmp_path: Path, seq: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 66) as mallory:
            await mallory.hello("hostile-session", seq=seq)
            assert mallory.closed is not None
            assert check_close(mallory.closed) == "malformed-message"

    run(main())


def test_hello_after_an_edit_is_refused_however_late(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            await ann.type(0, "a")
            await eventually(lambda: server.edits("d"))
            await eventually(lambda: not server.application.hub.rooms["d"].in_flight)
            await ann.hello("late-session")
            assert ann.closed is not None
            assert check_close(ann.closed) == "malformed-message"

    run(main())


@pytest.mark.parametrize("before", ["the room is live", "hello is answered"])
def test_a_malformed_message_that_had_to_wait_ends_its_sender_only(tmp_path: Path, before: str) -> None:
    async def main() -> None:
        with no_tracebacks():
            async with running(tmp_path) as server, Peer(server, "d") as ann:
                await ann.type(0, "kept")
                await eventually(lambda: server.edits("d"))
            async with running(tmp_path) as server:
                peers = [Peer(server, "d") for _ in range(3)]
                if before == "the room is live":
                    store, hub = server.application.store, server.application.hub
                    look_up = store.session_clients

                    def slowly(document: str) -> Any:
                        """What opening a room asks in a thread: answered when three have knocked."""
                        until = time.monotonic() + 20
                        while len(hub.rooms[document]._backlog) < 3 and time.monotonic() < until:
                            time.sleep(0.005)
                        return look_up(document)

                    store.session_clients = slowly  # type: ignore[method-assign]
                mallory = await connect(server.socket_url("d"), compression=None)
                if before != "the room is live":
                    await peers[0].open()
                    hello = {"v": 1, "session": "hostile-session", "client": 66}
                    await mallory.send(encode_private(encode_json(0, hello)))
                await mallory.send(b"\x00\x07 nonsense")
                for peer in peers[1:]:
                    await peer.open(sync=False)
                    await peer.send(encode_sync_step1(b"\x00"))
                assert check_close(await end_of(mallory)) == "malformed-message"
                for peer in peers[1:]:
                    await eventually(peer.synced.is_set)
                    assert peer.value == "kept"
                    assert not peer.closed
                for peer in peers:
                    await peer.close()

    run(main())


# -- work that grows faster than the message ---------------------------------------------------------------------------


def test_deletes_in_the_worst_order_do_not_stop_the_others(tmp_path: Path) -> None:
    backwards: list[Range] = [(clock, 1) for clock in range(120_000, 0, -4)]
    between: list[Range] = [(clock + 2, 1) for clock, _ in backwards]

    async def main() -> None:
        with no_tracebacks(), server_in_a_thread(tmp_path) as server:
            async with innocents(server, "d", "elsewhere"), Peer(server, "d") as mallory:
                for ranges in (backwards, between):
                    await mallory.send(encode_update_message(encode_update(Update({}, {66: ranges}))))
                    await mallory.send(encode_sync_step2(encode_update(Update({}, {66: ranges}))))
                await eventually(
                    lambda: sum(event.payload_len > 9999 for event in server.edits("d")) == 2, timeout_s=30
                )

    run(main())


def test_a_list_of_stretches_in_the_worst_order_does_not_stop_the_others(tmp_path: Path) -> None:
    size = 1000
    structs = [Struct(66, 0, 1, STRING, parent="text", content="x")]
    structs += [Struct(66, at, 1, STRING | 0x80, origin=(66, at - 1), content="x") for at in range(1, size)]
    order = [*range(0, size, 2), *range(size - 1, 0, -2)]

    async def main() -> None:
        with no_tracebacks(), server_in_a_thread(tmp_path) as server:
            async with innocents(server, "elsewhere"), Peer(server, "d", 66) as mallory, Peer(server, "d") as ann:
                await mallory.hello("hostile-session")
                entries = [{"clocks": [at, 1], "deletes": [], "seen": 0, "authored_at": None} for at in order]
                await mallory.send(encode_private(encode_json(STRETCHES, {"stretches": entries})))
                await mallory.send(encode_sync_step2(encode_update(Update({66: structs}))))
                await eventually(lambda: ann.value == "x" * size, timeout_s=30)
                assert len(server.edits("d")) == size

    run(main())


def test_every_awareness_message_is_one_a_browser_can_read(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            for state in ('{"user":{"name":"\\ud800","color":"\\udfff"}}', '{"user":[]}', '{"user":{"name":7}}', '"x"'):
                async with Peer(server, "d") as mallory:
                    await mallory.send(encode_awareness([AwarenessState(mallory.doc.client_id, 9, state)]))
                    await mallory.type(0, "m")
                    await eventually(lambda m=mallory: m.value in ann.value and ann.value)
            for frame in ann.awareness():
                assert isinstance(decode_message(encode_awareness(frame.states)), Awareness)
            assert len(server.edits("d")) == 4

    run(main())
