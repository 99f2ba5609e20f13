"""Updates that our decoder takes and the CRDT does not: recorded, folded around, and nobody else loses anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pycrdt
import pytest

from keepboth.fold.document import readable_form
from keepboth.fold.replica import Poisoned, Replica
from keepboth.fold.views import json_value
from keepboth.yjs.messages import encode_sync_step2, encode_update_message
from keepboth.yjs.structs import ANY, STRING, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.fold.test_nesting import chain
from tests.harness import Running, eventually, run, running
from tests.hostile.watch import Innocent, check_close, no_tracebacks

BASE = encode_update(Update({1: [Struct(1, 0, 3, STRING, parent="text", content="abc")]}))

POISON = {
    "a character as parent": bytes.fromhex("01 01 42 00 28 00 01 01 01 6b 01 77 01 78 00"),
    "an array element in a text": bytes.fromhex("01 01 43 00 08 00 01 01 01 77 01 78 00"),
    "types in a character": bytes.fromhex("01 02 44 00 07 00 01 02 02 87 44 00 03 01 70 00"),
}
"""Found by damaging valid updates; each names a character of BASE as the type it lies in. pycrdt 0.14 raises
RuntimeError while it applies them."""


def test_the_examples_are_readable_and_poison() -> None:
    for name, payload in POISON.items():
        update = decode_update(payload)
        assert readable_form(payload, update) == payload, name
        replica = Replica()
        replica.apply(BASE)
        with pytest.raises(Poisoned):
            replica.apply(payload)


def test_content_of_no_length_makes_pycrdt_panic_alone() -> None:
    """Why such content never reaches a fold."""
    replica = Replica()
    replica.apply(encode_update(Update({300: [Struct(300, 0, 1, STRING, parent="text", content=" ")]})))
    with pytest.raises(Poisoned):
        replica.apply(bytes.fromhex("01 01 ac 02 01 44 7f ac 02 00 01 78 00"))


async def back(*people: Innocent) -> None:
    for person in people:
        await person.present()


def dispositions(server: Running) -> list[tuple[bytes | None, str]]:
    return [(event.payload, event.disposition) for event in server.edits("d")]


@pytest.mark.parametrize("name", POISON)
def test_a_poisoned_edit_is_recorded_folded_around_and_hurts_nobody(tmp_path: Path, name: str) -> None:
    payload = POISON[name]

    async def main() -> None:
        with no_tracebacks():
            async with running(tmp_path) as server:
                ann, bob, mallory = Innocent(server, "d"), Innocent(server, "d"), Innocent(server, "d")
                for peer in (ann, bob, mallory):
                    await peer.open()
                await mallory.send(encode_update_message(BASE))
                await ann.type(0, "before ")
                await eventually(lambda: bob.value == "before " and len(server.edits("d")) == 2)
                await mallory.send(encode_update_message(payload))
                await eventually(lambda: ann.closed and bob.closed and mallory.closed, "everybody is told to come back")
                for peer in (ann, bob, mallory):
                    assert peer.closed is not None
                    assert check_close(peer.closed) == "replica-poisoned"
                assert dispositions(server)[2] == (payload, "ready")
                await back(ann, bob)
                await bob.type(0, "after ")
                await eventually(lambda: ann.value == bob.value == "after before ")
                assert bob.value == ann.value
                assert str(bob.doc.get("text", type=pycrdt.Text)) == "abc"

                # Its author repeats it, live and in a copy: it is known, and the room stays.
                await back(mallory)
                room = server.application.hub.rooms["d"]
                await mallory.send(encode_update_message(payload))
                await mallory.send(encode_sync_step2(payload))
                await mallory.type(0, "sorry ")
                await eventually(lambda: ann.value == "sorry after before ")
                assert server.application.hub.rooms["d"] is room
                assert len(server.edits("d")) == 5

                # What builds on it waits; everybody else goes on.
                (client,) = decode_update(payload).structs
                later = Struct(client, 9, 1, ANY | 0x80, origin=(client, 0), content=b"\x01~")
                await mallory.send(encode_update_message(encode_update(Update({client: [later]}))))
                await ann.type(0, "!")
                await eventually(lambda: bob.value == "!sorry after before ")
                assert [found for _, found in dispositions(server)][5:] == ["pending", "ready"]
                state = json_value(room.fold.replica)
                assert room.fold.quarantined == {event.revision for event in server.edits("d")[2:3]}
                for peer in (ann, bob, mallory):
                    await peer.close()
            async with running(tmp_path) as server, Innocent(server, "d") as cleo:
                room = server.application.hub.rooms["d"]
                assert json_value(room.fold.replica) == state
                assert cleo.value == "!sorry after before "
                assert list(server.application.store.verify()) == []

    run(main())


def test_edits_in_the_same_commit_as_a_poisoned_one_are_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann, mallory = Innocent(server, "d"), Innocent(server, "d")
            await ann.open()
            await mallory.open()
            await mallory.send(encode_update_message(BASE))
            await eventually(lambda: server.edits("d"))
            for letter in "abcdefgh":
                ann.text.insert(0, letter)
                await ann.flush()
                await mallory.send(encode_update_message(POISON["an array element in a text"]))
            ann.unsent.clear()
            await eventually(lambda: ann.closed)
            await back(ann)
            await eventually(lambda: len(server.edits("d")) == 10)
            async with Innocent(server, "d") as cleo:
                assert cleo.value == ann.value == "hgfedcba"
            await ann.close()
            await mallory.close()

    run(main())


def test_types_nested_twenty_thousand_deep_are_recorded_and_set_aside(tmp_path: Path) -> None:
    """Five times as deep, the second message would end a process whose CRDT has the first, and again at every start."""
    deep = encode_update(Update({66: chain(66, 20_000)}))
    delete = encode_update(Update({}, {66: [(0, 1)]}))

    async def main() -> None:
        with no_tracebacks():
            async with running(tmp_path) as server, Innocent(server, "d") as ann, Innocent(server, "d") as mallory:
                room = server.application.hub.rooms["d"]
                await mallory.send(encode_update_message(deep))
                await mallory.send(encode_update_message(delete))
                await eventually(lambda: len(server.edits("d")) == 2, timeout_s=30)
                await ann.type(0, "fine")
                await eventually(lambda: len(server.edits("d")) == 3 and mallory.value == "fine", timeout_s=30)
                assert [event.payload for event in server.edits("d")[:2]] == [deep, delete]
                assert room.fold.quarantined == {server.edits("d")[0].revision}
                assert server.application.hub.rooms["d"] is room
            async with running(tmp_path) as server, Innocent(server, "d") as cleo:
                assert cleo.value == "fine"

    run(main())


EMPTY = bytes.fromhex("02 02 05 00 08 01 01 72 00 08 01 01 72 00 01 01 00 04 01 04 63 61 6c 6d 01 61 00")
"""Two lists without an element by client 5, and an ``a`` by client 1. A process that lets pycrdt 0.14 apply empty
content and then reads the document has been seen to end with a segmentation fault."""


def test_content_of_no_length_reaches_nobody(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Innocent(server, "d") as ann, Innocent(server, "d") as mallory:
            await mallory.send(encode_update_message(EMPTY))
            await eventually(lambda: ann.value == "a")
            (event,) = server.edits("d")
            assert event.payload == encode_update(decode_update(EMPTY))
            assert event.message_digest is not None
            assert server.application.store.message(event.message_digest) == EMPTY
            await asyncio.sleep(0)

    run(main())
