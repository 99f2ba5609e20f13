"""The private messages: exact contexts, receipts, resuming, resending, fencing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from keepboth.events import SESSION_JOINED, Context, Seen
from keepboth.live.projector import rebuild
from keepboth.store.conflicts_memory import MemoryConflictStore
from keepboth.yjs.messages import (
    AwarenessState,
    Private,
    encode_awareness,
    encode_private,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.private import (
    CONFLICTS,
    EDIT,
    HELLO,
    SEEN,
    STRETCHES,
    EditReceipt,
    decode_json,
    encode_edit,
    encode_json,
    encode_seen,
    subtype_of,
)
from tests.harness import Peer, Running, eventually, run, running


async def declared(server: Running, document: str, session: str, client: int, **fields: Any) -> Peer:
    """A synced peer that has said hello."""
    peer = Peer(server, document, client)
    await peer.open(sync=False)
    await peer.hello(session, **fields)
    await peer.send(encode_sync_step1(peer.doc.get_state()))
    await eventually(peer.synced.is_set)
    return peer


async def declare(peer: Peer, **exceptions: Any) -> None:
    await peer.send(encode_private(encode_seen(Seen(peer.seen[0], **exceptions))))


def test_receipts_come_after_the_commit_and_name_the_place(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            await ann.type(0, "a")
            await ann.type(1, "b")
            await eventually(lambda: len(ann.receipts) == 2)
            edits = server.edits("d")
            assert ann.receipts == [
                EditReceipt(1, "appended", edits[0].revision, "ready"),
                EditReceipt(2, "appended", edits[1].revision, "ready"),
            ]
            assert [(event.session, event.session_seq) for event in edits] == [("session-ann", 1), ("session-ann", 2)]
            row = server.application.store.document("d")
            assert row is not None
            await eventually(lambda: ann.seen == (row.revision, row.document_hash[:8]), "the suffix proves the place")
            await ann.close()

    run(main())


def test_a_declared_context_is_recorded_exactly(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2)
            await ann.type(0, "abc")
            await eventually(lambda: bob.value == "abc")
            await declare(bob)
            await bob.type(3, "d")
            await eventually(lambda: len(server.edits("d")) == 2)
            event = server.edits("d")[1]
            assert (event.context, event.context_source) == (Context.of(server.edits("d")[0].revision), "declared")
            await ann.close()
            await bob.close()

    run(main())


@pytest.mark.parametrize(("declares", "base"), [(10_000, "sent"), (0, "proved")])
def test_lies_are_corrected_and_the_edit_is_recorded_all_the_same(tmp_path: Path, declares: int, base: str) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2)
            await ann.type(0, "abc")
            await eventually(lambda: bob.value == "abc")
            first = server.edits("d")[0].revision
            await bob.send(encode_private(encode_seen(Seen(declares))))
            await bob.type(3, "d")  # right of Ann's c: it has seen her edit
            await eventually(lambda: len(server.edits("d")) == 2)
            event = server.edits("d")[1]
            assert event.context_source == "corrected"
            assert event.context == Context.of(first)
            await ann.close()
            await bob.close()

    run(main())


def test_a_cursor_without_a_name_takes_no_claimed_name_away(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1, name="Ann", color="#aa0000")
            await ann.send(encode_awareness([AwarenessState(1, 1, '{"cursor": null}')]))
            await ann.type(0, "a")
            await eventually(lambda: ann.receipts)
            (joined,) = server.events("d", SESSION_JOINED)
            told = json.loads(joined.payload)
            assert (told["name"], told["color"]) == ("Ann", "#aa0000")
            await ann.send(encode_awareness([AwarenessState(1, 2, '{"user": {"name": "Anna"}}')]))
            await ann.type(1, "b")
            await eventually(lambda: len(ann.receipts) == 2)
            told = json.loads(server.events("d", SESSION_JOINED)[-1].payload)
            assert (told["name"], told["color"]) == ("Anna", "#aa0000")

    run(main())


def test_a_resend_is_a_duplicate_and_gets_its_receipt(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            ann.text.insert(0, "hello")
            del ann.text[0:2]
            sent = await ann.flush()
            await eventually(lambda: len(ann.receipts) == 2)
            await ann.close()
            again = Peer(server, "d", 1)
            await again.open(sync=False)
            welcome = await again.hello("session-ann", seq=2)
            assert welcome["seq"] == 2
            for seq, update in enumerate(sent, 1):
                await again.send(encode_private(encode_edit(seq, 0)))
                await again.send(encode_update_message(update))
            await eventually(lambda: len(again.receipts) == 2)
            assert [(receipt.seq, receipt.status) for receipt in again.receipts] == [(1, "duplicate"), (2, "duplicate")]
            assert len(server.edits("d")) == 2
            await again.close()

    run(main())


def test_a_resend_after_a_restart_is_a_duplicate_even_of_a_delete(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            ann.text.insert(0, "hello")
            del ann.text[0:2]
            sent = await ann.flush()
            await eventually(lambda: len(ann.receipts) == 2)
            original = ann.receipts[1]
            await ann.close()
        async with running(tmp_path) as server:
            again = Peer(server, "d", 1)
            await again.open(sync=False)
            await again.hello("session-ann", seq=2)
            await again.send(encode_private(encode_edit(2, 0)))
            await again.send(encode_update_message(sent[1]))
            await eventually(lambda: again.receipts)
            assert again.receipts == [original._replace(status="duplicate")]
            assert len(server.edits("d")) == 2
            await again.close()

    run(main())


def test_a_resend_after_a_restart_is_a_duplicate_even_of_a_replacement(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            ann.text.insert(0, "hello")
            with ann.doc.transaction():
                del ann.text[0:2]
                ann.text.insert(0, "J")
            sent = await ann.flush()
            await eventually(lambda: len(ann.receipts) == 2)
            originals = list(ann.receipts)
            await ann.close()
        async with running(tmp_path) as server:
            again = Peer(server, "d", 1)
            await again.open(sync=False)
            await again.hello("session-ann", seq=2)
            for seq in (1, 2):
                await again.send(encode_private(encode_edit(seq, 0)))
                await again.send(encode_update_message(sent[seq - 1]))
            await eventually(lambda: len(again.receipts) == 2)
            assert again.receipts == [receipt._replace(status="duplicate") for receipt in originals]
            assert len(server.edits("d")) == 2
            await again.close()

    run(main())


def test_other_content_under_a_taken_number_is_kept_too(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            await ann.type(0, "first tab")
            await eventually(lambda: ann.receipts)
            await ann.close()
            tab = await declared(server, "d", "session-ann", 2, seq=0)
            await tab.send(encode_private(encode_edit(1, 0)))
            await tab.type(0, "second tab ")
            await eventually(lambda: tab.receipts)
            assert tab.receipts[0].status == "rekeyed"
            assert tab.value == "second tab first tab"
            edits = server.edits("d")
            assert [event.session_seq for event in edits] == [1, None]
            await tab.close()
        async with running(tmp_path) as server, Peer(server, "d") as bob:
            assert bob.value == "second tab first tab"

    run(main())


def test_one_live_connection_a_session(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            first = await declared(server, "d", "session-ann", 1)
            second = await declared(server, "d", "session-ann", 1)
            await eventually(lambda: first.closed)
            assert first.closed is not None
            assert first.closed.rcvd is not None
            assert first.closed.rcvd.code == 4409
            assert first.closed.rcvd.reason.startswith("session-fenced")
            await second.type(0, "mine")
            await eventually(lambda: second.receipts)
            await second.close()

    run(main())


def test_resuming_needs_proof_that_the_log_is_the_same(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            await ann.type(0, "a")
            await eventually(lambda: ann.seen[0] == 3)
            revision, digest = ann.seen
            store = ann.welcome["store"] if ann.welcome else ""
            await ann.close()

            async def resumed(**fields: Any) -> tuple[bool, str | None]:
                peer = Peer(server, "d", 1)
                await peer.open(sync=False)
                welcome = await peer.hello("session-ann", seq=1, **fields)
                await peer.close()
                return welcome["resumed"], welcome["reason"]

            assert await resumed(store=store, seen=revision, hash=digest.hex()) == (True, None)
            assert await resumed(store=store, seen=revision, hash="00" * 8) == (False, "the log differs there")
            assert (await resumed(store=store, seen=revision + 5, hash=digest.hex()))[0] is False
            assert await resumed(store="other", seen=revision, hash=digest.hex()) == (False, "another store")

    run(main())


def test_edits_of_one_offline_stretch_are_tied_together_and_keep_their_times(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            await ann.type(0, "base ")
            await eventually(lambda: ann.receipts)
            await eventually(lambda: ann.seen[0] == 3)
            seen, digest = ann.seen
            await ann.close()
            bob = await declared(server, "d", "session-bob", 2)
            await bob.type(0, "bob ")
            await eventually(lambda: bob.receipts)
            ann.text.insert(5, "one ")
            ann.text.insert(9, "two")
            offline = list(ann.unsent)
            ann.answer_step1 = False  # a client that resends does so before it answers
            await ann.open(sync=False)
            clock = 1_800_000_000_000_000
            await ann.hello("session-ann", seq=3, seen=seen, hash=digest.hex(), clock=clock)
            for seq, update in enumerate(offline, 2):
                await ann.send(encode_private(encode_edit(seq, clock - 60_000_000 + seq)))
                await ann.send(encode_update_message(update))
            await ann.send(encode_sync_step2(ann.doc.get_update()))
            await eventually(lambda: len(ann.receipts) == 3)
            await eventually(lambda: "two" in bob.value)
            edits = server.edits("d")
            assert len(edits) == 4
            returned = edits[2:]
            assert {event.context for event in returned} == {Context.of(seen)}
            assert len({event.correlation_id for event in returned}) == 1
            assert returned[0].correlation_id is not None
            assert returned[0].away_from is not None
            for event in returned:
                assert event.time_quality == "measured"
                assert 59_000_000 < event.recorded_at - event.authored_at < 75_000_000
            await ann.close()
            await bob.close()

    run(main())


def test_a_list_of_stretches_cuts_one_step_2_into_edits_with_their_contexts(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            await ann.type(0, "0123456789")
            await eventually(lambda: ann.seen[0] == 3)
            await ann.close()
            ann.text.insert(0, "A")
            ann.text.insert(0, "BB")
            del ann.text[5:7]
            ann.unsent.clear()
            await ann.open(sync=False)
            ann.answer_step1 = False
            await ann.hello("session-ann", seq=1, seen=3, hash=ann.seen[1].hex())
            stretches = [
                {"clocks": [10, 1], "deletes": [], "seen": 1},
                {"clocks": [11, 2], "deletes": [], "seen": 2},
                {"clocks": None, "deletes": [[1, 2, 2]], "seen": 3},
            ]
            await ann.send(encode_private(encode_json(STRETCHES, {"stretches": stretches})))
            await ann.send(encode_sync_step2(ann.doc.get_update()))
            await eventually(lambda: len(server.edits("d")) == 4)
            returned = server.edits("d")[1:]
            assert [event.context for event in returned] == [Context.of(1), Context.of(2), Context.of(3)]
            assert {event.context_source for event in returned} == {"resumed"}
            assert [event.part for event in returned] == [0, 1, 2]
            await ann.close()
        async with running(tmp_path) as server, Peer(server, "d") as bob:
            assert bob.value == ann.value

    run(main())


def test_a_collision_appears_in_the_conflict_log_and_is_pushed(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2)
            await ann.type(0, "We meet at the end of the year.")
            await eventually(lambda: bob.value == ann.value)
            for peer in (ann, bob):
                await eventually(lambda peer=peer: peer.seen[0] == 3)
                await declare(peer)
            ann.text[15:30] = "in December"
            bob.text[15:30] = "next spring"
            await ann.flush()
            await bob.flush()
            await eventually(lambda: len(server.edits("d")) >= 3)
            application = server.application
            await eventually(lambda: application.conflicts.count("d"), "a conflict")
            episodes = application.conflicts.list("d")
            assert len(episodes) == 1
            body = json.loads(episodes[0].body)
            said = {side["actor"]: side["text"] for side in body["sides"]}
            assert "in December" in said["guest:session-ann"]
            assert "next spring" in said["guest:session-bob"]
            assert body["base"] == "end of the year"
            assert "in December" in body["merged"]
            assert "next spring" in body["merged"]
            assert body["certain"] is True

            def pushed(peer: Peer) -> bool:
                for frame in peer.frames:
                    if isinstance(frame, Private) and subtype_of(frame.body)[0] == CONFLICTS:
                        found = decode_json(frame.body, 1)["conflicts"]
                        return any(entry["id"] == episodes[0].id for entry in found)
                return False

            await eventually(lambda: pushed(ann) and pushed(bob), "both are told")
            rebuilt = MemoryConflictStore()
            rebuild(application.store, rebuilt, "d")
            assert rebuilt.list("d") == episodes
            await ann.close()
            await bob.close()

    run(main())


@pytest.mark.parametrize(
    "body",
    [
        encode_json(HELLO, {"v": 2, "session": "12345678", "client": 1}),
        encode_json(HELLO, {"v": 1, "session": "short", "client": 1}),
        encode_json(HELLO, {"v": 1, "session": "12345678", "client": -1}),
        bytes([HELLO]) + b"{",
        bytes([HELLO]) + b"[" * 5000,
        bytes([SEEN, 1]),
        bytes([EDIT, 0, 0]),
        bytes([99]),
        b"",
    ],
    ids=range(9),
)
def test_a_bad_private_message_is_answered_by_name(tmp_path: Path, body: bytes) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            peer = Peer(server, "d")
            await peer.open(sync=False)
            await peer.send(encode_private(body))
            await eventually(lambda: peer.closed)
            assert peer.closed is not None
            assert peer.closed.rcvd is not None
            assert (peer.closed.rcvd.code, peer.closed.rcvd.reason[:17]) == (4400, "malformed-message")

    run(main())


def test_stepping_clients_get_a_frame_for_every_event(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2, frames="events")
            bob.frames.clear()
            for index in range(30):
                ann.text.insert(index, "x")
            await ann.flush()
            await eventually(lambda: bob.value == "x" * 30)
            updates = [frame for frame in bob.frames if type(frame).__name__ == "UpdateMessage"]
            assert len(updates) == 30
            await ann.close()
            await bob.close()

    run(main())
