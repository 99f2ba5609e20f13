"""Collisions in words, as OpenAPI shows them: see ``docs/experience.md``."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from keepboth.store.conflict_log import Status
from keepboth.telling.attention import Hidden, Level, Reason
from keepboth.telling.choices import ChoiceCode
from keepboth.telling.outcomes import OutcomeCode


class SentenceBody(BaseModel):
    """One sentence: ``text`` in English, or ``code`` and ``params`` to say it otherwise."""

    code: str
    params: dict[str, Any]
    text: str


class PersonBody(BaseModel):
    """Somebody who took part. ``name`` is for people, and never empty."""

    actor: str
    name: str
    program: bool


class OutcomeBody(BaseModel):
    """What became of it, in two words."""

    code: OutcomeCode
    text: str


class WhereBody(BaseModel):
    """Where it is: ``text`` for people, ``path`` for programs."""

    text: str
    path: str
    said: list[SentenceBody]


class PieceBody(BaseModel):
    """A stretch of text. ``gap``: something was left out here."""

    op: Literal["keep", "insert", "delete", "gap"]
    text: str


class PassageBody(BaseModel):
    """What a place says, with what changed in it. ``more``: something around it is not shown."""

    text: str
    pieces: list[PieceBody]
    before: str
    after: str
    more: bool


class WrittenBody(BaseModel):
    """What one or several people wrote alike."""

    title: SentenceBody
    people: list[PersonBody]
    sessions: list[str]
    passage: PassageBody


class MissingBody(BaseModel):
    """What is not in the document, and whose it is."""

    people: list[PersonBody]
    text: str


class OfferBody(BaseModel):
    """Something that can be pressed."""

    code: ChoiceCode
    label: SentenceBody
    actor: str | None
    session: str | None


class AttentionBody(BaseModel):
    """How loudly it may speak, and what for. ``due_at``: UTC microseconds at which it becomes a badge."""

    level: Level
    reason: Reason
    due_at: int | None


class CardBody(BaseModel):
    """One collision in words, in the order in which it is shown."""

    id: str
    status: Status
    outcome: OutcomeBody
    sentence: SentenceBody
    notes: list[SentenceBody]
    where: WhereBody
    people: list[PersonBody]
    when: SentenceBody | None
    now_title: SentenceBody
    now: PassageBody
    versions: list[WrittenBody]
    missing: list[MissingBody]
    nothing_missing: SentenceBody | None
    before: PassageBody
    choices: list[OfferBody]
    attention: AttentionBody
    hidden: list[Hidden] = Field(description="why it stays behind the footer; empty if it is shown")
    needs: list[PersonBody] = Field(description="who should look")
    certain: bool
    met_at: int = Field(description="when the last of its edits was recorded, UTC microseconds")


class NoticeBody(BaseModel):
    """One person's return, and what their edits ran into. Replaces an earlier notice of the same ``correlation_id``."""

    document: str
    correlation_id: str
    level: Literal["interrupt", "badge"]
    person: PersonBody
    sentence: SentenceBody
    cards: list[str] = Field(description="ids of the entries to look at, missing text first")
    missing: int = Field(description="in how many of them text is missing")
    needs: list[PersonBody]
    arrived_at: int = Field(description="UTC microseconds")


class Notices(BaseModel):
    """Returns that ran into something that is still open, newest first. More may come while ``complete`` is false."""

    notices: list[NoticeBody]
    complete: bool
    known_revision: int
    revision: int
