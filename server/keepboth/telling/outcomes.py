"""What became of a collision, in two words."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from keepboth.conflicts.model import Episode, Severity
from keepboth.telling.wording import OUTCOMES

OutcomeCode = Literal[
    "text-missing",
    "shown-twice",
    "both-kept",
    "one-kept",
    "stray-words",
    "formatting",
    "both-deleted",
    "same-change",
]

_OF: Final[dict[Severity, OutcomeCode]] = {
    "lost": "text-missing",
    "duplicated": "shown-twice",
    "both-rewrote": "both-kept",
    "orphaned": "stray-words",
    "formatting-lost": "formatting",
    "same-gap": "both-kept",
    "both-removed": "both-deleted",
    "agreed": "same-change",
}

GARBLED: Final[frozenset[Severity]] = frozenset({"duplicated", "both-rewrote", "orphaned"})
"""The text now says what nobody wrote."""


class Outcome(NamedTuple):
    code: OutcomeCode
    text: str


def outcome_of(episode: Episode) -> Outcome:
    """The outcome of *episode*. A key holds one value: where none is missing, the other side had removed it."""
    found = _OF[episode.severity]
    if found in ("both-kept", "stray-words") and episode.key is not None:
        found = "one-kept"
    elif found == "stray-words" and episode.kinds == {"in-removed-subtree"}:
        found = "both-deleted"
    return Outcome(found, OUTCOMES[found])


def is_garbled(episode: Episode) -> bool:
    """True if the text now says what nobody wrote."""
    if episode.key is not None:
        return False
    return episode.interleaved or (episode.severity in GARBLED and outcome_of(episode).code != "both-deleted")
