"""One document on the client's side: what is written locally becomes a numbered edit, what comes from the server is
applied, and at every moment it is known exactly which revisions have been applied.

No socket here. ``seen`` always moves before the document does, because observers of the document may write.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal

import pycrdt

from keepboth.client.ledger import Edit, Ledger
from keepboth.client.progress import Progress
from keepboth.errors import InvalidRequest, KeepBothError, NotFound, OverLimit
from keepboth.events import Micros, Seen
from keepboth.yjs.idset import IdSet
from keepboth.yjs.lib0 import MAX_SAFE_INTEGER
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.private import EditReceipt
from keepboth.yjs.slicing import deleted, dependencies
from keepboth.yjs.update import decode_update

log = logging.getLogger("keepboth.client")

Frames = Literal["merged", "events"]

REMOTE: Final = "keepboth.client: from the server"
"""Origin of the transactions in which what the server sends is applied."""

EMPTY_UPDATE: Final = b"\x00\x00"
MAX_HELD: Final = 100_000
MERGE_GROUP: Final = 50


class Busy(RuntimeError):
    """The application has a transaction of its own open on this document; nothing else can touch it until its end."""


class DocumentBroken(KeepBothError):
    """The CRDT failed on an update: this document must not be used again. The log has everything."""

    code = "replica-poisoned"


def now_us() -> Micros:
    """UTC microseconds since 1970."""
    return time.time_ns() // 1000


class Replica:
    """See the module's docstring.

    In stepping mode, ``held`` are received single updates by the revision they reach, and ``_state`` is what came in
    one piece when a connection was opened: everything the document lacked up to a revision. ``received`` is the
    revision up to which everything has been received; ``proof`` the last such one that came with a hash prefix, and
    that; ``store`` the log they belong to.
    """

    def __init__(
        self,
        doc: pycrdt.Doc[Any],
        frames: Frames,
        written: Callable[[], None],
        on_receipt: Callable[[Edit, EditReceipt], None] | None = None,
    ) -> None:
        if doc.client_id > MAX_SAFE_INTEGER:
            raise InvalidRequest("the document's client id does not fit 53 bits", field="doc")
        self.doc = doc
        self.frames: Frames = frames
        self.ledger = Ledger(on_receipt)
        self.progress = Progress()
        self.store: str | None = None
        self.proof: tuple[int, bytes] = (0, b"")
        self.received = 0
        self.holding = False
        self._held: dict[int, bytes] = {}
        self._first: dict[int, int] = {}
        self._state: tuple[int, bytes] | None = None
        self.held: Mapping[int, bytes] = MappingProxyType(self._held)
        self._applying = False
        self._written = written
        self._subscription: pycrdt.Subscription | None = doc.observe(self._observe)

    def stop(self) -> None:
        """Do not listen to the document any more."""
        if self._subscription is not None:
            self.doc.unobserve(self._subscription)
            self._subscription = None

    # -- local edits --------------------------------------------------------------------------------------------------

    def _observe(self, event: pycrdt.TransactionEvent) -> None:
        if self._applying:
            return
        update = event.update
        if update != EMPTY_UPDATE:
            self.ledger.write(update, self.progress.seen, now_us())
            self._written()

    def settle(self, receipts: Iterable[EditReceipt]) -> None:
        """Edits of ours are in the log, at these revisions."""
        receipts = list(receipts)
        if self.frames == "events":
            for receipt in receipts:
                if receipt.revision and receipt.seq in self.ledger.waiting:
                    self.progress.add(self._drop(receipt.revision), receipt.revision)
        self.ledger.settle(receipts)

    # -- from the server ----------------------------------------------------------------------------------------------

    def receive(self, update: bytes, revision: int, digest: bytes, *, whole: bool) -> None:
        """Take in what the server sent. ``whole``: it brings everything that the document lacks up to *revision*;
        otherwise everything since the last frame. Raises Busy, OverLimit, DocumentBroken."""
        if not self.holding:
            self.check_free()
            self.progress.reach(revision)
            self._note_received(revision, digest)
            self._integrate(update)
            return
        first = min(self.received + 1, revision)
        if self._brings_nothing(update) if whole else update == EMPTY_UPDATE:
            self.progress.add(first, revision)
        elif whole:
            self._state = (revision, update)
        else:
            if len(self._held) >= MAX_HELD:
                raise OverLimit(f"{MAX_HELD} updates are held and none is applied")
            before = self._held.get(revision)
            self._held[revision] = update if before is None else pycrdt.merge_updates(before, update)
            self._first.setdefault(revision, first)
        self._note_received(revision, digest)

    def _note_received(self, revision: int, digest: bytes) -> None:
        self.received = max(self.received, revision)
        if digest and revision >= self.proof[0]:
            self.proof = (revision, digest)

    def _brings_nothing(self, update: bytes) -> bool:
        """True if a whole state has no insert, and no delete that the document does not have."""
        if update == EMPTY_UPDATE:
            return True
        decoded = decode_update(update)
        if decoded.structs:
            return False
        own = decode_update(self.doc.get_update(self.doc.get_state()))
        return IdSet(decoded.deletes).difference(deleted(own)).is_empty

    def check_free(self) -> None:
        """Raise Busy while the application has a transaction open (it awaits inside one)."""
        try:
            with self.doc.transaction(origin=REMOTE):
                pass
        except RuntimeError:
            raise Busy("a transaction of the application is open") from None

    def _integrate(self, update: bytes) -> None:
        if update == EMPTY_UPDATE:
            return
        self._applying = True
        try:
            with self.doc.transaction(origin=REMOTE):
                self.doc.apply_update(update)
        except ExceptionGroup:
            log.exception("an observer of the document failed; the update itself is applied")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - pycrdt's PanicException is not an Exception
            raise DocumentBroken(f"the CRDT could not apply an update: {error}") from None
        finally:
            self._applying = False

    def log_lost(self) -> None:
        """The server's log is not the one we had seen: its revisions say nothing about what we have applied.

        Edits that wait keep their base, which the server corrects, but not the revisions beyond it.
        """
        self.progress = Progress()
        self.proof = (0, b"")
        self.received = 0
        self._held.clear()
        self._first.clear()
        self._state = None
        waiting = self.ledger.waiting
        for seq, edit in waiting.items():
            if edit.seen.include or edit.seen.exclude:
                waiting[seq] = Edit(seq, edit.update, Seen(edit.seen.base), edit.authored_at)

    # -- stepping -----------------------------------------------------------------------------------------------------

    @property
    def held_state(self) -> int:
        """The revision that :meth:`apply_state` would reach; 0 if nothing came in one piece."""
        return 0 if self._state is None else self._state[0]

    def apply(self, revisions: Iterable[int]) -> None:
        """Apply these held updates at once. Raises Busy, NotFound, InvalidRequest (see :meth:`take`)."""
        wanted = {revision: self._held.get(revision) for revision in revisions}
        for revision, update in wanted.items():
            if update is None and not self.progress.knows(revision):
                raise NotFound(f"no update of revision {revision} is held", revision=revision)
        self.take({revision: update for revision, update in wanted.items() if update is not None})

    def apply_state(self) -> None:
        """Apply what came in one piece: everything up to its revision, held updates among it. Raises Busy."""
        self.check_free()
        if self._state is None:
            return
        (revision, update), self._state = self._state, None
        for below in [r for r in self._held if r <= revision]:
            self._drop(below)
        self.progress.reach(revision)
        self._integrate(update)

    def take(self, updates: Mapping[int, bytes], *, check: bool = True) -> None:
        """Apply updates of these revisions at once, wherever they came from; those known already are left out.

        An update that builds on something that neither the document nor the others have would be lost without a word:
        then nothing is applied. *check* costs about 10 µs for each run of text; without it the caller vouches for that.
        Raises Busy, InvalidRequest.
        """
        self.check_free()
        new = [revision for revision in sorted(updates) if not self.progress.knows(revision)]
        if not new:
            return
        update = _merge([updates[revision] for revision in new])
        if check:
            clocks = decode_state_vector(self.doc.get_state())
            for client, clock, length in dependencies(decode_update(update)):
                if clocks.get(client, 0) < clock + length:
                    raise InvalidRequest(f"revisions {new[0]} to {new[-1]} build on an edit that has not been applied")
        for revision in new:
            self.progress.add(self._drop(revision), revision)
        self._integrate(update)

    def release(self) -> None:
        """Apply everything that is held, and hold nothing from now on."""
        self.apply_state()
        self.apply(list(self._held))
        self.holding = False
        self.progress.reach(self.received)

    def _drop(self, revision: int) -> int:
        """Hold the update of *revision* no more; return the first revision that it covers."""
        self._held.pop(revision, None)
        return self._first.pop(revision, revision)


def _merge(updates: list[bytes]) -> bytes:
    """One update for all, in groups: ``merge_updates`` is quadratic in the number of updates."""
    while len(updates) > 1:
        updates = [pycrdt.merge_updates(*updates[at : at + MERGE_GROUP]) for at in range(0, len(updates), MERGE_GROUP)]
    return updates[0]
