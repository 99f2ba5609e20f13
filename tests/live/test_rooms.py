"""What a room promises to the people in it, over real sockets."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from keepboth.errors import NotDurableNow
from keepboth.events import DOCUMENT_CREATED, EDIT_RECORDED, SESSION_JOINED, Context
from keepboth.live.session import Actor
from keepboth.yjs.messages import (
    AwarenessState,
    SyncStep1,
    UpdateMessage,
    encode_awareness,
    encode_query_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.structs import JSON, STRING, TYPE, Struct, Update
from keepboth.yjs.update import encode_update
from tests.harness import AS_C, Peer, Running, eventually, run, running


def keystroke(client: int, clock: int, text: str, origin: tuple[int, int] | None = None) -> bytes:
    """One insert, by hand."""
    if origin is None:
        struct = Struct(client, clock, len(text), STRING, parent="text", content=text)
    else:
        struct = Struct(client, clock, len(text), STRING | 0x80, origin=origin, content=text)
    return encode_update(Update({client: [struct]}, {}))


async def drain(socket: ClientConnection) -> None:
    """Read until the connection is closed."""
    while True:
        await socket.recv()


APART = {"commit_on_loop": False}


class Gate:
    """Lets a real store's appends through only while open; used to stop time between receiving and committing. The
    server must leave its commits to the writer's thread (`APART`)."""

    def __init__(self, server: Running) -> None:
        self.open = threading.Event()
        self.open.set()
        self.fail = False
        store = server.application.store
        append = store.append

        def gated(items: Any) -> Any:
            assert self.open.wait(20)
            if self.fail:
                raise NotDurableNow("the disk is full")
            return append(items)

        store.append = gated  # type: ignore[method-assign]


def test_two_editors_converge_and_every_edit_is_one_event(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "notes") as ann, Peer(server, "notes") as bob:
            await ann.type(0, "hello")
            await eventually(lambda: bob.value == "hello")
            for _ in range(20):
                await bob.type(5, "!")
            await eventually(lambda: ann.value == "hello" + "!" * 20)
            events = server.events("notes")
            assert [event.revision for event in events] == list(range(1, len(events) + 1))
            assert events[0].type == DOCUMENT_CREATED
            assert len(server.edits("notes")) == 21

    run(main())


def test_nobody_hears_of_an_edit_before_it_is_durable(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, **APART) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            gate = Gate(server)
            gate.open.clear()
            ann.frames.clear()
            bob.frames.clear()
            await ann.type(0, "secret")
            room = server.application.hub.rooms["d"]
            await eventually(lambda: room.in_flight, "the edit is on its way")
            for peer in (ann, bob):
                await peer.send(encode_query_awareness())
                await eventually(lambda peer=peer: peer.awareness(), "an answer that came after the edit")
            assert not any(isinstance(frame, UpdateMessage) for frame in ann.frames + bob.frames)
            assert bob.value == ""
            gate.open.set()
            await eventually(lambda: bob.value == "secret")
            await eventually(lambda: any(isinstance(frame, UpdateMessage) for frame in ann.frames), "the own echo")

    run(main())


def test_a_failed_commit_acknowledges_nothing_and_the_edit_can_be_repeated(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, **APART) as server:
            ann, bob = Peer(server, "d"), Peer(server, "d")
            await ann.open()
            await bob.open()
            gate = Gate(server)
            gate.fail = True
            await ann.type(0, "lost?")
            await eventually(lambda: ann.closed and bob.closed, "both are told to come back")
            assert ann.closed is not None
            assert ann.closed.rcvd is not None
            assert ann.closed.rcvd.code == 4507
            assert ann.closed.rcvd.reason.startswith("not-durable-now")
            assert bob.value == ""
            assert server.edits("d") == []
            gate.fail = False
            await ann.open()
            await bob.open()
            await eventually(lambda: bob.value == "lost?")
            assert len(server.edits("d")) == 1
            await ann.close()
            await bob.close()

    run(main())


def test_connecting_alone_records_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            async with Peer(server, "empty"):
                pass
            assert server.events("empty") == []

    run(main())


def test_a_room_leaves_memory_and_comes_back_from_the_log(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, room_idle_s=0) as server:
            hub = server.application.hub
            async with Peer(server, "d") as ann:
                await ann.type(0, "kept")
                await eventually(lambda: server.edits("d"))
            await eventually(lambda: "d" not in hub.rooms, "the room has left memory")
            async with Peer(server, "d") as bob:
                assert bob.value == "kept"
                await bob.type(4, "!")
                await eventually(lambda: len(server.edits("d")) == 2)

    run(main())


def test_awareness_is_echoed_shared_answered_and_taken_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as bob:
            ann = Peer(server, "d")
            await ann.open()
            state = AwarenessState(ann.doc.client_id, 5, '{"cursor":3}')
            await ann.send(encode_awareness([state]))

            def has(peer: Peer, wanted: AwarenessState) -> bool:
                return any(wanted in frame.states for frame in peer.awareness())

            await eventually(lambda: has(ann, state) and has(bob, state), "echo and relay")
            bob.frames.clear()
            await bob.send(encode_query_awareness())
            await eventually(lambda: has(bob, state), "the answer to a question")
            await ann.close()
            await eventually(lambda: has(bob, AwarenessState(ann.doc.client_id, 5, "null")), "she has left")
            assert not any(event.type == "awareness" for event in server.events("d"))

    run(main())


def test_claimed_names_are_kept_once_with_the_first_edit(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            state = '{"user":{"name":"Ann","color":"#f00"}}'
            await ann.send(encode_awareness([AwarenessState(ann.doc.client_id, 2, state)]))
            await ann.type(0, "a")
            await ann.type(1, "b")
            await eventually(lambda: len(server.edits("d")) == 2)
            joined = server.events("d", SESSION_JOINED)
            assert len(joined) == 1
            payload = json.loads(joined[0].payload or b"")
            assert (payload["name"], payload["color"], payload["claimed"]) == ("Ann", "#f00", True)
            assert joined[0].actor == server.edits("d")[0].actor

    run(main())


def test_a_name_that_is_no_unicode_costs_nobody_an_edit(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann:
            await ann.send(encode_awareness([AwarenessState(ann.doc.client_id, 2, '{"user":{"name":"\\ud800A"}}')]))
            await ann.type(0, "a")
            await eventually(lambda: server.edits("d"))
            assert json.loads(server.events("d", SESSION_JOINED)[0].payload or b"")["name"] == "?A"

    run(main())


def test_the_identify_hook_says_who_wrote(tmp_path: Path) -> None:
    async def main() -> None:
        def identify(request: Any) -> Actor:
            return Actor("ann@example.com", "human", "Ann")

        async with running(tmp_path, identify) as server, Peer(server, "d") as ann:
            await ann.type(0, "a")
            await eventually(lambda: server.edits("d"))
            event = server.edits("d")[0]
            assert (event.actor, event.actor_kind) == ("ann@example.com", "human")

    run(main())


def test_an_edit_that_builds_on_something_unknown_waits_and_its_author_is_asked(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 11) as ann, Peer(server, "d") as bob:
            ann.frames.clear()
            await ann.send(encode_update_message(keystroke(11, 3, "later", (11, 2))))
            await eventually(lambda: server.edits("d"))
            assert server.edits("d")[0].disposition == "pending"
            await eventually(lambda: any(isinstance(frame, SyncStep1) for frame in ann.frames), "a question")
            assert bob.value == ""
            assert not any(isinstance(frame, UpdateMessage) for frame in bob.frames)
            await ann.send(encode_update_message(keystroke(11, 0, "now")))
            await eventually(lambda: bob.value == "nowlater")
            await ann.send(encode_update_message(keystroke(11, 8, "!", (11, 7))))
            await eventually(lambda: bob.value == "nowlater!")
            assert [event.disposition for event in server.edits("d")] == ["pending", "ready", "ready"]

    run(main())


def test_what_the_crdt_cannot_read_is_recorded_and_set_aside(tmp_path: Path) -> None:
    async def main() -> None:
        hook = Struct(7, 0, 1, TYPE, parent="x", content=b"\x05\x01h")
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            unreadable = encode_update(Update({7: [hook]}, {}))
            await ann.send(encode_update_message(unreadable))
            await eventually(lambda: server.edits("d"))
            assert server.edits("d")[0].disposition == "quarantined"
            assert server.edits("d")[0].payload == unreadable
            await ann.send(encode_update_message(unreadable))
            await ann.type(0, "fine")
            await eventually(lambda: bob.value == "fine")
            assert [event.disposition for event in server.edits("d")] == ["quarantined", "ready"]

    run(main())


def test_old_json_content_is_recorded_as_it_came_and_folded(tmp_path: Path) -> None:
    async def main() -> None:
        old = Struct(7, 0, 2, JSON, parent="list", content=b'\x02\x011\x03"a"')
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            payload = encode_update(Update({7: [old]}, {}))
            await ann.send(encode_sync_step2(payload))
            array = bob.doc.get("list", type=pycrdt.Array)
            await eventually(lambda: array.to_py() == [1.0, "a"])
            assert [(event.disposition, event.payload) for event in server.edits("d")] == [("ready", payload)]

    run(main())


def test_a_copy_of_the_document_is_cut_into_one_slice_an_author(tmp_path: Path) -> None:
    async def main() -> None:
        one, two = pycrdt.Doc(client_id=21), pycrdt.Doc(client_id=22)
        text_one = one.get("text", type=pycrdt.Text)
        text_one += "from one; "
        two.apply_update(one.get_update())
        text_two = two.get("text", type=pycrdt.Text)
        text_two += "from two; "
        one.apply_update(two.get_update())
        text_one += "one again"
        del text_one[0:5]
        whole = one.get_update()
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            await ann.send(encode_update_message(whole))
            await eventually(lambda: bob.value == str(text_one))
            edits = server.edits("d")
            assert [event.clients for event in edits] == [(21,), (22,), ()]
            assert {event.relayed_by for event in edits[:2]} == {edits[2].session}
            assert edits[0].message_digest == edits[1].message_digest == edits[2].message_digest
            assert edits[0].message_digest is not None
            assert server.application.store.message(edits[0].message_digest) == whole
            await bob.send(encode_sync_step2(whole))
            await ann.type(0, "x")
            await eventually(lambda: len(server.edits("d")) == 4)
        async with running(tmp_path) as server, Peer(server, "d") as cleo:
            assert cleo.value == "x" + str(text_one)

    run(main())


def test_deletes_that_the_merge_made_are_no_edit(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann, bob = Peer(server, "d"), Peer(server, "d")
            await ann.open()
            await bob.open()
            map_a, map_b = ann.doc.get("m", type=pycrdt.Map), bob.doc.get("m", type=pycrdt.Map)
            map_a["k"] = "from ann"
            map_b["k"] = "from bob"
            await ann.flush()
            await bob.flush()
            await eventually(lambda: map_a["k"] == map_b["k"] and len(server.edits("d")) == 2)
            for peer in (ann, bob):
                await peer.close()
                await peer.open()
            await ann.type(0, "still here")
            await eventually(lambda: bob.value == "still here")
            assert len(server.edits("d")) == 3
            await ann.close()
            await bob.close()

    run(main())


def test_two_people_deleting_the_same_are_two_events(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            await ann.type(0, "word")
            await eventually(lambda: bob.value == "word")
            del ann.text[0:4]
            del bob.text[0:4]
            await ann.flush()
            await bob.flush()
            await eventually(lambda: len(server.edits("d")) == 3)
            assert {event.actor for event in server.edits("d")[1:]} == {
                f"guest:y:{ann.doc.client_id}",
                f"guest:y:{bob.doc.client_id}",
            }

    run(main())


def test_an_offline_client_comes_back_and_its_edits_are_one_return(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = Peer(server, "d")
            await ann.open()
            async with Peer(server, "d") as bob:
                await ann.type(0, "base")
                await eventually(lambda: bob.value == "base")
                await ann.close()
                ann.text.insert(4, " ann1")
                ann.text.insert(9, " ann2")
                ann.unsent.clear()  # a stock client forgets its updates; its document has them
                await bob.type(0, "bob ")
                await eventually(lambda: len(server.edits("d")) == 2)
                await ann.open()
                await eventually(lambda: bob.value == ann.value and "ann2" in bob.value)
                returned = server.edits("d")[2]
                assert len(server.edits("d")) == 3
                assert returned.correlation_id is not None
                assert returned.away_from is not None
                assert returned.actor == server.edits("d")[0].actor
                assert returned.context is not None
                assert returned.context.upper.base < server.edits("d")[1].revision
            await ann.close()

    run(main())


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"", "malformed-message"),
        (b"\x00", "malformed-message"),
        (b"\x00\x02\x05ab", "malformed-message"),
        (b"\x00\x02\x02\xff\xff", "malformed-update"),
        (b"\x00\x07\x00", "malformed-message"),
        (b"\x78\x63", "malformed-message"),
    ],
)
def test_a_bad_frame_is_answered_by_name(tmp_path: Path, frame: bytes, code: str) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as bob:
            ann = Peer(server, "d")
            await ann.open()
            await ann.send(frame)
            await eventually(lambda: ann.closed)
            assert ann.closed is not None
            assert ann.closed.rcvd is not None
            assert ann.closed.rcvd.code == 4400
            assert ann.closed.rcvd.reason.split(":")[0] == code
            await bob.type(0, "unharmed")
            await eventually(lambda: server.edits("d"))

    run(main())


def test_a_reader_that_does_not_read_is_closed_by_name_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, outbox_bytes=100_000) as server, Peer(server, "d") as ann:
            slow = await connect(server.socket_url("d"), max_size=None, compression=None, max_queue=1)
            await slow.send(encode_sync_step1(b"\x00"))
            room = server.application.hub.rooms["d"]
            await eventually(lambda: len(room.sessions) == 2)
            slow.transport.pause_reading()
            for count in range(1, 60):
                await ann.type(0, "x" * 400_000)
                await eventually(lambda count=count: room.revision >= 2 + count, "on the disk and relayed")
                if len(room.sessions) == 1:
                    break
            await eventually(lambda: len(room.sessions) == 1, "the slow reader is out")
            slow.transport.resume_reading()
            with pytest.raises(ConnectionClosed, match="slow-reader"):
                await drain(slow)
            async with Peer(server, "d") as again:
                await eventually(lambda: again.value == ann.value)

    run(main())


def test_writers_are_slowed_while_the_disk_is_behind_and_nothing_is_dropped(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, mailbox_edits=20, **APART) as server, Peer(server, "d") as ann:
            gate = Gate(server)
            gate.open.clear()
            room = server.application.hub.rooms["d"]
            for _ in range(2000):
                ann.text.insert(0, "x" * 1000)
            flushing = asyncio.create_task(ann.flush())
            await eventually(lambda: room.held, "the writer is slowed")
            waiting = room.in_flight_events
            gate.open.set()
            await flushing
            await eventually(lambda: len(server.edits("d")) == 2000)
            assert waiting < 2000
            await eventually(lambda: not room.held)

    run(main())


def test_a_writer_slowed_for_too_long_is_closed_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, mailbox_edits=1, mailbox_patience_s=0.1, **APART) as server:
            ann = Peer(server, "d")
            await ann.open()
            gate = Gate(server)
            gate.open.clear()
            await ann.type(0, "a")
            await eventually(lambda: ann.closed)
            gate.open.set()
            assert ann.closed is not None
            assert ann.closed.rcvd is not None
            assert ann.closed.rcvd.reason.startswith("overloaded")
            await eventually(lambda: server.edits("d"), "what it had sent is kept all the same")

    run(main())


def test_shutting_down_finishes_the_commit_and_says_come_back(tmp_path: Path) -> None:
    async def main() -> None:
        ann = None
        async with running(tmp_path, **APART) as server:
            ann = Peer(server, "d")
            await ann.open()
            gate = Gate(server)
            gate.open.clear()
            await ann.type(0, "in flight")
            room = server.application.hub.rooms["d"]
            await eventually(lambda: room.in_flight)
            asyncio.get_running_loop().call_later(0.2, gate.open.set)
        assert ann.closed is not None
        assert ann.closed.rcvd is not None
        assert ann.closed.rcvd.code == 1012
        async with running(tmp_path) as server, Peer(server, "d") as bob:
            assert bob.value == "in flight"

    run(main())


@pytest.mark.parametrize("name", ["a/b", "a b", "día/ü 字", "..", "%2F", "a?b#c", "😀", "x" * 512])
def test_any_text_names_a_document(tmp_path: Path, name: str) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, name) as ann:
            await ann.type(0, "a")
            await eventually(lambda: server.edits(name))

    run(main())


def test_the_same_content_on_two_sockets_is_one_event(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 31) as ann, Peer(server, "d") as bob:
            update = keystroke(31, 0, "once")
            await ann.send(encode_update_message(update))
            await bob.send(encode_update_message(update))
            await bob.send(encode_sync_step2(update))
            await bob.type(0, "x")
            await eventually(lambda: len(server.edits("d")) == 2)
            assert [event.clients for event in server.edits("d")] == [(31,), (bob.doc.client_id,)]

    run(main())


def test_contexts_of_stock_clients_are_bounded_by_what_they_prove_and_were_sent(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d") as ann, Peer(server, "d") as bob:
            await ann.type(0, "abc")
            await eventually(lambda: bob.value == "abc")
            first = server.edits("d")[0]
            await bob.type(3, "d")
            await eventually(lambda: ann.value == "abcd")
            second = server.edits("d")[1]
            assert second.context == Context.of(first.revision)
            assert second.context_source == "structure"
            assert second.type == EDIT_RECORDED

    run(main())


def test_only_pages_of_the_named_origins_may_open_sockets_and_programs_may(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, origins="https://app.example, https://other.example") as server:
            for origin in (None, Origin("https://other.example")):
                socket = await connect(server.socket_url("d"), origin=origin)
                await socket.close()
            with pytest.raises(InvalidStatus) as refused:
                await connect(server.socket_url("d"), origin=Origin("https://evil.example"))
            assert refused.value.response.status_code == 403

    run(main())


@pytest.mark.skipif(AS_C, reason="puts a bug into what is C")
def test_a_room_that_fails_after_a_commit_is_folded_anew_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with running(tmp_path, **APART) as server:
            ann = Peer(server, "d")
            await ann.open()
            room = server.application.hub.rooms["d"]

            def fail(*_: object) -> int:
                raise RuntimeError("a bug")

            gate = Gate(server)
            gate.open.clear()
            for index in range(5):
                await ann.type(index, "x")
            await eventually(lambda: room.in_flight_events == 6)
            monkeypatch.setattr(room.publication, "_take_receipts", fail)
            gate.open.set()
            await eventually(lambda: ann.closed)
            async with Peer(server, "d") as bob:
                assert bob.value == "xxxxx"
                await bob.type(0, "y")
                await eventually(lambda: len(server.edits("d")) == 6)

    run(main())


def test_nothing_is_recorded_that_builds_on_what_was_not(tmp_path: Path) -> None:
    """The disk fails once while more of the same document is queued behind: that must fail too, for it was decided as
    if what failed had been recorded."""

    async def main() -> None:
        async with (
            running(tmp_path, **APART) as server,
            Peer(server, "d", 1) as ann,
            Peer(server, "other", 2) as bob,
        ):
            await ann.type(0, "base")
            room = server.application.hub.rooms["d"]
            await eventually(lambda: room.revision == 3)
            store = server.application.store
            append = store.append
            entered, gate = threading.Event(), threading.Event()

            def once(items: Any) -> Any:
                store.append = append  # type: ignore[method-assign]
                entered.set()
                assert gate.wait(10)
                raise NotDurableNow("the disk is full")

            store.append = once  # type: ignore[method-assign]
            await ann.type(4, " one")
            await eventually(entered.is_set)
            await ann.type(8, " two")
            await bob.type(0, "elsewhere")
            await eventually(lambda: len(room.in_flight) == 2)
            gate.set()
            await eventually(lambda: not room.in_flight)
            await eventually(lambda: len(server.edits("other")) == 1, "another document goes on")
            assert room.state == "closed"
            assert len(server.edits("d")) == 1

    run(main())
