"""An engine that was put away and taken out again goes on as if nothing had been."""

from __future__ import annotations

import pickle
import zlib
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc

from keepboth.conflicts.checkpoint import LAYOUT, dump, load
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.episodes import _place
from keepboth.conflicts.model import EditFact
from keepboth.errors import InvalidRequest
from keepboth.events import Context
from keepboth.yjs.update import decode_update
from tests.conflicts.calm import calm_world
from tests.conflicts.crowds import offline_pair, scribbles
from tests.conflicts.world import random_world, shuffled


def go_on(engine: DocumentConflicts, edits: list[EditFact]) -> list[Any]:
    """Feed *edits* and collect what is reported on the way."""
    told: list[Any] = []
    for edit in edits:
        changes = engine.add([edit])
        told.append((sorted(changes.changed, key=lambda episode: episode.id), sorted(changes.superseded)))
    return told


@pytest.mark.parametrize("mixed", [False, True], ids=["texts", "every type"])
@pytest.mark.parametrize("first", range(6000, 6060, 10), ids=lambda first: f"seeds {first}-{first + 9}")
def test_random_sessions_cut_anywhere_end_in_the_same_log(first: int, mixed: bool) -> None:
    for seed in range(first, first + 10):
        rng = Random(seed)
        world = calm_world(seed, mixed=mixed) if mixed or seed % 2 else random_world(seed, 40)
        edits = world.facts(rng, rng.choice((0.0, 0.4)))
        if rng.random() < 0.4:
            edits = shuffled(rng, world, edits)
        cap = rng.choice((128, 4))
        cut = rng.randint(0, len(edits))
        engine = DocumentConflicts(cap=cap)
        for edit in edits[:cut]:
            engine.add([edit])
            if rng.random() < 0.1:
                engine.pack(rng.choice((0, 3)), 2)
        again = load(dump(engine))
        if rng.random() < 0.5:
            again = load(dump(again))
        assert again.episodes() == engine.episodes(), f"seed {seed}"
        rest = edits[cut:]
        told = go_on(again, rest)
        assert told == go_on(engine, rest), f"seed {seed}"
        assert again.episodes() == engine.episodes(), f"seed {seed}"
        whole = DocumentConflicts(cap=cap)
        go_on(whole, edits)
        assert again.episodes() == whole.episodes(), f"seed {seed}"
        for episode in whole.episodes():
            assert again.resolve_alias(episode.id) == episode.id
            assert again.now(episode.id) == whole.now(episode.id)


def test_what_has_not_been_reported_is_reported_afterwards() -> None:
    engine = DocumentConflicts()
    for edit in offline_pair(30):
        engine.feed([edit])
        engine.work()
    changes = load(dump(engine)).changes()
    assert changes == engine.changes()
    assert changes.changed


def test_a_crowd_goes_on_growing() -> None:
    edits = scribbles(3, 120, deletes=0.2, start="hello")
    engine = DocumentConflicts(cap=16)
    for edit in edits[:200]:
        engine.add([edit])
    again = load(dump(engine))
    assert go_on(again, edits[200:]) == go_on(engine, edits[200:])
    assert any(episode.capped for episode in again.episodes())


def test_edits_that_wait_to_be_looked_at_are_not_put_away() -> None:
    engine = DocumentConflicts()
    for edit in offline_pair(20):
        engine.feed([edit])
    with pytest.raises(ValueError, match="wait to be looked at"):
        dump(engine)


def test_other_layouts_and_damaged_bytes_are_refused() -> None:
    engine = DocumentConflicts()
    for edit in offline_pair(20):
        engine.add([edit])
    data = dump(engine)
    with pytest.raises(InvalidRequest, match="another version"):
        load(b"0" * len(LAYOUT) + data[len(LAYOUT) :])
    for cut in (len(LAYOUT) + 3, len(data) // 2, len(data) - 1):
        with pytest.raises(InvalidRequest, match="damaged"):
            load(data[:cut])
    with pytest.raises(InvalidRequest):
        load(b"")


def test_a_checkpoint_makes_nothing_but_what_an_engine_is_made_of() -> None:
    whole = zlib.compress(pickle.dumps(print))
    with pytest.raises(InvalidRequest, match=r"names builtins\.print"):
        load(LAYOUT.encode() + bytes(8) + whole)


def test_one_edit_that_met_others_in_many_sequences_is_found_in_each() -> None:
    updates = []
    for client in (1, 2):
        doc: Doc[Any] = Doc(client_id=client)
        with doc.transaction():
            for name in "hgfedcba":
                doc.get(name, type=Array).append(client)
        updates.append(decode_update(doc.get_update()))
    engine = DocumentConflicts()
    for at, update in enumerate(updates, 1):
        engine.add([EditFact(at, at, f"s{at}", f"a{at}", Context.of(0), update)])
    ids = [episode.id for episode in engine.episodes()]
    assert len(ids) == 8
    again = load(dump(engine))
    assert [again.resolve_alias(id) for id in ids] == ids
    # What a stroke did is looked up by where it is: that must not depend on where in memory its lines are.
    spots, copies = (one._sessions["s1"].strokes[0].spots for one in (engine, again))
    assert isinstance(spots, list)
    assert isinstance(copies, list)
    assert [_place(spot) for spot in spots] == [_place(spot) for spot in copies]
