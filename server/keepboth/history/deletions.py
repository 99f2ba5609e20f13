"""What was deleted: by whom, when, what it was, and who had written it. Read from the log, where nothing is lost.

Deleting a paragraph is one deletion of the paragraph, not of its letters; a value of a key that another took the place
of counts as deleted by whoever set that. Deletions of one person side by side, without a long pause, are told as one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from keepboth.conflicts.rendering import joined, shown
from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.screens import Screen
from keepboth.events import Micros
from keepboth.history.blame import Path
from keepboth.history.changes import path_of
from keepboth.history.groups import GAP_US
from keepboth.history.lineage import Lineage, up_to

STEPS: Final = 200
"""Runs between two deleted ones that are looked at to see whether they lie side by side."""


class Deleted(NamedTuple):
    """Content that went, ``low`` to before ``high`` of a run, by the event at ``revision``; ``also``: the
    revisions of others who deleted it, too."""

    run: Run
    low: int
    high: int
    revision: int
    effective: int
    replaced: bool
    also: tuple[int, ...]


class Deletion(NamedTuple):
    """What one actor deleted side by side. ``text``: what it was. ``authors``: the actors who had written it.

    ``first_revision`` to ``last_revision``: the deleting events; ``written``: the first and the last of those that had
    brought it. ``replaced``: another value was put under the key. ``also``: other actors who deleted some of it, too.
    """

    path: Path
    key: str | None
    text: str
    actor: str
    session: str | None
    first_revision: int
    last_revision: int
    first_at: Micros
    last_at: Micros
    authors: tuple[str, ...]
    written: tuple[int, int]
    replaced: bool
    also: tuple[str, ...]


def deleted(lineage: Lineage, shows: Screen) -> Iterator[Deleted]:
    """Everything that came and went again on a screen, by line, in document order."""
    for line in lineage.items.lines():
        for run in line.runs():
            if run.mute or not shows(run.stroke):
                continue
            going = _going(line, run, shows)
            if going is None or _gone_before(line, going, shows):
                continue
            nth = shows(run.stroke)
            high = run.end if nth == run.stroke.count else min(run.end, run.stroke.clock_at(nth))
            if high > run.clock:
                also = tuple(stroke.rev for stroke in run.deleters or () if stroke.rev != going[1] and shows(stroke))
                yield Deleted(run, run.clock, high, going[1], going[0], going[2], also)


def _going(line: Line, run: Run, shows: Screen) -> tuple[int, int, bool] | None:
    """(effective revision, revision, replaced) of the first event that took *run* away, None if nothing did."""
    found = [(stroke.eff, stroke.rev, False) for stroke in run.deleters or () if shows(stroke)]
    if line.key is not None:
        later = run.right
        while later is not None:
            if shows(later.stroke):
                found.append((max(later.stroke.eff, run.stroke.eff), later.stroke.rev, True))
            later = later.right
        # Setting a key deletes what was there, in one event: that is a replacement.
        replacing = {revision for _, revision, replaced in found if replaced}
        found = [one for one in found if one[2] or one[1] not in replacing]
    return min(found) if found else None


def _gone_before(line: Line, going: tuple[int, int, bool], shows: Screen) -> bool:
    """True if what *line* lies in had gone by then: then this went with it."""
    holder = line.holder
    while holder is not None:
        outer = holder.line
        assert outer is not None
        gone = _going(outer, holder, shows)
        if gone is not None and gone[:1] <= going[:1]:
            return True
        holder = outer.holder
    return False


def deletions(
    lineage: Lineage,
    shows: Screen,
    *,
    actor: str | None = None,
    since: Micros | None = None,
    before: Micros | None = None,
    text: str = "",
    gap_us: Micros = GAP_US,
    own: bool = True,
) -> list[Deletion]:
    """The deletions on a screen, the newest first.

    Filters: who deleted; authored at *since* or later, before *before*; *text* occurs in it, in any case. ``own`` False
    leaves out what its own author deleted. Cost: a few µs for everything ever deleted.
    """
    found: list[Deletion] = []
    for parts in _joined(lineage, deleted(lineage, shows), gap_us):
        first = lineage.origin(min(part.revision for part in parts))
        if actor is not None and first.actor != actor:
            continue
        last = lineage.origin(max(part.revision for part in parts))
        if (since is not None and last.authored_at < since) or (before is not None and first.authored_at >= before):
            continue
        by = sorted({_author(lineage, part) for part in parts})
        if not own and by == [first.actor]:
            continue
        line = parts[0].run.line
        assert line is not None
        was = up_to(min(part.effective for part in parts) - 1)
        content = joined(_content(lineage, part, was) for part in parts)
        if text and text.casefold() not in content.casefold():
            continue
        ends = [(part.run.stroke, clock) for part in parts for clock in (part.low, part.high - 1)]
        written = [stroke.rev_at(stroke.nth_of(clock)) for stroke, clock in ends]
        found.append(
            Deletion(
                path_of(line, was),
                line.key,
                text_of(content),
                first.actor,
                first.session,
                first.revision,
                last.revision,
                min(first.authored_at, last.authored_at),
                max(first.authored_at, last.authored_at),
                tuple(by),
                (min(written), max(written)),
                any(part.replaced for part in parts),
                tuple(sorted({lineage.origin(one).actor for part in parts for one in part.also} - {first.actor})),
            )
        )
    found.sort(key=lambda one: (-one.last_revision, -one.first_revision, one.path))
    return found


def _content(lineage: Lineage, part: Deleted, was: Screen) -> tuple[bool, str]:
    run = part.run
    if isinstance(run.content, str):
        return False, run.content[part.low - run.clock : part.high - run.clock]
    return shown(lineage.items, run, part.low, part.high, was)


def _author(lineage: Lineage, part: Deleted) -> str:
    return lineage.origin(part.run.stroke.rev).actor


def _joined(lineage: Lineage, parts: Iterator[Deleted], gap_us: Micros) -> Iterator[list[Deleted]]:
    """Neighbours in a line that one session deleted without a long pause."""
    row: list[Deleted] = []
    for part in parts:
        if row and not _together(lineage, row, part, gap_us):
            yield row
            row = []
        row.append(part)
    if row:
        yield row


def _together(lineage: Lineage, row: list[Deleted], part: Deleted, gap_us: Micros) -> bool:
    last = row[-1]
    if last.run.line is not part.run.line or part.run.line is None or part.run.line.key is not None:
        return False
    one, other = lineage.origin(last.revision), lineage.origin(part.revision)
    if (one.actor, one.session) != (other.actor, other.session) or abs(one.authored_at - other.authored_at) > gap_us:
        return False
    return _side_by_side(last, part)


def _side_by_side(last: Deleted, part: Deleted) -> bool:
    """True if nothing was shown between them when the later of the two went."""
    if last.run is part.run:
        return True
    if last.high != last.run.end:
        return False
    shows = up_to(max(last.effective, part.effective))
    at = last.run.right
    for _ in range(STEPS):
        if at is part.run:
            return True
        if at is None or (not at.mute and _shows(at, shows)):
            return False
        at = at.right
    return False


def _shows(run: Run, shows: Screen) -> bool:
    return bool(shows(run.stroke)) and not any(shows(other) for other in run.deleters or ())
