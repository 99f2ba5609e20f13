"""Writes what the engine has found to the conflict log, and makes the messages that tell editors what changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple
from weakref import WeakValueDictionary

from keepboth.conflicts.model import Episode
from keepboth.live.frames import binary_frame
from keepboth.live.judging import judge
from keepboth.live.rows import rows_of
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import Change, ConflictStore, StoredEpisode
from keepboth.yjs.messages import encode_private
from keepboth.yjs.private import CONFLICTS, encode_json

log = logging.getLogger("keepboth.conflicts")

Describe = Callable[[Sequence[StoredEpisode]], list[dict[str, Any]]]
"""Makes entries as people get them out of stored ones. Blocks: it reads the log."""

MAX_CHANGES: Final = 100
"""In one message."""


class Batch(NamedTuple):
    """Findings about one document up to revision ``covered``. ``digest``: its chain hash there, b"" to look it up."""

    covered: int
    digest: bytes
    episodes: Sequence[Episode]
    superseded: Sequence[tuple[str, str]]


class Told(NamedTuple):
    """Whether the conflict log is different now, and the frames that say so to declared sessions."""

    changed: bool
    frames: list[bytes]


class Recorder:
    """Owns the conflict projection while the server runs: one write of a document at a time."""

    def __init__(self, store: EventStore, conflicts: ConflictStore, describe: Describe) -> None:
        self._store = store
        self._conflicts = conflicts
        self._describe = describe
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._owed: dict[str, list[Batch]] = {}

    def owes(self, document: str) -> bool:
        """True if findings about *document* could not be stored yet."""
        return document in self._owed

    def _lock(self, document: str) -> asyncio.Lock:
        """Thousands of findings about one document keep nobody else's waiting."""
        return self._locks.setdefault(document, asyncio.Lock())

    def forget(self, document: str) -> None:
        """Everything about *document* will be found again."""
        self._owed.pop(document, None)

    async def record(self, document: str, batch: Batch, *, tell: bool) -> Told:
        """Store findings; with *tell*, make the frames about what changed by them.

        What cannot be stored now is stored with the next findings of the document, before them: the cursor never
        passes it.
        """
        async with self._lock(document):
            batches = [*self._owed.pop(document, ()), batch]
            try:
                return await asyncio.to_thread(self._write, document, batches, tell)
            except Exception:
                log.exception("the conflict log of %r could not be stored; it is tried again with the next", document)
                self._owed[document] = batches
                return Told(False, [])

    def _write(self, document: str, batches: Sequence[Batch], tell: bool) -> Told:
        before = self._conflicts.change()
        for covered, digest, episodes, superseded in batches:
            if not digest and covered:
                digest = self._store.hash_at(document, covered) or b""
            rows = rows_of(self._store, self._conflicts, document, episodes, superseded)
            self._conflicts.advance(document, covered, digest, rows, superseded)
        judge(self._store, self._conflicts, document)
        return self._told(document, before, tell)

    async def judge(self, document: str, *, tell: bool) -> Told:
        """Take in what people have decided about the document's entries."""
        async with self._lock(document):
            try:
                return await asyncio.to_thread(self._judge, document, tell)
            except Exception:
                log.exception("decisions about conflicts of %r could not be stored; it is tried again", document)
                return Told(False, [])

    def _judge(self, document: str, tell: bool) -> Told:
        before = self._conflicts.change()
        judge(self._store, self._conflicts, document)
        return self._told(document, before, tell)

    def _told(self, document: str, before: int, tell: bool) -> Told:
        frames: list[bytes] = []
        changed = self._conflicts.change() != before
        while tell and changed:
            changes = self._conflicts.changes(before, document, MAX_CHANGES)
            if changes:
                before = changes[-1].number
                frames.append(binary_frame(encode_private(encode_json(CONFLICTS, self._message(changes)))))
            if len(changes) < MAX_CHANGES:
                break
        return Told(changed, frames)

    def _message(self, changes: Sequence[Change]) -> dict[str, Any]:
        """What private message 3 says: see ``docs/protocol.md``."""
        entries = [change for change in changes if change.episode is not None]
        return {
            "conflicts": self._describe([change.episode for change in entries if change.episode is not None]),
            "superseded": [[change.id, change.into] for change in changes if change.what == "superseded"],
            "turned": {change.id: turn_of(change) for change in entries if change.turned},
            "reset": any(change.what == "reset" for change in changes),
        }


def turn_of(change: Change) -> str:
    """What happened to the status of an entry."""
    status = change.episode.status if change.episode is not None else "open"
    return "reopened" if status == "open" else status
