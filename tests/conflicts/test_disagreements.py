"""Small sessions in which the engine and the definition once told different things."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from pycrdt import XmlElement, XmlFragment, XmlText

from keepboth.conflicts.engine import DocumentConflicts
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.world import Client, World


def test_id_of_a_formatting_collision_is_the_same_in_every_order() -> None:
    """Two collisions of Ann's wide format are known apart before Dan's, in the middle, joins them."""
    world = World()
    zoe = world.join("zoe", "zoe", 10)
    for letter in "fedcba":  # so that the first character has the highest id
        zoe.edit(lambda letter=letter: zoe.insert(0, letter))
    world.push(zoe)
    people = [world.join(name, name, id) for name, id in (("ann", 20), ("bob", 30), ("cleo", 40), ("dan", 50))]
    for person in people:
        world.pull(person)
    for person, start, stop in zip(people, (0, 0, 4, 1), (6, 2, 6, 5), strict=True):
        person.edit(lambda who=person, start=start, stop=stop: who.text.format(start, stop, {"c": who.name}))
    for person in people:
        world.push(person)
    world.finish()
    facts = world.facts()
    (expected,) = BruteForce(facts).episodes()
    assert expected.id == "f-20-0-10-5"
    for order in permutations(facts[6:]):
        engine = DocumentConflicts()
        for fact in (*facts[:6], *order):
            engine.add([fact])
        assert engine.episodes() == (expected,)


def test_episode_that_grows_only_by_formats_is_reported_again() -> None:
    """Bob and Cleo, both known to collide with Ann, turn out to have met on more text than that."""
    world = World()
    zoe = world.join("zoe", "zoe", 10)
    zoe.edit(lambda: zoe.insert(0, "abcdef"))
    world.push(zoe)
    people = [world.join(name, name, id) for name, id in (("dan", 50), ("ann", 20), ("bob", 30), ("cleo", 40))]
    for person in people:
        world.pull(person)
    for person, start in zip(people, (2, 2, 0, 0), strict=True):
        person.edit(lambda who=person, start=start: who.text.format(start, 3, {"c": who.name}))
        world.push(person)
    world.finish()
    facts = world.facts()
    engine = DocumentConflicts()
    engine.feed(facts[:1])
    engine.work()
    for fact in facts[1:]:
        engine.feed([fact])
    engine.work(1)
    (early,) = engine.changes().changed
    assert early.base == "c"
    engine.work()
    (now,) = engine.changes().changed
    assert (now.base, [now]) == ("abc", BruteForce(facts).episodes())


def test_formats_belong_to_a_collision_whose_pairs_taught_nothing_new() -> None:
    """Sue had seen nothing, so what she typed behind the text meets all that Ned did; Ned also formatted a letter on
    the way there, which Dan deleted."""
    world = World()
    zoe, oz, ned, sue, dan = (
        world.join(name, name, id) for name, id in (("zoe", 10), ("oz", 20), ("ned", 30), ("sue", 90), ("dan", 40))
    )
    zoe.edit(lambda: zoe.insert(0, "abcdefghijklmnopqrstuvwxyz0123"))
    world.push(zoe)
    for person in (oz, ned, dan):
        world.pull(person)

    def type_and_format() -> None:
        ned.text.format(27, 28, {"c": "red"})
        ned.insert(0, "X")

    oz.edit(lambda: oz.insert(0, "O"))
    ned.edit(type_and_format)
    sue.edit(lambda: sue.insert(0, "s"))
    dan.edit(lambda: dan.delete(27, 28))
    for person in (oz, ned, sue, dan):
        world.push(person)
    world.finish()
    facts = world.facts()
    engine = DocumentConflicts()
    for fact in facts:
        engine.add([fact])
    (expected,) = BruteForce(facts).episodes()
    assert expected.kinds == {"insert-insert", "format-in-deleted"}
    assert engine.episodes() == (expected,)


def test_what_was_edited_inside_belongs_to_a_collision_whose_pairs_taught_nothing_new() -> None:
    """The same with paragraphs: Ned also named one that Dan removed."""
    world = World()
    zoe, oz, ned, sue, dan = (
        world.join(name, name, id) for name, id in (("zoe", 10), ("oz", 20), ("ned", 30), ("sue", 90), ("dan", 40))
    )

    def children(client: Client) -> Any:
        return client.doc.get("xml", type=XmlFragment).children

    def fill() -> None:
        for _ in range(30):
            children(zoe).append(XmlElement("p", {}, [XmlText("old")]))

    def insert_and_name() -> None:
        children(ned)[27].attributes["id"] = "late"
        children(ned).insert(0, XmlElement("p"))

    def remove() -> None:
        del children(dan)[27]

    zoe.edit(fill)
    world.push(zoe)
    for person in (oz, ned, dan):
        world.pull(person)
    oz.edit(lambda: children(oz).insert(0, XmlElement("p")))
    ned.edit(insert_and_name)
    sue.edit(lambda: children(sue).append(XmlElement("p")))
    dan.edit(remove)
    for person in (oz, ned, sue, dan):
        world.push(person)
    world.finish()
    facts = world.facts()
    engine = DocumentConflicts()
    for fact in facts:
        engine.add([fact])
    (expected,) = BruteForce(facts).episodes()
    assert expected.kinds == {"insert-insert", "in-removed-subtree"}
    assert engine.episodes() == (expected,)
