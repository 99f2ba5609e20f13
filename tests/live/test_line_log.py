"""Conflicts at line grain: found when asked for, like the engine finds them, and followed as the document goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.report import episode_body
from keepboth.errors import NotFound, OverLimit
from keepboth.live.line_log import LineConflicts, LineLog
from keepboth.live.projector import ConflictProjector
from keepboth.store.conflict_log import Wanted
from tests.api.conftest import Served, rewrite, serving

LINES = "one two three\nfour five six\n"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, line_grain_edits=200) as running:
        yield running


def change_one_line(served: Served, name: str) -> None:
    """Two people change different words of the first line, neither having seen the other."""
    served.create(name, content={"text": LINES})
    base = served.http.get("/api/state", params={"document": name, "as": "update"})
    seen = int(base.headers["KeepBoth-Revision"])
    for who, low, high, word in (("ann", 0, 3, "1"), ("bob", 8, 13, "3")):
        served.edit(name, rewrite(base.content, low, high, word), session=f"{who}-session", seen=seen)


def bodies(found: LineConflicts) -> list[bytes]:
    return [row.body for row in found.conflicts.page(Wanted(None)).episodes]


def test_what_shares_a_line_is_found_when_asked(served: Served) -> None:
    change_one_line(served, "plans")
    assert served.get("/api/conflicts", document="plans")["conflicts"] == []
    answer = served.http.get("/api/conflicts", params={"document": "plans", "grain": "line"})
    (entry,) = answer.json()["conflicts"]
    assert entry["kinds"] == ["same-line"]
    assert (entry["base"], entry["merged"]) == ("one two three", "1 two 3")
    assert {side["text"] for side in entry["sides"]} == {"1 two three", "one two 3"}
    assert entry["card"]["sentence"]["text"] == "A guest and Guest 2 both changed line 1."
    assert entry["card"]["choices"] == []
    assert answer.headers["KeepBoth-Revision"] == "4"
    shown = served.get("/api/conflict", id=entry["id"], document="plans", grain="line")
    assert shown["conflict"] == {**entry, "card": {**entry["card"], "when": shown["conflict"]["card"]["when"]}}
    assert shown["complete"]
    assert [one["revision"] for one in shown["events"]] == [3, 4]
    counts = served.get("/api/conflicts/counts", document="plans", grain="line", kind="same-line")
    assert (counts["total"], counts["kinds"]) == (1, {"same-line": 1})
    assert served.get("/api/conflicts", document="plans", grain="line", kind="map-key")["conflicts"] == []
    assert served.get("/api/conflict", 404, id=entry["id"], document="plans")["code"] == "not-found"


def test_pages_go_on_at_line_grain(served: Served) -> None:
    text = "one two three\n\n\n" * 3
    served.create("pages", content={"text": text})
    base = served.http.get("/api/state", params={"document": "pages", "as": "update"})
    seen = int(base.headers["KeepBoth-Revision"])
    for at in range(3):
        for who, low in (("ann", 0), ("bob", 8)):
            low += at * 16
            changed = rewrite(base.content, low, low + 3, "X")
            served.edit("pages", changed, session=f"{who}-{at}-session", seen=seen)
    ids, following = [], "/api/conflicts?document=pages&grain=line&limit=2"
    while following:
        page = served.http.get(following).json()
        assert page["count"] == 3
        ids += [entry["id"] for entry in page["conflicts"]]
        following = page["next"]
    assert len(ids) == len(set(ids)) == 3


def test_asking_again_takes_in_what_came_since(served: Served) -> None:
    change_one_line(served, "plans")
    store = served.application.store
    found = LineConflicts(store, "plans")
    found.advance()
    before = bodies(found)
    base = served.http.get("/api/state", params={"document": "plans", "as": "update", "at": 2})
    late = rewrite(base.content, 4, 7, "2")
    served.edit("plans", late, session="cleo-session", seen=2)
    found.advance()
    assert bodies(found) != before
    anew = LineConflicts(store, "plans")
    anew.advance()
    assert bodies(found) == bodies(anew)
    engine = ConflictProjector("plans", DocumentConflicts(grain="line"))
    engine.take_rows(store.edit_rows("plans", after=0, until=store.document("plans").revision, limit=100))  # type: ignore[union-attr]
    assert bodies(found) == [episode_body(episode) for episode in engine.engine.episodes()]
    (entry,) = served.get("/api/conflicts", document="plans", grain="line")["conflicts"]
    assert (entry["revisions"], entry["merged"]) == ([3, 4, 5], "1 2 3")


def test_an_entry_says_what_is_there_now(served: Served) -> None:
    change_one_line(served, "plans")
    now = served.http.get("/api/state", params={"document": "plans", "as": "update"})
    seen = int(now.headers["KeepBoth-Revision"])
    served.edit("plans", rewrite(now.content, 2, 5, "TWO"), session="cleo-session", seen=seen)
    (entry,) = served.get("/api/conflicts", document="plans", grain="line")["conflicts"]
    assert (entry["merged"], entry["card"]["now"]["text"]) == ("1 two 3", "1 TWO 3")
    assert entry["card"]["now_title"]["text"] == "In the document now"


def test_what_was_decided_holds_at_line_grain_for_what_it_covered(served: Served) -> None:
    served.collide("plans")
    (entry,) = served.get("/api/conflicts", document="plans")["conflicts"]
    answer = served.http.post("/api/conflict/resolve", json={"id": entry["id"], "choice": "leave", "document": "plans"})
    assert answer.status_code == 201, answer.text
    (by_line,) = served.get("/api/conflicts", document="plans", grain="line")["conflicts"]
    assert (by_line["status"], by_line["resolution"]["choice"]) == ("resolved", "leave")


def test_it_is_asked_of_one_document_of_limited_length(served: Served) -> None:
    refused = served.get("/api/conflicts", 400, grain="line")
    assert (refused["code"], "say which" in refused["detail"]) == ("invalid-request", True)
    assert served.get("/api/conflict", 400, id="c-1-1", grain="line")["code"] == "invalid-request"
    assert served.get("/api/conflicts", 404, document="none", grain="line")["code"] == "not-found"
    change_one_line(served, "long")
    for at in range(201):
        served.edit("long", rewrite(b"\0\0", 0, 0, f"{at} "), session=f"writer-{at}", seen=2)
    refused = served.get("/api/conflicts", 413, document="long", grain="line")
    assert (refused["code"], refused["limit"]) == ("over-limit", 200)
    assert "--grain line" in refused["detail"]


def test_a_crowd_that_takes_too_long_is_refused(served: Served) -> None:
    served.create("crowd", content={"text": "one"})
    for at in range(60):
        served.edit("crowd", rewrite(b"\0\0", 0, 0, "x"), session=f"writer-{at}", seen=0)
    found = LineConflicts(served.application.store, "crowd", 100, steps=500)
    with pytest.raises(OverLimit, match="met in one place"):
        found.advance()
    LineConflicts(served.application.store, "crowd", 100).advance()


def test_only_few_documents_are_kept(served: Served) -> None:
    log = LineLog(served.application.store, 200)
    for name in ("a", "b", "c"):
        change_one_line(served, name)
    try:
        found = [asyncio.run(log.look(name)) for name in ("a", "b", "c", "c", "b")]
        assert [lines.conflicts.count(name) for lines, name in zip(found, "abccb", strict=True)] == [1] * 5
        assert found[2].conflicts is found[3].conflicts
        assert found[1].conflicts is found[4].conflicts
        assert asyncio.run(log.look("a")).conflicts is not found[0].conflicts
        with pytest.raises(NotFound):
            asyncio.run(log.look("none"))
    finally:
        log.close()
