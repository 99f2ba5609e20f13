"""Places, times, names, footers: the small words."""

from __future__ import annotations

import re
from typing import Any

import pytest

from keepboth.conflicts.model import Side, Step
from keepboth.events import ActorKind
from keepboth.telling.footers import Tally, footer, tally
from keepboth.telling.people import persons
from keepboth.telling.places import where_of
from keepboth.telling.sentences import listed, say
from keepboth.telling.texts import noun_of, only_element, read_markup
from keepboth.telling.times import DAY, HOUR, MINUTE, SECOND, clock, span
from keepboth.telling.wording import ENGLISH
from tests.telling.stories import NOW, card, facts_of, made
from tests.telling.test_attention import hidden_cases


def root(name: str) -> Step:
    return Step("root", name)


def index(at: int, name: str | None = None) -> Step:
    return Step("index", at, name)


def key(at: str) -> Step:
    return Step("key", at)


PLACES: list[tuple[dict[str, Any], str, str]] = [
    ({"root": "text", "line": 12}, "line 12", "text"),
    ({"path": (root("text"),), "line": 12}, "line 12", "text"),
    ({"path": (root("items"),)}, "items", "items"),
    ({"path": (root("cells"), index(4), key("source")), "line": 1}, "cells[4].source", "cells[4].source"),
    ({"path": (root("cells"), index(4), key("source")), "line": 3}, "cells[4].source, line 3", "cells[4].source"),
    ({"path": (root("meta"),), "key": "due"}, "`due`", "meta.due"),
    ({"path": (root("meta"), key("due")), "key": "due"}, "`due`", "meta.due"),
    ({"path": (root("meta"),), "key": "due date"}, "`due date`", 'meta["due date"]'),
    ({"path": (root("cells"), index(0)), "key": "id"}, "cells[0].id", "cells[0].id"),
    ({"path": (root("meta"), key("due")), "key": "due", "line": 2}, "`due`", "meta.due"),
    (
        {"path": (root("doc"), index(2, "paragraph"), index(0)), "line": 1, "heading": "Budget"},
        "heading 'Budget' › paragraph 3",
        "doc[2][0]",
    ),
    ({"path": (root("doc"), index(0, "h1"), index(0)), "line": 1}, "heading 1", "doc[0][0]"),
    (
        {"path": (root("doc"), index(2, "paragraph")), "key": "align"},
        "paragraph 3 › `align`",
        "doc[2].align",
    ),
    (
        {
            "path": (root("doc"), index(1, "bulletList"), index(4, "list_item"), index(0, "paragraph"), index(0)),
            "line": 1,
        },
        "list 2 › list item 5",
        "doc[1][4][0][0]",
    ),
    (
        {
            "path": (root("doc"), index(0, "blockGroup"), index(3, "blockContainer"), index(0, "paragraph")),
            "line": 1,
        },
        "block 4",
        "doc[0][3][0]",
    ),
]


@pytest.mark.parametrize(("known", "text", "path"), PLACES, ids=[case[1] for case in PLACES])
def test_where(known: dict[str, Any], text: str, path: str) -> None:
    sides = [Side("ann", "a", (2,)), Side("bob", "b", (3,))]
    where = where_of(made({"insert-insert"}, sides, base="", merged="ab", **known))
    assert (where.text, where.path) == (text, path)
    assert " › ".join(said.text for said in where.said) == text


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (-SECOND, "0 s"),
        (41 * SECOND, "41 s"),
        (MINUTE, "1 min"),
        (12 * MINUTE + 59 * SECOND, "12 min"),
        (2 * HOUR + 59 * MINUTE, "2 h"),
        (DAY, "1 day"),
        (72 * HOUR, "3 days"),
    ],
)
def test_lengths_of_time(micros: int, text: str) -> None:
    assert span(micros) == text


def test_the_time_of_day_wraps_around_midnight() -> None:
    assert [clock(NOW, offset) for offset in (0, 7200, -3600, 5 * 3600 + 1800)] == ["22:13", "00:13", "21:13", "03:43"]


def test_when_they_met() -> None:
    episode = _rewritten()
    for ago, away, text in (
        (3 * SECOND, None, "just now, at the same time"),
        (3 * SECOND, {"ann": HOUR}, "just now, apart for 1 h"),
        (3 * DAY, {"ann": None}, "arrived 3 days ago, written earlier"),
        (DAY, {"ann": 5 * SECOND}, "1 day ago, at the same time"),
        (41 * SECOND, {"ann": HOUR, "bob": DAY}, "41 s ago, apart for 1 day"),
    ):
        told = card(episode, facts=facts_of(episode, ago=ago, away=away))
        assert told.when is not None
        assert told.when.text == text


def _rewritten() -> Any:
    sides = [Side("ann", "a", (2,)), Side("bob", "b", (3,))]
    return made({"insert-insert"}, sides, base="", merged="ab", line=1)


def called(names: dict[str, str], kinds: dict[str, ActorKind]) -> list[str]:
    return [person.name for person in persons(sorted({*names, *kinds}), names, kinds).values()]


def test_names() -> None:
    assert called({"a": "Ann", "b": " Bob\n\u202eB\x00 ", "c": "Ann"}, {}) == ["Ann", "Bob B", "Ann (2)"]
    assert called({"b": ""}, {"a": "anonymous", "c": "anonymous", "d": "human"}) == [
        "A guest",
        "Guest 2",
        "Guest 3",
        "A person",
    ]
    assert called({}, {"x": "agent", "y": "agent", "z": "import", "zz": "system"}) == [
        "An agent",
        "Agent 2",
        "An import",
        "The server",
    ]
    assert called({"a": "A guest"}, {"b": "anonymous"}) == ["A guest", "A guest (2)"]
    assert called({"a": "n" * 60}, {}) == ["n" * 40 + "…"]


def test_lists() -> None:
    names = ["A", "B", "C", "D", "E"]
    assert [listed(names[:count]) for count in range(1, 6)] == [
        "A",
        "A and B",
        "A, B and C",
        "A, B, C and D",
        "A, B, C and 2 others",
    ]


@pytest.mark.parametrize(
    ("text", "before", "after", "noun"),
    [
        ("two ", "one ", "three", "a word"),
        ("the end", "at ", " of it", "some words"),
        ("We meet.\n", "Hi.\n", "Bye.", "a paragraph"),
        ("We meet", "Hi.\n", "\nBye.", "a line"),
        ("We meet. ", "Hi. ", "Bye.", "a sentence"),
        ("One.\nTwo.", "", "", "some lines"),
        (" ", "a", "b", "a place"),
        ("ביום שני.\n", "", "", "a paragraph"),
        ("今日は晴れです。", "はい。", "では", "a sentence"),
    ],
)
def test_nouns(text: str, before: str, after: str, noun: str) -> None:
    assert noun_of(text, before=before, after=after, element=None).a == noun


def test_nouns_of_elements() -> None:
    for element, noun in (("image", "an image"), ("table_cell", "a table cell"), ("x-custom", "a block")):
        assert noun_of("", before="", after="", element=element).a == noun


def test_markup_reads_by_block() -> None:
    assert read_markup(
        '<heading attrs="{&quot;level&quot;: 1}">A &amp; B &lt; C &amp;lt;</heading><p>one <b>two</b></p>'
        "<ul><li>x</li></ul>"
    ) == ("A & B < C &lt;\none two\nx")
    assert [only_element(text) for text in ("<p>a</p>", "<p/>", "<p>a</p><p>b</p>", "a <p>b</p>", "a", "<p>")] == [
        "p",
        "p",
        None,
        None,
        None,
        None,
    ]


# -- footers ---------------------------------------------------------------------------------------------------------


def said(counts: Tally) -> list[str]:
    return [sentence.text for sentence in footer(counts)]


def test_a_list_without_collisions() -> None:
    assert said(Tally(0, {}, 1204, 3, 1204)) == [
        "No collisions in 1,204 edits by 3 people. Overlapping edits will appear here."
    ]
    assert said(Tally(0, {}, 1, 1, 1)) == ["No collisions in 1 edit by 1 person. Overlapping edits will appear here."]
    assert said(Tally(0, {}, 0, 0, 0)) == ["No collisions yet. Overlapping edits will appear here."]


def test_a_list_that_hides_all() -> None:
    hidden = {"possible": 1, "your-own-devices": 3, "same-change": 8}
    assert said(Tally(0, hidden, 99, 3, 99)) == [  # type: ignore[arg-type]
        "Nothing needs you. 12 hidden: 8 same change, 3 your own devices, 1 possible."
    ]


def test_a_list_that_hides_some() -> None:
    assert said(Tally(2, {"settled": 1, "resolved": 1}, 99, 3, 99)) == ["2 hidden: 1 resolved, 1 settled."]
    assert said(Tally(2, {}, 99, 3, 99)) == []


def test_while_the_engine_is_behind_there_is_never_none() -> None:
    assert said(Tally(0, {}, 1000, 3, 629)) == ["Checking history, 62 %."]
    assert said(Tally(0, {"possible": 2}, 1000, 3, 999)) == ["2 hidden: 2 possible.", "Checking history, 99 %."]
    assert said(Tally(1, {}, 1000, 3, 0)) == ["Checking history, 0 %."]


def test_every_hidden_card_counts_once() -> None:
    cards = [card(episode, decisions=decisions) for _, episode, decisions in hidden_cases()]
    counts = tally([*cards, card(_rewritten())], edits=10, people=2, known=10)
    assert counts.shown == 1
    assert dict(counts.hidden) == {reason: 1 for reason, _, _ in hidden_cases()}


# -- wording ---------------------------------------------------------------------------------------------------------

FORBIDDEN = re.compile(r"\b(base|sides?|episodes?|merged|severity|actor|session|revision)\b", re.I)


def test_no_sentence_uses_words_of_the_engine() -> None:
    """A return says that edits "merged": there it is an ordinary word."""
    for group, sentences in ENGLISH.items():
        for name, text in sentences.items():
            plain = re.sub(r"\{[^}]*\}", "", text)
            found = {word.lower() for word in FORBIDDEN.findall(plain)}
            assert found <= ({"merged"} if group == "return" else set()), name


def test_an_unknown_code_or_parameter_is_an_error() -> None:
    with pytest.raises(KeyError):
        say("collision", "no-such")
    with pytest.raises(KeyError):
        say("place", "line")
