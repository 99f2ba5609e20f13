"""Going back in live documents, over real sockets."""

from __future__ import annotations

import asyncio
import json
import uuid
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from pycrdt import Map

from keepboth.events import DOCUMENT_REVERTED, EDIT_RECORDED, Context, id_text
from tests.harness import Peer, Running, eventually, run, running


def client(server: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20)


async def revert(http: httpx.AsyncClient, status: int = 201, **body: Any) -> dict[str, Any]:
    answer = await http.post("/api/revert", json={"document": "d", **body})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def typed(server: Running, peer: Peer, at: int, text: str) -> int:
    """Type and wait until it is recorded; the revision."""
    before = len(server.edits("d"))
    await peer.type(at, text)
    await eventually(lambda: len(server.edits("d")) > before)
    return server.edits("d")[-1].revision


def parts(body: dict[str, Any]) -> list[tuple[str, str]]:
    (change,) = body["changes"]
    return [(piece["op"], piece["text"]) for piece in change["pieces"]]


def test_a_document_goes_back_and_forth_again_with_everybody_in_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running(tmp_path) as server,
            client(server) as http,
            Peer(server, "d") as ann,
            Peer(server, "d") as bob,
        ):
            first = await typed(server, ann, 0, "one two")
            await eventually(lambda: bob.value == "one two")
            await typed(server, bob, 7, " three")
            await eventually(lambda: ann.value == "one two three")
            shown = await revert(http, 200, to={"at": first}, preview=True)
            assert shown["roots"]["text"]["value"] == "one two"
            assert parts(shown) == [("keep", "one two"), ("delete", " three")]
            assert (shown["status"], shown["counts"]["deleted"], len(server.events("d", DOCUMENT_REVERTED))) == (
                "preview",
                6,
                0,
            )

            done = await revert(http, to={"at": first}, revision=shown["revision"])
            await eventually(lambda: ann.value == bob.value == "one two")
            decision, edit = server.events("d")[-2:]
            assert (decision.type, edit.type, edit.causation_id) == (
                DOCUMENT_REVERTED,
                EDIT_RECORDED,
                id_text(decision.id),
            )
            assert edit.context == Context.of(shown["revision"])
            assert json.loads(decision.payload or b"") == {"at": shown["revision"], "edit": True, "to": done["to"]}
            assert [done["decision"]["revision"], done["edit"]["revision"]] == [decision.revision, edit.revision]

            again = await revert(http, undo={"revisions": [edit.revision]})
            assert parts(again) == [("keep", "one two"), ("insert", " three")]
            await eventually(lambda: ann.value == bob.value == "one two three")
            nothing = await revert(http, to={})
            assert (nothing["edit"], nothing["changes"]) == (None, [])

    run(main())


def test_one_persons_work_is_undone_and_the_others_kept(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running(tmp_path) as server,
            client(server) as http,
            Peer(server, "d") as ann,
            Peer(server, "d") as bob,
        ):
            await typed(server, ann, 0, "one two three")
            await eventually(lambda: bob.value == "one two three")
            keys = ann.doc.get("map", type=Map)
            keys["due"] = "May"
            await ann.flush()
            theirs = bob.doc.get("map", type=Map)
            await eventually(lambda: "due" in theirs)
            with bob.doc.transaction():
                del bob.text[4:8]
                bob.text.insert(4, "TWO ")
                theirs["due"] = "June"
            await bob.flush()
            await eventually(lambda: ann.value == "one TWO three")
            await typed(server, ann, 6, "x")
            (actor,) = {event.actor for event in server.edits("d")} - {server.edits("d")[0].actor}
            await revert(http, undo={"actor": actor})
            await eventually(lambda: ann.value == bob.value and "two" in ann.value)
            assert ann.value == "one two xthree"
            await eventually(lambda: keys["due"] == theirs["due"] == "May")

    run(main())


def test_what_came_since_the_preview_is_told_and_nothing_recorded(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, client(server) as http, Peer(server, "d") as ann:
            first = await typed(server, ann, 0, "one")
            shown = await revert(http, 200, to={"at": first}, preview=True)
            last = await typed(server, ann, 3, " two")
            refused = await revert(http, 409, to={"at": first}, revision=shown["revision"])
            assert refused["code"] == "place-changed"
            assert [event["docrevision"] for event in refused["events"]] == [last]
            assert not server.events("d", DOCUMENT_REVERTED)
            actor = server.edits("d")[0].actor
            undo = {"actor": actor, "revisions": [first]}
            shown = await revert(http, 200, undo=undo, preview=True)
            await typed(server, ann, 7, " three")
            await revert(http, undo=undo, revision=shown["revision"])
            await eventually(lambda: ann.value == " two three")

    run(main())


def test_a_repeated_request_is_answered_with_the_first_receipts(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, client(server) as http, Peer(server, "d") as ann:
            first = await typed(server, ann, 0, "one")
            await typed(server, ann, 3, " two")
            id = str(uuid.uuid4())
            done = await revert(http, to={"at": first}, event_id=id)
            again = await revert(http, 200, to={"at": first}, event_id=id)
            assert again["status"] == "duplicate"
            assert [again[one]["revision"] for one in ("decision", "edit")] == [
                done[one]["revision"] for one in ("decision", "edit")
            ]
            taken = id_text(server.edits("d")[0].id)
            assert (await revert(http, 409, to={"at": first}, event_id=taken))["code"] == "identity-clash"

    run(main())


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"to": {}, "undo": {"actor": "a"}}, 400),
        ({"undo": {}}, 400),
        ({"to": {"at": 1, "position": 1}}, 400),
        ({"to": {"at": 99}}, 404),
        ({"to": {"at": 1}, "document": "none"}, 404),
        ({"to": {"at": 1}, "revision": 99}, 400),
        ({"undo": {"since": "2026-01-01T00:00:00"}}, 400),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(tmp_path: Path, body: dict[str, Any], status: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, client(server) as http, Peer(server, "d") as ann:
            await typed(server, ann, 0, "one")
            await revert(http, status, **body)
            assert not server.events("d", DOCUMENT_REVERTED)
            assert not server.events("none")

    run(main())


@pytest.mark.parametrize("seed", range(4))
def test_typing_during_a_reversion_survives_and_all_converge(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        random = Random(seed)
        async with running(tmp_path) as server, client(server) as http:
            peers = [Peer(server, "d") for _ in range(3)]
            for peer in peers:
                await peer.open()
            await typed(server, peers[0], 0, "the quick brown fox jumps over the lazy dog. " * 3)
            await eventually(lambda: all(peer.value == peers[0].value for peer in peers))
            for peer in peers:
                for _ in range(5):
                    at = random.randrange(len(peer.text) - 5)
                    del peer.text[at : at + 3]
                    await peer.flush()
            await eventually(lambda: len({peer.value for peer in peers}) == 1)
            target = random.randrange(2, server.edits("d")[-1].revision)

            async def write(peer: Peer, letter: str) -> None:
                for _ in range(20):
                    await peer.type(random.randrange(len(peer.text) + 1), letter)
                    await asyncio.sleep(0)

            writing = [asyncio.create_task(write(peer, letter)) for peer, letter in zip(peers, "123", strict=True)]
            done = await revert(http, to={"at": target})
            await asyncio.gather(*writing)
            await eventually(lambda: len(server.edits("d")) >= 1 + 15 + 60 + (done["edit"] is not None))
            await eventually(lambda: len({peer.value for peer in peers}) == 1)
            at = done["revision"]
            late = [event for event in server.edits("d") if event.revision > at and event.clients]
            late = [event for event in late if event.session is None or not event.session.startswith("reverting:")]
            value = peers[0].value
            state = (await http.get("/api/state", params={"document": "d", "as": "text"})).text
            assert state == value
            digits = sum(value.count(letter) for letter in "123")
            assert digits == len(late), (digits, len(late))
            before = (await http.get("/api/state", params={"document": "d", "as": "text", "at": target})).text
            assert "".join(char for char in value if char not in "123") == before
            for peer in peers:
                await peer.close()

    run(main())
