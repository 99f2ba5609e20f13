"""The edits of one session that still need a receipt, in order, and who waits for which.

Nothing here touches a socket: an edit enters with :meth:`Ledger.write`, leaves with :meth:`Ledger.settle`.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import pycrdt

from keepboth.errors import KeepBothError, NotFound
from keepboth.events import Micros, Seen
from keepboth.yjs.private import EditReceipt

MAX_WAITING: Final = 100_000
"""Edits kept apart while nothing can be sent. Beyond this, neighbours with the same context become one edit."""

MAX_JOINED_BYTES: Final = 64 * 1024
REMEMBERED: Final = 10_000
"""Receipts that can still be asked for after they came."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One local transaction: its number in the session, its bytes, what its author had applied, and when (UTC µs)."""

    seq: int
    update: bytes
    seen: Seen
    authored_at: Micros


class Ledger:
    """See the module's docstring. ``sent`` is the greatest number that was ever put on a socket, or saved."""

    def __init__(self, on_receipt: Callable[[Edit, EditReceipt], None] | None = None) -> None:
        self.waiting: OrderedDict[int, Edit] = OrderedDict()
        self.last: Edit | None = None
        self.last_seq = 0
        self.sent = 0
        self._on_receipt = on_receipt
        self._receipts: OrderedDict[int, EditReceipt] = OrderedDict()
        self._flushes: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._asked: dict[int, list[asyncio.Future[EditReceipt]]] = {}
        self._failed: KeepBothError | None = None

    def write(self, update: bytes, seen: Seen, authored_at: Micros) -> Edit:
        """Number an edit and keep it until its receipt."""
        last = self.last
        if (
            len(self.waiting) >= MAX_WAITING
            and last is not None
            and last.seq > self.sent
            and last.seen == seen
            and len(last.update) < MAX_JOINED_BYTES
        ):
            edit = Edit(last.seq, pycrdt.merge_updates(last.update, update), seen, last.authored_at)
        else:
            self.last_seq += 1
            edit = Edit(self.last_seq, update, seen, authored_at)
        self.waiting[edit.seq] = self.last = edit
        return edit

    def restore(self, last_seq: int, waiting: Iterable[Edit]) -> None:
        """Continue where a saved ledger stopped."""
        self.last_seq = self.sent = last_seq
        for edit in waiting:
            self.waiting[edit.seq] = edit
            self.last = edit

    def first_waiting(self) -> int:
        """The number of the oldest edit without a receipt; the next number if there is none."""
        return next(iter(self.waiting), self.last_seq + 1)

    def settle(self, receipts: Iterable[EditReceipt]) -> None:
        """These edits are in the log."""
        for receipt in receipts:
            edit = self.waiting.pop(receipt.seq, None)
            if edit is None:
                continue
            self._receipts[receipt.seq] = receipt
            if len(self._receipts) > REMEMBERED:
                self._receipts.popitem(last=False)
            for asked in self._asked.pop(receipt.seq, ()):
                if not asked.done():
                    asked.set_result(receipt)
            if self._on_receipt is not None:
                self._on_receipt(edit, receipt)
        first = self.first_waiting()
        while self._flushes and self._flushes[0][0] < first:
            flushed = self._flushes.popleft()[1]
            if not flushed.done():
                flushed.set_result(None)

    async def flush(self, timeout: float) -> None:
        """Wait until every edit written so far has its receipt.

        Raises TimeoutError, or the error that closed the session for good.
        """
        if not self.waiting:
            return
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (self.last_seq, future)
        self._flushes.append(entry)
        try:
            async with asyncio.timeout(timeout):
                await future
        finally:
            if entry in self._flushes:
                self._flushes.remove(entry)

    async def receipt(self, seq: int, timeout: float) -> EditReceipt:
        """What became of edit *seq*. Raises TimeoutError, NotFound, or the error that closed the session for good."""
        known = self._receipts.get(seq)
        if known is not None:
            return known
        if seq not in self.waiting:
            raise NotFound(f"edit {seq} was never written, or its receipt came long ago", seq=seq)
        if self._failed is not None:
            raise self._failed
        future: asyncio.Future[EditReceipt] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(seq, []).append(future)
        try:
            async with asyncio.timeout(timeout):
                return await future
        finally:
            asked = self._asked.get(seq)
            if asked is not None and future in asked:
                asked.remove(future)

    def fail(self, error: KeepBothError) -> None:
        """The session is over: whoever waits is told why. The edits stay."""
        self._failed = error
        futures: list[asyncio.Future[None] | asyncio.Future[EditReceipt]] = [future for _, future in self._flushes]
        for asked in self._asked.values():
            futures.extend(asked)
        self._flushes.clear()
        self._asked.clear()
        for future in futures:
            if not future.done():
                future.set_exception(error)
                future.exception()
