"""What people decide about collisions, joined with the conflict log: in lists, counts, the feed, on the socket."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx

from keepboth.app import rebuild_conflicts
from keepboth.yjs.messages import Private, encode_private, encode_update_message
from keepboth.yjs.private import CONFLICTS, decode_json, encode_edit, subtype_of
from tests.api.conftest import timeless
from tests.api.test_feed import Typist, agree, collide, following, group, leave, rewrite
from tests.harness import Peer, Running, eventually, run, running


def asking(server: Running) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20)


async def listed(http: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    """Entries of the document, once all of them are known."""

    async def ask() -> dict[str, Any] | None:
        answer = await http.get("/api/conflicts", params={"document": "d", **query})
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.json()["complete"] else None

    found: list[dict[str, Any]] = (await eventually(ask))["conflicts"]
    return found


async def act(http: httpx.AsyncClient, what: str, id: str, who: str = "cleo", **body: Any) -> None:
    value = {"id": id, "document": "d", **body}
    answer = await http.post(f"/api/conflict/{what}", json=value, params={"session": f"session-{who}"})
    assert answer.status_code == 201, answer.text


def pushed(peer: Peer) -> list[dict[str, Any]]:
    """What the socket said about conflicts."""
    bodies = [frame.body for frame in peer.frames if isinstance(frame, Private)]
    return [decode_json(body, 1) for body in bodies if subtype_of(body)[0] == CONFLICTS]


def wherever(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry without what depends on when and where it is told: only where an engine is at hand is it known now."""
    entry = timeless(entry)
    return {**entry, "card": {**entry["card"], "now": None, "now_title": None}}


def test_a_decision_shows_wherever_conflicts_are_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http, following(server, document="d") as reader:
            ann, bob = await group(server, "d")
            await collide(ann, bob)
            ((entry),) = await listed(http)
            id = entry["id"]
            assert (entry["status"], entry["resolution"], entry["seen_by"]) == ("open", None, [])

            await act(http, "seen", id, "ann")
            (entry,) = await listed(http)
            assert (entry["status"], entry["seen_by"]) == ("open", ["guest:session-ann"])
            assert {person["name"] for person in entry["card"]["needs"]} == {"Bob"}

            await act(http, "resolve", id, choice="leave")
            (entry,) = await listed(http, status="resolved")
            assert (entry["status"], entry["card"]["status"]) == ("resolved", "resolved")
            assert (entry["resolution"]["actor"], entry["resolution"]["choice"]) == ("guest:session-cleo", "leave")
            assert set(entry["seen_by"]) == {"guest:session-ann", "guest:session-cleo"}
            assert await listed(http, status=["open", "settled"]) == []
            counts = (await http.get("/api/conflicts/counts", params={"document": "d"})).json()
            assert counts["statuses"] == {"open": 0, "settled": 0, "resolved": 1}
            assert (counts["shown"], counts["hidden"]) == (0, {"resolved": 1})
            assert counts["documents"] == [{"document": "d", "total": 1, "open": 0}]
            (told,) = await eventually(lambda: reader.named("resolved"))
            assert wherever(told.data["conflict"]) == wherever(entry)

            await act(http, "reopen", id)
            (entry,) = await listed(http, status="open")
            assert entry["resolution"] is None
            (told,) = await eventually(lambda: reader.named("reopened"))
            assert told.data["conflict"]["status"] == "open"

            await eventually(lambda: [one["turned"] for one in pushed(ann) if one["turned"]] == [
                {id: "resolved"}, {id: "reopened"}
            ])  # fmt: skip
            (last,) = pushed(ann)[-1]["conflicts"]
            assert wherever(last) == wherever(entry)
            await leave(ann, bob)

    run(main())


def test_a_side_that_comes_late_opens_it_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http, following(server, document="d") as reader:
            ann, bob, cleo = await group(server, "d", people="ann bob cleo")
            rewrite(cleo, 4, 3, "deux")
            await collide(ann, bob)
            (entry,) = await listed(http)
            await act(http, "resolve", entry["id"], "ann", choice="leave")
            assert (await listed(http))[0]["status"] == "resolved"
            await cleo.flush()
            await agree(ann, bob, cleo)
            (entry,) = await listed(http)
            assert (entry["status"], entry["resolution"], len(entry["sides"])) == ("open", None, 3)
            await eventually(lambda: reader.named("reopened", "superseded"))
            await leave(ann, bob, cleo)

    run(main())


def test_decisions_outlive_the_projection(tmp_path: Path) -> None:
    """It may be deleted, and built again by the server or by the command: the same entries with the same status."""

    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http:
            ann, bob, cleo = await group(server, "d", "one two " + "." * 60 + " six seven", "ann bob cleo")
            rewrite(cleo, 2, 70, "")
            await collide(ann, bob, 4)
            await collide(ann, bob, len(ann.value) - 9, ("SIX", "sechs"))
            first, second = await listed(http)
            await act(http, "resolve", first["id"], choice="leave")
            await act(http, "seen", second["id"])
            before = [wherever(one) for one in await listed(http)]
            assert [one["status"] for one in before] == ["resolved", "open"]
            await leave(ann, bob)
        (tmp_path / "projections.sqlite3").unlink()
        async with running(tmp_path) as server, asking(server) as http:
            assert [wherever(one) for one in await listed(http)] == before
            cleo.server = server
            await cleo.open()  # her answer to the server's step 1 brings what she wrote
            await eventually(lambda: len(server.edits("d")) == 6)
            (joined,) = await listed(http)
            assert (joined["status"], len(joined["sides"])) == ("open", 3)
            await act(http, "resolve", joined["id"], choice="leave")
            after = [wherever(one) for one in await listed(http)]
            assert [one["status"] for one in after] == ["resolved"]
            stored = server.application.conflicts.list("d")
            await leave(cleo)
        for whole in (False, True):
            if whole:
                (tmp_path / "projections.sqlite3").unlink()
            assert await asyncio.to_thread(rebuild_conflicts, tmp_path) == 1
            async with running(tmp_path) as server, asking(server) as http:
                assert server.application.conflicts.list("d") == stored
                assert [wherever(one) for one in await listed(http)] == after
                for id in {first["id"], second["id"]}:
                    found = (await http.get("/api/conflict", params={"id": id, "document": "d"})).json()
                    assert found["conflict"]["id"] == joined["id"]

    run(main())


def test_a_decision_that_the_projection_missed_is_taken_in_before_anything_is_said(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http:
            ann, bob = await group(server, "d")
            await collide(ann, bob)
            (entry,) = await listed(http)
            old = (tmp_path / "projections.sqlite3").read_bytes()
            assert server.application.conflicts._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            old = (tmp_path / "projections.sqlite3").read_bytes()
            await act(http, "resolve", entry["id"], choice="leave")
            await leave(ann, bob)
        (tmp_path / "projections.sqlite3").write_bytes(old)
        async with running(tmp_path) as server, asking(server) as http:
            (entry,) = await listed(http)
            assert entry["status"] == "resolved"

    run(main())


async def come_back(peer: Typist, name: str, seen: tuple[int, bytes], hours: float) -> None:
    """Open *peer* for the first time and send what it has written, *hours* ago, on what it saw at *seen*."""
    edits, peer.unsent = peer.unsent, []
    now = time.time_ns() // 1000
    await peer.open(sync=False)
    hash = seen[1].hex()
    welcome = await peer.hello(f"session-{name}", name=name.title(), seq=len(edits), seen=seen[0], hash=hash, clock=now)
    assert welcome["resumed"], welcome
    for number, update in enumerate(edits, 1):
        await peer.send(encode_private(encode_edit(number, now - int(hours * 3_600_000_000) + number)))
        await peer.send(encode_update_message(update))
    await eventually(lambda: len(peer.receipts) == len(edits))


def test_a_return_is_told_once_with_everything_that_it_ran_into(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http, following(server, document="d") as reader:
            text = "one two " + "." * 60 + " six seven"
            ann, bob = await group(server, "d", text)
            cleo = Typist(server, "d", 9)
            cleo.doc.apply_update(ann.doc.get_update())
            cleo.unsent.clear()
            seen = ann.seen
            for at, word in ((len(text) - 9, "sei"), (4, "due")):
                rewrite(cleo, at, 3, word)
            cleo.text.insert(40, "x")
            for peer, at, word in ((ann, 4, "TWO"), (bob, len(text) - 9, "SIX")):
                rewrite(peer, at, 3, word)
                await peer.flush()
                await agree(ann, bob)
            assert await listed(http) == []
            await come_back(cleo, "cleo", seen, 2)
            entries = await listed(http)
            assert len(entries) == 2
            found = (await http.get("/api/notices", params={"document": "d"})).json()
            assert found["complete"]
            (notice,) = found["notices"]
            assert notice["sentence"]["text"].startswith("Cleo is back after 2 h: 3 edits merged, 2 places to look at")
            assert (notice["document"], notice["person"]["name"]) == ("d", "Cleo")
            assert set(notice["cards"]) == {entry["id"] for entry in entries}
            assert notice["level"] == "interrupt"
            assert {entry["card"]["attention"]["level"] for entry in entries} == {"interrupt"}
            await eventually(lambda: [one.data["notice"] for one in reader.named("notice")][-1:] == [notice])
            said = {one.data["notice"]["correlation_id"] for one in reader.named("notice")}
            assert said == {notice["correlation_id"]}
            for entry in entries:
                await act(http, "resolve", entry["id"], choice="leave")
            assert (await http.get("/api/notices", params={"document": "d"})).json()["notices"] == []
            assert (await http.get("/api/notices", params={"document": "none"})).status_code == 404
            await leave(ann, bob, cleo)

    run(main())


def test_the_line_under_a_list(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, asking(server) as http:

            async def footer(**query: Any) -> list[str]:
                answer = (await http.get("/api/conflicts/counts", params=query)).json()
                return [sentence["text"] for sentence in answer["footer"]]

            ann, bob = await group(server, "d")
            said = "No collisions in 1 edit by 1 person. Overlapping edits will appear here."
            assert await footer(document="d") == [said]
            await collide(ann, bob)
            assert await footer(document="d") == []
            for peer, space in ((ann, " "), (bob, "  ")):
                rewrite(peer, len(peer.value), 0, space)
            await asyncio.gather(ann.flush(), bob.flush())
            await agree(ann, bob)
            await collide(ann, bob, 0, ("", ""))
            (entry,) = await listed(http, hidden=False)
            (text,) = await footer(document="d")
            assert text.startswith("2 hidden: 1 ")
            await act(http, "resolve", entry["id"], choice="leave")
            (text,) = await footer(document="d")
            assert text.startswith("Nothing needs you. ")
            assert (await http.get("/api/conflicts/counts")).json()["hidden"] == {
                "resolved": 1,
                "same-change": 1,
                "whitespace": 1,
            }
            assert len(await listed(http, hidden=True)) == len(await listed(http))
            await leave(ann, bob)

    run(main())
