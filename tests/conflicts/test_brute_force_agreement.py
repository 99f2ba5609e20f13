"""On random crowded sessions the engine agrees with the definition, whatever the order edits come in."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.conflicts import zones
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Record
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.world import World, random_world, shuffled

SEEDS = 320
PER_TEST = 10


def batches(rng: Random, facts: list[EditFact]) -> list[list[EditFact]]:
    out: list[list[EditFact]] = []
    for fact in facts:
        if out and rng.random() < 0.3:
            out[-1].append(fact)
        else:
            out.append([fact])
    return out


def by_place(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: (record.a, record.b, record.first, record.last))


def check(world: World, rng: Random) -> int:
    facts = world.facts(rng, rng.choice((0.0, 0.0, 0.5)))
    gap = rng.choice((0, 2, 5, 20))
    every = DocumentConflicts(gap, all_records=True)
    for fact in facts:
        every.add([fact])
    obvious = BruteForce(facts, gap)
    assert by_place(every.records) == by_place(obvious.records)
    expected = tuple(obvious.episodes())
    assert every.episodes() == expected

    for order in (facts, shuffled(rng, world, facts), shuffled(rng, world, facts), shuffled(rng, world, facts)):
        engine = DocumentConflicts(gap)
        reported = {}
        for batch in batches(rng, order):
            engine.feed(batch)
            if rng.random() < 0.5:
                engine.work(rng.choice((1, 50, None)))
            if rng.random() < 0.3:
                changes = engine.changes()
                for episode in changes.changed:
                    reported[episode.id] = episode
                for old, new in changes.superseded:
                    reported.pop(old, None)
                    assert engine.resolve_alias(old) == new
        engine.work()
        assert engine.episodes() == expected
        changes = engine.changes()
        for old, _ in changes.superseded:
            reported.pop(old, None)
        reported.update((episode.id, episode) for episode in changes.changed)
        assert reported == {episode.id: episode for episode in expected}
        assert len({episode.id for episode in expected}) == len(expected)
    reordered = DocumentConflicts(gap, all_records=True)
    for fact in order:
        reordered.add([fact])
    assert by_place(reordered.records) == by_place(obvious.records)
    return len(obvious.records)


@pytest.mark.parametrize("first", range(0, SEEDS, PER_TEST), ids=lambda first: f"seeds {first}-{first + PER_TEST - 1}")
def test_every_pair_kind_episode_and_view_agrees_with_the_definition(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zones, "HOPS", 1 + first // PER_TEST % 3)  # documents are small: use the short cut at once
    for seed in range(first, first + PER_TEST):
        try:
            check(random_world(seed), Random(seed))
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
