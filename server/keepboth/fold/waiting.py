"""The waiting room: edits whose dependencies are not in the log yet, released when the last one arrives.

A replica that is fed out of causal order can lose text for good, so an edit is held back until every struct it builds
on has been applied. Edits that need each other (slices of one message) are released together.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from keepboth.yjs.idset import IdSet
from keepboth.yjs.slicing import dependencies, inserted
from keepboth.yjs.structs import Update

IdRange = tuple[int, int, int]
"""``(client, clock, length)``."""

_UNEXAMINED: IdRange = (-1, -1, 1)


@dataclass(slots=True)
class Waiting:
    """One edit that cannot be applied yet. ``needs`` is what it builds on outside itself."""

    revision: int
    payload: bytes
    needs: list[IdRange]
    brings: IdSet


class WaitingRoom:
    """Edits that wait, by revision. Knows what has *arrived* here; what was *applied* is passed in as clocks."""

    def __init__(self) -> None:
        self._held: dict[int, Waiting] = {}
        self._brought = IdSet()
        self._blocked_on: defaultdict[int, set[int]] = defaultdict(set)
        self._blocked: dict[int, IdRange] = {}

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
        entry = Waiting(revision, payload, list(dependencies(update)), brings)
        self._held[revision] = entry
        for client, clock, length in brings:
            self._brought.add(client, clock, length)
        self._blocked[revision] = _UNEXAMINED
        self._blocked_on[-1].add(revision)

    def missing(self, revision: int, clocks: Mapping[int, int]) -> list[IdRange]:
        """Ids that the held edit *revision* builds on and that have not arrived at all."""
        entry = self._held[revision]
        return [need for need in entry.needs if not self._arrived(need, clocks)]

    def release(self, clocks: Mapping[int, int]) -> list[Waiting]:
        """Take out everything that can be applied now, given the applied *clocks*, by revision.

        The answer is the greatest set whose needs are all applied or in the set itself. Cost follows the edits whose
        own missing id arrived since the last call, not the size of the room.
        """
        moved = self._unblock(clocks)
        if not moved:
            return []
        able = {revision for revision in self._held if revision not in self._blocked}
        while True:
            brought = IdSet()
            for revision in able:
                for client, clock, length in self._held[revision].brings:
                    brought.add(client, clock, length)
            stuck = {
                revision
                for revision in able
                if any(not _covered(need, clocks, brought) for need in self._held[revision].needs)
            }
            if not stuck:
                break
            able -= stuck
        out = [self._held.pop(revision) for revision in sorted(able)]
        if out:
            self._brought = IdSet()
            for entry in self._held.values():
                for client, clock, length in entry.brings:
                    self._brought.add(client, clock, length)
        return out

    def _arrived(self, need: IdRange, clocks: Mapping[int, int]) -> bool:
        return _covered(need, clocks, self._brought)

    def _unblock(self, clocks: Mapping[int, int]) -> bool:
        """Re-examine edits whose recorded missing id has arrived; True if one of them misses nothing any more."""
        moved = False
        for client in list(self._blocked_on):
            revisions = self._blocked_on[client]
            for revision in list(revisions):
                need = self._blocked[revision]
                if client != -1 and not self._arrived(need, clocks):
                    continue
                revisions.discard(revision)
                still = next((n for n in self._held[revision].needs if not self._arrived(n, clocks)), None)
                if still is None:
                    del self._blocked[revision]
                    moved = True
                else:
                    self._blocked[revision] = still
                    self._blocked_on[still[0]].add(revision)
            if not revisions:
                del self._blocked_on[client]
        return moved


def _covered(need: IdRange, clocks: Mapping[int, int], brought: IdSet) -> bool:
    """True if every id of *need* is applied (below *clocks*) or in *brought*."""
    client, clock, length = need
    applied = clocks.get(client, 0)
    if applied >= clock + length:
        return True
    start = max(clock, applied)
    return brought.covers(client, start, clock + length - start)
