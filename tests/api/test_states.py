"""Any revision of a document, in every form."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest

from tests.api.conftest import Served, rewrite, written


def state(server: Served, document: str, status: int = 200, **query: Any) -> Any:
    answer = server.http.get("/api/state", params={"document": document, **query})
    assert answer.status_code == status, answer.text
    return answer


def test_every_revision_can_be_read_as_text(server: Served, name: str) -> None:
    server.create(name)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    for word in ("Grüße", ", ", "😀"):
        before = doc.get_state()
        text += word
        server.edit(name, doc.get_update(before), session="typist-1")
    answers = [state(server, name, at=at, **{"as": "text"}) for at in range(5)]
    assert [answer.text for answer in answers] == ["", "", "Grüße", "Grüße, ", "Grüße, 😀"]
    assert [answer.headers["KeepBoth-Revision"] for answer in answers] == list("01234")
    assert answers[4].headers["content-type"] == "text/plain; charset=utf-8"
    assert state(server, name, **{"as": "text"}).text == "Grüße, 😀"
    assert state(server, name, 404, at=5).json()["revision"] == 4


def test_every_kind_of_root_is_json(server: Served, name: str) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("list", type=pycrdt.Array).extend([1, "two", {"three": [True, None, 1.5]}])
    doc.get("settings", type=pycrdt.Map)["theme"] = "dark"
    doc.get("text", type=pycrdt.Text).insert(0, "t")
    server.edit(name, doc.get_update())
    body = state(server, name).json()
    assert body == {
        "document": name,
        "revision": 2,
        "hash": body["hash"],
        "cut": body["cut"],
        "pending": 0,
        "quarantined": 0,
        "roots": {
            "list": {"type": "array", "value": [1, "two", {"three": [True, None, 1.5]}]},
            "settings": {"type": "map", "value": {"theme": "dark"}},
            "text": {"type": "text", "value": "t"},
        },
    }
    assert list(state(server, name, root="settings").json()["roots"]) == ["settings"]
    assert state(server, name, 404, root="absent").json()["roots"] == ["list", "settings", "text"]
    assert state(server, name, 400, root="list", **{"as": "text"}).json()["field"] == "root"


def test_several_texts_need_a_name(server: Served, name: str) -> None:
    server.create(name, content={"a": "1", "b": "2"})
    assert state(server, name, 400, **{"as": "text"}).json()["roots"] == ["a", "b"]
    assert state(server, name, root="b", **{"as": "text"}).text == "2"


def test_a_state_is_an_update_that_anybody_can_go_on_from(server: Served, name: str) -> None:
    server.create(name, content={"text": "one two three"})
    update = state(server, name, **{"as": "update"})
    assert update.headers["content-type"] == "application/x.yjs-update-v1"
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(update.content)
    assert str(doc.get("text", type=pycrdt.Text)) == "one two three"
    server.edit(name, rewrite(update.content, 4, 7, "2"), seen=2)
    assert state(server, name, **{"as": "text"}).text == "one 2 three"
    assert state(server, name, 400, root="text", **{"as": "update"}).json()["code"] == "invalid-request"


def test_a_state_that_is_known_is_not_sent_again(server: Served, name: str) -> None:
    server.create(name, content={"text": "x"})
    first = state(server, name)
    assert first.headers["ETag"] == f'"{first.json()["hash"]}"'
    for known in (first.headers["ETag"], f'"other", W/{first.headers["ETag"]}', "*"):
        again = server.http.get("/api/state", params={"document": name}, headers={"If-None-Match": known})
        assert (again.status_code, again.content, again.headers["KeepBoth-Revision"]) == (304, b"", "2")
    server.edit(name, written("y"))
    again = server.http.get("/api/state", params={"document": name}, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200
    assert state(server, name, at=2).headers["ETag"] == first.headers["ETag"]


def test_what_does_not_show_is_counted(server: Served, name: str) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    text += "first"
    first, before = doc.get_update(), doc.get_state()
    text += " second"
    second = doc.get_update(before)
    waiting = server.edit(name, second, session="typist-1")
    assert waiting["receipts"][0]["disposition"] == "pending"
    assert waiting["receipts"][0]["missing"] == [{"client": doc.client_id, "clock": 4, "length": 1}]
    answer = state(server, name)
    assert (answer.json()["pending"], answer.json()["roots"], answer.headers["KeepBoth-Pending"]) == (1, {}, "1")
    server.edit(name, first, session="typist-1")
    assert state(server, name, **{"as": "text"}).text == "first second"


@pytest.mark.parametrize("query", [{"at": -1}, {"at": "x"}, {"as": "html"}, {"at": 1 << 64}])
def test_a_question_that_makes_no_sense(server: Served, name: str, query: dict[str, Any]) -> None:
    server.create(name)
    assert state(server, name, 400, **query).json()["code"] == "invalid-request"


def test_a_moment_has_many_names(server: Served, name: str) -> None:
    server.create(name)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    receipts = []
    for number, word in enumerate(("one", " two", " three"), 1):
        before = doc.get_state()
        text += word
        receipts.append(server.edit(name, doc.get_update(before), session="typist-1", seen=number)["receipts"][0])
    second = receipts[1]
    head = state(server, name, **{"as": "text"})
    for query in (
        {"at": second["revision"]},
        {"position": second["position"]},
        {"event": second["id"]},
        {"recorded": second["recorded_at"]},
        {"authored": second["recorded_at"]},
        {"recorded": second["recorded_at"], "authored": "2999-01-01T00:00:00+01:00"},
        {"seen_by": second["id"]},
    ):
        answer = state(server, name, **query, **{"as": "text"})
        assert answer.text == "one two"
        again = state(server, name, cut=answer.headers["KeepBoth-Cut"], **{"as": "text"})
        assert (again.text, again.headers["ETag"]) == (answer.text, answer.headers["ETag"])
    assert state(server, name, cut=head.headers["KeepBoth-Cut"], **{"as": "text"}).text == "one two three"
    assert state(server, name, 400, recorded="2026-01-01T00:00:00").json()["field"] == "recorded"
    assert state(server, name, 400, at=1, position=1).json()["named"] == ["revision", "position"]
    assert state(server, name, 404, version="none").json()["code"] == "not-found"
    assert state(server, name, 400, cut="nonsense").json()["code"] == "invalid-request"
