"""The conflict log over HTTP."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator, ValidationError
from pydantic import BaseModel

from keepboth.api import card_models
from keepboth.telling import attention, cards, choices, differences, outcomes, passages, people, places, sentences
from tests.api.conftest import Served, rewrite, serving, timeless, written
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
    assert timeless(shown["conflict"]) == timeless(conflict)
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


def told(server: Served, **query: Any) -> list[str]:
    """The documents of the entries that a query finds, in order."""
    answer = server.http.get("/api/conflicts", params=query)
    assert answer.status_code == 200, answer.text
    return [one["document"] for one in answer.json()["conflicts"]]


def test_entries_are_chosen_by_what_they_are(server: Served, name: str) -> None:
    word = f"w{name[-12:]}"
    texts = {f"{name}/{n}": f"{word} two{n} three" for n in range(3)}
    for document, text in texts.items():
        server.create(document, content={"text": text})
        base = server.http.get("/api/state", params={"document": document, "as": "update"})
        seen = int(base.headers["KeepBoth-Revision"])
        at = len(word) + 1
        for who, said in (("ann", f"{word}-{document[-1]}"), ("bob", f"ZWEI{document[-1]}")):
            session = f"{who}-{document[-1]}-{name[-12:]}"
            server.edit(document, rewrite(base.content, at, at + 4, said), session=session, seen=seen)
        server.get("/api/conflicts", document=document)
    first, second, third = texts
    (entry,) = server.get("/api/conflicts", document=first)["conflicts"]
    assert told(server, q=word) == [first, second, third]
    assert told(server, q=f"{word} zwei1") == [second]
    assert told(server, q=word, actor=f"guest:ann-2-{name[-12:]}") == [third]
    assert told(server, q=word, status="open") == [first, second, third]
    assert told(server, q=word, status=["settled", "resolved"]) == []
    assert told(server, q=word, severity=[entry["severity"], "lost"]) == [first, second, third]
    assert told(server, q=word, severity="lost") == told(server, q=word, kind="map-key") == []
    assert told(server, q=word, kind=["map-key", "insert-insert"], document=second) == [second]
    assert told(server, q=word, self_only=True) == told(server, q=word, double_initialisation=True) == []
    assert told(server, q=word, self_only=False, double_initialisation=False, certain=True) == [first, second, third]
    assert told(server, q=word, sort="newest") == [third, second, first]
    assert told(server, q=word, **{"for": f"guest:ann-1-{name[-12:]}"}) == [second, third, first]
    (later,) = server.get("/api/conflicts", document=second)["conflicts"]
    assert told(server, q=word, since=later["first_at"]) == [second, third]
    assert told(server, q=word, until=entry["last_at"]) == [first]
    assert told(server, q=word, since=entry["last_at"], until=entry["last_at"]) == [first]
    assert told(server, q=word, until=entry["first_at"].replace("Z", "+00:00")) == [first]

    following: str | None = f"/api/conflicts?q={word}&sort=newest&limit=1&status=open&status=settled&kind=insert-insert"
    found = []
    while following:
        answer = server.http.get(following)
        found += [one["document"] for one in answer.json()["conflicts"]]
        following = answer.json()["next"]
        assert (answer.headers.get("Link") is None) == (following is None)
    assert found == [third, second, first]
    assert told(server, q=word, after=entry["id"], document=first) == []

    counts = server.get("/api/conflicts/counts", q=word)
    assert {key: counts[key] for key in ("total", "statuses", "severities", "certain", "possible", "documents")} == {
        "total": 3,
        "statuses": {"open": 3, "settled": 0, "resolved": 0},
        "severities": {entry["severity"]: 3},
        "certain": 3,
        "possible": 0,
        "documents": [{"document": document, "total": 1, "open": 1} for document in texts],
    }
    assert counts["kinds"] == dict.fromkeys(entry["kinds"], 3)
    counted = server.get("/api/conflicts/counts", document=first, certain=False)
    assert (counted["total"], counted["known_revision"], counted["complete"]) == (0, 4, True)


@pytest.mark.parametrize(
    "query",
    [
        {"status": "closed"}, {"severity": "bad"}, {"kind": "overlap"}, {"since": "2026-01-01T00:00:00"},
        {"since": "x"}, {"sort": "oldest"}, {"after": "~x"}, {"q": "x" * 201}, {"limit": 501}, {"certain": "perhaps"},
    ],
    ids=str,
)  # fmt: skip
def test_a_filter_that_makes_no_sense_is_said_to(server: Served, query: dict[str, Any]) -> None:
    answer = server.http.get("/api/conflicts", params=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid-request")


def test_a_page_behind_an_entry_that_is_not_there(server: Served) -> None:
    assert server.get("/api/conflicts", 404, after="c-1-2")["code"] == "not-found"


def test_documents_may_share_an_id(server: Served, name: str) -> None:
    """A copied document has the same Yjs ids, and a collision in it the same id."""
    base = written("one two three")
    people = [rewrite(base, 4, 7, word) for word in ("TWO", "zwei")]
    for document in (f"{name}/a", f"{name}/b"):
        server.edit(document, base)
        for number, update in enumerate(people):
            server.edit(document, update, session=f"session-{number}", seen=2)
    (one,) = server.get("/api/conflicts", document=f"{name}/a")["conflicts"]
    (other,) = server.get("/api/conflicts", document=f"{name}/b")["conflicts"]
    assert one["id"] == other["id"]
    for entry in (one, other):
        again = server.get("/api/conflict", id=entry["id"], document=entry["document"])["conflict"]
        assert timeless(again) == timeless(entry)
    assert server.get("/api/conflict", 400, id=one["id"])["field"] == "document"
    assert server.get("/api/conflict", 404, id=one["id"], document="elsewhere")["code"] == "not-found"


def test_answers_are_what_the_description_says(server: Served, name: str) -> None:
    """By a JSON Schema validator that knows nothing of us."""
    server.collide(name)
    description = server.get("/openapi.json")

    def check(path: str, value: Any, media_type: str = "application/json") -> None:
        schema = description["paths"][path]["get"]["responses"]["200"]["content"][media_type]["schema"]
        Draft202012Validator({**schema, "components": description["components"]}).validate(value)

    listed = server.get("/api/conflicts", document=name)
    check("/api/conflicts", listed)
    check("/api/conflicts/counts", server.get("/api/conflicts/counts"))
    check("/api/conflict", server.get("/api/conflict", id=listed["conflicts"][0]["id"], document=name))
    check(
        "/api/conflicts/feed", {"event": "conflict", "data": {"conflict": listed["conflicts"][0]}}, "text/event-stream"
    )
    with pytest.raises(ValidationError):
        check("/api/conflicts", {**listed, "complete": "perhaps"})
    with pytest.raises(ValidationError):
        check("/api/conflicts", {**listed, "conflicts": [{**listed["conflicts"][0], "status": "closed"}]})
    with pytest.raises(ValidationError):
        check("/api/conflicts/feed", {"event": "conflict", "data": {"conflict": {}}}, "text/event-stream")


@pytest.mark.parametrize(
    ("model", "value"),
    [
        (card_models.CardBody, cards.Card), (card_models.PersonBody, people.Person),
        (card_models.WhereBody, places.Where),
        (card_models.SentenceBody, sentences.Sentence), (card_models.PassageBody, passages.Passage),
        (card_models.OfferBody, choices.Choice), (card_models.AttentionBody, attention.Attention),
        (card_models.OutcomeBody, outcomes.Outcome), (card_models.WrittenBody, cards.Written),
        (card_models.MissingBody, cards.Missing), (card_models.PieceBody, differences.Piece),
    ],
)  # fmt: skip
def test_cards_are_given_out_whole(model: type[BaseModel], value: type[Any]) -> None:
    fields = getattr(value, "_fields", None) or value.__dataclass_fields__
    assert list(model.model_fields) == list(fields)


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
