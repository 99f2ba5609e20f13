"""The writer thread: shared commits, order, failures, closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from keepboth.errors import NotDurableNow, Overloaded, ShuttingDown
from keepboth.store.base import Append, Appended, AppendResult
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from keepboth.store.writer import Writer
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

    class Chain:
        pass

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
