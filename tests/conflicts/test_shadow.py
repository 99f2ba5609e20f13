"""The shadow puts every item where Yjs puts it, whatever arrives in whatever pieces."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text, XmlFragment, XmlText

from keepboth.conflicts.model import EditFact
from keepboth.conflicts.runs import Line, Run, text_of, units_of
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.errors import InvalidRequest
from keepboth.events import Context
from keepboth.yjs.structs import Struct, Update
from keepboth.yjs.update import decode_update
from tests.conflicts.crowds import Writer
from tests.conflicts.world import random_world
from tests.yjs.documents import session


def stroke(revision: int, update: Update) -> Stroke:
    fact = EditFact(revision, revision, "session", "actor", Context.of(revision - 1), update)
    return Stroke(fact, Session("session"))


def shadow_of(*updates: bytes | Update) -> Shadow:
    shadow = Shadow()
    for revision, update in enumerate(updates, 1):
        decoded = decode_update(update) if isinstance(update, bytes) else update
        shadow.integrate([(stroke(revision, decoded), decoded)])
    return shadow


def runs(line: Line | None) -> list[Run]:
    found = []
    run = line.first if line is not None else None
    while run is not None:
        assert not found or found[-1].order < run.order
        assert run.left is (found[-1] if found else None)
        found.append(run)
        run = run.right
    return found


def text(shadow: Shadow, root: str = "text") -> str:
    shown = (run for run in runs(shadow.line(root)) if run.deleters is None and not run.mute)
    return text_of("".join(run.content if isinstance(run.content, str) else "\ufffc" for run in shown))


def values(shadow: Shadow, root: str) -> list[object]:
    found: list[object] = []
    for run in runs(shadow.line(root)):
        if run.deleters is None and not run.mute:
            found += run.content if isinstance(run.content, tuple) else ["\ufffc"] * run.length
    return found


@pytest.mark.parametrize("first", range(0, 200, 50), ids=lambda first: f"seeds {first}-{first + 49}")
def test_random_sessions_with_every_shared_type_show_what_pycrdt_shows(first: int) -> None:
    for seed in range(first, first + 50):
        authors, log = session(seed)
        shadow = shadow_of(*log)
        diff = authors[0].text.diff()
        assert text(shadow) == "".join(part if isinstance(part, str) else "\ufffc" for part, _ in diff), f"seed {seed}"
        assert values(shadow, "list") == authors[0].list.to_py(), f"seed {seed}"
        assert len(values(shadow, "xml")) == len(authors[0].xml.children), f"seed {seed}"


@pytest.mark.parametrize("first", range(2000, 2200, 50), ids=lambda first: f"seeds {first}-{first + 49}")
def test_crowded_texts_show_what_pycrdt_shows_also_in_one_piece(first: int) -> None:
    for seed in range(first, first + 50):
        world = random_world(seed)
        expected = str(world.clients[0].text)
        updates = [edit.update for edit in world.edits]
        assert text(shadow_of(*updates)) == expected, f"seed {seed}"
        whole = decode_update(world.clients[0].doc.get_update())
        assert text(shadow_of(whole)) == expected, f"seed {seed}"


def test_structs_of_one_batch_come_in_whatever_order_they_build_on_each_other() -> None:
    for seed in range(2200, 2230):
        world = random_world(seed)
        batch = [(stroke(at, edit.update), edit.update) for at, edit in enumerate(world.edits, 1)]
        Random(seed).shuffle(batch)
        shadow = Shadow()
        shadow.integrate(batch)
        assert text(shadow) == str(world.clients[0].text), f"seed {seed}"


def test_known_content_that_comes_again_changes_nothing() -> None:
    for seed in range(2300, 2330):
        world = random_world(seed)
        doc: Doc[Any] = Doc()
        seen = doc.get("text", type=Text)
        shadow = Shadow()
        for at, edit in enumerate(world.edits, 1):
            doc.apply_update(edit.bytes)
            # all there is so far, of which only the last edit is new
            whole = decode_update(doc.get_update())
            shadow.integrate([(stroke(at, whole), whole)])
            assert text(shadow) == str(seen), f"seed {seed}"


def test_an_update_may_start_in_the_middle_of_known_content() -> None:
    writer = Writer(7)
    writer.type(0, "ab😀")
    first = decode_update(writer.doc.get_update())
    writer.type(6, "cd")
    again = Struct(7, 1, 5, 4 | 0x80, (7, 0), content="b😀cd")
    shadow = shadow_of(first, Update({7: [again]}))
    assert text(shadow) == str(writer.text) == "ab😀cd"
    assert [(run.clock, run.length, run.stroke.rev) for run in runs(shadow.line("text"))] == [(0, 4, 1), (4, 2, 2)]


def test_garbage_collected_content_has_no_place() -> None:
    doc: Doc[Any] = Doc(client_id=5)
    holder = doc.get("map", type=Map)
    holder["inner"] = Text("hello")
    holder["inner"] = 1
    text_type = doc.get("text", type=Text)
    text_type += "after"
    other: Doc[Any] = Doc(client_id=6)
    other.apply_update(doc.get_update())
    shadow = shadow_of(other.get_update())
    assert text(shadow) == "after"
    assert shadow.next_clock(5) == 12


def test_content_inside_something_unknown_or_not_a_type_has_no_place() -> None:
    letter = Struct(1, 0, 1, 4, parent="text", content="x")
    inside = Struct(1, 1, 1, 4, parent=(1, 0), content="y")
    behind = Struct(1, 2, 1, 4 | 0x80, (1, 1), content="z")
    shadow = shadow_of(Update({1: [letter, inside, behind]}), Update({}, {1: [(0, 3)]}))
    assert text(shadow) == ""
    assert shadow.find(1, 1).line is None
    assert shadow.find(1, 2).line is None


def test_nested_texts_and_elements_are_lines_of_their_own() -> None:
    doc: Doc[Any] = Doc(client_id=5)
    array = doc.get("list", type=Array)
    array.append(Text("in a list"))
    fragment = doc.get("xml", type=XmlFragment)
    fragment.children.append(XmlText("in xml"))
    shadow = shadow_of(doc.get_update())
    said = {
        line.root: "".join(run.content for run in runs(line) if isinstance(run.content, str))
        for line in shadow.lines()
        if line.key is None
    }
    assert sorted(said.values()) == ["", "", "in a list", "in xml"]


def test_a_delete_may_come_before_what_it_deletes() -> None:
    writer = Writer(7)
    writer.type(0, "abc")
    letters = [decode_update(update) for update in writer.updates]
    shadow = shadow_of(letters[0], Update({}, {7: [(0, 2), (2, 1)]}), letters[1], letters[2])
    assert text(shadow) == ""
    assert [[deleter.rev for deleter in run.deleters or ()] for run in runs(shadow.line("text"))] == [[2], [2], [2]]
    assert [late.rev for late in shadow.late] == [2, 2]


def test_an_edit_released_before_what_it_builds_on_is_refused() -> None:
    writer = Writer(7)
    writer.type(0, "ab")
    update = decode_update(writer.updates[1])
    shadow = Shadow()
    with pytest.raises(InvalidRequest, match="before what it builds on"):
        shadow.integrate([(stroke(1, update), update)])


def test_every_deleter_is_kept_but_nobody_who_had_seen_it_deleted() -> None:
    writer = Writer(7)
    writer.type(0, "a")
    update = decode_update(writer.updates[0])
    gone = Update({}, {7: [(0, 1)]})
    sessions = {name: Session(name) for name in ("s", "a", "b", "c")}
    facts = [
        EditFact(1, 1, "s", "s", Context.of(0), update),
        EditFact(2, 2, "a", "a", Context.of(1), gone),
        EditFact(3, 3, "b", "b", Context.of(1), gone),
        EditFact(4, 4, "c", "c", Context.of(3), gone),
    ]
    shadow = Shadow()
    for fact in facts:
        shadow.integrate([(Stroke(fact, sessions[fact.session]), fact.update)])
    (run,) = runs(shadow.line("text"))
    assert [deleter.rev for deleter in run.deleters or ()] == [2, 3]


def test_many_inserts_at_one_place_keep_the_order_labels_apart() -> None:
    writer = Writer(7)
    for at in range(3000):
        writer.text.insert(at // 2, "abc"[at % 3])
    assert text(shadow_of(*writer.updates)) == str(writer.text)


def test_clocks_are_utf16_units() -> None:
    assert units_of("a😀") == "a\ud83d\ude00"
    assert text_of("a\ud83d\ude00") == "a😀"
    assert text_of("\ude00a") == "\ufffda"
