"""Differences lead from one text to the other, and cut neither words nor characters."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from random import Random

import pytest

from keepboth.telling.differences import Piece, difference
from keepboth.telling.passages import framed, passage
from keepboth.telling.words import graphemes, head, one_line, tail, words

ALPHABETS = (
    "ab \n",
    "abcdefgh ,.",
    "ae\u0301\u0308 \u0600!",
    "👩👦\u200d🏽❤\ufe0f x",
    "🇩🇪🇫🇷 a",
    "שלום עולם, abc 12",
    "नमस्ते दु\u200dनि",
    "日本語テキスト。",
    "\r\n\t a\u00a0",
    "각가ᄀ\u1161\u11a8",
)

Pairs = list[tuple[str, str]]


def random_text(rng: Random, alphabet: str, most: int) -> str:
    return "".join(rng.choice(alphabet) for _ in range(rng.randrange(most)))


def edited(rng: Random, alphabet: str, text: str) -> str:
    for _ in range(rng.randrange(4)):
        start = rng.randrange(len(text) + 1)
        stop = min(len(text), start + rng.randrange(6))
        text = text[:start] + random_text(rng, alphabet, 6) + text[stop:]
    return text


def pairs(seed: int) -> Pairs:
    rng = Random(seed)
    found = []
    for _ in range(60):
        alphabet = rng.choice(ALPHABETS)
        before = random_text(rng, alphabet, 60)
        found.append((before, edited(rng, alphabet, before) if rng.random() < 0.7 else random_text(rng, alphabet, 60)))
    return found


def joined(pieces: list[Piece], without: str) -> str:
    return "".join(piece.text for piece in pieces if piece.op != without)


SEEDS = pytest.mark.parametrize("seed", range(40), ids=lambda seed: f"seed-{seed}")


@SEEDS
def test_kept_and_deleted_make_before_kept_and_inserted_make_after(seed: int) -> None:
    for before, after in pairs(seed):
        pieces = difference(before, after)
        assert joined(pieces, "insert") == before
        assert joined(pieces, "delete") == after
        assert all(piece.text for piece in pieces)
        assert all(one.op != other.op for one, other in pairwise(pieces))
        assert any(piece.op != "keep" for piece in pieces) == (before != after)


def in_one_character(left: str, right: str) -> bool:
    """True if these code points, next to each other, surely belong to one character."""
    if unicodedata.category(left) in ("Cc", "Zl", "Zp"):
        return (left, right) == ("\r", "\n")
    return right in "\u200d\ufe0f🏽" or unicodedata.category(right) in ("Mn", "Me")


def assert_whole_characters(text: str, pieces: list[str]) -> None:
    assert "".join(pieces) == text
    at = 0
    for piece in pieces[:-1]:
        at += len(piece)
        if not 0 < at < len(text):
            continue
        assert not in_one_character(text[at - 1], text[at]), (text, at)
        flags = 0
        while at > flags and "🇦" <= text[at - flags - 1] <= "🇿":
            flags += 1
        assert flags % 2 == 0 or not "🇦" <= text[at] <= "🇿", (text, at)


@SEEDS
def test_no_piece_ends_inside_a_character(seed: int) -> None:
    for before, after in pairs(seed):
        pieces = difference(before, after)
        assert_whole_characters(before, [piece.text for piece in pieces if piece.op != "insert"])
        assert_whole_characters(after, [piece.text for piece in pieces if piece.op != "delete"])


@SEEDS
def test_words_and_shortened_texts_end_with_a_whole_character(seed: int) -> None:
    for text, _ in pairs(seed):
        assert_whole_characters(text, list(words(text)))
        assert_whole_characters(text, graphemes(text))
        for limit in (1, 7, 20):
            front, back = head(text, limit), tail(text, limit)
            assert text.startswith(front)
            assert text.endswith(back)
            assert max(len(front), len(back)) <= limit
            assert_whole_characters(text, [front, text[len(front) :]])
            assert_whole_characters(text, [text[: len(text) - len(back)], back])


@SEEDS
def test_a_place_is_widened_to_whole_characters_in_every_version(seed: int) -> None:
    rng = Random(seed)
    for _ in range(60):
        alphabet = rng.choice(ALPHABETS)
        before, base, mine, theirs, after = (random_text(rng, alphabet, 12) for _ in range(5))
        if rng.random() < 0.3:
            mine += " word" * 90 + random_text(rng, alphabet, 12)
        frame = framed(before, [base, mine, theirs], after)
        assert frame.before + frame.lead == before
        assert frame.trail + frame.after == after
        for text in (base, mine, theirs):
            shown = passage(frame, base, text, None)
            assert shown.before + shown.text + shown.after == before + text + after
            assert_whole_characters(before + text + after, [shown.before, shown.text, shown.after])
            assert joined(list(shown.pieces), "delete") == shown.text
            assert joined(list(shown.pieces), "insert") == frame.whole(base)


@pytest.mark.parametrize("vocabulary", [2, 40, 3000])
@pytest.mark.parametrize("seed", range(3), ids=lambda seed: f"seed-{seed}")
def test_texts_that_have_little_in_common_are_compared_too(seed: int, vocabulary: int) -> None:
    rng = Random(seed)
    before, after = (" ".join(str(rng.randrange(vocabulary)) for _ in range(1500)) for _ in range(2))
    pieces = difference(before, after)
    assert joined(pieces, "insert") == before
    assert joined(pieces, "delete") == after


def test_far_apart_changes_in_a_long_text_are_two() -> None:
    lines = [f"line {number} of {number * 7}" for number in range(900)]
    changed = list(lines)
    changed[3], changed[880] = "another", "and another"
    changed[400:430] = []
    pieces = [piece for piece in difference("\n".join(lines), "\n".join(changed)) if piece.op != "keep"]
    assert [piece.text for piece in pieces if piece.op == "insert"] == ["another", "and another"]
    assert [piece.text.count("\n") for piece in pieces if piece.op == "delete"] == [0, 30, 0]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "the end of the year",
            "the end of June",
            [("keep", "the end of "), ("delete", "the year"), ("insert", "June")],
        ),
        ("It's 3.5 m", "It's 3.6 m", [("keep", "It's "), ("delete", "3.5"), ("insert", "3.6"), ("keep", " m")]),
        ("cafe", "cafe\u0301", [("delete", "cafe"), ("insert", "cafe\u0301")]),
        ("a 👩‍👩‍👧 b", "a 👩‍👧 b", [("keep", "a "), ("delete", "👩‍👩‍👧"), ("insert", "👩‍👧"), ("keep", " b")]),
        ("שלום עולם", "שלום חדש עולם", [("keep", "שלום "), ("insert", "חדש "), ("keep", "עולם")]),
        ("日本", "日本語", [("keep", "日本"), ("insert", "語")]),
        ("", "new", [("insert", "new")]),
        ("old", "", [("delete", "old")]),
        ("", "", []),
    ],
)
def test_people_read_words(before: str, after: str, expected: list[tuple[str, str]]) -> None:
    assert [tuple(piece) for piece in difference(before, after)] == expected


def test_an_accent_put_on_the_letter_before_the_place_changes_the_whole_word() -> None:
    frame = framed("a caf", ["e", "e\u0301"], " here")
    shown = passage(frame, "e", "e\u0301")
    assert (shown.before, shown.after) == ("a ", " here")
    assert [tuple(piece) for piece in shown.pieces] == [("delete", "cafe"), ("insert", "cafe\u0301")]


def test_long_passages_are_capped_around_their_changes_and_say_so() -> None:
    base = "word " * 300
    frame = framed("", [base, base + "end"], "")
    short, whole = passage(frame, base, base + "end"), passage(frame, base, base + "end", None)
    assert [piece.op for piece in short.pieces] == ["keep", "gap", "keep", "insert"]
    assert max(len(piece.text) for piece in short.pieces) <= 200
    assert short.more
    assert short.text == whole.text == base + "end"
    assert [piece.op for piece in whole.pieces] == ["keep", "insert"]
    assert not whole.more


def test_a_quote_is_one_line_without_direction_or_control_characters() -> None:
    assert one_line(" two\n lines\t\u202eback\u2066\x00 ", 40) == "two lines back"
    assert one_line("the quick brown fox", 12) == "the quick…"
    assert one_line("👩‍👩‍👧👩‍👩‍👧", 6) == "👩‍👩‍👧…"


def test_a_number_sign_that_joins_what_follows_is_not_cut_from_it() -> None:
    assert words("a \u0600! b") == ("a", " ", "\u0600!", " ", "b")


def test_a_longer_character_than_the_limit_is_left_out() -> None:
    assert (head("👩‍👩‍👧x", 3), tail("x👩‍👩‍👧", 3)) == ("", "")
