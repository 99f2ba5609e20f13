"""Where very many edits meet they are no longer weighed one by one; what comes out stays independent of order."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.conflicts.engine import DocumentConflicts
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.world import random_world, shuffled


@pytest.mark.parametrize("first", range(1000, 1120, 10), ids=lambda first: f"seeds {first}-{first + 9}")
def test_crowds_are_the_same_in_every_order_and_as_defined(first: int) -> None:
    for seed in range(first, first + 10):
        rng = Random(seed)
        world = random_world(seed)
        facts = world.facts()
        cap = rng.choice((2, 3, 5, 8))
        gap = rng.choice((0, 2, 20))
        for order in (facts, shuffled(rng, world, facts), shuffled(rng, world, facts), shuffled(rng, world, facts)):
            engine = DocumentConflicts(gap, cap)
            for fact in order:
                engine.feed([fact])
                if rng.random() < 0.7:
                    engine.work(rng.choice((1, None)))
            engine.work()
            expected = tuple(BruteForce(facts, engine._shadow, gap).crowded_episodes(cap))
            assert engine.episodes() == expected, f"seed {seed}"
