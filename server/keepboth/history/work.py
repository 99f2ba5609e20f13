"""Which edits are meant when somebody speaks of a person's work, a session's, or an hour's."""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

from keepboth.errors import InvalidRequest
from keepboth.events import Micros
from keepboth.history.cuts import Selection
from keepboth.history.lineage import Lineage
from keepboth.yjs.idset import IdSet

MAX_RANGES: Final = 1000

_RANGE: Final = re.compile(r"([0-9]{1,18})(?:-([0-9]{1,18}))?")


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

    def of(self, lineage: Lineage, selection: Selection) -> tuple[int, ...]:
        """The revisions of those edits of *selection* that are meant. Raises InvalidRequest if nothing says which."""
        if self.is_all:
            raise InvalidRequest("whose work? name an actor, a session, a time or revisions")
        return tuple(
            revision
            for _, first, size in self._among(selection.revision)
            for revision in range(first, first + size)
            if revision not in lineage.others and self._made_by(*lineage.who(revision)) and selection.holds(revision)
        )

    def _among(self, last: int) -> IdSet:
        """The revisions to look at, as ids of client 0."""
        found = IdSet()
        for start, stop in self.revisions or ((1, last),):
            low, high = max(start, 1), min(stop, last)
            if low <= high:
                found.add(0, low, high - low + 1)
        return found

    def _made_by(self, actor: str, session: str | None, authored_at: Micros) -> bool:
        return (
            (not self.actors or actor in self.actors)
            and (not self.sessions or session in self.sessions)
            and (self.since is None or authored_at >= self.since)
            and (self.until is None or authored_at <= self.until)
        )

    def described(self) -> dict[str, Any]:
        """What is set, as an event keeps it."""
        return {name: value for name, value in self._asdict().items() if value not in ((), None)}


def ranges_of(text: str | None, field: str) -> tuple[tuple[int, int], ...]:
    """Revisions written as in ``5,9-12``, as inclusive ranges. Raises InvalidRequest."""
    found = [_RANGE.fullmatch(one.strip()) for one in text.split(",")] if text else []
    if None in found or len(found) > MAX_RANGES:
        raise InvalidRequest(f"revisions are written as in 5,9-12, at most {MAX_RANGES:,} ranges", field=field)
    return tuple((int(one[1]), int(one[2] or one[1])) for one in found if one is not None)
