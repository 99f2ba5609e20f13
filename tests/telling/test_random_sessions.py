"""Whatever people do, every collision can be told, and what is told agrees with it."""

from __future__ import annotations

import json
import re
from random import Random

import pytest

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.telling.attention import Hidden
from keepboth.telling.cards import Card, as_json, card_of, sorted_for
from keepboth.telling.facts import PEOPLE, Circumstances
from keepboth.telling.returns import belongs_to, notice_of, returns_of
from keepboth.telling.sentences import Sentence
from keepboth.telling.times import HOUR, SECOND
from tests.conflicts.world import World, random_world
from tests.telling.stories import NOW, judged, stored

NAMES = {"ann": "Ann", "bob": "בוב", "cleo": ""}


def session(seed: int) -> tuple[World, list[Circumstances]]:
    """A random session in which some were away, for some time or for nobody knows how long."""
    rng = Random(seed)
    world = random_world(seed, 40)
    kinds = {client.actor: rng.choice(("human", "human", "anonymous", "agent")) for client in world.clients}
    away = {client.name: rng.choice((None, 0, 5, 11, 7200)) for client in world.clients}
    facts = []
    for edit in world.edits:
        name, actor = edit.client.name, edit.client.actor
        recorded = NOW - HOUR + edit.revision * SECOND
        lasted = away[name]
        stretch = f"away:{name}:1" if lasted != 0 else None
        left = recorded - lasted * SECOND if lasted else None
        facts.append(
            Circumstances(edit.revision, actor, kinds[actor], name, recorded, recorded, "assumed", left, stretch)
        )
    return world, facts


def cards_of(world: World, facts: list[Circumstances]) -> list[Card]:
    engine = DocumentConflicts()
    engine.add(world.facts(Random(1), loose=0.3))
    return [card_of(stored(judged(episode)), names=NAMES, facts=facts, now=NOW) for episode in engine.episodes()]


def sentences(card: Card) -> list[Sentence]:
    found = [card.sentence, *card.notes, *card.where.said, *(choice.label for choice in card.choices)]
    found += [version.title for version in card.versions]
    return [*found, *(sentence for sentence in (card.when, card.nothing_missing) if sentence is not None)]


SEEDS = pytest.mark.parametrize("seed", range(30), ids=lambda seed: f"seed-{seed}")


@SEEDS
def test_every_collision_can_be_told(seed: int) -> None:
    world, facts = session(seed)
    ids = {client.actor for client in world.clients}
    kinds = {fact.actor: fact.actor_kind for fact in facts}
    for card in cards_of(world, facts):
        value = as_json(card)
        assert json.loads(json.dumps(value)) == value
        for sentence in sentences(card):
            # What stands in quotes is what people wrote.
            assert not ids.intersection(re.findall(r"\w+", re.sub(r"'.*'", "", sentence.text)))
            assert sentence.text.isprintable() or "\u2068" in sentence.text or "\u200d" in sentence.text
            assert "''" not in sentence.text
            assert sentence.text.count("\u2068") == sentence.text.count("\u2069")
        before = card.before.text
        for passage in (card.now, *(version.passage for version in card.versions)):
            assert not passage.more
            assert "".join(piece.text for piece in passage.pieces if piece.op != "delete") == passage.text
            assert "".join(piece.text for piece in passage.pieces if piece.op != "insert") == before
        assert sorted({person.actor for version in card.versions for person in version.people}) == sorted(
            person.actor for person in card.people
        )
        assert {person.actor for person in card.needs} <= {
            person.actor for person in card.people if kinds[person.actor] in PEOPLE
        }
        hidden: tuple[Hidden, ...] = card.hidden
        assert (card.attention.reason == "hidden") == bool(hidden)
        if card.attention.level == "interrupt":
            assert card.certain
            assert card.status == "open"
            assert len({person.actor for person in card.people if not person.program}) > 1


@SEEDS
def test_a_return_interrupts_at_most_once_and_nobody_else_does(seed: int) -> None:
    world, facts = session(seed)
    cards = cards_of(world, facts)
    engine = DocumentConflicts()
    engine.add(world.facts(Random(1), loose=0.3))
    owner = {episode.id: belongs_to(episode, facts) for episode in engine.episodes()}
    notices = []
    for returned in returns_of(facts):
        mine = [card for card in cards if owner[card.id] == returned.correlation_id]
        notices.append(notice_of(returned, mine, names=NAMES))
    loud = [notice for notice in notices if notice is not None and notice.level == "interrupt"]
    assert len({notice.correlation_id for notice in loud}) == len(loud)
    interrupting = {card.id for card in cards if card.attention.level == "interrupt"}
    assert interrupting <= {id for notice in loud for id in notice.cards}
    assert sorted_for(reversed(cards), "ann") == sorted_for(cards, "ann")
