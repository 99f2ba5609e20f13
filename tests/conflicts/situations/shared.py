"""Situations in maps and lists."""

from __future__ import annotations

from collections.abc import Sequence

from tests.conflicts.situations.base import REWRITE, Entry, Situation, document, kinds, one
from tests.conflicts.situations.changes import (
    dropped,
    exchanged,
    listed,
    put,
    put_in_item,
    put_nested,
    put_within,
    taken,
    wrote_within,
)


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


def both_exchanged(order: Sequence[str]) -> list[Entry]:
    sides = {"ann": '"B"', "bob": '"2"'}
    merged = ", ".join(sides[name] for name in order)
    return [Entry(REWRITE, "both-rewrote", '"b"', sides, merged)]


SHARED: Sequence[Situation] = (
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
        "edit deep within what the other removed",
        "Ann ends a text two maps down, Bob removes the outer one",
        [put_nested("card", "body", "text", "hello")],
        {"ann": [wrote_within("card", "body", "text", 5, "!")], "bob": [dropped("card")]},
        document(""),
        one(
            Entry(
                kinds("in-removed-subtree"),
                "lost",
                '{"body": {"text": "hello"}}',
                {"ann": '{"body": {"text": "hello!"}}', "bob": ""},
                "",
                {"ann": "!"},
                key="card",
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
)
