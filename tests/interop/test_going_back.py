"""Going back with unmodified Yjs clients in the document; Yjs reads the edits that do it as pycrdt does."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from pycrdt import Doc

from keepboth.events import DOCUMENT_REVERTED
from keepboth.history.cuts import Cut
from keepboth.history.going_back import GoBack, work_out
from keepboth.history.work import Work
from tests.conflicts.mixed_world import ROOTS
from tests.conflicts.trees import tree
from tests.harness import Peer, Running, eventually, run, running
from tests.history.crowd import DOCUMENT, Crowd
from tests.interop.node import YClient, needs_node, node
from tests.logcheck import assert_complete, content

pytestmark = needs_node

SEEDS = 40


@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_yjs_agrees_after_going_back(first: int) -> None:
    async def main() -> None:
        async with node() as driver:
            changed = 0
            for seed in range(first, first + 10):
                crowd = Crowd(seed)
                cut = Cut(revision=crowd.random.randrange(crowd.head + 1))
                actor = crowd.random.choice(sorted(set(crowd.actors.values())))
                for wish in (GoBack(undo=Work(actors=(actor,))), GoBack(to=cut)):
                    back = work_out(crowd.past, DOCUMENT, wish)
                    changed += not back.is_empty
                    crowd.record(back.update)
                    rows = crowd.store.fold_rows(DOCUMENT, limit=10_000)
                    answer = await driver.replay([row.payload or b"" for row in rows])
                    assert answer["pending"] == 0
                    doc: Doc[Any] = Doc()
                    doc.apply_update(base64.b64decode(answer["update"]))
                    found = {name: tree(doc.get(name, type=kind)) for name, kind in ROOTS.items()}
                    assert found == crowd.trees(Cut()), (seed, wish)
                assert found == crowd.trees(cut), seed
            assert changed

    run(main())


async def same(server: Running, peer: Peer, *clients: YClient) -> bool:
    room = server.application.hub.rooms.get("d")
    texts = {await client.text() for client in clients} | {peer.value}
    return room is not None and not room.in_flight and len(texts) == 1 and {*texts} == {text_of(server)}


def text_of(server: Running) -> str:
    """What all that is recorded makes of the text."""
    return str(content(assert_complete(server.edits("d")).replica.doc())["text"])


@pytest.mark.parametrize("seed", range(3))
def test_typing_during_a_reversion_survives_in_stock_clients(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        random = Random(seed)
        async with (
            running(tmp_path) as server,
            node() as driver,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
            Peer(server, "d") as peer,
        ):
            ann = await driver.client("ann", server.url, "d")
            ben = await driver.client("ben", server.url, "d")
            await eventually(ann.synced)
            await eventually(ben.synced)
            await ann.edit(["insert", 0, "the quick brown fox jumps over the lazy dog. " * 3])
            await eventually(lambda: same(server, peer, ann, ben))
            for client in (ann, ben, ann):
                for _ in range(5):
                    await client.edit(
                        ["delete", random.randrange(60), 4], ["format", random.randrange(50), 5, {"b": 1}]
                    )
                await eventually(lambda: same(server, peer, ann, ben))
            known = len(server.edits("d"))
            target = random.randrange(2, server.edits("d")[-1].revision)
            before = (await http.get("/api/state", params={"document": "d", "as": "text", "at": target})).text

            async def write(client: YClient, letter: str) -> None:
                for _ in range(25):
                    await client.edit(["insert", random.randrange(40), letter])

            async def write_too(letter: str) -> None:
                for _ in range(25):
                    await peer.type(random.randrange(40), letter)
                    await asyncio.sleep(0)

            typing = [asyncio.create_task(one) for one in (write(ann, "1"), write(ben, "2"), write_too("3"))]
            answer = await http.post("/api/revert", json={"document": "d", "to": {"at": target}})
            assert answer.status_code == 201, answer.text
            await asyncio.gather(*typing)
            await eventually(lambda: same(server, peer, ann, ben))
            value = peer.value
            # What was typed before the way back was worked out is taken out; all else is there, in every replica.
            at = answer.json()["revision"]
            typed = [event for event in server.edits("d") if event.revision > at and event.causation_id is None]
            assert sum(value.count(letter) for letter in "123") == len(typed)
            assert len(server.edits("d")) == known + 75 + (answer.json()["edit"] is not None)
            assert "".join(char for char in value if char not in "123") == before
            (reversion,) = server.events("d", DOCUMENT_REVERTED)
            undo = {"revisions": [answer.json()["edit"]["revision"]]}
            assert (await http.post("/api/revert", json={"document": "d", "undo": undo})).status_code == 201
            await eventually(lambda: same(server, peer, ann, ben))
            assert reversion.revision > at

    run(main())
