"""The log over HTTP as an archive, and updates from elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from keepboth.exchange.lines import parts
from keepboth.exchange.restoring import Restored, restore
from keepboth.store.memory import MemoryStore
from tests.api.conftest import Served, serving, written

UPDATE = "application/x.yjs-update-v1"


def copy_of(server: Served, **query: Any) -> tuple[MemoryStore, Restored, Any]:
    with server.http.stream("GET", "/api/export", params=query) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/x-ndjson"
        text = b"".join(answer.iter_bytes()).splitlines(keepends=True)
    store = MemoryStore()
    return store, restore(store, parts(text)), answer.headers


def test_a_whole_log_is_streamed_and_makes_the_same_log(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.collide("plans")
        for number in range(300):
            server.edit(f"d{number % 7}", written("x" * 600))
        copy, result, headers = copy_of(server)
        head = server.application.store.head()
        assert (result.same_head, result.head) == (True, head)
        assert headers["KeepBoth-Position"] == str(head.position)
        assert headers["KeepBoth-Hash"] == head.commit_hash.hex()
        server.edit("plans", written("later"))
        with server.http.stream("GET", "/api/export", params={"after": head.position}) as answer:
            more = restore(copy, parts(answer.read().splitlines(keepends=True)))
        assert (more.same_head, more.appended) == (True, server.application.store.head().position - head.position)


def test_one_document_is_streamed_up_to_a_revision(server: Served, name: str) -> None:
    server.create(name, content={"text": "one"})
    server.edit(name, written("two"))
    copy, _, headers = copy_of(server, document=name)
    assert copy.documents() == [server.application.store.document(name)]
    assert headers["KeepBoth-Revision"] == "3"
    copy, _, headers = copy_of(server, document=name, until=2)
    (row,) = copy.documents()
    assert row.document_hash.hex() == headers["KeepBoth-Hash"]
    assert row.document_hash == server.application.store.hash_at(name, 2)


@pytest.mark.parametrize(
    ("query", "status"),
    [({"document": "no such"}, 404), ({"until": 1 << 40}, 404), ({"after": -1}, 400), ({"document": ""}, 400)],
    ids=str,
)
def test_what_cannot_be_exported(server: Served, query: dict[str, Any], status: int) -> None:
    server.create(f"something {query}")
    problem = server.get("/api/export", status=status, **query)
    assert problem["status"] == status


def test_an_update_of_several_authors_comes_in_as_one_event(server: Served, name: str) -> None:
    one: pycrdt.Doc[Any] = pycrdt.Doc(client_id=21)
    two: pycrdt.Doc[Any] = pycrdt.Doc(client_id=22)
    one.get("text", type=pycrdt.Text).insert(0, "One two three.")
    two.apply_update(one.get_update())
    del two.get("text", type=pycrdt.Text)[4:8]
    two.get("text", type=pycrdt.Text).insert(0, "Ein ")
    update = bytes(two.get_update())

    def send(body: bytes) -> tuple[int, dict[str, Any]]:
        answer = server.http.post(
            "/api/import", params={"document": name}, content=body, headers={"Content-Type": UPDATE}
        )
        return answer.status_code, answer.json()

    status, told = send(update)
    assert (status, told["status"], len(told["receipts"])) == (201, "appended", 1)
    status, again = send(update)
    assert (status, again["status"], again["receipts"][0]["id"]) == (200, "duplicate", told["receipts"][0]["id"])
    other: pycrdt.Doc[Any] = pycrdt.Doc(client_id=23)
    other.apply_update(update)
    status, again = send(bytes(other.get_update()))
    assert (status, again["status"]) == (200, "duplicate")
    events = server.get("/api/events", document=name, types="edit.recorded")
    assert [(event["actorkind"], event["id"]) for event in events] == [("import", told["receipts"][0]["id"])]
    shown = server.http.get("/api/state", params={"document": name, "as": "text"})
    assert shown.text == "Ein One three."
    assert send(b"nonsense")[1]["code"] == "malformed-update"
    refused = server.http.post("/api/import", params={"document": name}, json={})
    assert refused.status_code == 400
    assert json.loads(refused.text)["code"] == "invalid-request"
