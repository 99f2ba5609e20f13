"""What people have decided about entries of the conflict log: the one place where decisions and entries are joined."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from keepboth.decider.conflicts import CONFLICT_TYPES, ConflictState, conflict_states, decision_of, state_in
from keepboth.events import Event, id_text
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore, Status

PAGE = 1000


class Verdict(NamedTuple):
    """What the projection keeps of decisions about one entry. ``state`` is canonical JSON: the ``resolution`` in force
    and who has ``seen`` it, each if there is one."""

    status: Status
    state: str


def decisions_of(store: EventStore, document: str) -> list[Event]:
    """Every decision about the document's conflicts, in order."""
    types = sorted(CONFLICT_TYPES)
    events: list[Event] = []
    while page := store.read(document, after=events[-1].revision if events else 0, types=types, limit=PAGE):
        events += page
    return events


def named_in(event: Event) -> str | None:
    """The id of the entry that *event* decides about, None if it decides about none."""
    decision = decision_of(event)
    return None if decision is None else decision.conflict


def named_by(store: EventStore, document: str) -> set[str]:
    """The ids under which decisions about the document's entries named them."""
    return {id for event in decisions_of(store, document) if (id := named_in(event)) is not None}


def verdict(state: ConflictState, revisions: Sequence[int], settled_by: int | None) -> Verdict:
    """What *state* means for the entry that holds *revisions* now."""
    value: dict[str, Any] = {}
    resolution = state.resolution(revisions)
    if resolution is not None:
        event = resolution.event
        value["resolution"] = {
            "id": id_text(event.id),
            "revision": event.revision,
            "actor": event.actor,
            "recorded_at": event.recorded_at,
            "choice": resolution.choice,
        }
    seen = sorted(state.seen_by(revisions))
    if seen:
        value["seen"] = seen
    return Verdict(state.status(revisions, settled_by), json.dumps(value, sort_keys=True, separators=(",", ":")))


def present(conflicts: ConflictStore, document: str, aliases: Iterable[tuple[str, str]]) -> Callable[[str], str | None]:
    """Finds the id that an entry has once *aliases* are stored. An id that nothing is known of stays what it is."""
    newer = dict(aliases)

    def find(id: str) -> str | None:
        if id not in newer:
            stored = conflicts.get(id, document)
            id = id if stored is None else stored.id
        passed: set[str] = set()
        while id in newer and id not in passed:
            passed.add(id)
            id = newer[id]
        return id

    return find


def states_of(
    store: EventStore, conflicts: ConflictStore, document: str, aliases: Iterable[tuple[str, str]] = ()
) -> Mapping[str, ConflictState]:
    """What was decided about the document's entries, by the ids that they have once *aliases* are stored."""
    events = decisions_of(store, document)
    return conflict_states(events, present(conflicts, document, aliases)) if events else {}


def judge(store: EventStore, conflicts: ConflictStore, document: str) -> None:
    """Tell the projection of every decision that it has not been told of. Blocks."""
    events = decisions_of(store, document)
    after = conflicts.decided(document)
    if not events or events[-1].revision <= after:
        return
    find = present(conflicts, document, ())
    states = conflict_states(events, find)
    concerned = {find(id) for event in events if event.revision > after and (id := named_in(event)) is not None}
    judged: list[tuple[str, Status, str]] = []
    for id in sorted(id for id in concerned if id is not None):
        row = conflicts.get(id, document)
        if row is not None:
            body = json.loads(row.body)
            judged.append((id, *verdict(state_in(states, id), body["revisions"], body["settled_by"])))
    conflicts.judge(document, events[-1].revision, judged)
