"""Decisions about conflicts: seen, resolved, reopened; and what they make of each entry of the conflict log.

A decision names an entry by the id it had then and lists the revisions it covered. Entries grow and merge as late
edits arrive, so a resolution holds for an entry only while it covers all of the entry's revisions: a side that comes
later opens it again. Of two people who resolve at once, one gets the event and the other a refusal that shows it.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from keepboth.decider.documents import DecidedEvent
from keepboth.errors import ConditionFailed
from keepboth.events import (
    CONFLICT_REOPENED,
    CONFLICT_RESOLVED,
    CONFLICT_SEEN,
    DocumentExists,
    Event,
    NoneSince,
    compress_ranges,
)

CONFLICT_TYPES: Final = frozenset({CONFLICT_SEEN, CONFLICT_RESOLVED, CONFLICT_REOPENED})
RESTS_ON: Final = frozenset({CONFLICT_RESOLVED, CONFLICT_REOPENED})
"""What a resolution or a reopening rests on: none of these may have come meanwhile for the same entry."""

Choice = Literal["leave", "use", "both", "write", "restore", "remove"]
Status = Literal["open", "settled", "resolved"]
Ranges = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Subject:
    """The entry that a command is about. ``id``: its id now; ``revisions``: all its edits; ``at``: the revision that it
    was looked at."""

    id: str
    revisions: tuple[int, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Resolve:
    """Settle the entry for everybody. ``actor`` and ``session`` name the side of choice "use", ``text`` is that of
    "write"; ``edits``: an edit that brings this about is recorded right behind."""

    choice: Choice
    actor: str | None = None
    session: str | None = None
    text: str | None = None
    edits: bool = False


@dataclass(frozen=True, slots=True)
class Reopen:
    """Take the resolution back. What it did to the text stays."""


@dataclass(frozen=True, slots=True)
class MarkSeen:
    """Note that the actor has looked at the entry: for that actor only."""


ConflictCommand = Resolve | Reopen | MarkSeen


@dataclass(frozen=True, slots=True)
class Decision:
    """One recorded decision. ``covers``: inclusive ranges of revisions."""

    event: Event
    conflict: str
    covers: Ranges
    choice: Choice | None
    edits: bool

    def holds_for(self, revisions: Iterable[int]) -> bool:
        """True if it covers every one of *revisions*."""
        return all(_within(self.covers, revision) for revision in revisions)


@dataclass(frozen=True, slots=True)
class ConflictState:
    """What people have decided about one entry, in order."""

    decisions: tuple[Decision, ...] = ()

    def resolution(self, revisions: Iterable[int]) -> Decision | None:
        """The resolution in force for the entry that holds *revisions* now, None if it is open."""
        for decision in reversed(self.decisions):
            if decision.event.type == CONFLICT_SEEN:
                continue
            if decision.event.type == CONFLICT_RESOLVED and decision.holds_for(revisions):
                return decision
            return None
        return None

    def seen_by(self, revisions: Iterable[int]) -> dict[str, Decision]:
        """Who has looked at all of it, or resolved it: the first decision of each actor that covers *revisions*."""
        wanted = tuple(revisions)
        found: dict[str, Decision] = {}
        for decision in self.decisions:
            if decision.event.actor not in found and decision.holds_for(wanted):
                found[decision.event.actor] = decision
        return found

    def status(self, revisions: Iterable[int], settled_by: int | None) -> Status:
        """A resolution counts before what people settled by typing; a reopened entry is open either way."""
        if self.resolution(revisions) is not None:
            return "resolved"
        last = next((one for one in reversed(self.decisions) if one.event.type != CONFLICT_SEEN), None)
        reopened = last is not None and last.event.type == CONFLICT_REOPENED
        if settled_by is None or (last is not None and reopened and settled_by < last.event.revision):
            return "open"
        return "settled"

    def restoring_revisions(self) -> frozenset[int]:
        """The edits that resolutions of this entry made: each lies right behind its resolution."""
        return frozenset(decision.event.revision + 1 for decision in self.decisions if decision.edits)


NOTHING_DECIDED: Final = ConflictState()


def decide(command: ConflictCommand, subject: Subject, state: ConflictState, read_until: int) -> DecidedEvent:
    """The event that *command* leads to. ``read_until``: the revision up to which *state* was read.

    The condition is about every entry of the document: where it fails, read again and decide again. Raises
    ConditionFailed if the state forbids the command already, with the event that does.
    """
    payload: dict[str, Any] = {
        "conflict": subject.id,
        "covers": [list(pair) for pair in compress_ranges(subject.revisions)],
        "at": subject.at,
    }
    resolved = state.resolution(subject.revisions)
    match command:
        case MarkSeen():
            return DecidedEvent(CONFLICT_SEEN, payload, DocumentExists())
        case Reopen():
            if resolved is None:
                raise ConditionFailed("this conflict is not resolved", _last(state), id=subject.id)
            return DecidedEvent(CONFLICT_REOPENED, payload, NoneSince(read_until, RESTS_ON))
        case Resolve():
            if resolved is not None:
                raise ConditionFailed("this conflict is resolved already", (resolved.event,), id=subject.id)
            payload["choice"] = command.choice
            payload["edit"] = command.edits
            for name, value in (("actor", command.actor), ("session", command.session), ("text", command.text)):
                if value is not None:
                    payload[name] = value
            return DecidedEvent(CONFLICT_RESOLVED, payload, NoneSince(read_until, RESTS_ON))


def decision_of(event: Event) -> Decision | None:
    """The decision that *event* records, None if it is no decision about a conflict, or was erased."""
    if event.type not in CONFLICT_TYPES or not event.payload:
        return None
    body = json.loads(event.payload)
    return Decision(
        event,
        body["conflict"],
        tuple((first, last) for first, last in body["covers"]),
        body.get("choice"),
        bool(body.get("edit")),
    )


def evolve(state: ConflictState, event: Event) -> ConflictState:
    """The state after *event*, which is about the same entry."""
    decision = decision_of(event)
    return state if decision is None else ConflictState((*state.decisions, decision))


def conflict_states(
    events: Iterable[Event], present: Callable[[str], str | None] = lambda id: id
) -> dict[str, ConflictState]:
    """What was decided about each entry, by its present id, from a document's decisions in order of revision.

    ``present`` gives the present id for one that an entry had before, None where the entry is not known (any more).
    """
    ids: dict[str, str | None] = {}
    found: dict[str, list[Decision]] = {}
    for event in events:
        decision = decision_of(event)
        if decision is None:
            continue
        named = decision.conflict
        if named not in ids:
            ids[named] = present(named)
        now = ids[named]
        if now is not None:
            found.setdefault(now, []).append(decision)
    return {id: ConflictState(tuple(decisions)) for id, decisions in found.items()}


def state_in(states: Mapping[str, ConflictState], id: str) -> ConflictState:
    """The state of one entry."""
    return states.get(id, NOTHING_DECIDED)


def _last(state: ConflictState) -> tuple[Event, ...]:
    return tuple(one.event for one in state.decisions if one.event.type != CONFLICT_SEEN)[-1:]


def _within(ranges: Ranges, revision: int) -> bool:
    at = bisect_right(ranges, revision, key=lambda pair: pair[0]) - 1
    return at >= 0 and ranges[at][1] >= revision
