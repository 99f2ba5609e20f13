"""A card shows what the document says now, or says that it does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.api.conftest import Served, rewrite, serving

THEN, NOW = "When they met", "In the document now"


def now_on(entry: dict[str, Any]) -> tuple[str, str]:
    """What the card of *entry* says about the place, under which title."""
    return entry["card"]["now_title"]["text"], entry["card"]["now"]["text"]


def go_on(server: Served, name: str, find: str, write: str) -> None:
    """Somebody who has seen everything puts *write* for what *find* says, or behind it if it begins with that."""
    whole = server.http.get("/api/state", params={"document": name, "as": "update"})
    text = server.http.get("/api/state", params={"document": name, "as": "text"}).text
    at = text.index(find)
    if write.startswith(find):
        at, find, write = at + len(find), "", write.removeprefix(find)
    seen = int(whole.headers["KeepBoth-Revision"])
    server.edit(name, rewrite(whole.content, at, at + len(find), write), session="cleo-session", seen=seen)


def shown(server: Served, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The one entry as the list has it, and alone."""
    (listed,) = server.get("/api/conflicts", document=name)["conflicts"]
    return listed, server.get("/api/conflict", document=name, id=listed["id"])["conflict"]


def test_before_anybody_goes_on_it_is_what_the_merge_made(server: Served, name: str) -> None:
    server.collide(name)
    for entry in shown(server, name):
        assert now_on(entry) == (NOW, entry["merged"])


def test_what_was_typed_there_since_is_shown(server: Served, name: str) -> None:
    server.collide(name)
    (entry,) = server.get("/api/conflicts", document=name)["conflicts"]
    merged = entry["merged"]
    middle = 4 if merged.startswith("zwei") else 3
    go_on(server, name, merged[:middle], f"{merged[:middle]}, ")
    go_on(server, name, "three", "3")
    for entry in shown(server, name):
        assert entry["merged"] == merged
        assert now_on(entry) == (NOW, f"{merged[:middle]}, {merged[middle:]}")


def test_what_was_rewritten_since_is_shown(server: Served, name: str) -> None:
    server.collide(name)
    (entry,) = server.get("/api/conflicts", document=name)["conflicts"]
    go_on(server, name, entry["merged"], "")
    entry = server.get("/api/conflict", document=name, id=entry["id"])["conflict"]
    assert entry["status"] == "settled"
    assert now_on(entry) == (NOW, "")


def test_without_an_engine_a_list_says_that_it_is_of_then(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.collide("plans")
        go_on(server, "plans", "three", "3")
        (entry,) = server.get("/api/conflicts", document="plans")["conflicts"]
        merged = entry["merged"]
    with serving(tmp_path) as server:
        (entry,) = server.get("/api/conflicts", document="plans")["conflicts"]
        assert now_on(entry) == (THEN, merged)
        assert now_on(server.get("/api/conflict", id=entry["id"])["conflict"]) == (NOW, merged)
        (entry,) = server.get("/api/conflicts", document="plans")["conflicts"]
        assert now_on(entry) == (NOW, merged)


@pytest.mark.parametrize("moved_on", [False, True])
def test_a_list_of_all_documents_is_of_then_where_they_went_on(tmp_path: Path, moved_on: bool) -> None:
    with serving(tmp_path) as server:
        server.collide("plans")
        if moved_on:
            go_on(server, "plans", "three", "3")
        (entry,) = server.get("/api/conflicts")["conflicts"]
        assert now_on(entry)[0] == (THEN if moved_on else NOW)
