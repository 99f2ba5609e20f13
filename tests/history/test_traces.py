"""Blame and deletions of recorded sessions are those of the trace itself, character by character."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import pytest

from keepboth.conflicts.runs import text_of
from keepboth.history.cuts import Cut, select
from keepboth.history.deletions import deleted
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import Lineages, up_to
from keepboth.history.past import Past
from keepboth.store.base import Append
from keepboth.store.memory import MemoryStore
from tests.conflicts.traces import TraceEdit, replay
from tests.history.oracle import Char, apply, apply_alone, shown
from tests.store.making import edit

DOCUMENT = "d"


def trace(name: str, limit: int | None) -> dict[str, Any]:
    path = Path(os.environ.get("KEEPBOTH_TRACES", "")) / f"{name}.json.gz"
    if not path.is_file():
        pytest.skip("KEEPBOTH_TRACES names no folder with editing traces")
    with gzip.open(path) as file:
        loaded: dict[str, Any] = json.load(file)
    loaded["txns"] = loaded["txns"][:limit]
    return loaded


class Told(NamedTuple):
    """A recorded session."""

    store: MemoryStore
    past: Past


def recorded(edits: list[TraceEdit]) -> Told:
    store = MemoryStore()
    store.append(
        [
            Append(
                DOCUMENT,
                [edit(one.update, actor=f"agent {one.agent}", session=f"agent {one.agent}", context=one.context)],
            )
            for one in edits
        ]
    )
    assert select(store, DOCUMENT).revision == len(edits)
    return Told(store, Past(store, plain_folding(store), Lineages(store)))


def agrees(told: Told, everything: list[Char], revisions: list[int]) -> None:
    store, past = told
    lineage = past.lineage(select(store, DOCUMENT))
    for revision in revisions:
        selection = select(store, DOCUMENT, Cut(revision=revision))
        found = [
            (char, span.first_revision, span.actor)
            for span in past.blame(selection, by="event")
            for char in span.mark.value
        ]
        assert found == [(one.text, one.revision, f"agent {one.agent}") for one in shown(everything, revision)]
        gone = Counter(
            (lineage.origin(part.revision).revision, char)
            for part in deleted(lineage, up_to(revision))
            if isinstance(part.run.content, str)
            for char in text_of(part.run.content[part.low - part.run.clock : part.high - part.run.clock])
        )
        assert gone == Counter(
            (min(by for by, _ in one.gone), one.text)
            for one in everything
            if one.revision <= revision and any(by <= revision for by, _ in one.gone)
        )


@pytest.mark.parametrize("limit", [5000, pytest.param(None, marks=pytest.mark.full)])
def test_two_people_typing_at_once(limit: int | None) -> None:
    loaded = trace("friendsforever", limit)
    edits, text = replay(loaded)
    everything = apply(loaded["txns"], edits)
    last = len(edits)
    assert "".join(one.text for one in shown(everything, last)) == text
    if limit is None:
        assert text == loaded["endContent"]
    agrees(recorded(edits), everything, [last, *Random(1).sample(range(last), 5)])


@pytest.mark.parametrize("limit", [5000, pytest.param(None, marks=pytest.mark.full)])
def test_one_person_writing_a_paper(limit: int | None) -> None:
    loaded = trace("automerge-paper", limit)
    edits, text = replay(loaded)
    last = len(edits)
    everything = apply_alone(loaded["txns"])
    assert "".join(one.text for one in shown(everything, last)) == text
    told = recorded(edits)
    agrees(told, everything, [last])
    for revision in Random(2).sample(range(last), 3):
        agrees(told, apply_alone(loaded["txns"][:revision]), [revision])
