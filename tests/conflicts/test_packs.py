"""Packing changes what the shadow weighs, never what the engine finds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from keepboth.conflicts import packs
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.folding import Pack, fold, unfold
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.packs import Packs
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.events import Context, Seen
from keepboth.yjs.update import decode_update
from tests.conflicts.calm import calm_world
from tests.conflicts.crowds import Writer, chains, facts, scribbles, start_with, taking_turns
from tests.conflicts.world import random_world, shuffled


class Counted:
    """How many packs were made and taken apart."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made = self.undone = 0
        make, restore = Pack.__init__, Packs._restored

        def made(pack: Pack, strokes: list[Stroke]) -> None:
            self.made += 1
            make(pack, strokes)

        def undone(packs: Packs, pack: Pack) -> list[Stroke]:
            self.undone += 1
            return restore(packs, pack)

        monkeypatch.setattr(Pack, "__init__", made)
        monkeypatch.setattr(Packs, "_restored", undone)


def fed(edits: list[EditFact], rng: Random | None = None, cap: int = 128) -> DocumentConflicts:
    """An engine that was given *edits*, and packs now and then if there is an *rng*."""
    engine = DocumentConflicts(cap=cap)
    for edit in edits:
        engine.feed([edit])
        if rng is None or rng.random() < 0.5:
            engine.work()
        if rng is not None and rng.random() < 0.15:
            engine.work()
            engine.pack(rng.choice((0, 0, 1, 4)), rng.choice((1, 2)))
    engine.work()
    return engine


@pytest.mark.parametrize("first", range(5000, 5400, 50), ids=lambda first: f"seeds {first}-{first + 49}")
def test_random_sessions_give_the_same_log_packed_or_not(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    for seed in range(first, first + 50):
        rng = Random(seed)
        world = calm_world(seed, mixed=seed % 2 == 0) if seed % 7 else random_world(seed, 40)
        edits = world.facts(rng, 0.3) if seed % 4 == 0 else world.facts()
        cap = rng.choice((128, 128, 3))
        expected = fed(edits, cap=cap).episodes()
        for order in (edits, shuffled(rng, world, edits)):
            assert fed(order, rng, cap).episodes() == expected, f"seed {seed}"
    assert counted.made > 100
    assert counted.undone > 30


@pytest.mark.parametrize("seed", range(5400, 5404))
def test_crowds_are_the_same_packed_or_not(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Counted(monkeypatch)
    rng = Random(seed)
    start = start_with("hello world" + " and so on" * 10)
    writers = [Writer(client, start) for client in (5, 6, 7)]
    for writer in writers:
        for _ in range(60):
            writer.text.insert(rng.randint(0, 8), rng.choice("abcdef"))
    edits = facts(taking_turns([writer.updates for writer in writers]), start)
    # One who had seen all of it writes on, far from it; then somebody comes back who had seen none of that.
    last = Writer(8, start)
    for edit in [update for writer in writers for update in writer.updates]:
        last.doc.apply_update(edit)
    last.updates.clear()
    late = Writer(9, last.doc.get_update())
    for _ in range(80):
        at = rng.randint(240, len(str(last.text)))
        last.text.insert(at, rng.choice("abcdef"))
        if rng.random() < 0.5:
            del last.text[at - 5 : at - 4]
    late.scribble(rng, 20)
    seen = len(edits)
    for name, updates in (("last", last.updates), ("late", late.updates)):
        for update in updates:
            at = len(edits) + 1
            edits.append(EditFact(at, at, name, name, Context.of(seen), decode_update(update)))
    expected = fed(edits, cap=8).episodes()
    assert any(episode.capped for episode in expected)
    for _ in range(3):
        assert fed(edits, rng, cap=8).episodes() == expected
    assert counted.made + counted.undone > 1


def test_folded_strokes_come_back_as_they_were() -> None:
    session = Session("s")
    low, high = Seen(3, ((5, 6),), ()), Seen(9)
    context = Context(low, high)
    writer = Writer(7)
    writer.type(0, "ab")
    updates = [decode_update(update) for update in writer.updates]
    one = Stroke(EditFact(10, 12, "s", "ann", context, updates[0], True), session)
    one.ins = (7, 0, 1)
    two = Stroke(EditFact(14, 14, "s", "bob", Context.of(13), updates[0]), session)
    two.ins = (7, 0, 1)
    session.append(two)
    two.extend(EditFact(15, 17, "s", "bob", Context.of(13), updates[1]), 1, 1)
    two.dels = (3, 4, 5)

    def state(stroke: Stroke) -> dict[str, Any]:
        return {name: getattr(stroke, name) for name in Stroke.__slots__}

    assert [state(stroke) for stroke in unfold(fold([one, two]), session)] == [state(one), state(two)]


def test_one_writers_long_text_weighs_next_to_nothing() -> None:
    writer = Writer(7)
    writer.scribble(Random(5500), 4000, 0.4)
    edits = facts(taking_turns([writer.updates]))
    engine = fed(edits)
    strokes = engine._sessions["session 0"].strokes
    assert len(strokes) < packs.EVERY + packs.RECENT + 100
    assert engine.episodes() == ()


def test_several_who_chain_or_scribble_give_the_same_log_packed_or_not() -> None:
    rng = Random(5700)
    for edits in (chains(3, 60), scribbles(3, 60, deletes=0.3, start="hello")):
        assert fed(edits, rng).episodes() == fed(edits).episodes()
