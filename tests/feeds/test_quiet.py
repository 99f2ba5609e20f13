"""``document.quiet``: a burst of typing is told once, whenever and from wherever one asks."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from keepboth.events import DOCUMENT_RENAMED, EDIT_RECORDED, Draft
from keepboth.feeds.pages import read_page
from keepboth.feeds.quiet import GRID_US, LONGEST_US, QUIET_US, Burst
from keepboth.store.base import Append, EventStore
from keepboth.store.choice import DOCUMENT_QUIET, Choice
from keepboth.store.memory import MemoryStore
from tests.feeds.reading import first, sse
from tests.harness import Peer, eventually, run, running

S = 1_000_000
START = 1_000 * GRID_US + 5 * S


class Written(NamedTuple):
    """An event of the test's log."""

    document: str
    at: int
    actor: str
    type: str


class Clock:
    """What time it is in the test."""

    now = START

    def __call__(self) -> int:
        return self.now


def write(store: EventStore, clock: Clock, events: list[Written], first: int = 0) -> None:
    for number, event in enumerate(events, first):
        clock.now = event.at
        draft = Draft(event.type, number.to_bytes(16, "big"), b"{}", actor=event.actor)
        store.append([Append(event.document, [draft])])


def typed(*at_s: float, document: str = "a", actor: str = "ann") -> list[Written]:
    return [Written(document, START + int(at * S), actor, EDIT_RECORDED) for at in at_s]


def told(store: EventStore, now: int, after: int = 0, limit: int = 500, wanted: Choice | None = None) -> list[Burst]:
    """All bursts behind a position."""
    out: list[Burst] = []
    while True:
        page = read_page(store, wanted or Choice(types=(DOCUMENT_QUIET,)), after, now, limit)
        out += [item for item in page.items if isinstance(item, Burst)]
        assert page.cursor >= after
        after = page.cursor
        if not page.more:
            return out


def ends(bursts: list[Burst]) -> list[int]:
    return [burst.last for burst in bursts]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([0, 1, 2, 3], [4]),
        ([0, 1, 2.9, 5, 5.5], [3, 5]),
        ([0, 2], [1, 2]),
        ([number * 0.5 for number in range(120)], [56, 112, 120]),
    ],
    ids=["one burst", "a pause", "exactly two seconds", "a minute without a pause"],
)
def test_bursts_end_with_a_pause_or_when_they_are_long(seconds: list[float], expected: list[int]) -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    write(store, clock, typed(*seconds))
    assert ends(told(store, clock.now + QUIET_US)) == expected


def test_the_last_burst_waits_until_it_is_quiet() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    write(store, clock, typed(0, 1))
    page = read_page(store, Choice(types=(DOCUMENT_QUIET,)), 0, clock.now + QUIET_US - 1)
    assert (page.items, page.cursor, page.more, page.again_us) == ([], 1, False, 1)
    assert ends(told(store, clock.now + QUIET_US)) == [2]


def test_authors_are_those_of_the_burst() -> None:
    clock = Clock()
    store = MemoryStore(now=clock)
    write(store, clock, [*typed(0), *typed(0.5, actor="bob"), *typed(1), *typed(9, actor="cleo")])
    bursts = told(store, clock.now + QUIET_US)
    assert [(one.first, one.last, [actor for actor, _ in one.actors]) for one in bursts] == [
        (1, 3, ["ann", "bob"]),
        (4, 4, ["cleo"]),
    ]
    only = told(store, clock.now + QUIET_US, wanted=Choice(types=(DOCUMENT_QUIET,), actors=("bob",)))
    assert ends(only) == [3]


def random_log(random: Random) -> list[Written]:
    at, out = START + random.randrange(GRID_US), []
    for _ in range(400):
        at += random.choice((0, 1000, 300_000, S, QUIET_US - 1, QUIET_US, QUIET_US + 1))
        kind = DOCUMENT_RENAMED if random.random() < 0.1 else EDIT_RECORDED
        out.append(Written(random.choice("abc"), at, random.choice(("ann", "bob")), kind))
    return out


def naive(events: list[Written]) -> list[tuple[str, int, int, tuple[str, ...]]]:
    """(document, revisions of the first and the last edit, authors) of every burst, by the place of its end."""
    found = []
    for document in "abc":
        burst: list[tuple[int, int, Written]] = []
        revision = 0
        for position, event in enumerate(events, 1):
            if event.document != document:
                continue
            revision += 1
            if event.type != EDIT_RECORDED:
                continue
            if burst and (
                event.at - burst[-1][2].at >= QUIET_US
                or event.at - burst[0][2].at >= LONGEST_US
                or event.at // GRID_US != burst[-1][2].at // GRID_US
            ):
                found.append(burst)
                burst = []
            burst.append((position, revision, event))
        if burst:
            found.append(burst)
    found.sort(key=lambda burst: burst[-1][0])
    return [
        (burst[0][2].document, burst[0][1], burst[-1][1], tuple(dict.fromkeys(event.actor for _, _, event in burst)))
        for burst in found
    ]


@pytest.mark.parametrize("seed", range(8))
def test_whoever_asks_from_wherever_gets_the_same(seed: int) -> None:
    random = Random(seed)
    events = random_log(random)
    clock = Clock()
    store = MemoryStore(now=clock)
    write(store, clock, events)
    late = clock.now + QUIET_US
    expected = naive(events)
    bursts = told(store, late)
    assert [(one.document, one.first, one.last, tuple(actor for actor, _ in one.actors)) for one in bursts] == expected
    for after in random.sample(range(len(events) + 1), 20):
        assert told(store, late, after, limit=random.randint(1, 5)) == [one for one in bursts if one.position > after]


@pytest.mark.parametrize("seed", range(8))
def test_a_reader_that_keeps_up_is_told_the_same(seed: int) -> None:
    random = Random(seed)
    events = random_log(random)
    clock = Clock()
    store = MemoryStore(now=clock)
    got: list[Burst] = []
    after = 0
    for number, event in enumerate(events):
        while random.random() < 0.3 and clock.now < event.at:
            clock.now = random.randint(clock.now, event.at)
            page = read_page(store, Choice(types=(DOCUMENT_QUIET,)), after, clock.now)
            got += [item for item in page.items if isinstance(item, Burst)]
            after = page.cursor
        write(store, clock, [event], number)
    late = clock.now + QUIET_US
    assert [*got, *told(store, late, after)] == told(store, late)


def test_a_feed_tells_what_a_document_says_once_it_is_quiet(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            reading = asyncio.create_task(first(1, sse(server, types=DOCUMENT_QUIET)))
            async with Peer(server, "a") as peer:
                for letter in "olleh":
                    await peer.type(0, letter)
                await eventually(lambda: len(server.edits("a")) == 5)
                (sent,) = await reading
            last = server.edits("a")[-1]
            assert (sent.id, sent.data["type"]) == (last.position, "dev.keepboth.document.quiet.v1")
            data = sent.data["data"]
            assert (data["document"], data["revision"], data["edits"]) == ("a", last.revision, 5)
            assert data["roots"] == {"text": {"type": "text", "value": "hello"}}
            assert [author["id"] for author in data["authors"]] == [last.actor]
            assert data["conflicts"] == {"open": 0, "known_revision": last.revision, "complete": True}
            follow = server.application.feeds.follow(Choice(types=(DOCUMENT_QUIET,)), 0)
            async with aclosing(follow):
                again = (await anext(follow)).told[0]
            assert json.loads(again.body)["id"] == sent.data["id"] == again.id

    run(main())
