"""A document's history as people tell it: what one person did in one go, in order, with decisions in between.

A *group* is the edits of one session without a pause longer than the gap; what was written offline is one of its own.
Several people who write at the same time have groups that overlap; a named version ends all that are open, so that each
lies on one side of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from keepboth.conflicts.runs import Run
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.strokes import Stroke
from keepboth.events import VERSION_NAMED, Micros
from keepboth.history.changes import Difference, differences
from keepboth.history.lineage import Lineage, up_to

GAP_US: Final = 60_000_000
"""A longer pause begins a new group."""


@dataclass(frozen=True, slots=True)
class Group:
    """Edits of one session, in revision order; others' may lie in between. Times are those of authoring."""

    actor: str
    session: str | None
    first_revision: int
    last_revision: int
    first_at: Micros
    last_at: Micros
    edits: int
    stretch: str | None = None
    """What ties the edits of one offline stretch together (their correlation id); None: written while connected."""


class Course(Protocol):
    """The events of a document in order, as far as groups depend on them: a lineage, or a chronicle."""

    @property
    def revision(self) -> int:
        """The last event's."""

    @property
    def others(self) -> dict[int, str]:
        """The events that are no edits: revision -> type, ascending."""

    def who(self, revision: int) -> tuple[str, str | None, Micros]:
        """(actor, session, when authored)."""

    def stretch(self, revision: int) -> str | None:
        """The offline stretch that an edit was written in, if it was."""


class GroupChanges(NamedTuple):
    """What a group did: the places it changed (the first of them), how many more there are, and how many UTF-16 units
    or elements of its own it left and of others' it took away."""

    differences: list[Difference]
    more: int
    inserted: int
    deleted: int


def groups(
    course: Course, until: int, gap_us: Micros = GAP_US, holds: Callable[[int], bool] | None = None
) -> list[Group]:
    """The groups up to revision *until*, by last revision; of the edits that *holds* says yes to, if it is given."""
    borders = [revision for revision, type in course.others.items() if type == VERSION_NAMED]
    decided = course.others
    open_groups: dict[tuple[str, str | None], list[int]] = {}
    found: list[Group] = []

    def close(key: tuple[str, str | None]) -> None:
        first, last, first_at, last_at, edits = open_groups.pop(key)
        found.append(Group(key[0], key[1], first, last, first_at, last_at, edits, course.stretch(first)))

    border = borders.pop(0) if borders else None
    for revision in range(1, min(until, course.revision) + 1):
        if border is not None and revision >= border:
            for key in list(open_groups):
                close(key)
            border = borders.pop(0) if borders else None
        if revision in decided or (holds is not None and not holds(revision)):
            continue
        actor, session, at = course.who(revision)
        held = open_groups.get((actor, session))
        together = held is not None and course.stretch(held[0]) == course.stretch(revision)
        if held is not None and together and abs(at - held[3]) <= gap_us:
            held[1], held[3] = revision, at
            held[2] = min(held[2], at)
            held[4] += 1
            continue
        if held is not None:
            close((actor, session))
        open_groups[actor, session] = [revision, revision, at, at, 1]
    for key in list(open_groups):
        close(key)
    found.sort(key=lambda group: group.last_revision)
    return found


def strokes_of(lineage: Lineage, group: Group) -> Iterator[Stroke]:
    """The strokes that hold edits of *group*, by first revision."""
    seen: set[Stroke] = set()
    for revision in range(group.first_revision, group.last_revision + 1):
        stroke = lineage.stroke(revision)
        if stroke is None or stroke in seen:
            continue
        if lineage.who(revision)[:2] == (group.actor, group.session):
            seen.add(stroke)
            yield stroke


def changes_of(lineage: Lineage, group: Group, hidden: Collection[int] = (), limit: int = 5) -> GroupChanges:
    """What *group* did, as the document showed it after the group's last edit. At most *limit* places are read.

    *hidden*: edits that the fold sets aside. Cost follows the group.
    """
    strokes = [stroke for stroke in strokes_of(lineage, group) if stroke.rev not in hidden]
    mine = {stroke: _span(stroke, group) for stroke in strokes}
    reach = max((stroke.last_eff for stroke in strokes if stroke.last_rev <= group.last_revision), default=0)
    everything = up_to(max(group.last_revision, reach))

    def after(stroke: Stroke) -> int:
        span = mine.get(stroke)
        if span is not None:
            return span[1]
        return 0 if hidden and stroke.rev in hidden else everything(stroke)

    def before(stroke: Stroke) -> int:
        span = mine.get(stroke)
        return after(stroke) if span is None else span[0]

    touched = list(_touched(lineage, mine))
    inserted, deleted = _amounts(touched, before, after)
    found: list[Difference] = []
    more = 0
    for difference in differences(lineage.items, touched, before, after):
        if len(found) < limit:
            found.append(difference)
        else:
            more += 1
    return GroupChanges(found, more, inserted, deleted)


def _span(stroke: Stroke, group: Group) -> tuple[int, int]:
    """Which of a stroke's events belong to the group: from the first number to before the second."""
    if stroke.revs is None:
        return 0, 1
    return bisect_left(stroke.revs, group.first_revision), bisect_right(stroke.revs, group.last_revision)


def _touched(lineage: Lineage, mine: dict[Stroke, tuple[int, int]]) -> Iterator[Run]:
    """The runs that a group inserted or deleted something of, each once."""
    seen: set[int] = set()
    for stroke, (first, end) in mine.items():
        ranges = stroke.dels
        if stroke.clocks is None:
            ranges += stroke.ins
        elif first < end:
            client, clock, size = stroke.ins
            low = stroke.clock_at(first)
            high = stroke.clock_at(end) if end < stroke.count else clock + size
            ranges += (client, low, high - low)
        for run in lineage.items.runs(ranges):
            if id(run) not in seen:
                seen.add(id(run))
                yield run


def _amounts(touched: list[Run], before: Screen, after: Screen) -> tuple[int, int]:
    inserted = deleted = 0
    for run in touched:
        if run.mute or run.line is None:
            continue
        old, new = (_shown(run, shows) for shows in (before, after))
        inserted += max(new - old, 0)
        deleted += max(old - new, 0)
    return inserted, deleted


def _shown(run: Run, shows: Screen) -> int:
    nth = shows(run.stroke)
    if nth == 0 or any(shows(other) for other in run.deleters or ()):
        return 0
    return run.length if nth == run.stroke.count else max(0, min(run.end, run.stroke.clock_at(nth)) - run.clock)
