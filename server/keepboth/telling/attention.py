"""Whom a collision concerns, and how loudly it may say so.

| level | when |
|---|---|
| ``interrupt`` | nothing hides it, text is missing or garbled, two people took part, one of them was away |
| ``badge`` | nothing hides it and text is missing, garbled or lost its format, for `LIVE_AFTER` at least |
| ``log`` | all else |
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from keepboth.events import Micros
from keepboth.telling.accounts import Account
from keepboth.telling.facts import PEOPLE, Decisions, Status
from keepboth.telling.outcomes import is_garbled, outcome_of
from keepboth.telling.people import Person
from keepboth.telling.times import SECOND, stretches, was_away

LIVE_AFTER: Final[Micros] = 5 * SECOND
"""People who type beside each other see what happens: they are told if it still stands after this long."""

Level = Literal["interrupt", "badge", "log"]
Reason = Literal["text-missing", "garbled", "formatting", "nothing-wrong", "seen", "hidden"]
Hidden = Literal[
    "resolved", "settled", "same-change", "your-own-devices", "own-devices", "possible", "whitespace", "filled-twice"
]


class Attention(NamedTuple):
    """``reason`` says what for, or why not. ``due_at``: when the level becomes ``badge``, None if it does not or is."""

    level: Level
    reason: Reason
    due_at: Micros | None = None


def hidden_of(account: Account, status: Status, viewer: str | None) -> list[Hidden]:
    """Why the entry stays behind the footer, the reason it is counted under first; none if it is shown."""
    episode = account.episode
    found: list[Hidden] = []
    if status != "open":
        found.append("resolved" if status == "resolved" else "settled")
    if episode.severity == "agreed":
        found.append("same-change")
    if episode.self_only:
        own = viewer is not None and all(person.actor == viewer for person in account.people)
        found.append("your-own-devices" if own else "own-devices")
    if not episode.certain:
        found.append("possible")
    if _only_space(account):
        found.append("whitespace")
    if episode.double_initialisation and len(account.versions) == 1:
        found.append("filled-twice")
    return found


def _only_space(account: Account) -> bool:
    """True if, spaces and line ends aside, everybody kept what was there, and it is there."""
    if account.episode.key is not None or account.episode.severity == "formatting-lost":
        return False
    texts = [account.base, account.merged, *(version.text for version in account.versions)]
    return len({"".join(text.split()) for text in texts}) == 1


def needs_of(account: Account, decisions: Decisions, hidden: Sequence[Hidden]) -> list[Person]:
    """Who should look: the people whose text is missing, else every author; programs and who has seen it never."""
    if hidden:
        return []
    missing = [person for version in account.lost for person in version.people if not person.program]
    concerned = missing or [person for person in account.people if not person.program]
    unseen = [person for person in dict.fromkeys(concerned) if person.actor not in decisions.seen_by]
    return sorted(unseen, key=lambda person: person.name)


def attention_of(account: Account, hidden: Sequence[Hidden], needs: Sequence[Person], now: Micros) -> Attention:
    """How loudly this entry may speak at *now*."""
    if hidden:
        return Attention("log", "hidden")
    cause = _cause(account)
    if cause == "nothing-wrong":
        return Attention("log", cause)
    if not needs:
        return Attention("log", "seen")
    people = {person.actor for person in account.people if not person.program}
    if cause != "formatting" and len(people) > 1 and somebody_was_away(account):
        return Attention("interrupt", cause)
    due = max((fact.recorded_at for fact in account.facts), default=now - LIVE_AFTER) + LIVE_AFTER
    return Attention("badge", cause) if now >= due else Attention("log", cause, due)


def _cause(account: Account) -> Literal["text-missing", "garbled", "formatting", "nothing-wrong"]:
    outcome = outcome_of(account.episode).code
    if outcome == "text-missing":
        return "text-missing"
    if is_garbled(account.episode):
        return "garbled"
    return "formatting" if outcome == "formatting" else "nothing-wrong"


def somebody_was_away(account: Account) -> bool:
    """True if part of it was written by a person who was away."""
    return any(
        was_away(stretch) and any(fact.actor_kind in PEOPLE for fact in stretch)
        for stretch in stretches(account.facts).values()
    )
