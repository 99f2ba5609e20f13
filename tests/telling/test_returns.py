"""Coming back makes one notice, whatever it ran into."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from keepboth.conflicts.model import Episode
from keepboth.conflicts.report import episode_value
from keepboth.events import ActorKind, Micros
from keepboth.telling.cards import Card, as_json
from keepboth.telling.facts import Circumstances, Decisions, episode_of
from keepboth.telling.returns import Notice, belongs_to, notice_of, returns_of
from keepboth.telling.times import HOUR, SECOND
from tests.conflicts.scenes import Change, collide, pasted, replaced
from tests.telling.stories import IDS, NAMES, NOW, card, judged

LINES = [f"Line {number} says one thing.\n" for number in range(60)]
TEXT = "".join(LINES)


def at(line: int, word: str = "one") -> int:
    return sum(map(len, LINES[:line])) + LINES[line].index(word)


def absence() -> list[Episode]:
    """Ann makes 41 edits away, three of them where Bob edits too."""
    mine: list[Change] = [pasted(at(line) - 5, "+") for line in range(50, 12, -1)]
    mine += [replaced(at(10), at(10) + 3, "many"), replaced(at(5), at(5) + 3, "many"), pasted(at(1), "odd ")]
    theirs = [replaced(at(10), at(10) + 3, "few"), replaced(at(5), at(5) + 3, "few"), pasted(at(1), "even ")]
    engine, _ = collide(TEXT, {"ann": mine, "bob": theirs}, IDS, ["bob", "ann"])
    return [judged(episode) for episode in engine.episodes()]


def facts(lasted: Micros | None = 2 * HOUR, kind: ActorKind = "human") -> list[Circumstances]:
    """Revision 1 is the start, Bob's are 2 to 4, Ann's 5 to 45."""
    left = None if lasted is None else NOW - lasted
    found = [Circumstances(revision, "bob", "human", "b", NOW - HOUR, NOW - HOUR) for revision in range(1, 5)]
    return found + [
        Circumstances(revision, "ann", kind, "a", NOW, NOW, "assumed", left, "away:a:1") for revision in range(5, 46)
    ]


def told(known: Sequence[Circumstances], episodes: Sequence[Episode] | None = None) -> list[Card]:
    return [card(episode, facts=known) for episode in absence() if episodes is None or episode in episodes]


def notice(known: Sequence[Circumstances], cards: Sequence[Card]) -> Notice | None:
    (returned,) = returns_of(known)
    return notice_of(returned, cards, names=NAMES)


def missing(cards: list[Card]) -> list[Card]:
    """*cards*, by line, with Ann's text gone in the second."""
    episode = absence()[1]
    value = episode_value(episode)
    value["severity"] = "lost"
    value["sides"][0]["lost"] = "many"
    return [cards[0], card(episode_of(value), facts=facts()), cards[2]]


def test_a_return_with_41_edits_interrupts_once() -> None:
    known = facts()
    cards = missing(told(known))
    assert [found.attention.level for found in cards] == ["log", "interrupt", "interrupt"]
    assert [belongs_to(episode, known) for episode in absence()] == ["away:a:1"] * 3
    found = notice(known, cards)
    assert found is not None
    assert found.sentence.text == "Ann is back after 2 h: 41 edits merged, 3 places to look at, 1 with missing text."
    assert (found.level, found.correlation_id, found.missing, found.arrived_at) == ("interrupt", "away:a:1", 1, NOW)
    assert [person.name for person in found.needs] == ["Ann", "Bob"]
    assert found.cards[0] == cards[1].id
    assert sorted(found.cards) == sorted(found.id for found in cards)
    assert as_json(found)["person"] == {"actor": "ann", "name": "Ann", "program": False}


def test_without_missing_text_the_notice_does_not_speak_of_it() -> None:
    found = notice(facts(), told(facts()))
    assert found is not None
    assert found.sentence.text == "Ann is back after 2 h: 41 edits merged, 3 places to look at."


def test_an_absence_of_unknown_length_says_when_it_arrived() -> None:
    found = notice(facts(None), told(facts(None)))
    assert found is not None
    assert found.sentence.text == ("Ann is back: 41 edits arrived 22:13, written earlier, 3 places to look at.")


def test_a_return_that_ran_into_nothing_is_not_told() -> None:
    assert notice(facts(), []) is None


def test_a_return_after_a_moment_is_not_told() -> None:
    assert notice(facts(9 * SECOND), told(facts(9 * SECOND))) is None


def test_what_is_hidden_or_seen_is_no_place_to_look_at() -> None:
    known = facts()
    seen = Decisions(seen_by=frozenset({"ann", "bob"}))
    cards = [card(episode, facts=known, decisions=seen) for episode in absence()[1:]]
    found = notice(known, [*cards, told(known)[0]])
    assert found is not None
    assert (found.level, found.sentence.text) == (
        "badge",
        "Ann is back after 2 h: 41 edits merged, 1 place to look at.",
    )
    resolved = [card(episode, facts=known, decisions=Decisions("resolved")) for episode in absence()]
    assert notice(known, resolved) is None


def test_a_program_that_returns_interrupts_nobody() -> None:
    known = facts(kind="agent")
    found = notice(known, told(known))
    assert found is not None
    assert found.level == "badge"


@pytest.mark.parametrize("later", ["ann", "bob"])
def test_two_returns_share_no_collision(later: str) -> None:
    """Each collision is told with the return that made it."""
    known = [
        fact._replace(
            correlation_id=f"away:{fact.session}:1",
            away_from=NOW - HOUR,
            recorded_at=NOW - (0 if fact.actor == later else SECOND),
        )
        for fact in facts()
    ]
    assert [returned.actor for returned in returns_of(known)][-1] == later
    assert {belongs_to(episode, known) for episode in absence()} == {f"away:{later[0]}:1"}


def test_a_collision_of_people_who_stayed_belongs_to_no_return() -> None:
    assert {belongs_to(episode, facts()[:4]) for episode in absence()} == {None}
