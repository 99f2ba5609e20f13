"""Which edits are meant when somebody speaks of a person's work, a session's, or an hour's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from keepboth.errors import InvalidRequest
from keepboth.events import EDIT_RECORDED, Micros
from keepboth.store.base import EventLine

MAX_RANGES: Final = 1000


class Work(NamedTuple):
    """Edits by any of these ``actors``, of any of these ``sessions``, made from ``since`` to ``until`` (authored times,
    both included), at ``revisions`` (inclusive ranges). What is empty or None does not matter; all that is set must
    hold."""

    actors: tuple[str, ...] = ()
    sessions: tuple[str, ...] = ()
    since: Micros | None = None
    until: Micros | None = None
    revisions: tuple[tuple[int, int], ...] = ()

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
            and (not self.revisions or any(first <= line.revision <= last for first, last in self.revisions))
        )

    def of(self, lines: Iterable[EventLine]) -> tuple[int, ...]:
        """The revisions of those among *lines* that are meant. Raises InvalidRequest if nothing says which."""
        if self.is_all:
            raise InvalidRequest("whose work? name an actor, a session, a time or revisions")
        return tuple(line.revision for line in lines if self.holds(line))

    def described(self) -> dict[str, Any]:
        """What is set, as an event keeps it."""
        return {name: value for name, value in self._asdict().items() if value not in ((), None)}


def ranges_of(text: str | None, field: str) -> tuple[tuple[int, int], ...]:
    """Revisions written as in ``5,9-12``, as inclusive ranges. Raises InvalidRequest."""
    found: list[tuple[int, int]] = []
    for one in text.split(",") if text else ():
        first, _, last = one.strip().partition("-")
        if not first.isdecimal() or (last and not last.isdecimal()) or len(found) >= MAX_RANGES:
            raise InvalidRequest("revisions are written as in 5,9-12", field=field)
        found.append((int(first), int(last or first)))
    return tuple(found)
