"""The whole course of a document at a glance: how much who wrote when, who was away, where one thing ended.

Made from a `Chronicle` alone. Along the axis run, half and half, *working time* and the events: the time between
events, a pause longer than some seconds counting as so many, so that nights do not crowd out the days; and the same for
every event, so that what came at one moment can still be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, NamedTuple, TypeVar, cast

from keepboth.events import Micros
from keepboth.history.chronicle import Chronicle
from keepboth.history.groups import Group, groups

Axis = Literal["arrived", "written"]
"""By when events were recorded, in the order of the log; or by when they were authored."""

MAX_AUTHORS: Final = 12
"""Authors with a row of their own; all others share one."""

Memo = TypeVar("Memo")


class Author(NamedTuple):
    """One author's edits: how many in each bucket. ``actor`` is None for all who have no row of their own."""

    actor: str | None
    edits: int
    counts: list[int]


class Density(NamedTuple):
    """Edits in buckets, each of the same length on the axis.

    ``revisions``: the last revision within or before each bucket (empty on the axis `written`, which has another
    order). ``times``: when the last event within or before each bucket was. ``worked``: working time up to it.
    ``everybody``: all authors, most edits first.
    """

    revisions: list[int]
    times: list[Micros]
    worked: list[Micros]
    authors: list[Author]
    everybody: list[str]


class Stretch(NamedTuple):
    """What one session wrote at one go while it was away: edits ``first`` to ``last``, others' may lie between."""

    id: str
    actor: str
    session: str | None
    first: int
    last: int
    edits: int
    written_first: Micros
    written_last: Micros
    arrived_at: Micros


def density(chronicle: Chronicle, until: int, axis: Axis, buckets: int, pause_us: Micros) -> Density:
    """How much who wrote when, up to revision *until*. About 1 µs an event, once."""
    key = ("density", until, axis, buckets, pause_us)
    return _kept(chronicle, key, lambda: _density(chronicle, until, axis, buckets, pause_us))


def stretches(chronicle: Chronicle, until: int) -> list[Stretch]:
    """Every offline stretch that has arrived by revision *until*, by first revision."""
    found: dict[str, Stretch] = {}
    for revision, id in chronicle.returns.items():
        if revision > until:
            break
        actor, session, written = chronicle.who(revision)
        known = found.get(id)
        if known is None:
            arrived = chronicle.recorded[revision - 1]
            found[id] = Stretch(id, actor, session, revision, revision, 1, written, written, arrived)
        else:
            found[id] = known._replace(
                last=revision,
                edits=known.edits + 1,
                written_first=min(known.written_first, written),
                written_last=max(known.written_last, written),
            )
    return list(found.values())


def told_groups(chronicle: Chronicle, until: int) -> list[Group]:
    """The groups that history tells, by last revision."""
    return _kept(chronicle, ("groups", until), lambda: groups(chronicle, until))


def _kept(chronicle: Chronicle, key: object, make: Callable[[], Memo]) -> Memo:
    memo = chronicle.memo
    if key not in memo:
        if len(memo) > 8:
            memo.clear()
        memo[key] = make()
    return cast(Memo, memo[key])


def _density(chronicle: Chronicle, until: int, axis: Axis, buckets: int, pause_us: Micros) -> Density:
    times: Sequence[Micros] = chronicle.recorded if axis == "arrived" else chronicle.authored
    order: Sequence[int] = range(until)
    if axis == "written":
        order = sorted(order, key=times.__getitem__)
    worked: list[Micros] = []
    working = 0
    before: Micros | None = None
    for at in order:
        now = times[at]
        if before is not None:
            working += min(now - before, pause_us)
        before = now
        worked.append(working)
    share = buckets / 2 / max(working, 1)
    every = buckets / (2 if working else 1) / max(until, 1)
    others = chronicle.others
    counted: dict[int, list[int]] = {}
    last: list[tuple[int, Micros, Micros]] = [(0, 0, 0)] * buckets
    for number, (at, done) in enumerate(zip(order, worked, strict=True)):
        bucket = min(int(done * share + number * every), buckets - 1)
        last[bucket] = (at + 1, times[at], done)
        if at + 1 not in others:
            actor = chronicle.actors[at]
            counts = counted.get(actor)
            if counts is None:
                counts = counted[actor] = [0] * buckets
            counts[bucket] += 1
    for bucket in range(1, buckets):
        if last[bucket][0] == 0:
            last[bucket] = last[bucket - 1]
    revisions, ends, done_by = (list(column) for column in zip(*last, strict=True))
    found = [Author(chronicle.names[actor], sum(counts), counts) for actor, counts in counted.items()]
    found.sort(key=lambda one: (-one.edits, one.actor or ""))
    everybody = [one.actor or "" for one in found]
    return Density([] if axis == "written" else revisions, ends, done_by, _rows(found), everybody)


def _rows(found: list[Author]) -> list[Author]:
    """At most `MAX_AUTHORS`, the last of them for all who are left."""
    if len(found) <= MAX_AUTHORS:
        return found
    rest = found[MAX_AUTHORS - 1 :]
    shared = [sum(column) for column in zip(*(one.counts for one in rest), strict=True)]
    return [*found[: MAX_AUTHORS - 1], Author(None, sum(shared), shared)]
