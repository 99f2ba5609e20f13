"""A room that opens from a checkpoint is the room that the whole log makes; checkpoints are written when rooms end."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any

import pycrdt
import pytest

from keepboth.app import CHECKPOINTS_FILE, LOG_FILE, open_checkpoints, open_store
from keepboth.errors import NotDurableNow
from keepboth.fold.document import DocumentFold
from keepboth.history import folding
from keepboth.history.folding import Folding
from keepboth.live import opening
from keepboth.live.room import Room
from keepboth.live.session import Actor
from keepboth.store.fold_checkpoints import Checkpoint
from keepboth.yjs.idset import IdSet
from keepboth.yjs.messages import UpdateMessage
from keepboth.yjs.slicing import inserted
from keepboth.yjs.structs import STRING, TYPE, Y_XML_HOOK, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.harness import Peer, Running, eventually, run, running
from tests.yjs.documents import contents, session

DOCUMENT = "d"

seeds = pytest.mark.parametrize(
    "seed", [*range(8), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(8, 80))]
)


def unreadable(number: int) -> bytes:
    """A shared type that the CRDT cannot read."""
    hook = Struct(4_000_000 + number, 0, 1, TYPE, parent="xml", content=bytes([Y_XML_HOOK, 1, 97]))
    return encode_update(Update({hook.client: [hook]}))


def marker() -> bytes:
    return encode_update(Update({9_999_999: [Struct(9_999_999, 0, 3, STRING, parent="marker", content="end")]}))


def two_halves(seed: int) -> tuple[list[bytes], list[bytes]]:
    """A session over every shared type in an order that lets many wait, cut in two; some come twice."""
    random = Random(seed)
    _, updates = session(seed)
    updates += [unreadable(number) for number in range(2)]
    for _ in range(len(updates) // 3):
        at, to = random.randrange(len(updates)), random.randrange(len(updates))
        updates.insert(to, updates.pop(at))
    updates += random.sample(updates, len(updates) // 6)
    cut = random.randrange(len(updates) // 3, len(updates))
    return updates[:cut], updates[cut:]


async def give(server: Running, updates: list[bytes]) -> list[tuple[str, int, str]]:
    """Record *updates*; return what became of each."""
    out = []
    for payload in updates:
        writer = Actor(f"a{hashlib.sha256(payload).digest()[0] % 3}", "human")
        receipts = await server.application.hub.append_edit(DOCUMENT, payload, actor=writer)
        out += [(receipt.status, receipt.revision, receipt.disposition) for receipt in receipts]
    return out


def known(room: Room) -> dict[str, Any]:
    """Everything that a room decides by, and everything that it sends."""
    identity, fold = room.identity, room.fold
    return {
        "ids": (identity.inserted, identity.waiting, identity.deleted, IdSet(identity.fold_deletes())),
        "quarantined": (identity.quarantined, fold.quarantined, fold.unreadable),
        "floor": identity.insertions.floor,
        "held": [(entry.revision, entry.payload, entry.needs) for entry in fold.waiting.entries()],
        "late": fold.late,
        "place": (room.revision, fold.revision, fold.is_plain, fold.flags),
        "roots": (fold.roots.types, fold.roots.flags),
        "owners": room.owners,
        "state": fold.clocks(),
    }


def shown(room: Room, state_vector: bytes = b"\x00") -> Any:
    """What the step 2 of *room* brings."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(room.fold.replica.update_since(state_vector))
    return contents(doc), doc.get_state()


def told(message: UpdateMessage) -> Any:
    """What a relayed update brings. Not its bytes: the CRDT merges the same updates to others each time."""
    update = decode_update(message.update)
    return sorted(inserted(update)), IdSet(update.deletes)


def keep_at(data: Path, cut: int) -> None:
    """A checkpoint at revision *cut*, and at no other."""
    store, checkpoints = open_store(data), open_checkpoints(data)
    kept = Folding(store, checkpoints, every=1 << 60)
    fold = kept.opened(DOCUMENT, DocumentFold(), cut)
    digest = store.hash_at(DOCUMENT, cut)
    assert digest is not None
    kept.keep_head(DOCUMENT, fold, cut, digest)
    assert set(checkpoints.sizes(DOCUMENT)) == {cut}
    store.close()
    checkpoints.close()


@seeds
def test_a_room_from_a_checkpoint_is_the_room_from_the_log(tmp_path: Path, seed: int) -> None:
    before, after = two_halves(seed)

    async def main() -> None:
        async with running(tmp_path / "kept") as server:
            await give(server, before)
            last = server.application.store.document(DOCUMENT)
        assert last is not None
        shutil.copytree(tmp_path / "kept", tmp_path / "whole")
        (tmp_path / "whole" / CHECKPOINTS_FILE).unlink()
        keep_at(tmp_path / "kept", Random(seed).randint(1, last.revision))
        async with running(tmp_path / "kept") as kept, running(tmp_path / "whole") as whole:
            servers = (kept, whole)
            begun = [one.application.folding.nearest(DOCUMENT, last.revision).revision for one in servers]
            assert begun[0] > 0 == begun[1]
            rooms = [await one.application.hub.live_room(DOCUMENT) for one in servers]
            assert known(rooms[0]) == known(rooms[1])
            assert rooms[0].document_hash == rooms[1].document_hash == last.document_hash
            assert shown(rooms[0]) == shown(rooms[1])
            readers = [Peer(one, DOCUMENT) for one in servers]
            for reader in readers:
                await reader.open()
                reader.frames.clear()
            decided = [await give(one, [*after, marker()]) for one in servers]
            assert decided[0] == decided[1]
            for reader in readers:
                await eventually(lambda reader=reader: str(reader.doc.get("marker", type=pycrdt.Text)) == "end")
            relayed = [[told(one) for one in reader.frames if isinstance(one, UpdateMessage)] for reader in readers]
            assert relayed[0] == relayed[1]
            assert known(rooms[0]) == known(rooms[1])
            vector = DocumentFold().replica.state_vector() if seed % 2 else readers[0].doc.get_state()
            assert shown(rooms[0], vector) == shown(rooms[1], vector)
            assert contents(readers[0].doc) == contents(readers[1].doc)
            logs = [[(edit.payload, edit.disposition, edit.actor) for edit in one.edits(DOCUMENT)] for one in servers]
            assert logs[0] == logs[1]
            for reader in readers:
                await reader.close()

    run(main())


def test_the_halves_wait_repeat_and_cannot_be_read(tmp_path: Path) -> None:
    """The property above is about something: over its seeds every disposition comes up, in both halves."""
    found: set[tuple[int, str]] = set()

    async def main(seed: int) -> None:
        async with running(tmp_path / str(seed)) as server:
            for half, updates in enumerate(two_halves(seed)):
                told = await give(server, updates)
                found.update((half, disposition) for _, _, disposition in told)
                found.update((half, "known") for _ in range(len(told) < len(updates)))

    for seed in range(4):
        run(main(seed))
    assert found == {(half, what) for half in (0, 1) for what in ("ready", "pending", "quarantined", "known")}


def typed(count: int, client: int = 77) -> list[bytes]:
    """So many letters, each behind the one before."""
    structs = [Struct(client, 0, 1, STRING, parent="text", content="a")]
    structs += [Struct(client, at, 1, STRING | 0x80, origin=(client, at - 1), content="a") for at in range(1, count)]
    return [encode_update(Update({client: [struct]})) for struct in structs]


@pytest.fixture
def short_documents_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "LEAST", 10)
    monkeypatch.setattr(opening, "LEAST", 10)


def heads(data: Path) -> set[int]:
    checkpoints = open_checkpoints(data)
    found = set(checkpoints.sizes(DOCUMENT))
    checkpoints.close()
    return found


@pytest.mark.usefixtures("short_documents_too")
def test_a_server_that_stops_keeps_what_its_rooms_have_come_to_once(tmp_path: Path) -> None:
    async def main() -> None:
        letters = typed(40)
        async with running(tmp_path) as server:
            await give(server, letters[:30])
        assert heads(tmp_path) == {31}
        async with running(tmp_path) as server:
            kept = server.application.checkpoints.nearest(DOCUMENT, 100)
            await give(server, letters[30:35])
        assert heads(tmp_path) == {31}, "five more are folded as fast"
        async with running(tmp_path) as server:
            assert server.application.checkpoints.nearest(DOCUMENT, 100) == kept
            await give(server, letters[35:])
            await give(server, typed(10, client=78))
        assert heads(tmp_path) == {51}, "one head a document"

    run(main())


@pytest.mark.usefixtures("short_documents_too")
def test_a_room_that_leaves_memory_is_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, room_idle_s=0) as server:
            await give(server, typed(30))
            await eventually(lambda: not server.application.hub.rooms, "the room leaves")
            await eventually(lambda: server.application.checkpoints.sizes(DOCUMENT), "its fold is kept")
            assert set(server.application.checkpoints.sizes(DOCUMENT)) == {31}
            assert server.application.folding.nearest(DOCUMENT, 31).revision == 31
            peer = Peer(server, DOCUMENT)
            await peer.open()
            assert peer.value == "a" * 30
            await peer.close()

    run(main())


@pytest.mark.usefixtures("short_documents_too")
def test_a_long_way_is_kept_by_the_room_that_went_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await give(server, typed(30))
        (tmp_path / CHECKPOINTS_FILE).unlink()
        async with running(tmp_path) as server:
            await server.application.hub.live_room(DOCUMENT)
            assert set(server.application.checkpoints.sizes(DOCUMENT)) == {31}

    run(main())


def test_an_ordinary_short_document_leaves_none(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await give(server, typed(30))
        assert heads(tmp_path) == set()

    run(main())


@pytest.mark.usefixtures("short_documents_too")
def test_a_checkpoint_of_another_log_is_void(tmp_path: Path) -> None:
    """A backup was put back, and went on differently."""

    async def main() -> None:
        for data, client in ((tmp_path / "one", 77), (tmp_path / "two", 78)):
            async with running(data) as server:
                await give(server, typed(30, client))
        shutil.copy(tmp_path / "two" / LOG_FILE, tmp_path / "one" / LOG_FILE)
        async with running(tmp_path / "one") as server:
            room = await server.application.hub.live_room(DOCUMENT)
            assert room.fold.clocks() == {78: 30}

    run(main())


BROKEN = {
    "no fold": lambda body: b"\x01rubbish",
    "another format": lambda body: b"\xff" + body[1:],
    "cut off": lambda body: body[: len(body) // 2],
    "nothing": lambda body: b"",
}


@pytest.mark.parametrize("damage", BROKEN)
@pytest.mark.usefixtures("short_documents_too")
def test_a_damaged_checkpoint_costs_time_only(tmp_path: Path, damage: str) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await give(server, typed(30))
        checkpoints = open_checkpoints(tmp_path)
        kept = checkpoints.nearest(DOCUMENT, 31)
        assert kept is not None
        checkpoints.put(DOCUMENT, Checkpoint(31, kept.document_hash, BROKEN[damage](kept.body)))
        checkpoints.close()
        async with running(tmp_path) as server:
            room = await server.application.hub.live_room(DOCUMENT)
            assert room.fold.clocks() == {77: 30}

    run(main())


@pytest.mark.usefixtures("short_documents_too")
def test_a_damaged_file_costs_time_only(tmp_path: Path) -> None:
    """Its pages are overwritten behind the first ones, so that it still opens."""

    async def main() -> None:
        async with running(tmp_path) as server:
            await give(server, typed(30))
        path = tmp_path / CHECKPOINTS_FILE
        data = bytearray(path.read_bytes())
        data[8192:] = b"\xa5" * (len(data) - 8192)
        path.write_bytes(data)
        async with running(tmp_path) as server:
            room = await server.application.hub.live_room(DOCUMENT)
            assert room.fold.clocks() == {77: 30}
            await give(server, typed(30, client=78))
        async with running(tmp_path) as server:
            assert server.application.folding.nearest(DOCUMENT, 61).revision == 61, "it was begun anew"

    run(main())


@pytest.mark.usefixtures("short_documents_too")
def test_a_poisoned_edit_behind_a_checkpoint_is_found_from_the_log(tmp_path: Path) -> None:
    """What such a fold has come to is not kept: only the log gives it again."""
    poison = bytes.fromhex("01 01 42 00 28 00 4d 01 01 6b 01 77 01 78 00")

    async def main() -> None:
        async with running(tmp_path) as server:
            await give(server, typed(30))
        async with running(tmp_path) as server:
            room = await server.application.hub.live_room(DOCUMENT)
            with suppress(NotDurableNow):
                await give(server, [poison])
            await eventually(lambda: room.state == "closed", "the room is given up")
            room = await server.application.hub.live_room(DOCUMENT)
            assert not room.fold.is_plain
            assert (room.fold.clocks(), len(room.fold.quarantined)) == ({77: 30}, 1)
            await give(server, typed(20, client=78))
        assert heads(tmp_path) == {31}

    run(main())
