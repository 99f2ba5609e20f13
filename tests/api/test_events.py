"""The log over HTTP: reading, appending, asking."""

from __future__ import annotations

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from keepboth.api.models import CloudEvent
from keepboth.cloudevents import cloud_event, rfc3339
from keepboth.events import Context, Event
from tests.api.conftest import Served, written

YJS = "application/x.yjs-update-v1"


def append(server: Served, document: str, expected: int = 201, **body: Any) -> dict[str, Any]:
    body = {"id": str(uuid.uuid4()), "type": "app.noted", **body}
    answer = server.http.post("/api/events", params={"document": document}, json=body)
    assert answer.status_code == expected, answer.text
    result: dict[str, Any] = answer.json()
    return result


def pages(server: Served, **query: Any) -> list[list[dict[str, Any]]]:
    """Every page, following the links."""
    found: list[list[dict[str, Any]]] = []
    answer = server.http.get("/api/events", params=query)
    while True:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/cloudevents-batch+json"
        found.append(answer.json())
        if "next" not in answer.links:
            return found
        answer = server.http.get(answer.links["next"]["url"])


def revisions(found: list[list[dict[str, Any]]]) -> list[int]:
    return [event["docrevision"] for page in found for event in page]


# -- reading ---------------------------------------------------------------------------------------------------------


def test_an_event_is_a_cloud_event(server: Served, name: str) -> None:
    update, event_id = written("hé"), str(uuid.uuid4())
    server.create(name)
    query = {"id": event_id, "seen": 1, "session": "ann-session", "correlation_id": "c", "causation_id": "why"}
    receipt = server.edit(name, update, **query)["receipts"][0]
    answer = server.http.get("/api/event", params={"id": event_id})
    assert answer.headers["content-type"] == "application/cloudevents+json"
    stored = server.application.store.get(uuid.UUID(event_id).bytes)
    assert stored is not None
    assert answer.json() == {
        "specversion": "1.0",
        "id": event_id,
        "source": f"urn:uuid:{server.application.store.store_id}",
        "type": "dev.keepboth.edit.recorded.v1",
        "subject": f"docs/{name}",
        "time": receipt["recorded_at"],
        "recordedtime": receipt["recorded_at"],
        "sequence": f"{receipt['position']:020d}",
        "partitionkey": name,
        "docrevision": 2,
        "dochash": stored.document_hash.hex(),
        "datacontenttype": YJS,
        "data_base64": base64.b64encode(update).decode(),
        "authid": "guest:ann-session",
        "authtype": "unauthenticated",
        "actorkind": "anonymous",
        "timequality": "assumed",
        "disposition": "ready",
        "session": "ann-session",
        "correlationid": "c",
        "causationid": "why",
        "contextsource": "declared",
        "context": base64.b64encode(Context.of(1).to_bytes()).decode(),
    }
    assert server.get("/api/event", 404, id=str(uuid.uuid4()))["code"] == "not-found"
    assert server.get("/api/event", 400, id="x")["code"] == "invalid-request"


def event(payload: bytes | None, content_type: str = "application/json", **changes: Any) -> Event:
    values: dict[str, Any] = {
        "position": 7, "document": "d", "revision": 3, "id": bytes(16), "type": "app.x", "content_type": content_type,
        "actor": "ann", "actor_kind": "human", "session": None, "session_seq": None, "part": 0, "clients": (),
        "relayed_by": None, "context": None, "context_source": "none", "message_digest": None,
        "recorded_at": 1_700_000_000_000_001, "authored_at": 0, "time_quality": "claimed", "correlation_id": None,
        "causation_id": None, "away_from": None, "payload": payload, "payload_digest": bytes(32), "payload_len": 0,
        "disposition": "ready", "document_hash": bytes(32),
    }  # fmt: skip
    return Event(**{**values, **changes})


@pytest.mark.parametrize(
    ("payload", "shown"),
    [
        (b'{"a":[1,2.5,"\xc3\xa9"]}', {"data": {"a": [1, 2.5, "é"]}}),
        (b"null", {"data": None}),
        (b"", {"data_base64": ""}),
        (b"{", {"data_base64": "ew=="}),
        (b"NaN", {"data_base64": "TmFO"}),
        (b'"\\ud800"', {"data_base64": "Ilx1ZDgwMCI="}),
        (b'"\\ud83d\\ude00"', {"data": "😀"}),
        (b"[" * 100_000, {"data_base64": base64.b64encode(b"[" * 100_000).decode()}),
        (None, {"erased": True}),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_json_is_shown_as_json_if_nothing_is_lost(payload: bytes | None, shown: dict[str, Any]) -> None:
    out = cloud_event(event(payload), "s")
    assert {key: out[key] for key in ("data", "data_base64", "erased") if key in out} == shown
    CloudEvent(**out)


def test_who_is_a_principal_of_the_auth_context_extension() -> None:
    kinds = ("human", "agent", "system", "import", "anonymous")
    shown = [cloud_event(event(b"", actor_kind=kind), "s") for kind in kinds]
    assert [one["authtype"] for one in shown] == ["user", "service_account", "system", "unknown", "unauthenticated"]
    assert [one["actorkind"] for one in shown] == list(kinds)


def test_times_have_microseconds_and_an_end() -> None:
    assert rfc3339(1_700_000_000_000_001) == "2023-11-14T22:13:20.000001Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert rfc3339(1 << 62) == "9999-12-31T23:59:59.999999Z"


def test_a_document_is_paged_both_ways(server: Served, name: str) -> None:
    server.create(name)
    for _ in range(9):
        append(server, name)
    forward = pages(server, document=name, limit=4)
    assert [len(page) for page in forward] == [4, 4, 2]
    assert revisions(forward) == list(range(1, 11))
    backward = pages(server, document=name, limit=4, reverse=True)
    assert revisions(backward) == list(range(10, 0, -1))
    assert revisions(pages(server, document=name, limit=2, after=3, until=8)) == [4, 5, 6, 7, 8]
    assert revisions(pages(server, document=name, limit=2, after=3, until=8, reverse=True)) == [8, 7, 6, 5, 4]
    assert pages(server, document=name, after=10) == [[]]
    assert pages(server, document=name, after=8, until=3) == [[]]
    for page in forward:
        for one in page:
            CloudEvent(**one)


def test_the_whole_log_is_paged_both_ways(server: Served, name: str) -> None:
    first = server.create(name)["position"]
    for at in range(4):
        append(server, f"{name}{at}")
    head = int(server.http.get("/api/events", params={"limit": 1}).headers["KeepBoth-Position"])
    forward = [one["sequence"] for page in pages(server, after=first - 1, limit=4) for one in page]
    assert [int(place) for place in forward] == list(range(first, head + 1))
    backward = [one["sequence"] for page in pages(server, after=first - 1, limit=4, reverse=True) for one in page]
    assert backward == forward[::-1]


def test_pages_keep_to_the_log_as_it_was_when_asked(server: Served, name: str) -> None:
    server.create(name)
    for _ in range(3):
        append(server, name)
    first = server.http.get("/api/events", params={"document": name, "limit": 2})
    append(server, name)
    second = server.http.get(first.links["next"]["url"])
    assert (first.headers["KeepBoth-Revision"], second.headers["KeepBoth-Revision"]) == ("4", "5")
    assert ([one["docrevision"] for one in second.json()], second.links) == ([3, 4], {})
    assert revisions(pages(server, document=name, after=4)) == [5]


def test_events_are_chosen_by_type_and_actor(server: Served, name: str) -> None:
    server.create(name)
    for session in ("ann-session", "bob-session"):
        for kind in ("app.one", "app.two", "app.three"):
            body = {"id": str(uuid.uuid4()), "type": kind}
            query = {"document": name, "session": session}
            assert server.http.post("/api/events", params=query, json=body).status_code == 201
    assert revisions(pages(server, document=name, types=["app.one", "app.two"], limit=1)) == [2, 3, 5, 6]
    assert revisions(pages(server, document=name, actors="guest:bob-session", reverse=True, limit=2)) == [7, 6, 5]
    assert revisions(pages(server, document=name, types="app.one", actors=["guest:ann-session", "x"])) == [2]
    assert pages(server, document=name, types="app.none") == [[]]


def test_a_page_ends_before_it_is_too_large(server: Served, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.api.events.MAX_PAGE_BYTES", 2500)
    server.create(name)
    for _ in range(5):
        append(server, name, data="x" * 1000)
    assert [len(page) for page in pages(server, document=name)] == [4, 2]
    assert revisions(pages(server, document=name, reverse=True)) == [6, 5, 4, 3, 2, 1]


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"after": -1}, {"reverse": "perhaps"}])
def test_a_page_that_makes_no_sense(server: Served, query: dict[str, Any]) -> None:
    assert server.get("/api/events", 400, **query)["code"] == "invalid-request"


# -- an application's own events ---------------------------------------------------------------------------------------


def test_an_application_records_its_own_events(server: Served, name: str) -> None:
    server.create(name)
    data = {"b": [1, None, "é"], "a": {"deep": True}}
    receipt = append(server, name, type="com.acme.Review-1_done", data=data, causation_id="x", correlation_id="y")
    shown = server.get("/api/event", id=receipt["id"])
    assert (shown["type"], shown["data"]) == ("dev.keepboth.com.acme.Review-1_done.v1", data)
    assert (shown["causationid"], shown["correlationid"], receipt["revision"]) == ("x", "y", 2)


def test_repeating_an_event_is_safe(server: Served, name: str) -> None:
    server.create(name)
    event_id = str(uuid.uuid4())
    condition = {"expected_revision": 1}
    first = append(server, name, 201, id=event_id, data={"a": 1, "b": 2}, condition=condition)
    again = append(server, name, 200, id=event_id, data={"b": 2, "a": 1}, condition=condition)
    assert again == {**first, "status": "duplicate"}
    clash = append(server, name, 409, id=event_id, data={"a": 2}, condition=condition)
    assert clash["code"] == "identity-clash"


def test_the_same_event_sent_at_once_is_one(server: Served, name: str) -> None:
    server.create(name)
    body = {"id": str(uuid.uuid4()), "type": "app.once", "condition": {"expected_revision": 1}}
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda _: server.http.post("/api/events", params={"document": name}, json=body), range(6))
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert {answer.json()["revision"] for answer in answers} == {2}


def test_a_condition_is_tested_with_the_append(server: Served, name: str) -> None:
    absent, exists = {"document_absent": True}, {"document_exists": True}
    assert append(server, name, 409, condition=exists)["events"] == []
    append(server, name, condition=absent, type="app.first")
    assert revisions(pages(server, document=name)) == [1, 2]
    refused = append(server, name, 409, condition=absent)
    assert [one["type"] for one in refused["events"]] == ["dev.keepboth.document.created.v1"]
    append(server, name, condition={"expected_revision": 2}, type="app.second")
    refused = append(server, name, 409, condition={"expected_revision": 2})
    assert [one["docrevision"] for one in refused["events"]] == [3]
    server.edit(name, written("typing"))
    append(server, name, condition={"none_since": {"revision": 3, "types": ["app.second", "app.third"]}})
    refused = append(server, name, 409, condition={"none_since": {"revision": 2, "types": ["app.second"]}})
    assert [one["type"] for one in refused["events"]] == ["dev.keepboth.app.second.v1"]
    assert refused["revision"] == 5
    for one in refused["events"]:
        CloudEvent(**one)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "edit.recorded"},
        {"type": "document.created"},
        {"type": "Conflict.resolved"},
        {"type": "erasure.x"},
        {"type": ""},
        {"type": "a b"},
        {"type": "x" * 201},
        {"id": None},
        {"id": "1"},
        {"condition": {}},
        {"condition": {"document_absent": True, "document_exists": True}},
        {"condition": {"document_absent": False}},
        {"condition": {"expected_revision": -1}},
        {"condition": {"sometime": True}},
        {"revision": 5},
    ],
    ids=str,
)
def test_an_event_that_cannot_be_recorded(server: Served, name: str, body: dict[str, Any]) -> None:
    assert append(server, name, 400, **body)["code"] == "invalid-request"
    assert server.application.store.document(name) is None


@pytest.mark.parametrize(
    "text", ['"\\ud800"', "NaN", "[" * 50_000 + "]" * 50_000, "1" * 5000, '{"\\udfff": 1}'], ids=lambda t: t[:10]
)
def test_data_that_is_no_json_text(server: Served, name: str, text: str) -> None:
    body = f'{{"id": "{uuid.uuid4()}", "type": "app.x", "data": {text}}}'
    answer = server.http.post(
        "/api/events", params={"document": name}, content=body, headers={"Content-Type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


def test_peeking_writes_nothing(server: Served, name: str) -> None:
    def peek(**condition: Any) -> dict[str, Any]:
        answer = server.http.post("/api/peek", params={"document": name}, json=condition)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    assert peek(document_absent=True) == {"document": name, "revision": 0, "holds": True, "events": []}
    assert not peek(document_exists=True)["holds"]
    server.create(name)
    refused = peek(document_absent=True)
    assert (refused["holds"], refused["revision"], len(refused["events"])) == (False, 1, 1)
    assert refused["events"] == [{**one, "erased": None} | one for one in refused["events"]]
    assert peek(none_since={"revision": 1})["holds"]
    assert server.get("/api/document", document=name)["revision"] == 1


# -- edits -------------------------------------------------------------------------------------------------------------


def test_an_edit_can_be_sent_as_bytes_or_as_json(server: Served, name: str) -> None:
    one, two = written("one"), written("two")
    first = server.edit(name, one, id=str(uuid.uuid4()))
    body = {"update": base64.b64encode(two).decode(), "id": str(uuid.uuid4()), "seen": 2}
    answer = server.http.post("/api/edits", params={"document": name}, json=body)
    assert (first["status"], answer.status_code, answer.json()["status"]) == ("appended", 201, "appended")
    assert [one["id"] for one in answer.json()["receipts"]] == [body["id"]]
    text = server.http.get("/api/state", params={"document": name, "as": "text"}).text
    assert sorted([text[:3], text[3:]]) == ["one", "two"]


def test_repeating_an_edit_is_safe(server: Served, name: str) -> None:
    update, event_id = written("once"), str(uuid.uuid4())
    first = server.edit(name, update, id=event_id)
    again = server.edit(name, update, id=event_id)
    assert again["status"] == "duplicate"
    assert again["receipts"] == [{**first["receipts"][0], "status": "duplicate"}]
    assert server.edit(name, update) == {"document": name, "status": "duplicate", "receipts": []}
    assert server.get("/api/document", document=name)["edits"] == 1


def test_an_edit_under_a_taken_id_is_kept_too(server: Served, name: str) -> None:
    event_id = str(uuid.uuid4())
    server.edit(name, written("one"), id=event_id)
    kept = server.edit(name, written("two"), id=event_id)
    assert (kept["status"], kept["receipts"][0]["id"] == event_id) == ("rekeyed", False)
    assert server.get("/api/document", document=name)["edits"] == 2


def test_the_first_edit_creates_its_document(server: Served, name: str) -> None:
    assert server.edit(name, written("x"))["receipts"][0]["revision"] == 2
    types = [one["type"] for one in server.get("/api/events", document=name)]
    assert types == ["dev.keepboth.document.created.v1", "dev.keepboth.edit.recorded.v1"]


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"", YJS, "invalid-request"),
        (b"no update", YJS, "malformed-update"),
        (written("x")[:-1], YJS, "malformed-update"),
        (written("x"), "text/plain", "invalid-request"),
        (b'{"update": "***"}', "application/json", "invalid-request"),
        (b'{"update": ""}', "application/json", "invalid-request"),
        (b'{"update": "AAA=", "id": "x"}', "application/json", "invalid-request"),
        (b'{"update": 1}', "application/json", "invalid-request"),
        (b"[]", "application/json", "invalid-request"),
        (b"{", "application/json", "invalid-request"),
        (b'{"update": "\xff"}', "application/json; charset=utf-8", "invalid-request"),
    ],
    ids=[
        "empty",
        "no update",
        "cut",
        "another type",
        "no base64",
        "no bytes",
        "no id",
        "a number",
        "a list",
        "no JSON",
        "no UTF-8",
    ],
)
def test_a_body_that_is_no_edit(server: Served, name: str, body: bytes, kind: str, code: str) -> None:
    answer = server.http.post(
        "/api/edits", params={"document": name}, content=body, headers={"Content-Type": kind} if kind else {}
    )
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_two_guests_are_never_taken_for_one(server: Served, name: str) -> None:
    server.edit(name, written("one"))
    server.edit(name, written("two"))
    sessions = {one.get("session") for one in server.get("/api/events", document=name, types="edit.recorded")}
    assert len(sessions) == 2
