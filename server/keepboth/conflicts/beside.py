"""Collisions that need no walk through a sequence: over keys, in what somebody removed, over formats.

Each is a function of two edits and one line; what is done here is to find, for an edit that is looked at, the edits
that it can have collided with: those who wrote the same key, removed what it was made inside or edited inside what it
removed, formatted or deleted what it formatted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from keepboth.conflicts.episodes import Clusters, Spot
from keepboth.conflicts.formats import painted_by, spread_of
from keepboth.conflicts.kinds import FORMAT, FORMAT_IN_DELETED, IN_REMOVED_SUBTREE, MAP_KEY
from keepboth.conflicts.nesting import holders, lines_edited_inside
from keepboth.conflicts.places import format_place, key_place, type_place, writes
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke, parted
from keepboth.yjs.structs import TYPE, Id

Join = Callable[[Stroke, Stroke, Sequence[Spot], int, Id, Id], None]
"""Make one of the clusters of some spots of two edits, which met in these ways from the first to the last id."""


class Beside:
    """What an edit, from its *nth* event on, has to do with those its author had not seen. ``steps``: work done."""

    __slots__ = ("_clusters", "_join", "_nth", "_removed", "_shadow", "_stroke", "_unseen", "_whole", "steps")

    def __init__(
        self, clusters: Clusters, stroke: Stroke, nth: int, unseen: list[tuple[Session, int]], join: Join, whole: bool
    ) -> None:
        """*whole*: join every pair, also where nothing is to be learnt."""
        self._clusters = clusters
        self._shadow: Shadow = clusters.shadow
        self._stroke = stroke
        self._nth = nth
        self._unseen = unseen
        self._join = join
        self._whole = whole
        self._removed: set[tuple[Run, Stroke]] = set()
        self.steps = 0

    def detect(self) -> None:
        stroke = self._stroke
        if stroke.wrote:
            for line, runs in writes(self._shadow, stroke).items():
                if line.key is not None:
                    self._key(line, runs)
        if self._shadow.below:
            if stroke.inside is not None:
                self._inside_removed()
            self._removed_by()
        if self._shadow.formatted:
            self._formats()

    def _apart(self, other: Stroke) -> bool:
        stroke = self._stroke
        return other.session is not stroke.session and not stroke.knows(other) and other.cut(stroke) <= self._nth

    def _writers(self, line: Line, teaches: int = 0) -> Iterator[Stroke]:
        """Those who wrote the key *line* (in a sequence: touched formats) apart from the stroke; without those with
        whom it has met there already, unless meeting in the ways *teaches* may be news."""
        if line.writers is None:
            return
        floor = self._stroke.floor
        for session, _ in self._unseen:
            for other in reversed(line.writers.get(session, ())):
                self.steps += 1
                if other.last_eff <= floor and session.ordered:
                    break
                if not (teaches and self._met(line, other, teaches)) and self._apart(other):
                    yield other

    def _met(self, line: Line, other: Stroke, kinds: int) -> bool:
        mine, theirs = self._stroke.places, other.places
        if mine is None or theirs is None:
            return False
        one, another = mine.get((line, None)), theirs.get((line, None))
        return one is not None and another is not None and self._known((one, another), kinds)

    def _known(self, spots: Sequence[Spot], kinds: int) -> bool:
        """True if uniting *spots* teaches nothing."""
        cluster = spots[0].cluster
        return (
            not self._whole
            and cluster is not None
            and cluster.certain
            and not kinds & ~cluster.kinds
            and all(spot.cluster is cluster for spot in spots)
        )

    # -- keys ------------------------------------------------------------------------------------------------------

    def _key(self, line: Line, runs: list[Run]) -> None:
        stroke = self._stroke
        for other in self._writers(line, MAP_KEY):
            spots = [key_place(self._clusters, one, line, 0, runs[0]) for one in (stroke, other)]
            if not self._known(spots, MAP_KEY):
                both = [*runs, *writes(self._shadow, other)[line]]
                first = min(both, key=lambda run: run.order)
                last = max(both, key=lambda run: run.order)
                ends = (first.client, first.clock), (last.client, last.end - 1)
                self._join(stroke, other, spots, MAP_KEY, *ends)

    # -- removed types ---------------------------------------------------------------------------------------------

    def _inside_removed(self) -> None:
        """Meet those who removed what the stroke was made inside."""
        stroke = self._stroke
        met: set[Run] = set()
        for line in lines_edited_inside(stroke):
            for holder in holders(line):
                self.steps += 1
                if holder in met:
                    break
                met.add(holder)
                if stroke.knows(holder.stroke):
                    for other in self._removers(holder):
                        self._meet_inside(other, stroke, holder, self._nth)

    def _removers(self, holder: Run) -> Iterator[Stroke]:
        line = holder.line
        assert line is not None
        for other in holder.acts():
            if self._apart(other):
                yield other
        if line.key is not None and holder.right is not None:
            for other in self._writers(line, IN_REMOVED_SUBTREE):
                runs = writes(self._shadow, other)[line]
                if any(run.stroke is other and run.order > holder.order for run in runs):
                    yield other

    def _removed_by(self) -> None:
        """Meet those who edited inside what the stroke removed."""
        for holder in self._types_removed():
            for other in self._editors(holder):
                self._meet_inside(self._stroke, other, holder, self._stroke.cut(other))

    def _types_removed(self) -> dict[Run, None]:
        stroke = self._stroke
        found = {run: None for run in self._shadow.runs(stroke.dels) if run.kind == TYPE}
        if stroke.wrote:
            for line, runs in writes(self._shadow, stroke).items():
                if line.key is None or line.types is None:
                    continue
                found.update((run, None) for run in runs if run.kind == TYPE and run.stroke is not stroke)
                last = max((run.order for run in runs if run.stroke is stroke), default=None)
                if last is not None and line.inner > stroke.floor:
                    found.update((run, None) for run in line.types if run.order < last)
        return found

    def _editors(self, holder: Run) -> Iterator[Stroke]:
        """Those who edited inside a type apart from the stroke, and knew it."""
        stroke = self._stroke
        seen: set[Stroke] = set()
        todo = [holder]
        while todo:
            for line in self._shadow.below.get(todo.pop(), ()):
                if line.inner > stroke.floor and line.types is not None:
                    todo += line.types
                if line.eff <= stroke.floor:
                    continue
                for run in line.runs():
                    self.steps += 1
                    for other in (run.stroke, *run.acts()):
                        if other.last_eff > stroke.floor and other not in seen:
                            seen.add(other)
                            if parted(stroke, other) and other.knows(holder.stroke):
                                yield other

    def _meet_inside(self, remover: Stroke, editor: Stroke, holder: Run, nth: int) -> None:
        pair = (holder, editor if remover is self._stroke else remover)
        if pair in self._removed:
            return
        self._removed.add(pair)
        line = holder.line
        assert line is not None
        if line.key is not None:
            spot = key_place(self._clusters, remover, line, 0, holder)
        else:
            spot = self._clusters.spot(remover, holder, 0)
        spots = [spot, type_place(self._clusters, editor, holder, nth)]
        if not self._known(spots, IN_REMOVED_SUBTREE):
            item = (holder.client, holder.clock)
            self._join(remover, editor, spots, IN_REMOVED_SUBTREE, item, item)

    # -- formats ---------------------------------------------------------------------------------------------------

    def _formats(self) -> None:
        stroke = self._stroke
        partners: dict[tuple[Line, Stroke], None] = {}
        lines = {run.line: None for run in self._shadow.runs(stroke.dels)}
        if stroke.wrote:
            painted = painted_by(self._shadow.runs, stroke)
            lines.update((line, None) for line in painted)
            for line, stretches in painted.items():
                for parts in stretches.values():
                    for part in parts:
                        partners.update(((line, other), None) for other in self._deleters(part.after, part.until))
        for where in lines:
            if where is not None and where.key is None:
                partners.update(((where, other), None) for other in self._writers(where))
        for line, other in partners:
            self._meet_format(line, other)

    def _deleters(self, after: Run, until: Run | None) -> Iterator[Stroke]:
        """Those who deleted something between two items apart from the stroke."""
        run = after.right
        while run is not None and run is not until:
            self.steps += 1
            for other in run.acts():
                if other.last_eff > self._stroke.floor and self._apart(other):
                    yield other
            run = run.right

    def _meet_format(self, line: Line, other: Stroke) -> None:
        stroke = self._stroke
        self.steps += 1
        spread = spread_of(self._shadow.runs, stroke, other, line)
        if spread is None:
            return
        spots: dict[Spot, None] = {}
        for one, painted, deleted in zip((stroke, other), spread.painted, spread.deleted, strict=True):
            if painted:
                spots[format_place(self._clusters, one, line, spread.first, spread.last)] = None
            for run in deleted:
                spots[self._clusters.spot(one, run, 0)] = None
        kinds = (FORMAT if spread.clash else 0) | (FORMAT_IN_DELETED if any(spread.deleted) else 0)
        self._join(stroke, other, list(spots), kinds, spread.first, spread.last)
