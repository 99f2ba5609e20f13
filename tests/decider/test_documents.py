"""Given a document's events, when somebody decides something, then an event under a condition, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest

from keepboth.decider.documents import (
    MAX_TITLE,
    Approve,
    Archive,
    Create,
    DecidedEvent,
    DocumentCommand,
    DocumentState,
    Rename,
    Restore,
    decide,
    evolve,
    fold_state,
)
from keepboth.errors import ConditionFailed, InvalidRequest, KeepBothError, NotFound
from keepboth.events import (
    CONTENT_JSON,
    DOCUMENT_APPROVED,
    DOCUMENT_ARCHIVED,
    DOCUMENT_CREATED,
    DOCUMENT_RENAMED,
    DOCUMENT_RESTORED,
    EDIT_RECORDED,
    SESSION_JOINED,
    DocumentAbsent,
    Event,
    NoneSince,
)

RESTS_ON = frozenset({DOCUMENT_RENAMED, DOCUMENT_ARCHIVED, DOCUMENT_RESTORED})


def event(revision: int, type_: str, payload: dict[str, Any] | bytes | None = None, actor: str = "ann") -> Event:
    body = payload if isinstance(payload, bytes) or payload is None else json.dumps(payload).encode()
    return Event(
        position=revision,
        document="d",
        revision=revision,
        id=revision.to_bytes(16, "big"),
        type=type_,
        content_type=CONTENT_JSON,
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
        payload=body,
        payload_digest=b"",
        payload_len=len(body or b""),
        disposition="ready",
        document_hash=b"",
    )


CREATED = event(1, DOCUMENT_CREATED, {"title": "Notes"})
EDITED = event(2, EDIT_RECORDED, b"\x00\x00")
RENAMED = event(3, DOCUMENT_RENAMED, {"title": "Minutes"}, "bob")
ARCHIVED = event(4, DOCUMENT_ARCHIVED, {})
RESTORED = event(5, DOCUMENT_RESTORED, {})
APPROVED = event(6, DOCUMENT_APPROVED, {"at": 5}, "cleo")


@pytest.mark.parametrize(
    ("given", "when", "then"),
    [
        ([], Create(), DecidedEvent(DOCUMENT_CREATED, {"title": None}, DocumentAbsent())),
        ([], Create("  Notes "), DecidedEvent(DOCUMENT_CREATED, {"title": "Notes"}, DocumentAbsent())),
        (
            [],
            Create("N", (("text", "hi"), ("b", "x"))),
            DecidedEvent(DOCUMENT_CREATED, {"title": "N", "content": {"text": "hi", "b": "x"}}, DocumentAbsent()),
        ),
        ([CREATED], Create("N"), DecidedEvent(DOCUMENT_CREATED, {"title": "N"}, DocumentAbsent())),
        ([CREATED], Rename(" New "), DecidedEvent(DOCUMENT_RENAMED, {"title": "New"}, NoneSince(1, RESTS_ON))),
        ([CREATED, EDITED], Rename("New"), DecidedEvent(DOCUMENT_RENAMED, {"title": "New"}, NoneSince(1, RESTS_ON))),
        ([EDITED], Rename("New"), DecidedEvent(DOCUMENT_RENAMED, {"title": "New"}, NoneSince(0, RESTS_ON))),
        (
            [CREATED, EDITED, RENAMED],
            Archive(),
            DecidedEvent(DOCUMENT_ARCHIVED, {}, NoneSince(3, RESTS_ON)),
        ),
        ([CREATED, ARCHIVED], Restore(), DecidedEvent(DOCUMENT_RESTORED, {}, NoneSince(4, RESTS_ON))),
        ([CREATED, ARCHIVED], Rename("x"), DecidedEvent(DOCUMENT_RENAMED, {"title": "x"}, NoneSince(4, RESTS_ON))),
        (
            [CREATED, ARCHIVED, RESTORED],
            Archive(),
            DecidedEvent(DOCUMENT_ARCHIVED, {}, NoneSince(5, RESTS_ON)),
        ),
        (
            [CREATED, EDITED, RENAMED],
            Approve(2),
            DecidedEvent(DOCUMENT_APPROVED, {"at": 2}, NoneSince(2, frozenset({EDIT_RECORDED}))),
        ),
        ([], Rename("x"), NotFound),
        ([], Archive(), NotFound),
        ([], Restore(), NotFound),
        ([], Approve(1), NotFound),
        ([CREATED, ARCHIVED], Archive(), ConditionFailed),
        ([CREATED], Restore(), ConditionFailed),
        ([CREATED, ARCHIVED, RESTORED], Restore(), ConditionFailed),
        ([CREATED], Approve(0), InvalidRequest),
        ([CREATED], Rename(""), InvalidRequest),
        ([CREATED], Rename(" \n"), InvalidRequest),
        ([CREATED], Rename("x" * (MAX_TITLE + 1)), InvalidRequest),
        ([], Create(""), InvalidRequest),
    ],
)
def test_decide(given: list[Event], when: DocumentCommand, then: DecidedEvent | type[KeepBothError]) -> None:
    state = fold_state(given)
    if isinstance(then, DecidedEvent):
        assert decide(when, state) == then
    else:
        with pytest.raises(then):
            decide(when, state)


def test_the_longest_title_is_accepted() -> None:
    assert decide(Rename("x" * MAX_TITLE), fold_state([CREATED])).payload == {"title": "x" * MAX_TITLE}


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ([], DocumentState()),
        ([EDITED], DocumentState(exists=True)),
        ([event(1, SESSION_JOINED, b"not json")], DocumentState(exists=True)),
        ([CREATED], DocumentState(exists=True, title="Notes", revision=1)),
        ([event(1, DOCUMENT_CREATED, {"title": None})], DocumentState(exists=True, revision=1)),
        ([event(1, DOCUMENT_CREATED, None)], DocumentState(exists=True, revision=1)),
        ([CREATED, EDITED, RENAMED], DocumentState(exists=True, title="Minutes", revision=3)),
        ([CREATED, ARCHIVED], DocumentState(exists=True, title="Notes", archived=True, revision=4)),
        ([CREATED, ARCHIVED, RESTORED], DocumentState(exists=True, title="Notes", revision=5)),
        (
            [CREATED, APPROVED, event(7, EDIT_RECORDED, b"")],
            DocumentState(exists=True, title="Notes", approved_at=5, approved_by="cleo", revision=6),
        ),
        (
            [CREATED, APPROVED, event(9, DOCUMENT_APPROVED, {"at": 8}, "dan")],
            DocumentState(exists=True, title="Notes", approved_at=8, approved_by="dan", revision=9),
        ),
    ],
)
def test_evolve(given: list[Event], then: DocumentState) -> None:
    assert fold_state(given) == then


def test_evolving_one_event_at_a_time_is_folding() -> None:
    state = DocumentState()
    history = [CREATED, EDITED, RENAMED, ARCHIVED, RESTORED, APPROVED]
    for end, happened in enumerate(history, 1):
        state = evolve(state, happened)
        assert state == fold_state(history[:end])


def test_typing_never_stands_in_the_way_of_a_decision_about_the_document() -> None:
    """The condition names only decisions: edits after the state was read do not fail it; an approval it does."""
    state = fold_state([CREATED, EDITED])
    for command in (Rename("x"), Archive()):
        condition = decide(command, state).condition
        assert isinstance(condition, NoneSince)
        assert EDIT_RECORDED not in condition.types
    condition = decide(Approve(2), state).condition
    assert condition == NoneSince(2, frozenset({EDIT_RECORDED}))
