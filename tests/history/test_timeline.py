"""The course of a document at a glance agrees with the log that it is made from."""

from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from keepboth.history.chronicle import Chronicle, Chronicles
from keepboth.history.groups import groups
from keepboth.history.lineage import Lineages
from keepboth.history.timeline import MAX_AUTHORS, Axis, Density, density, stretches, told_groups
from keepboth.store.memory import MemoryStore
from tests.history.sessions import DOCUMENT, record
from tests.store.making import Clock, append, decision, edit

PAUSE_US = 400
AXES: tuple[Axis, ...] = ("arrived", "written")


def told(seed: int) -> tuple[MemoryStore, Chronicle]:
    clock = Clock()
    store = MemoryStore(now=clock)
    record(store, seed, clock)
    row = store.document(DOCUMENT)
    assert row is not None
    return store, Chronicles(store).at_least(DOCUMENT, row.revision)


def slowly(store: MemoryStore, axis: Axis, buckets: int) -> tuple[list[Counter[str]], list[int]]:
    """Edits by author in each bucket, and the last revision within or before it: by the words of the definition."""
    lines = store.lines(DOCUMENT, limit=10_000)
    if axis == "written":
        lines = sorted(lines, key=lambda line: (line.authored_at, line.revision))
    times = [line.recorded_at if axis == "arrived" else line.authored_at for line in lines]
    steps = [min(later - earlier, PAUSE_US) for earlier, later in pairwise(times)]
    worked = [sum(steps[:number]) for number in range(len(lines))]
    places = [done / worked[-1] / 2 + number / len(lines) / 2 for number, done in enumerate(worked)]
    counts = [Counter[str]() for _ in range(buckets)]
    last = [0] * buckets
    for line, place in zip(lines, places, strict=True):
        bucket = int(place * buckets + 1e-9)
        last[bucket] = line.revision
        if line.type == "edit.recorded":
            counts[bucket][line.actor] += 1
    for bucket in range(1, buckets):
        last[bucket] = last[bucket] or last[bucket - 1]
    return counts, last


def by_bucket(found: Density, buckets: int) -> list[Counter[str]]:
    return [
        Counter({one.actor or "": one.counts[bucket] for one in found.authors if one.counts[bucket]})
        for bucket in range(buckets)
    ]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("seed", range(12))
def test_buckets_hold_what_the_log_holds(seed: int, axis: Axis) -> None:
    store, chronicle = told(seed)
    found = density(chronicle, chronicle.revision, axis, 7, PAUSE_US)
    counts, last = slowly(store, axis, 7)
    assert by_bucket(found, 7) == counts
    assert found.revisions == (last if axis == "arrived" else [])
    assert found.times == sorted(found.times)
    assert found.worked == sorted(found.worked)


@pytest.mark.parametrize("seed", range(12))
def test_every_prefix_is_the_course_of_a_shorter_log(seed: int) -> None:
    """A chronicle that has grown answers for an earlier revision as one that ended there."""
    store, chronicle = told(seed)
    half = chronicle.revision // 2
    short = Chronicles(store).at_least(DOCUMENT, half)
    assert short.revision == half
    for axis in AXES:
        assert density(chronicle, half, axis, 9, PAUSE_US) == density(short, half, axis, 9, PAUSE_US)
    assert told_groups(chronicle, half) == told_groups(short, half)


@pytest.mark.parametrize("seed", range(12))
def test_groups_are_those_of_history(seed: int) -> None:
    store, chronicle = told(seed)
    lineage = Lineages(store).at_least(DOCUMENT, chronicle.revision)
    assert told_groups(chronicle, chronicle.revision) == groups(lineage, chronicle.revision)


def test_a_night_takes_no_more_room_than_a_pause() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    for number, now in enumerate((0, 100, 200, 50_000_000, 50_000_100)):
        clock.now = 1_000 + now
        append(store, DOCUMENT, edit(b"%d" % number, session="ann"))
    chronicle = Chronicles(store).at_least(DOCUMENT, 5)
    found = density(chronicle, 5, "arrived", 10, 100)
    assert found.worked[-1] == 400
    assert found.revisions == [1, 1, 2, 2, 3, 3, 4, 4, 4, 5]


def test_one_moment_is_told_apart_by_its_events() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    for number in range(4):
        append(store, DOCUMENT, edit(b"%d" % number, session="ann"))
    chronicle = Chronicles(store).at_least(DOCUMENT, 4)
    assert density(chronicle, 4, "arrived", 4, 100).revisions == [1, 2, 3, 4]


def test_many_authors_share_one_row() -> None:
    store = MemoryStore(now=Clock())
    for number in range(MAX_AUTHORS + 5):
        for again in range(1 + number % 2):
            append(store, DOCUMENT, edit(b"%d" % (number * 2 + again), actor=f"user:{number:02}", session=f"s{number}"))
    last = store.lines(DOCUMENT, limit=1000)[-1].revision
    chronicle = Chronicles(store).at_least(DOCUMENT, last)
    found = density(chronicle, last, "arrived", 5, 100)
    assert len(found.authors) == MAX_AUTHORS
    assert found.authors[-1].actor is None
    assert sorted(found.everybody) == [f"user:{number:02}" for number in range(MAX_AUTHORS + 5)]
    assert sum(one.edits for one in found.authors) == last
    assert all(sum(one.counts) == one.edits for one in found.authors)


def test_a_chronicle_grows_with_the_log_and_forgets_another_log() -> None:
    store = MemoryStore(now=Clock())
    chronicles = Chronicles(store)
    append(store, DOCUMENT, edit(b"1", session="ann"))
    first = chronicles.at_least(DOCUMENT, 1)
    append(store, DOCUMENT, decision())
    grown = chronicles.at_least(DOCUMENT, 2)
    assert grown is first
    assert list(grown.others) == [2]
    grown.document_hash = b"of another log"
    assert chronicles.at_least(DOCUMENT, 2) is not first


def test_what_came_back_is_one_stretch() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    clock.now = 1_000
    append(store, DOCUMENT, edit(b"1", session="bob", actor="user:bob"))
    for number, authored in ((2, 500), (4, 700)):
        append(
            store,
            DOCUMENT,
            edit(
                b"%d" % number,
                session="ann",
                actor="user:ann",
                authored_at=authored,
                time_quality="claimed",
                correlation_id="away:ann:9",
            ),
        )
        append(store, DOCUMENT, edit(b"%d" % (number + 1), session="bob", actor="user:bob"))
    chronicle = Chronicles(store).at_least(DOCUMENT, 5)
    (one,) = stretches(chronicle, 5)
    assert (one.actor, one.first, one.last, one.edits) == ("user:ann", 2, 4, 2)
    assert (one.written_first, one.written_last, one.arrived_at) == (500, 700, chronicle.recorded[1])
    assert stretches(chronicle, 1) == []


def test_no_event_is_no_edit() -> None:
    store = MemoryStore(now=Clock())
    append(store, DOCUMENT, decision())
    chronicle = Chronicles(store).at_least(DOCUMENT, 1)
    found = density(chronicle, 1, "arrived", 3, 100)
    assert found.authors == []
    assert found.revisions == [1, 1, 1]
    assert json.loads(json.dumps(found.times)) == found.times
