"""Going back by a new edit: what the document says then, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest
from pycrdt import Doc, Text

from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import current, everything
from keepboth.conflicts.shadow import Shadow
from keepboth.events import Context
from keepboth.history.cuts import Cut
from keepboth.history.folding import plain_folding
from keepboth.history.going_back import GoBack, work_out
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.history.work import Work
from keepboth.store.memory import MemoryStore
from keepboth.yjs.structs import STRING
from keepboth.yjs.update import decode_update
from tests.history.crowd import DOCUMENT, Crowd
from tests.store.making import append, edit


@pytest.mark.parametrize("seed", range(60))
def test_restoring_makes_the_document_what_it_was_and_can_be_undone(seed: int) -> None:
    crowd = Crowd(seed)
    for _ in range(4):
        before = crowd.trees(Cut())
        cut = Cut(revision=crowd.random.randrange(crowd.head + 1))
        back = work_out(crowd.past, DOCUMENT, GoBack(to=cut))
        assert crowd.trees(Cut(), back.update) == crowd.trees(cut)
        assert back.is_empty == (not back.changes)
        revision = crowd.record(back.update)
        again = work_out(crowd.past, DOCUMENT, GoBack(to=cut))
        assert again.is_empty, again.changes
        undo = work_out(crowd.past, DOCUMENT, GoBack(undo=Work(revisions=((revision, revision),))))
        assert crowd.trees(Cut(), undo.update) == before
        other = work_out(crowd.past, DOCUMENT, GoBack(to=Cut(revision=revision - 1)))
        assert crowd.trees(Cut(), other.update) == before


def alive(shadow: Shadow) -> dict[tuple[int, int], Run]:
    """Every character and value that the document shows."""
    found: dict[tuple[int, int], Run] = {}
    todo: list[Line] = [line for line in shadow.lines() if line.holder is None]
    while todo:
        line = todo.pop()
        held = [current(line, everything)] if line.key is not None else [r for r in line.runs() if not r.deleters]
        for run in held:
            if run is not None and not run.mute:
                found.update(((run.client, clock), run) for clock in range(run.clock, run.end))
                todo += shadow.below.get(run, ())
    return found


@pytest.mark.parametrize("seed", [*range(60), 163, 518])
def test_undoing_one_persons_work_keeps_what_others_typed(seed: int) -> None:
    crowd = Crowd(seed, steps=40)
    for actor in sorted(set(crowd.actors.values())):
        before = crowd.trees(Cut())
        back = work_out(crowd.past, DOCUMENT, GoBack(undo=Work(actors=(actor,))))
        mine = {revision for revision, name in crowd.actors.items() if name == actor}
        assert {r for first, last in back.undone for r in range(first, last + 1)} == mine
        there = alive(crowd.past.apart(DOCUMENT, crowd.head).items)
        texts = {id: run for id, run in there.items() if run.kind == STRING}
        others = {id for id, run in texts.items() if run.stroke.rev not in mine}
        own = texts.keys() - others
        revision = crowd.record(back.update)
        left = alive(crowd.past.apart(DOCUMENT, crowd.head).items).keys()
        assert others <= left
        assert not own & left
        undo = work_out(crowd.past, DOCUMENT, GoBack(undo=Work(revisions=((revision, revision),))))
        assert crowd.trees(Cut(), undo.update) == before
        crowd.record(undo.update)


@pytest.mark.parametrize(("seen", "text"), [(2, "one twoX"), (1, "one X")])
def test_who_sends_all_that_is_deleted_has_not_deleted_what_they_had_seen_deleted(seen: int, text: str) -> None:
    """The second deletes the word; the third types, and names all deletions with that, as some clients do."""
    store = MemoryStore()
    ann: Doc[Any] = Doc(client_id=11)
    ann.get("text", type=Text).insert(0, "one two")
    append(store, DOCUMENT, edit(ann.get_update(), actor="ann"))
    bob: Doc[Any] = Doc(client_id=12)
    bob.apply_update(ann.get_update())
    before = bob.get_state()
    del bob.get("text", type=Text)[4:7]
    append(store, DOCUMENT, edit(bob.get_update(before), actor="bob", session="b", context=Context.of(1)))
    ann.apply_update(bob.get_update())
    before = ann.get_state()
    ann.get("text", type=Text).insert(4, "X")
    third = ann.get_update(before)
    assert decode_update(third).deletes
    append(store, DOCUMENT, edit(third, actor="cleo", session="c", context=Context.of(seen)))
    past = Past(store, plain_folding(store), Lineages(store))
    back = work_out(past, DOCUMENT, GoBack(undo=Work(actors=("bob",))), show=True)
    assert back.roots is not None
    assert sorted(back.roots["text"]["value"]) == sorted(text)
    gone = work_out(past, DOCUMENT, GoBack(to=Cut(revision=1)), show=True)
    assert gone.roots is not None
    assert gone.roots["text"]["value"] == "one two"
