"""Where the engines of quiet documents go, and from where they come back."""

from __future__ import annotations

import asyncio
import logging

from keepboth.conflicts.checkpoint import dump, load
from keepboth.errors import KeepBothError
from keepboth.live.projector import ConflictProjector
from keepboth.store.base import EventStore
from keepboth.store.checkpoints import Checkpoint, Checkpoints

log = logging.getLogger("keepboth.conflicts")

LEAST_REVISIONS = 500
"""The engine of a shorter document is made from the log as fast as from a checkpoint."""


class Shelf:
    """Puts engines away as checkpoints and takes them out again. The work is done in threads.

    Failures are logged and cost nothing but time: the log has everything.
    """

    def __init__(self, store: EventStore, checkpoints: Checkpoints) -> None:
        self._store = store
        self._checkpoints = checkpoints
        self._locks: dict[str, asyncio.Lock] = {}

    async def put(self, projector: ConflictProjector) -> None:
        """Keep the engine of *projector*, which is not used again until this is done."""
        if projector.revision < LEAST_REVISIONS or not projector.may_rest:
            return
        async with self._lock(projector.document):
            try:
                await asyncio.to_thread(self._put, projector)
            except Exception:
                log.exception("the engine of %r could not be put away", projector.document)

    async def take(self, document: str, until: int) -> ConflictProjector | None:
        """The engine of *document* as it was put away at or before revision *until*, None if there is none."""
        async with self._lock(document):
            try:
                return await asyncio.to_thread(self._take, document, until)
            except Exception:
                log.exception("the engine of %r could not be taken out again", document)
                return None

    def _lock(self, document: str) -> asyncio.Lock:
        if len(self._locks) > 1000:
            self._locks = {name: lock for name, lock in self._locks.items() if lock.locked()}
        return self._locks.setdefault(document, asyncio.Lock())

    def _put(self, projector: ConflictProjector) -> None:
        digest = self._store.hash_at(projector.document, projector.revision)
        if digest is not None:
            projector.engine.pack()
            body = dump(projector.engine)
            self._checkpoints.put(projector.document, Checkpoint(projector.revision, digest, body))

    def _take(self, document: str, until: int) -> ConflictProjector | None:
        found = self._checkpoints.get(document)
        if found is None:
            return None
        if found.revision <= until and self._store.hash_at(document, found.revision) == found.document_hash:
            try:
                return ConflictProjector(document, load(found.body), found.revision)
            except KeepBothError as error:
                log.info("the checkpoint of the engine of %r is void: %s", document, error)
        self._checkpoints.drop(document)
        return None
