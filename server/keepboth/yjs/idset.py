"""`IdSet`: a set of ids, kept as ranges of clocks.

Per client it keeps one flat sorted list of boundaries ``[start, end, start, end, ...]`` of half-open ranges that
neither overlap nor touch. How many boundaries lie at or before a clock says whether the clock is in the set: odd is
inside. So membership is one bisection, and adding or removing a range replaces the boundaries it spans.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence

from keepboth.yjs.structs import SKIP, Range, Update


class IdSet:
    """A mutable set of ids ``(client, clock)``. Equal when they hold the same ids, in whatever order they came."""

    __slots__ = ("_bounds",)

    def __init__(self, ranges: Mapping[int, Sequence[Range]] | None = None) -> None:
        """Hold the given ``{client: [(clock, length), ...]}``, which may overlap and be in any order."""
        self._bounds: dict[int, list[int]] = {}
        if ranges:
            for client, of_client in ranges.items():
                for clock, length in of_client:
                    self.add(client, clock, length)

    def add(self, client: int, clock: int, length: int) -> None:
        """Put in *length* ids from *clock* on; amortised O(1) at the end of a client's last range."""
        if length < 1:
            return
        bounds = self._bounds.get(client)
        if bounds is None:
            self._bounds[client] = [clock, clock + length]
            return
        last = bounds[-1]
        if clock == last:
            bounds[-1] = clock + length
        elif clock > last:
            bounds += (clock, clock + length)
        else:
            end = clock + length
            low = bisect_left(bounds, clock)
            high = bisect_right(bounds, end)
            edges = [] if low & 1 else [clock]
            if not high & 1:
                edges.append(end)
            bounds[low:high] = edges

    def remove(self, client: int, clock: int, length: int) -> None:
        """Take out *length* ids from *clock* on, as far as they are in."""
        bounds = self._bounds.get(client)
        if bounds is None or length < 1:
            return
        end = clock + length
        low = bisect_left(bounds, clock)
        high = bisect_right(bounds, end)
        edges = [clock] if low & 1 else []
        if high & 1:
            edges.append(end)
        bounds[low:high] = edges
        if not bounds:
            del self._bounds[client]

    def add_update_structs(self, update: Update) -> None:
        """Put in every id that *update* brings a struct for; gaps (SKIP) bring none."""
        for client, structs in update.structs.items():
            for struct in structs:
                if struct.kind != SKIP:
                    self.add(client, struct.clock, struct.length)

    def contains(self, client: int, clock: int) -> bool:
        """Return whether the id ``(client, clock)`` is in."""
        bounds = self._bounds.get(client)
        return bounds is not None and bool(bisect_right(bounds, clock) & 1)

    def end(self, client: int) -> int:
        """Return the clock behind the client's last id, 0 if it has none."""
        bounds = self._bounds.get(client)
        return 0 if bounds is None else bounds[-1]

    def covers(self, client: int, clock: int, length: int) -> bool:
        """Return whether all *length* ids from *clock* on are in; True for a length of 0."""
        if length < 1:
            return True
        bounds = self._bounds.get(client)
        if bounds is None:
            return False
        index = bisect_right(bounds, clock)
        return bool(index & 1) and bounds[index] >= clock + length

    def missing(self, client: int, clock: int, length: int) -> list[Range]:
        """Return the ranges among the *length* ids from *clock* on that are not in, in order."""
        end = clock + length
        found: list[Range] = []
        for start, stop in self._overlaps(client, clock, end):
            if start > clock:
                found.append((clock, start - clock))
            clock = stop
        if clock < end:
            found.append((clock, end - clock))
        return found

    def present(self, client: int, clock: int, length: int) -> list[Range]:
        """Return the ranges among the *length* ids from *clock* on that are in, in order."""
        return [(start, stop - start) for start, stop in self._overlaps(client, clock, clock + length)]

    def _overlaps(self, client: int, clock: int, end: int) -> Iterator[tuple[int, int]]:
        """Yield ``(start, stop)`` of what is in between *clock* and *end*."""
        bounds = self._bounds.get(client)
        if bounds is None or clock >= end:
            return
        index = bisect_right(bounds, clock)
        index -= index & 1
        while index < len(bounds) and bounds[index] < end:
            yield max(bounds[index], clock), min(bounds[index + 1], end)
            index += 2

    def clients(self) -> list[int]:
        """Return the clients with at least one id, ascending."""
        return sorted(self._bounds)

    def ranges(self, client: int) -> list[Range]:
        """Return the client's ``(clock, length)`` ranges in order, none touching another."""
        bounds = self._bounds.get(client, ())
        return [(bounds[i], bounds[i + 1] - bounds[i]) for i in range(0, len(bounds), 2)]

    def to_dict(self) -> dict[int, list[Range]]:
        """Return ``{client: [(clock, length), ...]}``, clients ascending; ``IdSet(s.to_dict()) == s``."""
        return {client: self.ranges(client) for client in self.clients()}

    def state_vector(self) -> dict[int, int]:
        """Return per client how many clocks from 0 on are in without a gap, clients without clock 0 left out."""
        return {client: bounds[1] for client, bounds in self._bounds.items() if bounds[0] == 0}

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        """Yield ``(client, clock, length)`` by client, then clock."""
        for client in self.clients():
            for clock, length in self.ranges(client):
                yield client, clock, length

    def count(self) -> int:
        """Return how many ids are in."""
        return sum(length for _, _, length in self)

    def union(self, other: IdSet) -> IdSet:
        """Return a new set of the ids in either; linear in the number of ranges."""
        result = self.copy()
        for client, theirs in other._bounds.items():
            ours = result._bounds.get(client)
            if ours is None:
                result._bounds[client] = theirs.copy()
            else:
                del result._bounds[client]
                for clock, length in sorted(self.ranges(client) + other.ranges(client)):
                    result._extend(client, clock, clock + length)
        return result

    def _extend(self, client: int, start: int, end: int) -> None:
        """Put in a range that starts at or behind the start of the last one."""
        bounds = self._bounds.setdefault(client, [])
        if bounds and start <= bounds[-1]:
            bounds[-1] = max(bounds[-1], end)
        else:
            bounds += (start, end)

    def difference(self, other: IdSet) -> IdSet:
        """Return a new set of the ids in this one and not in *other*."""
        result = IdSet()
        for client, bounds in self._bounds.items():
            if client not in other._bounds:
                result._bounds[client] = bounds.copy()
                continue
            for clock, length in self.ranges(client):
                for start, extent in other.missing(client, clock, length):
                    result._extend(client, start, start + extent)
        return result

    def intersection(self, other: IdSet) -> IdSet:
        """Return a new set of the ids in both."""
        result = IdSet()
        for client in self._bounds.keys() & other._bounds.keys():
            for clock, length in self.ranges(client):
                for start, extent in other.present(client, clock, length):
                    result._extend(client, start, start + extent)
        return result

    def copy(self) -> IdSet:
        """Return an equal set that changes on its own."""
        result = IdSet()
        result._bounds = {client: bounds.copy() for client, bounds in self._bounds.items()}
        return result

    @property
    def is_empty(self) -> bool:
        """True if it holds no id."""
        return not self._bounds

    def __eq__(self, other: object) -> bool:
        return self._bounds == other._bounds if isinstance(other, IdSet) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"IdSet({self.to_dict()})"
