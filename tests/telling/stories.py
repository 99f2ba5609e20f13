"""Collisions to tell: real ones made by the engine, and hand-made ones of the kinds that need more than a text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from keepboth.conflicts.model import Episode, Side
from keepboth.conflicts.report import episode_body
from keepboth.conflicts.severity import severity_of
from keepboth.events import ActorKind, Micros
from keepboth.telling.accounts import change_of
from keepboth.telling.cards import Card, card_of
from keepboth.telling.facts import UNDECIDED, Circumstances, Decisions, episode_of
from keepboth.telling.times import HOUR, MINUTE
from tests.conflicts.scenes import Change, collide

NOW: Micros = 1_700_000_000 * 1_000_000
"""14 November 2023, 22:13:20 UTC."""

NAMES = {"ann": "Ann", "bob": "Bob", "cleo": "Cleo", "dan": "Dan", "eve": "Eve"}
IDS = {"ann": 20, "bob": 30, "cleo": 40, "dan": 50, "eve": 60}


def stored(episode: Episode) -> Episode:
    """The episode as it comes back from the conflict log."""
    return episode_of(json.loads(episode_body(episode)))


def judged(episode: Episode, **known: Any) -> Episode:
    """*episode* with its severity, told from its texts; *known* are other fields to set."""
    changes = [change_of(episode.base, side.text) for side in episode.sides]
    rewrote = sum(1 for change in changes if change.deleted and change.inserted)
    severity = severity_of(episode.kinds, episode.sides, rewrote, episode.merged)
    return replace(episode, **{"severity": severity, "line": 1 + episode.before.count("\n"), **known})


def happened(start: str, people: Mapping[str, Sequence[Change]], **known: Any) -> Episode:
    """The one collision when *people*, by actor, change *start* without seeing each other."""
    engine, _ = collide(start, people, IDS, list(people))
    (episode,) = engine.episodes()
    return stored(judged(episode, **known))


def made(kinds: set[str], sides: Sequence[Side], *, base: str, merged: str, **known: Any) -> Episode:
    """A collision as the engine would report it."""
    revisions = sorted({revision for side in sides for revision in side.revisions})
    defaults: dict[str, Any] = {
        "id": "c-20-0",
        "certain": True,
        "interleaved": False,
        "capped": False,
        "root": "root",
        "first_revision": revisions[0],
        "last_revision": revisions[-1],
        "revisions": tuple(revisions),
        "before": "",
        "after": "",
        "anchor_first": (20, 0),
        "anchor_last": (20, 0),
    }
    fields = {**defaults, "kinds": frozenset(kinds), "sides": tuple(sides), "base": base, "merged": merged, **known}
    return stored(Episode(**fields))


def facts_of(
    episode: Episode,
    *,
    ago: Micros = 12 * MINUTE,
    away: Mapping[str, Micros | None] | None = None,
    kinds: Mapping[str, ActorKind] | None = None,
) -> list[Circumstances]:
    """Who made the edits of *episode*, all of which arrived *ago*. *away*: how long each of these actors had been away,
    None for unknown."""
    found = []
    for side in episode.sides:
        for revision in side.revisions:
            fact = Circumstances(
                revision,
                side.actor,
                (kinds or {}).get(side.actor, "human"),
                side.session or side.actor,
                NOW - ago,
                NOW - ago,
            )
            if away is not None and side.actor in away:
                lasted = away[side.actor]
                left = None if lasted is None else NOW - ago - lasted
                fact = fact._replace(correlation_id=f"away:{fact.session}:1", away_from=left)
            found.append(fact)
    return found


def card(
    episode: Episode, *, facts: Sequence[Circumstances] | None = None, decisions: Decisions = UNDECIDED, **how: Any
) -> Card:
    """*episode* told at `NOW`, 12 minutes after its edits arrived; nobody was away unless *facts* say so."""
    given: dict[str, Any] = {"names": NAMES, "now": NOW, "decisions": decisions, **how}
    return card_of(episode, facts=facts_of(episode) if facts is None else facts, **given)


def away_for_two_hours(episode: Episode, actor: str = "ann") -> list[Circumstances]:
    return facts_of(episode, away={actor: 2 * HOUR})
