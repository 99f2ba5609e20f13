"""The course of a document over HTTP."""

from __future__ import annotations

import uuid

from tests.api.conftest import Served, written


def test_the_course_of_a_document(server: Served, name: str) -> None:
    server.collide(name)
    server.http.get("/api/conflicts", params={"document": name}).raise_for_status()
    body = server.get("/api/timeline", document=name, buckets=8)
    row = server.get("/api/document", document=name)
    assert (body["revision"], body["edits"], body["axis"]) == (row["revision"], row["edits"], "arrived")
    assert body["cut"] == server.http.get("/api/state", params={"document": name}).headers["KeepBoth-Cut"]
    assert len(body["revisions"]) == len(body["times"]) == len(body["worked_s"]) == 8
    assert body["revisions"][-1] == row["revision"]
    assert sum(sum(one["counts"]) for one in body["authors"]) == row["edits"]
    assert {one["actor"] for one in body["authors"]} == {one["actor"] for one in body["people"]}
    (mark,) = body["conflicts"]["marks"]
    entry = server.get("/api/conflict", id=mark["id"], document=name)["conflict"]
    assert mark["revision"] == max(min(side["revisions"]) for side in entry["sides"])
    assert (mark["first_revision"], mark["last_revision"]) == (entry["first_revision"], entry["last_revision"])
    assert (body["conflicts"]["count"], body["conflicts"]["open"]) == (1, 1)


def test_named_moments_lie_where_they_show(server: Served, name: str) -> None:
    server.create(name, content={"text": "one"})
    for at, said in ((1, "empty"), (2, "first"), (2, "empty")):
        server.http.post(
            "/api/versions", params={"document": name, "at": at}, json={"name": said, "id": str(uuid.uuid4())}
        ).raise_for_status()
    body = server.get("/api/timeline", document=name)
    assert sorted((one["name"], one["revision"]) for one in body["versions"]) == [("empty", 2), ("first", 2)]
    for one in body["versions"]:
        assert server.get("/api/state", document=name, cut=one["cut"])["revision"] == one["revision"]


def test_as_it_was_written_there_are_times_only(server: Served, name: str) -> None:
    server.create(name, content={"text": "one"})
    body = server.get("/api/timeline", document=name, axis="written", buckets=3)
    assert body["revisions"] is None
    state = server.get("/api/state", document=name, authored=body["times"][-1])
    assert state["roots"]["text"]["value"] == "one"
    assert body["first_at"] <= body["times"][0]


def test_it_keeps_up_with_the_log(server: Served, name: str) -> None:
    server.create(name)
    before = server.get("/api/timeline", document=name)
    server.edit(name, written("more"), session="somebody-else")
    after = server.get("/api/timeline", document=name)
    assert (before["edits"], after["edits"], after["revision"]) == (0, 1, before["revision"] + 1)
    assert after["stops"] == [after["revision"]]


def test_what_it_refuses(server: Served, name: str) -> None:
    assert server.get("/api/timeline", status=404, document=name)["code"] == "not-found"
    server.create(name)
    for query in ({"buckets": 0}, {"buckets": 2001}, {"axis": "sideways"}, {"pause": 0}):
        assert server.get("/api/timeline", status=400, document=name, **query)["code"] == "invalid-request"
