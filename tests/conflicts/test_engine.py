"""How the engine is used: fed first and worked later, asked by id, cheap where nobody is apart."""

from __future__ import annotations

import pytest

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.errors import InvalidRequest
from keepboth.events import Context, Seen
from keepboth.yjs.structs import Update
from tests.conflicts.crowds import chains, offline_pair, scribbles
from tests.conflicts.world import World


def three_places() -> World:
    """Ann wrote at three places while away, bob at the same three, cleo in the middle of everything."""
    world = World()
    start = world.join("start", "start", 1)
    start.edit(lambda: start.insert(0, "-" * 100))
    world.push(start)
    people = [world.join(name, name, 90 - at) for at, name in enumerate(("ann", "bob", "cleo"))]
    for person in people:
        world.pull(person)
    for person in people[:2]:
        for at in (90, 50, 10):
            person.edit(lambda person=person, at=at: person.insert(at, person.name))
    people[2].edit(lambda: people[2].delete(5, 95))
    for person in people:
        world.push(person)
    world.finish()
    return world


def test_a_document_with_one_session_costs_no_detection() -> None:
    engine = DocumentConflicts()
    for fact in chains(1, 500):
        assert engine.add([fact]).changed == ()
    assert (engine.pending, engine.steps) == (0, 0)


def test_people_who_see_everything_cost_no_detection() -> None:
    engine = DocumentConflicts()
    for fact in offline_pair(50):
        engine.add([fact._replace(context=Context.of(fact.revision - 1))])
    assert (engine.pending, engine.steps) == (0, 0)


def test_detection_may_wait_and_run_in_slices() -> None:
    facts = scribbles(3, 30, start="hello")
    at_once = DocumentConflicts()
    for fact in facts:
        at_once.add([fact])
    later = DocumentConflicts()
    later.feed(facts)
    slices = 0
    while later.pending:
        before = later.steps
        left = later.work(100)
        slices += 1
        assert left == later.pending
        assert later.steps - before < 100 + 400  # one edit is always finished
    assert slices > 10
    assert later.episodes() == at_once.episodes()


def test_changes_are_told_once() -> None:
    engine = DocumentConflicts()
    changed = [engine.add([fact]).changed for fact in offline_pair(2)]
    assert [len(episodes) for episodes in changed] == [0, 0, 0, 1, 1]
    assert engine.changes() == ((), ())
    assert changed[-1] == engine.episodes()


def test_episodes_that_merge_leave_their_old_ids_as_aliases() -> None:
    engine = DocumentConflicts()
    facts = three_places().facts()
    for fact in facts[:-1]:
        engine.add([fact])
    parts = [episode.id for episode in engine.episodes()]
    assert len(parts) == 3
    changes = engine.add([facts[-1]])
    (whole,) = engine.episodes()
    assert changes.changed == (whole,)
    assert sorted(changes.superseded) == sorted((part, whole.id) for part in parts if part != whole.id)
    for part in parts:
        assert engine.resolve_alias(part) == whole.id
        assert engine.episode(part) == whole
    # also in an engine that never gave the old ids out
    rebuilt = DocumentConflicts()
    rebuilt.add(facts)
    assert rebuilt.episodes() == (whole,)
    assert [rebuilt.resolve_alias(part) for part in parts] == [whole.id] * 3


@pytest.mark.parametrize(
    "id", ["", "c", "c-1", "c-1-0", "d-1-0", "x-90-0", "c-90-9999", "c-90--1", "c-90-zero", "d-90-0"]
)
def test_an_id_of_no_episode_names_nothing(id: str) -> None:
    engine = DocumentConflicts()
    engine.add(three_places().facts()[:-1])
    assert engine.resolve_alias(id) is None
    assert engine.episode(id) is None
    assert engine.now(id) is None


def test_what_the_contexts_leave_open_is_not_certain() -> None:
    for upper, undeclared, certain in ((1, False, True), (2, False, False), (1, True, False)):
        start, one, other = offline_pair(1)
        unsure = other._replace(context=Context(Seen(1), Seen(upper)), undeclared_delete=undeclared)
        engine = DocumentConflicts()
        (episode,) = engine.add([start, one, unsure]).changed
        assert episode.certain is certain


def test_deletes_that_came_before_their_target_collide_once_it_is_there() -> None:
    start, target = offline_pair(1)[:2]
    (client,) = target.update.structs
    seen = Seen(1, ((2, 2),))
    gone = Update({}, {client: [(0, 1)]})
    deletes = [EditFact(at, at, f"session {at}", f"actor {at}", Context(seen, seen), gone) for at in (3, 4)]
    ordered = DocumentConflicts()
    ordered.add([start, target, *deletes])
    late = DocumentConflicts()
    for fact in (start, *deletes, target):
        late.add([fact])
    (episode,) = late.episodes()
    assert ordered.episodes() == (episode,)
    assert (episode.kinds, episode.revisions, episode.base) == ({"delete-delete"}, (3, 4), "a")


def test_an_edit_without_its_base_is_refused() -> None:
    engine = DocumentConflicts()
    with pytest.raises(InvalidRequest):
        engine.add([offline_pair(2)[2]])
