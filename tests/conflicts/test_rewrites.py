"""Where two people have rewritten many lines apart, the log is as defined, and its cost grows as the lines do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import product
from random import Random
from typing import Any, Final

import pytest

from keepboth.conflicts import bearings, reaches, tallies
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.pieces import Points
from keepboth.events import Context
from keepboth.yjs.update import decode_update, encode_update
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.crowds import Writer
from tests.conflicts.literal_crowds import Crowds
from tests.conflicts.rewrites import Way, rewrites

WAYS: Final[tuple[tuple[Way, Way], ...]] = (
    ("words", "words"),
    ("lines", "words"),
    ("ends", "ends"),
    ("delete", "words"),
    ("between", "ends"),
    ("between", "between"),
)
WHOLE: Final = tuple(product((True, False), repeat=2))


def shuffled(facts: Sequence[EditFact], rng: Random) -> list[EditFact]:
    """Another order that keeps the start first and each person's edits in theirs."""
    queues = [[fact for fact in facts[1:] if fact.session == name] for name in dict.fromkeys(f.session for f in facts)]
    found = [facts[0]]
    while any(queues):
        found.append(rng.choice([queue for queue in queues if queue]).pop(0))
    return found


@pytest.mark.parametrize("seed", [None, 1, 2], ids=lambda seed: f"order {seed}")
@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: "-".join("whole" if one else "by line" for one in whole))
@pytest.mark.parametrize("ways", WAYS, ids="-".join)
def test_rewritten_lines_are_told_as_defined(
    ways: tuple[Way, Way], whole: tuple[bool, bool], seed: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bearings, "FEW", 0)  # few lines: use what is for many
    monkeypatch.setattr(tallies, "WIDTH", 2)
    monkeypatch.setattr(reaches, "MANY", 2)
    rng = Random(f"{ways} {whole} {seed}")
    facts = rewrites(6, ways, whole, turns=rng.random() < 0.5, seed=seed)
    for cap, gap in ((128, 20), (3, 20), (5, 2)):
        expected = tuple(Crowds(BruteForce(facts, gap), cap).episodes())
        for order in (facts, shuffled(facts, rng), shuffled(facts, rng)):
            engine = DocumentConflicts(gap, cap)
            reported: dict[str, Any] = {}
            for fact in order:
                engine.feed((fact,))
                engine.work(rng.choice((1, None)))
                if rng.random() < 0.3:
                    take_in(reported, engine)
            engine.work()
            take_in(reported, engine)
            assert engine.episodes() == expected
            assert reported == {episode.id: episode for episode in expected}


def take_in(reported: dict[str, Any], engine: DocumentConflicts) -> None:
    changes = engine.changes()
    for old, _ in changes.superseded:
        reported.pop(old, None)
    reported.update((episode.id, episode) for episode in changes.changed)


def calls(facts: Sequence[EditFact]) -> int:
    """How many calls it takes to find and to tell all that met."""
    engine = DocumentConflicts()
    count = 0

    def note(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        for fact in facts:
            engine.feed((fact,))
            engine.work()
        changes = engine.changes()
    finally:
        sys.setprofile(None)
    assert changes.changed
    return count


def test_one_edit_that_settles_all_lines_is_known_to_be_much_to_tell_and_the_next_costs_little() -> None:
    lines = 100
    facts = rewrites(lines)
    cleo = Writer(99)
    for fact in facts:
        cleo.doc.apply_update(encode_update(fact.update))
    cleo.updates.clear()
    for _ in range(2):
        at = str(cleo.text).index("Ann wrote")
        del cleo.text[at : at + 9]
    engine = DocumentConflicts()
    engine.add(facts)
    settling, next_one = (
        EditFact(revision, revision, "cleo", "cleo", Context.of(revision - 1), decode_update(update))
        for revision, update in enumerate(cleo.updates, len(facts) + 1)
    )
    engine.feed((settling,))
    engine.work()
    assert engine.unread_us > 300 * lines
    assert {episode.settled_by for episode in engine.changes().changed} == {settling.revision}
    engine.feed((next_one,))
    engine.work()
    assert engine.unread_us == 0
    assert engine.changes().changed == ()


@pytest.mark.parametrize(
    ("ways", "whole"),
    [(ways, whole) for ways in WAYS for whole in ((WHOLE[0],) if "between" in ways else WHOLE)],
    ids=lambda value: "-".join(one if isinstance(one, str) else "whole" if one else "by line" for one in value),
)
def test_twice_the_lines_are_about_twice_the_work(ways: tuple[Way, Way], whole: tuple[bool, bool]) -> None:
    some, more = (calls(rewrites(lines, ways, whole)) for lines in (300, 600))
    assert more < 2.5 * some


def test_points_of_a_crowd_are_one_only_where_every_partner_has_to_do_with_them() -> None:
    for solid, left in (([True, True, True], [0, 2]), ([True, False, True], [0, 1, 2])):
        points = Points([3, 5, 8], solid)
        points.join(points.within(-1, 9))
        assert points.within(-1, 9) == left
        assert [points.index(number) for number in points.within(3, 9)] == [5, 8]
