"""What telling starts from: an entry of the conflict log as stored, facts about its edits, what people did about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Final, Literal, NamedTuple, cast

from keepboth.conflicts.model import Episode, Kind, Side, Step
from keepboth.events import AWAY, ActorKind, Event, Micros, TimeQuality

PEOPLE: Final[frozenset[ActorKind]] = frozenset({"human", "anonymous"})
"""Kinds of actors that are people. Programs are told about, and never addressed."""


class Circumstances(NamedTuple):
    """Of one edit: whose, when, and after which absence. The fields are those of `keepboth.events.Event`."""

    revision: int
    actor: str
    actor_kind: ActorKind
    session: str | None
    recorded_at: Micros
    authored_at: Micros
    time_quality: TimeQuality = "assumed"
    away_from: Micros | None = None
    correlation_id: str | None = None

    @classmethod
    def of(cls, event: Event) -> Circumstances:
        return cls(
            event.revision,
            event.actor,
            event.actor_kind,
            event.session,
            event.recorded_at,
            event.authored_at,
            event.time_quality,
            event.away_from,
            event.correlation_id,
        )

    @property
    def stretch(self) -> str | None:
        """Which offline stretch it belongs to, None if it was made while connected."""
        return self.correlation_id if self.correlation_id and self.correlation_id.startswith(AWAY) else None


Status = Literal["open", "settled", "resolved"]


class Decisions(NamedTuple):
    """What people decided about an entry. ``status`` says it is resolved, or open although it was rewritten; None: they
    decided nothing, and it follows from the entry. ``seen_by``: who pressed *Seen*, each for themselves."""

    status: Status | None = None
    resolved_by: str | None = None
    seen_by: frozenset[str] = frozenset()


UNDECIDED: Final = Decisions()


def status_of(episode: Episode, decisions: Decisions) -> Status:
    """What people decided counts; where they did not, a rewrite by somebody who had seen all of it settles."""
    if decisions.status is not None:
        return decisions.status
    return "open" if episode.settled_by is None else "settled"


def episode_of(value: Mapping[str, Any]) -> Episode:
    """The entry that `keepboth.conflicts.report.episode_value` wrote. Fields it does not know are passed over."""
    known = {field.name: value[field.name] for field in fields(Episode) if field.name in value}
    known["kinds"] = frozenset(cast("list[Kind]", known["kinds"]))
    known["revisions"] = tuple(known["revisions"])
    known["anchor_first"] = tuple(known["anchor_first"])
    known["anchor_last"] = tuple(known["anchor_last"])
    known["sides"] = tuple(_side(side) for side in known["sides"])
    known["path"] = tuple(Step(*step) for step in known.get("path", ()))
    return Episode(**known)


def _side(value: Mapping[str, Any]) -> Side:
    known = {field.name: value[field.name] for field in fields(Side) if field.name in value}
    known["revisions"] = tuple(known["revisions"])
    known["formats"] = tuple((key, set_to) for key, set_to in known.get("formats", ()))
    return Side(**known)
