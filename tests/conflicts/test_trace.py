"""Two real people typed one document with a second of delay: there is exactly one place where they collided."""

from __future__ import annotations

import pytest

from benchmarks.traces import folder, load
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.telling.cards import card_of
from keepboth.telling.facts import Circumstances
from keepboth.yjs.update import decode_update
from tests.conflicts.traces import replay


def test_friendsforever_holds_exactly_one_episode() -> None:
    if folder() is None:
        pytest.skip("KEEPBOTH_TRACES names no folder: friendsforever.json.gz is looked for there")
    trace = load("friendsforever")
    edits, text = replay(trace)
    assert text == trace["endContent"]
    assert len(edits) == 26_078
    engine = DocumentConflicts()
    for revision, edit in enumerate(edits, 1):
        actor = f"agent {edit.agent}"
        engine.add([EditFact(revision, revision, actor, actor, edit.context, decode_update(edit.update))])
    (episode,) = engine.episodes()
    assert "insert-insert" in episode.kinds
    assert episode.certain
    assert {side.actor: side.text for side in episode.sides} == {"agent 0": ", hu", "agent 1": " The whole "}
    assert episode.before.endswith("in the 90s")
    assert episode.merged == ", hu The whole "
    assert engine.steps < 2 * len(edits)

    # Neither as it was, a second apart, nor had they been apart for an hour does it interrupt anybody.
    hour, now = 3600 * 1_000_000, 1_700_000_000 * 1_000_000
    for away_from in (now - 1_000_000, now - hour):
        facts = [
            Circumstances(revision, side.actor, "human", side.actor, now, now, "assumed", away_from, "away:x:1")
            for side in episode.sides
            for revision in side.revisions
        ]
        card = card_of(episode, names={}, facts=facts, now=now + hour)
        assert card.sentence.text == (
            "A person and Person 2 both wrote in the same place: ', hu' and 'The whole'. Both versions are in the text."
        )
        assert (card.attention.level, card.attention.reason) == ("log", "nothing-wrong")
