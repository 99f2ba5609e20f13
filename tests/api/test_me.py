"""Who the sender of a request is, and that what they decide carries the name that they go by."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from client_demo.identify import by_query
from keepboth.live.session import Actor
from tests.api.conftest import Served, rewrite, serving

SESSION = "anns-browser"
ANN = {"session": SESSION, "name": "Ann"}


def by_header(request: Any) -> Actor | None:
    name = request.headers.get("X-Person")
    return Actor(f"user:{name.lower()}", "human", name) if name else None


def named_by(server: Served, document: str) -> list[tuple[str, str, bool]]:
    """Every introduction in the log: actor, name, whether it is only claimed."""
    events = server.get("/api/events", document=document, types="session.joined")
    return [(one["authid"], one["data"]["name"], one["data"]["claimed"]) for one in events]


def test_a_guest_is_the_one_of_the_session(server: Served, name: str) -> None:
    nobody = {"actor": None, "kind": "anonymous", "name": None, "identified": False, "session": None}
    assert server.get("/api/me") == nobody
    guest = {**nobody, "actor": f"guest:{SESSION}", "session": SESSION}
    assert server.get("/api/me", session=SESSION, document=name) == guest
    server.create(name, content={"text": "one"})
    server.http.post("/api/versions", params={"document": name, **ANN}, json={"name": "first"}).raise_for_status()
    assert server.get("/api/me", session=SESSION, document=name) == {**guest, "name": "Ann"}
    assert server.get("/api/me", session=SESSION) == guest
    assert server.get("/api/me", 400, session="no")["code"] == "invalid-request"


def test_somebody_who_is_known_is_told_so(tmp_path: Path) -> None:
    with serving(tmp_path, by_header) as server:
        answer = server.http.get("/api/me", params={"session": SESSION}, headers={"X-Person": "Ann"}).json()
        known = {"actor": "user:ann", "kind": "human", "name": "Ann", "identified": True, "session": SESSION}
        assert answer == known
        assert server.get("/api/me")["identified"] is False


def test_a_known_person_is_introduced_with_the_first_decision_only(tmp_path: Path) -> None:
    with serving(tmp_path, by_query) as server:
        server.create("d", content={"text": "one"})
        for title in ("First", "Second"):
            body = {"type": "rename", "title": title, "id": str(uuid.uuid4())}
            params = {"document": "d", "actor": "Bob", "name": "Not Bob"}
            answer = server.http.post("/api/decisions", params=params, json=body)
            assert answer.status_code == 201, answer.text
            assert answer.json()["id"] == body["id"]
        assert named_by(server, "d") == [("Bob", "Bob", False)]


@pytest.mark.parametrize("what", ["version", "rename", "own-event", "revert", "resolve", "seen", "create"])
def test_every_decision_carries_the_name_of_the_guest(server: Served, name: str, what: str) -> None:
    if what != "create":
        server.collide(name)
    me = {"document": name, **ANN}
    id = str(uuid.uuid4())
    for _ in range(2):  # the second time is a repeat: it introduces nobody again, whatever the name is by then
        match what:
            case "version":
                answer = server.http.post("/api/versions", params=me, json={"name": "v", "id": id})
            case "rename":
                body: dict[str, Any] = {"type": "rename", "title": "T", "id": id}
                answer = server.http.post("/api/decisions", params=me, json=body)
            case "own-event":
                answer = server.http.post("/api/events", params=me, json={"type": "a.b", "id": id, "data": 1})
            case "revert":
                body = {"document": name, "to": {"at": 2}, "event_id": id}
                answer = server.http.post("/api/revert", params={**ANN, "name": me["name"]}, json=body)
            case "create":
                answer = server.http.post("/api/documents", params=me, json={"document": name, "id": id, "content": {}})
            case _:
                (conflict,) = server.get("/api/conflicts", document=name)["conflicts"]
                body = {"id": conflict["id"], "document": name, "event_id": id}
                body |= {"choice": "leave"} if what == "resolve" else {}
                answer = server.http.post(f"/api/conflict/{what}", params={**ANN, "name": me["name"]}, json=body)
        assert answer.status_code in (200, 201), answer.text
        told = answer.json()
        receipt = told.get("decision") or told
        assert receipt["id"] == id
        me["name"] = "Anna"
    assert named_by(server, name) == [(f"guest:{SESSION}", "Ann", True)]
    (event,) = [one for one in server.get("/api/events", document=name, reverse=True) if one["id"] == id]
    assert event["authid"] == f"guest:{SESSION}"
    assert event["session"] == SESSION


def test_a_new_name_is_recorded_and_shown(server: Served, name: str) -> None:
    server.create(name, content={"text": "one"})
    for called in ("Ann", "Ann", " Anna "):
        params = {"document": name, "session": SESSION, "name": called}
        server.http.post("/api/versions", params=params, json={"name": called}).raise_for_status()
    assert [one for _, one, _ in named_by(server, name)] == ["Ann", "Anna"]
    people = server.get("/api/versions", document=name)["people"]
    assert people == [{"actor": f"guest:{SESSION}", "name": "Anna"}]
    long = server.http.post("/api/versions", params={"document": name, **ANN, "name": "x" * 121}, json={"name": "v"})
    assert long.status_code == 400


def test_an_edit_of_a_guest_with_a_name_is_introduced_as_claimed(server: Served, name: str) -> None:
    server.create(name, content={"text": "one"})
    base = server.http.get("/api/state", params={"document": name, "as": "update"}).content
    server.edit(name, rewrite(base, 0, 3, "two"), **ANN)
    assert named_by(server, name) == [(f"guest:{SESSION}", "Ann", True)]


def test_what_a_name_holds_stays_text(server: Served, name: str) -> None:
    server.create(name)
    hostile = '<img src=x onerror=alert(1)>\u202e"'
    server.http.post("/api/versions", params={"document": name, **ANN, "name": hostile}, json={"name": "v"})
    assert json.loads(json.dumps(named_by(server, name))) == [[f"guest:{SESSION}", hostile, True]]
