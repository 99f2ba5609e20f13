"""The past of a document over HTTP: blame, deletions, history, comparisons, versions."""

from __future__ import annotations

import uuid

from tests.api.conftest import Served, rewrite


def story(server: Served, name: str) -> None:
    """Ann writes, Bob replaces a word: revisions 1 and 2 create it, 3 joins nobody, 3 is Bob's."""
    server.create(name, content={"text": "one two three"})
    base = server.http.get("/api/state", params={"document": name, "as": "update"})
    server.edit(name, rewrite(base.content, 4, 7, "zwei"), session="bob-session", seen=2)


def test_blame_names_who_brought_each_stretch(server: Served, name: str) -> None:
    story(server, name)
    blame = server.get("/api/blame", document=name)
    first, second, third = blame["spans"]
    assert [(s["start"], s["end"], s["value"], s["first_revision"]) for s in blame["spans"]] == [
        (0, 4, "one ", 2),
        (4, 8, "zwei", 3),
        (8, 14, " three", 2),
    ]
    assert (first["actor"], second["actor"], first["path"]) == (third["actor"], "guest:bob-session", ["text"])
    earlier = server.get("/api/blame", document=name, at=2)
    assert [span["value"] for span in earlier["spans"]] == ["one two three"]
    assert server.get("/api/blame", document=name, cut=earlier["cut"]) == earlier
    page = server.http.get("/api/blame", params={"document": name, "limit": 2})
    rest = server.http.get(page.links["next"]["url"]).json()
    assert page.json()["spans"] + rest["spans"] == blame["spans"]
    assert server.get("/api/blame", document=name, root="no")["spans"] == []


def test_what_was_deleted_is_found_by_who_when_and_what(server: Served, name: str) -> None:
    story(server, name)
    answer = server.get("/api/deletions", document=name)
    (one,) = answer["deletions"]
    assert (one["text"], one["actor"], one["first_revision"], one["written_first"]) == (
        "two",
        "guest:bob-session",
        3,
        2,
    )
    assert server.get("/api/deletions", document=name, actor=one["actor"], q="TW")["count"] == 1
    assert server.get("/api/deletions", document=name, actor=one["authors"][0])["count"] == 0
    assert server.get("/api/deletions", document=name, q="three")["count"] == 0
    assert server.get("/api/deletions", document=name, since=one["last_at"])["count"] == 1
    assert server.get("/api/deletions", document=name, until=one["first_at"])["count"] == 0
    assert server.get("/api/deletions", document=name, at=2)["count"] == 0
    assert server.get("/api/deletions", 400, document=name, since="2026-01-01T00:00:00")["code"] == "invalid-request"


def test_history_tells_groups_and_decisions_in_order(server: Served, name: str) -> None:
    story(server, name)
    server.http.post(
        f"/api/versions?document={name}", json={"name": "draft", "id": str(uuid.uuid4())}
    ).raise_for_status()
    history = server.get("/api/history", document=name)
    kinds = [(entry["kind"], entry.get("type", entry.get("last_revision"))) for entry in history["entries"]]
    assert kinds == [("event", "version.named"), ("edits", 3), ("edits", 2), ("event", "document.created")]
    bob = history["entries"][1]
    assert (bob["edits"], bob["inserted"], bob["deleted"], bob["more"]) == (1, 4, 3, 0)
    (change,) = bob["changes"]
    assert [(piece["op"], piece["text"]) for piece in change["pieces"]] == [
        ("keep", "one "),
        ("delete", "two"),
        ("insert", "zwei"),
        ("keep", " three"),
    ]
    oldest = server.get("/api/history", document=name, order="oldest")
    assert oldest["entries"] == history["entries"][::-1]
    paged, link = [], f"/api/history?document={name}&limit=1"
    while link:
        page = server.http.get(link).json()
        paged += page["entries"]
        link = page["next"]
    assert paged == history["entries"]


def test_two_moments_are_compared_in_any_order(server: Served, name: str) -> None:
    story(server, name)
    there = server.get("/api/compare", document=name, from_at=2)
    (change,) = there["changes"]
    assert sorted((touch["op"], touch["text"], touch["revision"]) for touch in change["touches"]) == [
        ("delete", "two", 3),
        ("insert", "zwei", 3),
    ]
    assert (there["before_revision"], there["after_revision"], there["count"]) == (2, 3, 1)
    back = server.get("/api/compare", document=name, from_cut=there["after_cut"], to_cut=there["before_cut"])
    assert [piece["op"] for piece in back["changes"][0]["pieces"]] == ["keep", "delete", "insert", "keep"]
    assert server.get("/api/compare", document=name, from_at=3, to_at=3)["changes"] == []
    assert server.get("/api/compare", 404, document=name, from_at=99)["code"] == "not-found"


def test_a_named_version_is_a_cut_and_its_newest_naming_wins(server: Served, name: str) -> None:
    server.create(name, content={"text": "one two three"})
    url = f"/api/versions?document={name}"
    first = {"name": " draft ", "id": str(uuid.uuid4())}
    made = server.http.post(url, json=first)
    assert made.status_code == 201
    base = server.http.get("/api/state", params={"document": name, "as": "update"})
    server.edit(name, rewrite(base.content, 4, 7, "zwei"), session="bob-session", seen=2)
    again = server.http.post(url, json=first)
    assert (again.status_code, again.json()["revision"]) == (200, made.json()["revision"])
    assert server.get("/api/state", document=name, version="draft")["roots"]["text"]["value"] == "one two three"
    assert server.http.post(f"{url}&at=4", json={"name": "draft"}).status_code == 201
    assert server.get("/api/state", document=name, version="draft")["roots"]["text"]["value"] == "one zwei three"
    versions = server.get("/api/versions", document=name)["versions"]
    assert [(one["name"], one["current"]) for one in versions] == [("draft", True), ("draft", False)]
    old = server.get("/api/state", document=name, cut=versions[1]["cut"])
    assert old["roots"]["text"]["value"] == "one two three"
    compared = server.get("/api/compare", document=name, from_cut=versions[1]["cut"], to_version="draft")
    assert compared["count"] == 1
    assert server.http.post(url, json={"name": "  "}).status_code == 400
    assert server.http.post(f"{url}&at=2", json={"name": "x", "cut": versions[1]["cut"]}).status_code == 400
    assert server.http.post(url, json={"name": "x", "cut": "AAAA"}).status_code == 400
