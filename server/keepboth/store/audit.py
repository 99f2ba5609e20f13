"""Checks that a log agrees with itself, one event at a time; every store's ``verify`` feeds it.

It goes on from what is stored, not from what should have been, so that one altered row is reported where it is and
does not repeat itself over everything after it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from keepboth.events import Micros
from keepboth.store.base import CommitRow, Problem
from keepboth.store.hashing import GENESIS, commit_hash, payload_digest


class Stream:
    """What has been seen of one document."""

    __slots__ = ("created_at", "document_hash", "edits", "recorded_at", "revision")

    def __init__(self) -> None:
        self.revision = 0
        self.document_hash = GENESIS
        self.created_at: Micros = 0
        self.recorded_at: Micros = 0
        self.edits = 0


class Audit:
    """Feed it every event in order of position, then :meth:`finish`. Memory: one small object a document."""

    def __init__(self, commits: Sequence[CommitRow]) -> None:
        self.streams: dict[str, Stream] = {}
        self._commits = iter(commits)
        self._commit = next(self._commits, None)
        self._commit_first = 1
        self._commit_hash = GENESIS
        self._hashes: list[bytes] = []
        self._position = 0

    def previous(self, document: str) -> bytes:
        """The stored hash of the last event seen of *document*."""
        stream = self.streams.get(document)
        return GENESIS if stream is None else stream.document_hash

    def event(
        self,
        position: int,
        document: str,
        revision: int,
        recorded_at: Micros,
        edit: bool,
        salt: bytes | None,
        payload: bytes | None,
        digest: bytes,
        length: int,
        stored: bytes,
        computed: bytes,
    ) -> Iterator[Problem]:
        """Check one event; ``computed`` is its hash over :meth:`previous` and the row as it is."""
        stream = self.streams.get(document)
        if stream is None:
            stream = self.streams[document] = Stream()
            stream.created_at = recorded_at
        found: list[str] = []
        if position != self._position + 1:
            found.append(f"positions {self._position + 1} to {position - 1} are missing")
        if revision != stream.revision + 1:
            found.append(f"revision {revision} follows {stream.revision}")
        elif stored != computed:
            found.append("the document hash does not follow from the event and its predecessor")
        if recorded_at < stream.recorded_at:
            found.append("recorded time goes back along the document")
        if payload is None or salt is None:
            if payload is not None or salt is not None:
                found.append("payload and salt are not erased together")
        elif len(payload) != length:
            found.append(f"the payload has {len(payload)} bytes, {length} were recorded")
        elif payload_digest(salt, payload) != digest:
            found.append("the payload does not match its digest")
        stream.revision = revision
        stream.document_hash = stored
        stream.recorded_at = recorded_at
        stream.edits += edit
        yield from (Problem(position, document, revision, what) for what in found)
        yield from self._count(position, stored)

    def unreadable(self, position: int, revision: int, stored: bytes, why: str) -> Iterator[Problem]:
        """An event whose document or text cannot even be named."""
        yield Problem(position, "", revision, f"the row cannot be read: {why}")
        yield from self._count(position, stored)

    def _count(self, position: int, stored: bytes) -> Iterator[Problem]:
        self._position = position
        self._hashes.append(stored)
        if self._commit is not None and position >= self._commit.last:
            yield from self._close_commit()

    def _close_commit(self) -> Iterator[Problem]:
        commit = self._commit
        assert commit is not None
        if commit.first != self._commit_first or commit.last != self._position:
            yield Problem(
                commit.last,
                "",
                0,
                f"a commit covers positions {commit.first} to {commit.last}, "
                f"the log has {self._commit_first} to {self._position}",
            )
        elif commit_hash(self._commit_hash, commit.first, commit.last, self._hashes) != commit.commit_hash:
            yield Problem(commit.last, "", 0, "the commit hash does not follow from its events and its predecessor")
        self._commit_first = self._position + 1
        self._commit_hash = commit.commit_hash
        self._hashes = []
        self._commit = next(self._commits, None)

    def finish(self, head: int) -> Iterator[Problem]:
        """What is missing at the end: ``head`` is the last position that the store believes in."""
        if self._position != head:
            yield Problem(head, "", 0, f"the log ends at position {self._position}, its head says {head}")
        if self._hashes:
            yield Problem(self._position, "", 0, f"positions from {self._commit_first} belong to no commit")
        while self._commit is not None:
            yield Problem(self._commit.last, "", 0, "a commit has no events")
            self._commit = next(self._commits, None)
