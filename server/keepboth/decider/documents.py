"""Decisions about a document: keep only the valid one.

A decision is recorded under a condition that the store tests in the same transaction, so that two people who decide
at once get one event and one refusal that shows the winner's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from keepboth.errors import ConditionFailed, InvalidRequest, NotFound
from keepboth.events import (
    DOCUMENT_APPROVED,
    DOCUMENT_ARCHIVED,
    DOCUMENT_CREATED,
    DOCUMENT_RENAMED,
    DOCUMENT_RESTORED,
    EDIT_RECORDED,
    Condition,
    DocumentAbsent,
    Event,
    NoneSince,
)

DECISION_TYPES = frozenset(
    {DOCUMENT_CREATED, DOCUMENT_RENAMED, DOCUMENT_ARCHIVED, DOCUMENT_RESTORED, DOCUMENT_APPROVED}
)

MAX_TITLE = 500


@dataclass(frozen=True, slots=True)
class DocumentState:
    """What decisions have made of a document. ``revision`` is that of the last *decision* taken in."""

    exists: bool = False
    title: str | None = None
    archived: bool = False
    approved_at: int | None = None
    approved_by: str | None = None
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Create:
    """Create the document; ``content`` is plain text per root name. Idempotent when repeated with the same id."""

    title: str | None = None
    content: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Rename:
    title: str


@dataclass(frozen=True, slots=True)
class Archive:
    pass


@dataclass(frozen=True, slots=True)
class Restore:
    pass


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve the document as it is at revision ``at``: refused if an edit came after it."""

    at: int


DocumentCommand = Create | Rename | Archive | Restore | Approve


class DecidedEvent(NamedTuple):
    """One event to record if ``condition`` holds."""

    type: str
    payload: dict[str, Any]
    condition: Condition


def decide(command: DocumentCommand, state: DocumentState) -> DecidedEvent:
    """The event that *command* leads to.

    Raises NotFound if there is no such document, InvalidRequest if the command makes no sense, ConditionFailed if the
    state forbids it already.
    """
    if isinstance(command, Create):
        payload: dict[str, Any] = {"title": _title(command.title) if command.title is not None else None}
        if command.content:
            payload["content"] = dict(command.content)
        return DecidedEvent(DOCUMENT_CREATED, payload, DocumentAbsent())
    if not state.exists:
        raise NotFound("there is no such document")
    # Since the last decision that was looked at, nothing may have changed what this one rests on.
    rests_on = frozenset({DOCUMENT_RENAMED, DOCUMENT_ARCHIVED, DOCUMENT_RESTORED})
    match command:
        case Rename(title):
            return DecidedEvent(DOCUMENT_RENAMED, {"title": _title(title)}, NoneSince(state.revision, rests_on))
        case Archive():
            if state.archived:
                raise ConditionFailed("the document is archived already")
            return DecidedEvent(DOCUMENT_ARCHIVED, {}, NoneSince(state.revision, rests_on))
        case Restore():
            if not state.archived:
                raise ConditionFailed("the document is not archived")
            return DecidedEvent(DOCUMENT_RESTORED, {}, NoneSince(state.revision, rests_on))
        case Approve(at):
            if at < 1:
                raise InvalidRequest("`at` is a revision: 1 or more", field="at")
            return DecidedEvent(DOCUMENT_APPROVED, {"at": at}, NoneSince(at, frozenset({EDIT_RECORDED})))


def evolve(state: DocumentState, event: Event) -> DocumentState:
    """The state after *event*; types this does not know leave it alone."""
    if not state.exists:
        state = replace(state, exists=True)
    if event.type not in DECISION_TYPES:
        return state
    payload = json.loads(event.payload) if event.payload else {}
    state = replace(state, revision=event.revision)
    match event.type:
        case "document.created" | "document.renamed":
            return replace(state, title=payload.get("title") or state.title)
        case "document.archived":
            return replace(state, archived=True)
        case "document.restored":
            return replace(state, archived=False)
        case _:
            return replace(state, approved_at=payload.get("at"), approved_by=event.actor)


def fold_state(events: Iterable[Event]) -> DocumentState:
    """Fold a document's decisions, in order."""
    state = DocumentState()
    for event in events:
        state = evolve(state, event)
    return state


def _title(title: str) -> str:
    title = title.strip()
    if not 1 <= len(title) <= MAX_TITLE:
        raise InvalidRequest(f"a title takes 1 to {MAX_TITLE} characters", field="title")
    return title
