"""Collisions over keys, in what somebody removed and over formats, case by case: in every order of arrival, all weighed
and in strokes, with the episodes a reader gets."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pycrdt import Array, Doc, Map, Text, XmlElement, XmlText

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode, Record, Side, Step
from keepboth.events import Context, Seen
from keepboth.yjs.structs import Update
from tests.conflicts.mixed_scenes import Change, MixedWorld, Person, block, scene, told


def put(key: str, value: object) -> Change:
    """Set *key* of the map; a function makes a new value each time."""
    return lambda person: person.map.__setitem__(key, value() if callable(value) else value)


def drop(key: str) -> Change:
    return lambda person: person.map.pop(key)


def attribute(at: int, name: str, value: str) -> Change:
    return lambda person: person.element(at).attributes.__setitem__(name, value)


def remove_block(at: int) -> Change:
    return lambda person: person.xml.children.__delitem__(at)


def type_in_block(at: int, where: int, words: str) -> list[Change]:
    return [
        lambda person, offset=offset, letter=letter: person.words(at).insert(where + offset, letter)
        for offset, letter in enumerate(words)
    ]


def write_in_block(at: int, words: str) -> Change:
    return lambda person: person.words(at).insert(0, words)


def write(words: str, at: int = 0) -> Change:
    return lambda person: person.insert(at, words)


def style(start: int, stop: int, value: object = True, name: str = "bold") -> Change:
    return lambda person: person.bold(start, stop, value, name)


def only(
    start: Sequence[Change], ann: Sequence[Change], bob: Sequence[Change], later: Sequence[tuple[str, Change]] = ()
) -> Episode:
    (episode,) = told(start, {"ann": ann, "bob": bob}, later)
    return episode


def sides(episode: Episode) -> dict[str, tuple[str, str]]:
    """Each side's text and what of it is lost."""
    return {side.actor: (side.text, side.lost) for side in episode.sides}


# -- keys ------------------------------------------------------------------------------------------------------------


def test_both_set_one_key() -> None:
    episode = only([put("colour", "red")], [put("colour", "green")], [put("colour", "blue")])
    assert (episode.kinds, episode.root, episode.key) == ({"map-key"}, "map", "colour")
    assert (episode.base, episode.merged) == ('"red"', '"blue"')
    assert sides(episode) == {"ann": ('"green"', '"green"'), "bob": ('"blue"', "")}
    assert (episode.before, episode.after) == ("", "")
    assert episode.severity == "lost"
    assert episode.path == (Step("root", "map"), Step("key", "colour"))
    assert episode.line is None


def test_both_set_one_key_to_the_same() -> None:
    episode = only([], [put("k", "same")], [put("k", "same")])
    assert (episode.kinds, episode.severity) == ({"map-key"}, "agreed")
    assert sides(episode) == {"ann": ('"same"', ""), "bob": ('"same"', "")}


def test_both_removed_one_key() -> None:
    episode = only([put("k", 1)], [drop("k")], [drop("k")])
    assert (episode.kinds, episode.severity) == ({"map-key"}, "agreed")
    assert (episode.id, episode.base, episode.merged) == ("d-10-0", "1", "")


def test_one_removed_the_key_that_the_other_set() -> None:
    episode = only([put("k", 1)], [drop("k")], [put("k", 2)])
    assert episode.kinds == {"map-key"}
    assert sides(episode) == {"ann": ("", ""), "bob": ("2", "")}
    assert episode.merged == "2"


def test_different_keys_are_no_collision() -> None:
    assert told([], {"ann": [put("a", 1)], "bob": [put("b", 1)]}) == ()


def test_three_people_set_one_key() -> None:
    people = {name: [put("k", name)] for name in ("ann", "bob", "cleo")}
    (episode,) = told([], people)
    assert episode.merged == '"cleo"'
    assert [side.lost for side in episode.sides] == ['"ann"', '"bob"', ""]
    assert episode.revisions == (1, 2, 3)


def test_what_was_set_twice_is_met_whole() -> None:
    episode = only([], [put("k", 1), put("k", 2), put("k", 3)], [put("k", 9)])
    assert (episode.revisions, sides(episode)["ann"]) == ((1, 2, 3, 4), ("3", "3"))


def test_both_set_one_attribute() -> None:
    episode = only([block("p", "one")], [attribute(0, "align", "left")], [attribute(0, "align", "right")])
    assert (episode.kinds, episode.root, episode.key) == ({"map-key"}, "10.0", "align")
    assert sides(episode) == {"ann": ('"left"', '"left"'), "bob": ('"right"', "")}
    assert episode.path == (Step("root", "xml"), Step("index", 0, "p"), Step("key", "align"))


def test_both_made_the_same_nested_type() -> None:
    """Everything that one of them puts in is gone; what the other puts in later meets nobody."""
    ann = [put("n", lambda: Map({"a": 1})), lambda person: person.map["n"].__setitem__("b", 2)]
    bob = [put("n", lambda: Array([1])), lambda person: person.map["n"].append([2])]
    episode = only([], ann, bob)
    assert episode.kinds == {"map-key", "in-removed-subtree"}
    assert sides(episode) == {"ann": ('{"a": 1, "b": 2}', '{"a": 1, "b": 2}'), "bob": ("[1]", "")}
    assert (episode.base, episode.merged, episode.revisions) == ("", "[1]", (1, 2, 3))


def test_a_key_is_settled_by_who_sets_it_knowing_both_even_if_a_value_is_lost() -> None:
    episode = only([], [put("k", 1)], [put("k", 2)], [("ann", put("k", 3))])
    assert (episode.severity, episode.settled_by) == ("lost", 3)
    assert (episode.merged, sides(episode)["ann"]) == ("2", ("1", "1"))


def test_setting_another_key_settles_nothing() -> None:
    assert only([], [put("k", 1)], [put("k", 2)], [("ann", put("j", 3))]).settled_by is None


def test_a_value_that_merging_has_hidden_is_not_deleted_by_who_names_it() -> None:
    """A state transfer lists the loser of a collision as deleted: the one who brings it did not do that."""
    ann, bob, dan = scene([], {name: [put("k", name)] for name in ("ann", "bob", "dan")}).facts
    transfer = EditFact(3, 3, "cleo", "cleo", Context.of(2), Update({}, {20: [(0, 1)]}))
    engine = DocumentConflicts()
    engine.add([ann, bob, transfer, dan._replace(revision=4, effective=4)])
    (episode,) = engine.episodes()
    assert (episode.revisions, episode.settled_by) == ((1, 2, 4), None)


def test_deletes_that_came_before_the_value_write_its_key_once_it_is_there() -> None:
    (target,) = scene([], {"ann": [put("k", 1)]}).facts
    seen = Seen(0, ((1, 1),))
    gone = Update({}, {20: [(0, 1)]})
    deletes = [EditFact(at, at, f"session {at}", f"actor {at}", Context(seen, seen), gone) for at in (2, 3)]
    ordered, late = DocumentConflicts(), DocumentConflicts()
    for fact in (target, *deletes):
        ordered.add([fact])
    for fact in (*deletes, target):
        late.add([fact])
    (episode,) = late.episodes()
    assert ordered.episodes() == (episode,)
    assert (episode.kinds, episode.revisions, episode.base, episode.key) == ({"map-key"}, (2, 3), "1", "k")


# -- in what somebody removed ----------------------------------------------------------------------------------------

PAGE = [block("h2", "Plan"), block("p", "one"), block("p", "two"), block("p", "three")]


def test_typed_in_a_paragraph_that_the_other_removed() -> None:
    episode = only(PAGE, type_in_block(2, 3, " more"), [remove_block(2)])
    assert episode.kinds == {"in-removed-subtree"}
    assert (episode.root, episode.anchor_first, episode.anchor_last) == ("xml", (10, 11), (10, 11))
    assert (episode.base, episode.merged) == ("<p>two</p>", "")
    assert sides(episode) == {"ann": ("<p>two more</p>", " more"), "bob": ("", "")}
    assert (episode.before, episode.after) == ("<h2>Plan</h2><p>one</p>", "<p>three</p>")
    assert (episode.severity, episode.settled_by, episode.heading) == ("lost", None, "Plan")
    assert episode.path == (Step("root", "xml"), Step("index", 2, "p"))
    assert len(episode.sides[0].revisions) == 5


def test_lost_text_is_not_settled_by_rewriting_the_rest() -> None:
    later: list[tuple[str, Change]] = [("bob", remove_block(1))]
    assert only(PAGE, type_in_block(2, 3, "!"), [remove_block(2)], later).settled_by is None


def test_deleting_a_paragraph_is_one_deletion_not_one_of_its_letters() -> None:
    (record,) = _records(PAGE, {"ann": [remove_block(2)], "bob": [remove_block(2)]})
    assert (record.kinds, record.first, record.last) == ({"delete-delete"}, (10, 11), (10, 11))


def test_who_edited_in_a_part_and_who_removed_the_whole() -> None:
    """Only the outermost removal counts, and only there."""

    def build(person: Person) -> None:
        outer = XmlElement("ul")
        person.xml.children.append(outer)
        inner = XmlElement("li")
        outer.children.append(inner)
        inner.children.append(XmlText("item"))

    def touch(person: Person) -> None:
        inner = person.element(0).children[0]
        assert isinstance(inner, XmlElement)
        inner.attributes["done"] = "yes"

    episode = only([build], [touch], [remove_block(0)])
    assert (episode.kinds, episode.anchor_first) == ({"in-removed-subtree"}, (10, 0))
    assert sides(episode) == {"ann": ('<ul><li done="yes">item</li></ul>', '"yes"'), "bob": ("", "")}


def test_edits_under_a_key_that_the_other_overwrote() -> None:
    start = [put("n", lambda: Text("hello"))]
    episode = only(start, [lambda person: person.map["n"].insert(5, " world")], [put("n", None)])
    assert (episode.kinds, episode.key) == ({"in-removed-subtree"}, "n")
    assert sides(episode) == {"ann": ("hello world", " world"), "bob": ("null", "")}


def test_edits_under_a_key_that_the_other_removed() -> None:
    start = [put("n", lambda: Map({"x": 1}))]
    episode = only(start, [lambda person: person.map["n"].__setitem__("x", 2)], [drop("n")])
    assert (episode.kinds, episode.base, episode.merged) == ({"in-removed-subtree"}, '{"x": 1}', "")
    assert sides(episode)["ann"] == ('{"x": 2}', "2")


def test_in_another_paragraph_there_is_no_collision() -> None:
    assert told(PAGE, {"ann": type_in_block(1, 0, "x"), "bob": [remove_block(2)]}) == ()


def test_who_knew_that_it_was_removed_meets_nobody() -> None:
    assert told(PAGE, {"ann": [remove_block(3)], "bob": []}, [("bob", write_in_block(2, "x"))]) == ()


def test_formatting_in_a_removed_paragraph_is_an_edit_there() -> None:
    episode = only(PAGE, [lambda person: person.words(2).format(0, 3, {"bold": True})], [remove_block(2)])
    assert episode.kinds == {"in-removed-subtree"}
    assert sides(episode)["ann"] == ("<p>two</p>", "")


def test_typing_goes_on_after_the_removal_is_known_to_collide() -> None:
    """Keystrokes of one row, some fed before and some after the removal."""
    world = MixedWorld()
    author = world.join("start", "start", 10)
    author.edit(lambda: block("p", "one")(author))
    world.push(author)
    ann, bob = world.join("a", "ann", 20), world.join("b", "bob", 30)
    for person in (ann, bob):
        world.pull(person)
    for at, letter in enumerate("ab"):
        ann.edit(lambda at=at, letter=letter: ann.words(0).insert(3 + at, letter))
    world.push(ann)
    bob.edit(lambda: remove_block(0)(bob))
    world.push(bob)
    for at, letter in enumerate("cd"):
        ann.edit(lambda at=at, letter=letter: ann.words(0).insert(5 + at, letter))
    world.push(ann)
    world.finish()
    engine = DocumentConflicts()
    told_each_time = [engine.add([fact]).changed for fact in world.facts()]
    assert [[episode.revisions for episode in changed] for changed in told_each_time] == [
        [],
        [],
        [],
        [(2, 3, 4)],
        [(2, 3, 4, 5)],
        [(2, 3, 4, 5, 6)],
    ]
    (episode,) = engine.episodes()
    assert sides(episode)["ann"] == ("<p>oneabcd</p>", "abcd")


# -- formats ---------------------------------------------------------------------------------------------------------


def test_one_text_in_two_colours() -> None:
    episode = only([write("one two three")], [style(0, 7, "red", "color")], [style(4, 13, "blue", "color")])
    assert (episode.kinds, episode.severity) == ({"format"}, "formatting-lost")
    assert (episode.before, episode.merged, episode.after) == ("one ", "two", " three")
    assert (episode.anchor_first, episode.anchor_last) == ((10, 4), (10, 6))
    assert [side.formats for side in episode.sides] == [(("color", '"red"'),), (("color", '"blue"'),)]
    assert episode.id == "f-20-0-10-4"


@pytest.mark.parametrize(
    ("ann", "bob"),
    [
        (style(0, 7), style(4, 13)),
        (style(0, 7), style(0, 7, True, "italic")),
        (style(0, 3, "red", "color"), style(4, 7, "blue", "color")),
        (style(0, 3, None), style(0, 3, True)),
    ],
    ids=["the same", "two formats", "side by side", "nothing changed"],
)
def test_formats_that_do_not_meet(ann: Change, bob: Change) -> None:
    assert told([write("one two three")], {"ann": [ann], "bob": [bob]}) == ()


def test_one_took_off_what_the_other_changed() -> None:
    start = [write("one two"), style(0, 7, "red", "color")]
    episode = only(start, [style(0, 3, None, "color")], [style(0, 7, "blue", "color")])
    assert (episode.kinds, episode.merged) == ({"format"}, "one")
    assert [side.formats for side in episode.sides] == [(("color", "null"),), (("color", '"blue"'),)]


def test_formatted_what_the_other_deleted() -> None:
    episode = only([write("one two three")], [style(4, 7)], [lambda person: person.delete(3, 7)])
    assert episode.kinds == {"format-in-deleted"}
    assert (episode.id, episode.base, episode.merged) == ("d-10-3", " two", "")
    assert sides(episode) == {"ann": (" two", ""), "bob": ("", "")}
    assert [side.formats for side in episode.sides] == [(("bold", "true"),), ()]


def test_formatting_again_settles_formats() -> None:
    start = [write("one two three")]
    later = [("bob", style(0, 13, "green", "color"))]
    episode = only(start, [style(0, 7, "red", "color")], [style(0, 7, "blue", "color")], later)
    assert episode.settled_by == 4


def test_formatting_does_not_settle_what_is_about_text() -> None:
    later = [("bob", style(0, 5, None))]
    assert (
        only(
            [write("one two")], [lambda person: person.text.insert(3, "X", {"bold": True})], [write("Y", 3)], later
        ).settled_by
        is None
    )


def test_formats_far_apart_are_two_episodes_with_two_names() -> None:
    start = [write("-" * 100)]
    people = {
        "ann": [style(0, 100, "red", "color")],
        "bob": [style(0, 2, 1, "color")],
        "cleo": [style(90, 92, 2, "color")],
    }
    found = told(start, people)
    assert [episode.anchor_first for episode in found] == [(10, 0), (10, 90)]
    assert len({episode.id for episode in found}) == 2
    engine = scene(start, people).engine()
    assert [engine.resolve_alias(episode.id) for episode in found] == [episode.id for episode in found]


# -- about an episode ------------------------------------------------------------------------------------------------


def test_rewriting_what_a_collision_left_settles_it_and_a_late_side_opens_it_again() -> None:
    world = MixedWorld()
    people = {name: world.join(name, name, 20 + at) for at, name in enumerate(("ann", "bob", "cleo", "dan"))}
    for name in ("ann", "bob", "dan"):
        people[name].edit(lambda name=name: people[name].insert(0, name))
    world.push(people["ann"])
    world.push(people["bob"])
    world.pull(people["cleo"])
    people["cleo"].edit(lambda: people["cleo"].delete(0, 3))
    world.push(people["cleo"])
    world.push(people["dan"])
    world.finish()
    engine = DocumentConflicts()
    settled = [[episode.settled_by for episode in engine.add([fact]).changed] for fact in world.facts()]
    assert settled == [[], [None], [3], [None]]


def test_what_changes_nothing_is_not_told() -> None:
    """Deleting somebody's letters without having seen all of it settles nothing."""
    world = MixedWorld()
    people = {name: world.join(name, name, 20 + at) for at, name in enumerate(("ann", "bob", "cleo"))}
    people["ann"].edit(lambda: people["ann"].insert(0, "ann"))
    people["bob"].edit(lambda: people["bob"].insert(0, "bob"))
    world.push(people["ann"])
    world.push(people["bob"])
    world.pull(people["cleo"])
    people["cleo"].edit(lambda: people["cleo"].insert(6, " and something else that is somewhere else"))
    people["cleo"].edit(lambda: people["cleo"].delete(20, 24))
    world.push(people["cleo"])
    world.finish()
    engine = DocumentConflicts()
    assert [len(engine.add([fact]).changed) for fact in world.facts()] == [0, 1, 0, 0]


def test_two_who_fill_an_empty_document() -> None:
    episode = only([], [write("# Plan")], [write("# Plan")])
    assert (episode.double_initialisation, episode.severity) == (True, "duplicated")
    assert not only([write("x")], [write("a")], [write("b")]).double_initialisation


def test_two_devices_of_one_actor_are_two_sides() -> None:
    (episode,) = told([], {"ann": [put("k", 1)], "ann2": [put("k", 2)]})
    assert episode.self_only
    assert episode.sides == (
        Side("ann", "1", (1,), "ann's session", "1"),
        Side("ann", "2", (2,), "ann2's session", ""),
    )


def test_the_line_in_a_text() -> None:
    episode = only([write("one\ntwo\nthree")], [write("A", 9)], [write("B", 9)])
    assert (episode.line, episode.path) == (3, (Step("root", "text"),))


def test_the_heading_is_the_nearest_above_among_the_outermost_blocks() -> None:
    start = [block("heading", "First"), block("p", "one"), block("heading2", "Second"), block("p", "two")]
    for at, heading in ((1, "First"), (3, "Second")):
        episode = only(start, type_in_block(at, 0, "A"), type_in_block(at, 0, "B"))
        assert (episode.heading, episode.line) == (heading, 1)
        assert episode.path == (Step("root", "xml"), Step("index", at, "p"), Step("index", 0))


def test_views_say_what_is_in_nested_types() -> None:
    inner = {"title": "T", "words": Text("wörds 😀"), "list": Array([1, Map({"x": b"\x01"})]), "doc": Doc()}
    people = {"ann": [lambda person: person.list.append(Map(inner))], "bob": [lambda person: person.list.append(2)]}
    (episode,) = scene([], people).engine().episodes()
    text = episode.sides[0].text
    assert text.startswith('{"doc": {"guid": "')
    assert text.endswith('"list": [1, {"x": {"base64": "AQ=="}}], "title": "T", "words": "wörds 😀"}')
    assert episode.merged == f"{text}, 2"


def test_long_views_are_cut() -> None:
    episode = only([], [put("k", "x" * 20_000)], [put("k", "y")])
    assert episode.sides[0].text == '"' + "x" * 9_999 + "…"
    assert episode.sides[0].lost == episode.sides[0].text


def test_very_deep_nesting_is_shown_down_to_a_depth() -> None:
    def deep(person: Person) -> None:
        person.map["k"] = Map({})
        inner = person.map["k"]
        for _ in range(300):
            inner["k"] = Map({})
            inner = inner["k"]

    episode = only([], [deep], [put("k", 1)])
    assert "…" in episode.sides[0].text
    assert episode.sides[0].lost == episode.sides[0].text


def _records(start: Sequence[Change], people: dict[str, Sequence[Change]]) -> list[Record]:
    return scene(start, people).engine(all_records=True).records
