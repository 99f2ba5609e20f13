"""Acting on a conflict, over real sockets: what people see, what the log tells, who wins."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pycrdt import Map, XmlElement, XmlFragment, XmlText

from keepboth.events import CONFLICT_REOPENED, CONFLICT_RESOLVED, CONFLICT_SEEN, EDIT_RECORDED, Context, Seen, id_text
from keepboth.live.projector import rebuild
from keepboth.store.conflicts_memory import MemoryConflictStore
from keepboth.yjs.messages import encode_private
from keepboth.yjs.private import encode_seen
from tests.harness import Peer, Running, eventually, run, running
from tests.live.test_declared import declared

START = "due by the end of May."


@asynccontextmanager
async def collided(server: Running, document: str = "d") -> AsyncIterator[tuple[Peer, Peer, httpx.AsyncClient, str]]:
    """Ann and Bob, both declared, have rewritten the same words without seeing each other. Their conflict's id."""
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
        ann = await declared(server, document, "session-ann", 1, name="Ann")
        await ann.type(0, START)
        bob = await declared(server, document, "session-bob", 2, name="Bob")
        await eventually(lambda: bob.value == START)
        for peer in (ann, bob):
            await peer.send(encode_private(encode_seen(Seen(peer.seen[0]))))
        for peer, words in ((ann, "June"), (bob, "July")):
            with peer.doc.transaction():
                del peer.text[7:21]
                peer.text.insert(7, words)
        await asyncio.gather(ann.flush(), bob.flush())
        await eventually(lambda: ann.value == bob.value == "due by JuneJuly.")
        listed = (await http.get("/api/conflicts", params={"document": document})).json()
        (conflict,) = listed["conflicts"]
        try:
            yield ann, bob, http, conflict["id"]
        finally:
            await ann.close()
            await bob.close()


async def shown(http: httpx.AsyncClient, id: str, **query: Any) -> dict[str, Any]:
    answer = await http.get("/api/conflict/choices", params={"id": id, **query})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


async def post(http: httpx.AsyncClient, what: str, status: int, session: str = "judge-session", **body: Any) -> Any:
    answer = await http.post(f"/api/conflict/{what}", params={"session": session}, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_the_story_of_a_resolution(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            before = await shown(http, id)
            sides = [event.revision for event in server.edits("d")[1:]]
            assert (before["status"], before["resolution"]) == ("open", None)
            texts = {(one["choice"], *(side["name"] for side in one["sides"])): one for one in before["choices"]}
            assert {key: one["text"] for key, one in texts.items()} == {
                ("leave",): "JuneJuly",
                ("use", "Ann"): "June",
                ("use", "Bob"): "July",
                ("both",): "June July",
                ("write",): "JuneJuly",
            }
            use_bob = texts["use", "Bob"]
            assert (use_bob["before"], use_bob["after"], use_bob["removes"]) == ("due by ", ".", "June")

            actor = use_bob["sides"][0]["actor"]
            done = await post(http, "resolve", 201, id=id, choice="use", actor=actor, revision=before["revision"])
            assert done["result"]["text"] == "July"
            await eventually(lambda: ann.value == bob.value == "due by July.", "both see it")

            resolved, edit = server.events("d")[-2:]
            assert (resolved.type, resolved.actor) == (CONFLICT_RESOLVED, "guest:judge-session")
            assert json.loads(resolved.payload or b"") == {
                "conflict": id,
                "covers": [[revision, revision] for revision in sides],
                "at": before["revision"],
                "choice": "use",
                "actor": actor,
                "edit": True,
            }
            assert (edit.type, edit.actor) == (EDIT_RECORDED, resolved.actor)
            assert edit.causation_id == id_text(resolved.id)
            assert (edit.context, edit.context_source) == (Context.of(before["revision"]), "declared")
            assert edit.recorded_at == resolved.recorded_at
            assert [done["decision"]["id"], done["edit"]["id"]] == [id_text(resolved.id), id_text(edit.id)]

            after = await shown(http, id)
            assert after["status"] == "resolved"
            assert after["resolution"]["id"] == id_text(resolved.id)
            known = (await http.get("/api/conflicts", params={"document": "d"})).json()
            assert (known["complete"], [one["id"] for one in known["conflicts"]]) == (True, [id])

            late = await post(http, "resolve", 409, session="other-session", id=id, choice="leave")
            assert (late["code"], [one["id"] for one in late["events"]]) == ("condition-failed", [id_text(resolved.id)])
            assert server.events("d")[-1].id == edit.id
            again = MemoryConflictStore()
            assert rebuild(server.application.store, again, "d") == 1

    run(main())


def test_of_two_who_resolve_at_once_one_wins_and_the_other_sees_whose_it_was(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            sides = [one["sides"][0]["actor"] for one in (await shown(http, id))["choices"] if one["choice"] == "use"]
            answers = await asyncio.gather(
                *(
                    http.post(
                        "/api/conflict/resolve",
                        params={"session": f"judge-{number}-session"},
                        json={"id": id, "choice": "use", "actor": side},
                    )
                    for number, side in enumerate(sides * 3)
                )
            )
            won = [answer.json() for answer in answers if answer.status_code == 201]
            lost = [answer.json() for answer in answers if answer.status_code == 409]
            assert (len(won), len(lost)) == (1, 5)
            for one in lost:
                assert (one["code"], [event["id"] for event in one["events"]]) == (
                    "condition-failed",
                    [won[0]["decision"]["id"]],
                )
            assert len(server.events("d", CONFLICT_RESOLVED)) == 1
            assert len(server.edits("d")) == 4, "the losers' edits are not recorded either"
            says = f"due by {won[0]['result']['text']}."
            await eventually(lambda: ann.value == bob.value == says)

    run(main())


def test_decisions_about_other_conflicts_do_not_get_in_the_way(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2)
            await ann.type(0, "\n".join(f"{line:03d} " + "." * 40 for line in range(8)))
            await eventually(lambda: bob.value == ann.value)
            for peer in (ann, bob):
                await peer.send(encode_private(encode_seen(Seen(peer.seen[0]))))
            for peer, word in ((ann, "Ann"), (bob, "Bob")):
                for line in range(8):
                    with peer.doc.transaction():
                        at = str(peer.text).index(f"{line:03d}")
                        del peer.text[at : at + 3]
                        peer.text.insert(at, word)
            await asyncio.gather(ann.flush(), bob.flush())
            await eventually(lambda: len(server.edits("d")) == 17)
            listed = (await http.get("/api/conflicts", params={"document": "d"})).json()["conflicts"]
            assert len(listed) == 8
            answers = await asyncio.gather(
                *(http.post("/api/conflict/resolve", json={"id": one["id"], "choice": "both"}) for one in listed)
            )
            assert [answer.status_code for answer in answers] == [201] * 8
            await eventually(lambda: ann.value == bob.value and ann.value.count("Ann Bob") == 8, ann.value)
            await ann.close()
            await bob.close()

    run(main())


def test_typing_between_preview_and_choice(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            preview = await shown(http, id)
            ann_side = next(one["sides"][0]["actor"] for one in preview["choices"] if one["text"] == "June")
            await ann.type(0, "Note: ")  # elsewhere: no matter
            await eventually(lambda: bob.value.startswith("Note: "))
            await bob.type(len("Note: due by Ju"), "?")  # in the place
            await eventually(lambda: ann.value == "Note: due by Ju?neJuly.")
            edits = server.edits("d")
            wish = {"id": id, "choice": "use", "actor": ann_side}
            refused = await post(http, "resolve", 409, **wish, revision=preview["revision"])
            assert refused["code"] == "place-changed"
            assert [one["docrevision"] for one in refused["events"]] == [edits[-1].revision]
            assert server.events("d")[-1].id == edits[-1].id, "nothing was recorded"

            fresh = await shown(http, id)
            (chosen,) = [one for one in fresh["choices"] if one["sides"] and one["sides"][0]["actor"] == ann_side]
            assert [part["kept"] for part in chosen["parts"]] == [False, True, False]
            assert chosen["text"] == "Ju?ne"
            await ann.type(0, "My ")  # elsewhere again
            await eventually(lambda: bob.value.startswith("My "))
            await post(http, "resolve", 201, **wish, revision=fresh["revision"])
            await eventually(lambda: ann.value == bob.value == "My Note: due by Ju?ne.")

    run(main())


@pytest.mark.parametrize("whose", ["June", "July"])
def test_a_version_that_was_rewritten_after_the_preview_is_not_chosen_blindly(tmp_path: Path, whose: str) -> None:
    """Somebody replaces one version by a longer text at the edge of the place: the choice would show both."""

    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            before = await shown(http, id)
            actor = next(one["sides"][0]["actor"] for one in before["choices"] if one["text"] == whose)
            at = ann.value.index(whose)
            with ann.doc.transaction():
                del ann.text[at : at + 4]
                ann.text.insert(at, f"{whose} or so")
            await ann.flush()
            await eventually(lambda: bob.value == ann.value)
            body = {"id": id, "choice": "use", "actor": actor, "revision": before["revision"]}
            refused = await post(http, "resolve", 409, **body)
            assert refused["code"] == "place-changed"
            assert [one["docrevision"] for one in refused["events"]] == [server.edits("d")[-1].revision]

    run(main())


def test_a_room_that_nobody_is_in_is_opened(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (_, _, _, id):
            pass
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        ):
            assert not server.application.hub.rooms
            preview = await shown(http, id)
            assert len(preview["choices"]) == 5
            await post(http, "resolve", 201, id=id, choice="write", text="Friday", revision=preview["revision"])
            state = await http.get("/api/state", params={"document": "d", "as": "text"})
            assert state.text == "due by Friday."

    run(main())


def test_repeating_reopening_and_choosing_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            sides = {
                one["text"]: one["sides"][0]["actor"] for one in (await shown(http, id))["choices"] if one["sides"]
            }
            name = str(uuid.uuid4())
            first = await post(http, "resolve", 201, id=id, choice="write", text="autumn", event_id=name)
            again = await post(http, "resolve", 200, id=id, choice="write", text="autumn", event_id=name)
            assert (again["status"], again["decision"]["revision"]) == ("duplicate", first["decision"]["revision"])
            assert again["edit"]["id"] == first["edit"]["id"]
            await eventually(lambda: ann.value == "due by autumn.")

            not_known = await post(http, "reopen", 201, id=id)
            assert server.events("d")[-1].type == CONFLICT_REOPENED
            twice = await post(http, "reopen", 409, id=id)
            assert [one["id"] for one in twice["events"]] == [not_known["decision"]["id"]]
            reopened = await shown(http, id)
            assert (reopened["status"], reopened["resolution"]) == ("open", None)

            await post(http, "resolve", 201, id=id, choice="use", actor=sides["July"])
            await eventually(lambda: ann.value == bob.value == "due by July.", "the first resolution's text is gone")
            assert [event.type for event in server.events("d", CONFLICT_RESOLVED, CONFLICT_REOPENED)] == [
                CONFLICT_RESOLVED,
                CONFLICT_REOPENED,
                CONFLICT_RESOLVED,
            ]

    run(main())


def test_seen_is_for_one_person_and_recorded_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (_, _, http, id):
            await post(http, "seen", 201, session="cleo-session", id=id)
            await post(http, "seen", 200, session="cleo-session", id=id)
            await post(http, "seen", 201, session="dora-session", id=id)
            assert [event.actor for event in server.events("d", CONFLICT_SEEN)] == [
                "guest:cleo-session",
                "guest:dora-session",
            ]
            assert (await shown(http, id))["status"] == "open"

    run(main())


def test_a_late_side_opens_a_resolved_conflict_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            async with collided(server) as (_, _, _, id):
                pass
            dave = Peer(server, "d", 4)
            async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
                start = server.edits("d")[0].revision
                state = await http.get("/api/state", params={"document": "d", "as": "update", "at": start})
                dave.doc.apply_update(state.content)
                dave.unsent.clear()
                with dave.doc.transaction():
                    del dave.text[7:21]
                    dave.text.insert(7, "August")
                await post(http, "resolve", 201, id=id, choice="use", actor=ann_actor(server))
                answer = await http.post(
                    "/api/edits",
                    params={"document": "d", "seen": start, "session": "dave-session"},
                    content=dave.unsent[0],
                    headers={"Content-Type": "application/x.yjs-update-v1"},
                )
                assert answer.status_code == 201
                now = await shown(http, id)
                assert now["status"] == "open"
                assert {side["actor"] for one in now["choices"] for side in one["sides"]} >= {"guest:dave-session"}
                assert [one["text"] for one in now["choices"] if one["choice"] == "use"].count("August") == 1
                await post(http, "resolve", 201, id=id, choice="use", actor="guest:dave-session")
                said = await http.get("/api/state", params={"document": "d", "as": "text"})
                assert said.text == "due by August."

    run(main())


def test_a_key_and_a_removed_paragraph(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        ):
            ann = await declared(server, "d", "session-ann", 1)
            bob = await declared(server, "d", "session-bob", 2)
            for peer in (ann, bob):
                peer.doc.get("map", type=Map)
                peer.doc.get("xml", type=XmlFragment)
            xml, keys = ann.doc.get("xml", type=XmlFragment), ann.doc.get("map", type=Map)
            with ann.doc.transaction():
                xml.children.append(XmlElement("p", {}, [XmlText("Pay it.")]))
                keys["due"] = "May"
            await ann.flush()
            theirs = bob.doc.get("xml", type=XmlFragment)
            await eventually(lambda: len(theirs.children) == 1)
            for peer in (ann, bob):
                await peer.send(encode_private(encode_seen(Seen(peer.seen[0]))))
            xml.children[0].children[0].insert(6, " by Friday")
            keys["due"] = {"day": 4}
            bob.doc.get("map", type=Map)["due"] = "July"
            del theirs.children[0]
            await asyncio.gather(ann.flush(), bob.flush())
            await eventually(lambda: not len(xml.children) and len(server.edits("d")) == 5)

            listed = (await http.get("/api/conflicts", params={"document": "d"})).json()["conflicts"]
            by_key = {one["key"]: one["id"] for one in listed}
            assert set(by_key) == {"due", None}
            await post(http, "resolve", 201, id=by_key["due"], choice="use", actor=ann_actor(server))
            restored = await post(http, "resolve", 201, id=by_key[None], choice="restore")
            assert restored["result"]["text"] == "<p>Pay it by Friday.</p>"
            for peer in (ann, bob):
                root, held = peer.doc.get("xml", type=XmlFragment), peer.doc.get("map", type=Map)
                await eventually(lambda root=root: str(root) == "<p>Pay it by Friday.</p>")
                await eventually(lambda held=held: held["due"] == {"day": 4})
            await ann.close()
            await bob.close()

    run(main())


def ann_actor(server: Running) -> str:
    return next(event.actor for event in server.edits("d") if event.session == "session-ann")


def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (_, _, http, id):
            count = len(server.events("d"))
            for body, status, code in (
                ({"id": "c-9-9", "choice": "leave"}, 404, "not-found"),
                ({"id": "c-9-9", "choice": "leave", "document": "d"}, 404, "not-found"),
                ({"id": id, "choice": "leave", "document": "none"}, 404, "not-found"),
                ({"id": id, "choice": "use", "actor": "nobody"}, 400, "invalid-request"),
                ({"id": id, "choice": "restore"}, 400, "invalid-request"),
                ({"id": id, "choice": "write"}, 400, "invalid-request"),
                ({"id": id, "choice": "eat"}, 400, "invalid-request"),
                ({"id": id, "choice": "leave", "revision": 10_000}, 400, "invalid-request"),
            ):
                refused = await post(http, "resolve", status, **body)
                assert refused["code"] == code, body
            assert len(server.events("d")) == count

    run(main())


def test_a_document_whose_edits_take_long_to_look_at_can_be_resolved_too(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("keepboth.live.turns.LONGEST_SLICE_S", -1.0)  # every edit goes to a thread

    async def main() -> None:
        async with running(tmp_path) as server, collided(server) as (ann, bob, http, id):
            preview = await shown(http, id)
            await post(http, "resolve", 201, id=id, choice="both", revision=preview["revision"])
            await eventually(lambda: ann.value == bob.value == "due by June July.")

    run(main())
