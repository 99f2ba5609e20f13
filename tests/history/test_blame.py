"""Blame says who brought everything that a document shows, at any cut, and shows just what the document says."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from random import Random
from typing import Any

import pytest

from keepboth.fold.views import json_value
from keepboth.history.blame import Mark, by_actor, by_event, marks
from keepboth.history.cuts import Cut, Selection, select, selection_of
from keepboth.history.folding import Folding
from keepboth.history.lineage import Lineages
from keepboth.store.base import EventStore
from keepboth.store.fold_checkpoints import MemoryFoldCheckpoints
from keepboth.store.memory import MemoryStore
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import Update
from tests.history.sessions import DOCUMENT, Recorded, record
from tests.store.making import Clock


def hidden(folding: Folding, selection: Selection) -> set[int]:
    folded = folding.at(selection)
    return {entry.revision for entry in folded.waiting.entries()} | folded.quarantined


def rebuilt(found: Iterable[Mark], kinds: dict[str, str]) -> dict[str, Any]:
    """The document as blame tells it, in the form of `json_value`."""
    inside: dict[tuple[Any, ...], list[Mark]] = {}
    for mark in found:
        inside.setdefault(mark.path, []).append(mark)

    def value(mark: Mark) -> Any:
        if mark.what != "type":
            return mark.value
        name, _, tag = mark.value.partition(" ")
        return content((*mark.path, mark.start if mark.key is None else mark.key), name, tag)

    def content(path: tuple[Any, ...], kind: str, tag: str = "") -> Any:
        of = inside.get(path, [])
        at = 0
        for mark in of:
            if mark.key is None:
                assert (mark.start, at <= mark.end) == (at, True), mark
                at = mark.end
        if kind == "map":
            return {mark.key: value(mark) for mark in of}
        if kind == "array":
            return [value(mark) for mark in of]
        text = "".join(str(value(mark)) for mark in of if mark.key is None and mark.what != "embed")
        if kind != "xml-element":
            return text
        attributes = "".join(f' {mark.key}="{mark.value}"' for mark in of if mark.key is not None)
        return f"<{tag}{attributes}>{text}</{tag}>"

    return {name: {"type": kind, "value": content((name,), kind)} for name, kind in kinds.items()}


def cuts(store: EventStore, made: Recorded, random: Random) -> Iterator[Selection]:
    head = select(store, DOCUMENT).revision
    yield select(store, DOCUMENT)
    for _ in range(6):
        yield select(store, DOCUMENT, Cut(revision=random.randrange(head + 1)))
    for _ in range(4):
        at = random.choice(sorted(made.authored.values()))
        yield select(store, DOCUMENT, Cut(authored_at=at))
    for _ in range(4):
        event = store.read(DOCUMENT, after=random.choice(sorted(made.payloads)) - 1, limit=1)[0]
        yield select(store, DOCUMENT, Cut(seen_by=event.id))
    for _ in range(6):
        left_out = set(random.sample(sorted(made.payloads), k=min(random.choice((1, 4, 12)), len(made.payloads))))
        chosen = IdSet()
        for revision in range(1, head + 1):
            if revision not in left_out:
                chosen.add(0, revision, 1)
        yield selection_of(store, DOCUMENT, chosen)


def owner(updates: dict[int, Update]) -> dict[tuple[int, int], int]:
    """Which event brought an id: read from the payloads and nothing else."""
    return {
        (client, clock): revision
        for revision, update in updates.items()
        for client, structs in update.structs.items()
        for struct in structs
        for clock in range(struct.clock, struct.clock + struct.length)
    }


@pytest.mark.parametrize("seed", range(60))
def test_blame_shows_what_the_document_says_at_any_cut(seed: int) -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    made = record(store, seed, clock)
    folding = Folding(store, MemoryFoldCheckpoints(), every=7)
    lineage = Lineages(store).at_least(DOCUMENT, select(store, DOCUMENT).revision)
    for selection in cuts(store, made, Random(seed)):
        folded = folding.at(selection)
        expected = json_value(folded.replica, folded.roots)
        shows = lineage.screen(selection, hidden(folding, selection))
        found = list(marks(lineage.items, shows))
        got = rebuilt(found, {name: root["type"] for name, root in expected.items()})
        assert json.dumps(got, sort_keys=True) == json.dumps(expected, sort_keys=True), selection
        assert all(selection.holds(mark.revision) for mark in found)
        assert "".join(
            span.mark.value for span in by_actor(lineage, iter(found)) if span.mark.what == "text"
        ) == "".join(mark.value for mark in found if mark.what == "text")
        assert [span.mark for span in by_event(lineage, iter(found))] == found
