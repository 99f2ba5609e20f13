"""The document at any cut: nearest checkpoint, then the log. There is no second way to build one.

A replica must not leave the thread that made it, so every thread has folds of its own, and remembers the last few:
stepping forward costs what was stepped over. Going back starts from the checkpoint before. Checkpoints are made on the
way, every `EVERY` revisions, by whoever folds past one that is missing. Besides, each document has one at its head,
where a room opened it or left it.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final
from zlib import crc32

from keepboth.errors import NotDurableNow
from keepboth.fold.document import DocumentFold, FoldedEdit, fold
from keepboth.fold.frozen import freeze, from_bytes, thaw, to_bytes
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Selection, prefix
from keepboth.store.base import EventStore
from keepboth.store.fold_checkpoints import Checkpoint, FoldCheckpoints, MemoryFoldCheckpoints

EVERY: Final = 4096
"""Revisions between checkpoints. Folding so many keystrokes takes 10 to 20 ms, loading a checkpoint 2 to 5."""

REMEMBERED: Final = 4
"""Folds that each thread keeps at hand."""

STRIDE: Final = 2
"""Of these, a room that opens leaves only each second one: somebody waits for it."""

LEAST: Final = 500
"""A head is kept if so many revisions lie between it and the checkpoint before: fewer are folded as fast as loaded."""

LONG: Final = 5000
"""So many revisions of a document are folded by one thread at a time: whoever else needs them waits for its
checkpoints."""

_ROWS: Final = 2000

_LOCKS: Final = 16

log = logging.getLogger("keepboth.history")


class Folding:
    """Folds documents at cuts. Safe for threads; what it returns stays in the thread that asked, and is read only: it
    holds until that thread's next call."""

    def __init__(self, store: EventStore, checkpoints: FoldCheckpoints, every: int = EVERY) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._every = every
        self._here = threading.local()
        self._long = [threading.Lock() for _ in range(_LOCKS)]

    def at(self, selection: Selection) -> DocumentFold:
        """The document at *selection*. Raises NotDurableNow, StoreDamaged."""
        mine: OrderedDict[tuple[str, str], DocumentFold] = self._here.__dict__.setdefault("folds", OrderedDict())
        key = (selection.document, "" if selection.is_prefix else selection.token)
        held = mine.pop(key, None)
        found = self._prefix(selection, held) if selection.is_prefix else held or self._subset(selection)
        mine[key] = found
        while len(mine) > REMEMBERED:
            mine.popitem(last=False)
        return found

    def copy(self, selection: Selection) -> DocumentFold:
        """The document at *selection*, for the caller to add to. Where the CRDT has to be worked around, what waits is
        left behind."""
        found = self.at(selection)
        frozen = freeze(found)
        if frozen is not None:
            return thaw(frozen, lambda revision: self._payload(selection.document, revision))
        copied = DocumentFold(careful=True)
        copied.add([FoldedEdit(found.revision, "ready", found.replica.update_since())])
        copied.roots.types.update(found.roots.types)
        return copied

    # -- for rooms -----------------------------------------------------------------------------------------------------

    def nearest(self, document: str, until: int) -> DocumentFold:
        """Where a fold of *document* up to revision *until* begins. It belongs to the caller, in whatever thread, as
        long as only one uses it at a time."""
        return self._start(document, until, None)

    def opened(self, document: str, start: DocumentFold, until: int) -> DocumentFold:
        """*start*, which `nearest` gave, folded on to revision *until*, where a long way leaves a checkpoint."""
        began = start.revision
        try:
            start = self._far(document, start, until, None, STRIDE)
            if until - began >= LEAST and start.is_plain:
                self._keep(document, start, until)
        except Poisoned as error:
            log.warning("the CRDT failed on an edit of %r, folding again to find it: %s", document, error)
            return self._carefully(document, until)
        return start

    def keep_head(self, document: str, fold: DocumentFold, revision: int, document_hash: bytes) -> None:
        """Keep what a room has come to at *revision*, in place of an older head. Raises Poisoned."""
        frozen = freeze(fold)
        if frozen is not None:
            self._put(document, Checkpoint(revision, document_hash, to_bytes(frozen._replace(revision=revision))))

    # -- everything up to a revision -----------------------------------------------------------------------------------

    def _prefix(self, selection: Selection, held: DocumentFold | None) -> DocumentFold:
        document, until = selection.document, selection.revision
        try:
            return self._far(document, self._start(document, until, held), until, held)
        except Poisoned:
            return self._carefully(document, until)

    def _far(
        self, document: str, start: DocumentFold, until: int, held: DocumentFold | None, stride: int = 1
    ) -> DocumentFold:
        """*start* folded on to *until*, or whatever is nearer by the time that another thread has been there."""
        if until - start.revision <= LONG:
            self._advance(document, start, until, stride)
            return start
        with self._long[crc32(document.encode()) % _LOCKS]:
            start = self._start(document, until, held)
            self._advance(document, start, until, stride)
            return start

    def _start(self, document: str, until: int, held: DocumentFold | None) -> DocumentFold:
        """Where to begin: a fold at hand that is not too far back, or the nearest checkpoint that still holds."""
        at_hand = held if held is not None and held.revision <= until and held.is_plain else None
        if at_hand is not None and until - at_hand.revision < self._every:
            return at_hand
        before = until
        while (checkpoint := self._nearest(document, before)) is not None:
            if at_hand is not None and checkpoint.revision <= at_hand.revision:
                return at_hand
            frozen = from_bytes(checkpoint.body)
            if frozen is not None and self._store.hash_at(document, checkpoint.revision) == checkpoint.document_hash:
                try:
                    return thaw(frozen, lambda revision: self._payload(document, revision))
                except Poisoned:
                    break
            before = checkpoint.revision - 1
        return at_hand or DocumentFold()

    def _nearest(self, document: str, until: int) -> Checkpoint | None:
        try:
            return self._checkpoints.nearest(document, until)
        except NotDurableNow as error:
            log.warning("the checkpoints of %r cannot be read, folding from the log: %s", document, error)
            return None

    def _payload(self, document: str, revision: int) -> bytes | None:
        rows = self._store.fold_rows(document, after=revision - 1, until=revision, limit=1)
        return rows[0].payload if rows else None

    def _advance(self, document: str, target: DocumentFold, until: int, stride: int = 1) -> None:
        """Fold on to *until*, leaving checkpoints on the way, or each so manieth. Raises Poisoned."""
        at = target.revision
        every = self._every * stride
        while at < until:
            stop = min(until, at - at % every + every)
            while rows := self._store.fold_rows(document, after=at, until=stop, limit=_ROWS):
                target.add([FoldedEdit(*row) for row in rows])
                at = rows[-1].revision
            at = stop
            if stop % every == 0:
                self._keep(document, target, stop)

    def _keep(self, document: str, target: DocumentFold, revision: int) -> None:
        nearest = self._nearest(document, revision)
        digest = self._store.hash_at(document, revision)
        if nearest is not None and (nearest.revision, nearest.document_hash) == (revision, digest):
            return
        frozen = freeze(target)
        if frozen is not None and digest is not None:
            self._put(document, Checkpoint(revision, digest, to_bytes(frozen._replace(revision=revision))))

    def _put(self, document: str, checkpoint: Checkpoint) -> None:
        """Keep *checkpoint*; as a head, in place of the one before."""
        is_head = checkpoint.revision % self._every != 0
        try:
            heads = [one for one in self._checkpoints.sizes(document) if one % self._every] if is_head else []
            self._checkpoints.put(document, checkpoint, instead_of=heads)
        except NotDurableNow as error:
            log.warning("a checkpoint of %r could not be kept: %s", document, error)

    def _carefully(self, document: str, until: int) -> DocumentFold:
        def read(after: int) -> Sequence[FoldedEdit]:
            return [FoldedEdit(*row) for row in self._store.fold_rows(document, after=after, until=until, limit=_ROWS)]

        return fold(read)

    # -- some events only ----------------------------------------------------------------------------------------------

    def _subset(self, selection: Selection) -> DocumentFold:
        """What is left out may be what others build on: each edit behind the first gap waits for what it needs."""
        document, seen = selection.document, selection.seen
        whole = min([seen.base, *(first - 1 for first, _ in seen.exclude[:1])])
        start = self._fresh(document, whole)
        rows = self._rows(document, whole, selection)
        try:
            start.add(rows)
            return start
        except Poisoned:
            before = self._rows(document, 0, selection)
            return fold(lambda after: [row for row in before if row.revision > after][:_ROWS])

    def _fresh(self, document: str, until: int) -> DocumentFold:
        return self._prefix(prefix(self._store, document, until), None) if until else DocumentFold()

    def _rows(self, document: str, after: int, selection: Selection) -> list[FoldedEdit]:
        out: list[FoldedEdit] = []
        while rows := self._store.fold_rows(document, after=after, until=selection.revision, limit=_ROWS):
            for row in rows:
                if selection.holds(row.revision):
                    disposition = "pending" if row.disposition == "ready" else row.disposition
                    out.append(FoldedEdit(row.revision, disposition, row.payload))
            after = rows[-1].revision
        return out


def plain_folding(store: EventStore) -> Folding:
    """Folds from the first edit on, without checkpoints: for commands, which ask once."""
    return Folding(store, MemoryFoldCheckpoints(), every=1 << 60)
