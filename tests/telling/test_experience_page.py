"""docs/experience.md lists every sentence, member and reason as they are."""

from __future__ import annotations

import re
from typing import get_args

from keepboth.telling.attention import Hidden, Level, Reason
from keepboth.telling.cards import Card
from keepboth.telling.choices import ChoiceCode
from keepboth.telling.outcomes import OutcomeCode
from keepboth.telling.wording import ENGLISH, HIDDEN, OUTCOMES
from tests.test_docs import read, rows, section

PAGE = read("docs/experience.md")


def test_every_sentence_is_listed_as_it_is_said() -> None:
    listed = {row[0].strip("`"): row[1] for row in rows(PAGE) if re.fullmatch(r"`[a-z]+\.[a-z-]+`", row[0])}
    assert listed == {f"{group}.{name}": text for group, texts in ENGLISH.items() for name, text in texts.items()}


def test_the_members_of_a_card_are_listed_in_order() -> None:
    listed = [row[0].strip("`") for row in rows(section(PAGE, "## Card"))][1:]
    assert listed == list(Card.__dataclass_fields__)


def test_levels_reasons_and_codes_are_listed() -> None:
    attention = [row[0] for row in rows(section(PAGE, "## Attention"))]
    assert [code for code in attention if f"{code}".strip("`") in get_args(Level)] == [
        f"`{level}`" for level in get_args(Level)
    ]
    named = set(re.findall(r"`([^`]+)`", " ".join(attention)))
    assert set(get_args(Reason)) <= named
    assert set(get_args(Hidden)) == set(HIDDEN)
    assert set(get_args(OutcomeCode)) == set(OUTCOMES)
    offered = " ".join(row[1] for row in rows(section(PAGE, "## Choices")))
    assert set(get_args(ChoiceCode)) <= set(re.findall(r"`([^`]+)`", offered))
