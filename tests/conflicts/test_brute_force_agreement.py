"""On random crowded sessions the engine agrees with the definition, whatever the order edits come in."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from pycrdt import merge_updates

from keepboth.conflicts import bearings, reaches, tallies, zones
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Grain
from keepboth.yjs.update import decode_update, encode_update
from tests.conflicts import world
from tests.conflicts.brute_force import BruteForce, in_order
from tests.conflicts.literal_pairs import Pairs
from tests.conflicts.mixed_world import mixed_world
from tests.conflicts.world import World, random_world, shuffled

TEXTS = 320
MIXED = 200
LINES = 60
FULL = 1000
PER_TEST = 10


def batches(rng: Random, facts: list[EditFact]) -> list[list[EditFact]]:
    out: list[list[EditFact]] = []
    for fact in facts:
        if out and rng.random() < 0.3:
            out[-1].append(fact)
        else:
            out.append([fact])
    return out


def repeating(rng: Random, facts: list[EditFact], share: float) -> list[EditFact]:
    """*facts*, a *share* of them with something again that their authors had seen."""
    past = Pairs(facts).past
    by_revision = {fact.revision: fact for fact in facts}
    out = []
    for at, fact in enumerate(facts):
        before = {other.revision for other in facts[:at]}
        earlier = [rev for rev in sorted(past[fact.revision] & before) if rev < fact.revision]
        if earlier and rng.random() < share:
            both = (by_revision[rng.choice(earlier)], fact)
            fact = fact._replace(update=decode_update(merge_updates(*(encode_update(one.update) for one in both))))
        out.append(fact)
    return out


def check(made: World, rng: Random, grain: Grain = "character") -> None:
    facts = made.facts(rng, rng.choice((0.0, 0.0, 0.5)))
    facts = repeating(rng, facts, rng.choice((0.0, 0.0, 0.0, 0.2)))
    gap = rng.choice((0, 2, 5, 20))
    obvious = BruteForce(facts, gap, grain)
    expected = tuple(obvious.episodes())
    ids = [episode.id for episode in expected]
    assert len(set(ids)) == len(ids)
    every = DocumentConflicts(gap, grain=grain, all_records=True)
    for fact in facts:
        every.add([fact])
    assert in_order(every.records) == obvious.records
    assert every.episodes() == expected

    for order in (facts, shuffled(rng, made, facts), shuffled(rng, made, facts), shuffled(rng, made, facts)):
        engine = DocumentConflicts(gap, grain=grain)
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
    reordered = DocumentConflicts(gap, grain=grain, all_records=True)
    for fact in order:
        reordered.add([fact])
    assert in_order(reordered.records) == obvious.records


def check_all(
    make: Callable[[int], World], first: int, monkeypatch: pytest.MonkeyPatch, grain: Grain = "character"
) -> None:
    monkeypatch.setattr(zones, "HOPS", 1 + first // PER_TEST % 3)  # documents are small: use the short cuts at once
    monkeypatch.setattr(bearings, "FEW", first // PER_TEST % 2)
    monkeypatch.setattr(tallies, "WIDTH", 2)
    monkeypatch.setattr(reaches, "MANY", 2)
    for seed in range(first, first + PER_TEST):
        try:
            check(make(seed), Random(seed), grain)
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise


def seeds(first: int) -> str:
    return f"seeds {first}-{first + PER_TEST - 1}"


@pytest.mark.parametrize("first", range(0, TEXTS, PER_TEST), ids=seeds)
def test_every_pair_kind_episode_and_view_of_a_text_agrees_with_the_definition(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_all(random_world, first, monkeypatch)


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(first, marks=() if first < MIXED else pytest.mark.full, id=seeds(first))
        for first in range(0, FULL, PER_TEST)
    ],
)
def test_every_pair_kind_episode_and_view_of_any_type_agrees_with_the_definition(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_all(mixed_world, first, monkeypatch)


@pytest.mark.parametrize("first", range(0, LINES, PER_TEST), ids=seeds)
def test_what_meets_on_a_line_agrees_with_the_definition(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world, "WORDS", (*world.WORDS, "\n", "\n", "\n", "\nx", "\n\n"))
    check_all(random_world, first, monkeypatch, "line")
    check_all(mixed_world, first, monkeypatch, "line")
