"""What if, and going back, over HTTP."""

from __future__ import annotations

import base64
import uuid

import pycrdt
import pytest

from tests.api.conftest import Served, rewrite


def story(server: Served, name: str) -> bytes:
    """Ann writes (2), Bob replaces a word (3), Ann writes into it (4). What Bob made of it, as an update."""
    server.create(name, content={"text": "one two three"})
    base = server.http.get("/api/state", params={"document": name, "as": "update"}).content
    server.edit(name, rewrite(base, 4, 7, "zwei"), session="bob-session", seen=2)
    theirs: bytes = server.http.get("/api/state", params={"document": name, "as": "update"}).content
    server.edit(name, rewrite(theirs, 6, 6, "XX"), session="ann-session", seen=3)
    return theirs


def pieces(body: dict[str, object]) -> list[list[str]]:
    (change,) = body["changes"]  # type: ignore[misc]
    assert change["path"] == ["text"]
    return [[piece["op"], piece["text"]] for piece in change["pieces"]]


def test_a_document_without_somebody_names_who_builds_on_it(server: Served, name: str) -> None:
    story(server, name)
    found = server.get("/api/whatif", document=name, without_actor="guest:bob-session")
    assert found["roots"]["text"]["value"] == "one two three"
    assert (found["left_out"], found["edits"], found["mode"]) == ([[3, 3]], 1, "strict")
    assert found["dependants"] == [
        {"revision": 4, "actor": "guest:ann-session", "session": "ann-session", "builds_on": [3]}
    ]
    assert found["depending"] == 1
    assert pieces(found) == [["keep", "one "], ["delete", "zwXXei"], ["insert", "two"], ["keep", " three"]]
    assert found["counts"] == {"inserted": 3, "deleted": 6, "formats": 0, "keys": 0}
    state = server.get("/api/state", document=name, cut=found["cut"])
    assert state["roots"] == found["roots"]
    kept = server.get("/api/whatif", document=name, without_session="bob-session", mode="keep")
    assert (kept["roots"]["text"]["value"], kept["dependants"]) == ("one twoXX three", found["dependants"])


def test_all_that_is_said_of_the_work_must_hold(server: Served, name: str) -> None:
    story(server, name)
    asked = {"document": name, "without_actor": ["guest:bob-session", "guest:ann-session"]}
    assert server.get("/api/whatif", **asked)["left_out"] == [[3, 4]]
    assert server.get("/api/whatif", **asked, without_revisions="4-9")["left_out"] == [[4, 4]]
    assert server.get("/api/whatif", **asked, without_until="2026-01-01T00:00:00Z")["left_out"] == []
    assert server.get("/api/whatif", **asked, at=3)["left_out"] == [[3, 3]]
    everything = server.get("/api/whatif", document=name, without_since="2020-01-01T00:00:00Z")
    assert (everything["roots"], everything["edits"]) == ({}, 3)
    assert server.get("/api/whatif", document=name)["edits"] == 0


def test_an_update_is_tried_and_not_recorded(server: Served, name: str) -> None:
    theirs = story(server, name)
    update = base64.b64encode(rewrite(theirs, 0, 3, "1")).decode()
    body = {"document": name, "update": update, "cut": {"at": 3}}
    answer = server.http.post("/api/whatif", json=body)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["roots"]["text"]["value"], found["added"]) == ("1 zwei three", {"applied": True, "missing": []})
    assert answer.headers["KeepBoth-Revision"] == "3"
    lacking = server.http.post("/api/whatif", json={**body, "cut": {"at": 0}}).json()
    assert lacking["added"]["applied"] is False
    assert lacking["added"]["missing"]
    without = server.http.post("/api/whatif", json={**body, "without": {"revisions": [3]}}).json()
    assert (without["added"]["applied"], without["left_out"]) == (True, [[3, 3]])
    assert server.get("/api/state", document=name)["revision"] == 4


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"without_revisions": "5-"}, 400),
        ({"without_revisions": "5,,6"}, 400),
        ({"without_revisions": "9" * 5000}, 400),
        ({"without_since": "2026-01-01T00:00:00"}, 400),
        ({"mode": "loose"}, 400),
        ({"at": 99}, 404),
        ({"document": "none/such"}, 404),
    ],
    ids=["half", "empty", "endless", "no-offset", "mode", "revision", "document"],
)
def test_questions_that_make_no_sense_are_refused(
    server: Served, name: str, query: dict[str, str | int], status: int
) -> None:
    story(server, name)
    server.get("/api/whatif", status, **{"document": name, "without_actor": "x", **query})


@pytest.mark.parametrize("update", ["!", "AQ=="])
def test_an_update_that_is_none_is_refused(server: Served, name: str, update: str) -> None:
    story(server, name)
    assert server.http.post("/api/whatif", json={"document": name, "update": update}).status_code == 400


def test_huge_ranges_cost_nothing(server: Served, name: str) -> None:
    story(server, name)
    last = 2**53 - 1
    assert server.get("/api/whatif", document=name, without_revisions=f"4-{last}")["left_out"] == [[4, 4]]
    body = {"document": name, "undo": {"revisions": [[4, last]]}, "preview": True}
    assert server.http.post("/api/revert", json=body).json()["undone"] == [[4, 4]]


def test_keys_go_back_with_everything_in_them(server: Served, name: str) -> None:
    doc: pycrdt.Doc[object] = pycrdt.Doc()
    tasks = doc.get("tasks", type=pycrdt.Map)
    tasks["first"] = pycrdt.Map({"title": pycrdt.Text("Sow"), "tags": pycrdt.Array([1, "b"])})
    server.edit(name, doc.get_update())
    seen = doc.get_state()
    del tasks["first"]
    tasks["second"] = 2
    server.edit(name, doc.get_update(seen))
    shown = server.http.post("/api/revert", json={"document": name, "to": {"at": 2}, "preview": True}).json()
    assert shown["roots"]["tasks"]["value"] == {"first": {"title": "Sow", "tags": [1.0, "b"]}}
    assert [(change["path"], [piece["op"] for piece in change["pieces"]]) for change in shown["changes"]] == [
        (["tasks", "first"], ["insert"]),
        (["tasks", "second"], ["delete"]),
    ]
    assert shown["counts"] == {"inserted": 0, "deleted": 0, "formats": 0, "keys": 2}
    id = str(uuid.uuid4())
    done = server.http.post("/api/revert", json={"document": name, "to": {"at": 2}, "event_id": id})
    assert (done.status_code, done.json()["decision"]["id"]) == (201, id)
    state = server.get("/api/state", document=name)
    assert state["roots"] == shown["roots"]
    event = server.get("/api/event", id=id)
    assert event["data"]["to"] == done.json()["to"]
