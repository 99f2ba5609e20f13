"""Which edits are meant when somebody speaks of a person's work, a session's, or an hour's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from keepboth.errors import InvalidRequest
from keepboth.events import EDIT_RECORDED, Micros, compress_ranges
from keepboth.store.base import EventLine


class Work(NamedTuple):
    """Edits by any of these ``actors``, of any of these ``sessions``, made from ``since`` to ``until`` (authored times,
    both included), at any of these ``revisions``. What is empty or None does not matter; all that is set must hold."""

    actors: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    since: Micros | None = None
    until: Micros | None = None
    revisions: tuple[int, ...] = ()

    @property
    def is_all(self) -> bool:
        """True if nothing is set."""
        return self == Work()

    def holds(self, line: EventLine) -> bool:
        """True if the event is an edit that is meant."""
        return (
            line.type == EDIT_RECORDED
            and (not self.actors or line.actor in self.actors)
            and (not self.sessions or line.session in self.sessions)
            and (self.since is None or line.authored_at >= self.since)
            and (self.until is None or line.authored_at <= self.until)
            and (not self.revisions or line.revision in self.revisions)
        )

    def of(self, lines: Iterable[EventLine]) -> tuple[int, ...]:
        """The revisions of those among *lines* that are meant. Raises InvalidRequest if nothing says which."""
        if self.is_all:
            raise InvalidRequest("whose work? name an actor, a session, a time or revisions")
        return tuple(line.revision for line in lines if self.holds(line))

    def described(self) -> dict[str, Any]:
        """What is set, as an event keeps it."""
        found: dict[str, Any] = {}
        for name, value in self._asdict().items():
            if name == "revisions":
                value = compress_ranges(value)
            if value not in ((), None):
                found[name] = value
        return found
