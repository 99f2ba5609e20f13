"""Every situation that the log promises to tell of, made by real peers, as a reader is told of it."""

from __future__ import annotations

import pytest

from tests.conflicts.apart import made, told
from tests.conflicts.situations import SITUATIONS
from tests.conflicts.situations.base import IDS, Situation, read
from tests.conflicts.situations.page import PAGE, page
from tests.interop.node import needs_node


def each(situations: tuple[Situation, ...]) -> list[object]:
    return [pytest.param(one, id=one.title, marks=[needs_node] if one.by_yjs else []) for one in situations]


@pytest.mark.parametrize("situation", each(SITUATIONS))
def test_situation(situation: Situation) -> None:
    for order in situation.orders():
        work = made(situation.start, situation.people, dict(zip(order, IDS, strict=False)))
        assert work.document == situation.document(order)
        ids = set()
        for arrival in situation.orders():
            episodes = told(work, situation.actors, arrival).episodes()
            assert [read(episode) for episode in episodes] == situation.entries(order), (order, arrival)
            ids.add(tuple((episode.id, episode.anchor_first, episode.anchor_last) for episode in episodes))
            assert all(episode.certain for episode in episodes)
        assert len(ids) == 1


@needs_node
def test_the_page_shows_what_happens() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.conflicts.situations.page"
