"""Situations in a plain text."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conflicts.apart import Document, Step
from tests.conflicts.situations.base import REWRITE, Entry, Situation, document, in_turn, kinds, one
from tests.conflicts.situations.changes import deleted, formatted, replaced, typed, wrote


def rewritten(order: Sequence[str]) -> list[Entry]:
    texts = {"ann": "2", "bob": "II"}
    return [Entry(REWRITE, "both-rewrote", "two", texts, in_turn(texts)(order))]


def moved(document: Document) -> None:
    del document.text[0:4]
    document.text.insert(3, " one")


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

TEXTS: Sequence[Situation] = (
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
