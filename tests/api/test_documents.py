"""Documents and decisions over HTTP."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import pycrdt
import pytest

from keepboth.api.content import content_client, content_event_id, content_update
from keepboth.errors import InvalidRequest
from tests.api.conftest import Served, written

NAMES = [
    "a/events", ".", "..", "../x", "#", "?", "?document=other", "%2F", "%", "a b", " ", "a+b", "&x=1", "😀",
    "é", "e\u0301", "\u202eevil", "'\"<b>", "\\", "a\nb", "/", "//", "state", "ü" * 256,
]  # fmt: skip


def decide(server: Served, document: str, expected: int, **body: Any) -> dict[str, Any]:
    body = {"id": str(uuid.uuid4()), **body}
    answer = server.http.post("/api/decisions", params={"document": document}, json=body)
    assert answer.status_code == expected, answer.text
    result: dict[str, Any] = answer.json()
    return result


@pytest.mark.parametrize("text", NAMES, ids=ascii)
def test_any_text_names_a_document(server: Served, text: str) -> None:
    server.create(text, content={"text": f"I am {text}"})
    other = server.create(f"{text}2"[-500:] if len(text) < 200 else "long")
    assert other["document"] != text
    assert server.get("/api/document", document=text)["document"] == text
    assert server.get("/api/state", document=text)["roots"]["text"]["value"] == f"I am {text}"
    assert {event["subject"] for event in server.get("/api/events", document=text)} == {f"docs/{text}"}
    assert server.get("/api/conflicts", document=text)["complete"]
    own = {"id": str(uuid.uuid4()), "type": "app.seen"}
    assert server.http.post("/api/events", params={"document": text}, json=own).json()["document"] == text
    assert server.edit(text, written("more"))["document"] == text
    assert decide(server, text, 201, type="rename", title="T")["revision"] == 5
    assert server.get("/api/document", document=text)["title"] == "T"
    peeked = server.http.post("/api/peek", params={"document": text}, json={"expected_revision": 5}).json()
    assert (peeked["document"], peeked["holds"]) == (text, True)
    listed = server.get("/api/documents", contains=text, limit=500)["documents"]
    assert text in [one["document"] for one in listed]


@pytest.mark.parametrize("text", ["", "x" * 513, "é" * 257])
def test_a_name_takes_1_to_512_bytes(server: Served, text: str) -> None:
    assert server.get("/api/document", 400, document=text)["field"] == "document"
    answer = server.http.post("/api/documents", json={"document": text})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


def test_a_new_document_is_described(server: Served, name: str) -> None:
    receipt = server.create(name, title="Budget", content={"text": "one", "notes": "two"})
    document = server.get("/api/document", document=name)
    assert document == {
        "document": name,
        "title": "Budget",
        "archived": False,
        "approved_at": None,
        "approved_by": None,
        "revision": 2,
        "edits": 1,
        "hash": document["hash"],
        "created_at": receipt["recorded_at"],
        "updated_at": receipt["recorded_at"],
        "conflicts": {"count": 0, "known_revision": 2, "complete": True},
    }
    assert receipt["status"] == "appended"
    assert server.get("/api/state", document=name)["roots"] == {
        "notes": {"type": "text", "value": "two"},
        "text": {"type": "text", "value": "one"},
    }


def test_creating_twice_with_one_id_is_one_document(server: Served, name: str) -> None:
    body = {"document": name, "title": "T", "content": {"text": "hé😀"}, "id": str(uuid.uuid4())}
    first = server.http.post("/api/documents", json=body)
    server.edit(name, written("later"))
    second = server.http.post("/api/documents", json=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json() == {**first.json(), "status": "duplicate"}
    assert server.get("/api/document", document=name)["edits"] == 2


def test_creating_what_exists_is_refused_with_its_first_event(server: Served, name: str) -> None:
    first = server.create(name)
    answer = server.http.post("/api/documents", json={"document": name, "id": str(uuid.uuid4())})
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "condition-failed"
    assert [event["id"] for event in answer.json()["events"]] == [first["id"]]


def test_one_id_cannot_mean_two_things(server: Served, name: str) -> None:
    first = server.create(name, title="one")
    answer = server.http.post("/api/documents", json={"document": name, "title": "two", "id": first["id"]})
    assert (answer.status_code, answer.json()["code"]) == (409, "identity-clash")
    assert answer.json()["recorded_digest"] != answer.json()["offered_digest"]


def test_content_is_made_from_the_id_alone() -> None:
    one, two = uuid.uuid4().bytes, uuid.uuid4().bytes
    content = {"b": "zwei\n\0", "a": "hé😀", "empty": ""}
    update = content_update(content, one)
    assert update is not None
    assert update == content_update(dict(reversed(content.items())), one)
    assert update != content_update(content, two)
    assert content_event_id(one) == content_event_id(one) != content_event_id(two)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(update)
    assert [str(doc.get(root, type=pycrdt.Text)) for root in "ab"] == ["hé😀", "zwei\n\0"]
    assert pycrdt.Doc(client_id=content_client(one)).client_id == content_client(one)
    assert content_update({"a": ""}, one) is None
    with pytest.raises(InvalidRequest):
        content_update({"a": "\ud800"}, one)


def test_documents_are_paged_by_name(server: Served) -> None:
    names = [f"paged {text}" for text in ("A", "B", "a", "b b", "é", "😀")]
    for text in names:
        server.create(text)
    seen: list[str] = []
    following: str | None = "/api/documents?contains=PAGED%20&limit=4"
    sizes = []
    while following:
        answer = server.http.get(following)
        page = answer.json()
        assert page["next"] == (answer.links["next"]["url"] if "next" in answer.links else None)
        sizes.append(len(page["documents"]))
        seen += [one["document"] for one in page["documents"]]
        following = page["next"]
    assert (seen, sizes) == (sorted(names), [4, 2])


def test_a_decision_is_refused_when_the_world_has_moved_on(server: Served, name: str) -> None:
    server.create(name, content={"text": "x"})
    seen = server.get("/api/document", document=name)["revision"]
    server.edit(name, written("typing starves nothing"))
    won = decide(server, name, 201, type="rename", title="Ann's", seen=seen)
    lost = decide(server, name, 409, type="rename", title="Bob's", seen=seen)
    assert lost["code"] == "condition-failed"
    assert [(event["id"], event["data"]) for event in lost["events"]] == [(won["id"], {"title": "Ann's"})]
    assert server.get("/api/document", document=name)["title"] == "Ann's"
    decide(server, name, 201, type="rename", title="Bob's")


def test_of_many_decisions_at_once_one_wins(server: Served, name: str) -> None:
    server.create(name)
    ids = [str(uuid.uuid4()) for _ in range(8)]

    def rename(event_id: str) -> tuple[int, Any]:
        body = {"type": "rename", "title": event_id, "id": event_id, "seen": 1}
        answer = server.http.post("/api/decisions", params={"document": name}, json=body)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(rename, ids))
    (winner,) = [body["id"] for status, body in answers if status == 201]
    assert {body["events"][0]["id"] for status, body in answers if status == 409} == {winner}
    assert server.get("/api/document", document=name)["title"] == winner


def test_a_repeated_decision_gets_its_receipt_whatever_happened_since(server: Served, name: str) -> None:
    server.create(name)
    event_id = str(uuid.uuid4())
    first = decide(server, name, 201, type="archive", id=event_id)
    assert server.get("/api/document", document=name)["archived"]
    assert decide(server, name, 200, type="archive", id=event_id) == {**first, "status": "duplicate"}
    decide(server, name, 201, type="restore")
    assert decide(server, name, 200, type="archive", id=event_id)["status"] == "duplicate"
    assert not server.get("/api/document", document=name)["archived"]
    assert decide(server, name, 409, type="restore", id=event_id)["code"] == "identity-clash"


def test_what_is_so_already_is_refused_with_the_event_that_made_it_so(server: Served, name: str) -> None:
    server.create(name)
    archived = decide(server, name, 201, type="archive")
    again = decide(server, name, 409, type="archive")
    assert [event["id"] for event in again["events"]] == [archived["id"]]
    server.edit(name, written("archived documents still record edits"))


def test_an_approval_is_for_the_text_that_was_read(server: Served, name: str) -> None:
    server.create(name, content={"text": "x"})
    decide(server, name, 404, type="approve", at=3)
    edited = server.edit(name, written("y"))["receipts"][0]
    refused = decide(server, name, 409, type="approve", at=2)
    assert [event["id"] for event in refused["events"]] == [edited["id"]]
    decide(server, name, 201, type="approve", at=3)
    document = server.get("/api/document", document=name)
    assert (document["approved_at"], document["approved_by"].split(":")[0]) == (3, "guest")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"type": "rename", "title": " "}, "invalid-request"),
        ({"type": "rename"}, "invalid-request"),
        ({"type": "erase"}, "invalid-request"),
        ({"type": "rename", "title": "x", "id": None}, "invalid-request"),
        ({"type": "rename", "title": "x", "id": "not a uuid"}, "invalid-request"),
        ({"type": "archive", "unknown": 1}, "invalid-request"),
        ({"type": "approve", "at": 0}, "invalid-request"),
    ],
)
def test_a_decision_that_makes_no_sense(server: Served, name: str, body: dict[str, Any], code: str) -> None:
    server.create(name)
    assert decide(server, name, 400, **body)["code"] == code


def test_deciding_on_what_does_not_exist(server: Served, name: str) -> None:
    assert decide(server, name, 404, type="archive")["code"] == "not-found"
    assert decide(server, name, 404, type="rename", title="x", seen=0)["code"] == "not-found"
    server.create(name)
    assert decide(server, name, 404, type="rename", title="x", seen=9)["revision"] == 1
    for path in ("/api/document", "/api/state", "/api/events", "/api/conflicts"):
        assert server.get(path, 404, document=name + "?")["code"] == "not-found"


def test_the_newest_documents_come_first_a_page_at_a_time(server: Served, name: str) -> None:
    names = [f"{name} {number}" for number in range(5)]
    for one in names:
        server.create(one)
    server.edit(names[1], written("again"))
    found: list[str] = []
    following: str | None = "/api/documents?" + urlencode({"contains": name, "limit": 2, "sort": "newest"})
    while following is not None:
        page = server.http.get(following).json()
        found += [one["document"] for one in page["documents"]]
        following = page["next"]
    assert found == [names[at] for at in (1, 4, 3, 2, 0)]


@pytest.mark.parametrize("after", ["x", "-1 a", "12", "² a", "9" * 30 + " a"])
def test_a_place_that_no_page_ended_at_is_refused(server: Served, after: str) -> None:
    assert server.get("/api/documents", 400, sort="newest", after=after)["field"] == "after"


def test_a_list_says_what_is_to_be_looked_at(server: Served, name: str) -> None:
    server.collide(name)
    (entry,) = server.get("/api/conflicts", document=name)["conflicts"]
    (listed,) = server.get("/api/documents", contains=name)["documents"]
    assert (listed["open"], listed["present"]) == (1, [])
    wish = {"id": entry["id"], "choice": "leave", "revision": listed["revision"]}
    assert server.http.post("/api/conflict/resolve", json=wish).status_code == 201
    assert server.get("/api/conflicts", document=name)["complete"]
    (listed,) = server.get("/api/documents", contains=name)["documents"]
    assert listed["open"] == 0


def test_a_search_finds_names_and_titles(server: Served, name: str) -> None:
    word = uuid.uuid4().hex
    for number in range(3):
        server.create(f"{name}/{number}", title=f"Title {word} Äpfel" if number else None)
    rename = {"type": "rename", "title": "Something else", "id": str(uuid.uuid4())}

    def found(text: str, **query: Any) -> list[str]:
        listed = server.get("/api/documents", contains=text, **query)["documents"]
        return [one["document"] for one in listed]

    for sort in ("name", "newest"):
        assert sorted(found(word, sort=sort)) == [f"{name}/1", f"{name}/2"]
        assert sorted(found(f"{word} äPFEL", sort=sort)) == [f"{name}/1", f"{name}/2"]
        assert sorted(found(name, sort=sort)) == [f"{name}/{number}" for number in range(3)]
        page = server.get("/api/documents", contains=word, sort=sort, limit=1)
        (rest,) = server.http.get(page["next"]).json()["documents"]
        assert {page["documents"][0]["document"], rest["document"]} == {f"{name}/1", f"{name}/2"}
    server.http.post("/api/decisions", params={"document": f"{name}/2"}, json=rename).raise_for_status()
    assert found(word) == [f"{name}/1"]
    assert f"{name}/2" in found("SOMETHING ELSE")
