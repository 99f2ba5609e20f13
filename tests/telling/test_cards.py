"""What a card says, case by case, with real collisions."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from keepboth.conflicts.model import Side, Step
from keepboth.conflicts.report import episode_body
from keepboth.telling.cards import Card, as_json, card_of, sorted_for
from keepboth.telling.facts import Decisions, episode_of
from keepboth.telling.sentences import Sentence
from keepboth.telling.times import HOUR, MINUTE
from tests.conflicts.mixed_scenes import Person, block
from tests.conflicts.mixed_scenes import told as found_between
from tests.conflicts.scenes import Change, collide, deleted, pasted, replaced, typed
from tests.telling.stories import IDS, NAMES, NOW, away_for_two_hours, card, facts_of, happened, judged, made, stored

PLAN = "We meet at noon.\nWe ship at the end of the year.\nThen we rest."
SHIP = PLAN.index("the end of the year")


def labels(told: Card) -> list[str]:
    return [choice.label.text for choice in told.choices]


def pieces(passage: object) -> list[tuple[str, str]]:
    return [tuple(piece) for piece in passage.pieces]  # type: ignore[attr-defined]


# -- the table of cases ----------------------------------------------------------------------------------------------


def test_both_rewrote() -> None:
    told = card(
        happened(
            PLAN,
            {
                "ann": [replaced(SHIP, SHIP + 19, "May")],
                "bob": [replaced(SHIP, SHIP + 19, "Q2")],
            },
        )
    )
    assert told.sentence == Sentence(
        "collision.both-rewrote",
        {
            "people": ["Ann", "Bob"],
            "before": "the end of the year",
            "versions": 2,
            "holder": "text",
            "still": True,
        },
        "Ann and Bob both rewrote 'the end of the year'. Both versions are in the text.",
    )
    assert (told.outcome.code, told.outcome.text) == ("both-kept", "Both kept")
    assert told.where.text == "line 2"
    assert told.when is not None
    assert told.when.text == "12 min ago, at the same time"
    assert pieces(told.now) == [("delete", "the end of the year"), ("insert", "MayQ2")]
    assert [(version.title.text, pieces(version.passage)) for version in told.versions] == [
        ("Ann wrote", [("delete", "the end of the year"), ("insert", "May")]),
        ("Bob wrote", [("delete", "the end of the year"), ("insert", "Q2")]),
    ]
    assert pieces(told.before) == [("keep", "the end of the year")]
    assert (told.before.before, told.before.after) == ("We meet at noon.\nWe ship at ", ".\nThen we rest.")
    assert (told.missing, told.nothing_missing and told.nothing_missing.text) == ((), "Nothing is missing.")
    assert labels(told) == [
        "Leave as it is",
        "Use Ann's",
        "Use Bob's",
        "Both, one after the other",
        "Write it…",
        "Seen",
    ]
    assert [(choice.code, choice.actor) for choice in told.choices] == [
        ("leave", None),
        ("use", "ann"),
        ("use", "bob"),
        ("both", None),
        ("write", None),
        ("seen", None),
    ]


def test_both_rewrote_and_their_letters_are_mixed() -> None:
    told = card(
        happened(
            "<ab>",
            {
                "ann": [replaced(1, 2, "X"), replaced(2, 3, "Y")],
                "bob": [replaced(1, 2, "1"), replaced(2, 3, "2")],
            },
        )
    )
    assert told.sentence.text == (
        "Ann and Bob both rewrote 'ab'. Both versions are in the text and their letters are mixed."
    )


def test_typed_in_deleted() -> None:
    episode = happened(PLAN, {"ann": [pasted(15, " by Friday")], "bob": [deleted(0, 17)]})
    told = card(episode)
    assert told.sentence.text == (
        "Bob deleted a paragraph while Ann typed in it. Ann's 'by Friday' stayed, without its sentence."
    )
    assert told.outcome.text == "Stray words"
    assert told.where.text == "line 1"
    assert labels(told) == ["Leave as it is", "Put the sentence back", "Remove the rest", "Write it…", "Seen"]
    assert [version.title.text for version in told.versions] == ["Ann wrote", "Bob deleted it"]


def test_map_key() -> None:
    sides = [Side("ann", "4", (2,), lost="4"), Side("bob", "7", (3,))]
    told = card(made({"map-key"}, sides, base="", merged="7", root="meta", key="due", severity="lost"))
    assert told.sentence.text == "Ann set `due` to 4, Bob to 7. It is now 7."
    assert (told.where.text, told.where.path) == ("`due`", "meta.due")
    assert told.outcome.text == "Text missing"
    assert [([person.name for person in gone.people], gone.text) for gone in told.missing] == [(["Ann"], "4")]
    assert told.nothing_missing is None
    assert labels(told) == ["Use 4", "Keep 7", "Write it…", "Seen"]
    assert [(choice.code, choice.actor) for choice in told.choices][:2] == [("use", "ann"), ("leave", None)]


def test_three_people() -> None:
    at = PLAN.index("year")
    people = {name: [replaced(SHIP, at + 4, text)] for name, text in (("ann", "1"), ("bob", "II"), ("cleo", "c"))}
    told = card(happened(PLAN, people))
    assert told.sentence.text == "Ann, Bob and Cleo changed the same sentence."
    assert [version.title.text for version in told.versions] == ["Ann wrote", "Bob wrote", "Cleo wrote"]
    assert labels(told)[4] == "All, one after the other"


def test_five_people_of_whom_two_wrote_alike() -> None:
    texts = {"ann": "1", "bob": "II", "cleo": "1", "dan": "four", "eve": "V"}
    told = card(happened("one two three", {name: [replaced(4, 7, text)] for name, text in texts.items()}))
    assert told.sentence.text == "Ann, Bob, Cleo and 2 others changed the same word."
    assert told.sentence.params["people"] == ["Ann", "Bob", "Cleo", "Dan", "Eve"]
    assert [(version.title.text, version.passage.text) for version in told.versions] == [
        ("Ann and Cleo wrote", "1"),
        ("Bob wrote", "II"),
        ("Dan wrote", "four"),
        ("Eve wrote", "V"),
    ]
    assert labels(told) == [
        "Leave as it is",
        "Use Ann and Cleo's",
        "Use Bob's",
        "Use Dan's",
        "Use Eve's",
        "All, one after the other",
        "Write it…",
        "Seen",
    ]


def test_two_hours_away() -> None:
    episode = happened("one two", {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]})
    told = card(episode, facts=away_for_two_hours(episode))
    assert told.when is not None
    assert told.when.text == "12 min ago, apart for 2 h"
    unknown = card(episode, facts=facts_of(episode, away={"ann": None}))
    assert unknown.when is not None
    assert unknown.when.text == "arrived 22:01, written earlier"
    east = card(episode, facts=facts_of(episode, away={"ann": None}), utc_offset_s=3600)
    assert east.when is not None
    assert east.when.text == "arrived 23:01, written earlier"


# -- other things that happen ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "people", "outcome", "sentence"),
    [
        (
            "one two three",
            {"ann": typed(4, "new "), "bob": [deleted(4, 8)]},
            "Both kept",
            "Bob deleted 'two' while Ann wrote 'new' right beside it.",
        ),
        (
            "one two three",
            {"ann": [replaced(4, 7, "2")], "bob": [deleted(4, 7)]},
            "Both kept",
            "Bob deleted 'two' while Ann rewrote it. Ann's '2' is in the text.",
        ),
        (
            "one two three",
            {"ann": [deleted(4, 8)], "bob": [deleted(8, 13)]},
            "Both deleted",
            "Ann deleted 'two', Bob 'three'. All of it is gone.",
        ),
        (
            "one two three",
            {"ann": [deleted(4, 8)], "bob": [deleted(4, 8)]},
            "Same change",
            "Ann and Bob both deleted 'two'.",
        ),
        (
            "one two",
            {"ann": [pasted(7, " three")], "bob": [pasted(7, " three")]},
            "Shown twice",
            "Ann and Bob both wrote 'three'. It is in the text twice.",
        ),
        (
            "() end",
            {"ann": typed(1, "AAA "), "bob": typed(1, "BBB ")},
            "Both kept",
            "Ann and Bob both wrote in the same place: 'AAA' and 'BBB'. Both versions are in the text.",
        ),
        (
            "one two three",
            {"ann": [pasted(6, "XX")], "bob": [replaced(4, 8, "2 ")]},
            "Stray words",
            "Bob rewrote a word while Ann typed in it. Ann's 'XX' stayed, without its word.",
        ),
        (
            "one two three",
            {"ann": [deleted(4, 8)], "bob": [deleted(4, 8)], "cleo": [pasted(6, "XX")]},
            "Stray words",
            "Ann and Bob deleted a word while Cleo typed in it. Cleo's 'XX' stayed, without its word.",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else None,
)
def test_what_happened_in_a_text(start: str, people: dict[str, list[object]], outcome: str, sentence: str) -> None:
    told = card(happened(start, people))  # type: ignore[arg-type]
    assert (told.outcome.text, told.sentence.text) == (outcome, sentence)


@pytest.mark.parametrize(
    ("start", "people", "sentence"),
    [
        (PLAN, {"ann": [replaced(SHIP, SHIP + 3, "an")], "bob": [deleted(17, 20)]}, "Ann and Bob both changed line 2."),
        (PLAN, {"ann": [replaced(0, 2, "I")], "bob": [replaced(11, 15, "two")]}, "Ann and Bob both changed line 1."),
        (
            PLAN,
            {"ann": [replaced(0, 2, "I")], "bob": [replaced(17, 19, "I")], "cleo": [pasted(11, "every ")]},
            "Ann, Bob and Cleo changed neighbouring lines, 1 to 2.",
        ),
        (PLAN, {"ann": [pasted(3, "all ")], "bob": [pasted(16, "\n")]}, "Ann and Bob both changed line 1."),
        (
            "a b",
            {"ann": [pasted(0, "1\n")], "bob": [pasted(3, " c")]},
            "Ann and Bob changed neighbouring lines, 1 to 2.",
        ),
    ],
)
def test_what_only_shares_a_line(start: str, people: dict[str, list[Change]], sentence: str) -> None:
    engine, _ = collide(start, people, IDS, list(people), grain="line")
    (episode,) = engine.episodes()
    assert episode.kinds == {"same-line"}
    told = card(stored(judged(episode)))
    assert told.sentence.text == sentence
    assert (told.outcome.text, told.attention.level, told.attention.reason) == ("Both kept", "log", "nothing-wrong")


def test_what_meets_on_a_line_is_told_by_what_it_did() -> None:
    people = {"ann": [replaced(3, 7, "gather")], "bob": [replaced(3, 7, "see")], "cleo": [pasted(0, "Then ")]}
    engine, _ = collide(PLAN, people, IDS, list(people), grain="line")
    (episode,) = engine.episodes()
    assert "same-line" in episode.kinds
    assert card(stored(judged(episode))).sentence.code == "collision.several-changed"


@pytest.mark.parametrize(
    ("ann", "bob", "now", "severity", "sentence", "choices"),
    [
        ("4", "4", "4", "agreed", "Ann and Bob both set `due` to 4.", ["Seen"]),
        ("", "", "", "agreed", "Ann and Bob both removed `due`.", ["Seen"]),
        (
            "",
            "7",
            "7",
            "orphaned",
            "Ann removed `due`, Bob set it to 7. It is now 7.",
            ["Remove `due`", "Keep 7", "Write it…", "Seen"],
        ),
        (
            '"x"',
            "",
            "",
            "lost",
            'Ann set `due` to "x", Bob removed it. It is not set now.',
            ['Use "x"', "Keep it removed", "Write it…", "Seen"],
        ),
        (
            '{"a": 1}',
            "[1, 2]",
            "[1, 2]",
            "lost",
            'Ann set `due` to {"a": 1}, Bob to [1, 2]. It is now [1, 2].',
            ['Use {"a": 1}', "Keep [1, 2]", "Write it…", "Seen"],
        ),
    ],
)
def test_what_happened_to_a_key(ann: str, bob: str, now: str, severity: str, sentence: str, choices: list[str]) -> None:
    lost = ann if severity == "lost" else ""
    sides = [Side("ann", ann, (2,), lost=lost), Side("bob", bob, (3,))]
    told = card(made({"map-key"}, sides, base="1", merged=now, key="due", severity=severity))
    assert told.sentence.text == sentence
    assert labels(told) == choices
    assert told.outcome.text == {"agreed": "Same change", "orphaned": "One kept", "lost": "Text missing"}[severity]


def paragraph(text: str) -> str:
    return f"<paragraph>{text}</paragraph>"


def removed_paragraph(lost: str = " by Friday") -> Card:
    sides = [
        Side("ann", paragraph(f"We meet at noon{lost}."), (2,), lost=lost),
        Side("bob", "", (3,)),
    ]
    return card(
        made(
            {"in-removed-subtree"},
            sides,
            base=paragraph("We meet at noon."),
            merged="",
            before="ding>Budget</heading>" + paragraph("First."),
            after=paragraph("Last.") + "<parag",
            root="prosemirror",
            path=(Step("root", "prosemirror"), Step("index", 2, "paragraph")),
            heading="Budget",
            severity="lost" if lost else "orphaned",
        )
    )


def test_typed_in_a_paragraph_of_a_tree_that_was_deleted() -> None:
    told = removed_paragraph()
    assert told.sentence.text == (
        "Bob deleted a paragraph while Ann typed in it. Ann's 'by Friday' is not in the document."
    )
    assert told.where.text == "heading 'Budget' › paragraph 3"
    assert told.where.path == "prosemirror[2]"
    assert told.versions[0].passage.text == "We meet at noon by Friday."
    assert (told.before.before, told.before.text, told.before.after) == (
        "Budget\nFirst.\n",
        "We meet at noon.",
        "\nLast.",
    )
    assert labels(told) == ["Leave it deleted", "Put the paragraph back", "Seen"]
    quiet = removed_paragraph(lost="")
    assert quiet.outcome.text == "Both deleted"


def test_what_was_typed_in_a_paragraph_is_not_taken_for_markup() -> None:
    def typed_in(person: Person) -> None:
        person.words(1).insert(12, " <p>")

    def removed(person: Person) -> None:
        del person.xml.children[1]

    page = [block("p", "see <b>"), block("p", "if a<b & c>d"), block("p", "&lt; last")]
    (episode,) = found_between(page, {"ann": [typed_in], "bob": [removed]})
    told = card(stored(episode))
    assert told.sentence.text == "Bob deleted a paragraph while Ann typed in it. Ann's '<p>' is not in the document."
    assert [version.passage.text for version in told.versions] == ["if a<b & c>d <p>", ""]
    assert [missing.text for missing in told.missing] == [" <p>"]
    assert (told.before.before, told.before.text, told.before.after) == ("see <b>\n", "if a<b & c>d", "\n&lt; last")


def test_what_was_typed_below_a_key_is_not_taken_for_markup() -> None:
    episode = made(
        {"in-removed-subtree"},
        [Side("ann", "<p>a &lt; b</p>", (2,), lost=" &lt; b"), Side("bob", '"&lt;"', (3,))],
        base="<p>a</p>",
        merged='"&lt;"',
        key="source",
        severity="lost",
    )
    assert card(episode).sentence.text == (
        "Bob replaced `source` while Ann changed what was in it. Ann's '< b' is not in the document."
    )


def test_changed_something_that_was_replaced() -> None:
    sides = [Side("ann", "Hello world", (2,), lost=" world"), Side("bob", '"new"', (3,))]
    told = card(
        made(
            {"in-removed-subtree"},
            sides,
            base="Hello",
            merged='"new"',
            path=(Step("root", "cells"), Step("index", 4), Step("key", "source")),
            key="source",
            severity="lost",
        )
    )
    assert told.sentence.text == (
        "Bob replaced `source` while Ann changed what was in it. Ann's 'world' is not in the document."
    )
    assert told.where.text == "cells[4].source"
    assert labels(told) == ["Use 'Hello world'", 'Keep "new"', "Write it…", "Seen"]


def test_changed_an_entry_of_a_list_that_was_deleted() -> None:
    path = (Step("root", "todo"), Step("index", 0))
    sides = [Side("ann", '{"t": "y"}', (2,), lost='"y"'), Side("bob", "", (3,))]
    base = '{"t": "x"}'
    told = card(made({"in-removed-subtree"}, sides, base=base, merged="", path=path, severity="lost"))
    assert told.sentence.text == ('Bob deleted an entry while Ann changed it. Ann\'s "y" is not in the document.')
    assert told.where.text == "todo[0]"
    assert labels(told) == ["Leave it deleted", "Put the entry back", "Seen"]


def test_both_added_to_a_list() -> None:
    path = (Step("root", "todo"), Step("index", 1))
    sides = [Side("ann", '"a"', (2,)), Side("bob", '{"b": 1}', (3,))]
    merged = '"a", {"b": 1}'
    told = card(made({"insert-insert"}, sides, base="", merged=merged, before="1", after="2, 3", path=path))
    assert told.sentence.text == (
        'Ann and Bob both wrote in the same place: "a" and \'{"b": 1}\'. Both versions are in the list.'
    )
    assert (told.now.before, told.now.text, told.now.after) == ("1, ", merged, ", 2, 3")
    assert labels(told) == ["Leave as it is", "Use Ann's", "Use Bob's", "Both, one after the other", "Seen"]


def test_deleted_inside_a_paragraph_that_was_deleted() -> None:
    path = (Step("root", "doc"), Step("index", 2, "paragraph"))
    sides = [Side("ann", paragraph("meet at noon."), (2,)), Side("bob", "", (3,))]
    base = paragraph("We meet at noon.")
    told = card(made({"in-removed-subtree"}, sides, base=base, merged="", path=path, severity="orphaned"))
    assert told.sentence.text == ("Bob deleted a paragraph while Ann changed it. Nothing that was written is missing.")


def test_changed_what_is_in_a_key_that_was_removed() -> None:
    sides = [Side("ann", "Hello world", (2,), lost=" world"), Side("bob", "", (3,))]
    told = card(made({"in-removed-subtree"}, sides, base="Hello", merged="", key="body", severity="lost"))
    assert told.sentence.text == (
        "Bob removed `body` while Ann changed what was in it. Ann's 'world' is not in the document."
    )
    assert labels(told) == ["Use 'Hello world'", "Keep it removed", "Write it…", "Seen"]
    sides = [Side("ann", "Hell", (2,)), Side("bob", "", (3,))]
    told = card(made({"in-removed-subtree"}, sides, base="Hello", merged="", key="body", severity="orphaned"))
    assert told.sentence.text == "Bob removed `body` while Ann changed what was in it."


def test_a_value_that_is_markup_reads_as_its_text() -> None:
    sides = [Side("ann", paragraph("old"), (2,), lost=paragraph("old")), Side("bob", "<p></p>", (3,))]
    told = card(made({"map-key"}, sides, base="", merged="<p></p>", key="body", severity="lost"))
    assert told.sentence.text == "Ann set `body` to 'old', Bob to '<p></p>'. It is now '<p></p>'."


@pytest.mark.parametrize("text", ["[" * 9_000, "[" * 4_000 + "]" * 4_000, '"' * 5, "9" * 9_001], ids=len)
def test_strange_values_are_told(text: str) -> None:
    sides = [Side("ann", text, (2,), lost=text), Side("bob", "7", (3,))]
    for known in ({"key": "due"}, {"path": (Step("root", "todo"), Step("index", 0))}):
        told = card(made({"map-key"}, sides, base="", merged="7", severity="lost", **known))
        assert told.missing[0].text == text


def test_texts_of_several_that_are_missing_are_not_ascribed_to_all() -> None:
    lost = {"ann": "one", "bob": "two", "cleo": ""}
    sides = [Side(name, f"x{text}", (at,), lost=text) for at, (name, text) in enumerate(lost.items(), 2)]
    told = card(made({"insert-insert"}, sides, base="", merged="x", line=1, severity="lost"))
    assert told.sentence.text == (
        "Ann, Bob and Cleo changed the same place. Ann and Bob's texts are not in the document."
    )
    assert [([person.name for person in gone.people], gone.text) for gone in told.missing] == [
        (["Ann"], "one"),
        (["Bob"], "two"),
    ]


def test_lists_change_by_entry() -> None:
    path = (Step("root", "todo"), Step("index", 0))
    sides = [Side("ann", '"a", 3', (2,)), Side("bob", '"a", {"b": [1, 2]}', (3,))]
    base = '"a", {"b": [1, 2]}, 3'
    told = card(made({"delete-delete"}, sides, base=base, merged='"a"', path=path, severity="both-removed"))
    assert told.sentence.text == "Ann deleted '{\"b\": [1, 2]}', Bob '3'. All of it is gone."
    sides = [Side("ann", "a, text", (2,)), Side("bob", "a", (3,))]
    told = card(made({"insert-insert"}, sides, base="", merged="a, texta", path=path))
    assert told.sentence.text == (
        "Ann and Bob both wrote in the same place: 'a, text' and 'a'. Both versions are in the list."
    )


def test_formats() -> None:
    sides = [
        Side("ann", "the total", (2,), formats=(("bold", "true"), ("color", '"red"'))),
        Side("bob", "the total", (3,), formats=(("bold", "true"), ("color", '"blue"'))),
    ]
    told = card(made({"format"}, sides, base="the total", merged="the total", line=1, severity="formatting-lost"))
    assert told.sentence.text == (
        'Ann and Bob formatted \'the total\' differently: Ann set color to "red", Bob set color to "blue".'
    )
    assert told.outcome.text == "Formatting"
    assert labels(told) == ["Leave as it is", "Use Ann's", "Use Bob's", "Seen"]
    sides = [Side("ann", "the total", (2,), formats=(("bold", "true"),)), Side("bob", "", (3,))]
    told = card(made({"format-in-deleted"}, sides, base="the total", merged="", line=1, severity="formatting-lost"))
    assert told.sentence.text == "Bob deleted 'the total' while Ann formatted it."
    assert labels(told) == ["Leave as it is", "Use Ann's", "Use Bob's", "Put the sentence back", "Seen"]
    sides = [
        Side("ann", "total", (2,), formats=(("bold", "null"),)),
        Side("bob", "total", (3,), formats=(("bold", '"heavy"'),)),
    ]
    told = card(made({"format"}, sides, base="total", merged="total", line=1, severity="formatting-lost"))
    assert told.sentence.text == (
        "Ann and Bob formatted 'total' differently: Ann removed bold, Bob set bold to \"heavy\"."
    )


def test_text_that_somebody_deleted_is_missing() -> None:
    sides = [Side("ann", "one two", (2,), lost=" two"), Side("bob", "one", (3,))]
    told = card(made({"insert-insert"}, sides, base="", merged="one", line=1, severity="lost"))
    assert told.sentence.text == "Ann and Bob changed the same place. Ann's 'two' is not in the document."
    assert [gone.text for gone in told.missing] == [" two"]


def test_spaces_are_not_quoted() -> None:
    told = card(happened("one two three", {"ann": [pasted(6, " ")], "bob": [deleted(4, 8)]}))
    assert told.sentence.text == "Ann and Bob changed the same word."
    sides = [Side("ann", "one  ", (2,), lost=" "), Side("bob", "one", (3,))]
    told = card(made({"insert-insert"}, sides, base="", merged="one", line=1, severity="lost"))
    assert told.sentence.text == "Ann and Bob changed the same place."


def test_two_devices_of_one_person() -> None:
    sides = [Side("ann", "desk", (2,), session="s1"), Side("ann", "phone", (3,), session="s2")]
    known = {"base": "old words here", "merged": "deskphone", "line": 1, "self_only": True, "severity": "both-rewrote"}
    told = card(made({"insert-insert"}, sides, **known))
    assert told.sentence.text == "Ann changed the same line on 2 devices."
    assert [(choice.code, choice.actor, choice.session) for choice in told.choices if choice.code == "use"] == [
        ("use", "ann", "s1"),
        ("use", "ann", "s2"),
    ]
    assert [choice.label.text for choice in told.choices][1:3] == ["Use what device 1 has", "Use what device 2 has"]
    assert [version.title.text for version in told.versions] == ["Ann wrote on device 1", "Ann wrote on device 2"]
    assert [person.name for person in told.people] == ["Ann"]
    missing = [replace(sides[0], lost="desk"), sides[1]]
    told = card(made({"insert-insert"}, missing, **{**known, "severity": "lost"}))
    assert told.sentence.text == "Ann changed the same line on 2 devices. 'desk' is not in the document."


def test_an_empty_document_that_two_filled() -> None:
    people = {"ann": [pasted(0, "# Plan\n")], "bob": [pasted(0, "# Plan\n")]}
    told = card(happened("", people, double_initialisation=True))
    assert told.sentence.text == "Ann and Bob both wrote the same into an empty document. It is there twice."
    assert told.hidden == ("filled-twice",)
    assert labels(told) == ["Leave as it is", "Keep it once", "Write it…", "Seen"]
    sides = [Side("ann", "Plan", (2,), lost="Plan"), Side("bob", "Dear all", (3,))]
    known = {"line": 1, "severity": "lost", "double_initialisation": True}
    told = card(made({"insert-insert"}, sides, base="", merged="Dear all", **known))
    assert told.sentence.text == "Ann and Bob changed the same place. Ann's 'Plan' is not in the document."
    people = {"ann": [pasted(0, "# Plan\n")], "bob": [pasted(0, "Dear all\n")]}
    told = card(happened("", people, double_initialisation=True))
    assert told.sentence.text == "Ann and Bob both wrote into an empty document. Both versions are in it."
    assert told.hidden == ()


def test_what_is_only_possible_says_so_first() -> None:
    told = card(happened("one two", {"ann": [pasted(7, "!")], "bob": [pasted(7, "?")]}, certain=False))
    assert told.sentence.text == "May have collided: this editor does not report what it had seen."
    assert [note.code for note in told.notes] == ["collision.both-wrote"]
    assert told.hidden == ("possible",)
    assert not told.certain


def test_settled_and_resolved_ones_say_by_what() -> None:
    episode = happened("one two", {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]})
    settled = card(replace(episode, settled_by=9))
    assert (settled.status, [note.code for note in settled.notes]) == ("settled", ["note.settled"])
    assert labels(settled) == ["Seen"]
    resolved = card(episode, decisions=Decisions("resolved", resolved_by="cleo"))
    assert (resolved.status, [note.text for note in resolved.notes]) == ("resolved", ["Resolved by Cleo."])
    both = card(replace(episode, settled_by=9), decisions=Decisions("resolved", resolved_by="nobody known"))
    assert (both.status, [note.text for note in both.notes]) == ("resolved", ["Resolved by a guest."])
    reopened = card(replace(episode, settled_by=9), decisions=Decisions("open"))
    assert (reopened.status, reopened.notes, reopened.hidden) == ("open", (), ())


def test_what_the_place_says_now_is_shown_if_it_is_known() -> None:
    episode = happened("one two", {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]})
    assert (card(episode).now_title.text, card(episode).now.text) == ("In the document now", "2II")
    assert card(episode, present="two, II").now.text == "two, II"
    sides = [Side("ann", "4", (2,), lost="4"), Side("bob", "7", (3,))]
    told = card(made({"map-key"}, sides, base="", merged="7", key="due", severity="lost"), present="9")
    assert told.sentence.text == "Ann set `due` to 4, Bob to 7. It is now 9."


def test_of_what_was_rewritten_since_a_card_says_what_was() -> None:
    episode = happened("one two", {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]}, settled_by=9)
    told = card(episode)
    assert told.sentence.text == "Ann and Bob both rewrote 'two'. Both versions were in the text."
    assert told.now_title.text == "When they met"
    assert told.nothing_missing is not None
    assert told.nothing_missing.text == "Nothing was missing."
    told = card(episode, present="2 or II")
    assert (told.now_title.text, told.now.text) == ("In the document now", "2 or II")
    sides = [Side("ann", "4", (2,), lost="4"), Side("bob", "7", (3,))]
    key = made({"map-key"}, sides, base="", merged="7", key="due", severity="lost", settled_by=9)
    assert card(key).sentence.text == "Ann set `due` to 4, Bob to 7. It was then 7."
    assert card(key, present="9").sentence.text == "Ann set `due` to 4, Bob to 7. It is now 9."


# -- all cards -------------------------------------------------------------------------------------------------------


def test_what_one_deleted_can_be_put_back() -> None:
    told = card(happened("one two three", {"ann": typed(4, "new "), "bob": [deleted(4, 8)]}))
    assert labels(told) == ["Leave as it is", "Use Ann's", "Use Bob's", "Put the word back", "Write it…", "Seen"]
    told = card(happened("one two three", {"ann": [deleted(4, 8)], "bob": [deleted(8, 13)]}))
    assert labels(told) == ["Leave as it is", "Use Ann's", "Use Bob's", "Put the words back", "Write it…", "Seen"]


def test_texts_are_plain_and_nothing_is_escaped() -> None:
    evil = "<b>&amp;{people}%s\\"
    names = {"ann": "<i>Ann</i>\u202e\n{0}", "bob": "Bob & Co"}
    episode = happened("one two", {"ann": [replaced(4, 7, evil)], "bob": [replaced(4, 7, "II")]})
    told = card(episode, names=names)
    assert told.sentence.text == ("<i>Ann</i> {0} and Bob & Co both rewrote 'two'. Both versions are in the text.")
    assert told.versions[0].passage.text == evil


def test_right_to_left_words_do_not_turn_the_sentence_around() -> None:
    episode = happened("פגישה ביום שני", {"ann": [replaced(11, 14, "שלישי")], "bob": [replaced(11, 14, "רביעי")]})
    told = card(episode, names={"ann": "אנה", "bob": "Bob"})
    assert told.sentence.text == (
        "Bob and \u2068אנה\u2069 both rewrote '\u2068שני\u2069'. Both versions are in the text."
    )
    assert told.sentence.params["before"] == "שני"
    assert pieces(told.versions[1].passage) == [("delete", "שני"), ("insert", "שלישי")]


def test_the_nameless_are_guests() -> None:
    texts = {"ann": "1", "bob": "II", "cleo": "3"}
    episode = happened("one two three", {name: [replaced(4, 7, text)] for name, text in texts.items()})
    told = card(episode, names={"bob": "Bob"}, facts=facts_of(episode, kinds={"ann": "anonymous", "cleo": "anonymous"}))
    assert told.sentence.text == "A guest, Bob and Guest 2 changed the same word."
    told = card(
        happened("one two three", {"ann": [pasted(6, "XX")], "bob": [deleted(4, 8)]}),
        names={"bob": "Bob"},
        facts=[],
    )
    assert (
        told.sentence.text == "Bob deleted a word while a guest typed in it. A guest's 'XX' stayed, without its word."
    )
    assert told.when is None


def test_a_card_is_json_and_the_same_from_the_stored_row() -> None:
    episode = happened(PLAN, {"ann": [replaced(SHIP, SHIP + 7, "May")], "bob": [replaced(SHIP, SHIP + 7, "Q2")]})
    assert stored(episode) == episode
    value = as_json(card(episode))
    assert json.loads(json.dumps(value)) == value
    assert value == as_json(card(episode_of(json.loads(episode_body(episode)))))
    assert list(value) == list(Card.__dataclass_fields__)
    assert value["outcome"] == {"code": "both-kept", "text": "Both kept"}
    assert value["now"]["pieces"][0] == {"op": "delete", "text": "the end"}


def test_rows_from_before_a_field_existed_can_be_told() -> None:
    episode = judged(happened("one two", {"ann": [pasted(7, "!")], "bob": [pasted(7, "?")]}))
    value = json.loads(episode_body(episode))
    for name in ("key", "path", "line", "heading", "self_only", "double_initialisation", "severity", "settled_by"):
        del value[name]
    for side in value["sides"]:
        side.update(name="Somebody")
        del side["lost"], side["formats"], side["session"]
    told = card(episode_of({**value, "document": "plan", "later": 1}))
    assert told.outcome.text == "Both kept"


def test_cards_are_sorted_by_missing_text_then_yours_then_newest() -> None:
    def told(id: str, actors: str, lost: str, ago: int) -> Card:
        sides = [
            Side(actor, actor, (nth,), lost=lost if nth == 2 else "") for nth, actor in enumerate(actors.split(), 2)
        ]
        severity = "lost" if lost else "same-gap"
        episode = made({"insert-insert"}, sides, base="", merged="", id=id, line=1, severity=severity)
        return card(episode, facts=facts_of(episode, ago=ago))

    cards = [
        told("old", "ann bob", "", 2 * HOUR),
        told("new", "ann bob", "", MINUTE),
        told("mine", "cleo dan", "", 3 * HOUR),
        told("lost", "ann bob", "x", 4 * HOUR),
        told("lost mine", "ann dan", "x", 5 * HOUR),
    ]
    assert [found.id for found in sorted_for(cards, "dan")] == ["lost mine", "lost", "mine", "new", "old"]
    assert [found.id for found in sorted_for(cards, None)] == ["lost", "lost mine", "new", "old", "mine"]


def test_facts_of_other_edits_change_nothing() -> None:
    episode = happened("one two", {"ann": [pasted(7, "!")], "bob": [pasted(7, "?")]})
    facts = facts_of(episode)
    other = facts[0]._replace(revision=99, recorded_at=NOW, correlation_id="away:x:1", away_from=0)
    assert card_of(episode, names=NAMES, facts=[*facts, other], now=NOW) == card(episode)
