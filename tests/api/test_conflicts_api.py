"""The conflict log over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from tests.api.conftest import Served, serving
from tests.harness import Peer, run, running


def test_a_collision_is_shown_with_both_sides(server: Served, name: str) -> None:
    server.collide(name)
    listed = server.http.get("/api/conflicts", params={"document": name})
    body = listed.json()
    (conflict,) = body["conflicts"]
    assert {key: body[key] for key in body if key != "conflicts"} == {
        "count": 1, "complete": True, "behind": [], "known_revision": 4, "revision": 4, "next": None,
    }  # fmt: skip
    assert listed.headers["KeepBoth-Revision"] == "4"
    assert (conflict["document"], conflict["certain"], conflict["base"]) == (name, True, "two")
    assert {(side["actor"], side["text"]) for side in conflict["sides"]} == {
        ("guest:ann-session", "TWO"),
        ("guest:bob-session", "zwei"),
    }
    assert (conflict["before"], conflict["after"]) == ("one ", " three")
    assert sorted(conflict["revisions"]) == [3, 4]

    shown = server.get("/api/conflict", id=conflict["id"])
    assert shown["conflict"] == conflict
    assert (shown["known_revision"], shown["revision"], shown["complete"]) == (4, 4, True)
    assert [(one["revision"], one["actor"]) for one in shown["events"]] == [
        (3, "guest:ann-session"),
        (4, "guest:bob-session"),
    ]
    assert shown["events"][0]["recorded_at"] <= shown["events"][1]["recorded_at"]
    assert server.get("/api/document", document=name)["conflicts"]["count"] == 1
    assert server.get("/api/conflict", 404, id="none")["code"] == "not-found"


def test_conflicts_are_paged_and_chosen(server: Served, name: str) -> None:
    for at in range(3):
        server.collide(f"{name}{at}")
    ids: list[str] = []
    following: str | None = "/api/conflicts?limit=2"
    while following:
        answer = server.http.get(following).json()
        assert answer["complete"]
        ids += [one["id"] for one in answer["conflicts"] if one["document"].startswith(name)]
        following = answer["next"]
    assert len(set(ids)) == len(ids) == 3
    assert server.get("/api/conflicts", document=f"{name}0", certain=False)["conflicts"] == []
    assert len(server.get("/api/conflicts", document=f"{name}0", certain=True)["conflicts"]) == 1


def test_people_are_named_as_they_said(tmp_path: Path) -> None:
    async def main() -> tuple[dict[str, Any], dict[str, Any]]:
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
            Peer(server, "d") as ann,
            Peer(server, "d") as bob,
        ):
            await ann.hello("session-ann", name="Ann <b>")
            await bob.hello("session-bob", name="Bob")
            ann.text.insert(0, "ann")
            bob.text.insert(0, "bob")
            await asyncio.gather(ann.flush(), bob.flush())
            for _ in range(500):
                listed = (await http.get("/api/conflicts", params={"document": "d"})).json()
                if listed.get("conflicts"):
                    break
                await asyncio.sleep(0.01)
            shown = (await http.get("/api/conflict", params={"id": listed["conflicts"][0]["id"]})).json()
            return listed, shown

    listed, shown = run(main())
    (conflict,) = listed["conflicts"]
    assert {(side["name"], side["text"]) for side in conflict["sides"]} == {("Ann <b>", "ann"), ("Bob", "bob")}
    assert {event["name"] for event in shown["events"]} == {"Ann <b>", "Bob"}


class Behind:
    """An engine that never comes further than *revision*."""

    def __init__(self, revision: int) -> None:
        self.revision = revision

    async def catch_up(self, document: str, timeout_s: float) -> int:
        return self.revision


def test_while_the_engine_is_behind_it_never_says_none(tmp_path: Path, monkeypatch: Any) -> None:
    with serving(tmp_path) as server:
        server.create("far", content={"text": "x"})
        monkeypatch.setattr("keepboth.app._CatchUp.catch_up", Behind(0).catch_up)
        monkeypatch.setattr(server.application.conflicts, "cursor", lambda document: (0, b""))
        lag = {"document": "far", "known_revision": 0, "revision": 2}
        for query in ({}, {"document": "far"}):
            body = server.get("/api/conflicts", **query)
            assert (body["conflicts"], body["complete"], body["behind"]) == ([], False, [lag])
        assert not server.get("/api/document", document="far")["conflicts"]["complete"]
        assert "checking…" in server.http.get("/").text
        monkeypatch.setattr("keepboth.app._CatchUp.catch_up", Behind(2).catch_up)
        assert server.get("/api/conflicts")["complete"]
        assert "checking…" not in server.http.get("/").text
