"""The one writer: group commit without a timer.

The batch is whatever came while the last commit ran. A lone edit waits for nobody; under load hundreds share one
``fsync``. No asyncio here: ``deliver`` is called from the writer's thread, once a commit, and hands over to wherever
the answers belong (``loop.call_soon_threadsafe``). Where a commit is small and the disk quick, handing over there and
back costs more than the commit: :meth:`Writer.append_now` does it in the caller's thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, NamedTuple, TypeVar

from keepboth.errors import NotDurableNow, Overloaded, ShuttingDown
from keepboth.store.base import Append, AppendResult, EventStore, Refused

Token = TypeVar("Token")

MAX_ITEMS: Final = 2000
MAX_BYTES: Final = 16 * 1024 * 1024
MAX_QUEUED: Final = 200_000

MOST_AT_ONCE: Final = 32
"""Items that a caller appends itself."""

QUICK_S: Final = 0.002
"""Commits that usually take longer than this are the thread's, so that a slow disk makes nobody but edits wait."""

log = logging.getLogger(__name__)


class Counters(NamedTuple):
    """What the writer has done since it started, and how many items wait for it."""

    commits: int
    items: int
    events: int
    failures: int
    append_s: float
    append_cpu_s: float
    queued: int


class Chain:
    """Items each of which was decided as if those before it had been recorded. Once one was not, none is any more:
    ``broken`` is why."""

    __slots__ = ("broken",)

    def __init__(self) -> None:
        self.broken: NotDurableNow | None = None


class Writer(Generic[Token]):
    """Appends to *store* from a thread of its own.

    ``deliver`` gets ``(token, answer)`` for every item of a batch, in the order of :meth:`submit`; an answer is an
    AppendResult, or the NotDurableNow that the whole batch met. It must not raise.

    ``chain_of`` gives the `Chain` that an item belongs to, None if to none. Once one item of a chain could not be
    recorded, all later ones get the same error.
    """

    def __init__(
        self,
        store: EventStore,
        deliver: Callable[[list[tuple[Token, AppendResult | NotDurableNow]]], None],
        *,
        max_items: int = MAX_ITEMS,
        max_bytes: int = MAX_BYTES,
        max_queued: int = MAX_QUEUED,
        chain_of: Callable[[Token], Chain | None] | None = None,
    ) -> None:
        self._store = store
        self._deliver = deliver
        self._max_items = max_items
        self._max_bytes = max_bytes
        self._max_queued = max_queued
        self._chain_of = chain_of
        self._queue: deque[tuple[Append, Token]] = deque()
        self._ready = threading.Condition(threading.Lock())
        self._closed = self._busy = False
        self._usual_s = 0.0
        self._commits = self._items = self._events = self._failures = 0
        self._append_s = self._append_cpu_s = 0.0
        self._worker = threading.Thread(target=self._run, name="keepboth-writer", daemon=True)
        self._worker.start()

    def submit(self, item: Append, token: Token) -> None:
        """Queue *item*. Raises ShuttingDown after :meth:`close`, Overloaded if too much waits already."""
        with self._ready:
            if self._closed:
                raise ShuttingDown("the server is going down")
            if len(self._queue) >= self._max_queued:
                raise Overloaded(f"{len(self._queue)} appends wait already", queued=len(self._queue))
            self._queue.append((item, token))
            if len(self._queue) == 1:
                self._ready.notify()

    def submit_many(self, entries: Sequence[tuple[Append, Token]]) -> None:
        """Queue *entries* together: one lock, and one commit as far as the limits of a batch allow. Raises as
        :meth:`submit` does, and then queues none."""
        with self._ready:
            if self._closed:
                raise ShuttingDown("the server is going down")
            if len(self._queue) + len(entries) > self._max_queued:
                raise Overloaded(f"{len(self._queue)} appends wait already", queued=len(self._queue))
            idle = not self._queue
            self._queue.extend(entries)
            if idle:
                self._ready.notify()

    def append_now(
        self, entries: Sequence[tuple[Append, Token]]
    ) -> list[tuple[Token, AppendResult | NotDurableNow]] | None:
        """Append *entries* in the calling thread and return what ``deliver`` would get. None, and nothing is done, if
        that could take long, or if something is queued or under way; what has been delivered is under way no more.
        Raises ShuttingDown after :meth:`close`."""
        with self._ready:
            if self._closed:
                raise ShuttingDown("the server is going down")
            if self._queue or self._busy or len(entries) > MOST_AT_ONCE or self._usual_s > QUICK_S:
                return None
            self._busy = True
        try:
            answers = self._append(entries)
        finally:
            with self._ready:
                self._busy = False
                if self._queue or self._closed or self._store.wants_tidying:
                    self._ready.notify()
        return [(token, answer) for (_, token), answer in zip(entries, answers, strict=True)]

    @property
    def counters(self) -> Counters:
        """The counters now."""
        return Counters(
            self._commits,
            self._items,
            self._events,
            self._failures,
            self._append_s,
            self._append_cpu_s,
            len(self._queue),
        )  # fmt: skip

    def close(self) -> None:
        """Commit and deliver everything queued, then end the thread. The store stays open."""
        with self._ready:
            self._closed = True
            self._ready.notify()
        self._worker.join()

    # -- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        store = self._store
        while True:
            with self._ready:
                while self._busy or not (self._queue or store.wants_tidying):
                    if self._closed and not self._busy:
                        return
                    self._ready.wait()
                self._busy = bool(self._queue)
            if self._busy:
                self._append_batch(self._take())
            if store.wants_tidying:
                self._tidy()

    def _append_batch(self, batch: Sequence[tuple[Append, Token]]) -> None:
        answers = self._append(batch)
        try:
            self._deliver([(token, answer) for (_, token), answer in zip(batch, answers, strict=True)])
        except Exception:
            log.exception("answers to %d durable appends could not be delivered", len(batch))
        finally:
            self._busy = False

    def _tidy(self) -> None:
        """After the answers. Meanwhile others may append."""
        try:
            self._store.tidy()
        except Exception:
            log.exception("the log could not be tidied")

    def _take(self) -> list[tuple[Append, Token]]:
        batch: list[tuple[Append, Token]] = []
        size = drafts = 0
        with self._ready:
            while self._queue and drafts < self._max_items:
                item = self._queue[0][0]
                drafts += max(len(item.drafts), 1)
                size += sum(len(draft.payload) + len(draft.message or b"") for draft in item.drafts)
                if batch and size > self._max_bytes:
                    break
                batch.append(self._queue.popleft())
        return batch

    def _append(self, batch: Sequence[tuple[Append, Token]]) -> Sequence[AppendResult | NotDurableNow]:
        """One answer for each item of *batch*; those of a broken chain do not reach the store."""
        chain_of = self._chain_of
        if chain_of is None:
            return self._commit([item for item, _ in batch])
        chains = [chain_of(token) for _, token in batch]
        errors = [None if chain is None else chain.broken for chain in chains]
        answers = iter(self._commit([item for (item, _), error in zip(batch, errors, strict=True) if error is None]))
        told: list[AppendResult | NotDurableNow] = [next(answers) if error is None else error for error in errors]
        for chain, answer in zip(chains, told, strict=True):
            if chain is not None and isinstance(answer, NotDurableNow):
                chain.broken = answer
        return told

    def _commit(self, items: Sequence[Append]) -> Sequence[AppendResult | NotDurableNow]:
        if not items:
            return []
        began, began_cpu = time.perf_counter(), time.thread_time()
        try:
            answers = self._store.append(items)
        except NotDurableNow as error:
            self._failures += 1
            return [error] * len(items)
        except Exception as error:
            # A bug. The store has rolled back: say so to every item rather than leave its author waiting.
            self._failures += 1
            log.exception("the store failed in a way that it should not")
            return [NotDurableNow(f"the log could not be written: {error!r}")] * len(items)
        finally:
            took = time.perf_counter() - began
            self._usual_s += (took - self._usual_s) / 4
            self._append_s += took
            self._append_cpu_s += time.thread_time() - began_cpu
        self._commits += 1
        self._items += len(items)
        for answer in answers:
            if not isinstance(answer, Refused):
                self._events += sum(receipt.status != "duplicate" for receipt in answer.receipts)
                self._events += answer.created is not None
        return answers
