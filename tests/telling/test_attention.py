"""Who is interrupted, who sees a badge, and what stays behind the footer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keepboth.conflicts.model import Episode, Side
from keepboth.events import ActorKind, Micros
from keepboth.telling.attention import Attention
from keepboth.telling.cards import Card
from keepboth.telling.facts import Circumstances, Decisions
from keepboth.telling.times import HOUR, SECOND
from tests.conflicts.scenes import deleted, pasted, replaced
from tests.telling.stories import NOW, away_for_two_hours, card, facts_of, happened, made


def rewritten(**known: object) -> Episode:
    return happened("one two", {"ann": [replaced(4, 7, "2")], "bob": [replaced(4, 7, "II")]}, **known)


def overwritten(by: str = "bob") -> Episode:
    sides = [Side("ann", "4", (2,), lost="4"), Side(by, "7", (3,))]
    return made({"map-key"}, sides, base="", merged="7", key="due", severity="lost")


def names(told: Card) -> list[str]:
    return [person.name for person in told.needs]


def test_missing_and_garbled_text_interrupts_who_was_away() -> None:
    lost = overwritten()
    told = card(lost, facts=away_for_two_hours(lost))
    assert (told.attention, names(told)) == (Attention("interrupt", "text-missing"), ["Ann"])
    garbled = rewritten()
    told = card(garbled, facts=away_for_two_hours(garbled))
    assert (told.attention, names(told)) == (Attention("interrupt", "garbled"), ["Ann", "Bob"])


@pytest.mark.parametrize(
    ("episode", "cause"),
    [
        (happened("one two three", {"ann": [pasted(6, "X")], "bob": [deleted(4, 8)]}), "garbled"),
        (happened("one two", {"ann": [pasted(7, " x")], "bob": [pasted(7, " x")]}), "garbled"),
        (
            happened(
                "<ab>",
                {
                    "ann": [replaced(1, 2, "X"), replaced(2, 3, "Y")],
                    "bob": [replaced(1, 2, "1"), replaced(2, 3, "2")],
                },
            ),
            "garbled",
        ),
        (happened("one", {"ann": [pasted(3, " fat")], "bob": [pasted(3, " old")]}), "nothing-wrong"),
        (happened("one two", {"ann": [deleted(0, 2)], "bob": [deleted(1, 4)]}), "nothing-wrong"),
    ],
    ids=["stray words", "shown twice", "mixed letters", "side by side", "both deleted"],
)
def test_only_what_nobody_wrote_is_garbled(episode: Episode, cause: str) -> None:
    told = card(episode, facts=away_for_two_hours(episode))
    level = "interrupt" if cause == "garbled" else "log"
    assert told.attention == Attention(level, cause)  # type: ignore[arg-type]


def test_nothing_is_wrong_where_a_deletion_was_deleted_with_all_around_it() -> None:
    sides = [Side("ann", "<p>tw</p>", (2,)), Side("bob", "", (3,))]
    episode = made({"in-removed-subtree"}, sides, base="<p>two</p>", merged="", severity="orphaned")
    assert card(episode, facts=away_for_two_hours(episode)).attention == Attention("log", "nothing-wrong")


def test_formatting_is_a_badge_however_long_somebody_was_away() -> None:
    sides = [Side("ann", "x", (2,), formats=(("bold", "true"),)), Side("bob", "x", (3,), formats=(("bold", "1"),))]
    episode = made({"format"}, sides, base="x", merged="x", line=1, severity="formatting-lost")
    assert card(episode, facts=away_for_two_hours(episode)).attention == Attention("badge", "formatting")


@pytest.mark.parametrize(
    ("lasted", "level"), [(10 * SECOND, "interrupt"), (10 * SECOND - 1, "badge"), (None, "interrupt")]
)
def test_away_means_ten_seconds_or_so_long_that_nobody_remembers(lasted: Micros | None, level: str) -> None:
    episode = rewritten()
    assert card(episode, facts=facts_of(episode, away={"ann": lasted})).attention.level == level


@pytest.mark.parametrize(("lasted", "level"), [(10 * SECOND, "interrupt"), (9 * SECOND, "badge")])
def test_where_nobody_remembers_the_time_its_editor_measured_counts(lasted: Micros, level: str) -> None:
    episode = rewritten()
    facts = [
        fact._replace(authored_at=fact.recorded_at - lasted, time_quality="measured") if fact.stretch else fact
        for fact in facts_of(episode, away={"ann": None})
    ]
    assert card(episode, facts=facts).attention.level == level


def test_a_correlation_id_of_the_application_is_no_absence() -> None:
    episode = rewritten()
    facts = [fact._replace(correlation_id="import 7", authored_at=NOW - HOUR) for fact in facts_of(episode)]
    told = card(episode, facts=facts)
    assert told.attention.level == "badge"
    assert told.when is not None
    assert told.when.code == "time.met"


def test_live_neighbours_see_a_badge_after_five_seconds() -> None:
    episode = rewritten()
    fresh = card(episode, facts=facts_of(episode, ago=5 * SECOND - 1))
    assert fresh.attention == Attention("log", "garbled", NOW + 1)
    assert card(episode, facts=facts_of(episode, ago=5 * SECOND)).attention == Attention("badge", "garbled")
    assert card(episode, facts=[]).attention == Attention("badge", "garbled")


@pytest.mark.parametrize("kind", ["agent", "import", "system"])
def test_programs_never_interrupt_and_are_never_asked(kind: ActorKind) -> None:
    episode = overwritten("bob")
    for program, away, asked in (("bob", "ann", ["Ann"]), ("ann", "ann", ["Bob"]), ("bob", "bob", ["Ann"])):
        told = card(episode, facts=facts_of(episode, away={away: HOUR}, kinds={program: kind}))
        assert (told.attention.level, names(told)) == ("badge", asked)


def three(kinds: dict[str, ActorKind], away: str) -> Card:
    texts = {"ann": "1", "bob": "II", "cleo": "3"}
    episode = happened("one two three", {name: [replaced(4, 7, text)] for name, text in texts.items()})
    return card(episode, facts=facts_of(episode, away={away: HOUR}, kinds=kinds))


def test_two_people_beside_an_agent_are_interrupted_if_one_of_them_was_away() -> None:
    assert three({"cleo": "agent"}, "ann").attention.level == "interrupt"
    assert three({"cleo": "agent"}, "cleo").attention.level == "badge"
    assert three({"cleo": "agent"}, "ann").needs == three({}, "ann").needs[:2]


def hidden_cases() -> list[tuple[str, Episode, Decisions]]:
    fine = rewritten()
    two = [Side("ann", "desk", (2,), session="a"), Side("ann", "phone", (3,), session="b")]
    own = made({"insert-insert"}, two, base="", merged="deskphone", line=1, self_only=True, severity="same-gap")
    both = happened("one two", {"ann": [deleted(0, 3)], "bob": [deleted(0, 3)]})
    spaces = happened("one two", {"ann": [pasted(3, " ")], "bob": [pasted(3, "\n\n")]})
    start = {"ann": [pasted(0, "# Plan")], "bob": [pasted(0, "# Plan")]}
    return [
        ("resolved", fine, Decisions("resolved", resolved_by="ann")),
        ("settled", replace(fine, settled_by=9), Decisions()),
        ("same-change", both, Decisions()),
        ("own-devices", own, Decisions()),
        ("possible", replace(fine, certain=False), Decisions()),
        ("whitespace", spaces, Decisions()),
        ("filled-twice", happened("", start, double_initialisation=True), Decisions()),
    ]


@pytest.mark.parametrize(("reason", "episode", "decisions"), hidden_cases(), ids=[case[0] for case in hidden_cases()])
def test_what_is_hidden_needs_nobody(reason: str, episode: Episode, decisions: Decisions) -> None:
    told = card(episode, decisions=decisions, facts=away_for_two_hours(episode))
    assert told.hidden == (reason,)
    assert told.attention == Attention("log", "hidden")
    assert told.needs == ()


def test_own_devices_are_yours_if_you_look() -> None:
    (_, own, _) = hidden_cases()[3]
    assert card(own, viewer="ann").hidden == ("your-own-devices",)
    assert card(own, viewer="bob").hidden == ("own-devices",)


def test_all_reasons_are_given_and_the_first_counts() -> None:
    episode = replace(happened("one two", {"ann": [deleted(0, 3)], "bob": [deleted(0, 3)]}), certain=False)
    assert card(replace(episode, settled_by=9)).hidden == ("settled", "same-change", "possible")


def test_a_line_end_that_brought_a_word_twice_is_more_than_whitespace() -> None:
    episode = happened("one two", {"ann": [replaced(3, 7, "\ntwo")], "bob": [replaced(3, 7, "\ntwo")]})
    assert "whitespace" not in card(episode).hidden


def test_a_key_set_to_spaces_is_no_whitespace_change() -> None:
    sides = [Side("ann", '" "', (2,), lost='" "'), Side("bob", '""', (3,))]
    episode = made({"map-key"}, sides, base='""', merged='""', key="due", severity="lost")
    assert card(episode).hidden == ()


def test_who_has_seen_it_is_asked_no_more() -> None:
    episode = rewritten()
    facts: list[Circumstances] = away_for_two_hours(episode)
    told = card(episode, facts=facts, decisions=Decisions(seen_by=frozenset({"ann"})))
    assert (told.attention.level, names(told), told.status) == ("interrupt", ["Bob"], "open")
    told = card(episode, facts=facts, decisions=Decisions(seen_by=frozenset({"ann", "bob", "cleo"})))
    assert (told.attention, names(told)) == (Attention("log", "seen"), [])
    lost = overwritten()
    told = card(lost, facts=facts_of(lost), decisions=Decisions(seen_by=frozenset({"bob"})))
    assert names(told) == ["Ann"]


def test_everybody_whose_text_is_missing_is_asked() -> None:
    sides = [Side("ann", "4", (2,), lost="4"), Side("bob", "7", (3,)), Side("cleo", "9", (4,), lost="9")]
    told = card(made({"map-key"}, sides, base="", merged="7", key="due", severity="lost"))
    assert names(told) == ["Ann", "Cleo"]
    assert told.sentence.text == "Ann set `due` to 4, Cleo to 9, Bob to 7. It is now 7."
