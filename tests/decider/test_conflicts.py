"""Decisions about conflicts: what was seen and resolved, and for which edits that holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from keepboth.decider.conflicts import (
    NOTHING_DECIDED,
    ConflictState,
    MarkSeen,
    Reopen,
    Resolve,
    Subject,
    conflict_states,
    decide,
    evolve,
    state_in,
)
from keepboth.errors import ConditionFailed
from keepboth.events import (
    CONFLICT_REOPENED,
    CONFLICT_RESOLVED,
    CONFLICT_SEEN,
    EDIT_RECORDED,
    DocumentExists,
    Event,
    NoneSince,
)

RESTS_ON = frozenset({CONFLICT_RESOLVED, CONFLICT_REOPENED})


def event(
    revision: int, type: str, actor: str = "ann", conflict: str = "c-1-0", covers: Any = (), **more: Any
) -> Event:
    payload = json.dumps({"conflict": conflict, "covers": [list(pair) for pair in covers], "at": revision - 1, **more})
    return Event(
        position=revision,
        document="d",
        revision=revision,
        id=revision.to_bytes(16, "big"),
        type=type,
        content_type="application/json",
        actor=actor,
        actor_kind="human",
        session=None,
        session_seq=None,
        part=0,
        clients=(),
        relayed_by=None,
        context=None,
        context_source="none",
        message_digest=None,
        recorded_at=revision,
        authored_at=revision,
        time_quality="assumed",
        correlation_id=None,
        causation_id=None,
        away_from=None,
        payload=payload.encode(),
        payload_digest=b"",
        payload_len=0,
        disposition="ready",
        document_hash=b"",
    )


def state(*events: Event) -> ConflictState:
    found = NOTHING_DECIDED
    for one in events:
        found = evolve(found, one)
    return found


def test_a_resolution_is_decided_on_what_nobody_decided_since() -> None:
    subject = Subject("c-1-0", (4, 5, 6, 9), 12)
    decided = decide(Resolve("use", "ann", text=None, edits=True), subject, NOTHING_DECIDED, 11)
    assert decided.type == CONFLICT_RESOLVED
    assert decided.payload == {
        "conflict": "c-1-0",
        "covers": [[4, 6], [9, 9]],
        "at": 12,
        "choice": "use",
        "actor": "ann",
        "edit": True,
    }
    assert decided.condition == NoneSince(11, RESTS_ON)


def test_what_is_resolved_is_not_resolved_again_but_reopened() -> None:
    subject = Subject("c-1-0", (4, 5), 12)
    resolved = event(8, CONFLICT_RESOLVED, covers=[(4, 5)], choice="leave")
    with pytest.raises(ConditionFailed) as refused:
        decide(Resolve("leave"), subject, state(resolved), 8)
    assert refused.value.events == (resolved,)
    assert decide(Reopen(), subject, state(resolved), 8).type == CONFLICT_REOPENED
    reopened = event(9, CONFLICT_REOPENED, covers=[(4, 5)])
    with pytest.raises(ConditionFailed) as refused:
        decide(Reopen(), subject, state(resolved, reopened), 9)
    assert refused.value.events == (reopened,)
    with pytest.raises(ConditionFailed) as refused:
        decide(Reopen(), subject, NOTHING_DECIDED, 9)
    assert refused.value.events == ()
    assert decide(Resolve("leave"), subject, state(resolved, reopened), 9).type == CONFLICT_RESOLVED


def test_seeing_needs_nothing() -> None:
    decided = decide(MarkSeen(), Subject("c-1-0", (4,), 5), NOTHING_DECIDED, 5)
    assert (decided.type, decided.condition) == (CONFLICT_SEEN, DocumentExists())


def test_a_resolution_holds_while_it_covers_every_edit() -> None:
    resolved = state(event(8, CONFLICT_RESOLVED, covers=[(4, 5), (7, 7)], choice="both", edit=True))
    assert resolved.status((4, 5, 7), None) == "resolved"
    assert resolved.status((4, 7), None) == "resolved"
    assert resolved.status((4, 5, 6, 7), None) == "open"
    assert resolved.status((4, 5, 7, 11), None) == "open"
    assert resolved.restoring_revisions() == {9}


def test_status_puts_resolutions_before_what_was_settled_by_typing() -> None:
    resolved = event(8, CONFLICT_RESOLVED, covers=[(4, 5)], choice="leave")
    reopened = event(12, CONFLICT_REOPENED, covers=[(4, 5)])
    assert NOTHING_DECIDED.status((4, 5), None) == "open"
    assert NOTHING_DECIDED.status((4, 5), 9) == "settled"
    assert state(resolved).status((4, 5), 9) == "resolved"
    assert state(resolved, reopened).status((4, 5), 9) == "open"
    assert state(resolved, reopened).status((4, 5), 13) == "settled"


def test_seen_is_for_each_actor_and_for_what_was_there() -> None:
    found = state(
        event(8, CONFLICT_SEEN, "ann", covers=[(4, 5)]),
        event(9, CONFLICT_SEEN, "bob", covers=[(4, 6)]),
        event(10, CONFLICT_SEEN, "bob", covers=[(4, 6)]),
    )
    assert {actor: one.event.revision for actor, one in found.seen_by((4, 5)).items()} == {"ann": 8, "bob": 9}
    assert set(found.seen_by((4, 5, 6))) == {"bob"}
    assert found.resolution((4, 5)) is None


def test_a_resolution_follows_an_entry_that_became_part_of_another() -> None:
    events = [
        event(1, EDIT_RECORDED),
        event(8, CONFLICT_RESOLVED, conflict="c-9-9", covers=[(4, 5)], choice="leave"),
        event(9, CONFLICT_RESOLVED, conflict="c-3-3", covers=[(6, 7)], choice="leave"),
        event(10, CONFLICT_RESOLVED, conflict="c-8-8", covers=[(1, 2)], choice="leave"),
    ]
    present = {"c-9-9": "c-1-0", "c-3-3": "c-1-0"}.get
    states = conflict_states(events, present)
    assert set(states) == {"c-1-0"}
    merged = state_in(states, "c-1-0")
    assert merged.status((4, 5, 6, 7), None) == "open"
    events.append(event(11, CONFLICT_RESOLVED, conflict="c-1-0", covers=[(4, 7)], choice="leave"))
    assert state_in(conflict_states(events, lambda id: "c-1-0"), "c-1-0").status((4, 5, 6, 7), None) == "resolved"
    assert state_in(states, "none") == NOTHING_DECIDED


def test_an_erased_decision_decides_nothing() -> None:
    assert state(replace(event(8, CONFLICT_RESOLVED, covers=[(4, 5)]), payload=None)) == NOTHING_DECIDED
