"""What people see, case by case: every example in every order of arrival and of client ids, with whole episodes."""

from __future__ import annotations

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import Episode, Side, Step
from tests.conflicts.scenes import (
    Change,
    Seen,
    collide,
    deleted,
    every_way,
    pasted,
    replaced,
    told,
    typed,
)
from tests.conflicts.world import Client, World


def expect(start: str, people: dict[str, list[Change]], *expected: Seen, swapped: dict[str, str] | None = None) -> None:
    """The same episodes every way, but for the merged text when bob's client id is below ann's."""
    for names, episodes in every_way(start, people):
        wanted = list(expected)
        if swapped is not None and names.index("bob") < names.index("ann"):
            wanted = [seen._replace(merged=swapped[seen.merged]) for seen in wanted]
        assert [told(episode) for episode in episodes] == wanted


def kinds(*names: str) -> frozenset[str]:
    return frozenset(names)


def test_both_rewrote_the_same_word() -> None:
    expect(
        "one two three",
        {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]},
        Seen(
            kinds("insert-insert", "delete-delete", "insert-at-edge"),
            base="two",
            sides={"ann": "2", "bob": "II"},
            merged="2II",
            before="one ",
            after=" three",
        ),
        swapped={"2II": "II2"},
    )


def test_an_episode_names_its_events_and_places() -> None:
    people = {"ann": [replaced(4, 7, "2")], "bob": [deleted(4, 7), *typed(4, "II")]}
    engine, text = collide("one two three", people, {"ann": 20, "bob": 30}, ["bob", "ann"])
    assert text == "one 2II three"
    assert engine.episodes() == (
        Episode(
            id="d-10-4",
            kinds=kinds("insert-insert", "delete-delete", "insert-at-edge"),
            certain=True,
            interleaved=False,
            capped=False,
            root="text",
            first_revision=2,
            last_revision=5,
            revisions=(2, 3, 4, 5),
            base="two",
            sides=(Side("ann", "2", (5,)), Side("bob", "II", (2, 3, 4))),
            merged="2II",
            before="one ",
            after=" three",
            anchor_first=(10, 4),
            anchor_last=(30, 1),
            path=(Step("root", "text"),),
            line=1,
            severity="both-rewrote",
        ),
    )


def test_both_added_the_same_full_stop() -> None:
    expect(
        "one two",
        {"ann": [pasted(7, ".")], "bob": [pasted(7, ".")]},
        Seen(kinds("insert-insert"), "", {"ann": ".", "bob": "."}, "..", "one two", ""),
    )


def test_both_moved_the_same_word() -> None:
    def move(client: Client) -> None:
        client.delete(0, 4)
        client.insert(3, " one")

    expect(
        "one two",
        {"ann": [move], "bob": [move]},
        Seen(
            kinds("insert-insert", "delete-delete"),
            "one two",
            {"ann": "two one", "bob": "two one"},
            "two one one",
            "",
            "",
        ),
    )


def test_typed_inside_what_another_deleted() -> None:
    expect(
        "one two three",
        {"ann": [pasted(6, "XX")], "bob": [deleted(4, 8)]},
        Seen(kinds("insert-in-deleted"), "two ", {"ann": "twXXo ", "bob": ""}, "XX", "one ", "three"),
    )


def test_typed_at_the_edge_of_what_another_deleted() -> None:
    expect(
        "one two three",
        {"ann": typed(4, "new "), "bob": [deleted(4, 8)]},
        Seen(kinds("insert-at-edge"), "two ", {"ann": "new two ", "bob": ""}, "new ", "one ", "three"),
    )


def test_deleted_side_by_side() -> None:
    expect(
        "one two three",
        {"ann": [deleted(4, 8)], "bob": [deleted(8, 13)]},
        Seen(kinds("adjacent-deletes"), "two three", {"ann": "three", "bob": "two "}, "", "one ", ""),
    )


def test_both_deleted_the_same() -> None:
    expect(
        "one two three",
        {"ann": [deleted(4, 8)], "bob": [deleted(4, 8)]},
        Seen(kinds("delete-delete"), "two ", {"ann": "", "bob": ""}, "", "one ", "three"),
    )


def test_deletes_that_overlap_remove_the_union() -> None:
    expect(
        "one two three",
        {"ann": [deleted(2, 6)], "bob": [deleted(4, 10)]},
        Seen(kinds("delete-delete"), "e two th", {"ann": "o th", "bob": "e "}, "", "on", "ree"),
    )


def test_both_split_the_paragraph() -> None:
    expect(
        "hello world",
        {"ann": [replaced(5, 6, "\n")], "bob": [replaced(5, 6, "\n")]},
        Seen(
            kinds("insert-insert", "delete-delete", "insert-at-edge"),
            " ",
            {"ann": "\n", "bob": "\n"},
            "\n\n",
            "hello",
            "world",
        ),
    )


def test_one_joined_the_lines_where_the_other_wrote() -> None:
    expect(
        "one\ntwo",
        {"ann": [deleted(3, 4)], "bob": typed(3, "!")},
        Seen(kinds("insert-at-edge"), "\n", {"ann": "", "bob": "!\n"}, "!", "one", "two"),
    )


def test_side_by_side_in_one_gap() -> None:
    expect(
        "() end",
        {"ann": typed(1, "AAA "), "bob": typed(1, "BBB ")},
        Seen(kinds("insert-insert"), "", {"ann": "AAA ", "bob": "BBB "}, "AAA BBB ", "(", ") end"),
        swapped={"AAA BBB ": "BBB AAA "},
    )


def test_letters_that_mix_are_said_to() -> None:
    expect(
        "<ab>",
        {
            "ann": [replaced(1, 2, "X"), replaced(2, 3, "Y")],
            "bob": [replaced(1, 2, "1"), replaced(2, 3, "2")],
        },
        Seen(
            kinds("insert-insert", "delete-delete", "insert-at-edge", "adjacent-deletes"),
            "ab",
            {"ann": "XY", "bob": "12"},
            "X1Y2",
            "<",
            ">",
            interleaved=True,
        ),
        swapped={"X1Y2": "1X2Y"},
    )


def test_both_filled_an_empty_document() -> None:
    expect(
        "",
        {"ann": [pasted(0, "# Plan\n")], "bob": [pasted(0, "# Plan\n")]},
        Seen(kinds("insert-insert"), "", {"ann": "# Plan\n", "bob": "# Plan\n"}, "# Plan\n# Plan\n", "", ""),
    )


def test_three_people_changed_the_same_word() -> None:
    expect(
        "one two three",
        {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")], "cleo": [deleted(4, 7)]},
        Seen(
            kinds("insert-insert", "delete-delete", "insert-at-edge"),
            "two",
            {"ann": "2", "bob": "II", "cleo": ""},
            "2II",
            "one ",
            " three",
        ),
        swapped={"2II": "II2"},
    )


def test_characters_beyond_the_bmp() -> None:
    expect(
        "a😀👩‍👩‍👧b",
        {"ann": [replaced(1, 2, "🎉")], "bob": [pasted(2, "日😀")]},
        Seen(
            kinds("insert-insert", "insert-at-edge"),
            "😀",
            {"ann": "🎉", "bob": "😀日😀"},
            "🎉日😀",
            "a",
            "👩‍👩‍👧b",
        ),
        swapped={"🎉日😀": "日😀🎉"},
    )


def test_two_letters_apart_is_no_collision() -> None:
    expect("one two", {"ann": [pasted(3, "a")], "bob": [pasted(4, "b")]})


def test_places_close_by_for_somebody_are_one_episode_and_places_far_apart_are_not() -> None:
    for between, count in ((20, 1), (21, 2)):
        people = {name: [_at_both_ends(between)] for name in ("ann", "bob")}
        for _, episodes in every_way("-" * between, people):
            assert len(episodes) == count


def _at_both_ends(size: int) -> Change:
    def both(client: Client) -> None:
        client.insert(size, "R")
        client.insert(0, "L")

    return both


def test_who_had_seen_the_other_does_not_collide() -> None:
    world = World()
    ann, bob = world.join("a", "ann", 20), world.join("b", "bob", 30)
    ann.edit(lambda: ann.insert(0, "one"))
    world.push(ann)
    world.pull(bob)
    bob.edit(lambda: bob.insert(1, "X"))
    bob.edit(lambda: bob.delete(0, 1))
    world.finish()
    engine = DocumentConflicts()
    for fact in world.facts():
        engine.add([fact])
    assert engine.episodes() == ()


def test_two_windows_of_one_person_are_a_side_each() -> None:
    world = World()
    desk, phone = world.join("desk", "ann", 20), world.join("phone", "ann", 30)
    desk.edit(lambda: desk.insert(0, "from the desk"))
    phone.edit(lambda: phone.insert(0, "from the phone"))
    world.finish()
    engine = DocumentConflicts()
    engine.add(world.facts())
    (episode,) = engine.episodes()
    assert episode.self_only
    assert episode.sides == (
        Side("ann", "from the desk", (1,), "desk"),
        Side("ann", "from the phone", (2,), "phone"),
    )


def test_a_third_person_who_had_seen_both_takes_no_part() -> None:
    world = World()
    ann, bob, cleo = (world.join(name, name, 20 + at) for at, name in enumerate(("ann", "bob", "cleo")))
    ann.edit(lambda: ann.insert(0, "A"))
    bob.edit(lambda: bob.insert(0, "B"))
    world.push(ann)
    world.push(bob)
    world.pull(cleo)
    cleo.edit(lambda: cleo.insert(1, "-"))
    world.finish()
    engine = DocumentConflicts()
    engine.add(world.facts())
    (episode,) = engine.episodes()
    assert (episode.revisions, episode.merged) == ((1, 2), "AB")
    assert engine.now(episode.id) == "A-B"
