"""The whole course of a document at a glance: how much who wrote when, who was away, where one thing ended.

Made from a `Chronicle` alone. Along the axis run, half and half, *working time* and the events: the time between
events, a pause longer than some seconds counting as so many, so that nights do not crowd out the days; and the same for
every event, so that what came at one moment can still be told apart.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import accumulate
from operator import sub
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
    moments = list(times[:until] if axis == "arrived" else map(times.__getitem__, order))
    steps = map(sub, moments[1:], moments)
    worked = list(accumulate((step if step < pause_us else pause_us for step in steps), initial=0))
    working = worked[until - 1] if until else 0
    share = buckets / 2 / max(working, 1)
    every = buckets / (2 if working else 1) / max(until, 1)

    def bucket_of(number: int) -> int:
        return min(int(worked[number] * share + number * every), buckets - 1)

    edits = array("b", bytes([1])) * until
    for revision in chronicle.others:
        if revision <= until:
            edits[revision - 1] = 0
    actors = [chronicle.actors[at] if edits[at] else -1 for at in order]
    counted: dict[int, list[int]] = {}
    last: list[tuple[int, Micros, Micros]] = [(0, 0, 0)] * buckets
    first = 0
    for bucket in range(buckets):
        end = bisect_left(range(until), bucket + 1, lo=first, key=bucket_of)
        if end > first:
            last[bucket] = (order[end - 1] + 1, moments[end - 1], worked[end - 1])
            for actor, count in Counter(actors[first:end]).items():
                if actor >= 0:
                    counted.setdefault(actor, [0] * buckets)[bucket] += count
        elif bucket:
            last[bucket] = last[bucket - 1]
        first = end
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
