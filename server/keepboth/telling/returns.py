"""Coming back: one notice for everything that one offline stretch ran into."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from keepboth.conflicts.model import Episode
from keepboth.events import ActorKind, Micros
from keepboth.telling.cards import Card
from keepboth.telling.facts import Circumstances
from keepboth.telling.people import Person, persons
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.times import away_for, clock, span, stretches, was_away


class Return(NamedTuple):
    """One offline stretch that has arrived. ``away_us`` is None if nobody knows since when. ``was_away``: for long
    enough to be told."""

    correlation_id: str
    actor: str
    actor_kind: ActorKind
    edits: int
    away_us: Micros | None
    arrived_at: Micros
    was_away: bool


class Notice(NamedTuple):
    """``level`` is ``interrupt`` at most once a return, whatever it ran into. ``cards`` are ids of what to look at,
    missing text first; ``needs`` whom to tell, each once."""

    correlation_id: str
    level: Literal["interrupt", "badge"]
    person: Person
    sentence: Sentence
    cards: tuple[str, ...]
    missing: int
    needs: tuple[Person, ...]
    arrived_at: Micros


def returns_of(facts: Iterable[Circumstances]) -> list[Return]:
    """The offline stretches in *facts*, all edits of a document or of a part of its log, by when they arrived."""
    found = []
    for correlation_id, stretch in stretches(facts).items():
        found.append(
            Return(
                correlation_id,
                stretch[0].actor,
                stretch[0].actor_kind,
                len(stretch),
                away_for(stretch),
                max(fact.recorded_at for fact in stretch),
                was_away(stretch),
            )
        )
    return sorted(found, key=lambda returned: (returned.arrived_at, returned.correlation_id))


def belongs_to(episode: Episode, facts: Iterable[Circumstances]) -> str | None:
    """The correlation id of the return that *episode* is told with: the last one to arrive that took part in it."""
    revisions = set(episode.revisions)
    own = [fact for fact in facts if fact.stretch is not None and fact.revision in revisions]
    return max(own, key=lambda fact: (fact.recorded_at, fact.revision)).stretch if own else None


def notice_of(
    returned: Return, cards: Sequence[Card], *, names: Mapping[str, str], utc_offset_s: int = 0
) -> Notice | None:
    """What to tell about one return, None if there is nothing to look at. It interrupts if one of *cards* does, which
    are all that belong to it (`belongs_to`).
    """
    shown = [card for card in cards if not card.hidden and card.attention.reason != "seen"]
    if not shown or not returned.was_away:
        return None
    kinds = {returned.actor: returned.actor_kind}
    known = {person.actor: person for card in shown for person in card.people}
    person = known.get(returned.actor) or persons([returned.actor], names, kinds)[returned.actor]
    missing = sum(1 for card in shown if card.missing)
    params = {"person": person.name, "edits": returned.edits, "places": len(shown)}
    if missing:
        params["missing"] = missing
    suffix = "-missing" if missing else ""
    if returned.away_us is None:
        at = clock(returned.arrived_at, utc_offset_s)
        sentence = say("return", f"back-unknown{suffix}", at=at, **params)
    else:
        sentence = say("return", f"back{suffix}", away=span(returned.away_us), **params)
    loud = any(card.attention.level == "interrupt" for card in shown)
    needs = {person.actor: person for card in shown for person in card.needs}
    return Notice(
        returned.correlation_id,
        "interrupt" if loud else "badge",
        person,
        sentence,
        tuple(card.id for card in sorted(shown, key=lambda card: (not card.missing, -card.met_at, card.id))),
        missing,
        tuple(sorted(needs.values(), key=lambda person: person.name)),
        returned.arrived_at,
    )
