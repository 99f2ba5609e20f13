"""What is different between two cuts, what a group did and what was deleted agree with the documents there."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from keepboth.conflicts.runs import text_of, units_of
from keepboth.events import Context, Seen
from keepboth.fold.views import json_value
from keepboth.history.changes import Difference
from keepboth.history.cuts import Cut, Selection, select
from keepboth.history.deletions import deleted
from keepboth.history.folding import Folding
from keepboth.history.groups import changes_of, groups
from keepboth.history.lineage import Lineages, up_to
from keepboth.history.past import Past
from keepboth.store.fold_checkpoints import MemoryFoldCheckpoints
from keepboth.store.memory import MemoryStore
from keepboth.telling.differences import difference
from tests.history.sessions import DOCUMENT, record
from tests.history.test_blame import cuts
from tests.store.making import Clock, append, decision, edit
from tests.yjs.documents import Author


class World:
    """A recorded session and the ways to ask about it."""

    def __init__(self, seed: int, *, disorder: bool = True) -> None:
        clock = Clock()
        self.store = MemoryStore(now=clock)
        self.made = record(self.store, seed, clock, disorder=disorder)
        self.folding = Folding(self.store, MemoryFoldCheckpoints(), every=7)
        self.past = Past(self.store, self.folding, Lineages(self.store))
        self.random = Random(seed)
        self.now = select(self.store, DOCUMENT)

    def json(self, selection: Selection) -> dict[str, Any]:
        folded = self.folding.at(selection)
        return {name: root["value"] for name, root in json_value(folded.replica, folded.roots).items()}

    def at(self, revision: int) -> Selection:
        return select(self.store, DOCUMENT, Cut(revision=revision))


def amounts(found: list[Difference], path: tuple[Any, ...]) -> tuple[str, str]:
    """What came and what went in one place."""
    touches = [touch for one in found if one.path == path for touch in one.touches]
    return (
        "".join(touch.text for touch in touches if touch.op == "insert"),
        "".join(touch.text for touch in touches if touch.op == "delete"),
    )


@pytest.mark.parametrize("seed", range(40))
def test_a_comparison_leads_from_one_document_to_the_other(seed: int) -> None:
    world = World(seed)
    moments = list(cuts(world.store, world.made, world.random))
    for before, after in pairwise(moments):
        old, new = world.json(before), world.json(after)
        found = world.past.compare(before, after)
        assert bool(found) >= (old != new), (before, after)
        if before.token == after.token:
            assert found == []
        for one in found:
            keep = "".join(piece.text for piece in one.pieces if piece.op != "insert")
            if one.kind != "key":
                assert keep in one.before
                assert "".join(piece.text for piece in one.pieces if piece.op != "delete") in one.after
                changes_only = [piece for piece in difference(one.before, one.after) if piece.op != "keep"]
                assert [piece for piece in one.pieces if piece.op != "keep"] == changes_only
            if one.path == ("text",) and "{" not in one.before + one.after:
                assert one.before in str(old.get("text", ""))
                assert one.after in str(new.get("text", ""))
                assert one.at is not None
                for at, here, text in zip(one.at, (one.before, one.after), (old, new), strict=True):
                    assert units_of(str(text.get("text", "")))[at:].startswith(units_of(here)), (one.at, here)
            for touch in one.touches:
                explains = after if touch.op == "insert" or touch.revision is not None else before
                assert touch.revision is None or explains.holds(touch.revision)
        texts = [value if isinstance(value, str) else "" for value in (old.get("text", ""), new.get("text", ""))]
        came, went = amounts(found, ("text",))
        if "{" not in came + went:
            assert len(texts[0]) + len(came) - len(went) == len(texts[1])
        maps = [value if isinstance(value, dict) else {} for value in (old.get("map", {}), new.get("map", {}))]
        for key in {*maps[0], *maps[1]}:
            changes = [one for one in found if one.kind == "key" and (one.path, one.key) == (("map",), key)]
            inside = [one for one in found if one.path[:2] == ("map", key)]
            if maps[0].get(key) != maps[1].get(key):
                assert len(changes) == 1 or inside
            for one in changes:
                assert (one.before, one.after) == (maps[0].get(key), maps[1].get(key))


@pytest.mark.parametrize("seed", range(40))
def test_what_a_group_did_is_the_difference_it_made(seed: int) -> None:
    world = World(seed, disorder=False)
    lineage = world.past.lineage(world.now)
    checked = 0
    for gap_us in (0, 500):
        found = groups(lineage, world.now.revision, gap_us)
        assert sum(group.edits for group in found) == len(world.made.payloads)
        assert [group.last_revision for group in found] == sorted(group.last_revision for group in found)
        for group in found:
            between = [one for one in world.made.payloads if group.first_revision <= one <= group.last_revision]
            if len(between) != group.edits:
                continue  # others wrote meanwhile
            checked += 1
            compared = world.past.compare(world.at(group.first_revision - 1), world.at(group.last_revision))
            assert changes_of(lineage, group, limit=10_000).differences == [one._replace(at=None) for one in compared]
            assert changes_of(lineage, group, limit=1).more == max(0, len(compared) - 1)
    assert checked


@pytest.mark.parametrize("seed", range(40))
def test_every_character_that_went_was_deleted_by_the_event_that_took_it(seed: int) -> None:
    world = World(seed, disorder=False)
    lineage = world.past.lineage(world.now)
    gone: dict[int, Counter[str]] = {}
    for part in deleted(lineage, up_to(world.now.revision)):
        content, line = part.run.content, part.run.line
        assert line is not None
        if isinstance(content, str) and line.root == "text" and line.holder is None:
            text = text_of(content[part.low - part.run.clock : part.high - part.run.clock])
            gone.setdefault(part.revision, Counter()).update(text)
    for revision in world.made.payloads:
        texts = [str(world.json(world.at(at)).get("text", "")) for at in (revision - 1, revision)]
        went = Counter(texts[0]) - Counter(texts[1])
        assert not went - gone.get(revision, Counter()), revision


def written(author: Author, clock: Clock, store: MemoryStore, log: list[bytes]) -> None:
    while log:
        append(store, DOCUMENT, edit(log.pop(0), actor="ann", session="s", context=Context(Seen(0), Seen(0))))
        clock.now += 1_000_000


def test_a_pause_and_a_named_version_end_a_group() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    log: list[bytes] = []
    author = Author(7, log)
    author._recording = True
    for word in ("one ", "two "):
        author.text += word
    written(author, clock, store, log)
    append(store, DOCUMENT, decision("version.named", b'{"name":"x","token":"y"}'))
    author.text += "three "
    written(author, clock, store, log)
    clock.now += 61_000_000
    author.text += "four "
    del author.text[0:4]
    written(author, clock, store, log)
    past = Past(store, Folding(store, MemoryFoldCheckpoints()), Lineages(store))
    page = past.history(select(store, DOCUMENT), newest_first=False)
    told = [
        entry.event.type
        if entry.event is not None
        else (entry.group.first_revision, entry.group.last_revision, entry.changes.inserted, entry.changes.deleted)  # type: ignore[union-attr]
        for entry in page.entries
    ]
    assert told == [(1, 2, 8, 0), "version.named", (4, 4, 6, 0), (5, 6, 5, 4)]
    wide = past.history(select(store, DOCUMENT), newest_first=False, gap_us=10**12)
    assert [entry.revision for entry in wide.entries] == [2, 3, 6]
    assert [entry.revision for entry in past.history(select(store, DOCUMENT), limit=2, after=5).entries] == [4, 3]


def test_what_was_written_offline_is_a_group_of_its_own() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    log: list[bytes] = []
    author = Author(7, log)
    author._recording = True
    for word in ("one ", "two ", "three ", "four ", "five "):
        author.text += word
    for nth, payload in enumerate(log):
        stretch = {1: "away:s1:2", 2: "away:s1:2", 3: "away:s1:4"}.get(nth)
        context = Context(Seen(0), Seen(0))
        append(store, DOCUMENT, edit(payload, actor="ann", session="s1", context=context, correlation_id=stretch))
        clock.now += 1_000_000
    past = Past(store, Folding(store, MemoryFoldCheckpoints()), Lineages(store))
    page = past.history(select(store, DOCUMENT), newest_first=False)
    told = [
        (entry.group.first_revision, entry.group.edits, entry.group.stretch) for entry in page.entries if entry.group
    ]
    assert told == [(1, 1, None), (2, 2, "away:s1:2"), (4, 1, "away:s1:4"), (5, 1, None)]
