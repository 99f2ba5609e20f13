"""What a document already holds: the table that tells news from repetition.

It needs id sets only, no items. A decided edit enters it at once, before it is on disk, so that two keystrokes in one
batch build on each other and the same content on two sockets is one event; if the commit fails, the table is thrown
away with everything else and folded again from the log.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping

from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import Range

MANY = 256
"""Ranges from which on two sets are merged as a whole: one by one, each may move all that lie behind it."""


class Insertions:
    """Which revision brought which clocks, for edits recorded since this table was made.

    Older content (``clock < floor``) answers 0: it came before anything this table knows.
    """

    __slots__ = ("_ends", "_revisions", "_rows", "floor")

    def __init__(self, floor: Mapping[int, int] | None = None) -> None:
        self.floor: dict[int, int] = dict(floor or {})
        self._rows: dict[int, tuple[list[int], list[int]]] = {}
        self._ends: dict[int, int] = {}
        self._revisions: list[int] = []

    def add(self, client: int, clock: int, length: int, revision: int) -> None:
        """Say that *revision* brought a run of *client*'s content, none of which was known."""
        if not self._revisions or self._revisions[-1] < revision:
            self._revisions.append(revision)
        if self._ends.get(client, 0) < clock + length:
            self._ends[client] = clock + length
        rows = self._rows.get(client)
        if rows is None:
            rows = self._rows[client] = ([], [])
        starts, revisions = rows
        if starts and clock < starts[-1]:
            at = bisect_right(starts, clock)
            starts.insert(at, clock)
            revisions.insert(at, revision)
        else:
            starts.append(clock)
            revisions.append(revision)

    def revision_of(self, client: int, clock: int) -> int:
        """The revision that brought this id; 0 if it is older than the table.

        For an id that has not come, the one that brought its client's last content before it: whoever has the id
        has that.
        """
        rows = self._rows.get(client)
        if rows is None:
            return 0
        at = bisect_right(rows[0], clock) - 1
        return rows[1][at] if at >= 0 else 0

    def end(self, client: int) -> int:
        """The clock behind *client*'s last recorded content."""
        return max(self._ends.get(client, 0), self.floor.get(client, 0))

    def last_before(self, revision: int) -> int:
        """The greatest revision below *revision* that brought an insert, 0 if none since this table was made."""
        at = bisect_left(self._revisions, revision)
        return self._revisions[at - 1] if at else 0

    def first_unseen(self, state_vector: Mapping[int, int]) -> int | None:
        """The lowest revision with an insert that a holder of *state_vector* lacks; None if it lacks nothing.

        0 if it lacks content older than the table.
        """
        lowest: int | None = None
        for client, clock in self.floor.items():
            if state_vector.get(client, 0) < clock:
                return 0
        for client, (starts, revisions) in self._rows.items():
            has = state_vector.get(client, 0)
            at = bisect_left(starts, has)
            # Rows from `at` on start at or after what it has; the row before reaches past it if anything does.
            if at and has < (starts[at] if at < len(starts) else self._ends[client]):
                at -= 1
            for revision in revisions[at : at + 1]:
                lowest = revision if lowest is None else min(lowest, revision)
        return lowest


class Identity:
    """Inserted and deleted ids of one document, drafts in flight included.

    ``inserted`` holds what was recorded and is readable (ready or pending; ``waiting`` holds the pending part).
    ``deleted`` holds recorded deletes; ``fold_deletes()`` gives those that the merge made besides (an overwritten map
    value). ``by_session`` knows which deletes each session has sent since this table was made: a delete of something
    that *somebody else* deleted is news.
    """

    __slots__ = ("by_session", "deleted", "fold_deletes", "inserted", "insertions", "quarantined", "waiting")

    def __init__(
        self,
        clocks: Mapping[int, int],
        deletes: Mapping[int, list[Range]],
        fold_deletes: Callable[[], Mapping[int, list[Range]]],
    ) -> None:
        self.inserted = IdSet()
        for client, clock in clocks.items():
            if clock:
                self.inserted.add(client, 0, clock)
        self.waiting = IdSet()
        self.deleted = IdSet()
        for client, ranges in deletes.items():
            for clock, length in ranges:
                self.deleted.add(client, clock, length)
        self.fold_deletes = fold_deletes
        self.by_session: dict[str, IdSet] = {}
        self.quarantined: set[bytes] = set()
        self.insertions = Insertions(clocks)

    def note_deletes(self, session: str, deletes: Mapping[int, list[Range]]) -> None:
        """Remember that *session* sent these deletes."""
        own = self.by_session.get(session)
        if own is None:
            own = self.by_session[session] = IdSet()
        if sum(map(len, deletes.values())) > MANY:
            several = IdSet({client: sorted(ranges) for client, ranges in deletes.items()})
            self.by_session[session], self.deleted = own.union(several), self.deleted.union(several)
            return
        for client, ranges in deletes.items():
            for clock, length in ranges:
                own.add(client, clock, length)
                self.deleted.add(client, clock, length)

    def unknown_deletes(self, deletes: Mapping[int, list[Range]]) -> dict[int, list[Range]]:
        """The part of *deletes* that is neither recorded nor made by the fold."""
        missing: dict[int, list[Range]] = {}
        for client, ranges in deletes.items():
            for clock, length in ranges:
                gaps = self.deleted.missing(client, clock, length)
                if gaps:
                    missing.setdefault(client, []).extend(gaps)
        if not missing:
            return {}
        made = IdSet()
        for client, ranges in self.fold_deletes().items():
            if client in missing:
                for clock, length in ranges:
                    made.add(client, clock, length)
        out: dict[int, list[Range]] = {}
        for client, ranges in missing.items():
            for clock, length in ranges:
                gaps = made.missing(client, clock, length)
                if gaps:
                    out.setdefault(client, []).extend(gaps)
        return out

    def session_deleted_all(self, session: str, deletes: Mapping[int, list[Range]]) -> bool:
        """True if *session* has sent every one of these deletes before."""
        own = self.by_session.get(session)
        if own is None:
            return not deletes
        return all(own.covers(client, clock, length) for client, ranges in deletes.items() for clock, length in ranges)
