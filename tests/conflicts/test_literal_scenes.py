"""Two people, one document, one collision of every kind: what the oracle says of it, written down by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from keepboth.conflicts.model import EditFact, Episode
from keepboth.events import Context
from keepboth.yjs.structs import Update
from tests.conflicts.brute_force import BruteForce
from tests.conflicts.mixed_world import ROOTS
from tests.conflicts.world import Client, World

Change = Callable[[Any], None]


def meeting(
    root: str, start: Change | None, ann: Change, bob: Change, *later: Change, same: bool = False
) -> list[EditFact]:
    """Ann (client 20, revision 2) and Bob (client 30, revision 3) change *root* apart after *start* (client 10,
    revision 1, may be None); then Cleo (client 40) makes the *later* changes, having seen all. *same*: Bob is Ann's
    other device."""
    world = World()
    people = {
        name: world.join(name, "ann" if same and name == "bob" else name, client)
        for name, client in (("zoe", 10), ("ann", 20), ("bob", 30), ("cleo", 40))
    }

    def make(name: str, change: Change) -> None:
        client: Client = people[name]
        world.pull(client)
        client.edit(lambda: change(client.doc.get(root, type=ROOTS[root])))

    if start is not None:
        make("zoe", start)
        world.push(people["zoe"])
    make("ann", ann)
    make("bob", bob)
    for name in ("ann", "bob"):
        world.push(people[name])
    for change in later:
        make("cleo", change)
        world.push(people["cleo"])
    world.finish()
    return world.facts()


def only(facts: list[EditFact]) -> Episode:
    (episode,) = BruteForce(facts).episodes()
    return episode


def put(key: str, value: Callable[[], Any] | Any) -> Change:
    def change(root: Any) -> None:
        root[key] = value() if callable(value) else value

    return change


def dropped(key: str | int) -> Change:
    def change(root: Any) -> None:
        del root[key]

    return change


def within(*path: str | int) -> Callable[[Change], Change]:
    """Make a change in what lies at *path*."""

    def wrap(change: Change) -> Change:
        def inner(root: Any) -> None:
            for step in path:
                root = root.children[step] if isinstance(root, XmlFragment | XmlElement) else root[step]
            change(root)

        return inner

    return wrap


def paragraphs(*texts: str) -> Change:
    def change(root: Any) -> None:
        for text in texts:
            root.children.append(XmlElement("p", {}, [XmlText(text)]))

    return change


def typed(at: int, text: str) -> Change:
    return lambda root: root.insert(at, text)


def cut(start: int, stop: int) -> Change:
    def change(root: Any) -> None:
        del root[start:stop]

    return change


def formatted(start: int, stop: int, **formats: Any) -> Change:
    return lambda root: root.format(start, stop, formats)


def child_dropped(at: int) -> Change:
    def change(root: Any) -> None:
        del root.children[at]

    return change


def both(*changes: Change) -> Change:
    def change(root: Any) -> None:
        for one in changes:
            one(root)

    return change


# -- keys ----------------------------------------------------------------------------------------------------------


def test_key_set_by_both() -> None:
    found = only(meeting("map", put("due", "may"), put("due", 4), put("due", 7)))
    assert found.kinds == {"map-key"}
    assert (found.root, found.key) == ("map", "due")
    assert (found.base, [side.text for side in found.sides], found.merged) == ('"may"', ["4", "7"], "7")
    assert [side.lost for side in found.sides] == ["4", ""]
    assert (found.severity, found.id) == ("lost", "d-10-0")
    assert (found.anchor_first, found.anchor_last) == ((10, 0), (30, 0))
    assert found.settled_by is None


def test_key_set_by_one_and_removed_by_the_other() -> None:
    found = only(meeting("map", put("due", 1), put("due", 4), dropped("due")))
    assert found.kinds == {"map-key"}
    assert [side.text for side in found.sides] == ["4", ""]
    assert (found.base, found.merged) == ("1", "4")


def test_key_removed_by_both_is_agreed() -> None:
    found = only(meeting("map", put("due", 1), dropped("due"), dropped("due")))
    assert (found.kinds, found.severity) == ({"map-key"}, "agreed")


def test_key_set_again_by_somebody_who_saw_both_settles_it() -> None:
    assert only(meeting("map", None, put("due", 4), put("due", 7), put("due", 5))).settled_by == 3
    assert only(meeting("map", None, put("due", 4), put("due", 7), put("other", 5))).settled_by is None


def test_different_keys_do_not_meet() -> None:
    assert BruteForce(meeting("map", put("a", 1), put("a", 2), put("b", 3))).records == []


def test_nested_type_made_by_both_is_one_key() -> None:
    found = only(meeting("map", None, put("n", lambda: Map({"x": "mine"})), put("n", lambda: Map({"x": "yours"}))))
    assert found.kinds == {"map-key"}
    assert [side.text for side in found.sides] == ['{"x": "mine"}', '{"x": "yours"}']
    assert [side.lost for side in found.sides] == ['{"x": "mine"}', ""]


def test_attribute_of_an_element_is_a_key() -> None:
    def attribute(value: str) -> Change:
        return within(0)(lambda node: node.attributes.__setitem__("id", value))

    found = only(meeting("xml", paragraphs("one"), attribute("i"), attribute("j")))
    assert (found.kinds, found.root, found.key) == ({"map-key"}, "10.0", "id")
    assert [side.text for side in found.sides] == ['"i"', '"j"']


def test_delete_of_a_superseded_value_writes_nothing() -> None:
    """Ann's device merged, and says in its state that the older value is gone; Bob set the key meanwhile."""
    facts = meeting("map", put("due", 1), put("due", 4), put("due", 7))
    gone = Update({}, {20: [(0, 1)]})
    late = facts[2]._replace(update=gone, revision=4, effective=4, session="cleo", actor="cleo", context=Context.of(3))
    far = facts[2]._replace(revision=5, effective=5, session="dan", actor="dan", context=Context.of(1), update=Update())
    brute = BruteForce([*facts, late, far])
    assert [(record.a, record.b) for record in brute.records] == [(2, 3)]
    assert brute.episodes()[0].settled_by is None


# -- subtrees ------------------------------------------------------------------------------------------------------


def test_typing_in_a_paragraph_that_the_other_deleted_is_lost() -> None:
    found = only(meeting("xml", paragraphs("one", "two"), within(1, 0)(typed(3, " by Friday")), child_dropped(1)))
    assert found.kinds == {"in-removed-subtree"}
    assert found.root == "xml"
    assert found.anchor_first == found.anchor_last == (10, 5)
    assert (found.base, found.merged) == ("<p>two</p>", "")
    assert [side.text for side in found.sides] == ["<p>two by Friday</p>", ""]
    assert [side.lost for side in found.sides] == [" by Friday", ""]
    assert (found.severity, found.before) == ("lost", "<p>one</p>")


def test_paragraph_deleted_by_both_is_one_item() -> None:
    (record,) = BruteForce(meeting("xml", paragraphs("one", "two"), child_dropped(1), child_dropped(1))).records
    assert record.kinds == {"delete-delete"}
    assert record.first == record.last == (10, 5)


def test_deleting_inside_what_the_other_deleted_meets_at_the_outer_place_only() -> None:
    facts = meeting("xml", paragraphs("one"), within(0, 0)(cut(0, 2)), child_dropped(0))
    (record,) = BruteForce(facts).records
    assert (record.kinds, record.first, record.last) == ({"in-removed-subtree"}, (10, 0), (10, 0))


def test_edit_under_a_value_that_the_other_overwrote() -> None:
    found = only(meeting("map", put("n", lambda: Map({"x": 1})), within("n")(put("x", 2)), put("n", "flat")))
    assert found.kinds == {"in-removed-subtree"}
    assert found.key == "n"
    assert [side.lost for side in found.sides] == ["2", ""]
    assert [side.text for side in found.sides] == ['{"x": 2}', '"flat"']


def test_list_removed_while_the_other_adds_to_a_list_within() -> None:
    start = put("n", lambda: Array([Array([1])]))
    found = only(meeting("map", start, within("n", 0)(lambda inner: inner.append(2)), dropped("n")))
    assert found.kinds == {"in-removed-subtree"}
    assert found.anchor_first == found.anchor_last == (10, 0)
    assert [side.text for side in found.sides] == ["[[1, 2]]", ""]
    assert [side.lost for side in found.sides] == ["2", ""]


def test_two_who_type_in_one_place_of_a_nested_text_meet_there() -> None:
    start = put("n", lambda: Text("one two"))
    found = only(meeting("map", start, within("n")(typed(4, "fat ")), within("n")(typed(4, "old "))))
    assert (found.kinds, found.root, found.key) == ({"insert-insert"}, "10.0", None)
    assert (found.before, found.merged, found.after) == ("one ", "fat old ", "two")


# -- formats -------------------------------------------------------------------------------------------------------


def test_one_format_with_two_values() -> None:
    found = only(meeting("text", typed(0, "one two three"), formatted(0, 7, c="red"), formatted(4, 13, c="blue")))
    assert (found.kinds, found.severity) == ({"format"}, "formatting-lost")
    assert (found.anchor_first, found.anchor_last) == ((10, 4), (10, 6))
    assert [side.formats for side in found.sides] == [(("c", '"red"'),), (("c", '"blue"'),)]
    assert found.merged == "two"


@pytest.mark.parametrize(
    ("ann", "bob"),
    [
        (formatted(0, 7, c="red"), formatted(4, 13, c="red")),
        (formatted(0, 7, c="red"), formatted(4, 13, b=True)),
        (formatted(0, 4, c="red"), formatted(4, 13, c="blue")),
        (formatted(0, 4, c=None), formatted(0, 4, c="blue")),
    ],
    ids=["the same value", "another format", "beside each other", "nothing changed"],
)
def test_formats_that_do_not_collide(ann: Change, bob: Change) -> None:
    assert BruteForce(meeting("text", typed(0, "one two three"), ann, bob)).records == []


def test_unsetting_a_format_is_a_value_too() -> None:
    start = both(typed(0, "one two"), formatted(0, 7, c="red"))
    found = only(meeting("text", start, formatted(0, 3, c=None), formatted(0, 3, c="blue")))
    assert found.kinds == {"format"}
    assert [side.formats for side in found.sides] == [(("c", "null"),), (("c", '"blue"'),)]


def test_formatting_what_the_other_deleted() -> None:
    found = only(meeting("text", typed(0, "one two three"), formatted(4, 7, b=True), cut(3, 8)))
    assert found.kinds == {"format-in-deleted"}
    assert (found.base, found.merged) == (" two ", "")
    (record,) = BruteForce(meeting("text", typed(0, "one two three"), formatted(4, 7, b=True), cut(3, 8))).records
    assert (record.first, record.last) == ((10, 4), (10, 6))


# -- about an episode ----------------------------------------------------------------------------------------------


def test_rewriting_what_a_collision_left_settles_it() -> None:
    facts = meeting("text", typed(0, "one two three"), typed(4, "fat "), typed(4, "old "), typed(0, "x"), cut(7, 9))
    assert only(facts).settled_by == 5
    assert only(facts[:-1]).settled_by is None


def test_lost_text_is_not_settled_by_rewriting() -> None:
    facts = meeting("xml", paragraphs("one"), within(0, 0)(typed(0, "x")), child_dropped(0), paragraphs("y"))
    assert only(facts).settled_by is None


def test_two_devices_of_one_actor_are_two_sides() -> None:
    found = only(meeting("text", typed(0, "one two"), typed(4, "fat "), typed(4, "old "), same=True))
    assert found.self_only
    assert [(side.actor, side.session, side.text) for side in found.sides] == [
        ("ann", "ann", "fat "),
        ("ann", "bob", "old "),
    ]
    assert not only(meeting("text", typed(0, "one two"), typed(4, "fat "), typed(4, "old "))).self_only


def test_two_who_fill_an_empty_text() -> None:
    found = only(meeting("text", None, typed(0, "Dear all"), typed(0, "Dear all")))
    assert found.double_initialisation
    assert found.severity == "duplicated"
    assert not only(meeting("text", typed(0, "a"), typed(0, "b"), typed(0, "c"))).double_initialisation


def test_a_document_as_a_value_is_one_item() -> None:
    (record,) = BruteForce(meeting("list", None, lambda root: root.append(Doc()), lambda root: root.append(1))).records
    assert (record.kinds, record.first, record.last) == ({"insert-insert"}, (20, 0), (30, 0))


def test_a_long_view_is_cut_and_so_is_what_lies_around() -> None:
    start = typed(0, "a" * 300 + "e\u0301" * 150 + "b" * 300)
    found = only(meeting("text", start, typed(750, "x" * 10_001), typed(750, "y")))
    assert found.merged == "x" * 10_000 + "…"
    assert (found.before, found.after) == ("e\u0301" * 100, "b" * 200)
    odd = only(meeting("text", start, typed(301, "x"), typed(301, "y")))
    assert odd.before == "a" * 199 + "e"
