"""Situations in an editor of paragraphs, whose peers are Yjs."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conflicts.apart import Step
from tests.conflicts.situations.base import Entry, Situation, document, in_turn, kinds, one


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


PARAGRAPHS: Sequence[Step] = [[["paragraph", 0, "one"], ["paragraph", 1, "two"]]]
SECOND = "<paragraph>two</paragraph>"

XML: Sequence[Situation] = (
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
        "three paragraphs joined, two by each",
        "Ann joins the second to the first, Bob the third to the second",
        [[["paragraph", 0, "one"], ["paragraph", 1, "two"], ["paragraph", 2, "three"]]],
        {"ann": [[["join", 0]]], "bob": [[["join", 1]]]},
        document("<paragraph>onetwo</paragraph>"),
        one(
            Entry(
                kinds("adjacent-deletes", "in-removed-subtree"),
                "lost",
                f"{SECOND}<paragraph>three</paragraph>",
                {"ann": "<paragraph>three</paragraph>", "bob": "<paragraph>twothree</paragraph>"},
                "",
                {"bob": "three"},
            )
        ),
    ),
    Situation(
        "paragraph split by one, joined by the other",
        "Ann presses Enter within “two”, Bob joins it to the first",
        PARAGRAPHS,
        {"ann": [[["split", 1, 1]]], "bob": [[["join", 0]]]},
        document("<paragraph>onetwo</paragraph><paragraph>wo</paragraph>"),
        one(
            Entry(
                kinds("in-removed-subtree", "insert-at-edge"),
                "same-gap",
                SECOND,
                {"ann": "<paragraph>t</paragraph><paragraph>wo</paragraph>", "bob": ""},
                "<paragraph>wo</paragraph>",
            )
        ),
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
)
