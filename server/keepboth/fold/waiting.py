"""The waiting room: edits whose dependencies are not in the log yet, released when the last one arrives.

A replica that is fed out of causal order can lose text for good, so an edit is held back until every struct it builds
on has been applied. Edits that need each other (slices of one message) are released together.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from keepboth.yjs.idset import IdSet
from keepboth.yjs.slicing import dependencies, inserted
from keepboth.yjs.structs import Id, Range, Update

IdRange = tuple[int, int, int]
"""``(client, clock, length)``."""

_FAR = 1 << 62


@dataclass(slots=True)
class Waiting:
    """One edit that cannot be applied yet. ``needs`` is what it builds on outside itself."""

    revision: int
    payload: bytes
    needs: list[IdRange]
    brings: IdSet
    deletes: dict[int, list[Range]]


class WaitingRoom:
    """Edits that wait, by revision. Knows what has *arrived* here; what was *applied* is passed in as clocks.

    Every edit that has been examined and must stay has a root: an id that has not arrived and that it builds on,
    itself or through other edits here. Nothing need look at it again before that id comes. What an edit brings counts
    as its own if it was the first here to bring it.
    """

    def __init__(self) -> None:
        self._held: dict[int, Waiting] = {}
        self._fresh: set[int] = set()
        self._root: dict[int, Id] = {}
        self._rooted: dict[int, list[tuple[int, int]]] = {}
        """Client -> ``(clock, revision)`` of the roots, ascending."""
        self._holders: dict[int, list[tuple[int, int, int]]] = {}
        """Client -> ``(clock, end, revision)`` of what is brought here, ascending and disjoint."""

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, revision: int) -> bool:
        return revision in self._held

    def entries(self) -> list[Waiting]:
        """Everything that waits, by revision."""
        return [self._held[revision] for revision in sorted(self._held)]

    def add(self, revision: int, payload: bytes, update: Update) -> None:
        """Hold one edit back."""
        brings = inserted(update)
        self._held[revision] = Waiting(revision, payload, list(dependencies(update)), brings, update.deletes)
        self._fresh.add(revision)
        for client, clock, length in brings:
            for start, size in self._unheld(client, clock, length):
                insort(self._holders.setdefault(client, []), (start, start + size, revision))

    def release(self, clocks: Mapping[int, int]) -> list[Waiting]:
        """Take out everything that can be applied now, given the applied *clocks*, by revision.

        The answer is the greatest set whose needs are all applied or in the set itself. Cost follows the edits that
        are new here and those whose root has arrived since the last call, not the size of the room.
        """
        group = self._wake(clocks)
        stuck: dict[int, Id] = {}
        behind: defaultdict[int, list[int]] = defaultdict(list)
        for revision in group:
            root = self._examine(revision, clocks, group, behind)
            if root is not None:
                stuck[revision] = root
        todo = list(stuck)
        while todo:
            holder = todo.pop()
            for revision in behind.pop(holder, ()):
                if revision not in stuck:
                    stuck[revision] = stuck[holder]
                    todo.append(revision)
        for revision, root in stuck.items():
            self._root[revision] = root
            insort(self._rooted.setdefault(root[0], []), (root[1], revision))
        return [self._take_out(revision) for revision in sorted(group.difference(stuck))]

    def _wake(self, clocks: Mapping[int, int]) -> set[int]:
        """Edits to examine: the new ones, and those whose root was applied or is brought by a new one."""
        group, self._fresh = self._fresh, set()
        rooted, holders = self._rooted, self._holders
        for client in holders if len(holders) <= len(clocks) else clocks:
            if client in holders and holders[client][0][0] < clocks.get(client, 0):
                # What waits here was applied without being released here: anything may follow from that.
                self._root.clear()
                rooted.clear()
                return set(self._held)
        for client in [c for c in (rooted if len(rooted) <= len(clocks) else clocks) if c in rooted]:
            self._arrived(client, 0, clocks.get(client, 0), group)
        for revision in list(group):
            for client, clock, length in self._held[revision].brings:
                self._arrived(client, clock, clock + length, group)
        return group

    def _arrived(self, client: int, clock: int, end: int, group: set[int]) -> None:
        rows = self._rooted.get(client)
        if rows is None or clock >= end:
            return
        low, high = bisect_right(rows, (clock, -1)), bisect_right(rows, (end, -1))
        for _, revision in rows[low:high]:
            del self._root[revision]
            group.add(revision)
        del rows[low:high]
        if not rows:
            del self._rooted[client]

    def _examine(
        self, revision: int, clocks: Mapping[int, int], group: set[int], behind: defaultdict[int, list[int]]
    ) -> Id | None:
        """The id for which *revision* must stay, None if that depends on others in *group* only: it is put *behind*
        them."""
        for client, clock, length in self._held[revision].needs:
            at, end = max(clock, clocks.get(client, 0)), clock + length
            rows = self._holders.get(client, ())
            index = bisect_right(rows, (at, _FAR, 0)) - 1
            while at < end:
                if not 0 <= index < len(rows) or not rows[index][0] <= at < rows[index][1]:
                    return client, at
                _, at, holder = rows[index]
                if holder not in group:
                    return self._root[holder]
                behind[holder].append(revision)
                index += 1
        return None

    def _take_out(self, revision: int) -> Waiting:
        entry = self._held.pop(revision)
        for client, clock, length in entry.brings:
            rows = self._holders.get(client, [])
            low, high = bisect_right(rows, (clock, -1, -1)), bisect_right(rows, (clock + length, -1, -1))
            rows[low:high] = [row for row in rows[low:high] if row[2] != revision]
            if not rows:
                self._holders.pop(client, None)
        return entry

    def _unheld(self, client: int, clock: int, length: int) -> list[tuple[int, int]]:
        """The ranges among these ids that nothing here brings yet."""
        rows = self._holders.get(client, ())
        out: list[tuple[int, int]] = []
        at, end = clock, clock + length
        index = max(bisect_right(rows, (at, _FAR, 0)) - 1, 0)
        while index < len(rows) and rows[index][0] < end:
            start, stop, _ = rows[index]
            if start > at:
                out.append((at, start - at))
            at = max(at, stop)
            index += 1
        if at < end:
            out.append((at, end - at))
        return out
