"""The writer thread: shared commits, order, failures, closing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from keepboth.errors import NotDurableNow, Overloaded, ShuttingDown
from keepboth.store.base import Append, Appended, AppendResult
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from keepboth.store.writer import MOST_AT_ONCE, QUICK_S, Chain, Writer
from tests.store.making import created, edit


class Gated(MemoryStore):
    """Appends wait at the gate; a failure can be put in their way."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Semaphore(0)
        self.failure: Exception | None = None

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        self.entered.release()
        assert self.gate.wait(10)
        if self.failure is not None:
            raise self.failure
        return super().append(items)


class Inbox:
    """What was delivered, by commit."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[Any, Any]]] = []
        self.arrived = threading.Semaphore(0)

    def __call__(self, batch: list[tuple[Any, Any]]) -> None:
        self.batches.append(batch)
        self.arrived.release()

    def wait(self) -> None:
        assert self.arrived.acquire(timeout=10)


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def gated() -> Iterator[Gated]:
    store = Gated()
    yield store
    store.gate.set()


def held(store: Gated, inbox: Inbox, **options: Any) -> Writer[int]:
    """A writer whose first commit (token 0) is under way and waits at the gate."""
    writer: Writer[int] = Writer(store, inbox, **options)
    writer.submit(Append("a", [edit()], create=created()), 0)
    assert store.entered.acquire(timeout=10)
    return writer


def tokens(inbox: Inbox) -> list[list[int]]:
    return [[token for token, _ in batch] for batch in inbox.batches]


def test_what_came_during_a_commit_shares_the_next(gated: Gated, inbox: Inbox) -> None:
    writer = held(gated, inbox)
    for token in range(1, 51):
        writer.submit(Append("a", [edit()]), token)
    assert writer.counters.queued == 50
    gated.gate.set()
    writer.close()
    assert tokens(inbox) == [[0], list(range(1, 51))]
    revisions = [answer.receipts[0].revision for _, answer in inbox.batches[1]]
    assert revisions == list(range(3, 53))
    counters = writer.counters
    assert counters[:4] == (2, 51, 52, 0)
    assert (counters.append_s > 0, counters.queued) == (True, 0)


def test_lone_edit_waits_for_nobody(inbox: Inbox) -> None:
    writer: Writer[int] = Writer(MemoryStore(), inbox)
    for token in range(3):
        writer.submit(Append("a", [edit()]), token)
        inbox.wait()
    assert tokens(inbox) == [[0], [1], [2]]
    writer.close()


def test_batches_are_bounded_by_items_and_by_bytes(gated: Gated, inbox: Inbox) -> None:
    writer = held(gated, inbox, max_items=3, max_bytes=100)
    for token, size in enumerate((1, 1, 1, 1, 99, 1000, 50, 50), start=1):
        writer.submit(Append("a", [edit(bytes(size))]), token)
    gated.gate.set()
    writer.close()
    assert tokens(inbox) == [[0], [1, 2, 3], [4, 5], [6], [7, 8]]


def test_full_queue_says_so(gated: Gated, inbox: Inbox) -> None:
    writer = held(gated, inbox, max_queued=2)
    for token in (1, 2):
        writer.submit(Append("a", [edit()]), token)
    with pytest.raises(Overloaded):
        writer.submit(Append("a", [edit()]), 3)
    gated.gate.set()
    writer.close()
    assert tokens(inbox) == [[0], [1, 2]]


@pytest.mark.parametrize("failure", [NotDurableNow("the disk is full"), ValueError("a bug")], ids=["disk", "bug"])
def test_failure_reaches_every_item_of_its_batch_and_no_other(
    gated: Gated, inbox: Inbox, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    writer = held(gated, inbox)
    for token in (1, 2):
        writer.submit(Append("a", [edit()]), token)
    gated.failure = failure
    gated.gate.set()
    inbox.wait()
    inbox.wait()
    gated.failure = None
    writer.submit(Append("a", [edit()]), 3)
    writer.close()
    assert tokens(inbox) == [[0], [1, 2], [3]]
    assert [type(answer) for batch in inbox.batches for _, answer in batch] == [NotDurableNow] * 3 + [Appended]
    assert writer.counters[:4] == (1, 1, 1, 2)
    assert bool(caplog.records) == isinstance(failure, ValueError)


def test_close_commits_what_is_queued_and_takes_no_more(gated: Gated, inbox: Inbox) -> None:
    writer = held(gated, inbox, max_items=10)
    for token in range(1, 26):
        writer.submit(Append("a", [edit()]), token)
    closing = threading.Thread(target=writer.close)
    closing.start()
    gated.gate.set()
    closing.join(10)
    assert [token for batch in tokens(inbox) for token in batch] == list(range(26))
    with pytest.raises(ShuttingDown):
        writer.submit(Append("a", [edit()]), 99)
    writer.close()


def test_failing_deliverer_does_not_stop_the_writer(caplog: pytest.LogCaptureFixture) -> None:
    store = MemoryStore()

    def deliver(batch: list[tuple[int, Any]]) -> None:
        raise RuntimeError("the loop is closed")

    writer = Writer(store, deliver)
    for token in range(2):
        writer.submit(Append("a", [edit()]), token)
    writer.close()
    assert store.head().position == 2
    assert "could not be delivered" in caplog.text


def test_edits_from_many_threads_keep_their_order(sqlite: SqliteStore, inbox: Inbox) -> None:
    writer: Writer[tuple[int, int]] = Writer(sqlite, inbox)

    def type_away(who: int) -> None:
        for number in range(100):
            writer.submit(Append(f"d{who}", [edit(b"%d" % number, session=f"s{who}")]), (who, number))

    threads = [threading.Thread(target=type_away, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.close()
    for who in range(4):
        assert [row.payload for row in sqlite.fold_rows(f"d{who}")] == [b"%d" % number for number in range(100)]
        delivered = [token for batch in tokens(inbox) for token in batch if token[0] == who]  # type: ignore[index]
        assert delivered == [(who, number) for number in range(100)]
    assert writer.counters.commits < 400
    assert list(sqlite.verify()) == []


class FailsOnce(Gated):
    """The first append meets a full disk."""

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        try:
            return super().append(items)
        finally:
            self.failure = None


def test_a_chain_that_broke_goes_no_further(inbox: Inbox) -> None:
    gated = FailsOnce()
    gated.failure = NotDurableNow("the disk is full")

    a, b = Chain(), Chain()
    writer: Writer[tuple[int, Chain | None]] = Writer(gated, inbox, chain_of=lambda token: token[1])
    writer.submit(Append("a", [edit()], create=created()), (0, a))
    assert gated.entered.acquire(timeout=10)
    for number, chain in ((1, a), (2, b), (3, None)):
        writer.submit(Append(f"d{number}", [edit()], create=created()), (number, chain))
    gated.gate.set()
    inbox.wait()
    inbox.wait()
    writer.submit(Append("a", [edit()], create=created()), (4, a))
    writer.submit(Append("a", [edit()], create=created()), (5, Chain()))
    writer.close()
    answers = {token[0]: type(answer).__name__ for batch in inbox.batches for token, answer in batch}
    assert {number: answers[number] for number in (0, 1, 4)} == dict.fromkeys((0, 1, 4), "NotDurableNow")
    assert answers[5] == "Appended"
    assert [event.document for event in gated.read(None)].count(
        "a"
    ) == 2  # the edit of the new chain, and what began the document
    assert writer.counters.failures == 1


# -- in the caller's thread --------------------------------------------------------------------------------------------


def test_a_few_appends_can_be_made_at_once(sqlite: SqliteStore, inbox: Inbox) -> None:
    writer: Writer[int] = Writer(sqlite, inbox)
    answers = writer.append_now([(Append("a", [edit()], create=created()), 1), (Append("b", [edit()]), 2)])
    assert answers is not None
    assert [(token, type(answer)) for token, answer in answers] == [(1, Appended), (2, Appended)]
    assert writer.counters[:4] == (1, 2, 3, 0)
    writer.submit(Append("a", [edit()]), 3)
    writer.close()
    assert tokens(inbox) == [[3]]
    assert [event.revision for event in sqlite.read("a")] == [1, 2, 3]
    with pytest.raises(ShuttingDown):
        writer.append_now([(Append("a", [edit()]), 4)])


def test_nothing_is_made_at_once_while_something_is_under_way(gated: Gated, inbox: Inbox) -> None:
    writer = held(gated, inbox)
    assert writer.append_now([(Append("b", [edit()]), 1)]) is None
    writer.submit(Append("c", [edit()]), 2)
    gated.gate.set()
    inbox.wait()
    inbox.wait()
    writer.close()
    assert tokens(inbox) == [[0], [2]]
    assert gated.document("b") is None


def test_many_at_once_are_left_to_the_thread(inbox: Inbox) -> None:
    store = MemoryStore()
    writer: Writer[int] = Writer(store, inbox)
    entries = [(Append("a", [edit()]), number) for number in range(MOST_AT_ONCE + 1)]
    assert writer.append_now(entries) is None
    assert store.head().position == 0
    assert writer.append_now(entries[1:]) is not None
    writer.close()


class Sluggish(MemoryStore):
    """Appends take as long as ``takes_s`` says."""

    takes_s = 0.0

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        time.sleep(self.takes_s)
        return super().append(items)


def test_a_slow_disk_is_left_to_the_thread_until_it_is_quick_again(inbox: Inbox) -> None:
    store = Sluggish()
    store.takes_s = 10 * QUICK_S
    writer: Writer[int] = Writer(store, inbox)
    assert writer.append_now([(Append("a", [edit()]), 0)]) is not None
    assert writer.append_now([(Append("a", [edit()]), 1)]) is None
    store.takes_s = 0.0
    for number in range(1000):
        writer.submit(Append("a", [edit()]), number)
        inbox.wait()
        if writer.append_now([(Append("a", [edit()]), number)]) is not None:
            break
    else:
        pytest.fail("the disk has long been quick")
    writer.close()


def test_a_chain_that_broke_in_the_callers_thread_goes_no_further(inbox: Inbox) -> None:
    gated = FailsOnce()
    gated.gate.set()
    gated.failure = NotDurableNow("the disk is full")

    one, other = Chain(), Chain()
    writer: Writer[Chain] = Writer(gated, inbox, chain_of=lambda token: token)
    ((_, first),) = writer.append_now([(Append("a", [edit()]), one)]) or ()
    assert isinstance(first, NotDurableNow)
    (_, again), (_, elsewhere) = writer.append_now([(Append("a", [edit()]), one), (Append("b", [edit()]), other)]) or ()
    assert isinstance(again, NotDurableNow)
    assert isinstance(elsewhere, Appended)
    writer.close()
    assert [event.document for event in gated.read(None)] == ["b"]


class Untidy(MemoryStore):
    """Wants tidying after each append."""

    def __init__(self) -> None:
        super().__init__()
        self.wants_tidying = False
        self.tidied = threading.Semaphore(0)
        self.fails = False

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        self.wants_tidying = True
        return super().append(items)

    def tidy(self) -> None:
        self.wants_tidying = False
        self.tidied.release()
        if self.fails:
            raise NotDurableNow("a reader is in the way")


def test_the_log_is_tidied_behind_the_answers_whoever_appended(inbox: Inbox, caplog: pytest.LogCaptureFixture) -> None:
    store = Untidy()
    writer: Writer[int] = Writer(store, inbox)
    assert writer.append_now([(Append("a", [edit()]), 0)]) is not None
    assert store.tidied.acquire(timeout=10)
    store.fails = True
    writer.submit(Append("a", [edit()]), 1)
    inbox.wait()
    assert store.tidied.acquire(timeout=10)
    writer.submit(Append("a", [edit()]), 2)
    inbox.wait()
    writer.close()
    assert tokens(inbox) == [[1], [2]]
    assert "could not be tidied" in caplog.text
