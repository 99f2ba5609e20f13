"""What happens to people who edit apart, and what the conflict log should say of it.

Every situation is made by real peers in every order of their client ids, which are random in practice and decide who
comes first, and told to the engine in every order of arrival, which must make no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations
from typing import Any

import pycrdt

from keepboth.conflicts.model import Episode, Kind, Severity
from tests.conflicts.apart import Change, Document, Step

IDS = (20, 30, 40)


@dataclass(frozen=True)
class Entry:
    """What a reader is told. ``sides``: by actor (or session, where there is only one), the text; ``lost``: of those
    who lost something, what; ``formats``: of those who formatted."""

    kinds: frozenset[Kind]
    severity: Severity
    base: str
    sides: Mapping[str, str]
    merged: str
    lost: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    key: str | None = None
    interleaved: bool = False
    double_initialisation: bool = False
    self_only: bool = False


def read(episode: Episode) -> Entry:
    """What *episode* tells a reader."""
    sides = {side.session or side.actor: side for side in episode.sides}
    return Entry(
        episode.kinds,
        episode.severity,
        episode.base,
        {name: side.text for name, side in sides.items()},
        episode.merged,
        {name: side.lost for name, side in sides.items() if side.lost},
        {name: side.formats for name, side in sides.items() if side.formats},
        episode.key,
        episode.interleaved,
        episode.double_initialisation,
        episode.self_only,
    )


Told = Callable[[Sequence[str]], list[Entry]]
"""What the log should say, given the sessions by ascending client id."""


@dataclass(frozen=True)
class Situation:
    """``start`` is there for all; ``people`` do their steps apart. ``story``: what they do, in words. ``document``:
    what is there in the end, by ascending client id. ``actors``: whose session it is, where names differ."""

    title: str
    story: str
    start: Sequence[Step]
    people: Mapping[str, Sequence[Step]]
    document: Callable[[Sequence[str]], str]
    entries: Told
    actors: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_yjs(self) -> bool:
        """True if its peers are Yjs under Node."""
        return any(not callable(step) for steps in (self.start, *self.people.values()) for step in steps)

    def orders(self) -> list[tuple[str, ...]]:
        """All orders of client ids, and of arrival."""
        return list(permutations(self.people))


def kinds(*names: Kind) -> frozenset[Kind]:
    return frozenset(names)


REWRITE = kinds("insert-insert", "delete-delete", "insert-at-edge")


# -- what pycrdt peers do ------------------------------------------------------------------------------------------


def wrote(at: int, text: str) -> Change:
    return lambda document: document.text.insert(at, text)


def typed(at: int, text: str) -> list[Step]:
    """Letter by letter, a transaction each."""
    return [wrote(at + offset, letter) for offset, letter in enumerate(text)]


def deleted(start: int, stop: int) -> Change:
    def change(document: Document) -> None:
        del document.text[start:stop]

    return change


def replaced(start: int, stop: int, text: str) -> Change:
    def change(document: Document) -> None:
        del document.text[start:stop]
        document.text.insert(start, text)

    return change


def formatted(start: int, stop: int, **formats: Any) -> Change:
    return lambda document: document.text.format(start, stop, formats)


def put(key: str, value: Any) -> Change:
    """Set a key; a ``dict`` becomes a shared map."""

    def change(document: Document) -> None:
        document.map[key] = pycrdt.Map(value) if isinstance(value, dict) else value

    return change


def put_within(outer: str, key: str, value: Any) -> Change:
    def change(document: Document) -> None:
        document.map[outer][key] = value

    return change


def dropped(key: str) -> Change:
    def change(document: Document) -> None:
        del document.map[key]

    return change


def listed(*values: Any) -> Change:
    """Fill the list; a ``dict`` becomes a shared map."""

    def change(document: Document) -> None:
        document.list.extend([pycrdt.Map(value) if isinstance(value, dict) else value for value in values])

    return change


def put_in_item(at: int, key: str, value: Any) -> Change:
    def change(document: Document) -> None:
        document.list[at][key] = value

    return change


def taken(at: int) -> Change:
    def change(document: Document) -> None:
        del document.list[at]

    return change


def exchanged(at: int, value: Any) -> Change:
    def change(document: Document) -> None:
        del document.list[at]
        document.list.insert(at, value)

    return change


# -- the situations ------------------------------------------------------------------------------------------------


def one(entry: Entry) -> Told:
    return lambda order: [entry]


def document(text: str) -> Callable[[Sequence[str]], str]:
    return lambda order: text


def in_turn(texts: Mapping[str, str], before: str = "", after: str = "") -> Callable[[Sequence[str]], str]:
    """The texts of all, in the order of their client ids."""
    return lambda order: before + "".join(texts[name] for name in order if name in texts) + after


def rewritten(order: Sequence[str]) -> list[Entry]:
    texts = {"ann": "2", "bob": "II"}
    return [Entry(REWRITE, "both-rewrote", "two", texts, in_turn(texts)(order))]


def moved(document: Document) -> None:
    del document.text[0:4]
    document.text.insert(3, " one")


def set_by_both(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": '"Plan"', "bob": '"Notes"'}
    loser, winner = order
    return [
        Entry(kinds("map-key"), "lost", '"Draft"', sides, sides[winner], {loser: sides[loser]}, key="title"),
    ]


def created_by_both(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": '{"name": "Ann"}', "bob": '{"size": "A4"}'}
    loser, winner = order
    return [Entry(kinds("map-key"), "lost", "", sides, sides[winner], {loser: sides[loser]}, key="card")]


def created_by_both_and_filled(order: Sequence[str]) -> list[Entry]:
    """Bob's second step only takes part if it went into a map that Ann's took the place of."""
    loser, winner = order
    found = kinds("map-key")
    sides = {"ann": '{"name": "Ann"}', "bob": '{"size": "A4"}'}
    if loser == "bob":
        found |= kinds("in-removed-subtree")
        sides["bob"] = '{"name": "Bob", "size": "A4"}'
    return [Entry(found, "lost", "", sides, sides[winner], {loser: sides[loser]}, key="card")]


def aligned_by_both(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": '"left"', "bob": '"right"'}
    loser, winner = order
    return [Entry(kinds("map-key"), "lost", "", sides, sides[winner], {loser: sides[loser]}, key="align")]


def split_apart(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": "<paragraph>world</paragraph>", "bob": "<paragraph>rld</paragraph>"}
    return [
        Entry(kinds("delete-delete"), "both-removed", "world", {"ann": "", "bob": "wo"}, ""),
        Entry(kinds("insert-insert"), "same-gap", "", sides, in_turn(sides)(order)),
    ]


def both_exchanged(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": '"B"', "bob": '"2"'}
    merged = ", ".join(sides[name] for name in order)
    return [Entry(REWRITE, "both-rewrote", '"b"', sides, merged)]


def side_by_side(order: Sequence[str]) -> list[Entry]:
    texts = {"ann": "AAA ", "bob": "BBB "}
    return [Entry(kinds("insert-insert"), "same-gap", "", texts, in_turn(texts)(order))]


def letters_mixed(order: Sequence[str]) -> list[Entry]:
    merged = "X1Y2" if order[0] == "ann" else "1X2Y"
    found = REWRITE | kinds("adjacent-deletes")
    return [Entry(found, "both-rewrote", "ab", {"ann": "XY", "bob": "12"}, merged, interleaved=True)]


def three_rewrote(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": "2", "bob": "II", "cleo": ""}
    return [Entry(REWRITE, "both-rewrote", "two", sides, in_turn({"ann": "2", "bob": "II"})(order))]


def devices(order: Sequence[str]) -> list[Entry]:
    sides = {"desk": "2", "phone": "II"}
    return [Entry(REWRITE, "both-rewrote", "two", sides, in_turn(sides)(order), self_only=True)]


THREE: Sequence[Step] = [wrote(0, "one two three")]
PARAGRAPHS: Sequence[Step] = [[["paragraph", 0, "one"], ["paragraph", 1, "two"]]]
SECOND = "<paragraph>two</paragraph>"

SITUATIONS: Sequence[Situation] = (
    Situation(
        "both replaced the same words",
        "Ann replaces “two” by “2”, Bob by “II”",
        THREE,
        {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]},
        in_turn({"ann": "2", "bob": "II"}, "one ", " three"),
        rewritten,
    ),
    Situation(
        "same text inserted twice",
        "Both end the sentence",
        [wrote(0, "one two")],
        {"ann": [wrote(7, ".")], "bob": [wrote(7, ".")]},
        document("one two.."),
        one(Entry(kinds("insert-insert"), "duplicated", "", {"ann": ".", "bob": "."}, "..")),
    ),
    Situation(
        "same text moved twice",
        "Both move “one” to the end",
        [wrote(0, "one two")],
        {"ann": [moved], "bob": [moved]},
        document("two one one"),
        one(
            Entry(
                kinds("insert-insert", "delete-delete"),
                "duplicated",
                "one two",
                {"ann": "two one", "bob": "two one"},
                "two one one",
            )
        ),
    ),
    Situation(
        "typed inside what the other deleted",
        "Ann types “XX” into “two”, Bob deletes it",
        THREE,
        {"ann": [wrote(6, "XX")], "bob": [deleted(4, 8)]},
        document("one XXthree"),
        one(Entry(kinds("insert-in-deleted"), "orphaned", "two ", {"ann": "twXXo ", "bob": ""}, "XX")),
    ),
    Situation(
        "map key set by both",
        "Ann sets “title” to “Plan”, Bob to “Notes”",
        [put("title", "Draft")],
        {"ann": [put("title", "Plan")], "bob": [put("title", "Notes")]},
        lambda order: '{"title": "Plan"}' if order[-1] == "ann" else '{"title": "Notes"}',
        set_by_both,
    ),
    Situation(
        "map key removed by one, set by the other",
        "Ann removes “title”, Bob sets it",
        [put("title", "Draft")],
        {"ann": [dropped("title")], "bob": [put("title", "Notes")]},
        document('{"title": "Notes"}'),
        one(Entry(kinds("map-key"), "same-gap", '"Draft"', {"ann": "", "bob": '"Notes"'}, '"Notes"', key="title")),
    ),
    Situation(
        "nested object created by both",
        "Ann and Bob each put a map at “card”",
        [],
        {"ann": [put("card", {"name": "Ann"})], "bob": [put("card", {"size": "A4"})]},
        lambda order: '{"card": {"name": "Ann"}}' if order[-1] == "ann" else '{"card": {"size": "A4"}}',
        created_by_both,
    ),
    Situation(
        "nested object created by both, filled later by one",
        "As before, and Bob adds his name in a second step",
        [],
        {
            "ann": [put("card", {"name": "Ann"})],
            "bob": [put("card", {"size": "A4"}), put_within("card", "name", "Bob")],
        },
        lambda order: '{"card": {"name": "Ann"}}' if order[-1] == "ann" else '{"card": {"name": "Bob", "size": "A4"}}',
        created_by_both_and_filled,
    ),
    Situation(
        "edit under an overwritten parent",
        "Ann renames the card, Bob puts “none” in its place",
        [put("card", {"name": "old"})],
        {"ann": [put_within("card", "name", "new")], "bob": [put("card", "none")]},
        document('{"card": "none"}'),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                '{"name": "old"}',
                {"ann": '{"name": "new"}', "bob": '"none"'},
                '"none"',
                {"ann": '"new"'},
                key="card",
            )
        ),
    ),
    Situation(
        "edit in a deleted XML subtree",
        "Ann types “!” into the second paragraph, Bob deletes it",
        PARAGRAPHS,
        {"ann": [[["type", 1, 3, "!"]]], "bob": [[["remove", 1]]]},
        document("<paragraph>one</paragraph>"),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                SECOND,
                {"ann": "<paragraph>two!</paragraph>", "bob": ""},
                "",
                {"ann": "!"},
            )
        ),
    ),
    Situation(
        "XML attribute set by both",
        "Ann aligns the paragraph left, Bob right",
        PARAGRAPHS,
        {"ann": [[["attribute", 0, "align", "left"]]], "bob": [[["attribute", 0, "align", "right"]]]},
        lambda order: f'<paragraph align="{"left" if order[-1] == "ann" else "right"}">one</paragraph>{SECOND}',
        aligned_by_both,
    ),
    Situation(
        "paragraph split by both",
        "Both press Enter before “world”",
        [[["paragraph", 0, "hello world"]]],
        {"ann": [[["split", 0, 6]]], "bob": [[["split", 0, 6]]]},
        document("<paragraph>hello </paragraph><paragraph>world</paragraph><paragraph>world</paragraph>"),
        lambda order: [
            Entry(kinds("delete-delete"), "agreed", "world", {"ann": "", "bob": ""}, ""),
            Entry(
                kinds("insert-insert"),
                "duplicated",
                "",
                dict.fromkeys(("ann", "bob"), "<paragraph>world</paragraph>"),
                "<paragraph>world</paragraph><paragraph>world</paragraph>",
            ),
        ],
    ),
    Situation(
        "paragraph split by both, not in the same place",
        "Ann presses Enter before “world”, Bob within it",
        [[["paragraph", 0, "hello world"]]],
        {"ann": [[["split", 0, 6]]], "bob": [[["split", 0, 8]]]},
        in_turn(
            {"ann": "<paragraph>world</paragraph>", "bob": "<paragraph>rld</paragraph>"},
            "<paragraph>hello </paragraph>",
        ),
        split_apart,
    ),
    Situation(
        "paragraph split by one, edited by the other",
        "Ann presses Enter before “world”, Bob types “Q” into it",
        [[["paragraph", 0, "hello world"]]],
        {"ann": [[["split", 0, 6]]], "bob": [[["type", 0, 8, "Q"]]]},
        document("<paragraph>hello Q</paragraph><paragraph>world</paragraph>"),
        one(Entry(kinds("insert-in-deleted"), "orphaned", "world", {"ann": "", "bob": "woQrld"}, "Q")),
    ),
    Situation(
        "paragraphs joined by both",
        "Both press Backspace before “two”",
        PARAGRAPHS,
        {"ann": [[["join", 0]]], "bob": [[["join", 0]]]},
        document("<paragraph>onetwotwo</paragraph>"),
        lambda order: [
            Entry(kinds("insert-insert"), "duplicated", "", {"ann": "two", "bob": "two"}, "twotwo"),
            Entry(kinds("delete-delete"), "agreed", SECOND, {"ann": "", "bob": ""}, ""),
        ],
    ),
    Situation(
        "paragraph moved by one, edited by the other",
        "Ann moves the second paragraph up, Bob types “!” into it",
        PARAGRAPHS,
        {"ann": [[["remove", 1], ["paragraph", 0, "two"]]], "bob": [[["type", 1, 3, "!"]]]},
        document(f"{SECOND}<paragraph>one</paragraph>"),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                SECOND,
                {"ann": "", "bob": "<paragraph>two!</paragraph>"},
                "",
                {"bob": "!"},
            )
        ),
    ),
    Situation(
        "attribute set on a paragraph that the other deleted",
        "Ann aligns the second paragraph left, Bob deletes it",
        PARAGRAPHS,
        {"ann": [[["attribute", 1, "align", "left"]]], "bob": [[["remove", 1]]]},
        document("<paragraph>one</paragraph>"),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                SECOND,
                {"ann": '<paragraph align="left">two</paragraph>', "bob": ""},
                "",
                {"ann": '"left"'},
            )
        ),
    ),
    Situation(
        "both opened an empty document in an editor",
        "Both editors put an empty paragraph into a new document",
        [],
        {"ann": [[["paragraph", 0, ""]]], "bob": [[["paragraph", 0, ""]]]},
        document("<paragraph></paragraph><paragraph></paragraph>"),
        one(
            Entry(
                kinds("insert-insert"),
                "duplicated",
                "",
                dict.fromkeys(("ann", "bob"), "<paragraph></paragraph>"),
                "<paragraph></paragraph><paragraph></paragraph>",
                double_initialisation=True,
            )
        ),
    ),
    Situation(
        "list item edited by one, removed by the other",
        "Ann ticks the second item off, Bob removes it",
        [listed({"do": "shop"}, {"do": "cook"})],
        {"ann": [put_in_item(1, "done", True)], "bob": [taken(1)]},
        document('[{"do": "shop"}]'),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                '{"do": "cook"}',
                {"ann": '{"do": "cook", "done": true}', "bob": ""},
                "",
                {"ann": "true"},
            )
        ),
    ),
    Situation(
        "list item exchanged by both",
        "Ann replaces “b” by “B”, Bob by “2”",
        [listed("a", "b", "c")],
        {"ann": [exchanged(1, "B")], "bob": [exchanged(1, "2")]},
        lambda order: f'["a", {both_exchanged(order)[0].merged}, "c"]',
        both_exchanged,
    ),
    Situation(
        "paragraph joined by one, edited by the other",
        "Ann joins the paragraphs, Bob types “Q” into the second",
        PARAGRAPHS,
        {"ann": [[["join", 0]]], "bob": [[["type", 1, 1, "Q"]]]},
        document("<paragraph>onetwo</paragraph>"),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                SECOND,
                {"ann": "", "bob": "<paragraph>tQwo</paragraph>"},
                "",
                {"bob": "Q"},
            )
        ),
    ),
    Situation(
        "format with two values on one range",
        "Ann colours “two” red, Bob blue",
        THREE,
        {"ann": [formatted(4, 7, color="red")], "bob": [formatted(4, 7, color="blue")]},
        document("one two three"),
        one(
            Entry(
                kinds("format"),
                "formatting-lost",
                "two",
                {"ann": "two", "bob": "two"},
                "two",
                formats={"ann": (("color", '"red"'),), "bob": (("color", '"blue"'),)},
            )
        ),
    ),
    Situation(
        "formatted by one, deleted by the other",
        "Ann makes “two” bold, Bob deletes it",
        THREE,
        {"ann": [formatted(4, 7, bold=True)], "bob": [deleted(4, 7)]},
        document("one  three"),
        one(
            Entry(
                kinds("format-in-deleted"),
                "formatting-lost",
                "two",
                {"ann": "two", "bob": ""},
                "",
                formats={"ann": (("bold", "true"),)},
            )
        ),
    ),
    Situation(
        "formats that overlap in part",
        "Ann colours “one two” red, Bob “two three” blue",
        THREE,
        {"ann": [formatted(0, 7, color="red")], "bob": [formatted(4, 13, color="blue")]},
        document("one two three"),
        one(
            Entry(
                kinds("format"),
                "formatting-lost",
                "two",
                {"ann": "two", "bob": "two"},
                "two",
                formats={"ann": (("color", '"red"'),), "bob": (("color", '"blue"'),)},
            )
        ),
    ),
    Situation(
        "inserts side by side",
        "Ann types “AAA ” where Bob types “BBB ”",
        [wrote(0, "() end")],
        {"ann": typed(1, "AAA "), "bob": typed(1, "BBB ")},
        in_turn({"ann": "AAA ", "bob": "BBB "}, "(", ") end"),
        side_by_side,
    ),
    Situation(
        "letters that mix",
        "Both replace “a” and then “b”",
        [wrote(0, "<ab>")],
        {"ann": [replaced(1, 2, "X"), replaced(2, 3, "Y")], "bob": [replaced(1, 2, "1"), replaced(2, 3, "2")]},
        lambda order: "<X1Y2>" if order[0] == "ann" else "<1X2Y>",
        letters_mixed,
    ),
    Situation(
        "both deleted the same",
        "Both delete “two”",
        THREE,
        {"ann": [deleted(4, 8)], "bob": [deleted(4, 8)]},
        document("one three"),
        one(Entry(kinds("delete-delete"), "agreed", "two ", {"ann": "", "bob": ""}, "")),
    ),
    Situation(
        "both filled an empty document",
        "Both editors put the same heading into a new document",
        [],
        {"ann": [wrote(0, "# Plan\n")], "bob": [wrote(0, "# Plan\n")]},
        document("# Plan\n# Plan\n"),
        one(
            Entry(
                kinds("insert-insert"),
                "duplicated",
                "",
                {"ann": "# Plan\n", "bob": "# Plan\n"},
                "# Plan\n# Plan\n",
                double_initialisation=True,
            )
        ),
    ),
    Situation(
        "three people",
        "Ann replaces “two” by “2”, Bob by “II”, Cleo deletes it",
        THREE,
        {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")], "cleo": [deleted(4, 7)]},
        in_turn({"ann": "2", "bob": "II"}, "one ", " three"),
        three_rewrote,
    ),
    Situation(
        "own two devices",
        "Ann replaces “two” on her desk and, offline, on her phone",
        THREE,
        {"desk": [replaced(4, 7, "2")], "phone": [replaced(4, 7, "II")]},
        in_turn({"desk": "2", "phone": "II"}, "one ", " three"),
        devices,
        actors={"desk": "ann", "phone": "ann"},
    ),
)
