"""The reducers that come along, each against a slow way to find the same."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import median
from typing import Any

import pytest

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.events import EDIT_RECORDED
from keepboth.history.cuts import Cut, prefix, select
from keepboth.history.facts import edit_fact
from keepboth.reducers import Run
from keepboth.reducers.loading import shipped
from keepboth.reducers.scope import scope_of
from keepboth.reducers.shipped.activity import day_name
from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.yjs.structs import Id
from keepboth.yjs.update import decode_update
from tests.history.sessions import DOCUMENT
from tests.reducers.oracle import left_by_author, standing_at
from tests.reducers.test_ledger import SEEDS, session
from tests.reducers.typing import SECOND, Typist, World
from tests.store.making import Clock, Salts, append, edit

FULL = os.environ.get("KEEPBOTH_FULL") == "1"
WORLDS = range(200 if FULL else 20)


def value(store: EventStore, name: str, cut: Cut | None = None, documents: list[str] | None = None) -> Any:
    """What a shipped reducer says."""
    (result,) = Run(store, [shipped(name)]).to(scope_of(store, documents, cut or Cut()))
    assert result.parked is None, result.parked
    return result.value


# -- authorship --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_surviving_is_what_the_document_holds_of_each(seed: int) -> None:
    store = session(seed)
    last = select(store, DOCUMENT).revision
    for revision in [*Random(seed).sample(range(last), 3), last]:
        told = value(store, "surviving", Cut(revision=revision), [DOCUMENT])
        left = left_by_author(store, prefix(store, DOCUMENT, revision))
        assert {row["author"]: row["units"] for row in told["authors"] if row["units"]} == left
        assert told["total"] == sum(left.values())
        for row in told["authors"]:
            assert row["share"] == (round(row["units"] / told["total"], 4) if told["total"] else None)


@pytest.mark.parametrize("disorder", [False, True], ids=["in order", "disorder"])
@pytest.mark.parametrize("seed", SEEDS)
def test_churn_is_what_came_and_went_between_one_document_and_the_next(seed: int, disorder: bool) -> None:
    store = session(seed, disorder=disorder)
    typed: Counter[str] = Counter()
    gone: Counter[str] = Counter()
    by_self: Counter[str] = Counter()
    before: set[Id] = set()
    for event in store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000):
        after = standing_at(store, prefix(store, DOCUMENT, event.revision))
        typed.update(f"y:{client}" for client, _ in after - before)
        gone.update(f"y:{client}" for client, _ in before - after)
        by_self.update(f"y:{client}" for client, _ in before - after if f"y:{client}" == event.actor)
        before = after
    told = value(store, "churn")
    assert (told["typed"], told["kept"]) == (typed.total(), typed.total() - gone.total())
    rows = {row["author"]: row for row in told["authors"]}
    assert {author: row["typed"] for author, row in rows.items()} == dict(typed)
    assert {author: row["typed"] - row["kept"] for author, row in rows.items()} == {who: gone[who] for who in typed}
    assert all(row["deleted_by_self"] + row["deleted_by_others"] == row["typed"] - row["kept"] for row in rows.values())
    if not disorder:
        assert {author: row["deleted_by_self"] for author, row in rows.items()} == {who: by_self[who] for who in typed}


# -- passages ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", WORLDS)
def test_hot_counts_what_was_ever_written_where_it_stood(seed: int) -> None:
    world = World(seed)
    final = world.edits[-1].after
    left = set(final)
    passages: list[dict[str, Any]] = []
    for number, line in enumerate(world.everything.splitlines(keepends=True), 1):
        shown = "".join(letter for letter in line if letter in left)
        letters = line.strip("\n")
        deleters = {who for letter in letters for who in world.deleters.get(letter, ())}
        writers = {world.letters[letter][0] for letter in letters}
        passages.append(
            {
                "document": "d", "root": "text", "passage": number, "typed": len(line),
                "deleted": len(line) - len(shown), "heat": 2 * len(line) - len(shown),
                "authors": len(writers | deleters), "text": shown.strip()[:80],
            }
        )  # fmt: skip
    told = value(world.store, "hot")
    assert told["passages"] == len(passages)
    passages.sort(key=lambda row: (-row["heat"], row["passage"]))
    for row, expected in zip(told["hottest"], passages[:20], strict=True):
        assert {name: row[name] for name in expected if name != "authors"} == {
            name: one for name, one in expected.items() if name != "authors"
        }
        # Line ends are all alike: whoever wrote this one may be one more.
        assert 0 <= row["authors"] - expected["authors"] <= (row["passage"] <= world.everything.count("\n"))


# -- collisions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", WORLDS)
def test_collisions_are_counted_from_the_conflict_log(seed: int) -> None:
    world = World(seed)
    engine = DocumentConflicts()
    edits = world.store.read("d", limit=10_000)
    for event in edits:
        assert event.payload is not None
        engine.add([edit_fact(event.revision, event, event.revision, decode_update(event.payload))])
    certain = [episode for episode in engine.episodes() if episode.certain]
    assert value(world.store, "collisions") == {
        "edits": len(edits),
        "collisions": len(certain),
        "per_1000_edits": round(1000 * len(certain) / len(edits), 3),
        "possible": len(engine.episodes()) - len(certain),
        "severities": dict(sorted(Counter(episode.severity for episode in certain).items())),
    }


def test_some_of_these_sessions_collide() -> None:
    assert sum(value(World(seed).store, "collisions")["collisions"] > 0 for seed in range(10)) >= 5


# -- time --------------------------------------------------------------------------------------------------------------


def test_days_have_their_names() -> None:
    first = datetime(1970, 1, 1, tzinfo=UTC)
    for day in (-719_162, -1, 0, 58, 59, 60, 11_016, 11_017, 19_782, 47_541, 100_000, 2_932_896):
        assert day_name(day) == (first + timedelta(days=day)).strftime("%Y-%m-%d").zfill(10)


def scattered(seed: int) -> MemoryStore:
    """Edits by three people in two documents and four sessions, at times all over some days, not in their order."""
    random, clock = Random(seed), Clock(10**15)
    store = MemoryStore(now=clock, salts=Salts())
    for _ in range(120):
        clock.now += 1 * SECOND
        at = clock.now - random.randrange(0, 2 * 86_400) * SECOND
        if random.random() < 0.5:
            at = clock.now - random.randrange(0, 90) * 60 * SECOND
        who = random.choice(("ann", "bob", "cyd"))
        append(
            store, random.choice("ab"), edit(b"\0\0", actor=who, session=f"{who}{random.randrange(2)}", authored_at=at)
        )
    return store


@pytest.mark.parametrize("seed", range(20))
def test_activity_is_counted_by_the_calendar(seed: int) -> None:
    store = scattered(seed)
    times = [datetime.fromtimestamp(event.authored_at / 1e6, UTC) for event in store.read(limit=10_000)]
    told = value(store, "activity")
    days, hours = Counter(f"{at:%Y-%m-%d}" for at in times), Counter(f"{at:%H}" for at in times)
    assert {row["day"]: row["edits"] for row in told["days"]} == days
    assert {row["hour"]: row["edits"] for row in told["hours"] if row["edits"]} == hours
    assert [row["hour"] for row in told["hours"]] == [f"{hour:02d}" for hour in range(24)]
    assert told["edits"] == len(times)
    assert hours[told["busiest_hour"]] == max(hours.values())


@pytest.mark.parametrize("seed", range(20))
def test_sessions_are_cut_where_half_an_hour_passes(seed: int) -> None:
    store = scattered(seed)
    times: dict[tuple[str, str | None, str], list[int]] = defaultdict(list)
    for event in store.read(limit=10_000):
        times[event.document, event.session, event.actor].append(event.authored_at)
    stays: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for (_, _, actor), found in times.items():
        found.sort()
        begins = [0] + [at for at in range(1, len(found)) if found[at] - found[at - 1] > 1800 * SECOND] + [len(found)]
        for first, end in pairwise(begins):
            stays[actor].append(((found[end - 1] - found[first]) / SECOND, end - first))
    told = value(store, "sessions")
    every = [stay for found in stays.values() for stay in found]
    for row, found in [(told, every), *((row, stays[row["actor"]]) for row in told["actors"])]:
        seconds = [length for length, _ in found]
        assert (row["sessions"], row["edits"]) == (len(found), sum(edits for _, edits in found))
        assert (row["seconds"], row["median_s"], row["longest_s"]) == (sum(seconds), median(seconds), max(seconds))
    assert sorted(stays) == [row["actor"] for row in told["actors"]]


# -- undo --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", WORLDS)
def test_taken_back_is_what_its_author_deleted_within_a_minute(seed: int) -> None:
    world = World(seed)
    typed: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    for one in world.edits:
        typed[one.actor] += len(one.after) - len(one.before)
        for letter in set(one.before) - set(one.after):
            typed[one.actor] += 1
            author, at = world.letters[letter]
            taken[one.actor] += author == one.actor and abs(one.at - at) <= 60 * SECOND
    told = value(world.store, "undo")
    assert {row["author"]: (row["typed"], row["taken_back"]) for row in told["authors"]} == {
        who: (typed[who], taken[who]) for who in typed if typed[who] or taken[who]
    }
    assert (told["typed"], told["taken_back"], told["put_back"]) == (typed.total(), taken.total(), 0)


@pytest.mark.parametrize(
    ("pause_s", "word", "put_back"),
    [(5, "hello", 5), (60, "hello", 5), (61, "hello", 0), (5, "hullo", 0), (5, "h", 0)],
    ids=str,
)
@pytest.mark.parametrize("at_once", [False, True], ids=["letter by letter", "pasted"])
def test_put_back_is_own_text_that_comes_again_within_a_minute(
    at_once: bool, pause_s: int, word: str, put_back: int
) -> None:
    one = Typist(5)
    store, at = MemoryStore(salts=Salts()), 10**9 * SECOND

    def record(update: bytes, at: int) -> None:
        append(store, "d", edit(update, actor="ann", authored_at=at))

    for piece in ["hello"] if at_once else list("hello"):
        size = len(str(one.text))
        at += SECOND
        record(one.change(size, size, piece), at)
    record(one.change(0, 5, ""), at + 600 * SECOND)
    record(one.change(0, 0, word), at + (600 + pause_s) * SECOND)
    told = value(store, "undo")
    assert (told["put_back"], told["taken_back"], told["typed"]) == (put_back, 0, 5 + len(word))
