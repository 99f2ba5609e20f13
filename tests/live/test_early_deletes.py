"""A delete that comes before what it deletes: it waits, so that whoever joins in between sees it too."""

from __future__ import annotations

from pathlib import Path

import pycrdt

from keepboth.yjs.messages import encode_sync_step2, encode_update_message
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update, encode_update
from tests.harness import Peer, eventually, run, running


def _typed(text: str) -> tuple[bytes, bytes]:
    """Somebody types *text* and deletes its second letter: the two updates."""
    doc = pycrdt.Doc(client_id=77)
    root = doc.get("text", type=pycrdt.Text)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    root += text
    del root[1:2]
    doc.unobserve(subscription)
    insert, delete = updates
    return insert, delete


def test_a_delete_waits_for_its_target_and_reaches_whoever_joined_meanwhile(tmp_path: Path) -> None:
    async def main() -> None:
        insert, delete = _typed("abc")
        async with running(tmp_path) as server, Peer(server, "doc") as early:
            await early.send(encode_update_message(delete))
            (edit,) = await eventually(lambda: server.edits("doc"))
            assert edit.disposition == "pending"
            async with Peer(server, "doc") as joined:
                await joined.synced.wait()
                await early.send(encode_update_message(insert))
                await eventually(lambda: str(joined.text) == "ac" and str(early.text) == "ac", "both see it")
                async with Peer(server, "doc") as later:
                    await eventually(lambda: str(later.text) == "ac")

    run(main())


def test_a_copy_of_state_is_not_held_up_by_one_early_delete(tmp_path: Path) -> None:
    """A client whose store keeps a delete for later sends it with everything else: only that delete waits."""

    async def main() -> None:
        insert, delete = _typed("abc")
        doc = pycrdt.Doc(client_id=78)
        doc.get("text", type=pycrdt.Text).insert(0, "mine")
        own = decode_update(doc.get_update())
        copy = encode_update(Update(own.structs, {**own.deletes, **decode_update(delete).deletes}))
        async with running(tmp_path) as server, Peer(server, "doc") as returning, Peer(server, "doc") as reader:
            await returning.send(encode_sync_step2(copy))
            await eventually(lambda: str(reader.text) == "mine")
            assert [edit.disposition for edit in server.edits("doc")] == ["ready", "pending"]
            await returning.send(encode_update_message(insert))
            await eventually(lambda: "".join(sorted(str(reader.text))) == "aceimn")

    run(main())


def test_an_early_delete_is_one_event_however_often_it_is_repeated(tmp_path: Path) -> None:
    async def main() -> None:
        insert, delete = _typed("abc")
        async with running(tmp_path, room_idle_s=0.01) as server:
            async with Peer(server, "doc") as early:
                await early.send(encode_sync_step2(delete))
                await eventually(lambda: server.edits("doc"))
                await early.send(encode_sync_step2(delete))
            await eventually(lambda: not server.application.hub.rooms)
            async with Peer(server, "doc") as early:
                await early.send(encode_sync_step2(delete))
                await early.send(encode_update_message(insert))
                await eventually(lambda: str(early.text) == "ac")
            assert [edit.disposition for edit in server.edits("doc")] == ["pending", "ready"]

    run(main())
