"""Take an archive into a store: every hash is computed again before anything is recorded.

What is there already is passed over, so an import that was killed is simply repeated. A document that went on
differently here is left as it is and reported; the rest of the archive comes in all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, NamedTuple

from keepboth.errors import InvalidRequest, KeepBothError, StoreDamaged
from keepboth.events import Event, ExpectedRevision, id_text
from keepboth.exchange.archive import End, Header, Message, Part, draft_of
from keepboth.store.base import Append, CommitRow, EventStore, Head, Original, Refused, WholeEvent
from keepboth.store.hashing import GENESIS, commit_hash, event_hash, payload_digest

BATCH_EVENTS: Final = 2000
BATCH_BYTES: Final = 16 << 20
COMMIT_EVENTS: Final = 500
"""Events of one document that are recorded as one commit: its archive has none."""


EMPTY: Final = Head(0, GENESIS)

DIFFERENT: Final = "the store's document went on differently"


class Clash(NamedTuple):
    """A document that cannot be taken in from ``revision`` on, and why."""

    document: str
    revision: int
    what: str


@dataclass(slots=True)
class Restored:
    """What came of an import. ``same_head``: the whole log ends with the archive's own commit hash."""

    header: Header
    events: int = 0
    appended: int = 0
    known: int = 0
    left_out: int = 0
    clashes: list[Clash] = field(default_factory=list)
    head: Head = EMPTY
    same_head: bool = False


class _Stream:
    """One document, as far as the archive has been read. ``there``: revisions that the store had at the start."""

    __slots__ = ("clash", "known", "link", "revision", "there", "there_hash")

    def __init__(self, link: bytes, revision: int, there: int, there_hash: bytes) -> None:
        self.link = link
        self.revision = revision
        self.there = there
        self.there_hash = there_hash
        self.known = 0
        self.clash = False


class _Import:
    def __init__(self, store: EventStore, header: Header) -> None:
        self.store = store
        self.result = Restored(header)
        self._was_empty = store.head().position == 0
        self._streams: dict[str, _Stream] = {}
        self._message = Message(b"", None)
        self._commit: list[Append] = []
        self._hashes: list[bytes] = []
        self._link = header.before
        self._place = header.after
        self._ready: list[list[Append]] = []
        self._size = 0
        self._count = 0

    # -- parts ---------------------------------------------------------------------------------------------------------

    def message(self, message: Message) -> None:
        if message.raw is not None and sha256(message.raw).digest() != message.digest:
            raise self._damaged("a raw message does not match its digest")
        self._message = message

    def event(self, whole: WholeEvent) -> None:
        event = whole.event
        header = self.result.header
        self.result.events += 1
        place = event.position if header.document is None else event.revision
        if place != self._place + 1 or (header.document is not None and event.document != header.document):
            raise self._damaged(f"{place} follows {self._place}")
        self._place = place
        stream = self._stream(event)
        self._check(stream, whole)
        stream.link, stream.revision = event.document_hash, event.revision
        self._hashes.append(event.document_hash)
        if event.revision == stream.there and event.document_hash != stream.there_hash:
            self._clash(stream, event, DIFFERENT)
        if event.revision <= stream.there:
            if not stream.clash:
                stream.known += 1
        elif not stream.clash and not self._was_empty and (holder := self.store.get(event.id)) is not None:
            self._clash(stream, event, f"its id {id_text(event.id)} is that of an event of {holder.document!r}")
        if event.revision > stream.there and not stream.clash:
            self._take(whole)
        self.result.left_out += stream.clash
        if header.document is not None and len(self._commit) >= COMMIT_EVENTS:
            self._close()

    def commit(self, commit: CommitRow) -> None:
        expected = self._place - len(self._hashes) + 1
        if (commit.first, commit.last) != (expected, self._place) or not self._hashes:
            raise self._damaged(f"a commit of {commit.first} to {commit.last} stands behind {self._place}")
        self._link = commit_hash(self._link, commit.first, commit.last, self._hashes)
        if self._link != commit.commit_hash:
            raise self._damaged("the commit hash does not follow from its events and its predecessor")
        self._close()

    def end(self, end: End) -> None:
        header = self.result.header
        link = self._link
        if header.document is not None:
            self._close()
            stream = self._streams.get(header.document)
            link = header.before if stream is None else stream.link
        if end.events != self.result.events or self._place != header.until or self._commit or link != header.digest:
            raise self._damaged("the archive does not end where its header says")
        for name, stream in self._streams.items():
            if stream.revision < stream.there and self.store.hash_at(name, stream.revision) != stream.link:
                self.result.clashes.append(Clash(name, stream.revision, DIFFERENT))
                self._disown(stream)
            self.result.known += stream.known

    # -- one event -----------------------------------------------------------------------------------------------------

    def _stream(self, event: Event) -> _Stream:
        stream = self._streams.get(event.document)
        if stream is not None:
            return stream
        row = None if self._was_empty and event.revision == 1 else self.store.document(event.document)
        there, there_hash = (0, b"") if row is None else (row.revision, row.document_hash)
        stream = self._streams[event.document] = _Stream(GENESIS, event.revision - 1, there, there_hash)
        if event.revision > 1:
            # Whoever lacks the beginning cannot tell a changed event from one of another history.
            stream.link = self.store.hash_at(event.document, event.revision - 1) or b""
            if not stream.link:
                self._clash(stream, event, f"the archive goes on at revision {event.revision}, the store has {there}")
            elif not self._follows(stream.link, event):
                stream.link = b""
                self._clash(stream, event, DIFFERENT)
        return stream

    def _follows(self, link: bytes, event: Event) -> bool:
        """True if the event's hash is that of its fields behind *link*, or *link* is not known (empty)."""
        try:
            return not link or event_hash(link, event) == event.document_hash
        except (KeyError, ValueError, TypeError, struct.error) as error:
            raise self._damaged(f"an event cannot be read: {error}") from error

    def _check(self, stream: _Stream, whole: WholeEvent) -> None:
        """Raise StoreDamaged unless the event follows from its fields and its predecessor."""
        event, salt = whole
        if event.revision != stream.revision + 1 or not self._follows(stream.link, event):
            raise self._damaged("the document hash does not follow from the event and its predecessor")
        if event.payload is None or salt is None:
            matches = event.payload is None and salt is None
        else:
            matches = payload_digest(salt, event.payload) == event.payload_digest
            matches = matches and len(event.payload) == event.payload_len
        if not matches:
            raise self._damaged("a payload does not match its digest")
        if event.message_digest is not None and event.message_digest != self._message.digest:
            raise self._damaged("the raw message of an event is missing")

    def _take(self, whole: WholeEvent) -> None:
        event, salt = whole
        raw = None if event.message_digest is None else self._message.raw
        original = Original(salt, event.payload_digest, event.payload_len, event.message_digest)
        self._commit.append(
            Append(
                event.document,
                [draft_of(event, raw)],
                condition=ExpectedRevision(event.revision - 1),
                at=event.recorded_at,
                originals=[original],
            )
        )
        self._size += len(event.payload or b"") + len(raw or b"")
        self._count += 1

    def _clash(self, stream: _Stream, event: Event, what: str) -> None:
        self._disown(stream)
        self.result.clashes.append(Clash(event.document, event.revision, what))

    def _disown(self, stream: _Stream) -> None:
        stream.clash = True
        self.result.left_out += stream.known
        stream.known = 0

    def _damaged(self, what: str) -> KeepBothError:
        where = "position" if self.result.header.document is None else "revision"
        return StoreDamaged(f"the archive is damaged at {where} {self._place}: {what}", **{where: self._place})

    # -- recording -----------------------------------------------------------------------------------------------------

    def _close(self) -> None:
        """A commit is complete."""
        if self._commit:
            self._ready.append(self._commit)
            self._commit = []
        self._hashes = []
        if self._count >= BATCH_EVENTS or self._size >= BATCH_BYTES:
            self.flush()

    def flush(self) -> None:
        """Record the commits that are complete."""
        ready, self._ready, self._size, self._count = self._ready, [], 0, 0
        for items, answers in zip(ready, self.store.append_commits(ready) if ready else (), strict=True):
            for item, answer in zip(items, answers, strict=True):
                if isinstance(answer, Refused):
                    stream = self._streams[item.document]
                    if not stream.clash:
                        stream.clash = True
                        condition = item.condition
                        assert isinstance(condition, ExpectedRevision)
                        self.result.clashes.append(Clash(item.document, condition.revision + 1, answer.error.detail))
                    self.result.left_out += 1
                else:
                    self.result.appended += 1


def restore(store: EventStore, parts: Iterable[Part], progress: Callable[[int, int], None] | None = None) -> Restored:
    """Record what an archive holds and *store* does not. ``progress(done, of)`` counts events.

    Raises StoreDamaged where the archive does not agree with its hashes, InvalidRequest where it ends too early or is
    none; all commits before that place are recorded then. Raises NotDurableNow.
    """
    rest = iter(parts)
    header = next(rest, None)
    if not isinstance(header, Header):
        raise InvalidRequest("an archive begins with a header")
    work = _Import(store, header)
    ended = False
    try:
        for part in rest:
            if ended:
                raise InvalidRequest("the archive goes on behind its end")
            if isinstance(part, WholeEvent):
                work.event(part)
                if progress is not None and work.result.events % 500 == 0:
                    progress(work.result.events, header.until - header.after)
            elif isinstance(part, Message):
                work.message(part)
            elif isinstance(part, CommitRow):
                work.commit(part)
            elif isinstance(part, End):
                work.end(part)
                ended = True
            else:
                raise InvalidRequest("an archive has one header")
    finally:
        work.flush()
    if not ended:
        raise InvalidRequest(
            f"the archive ends early: {work.result.events} of {header.until - header.after} events; what came is kept",
            events=work.result.events,
        )
    if progress is not None:
        progress(work.result.events, header.until - header.after)
    result = work.result
    result.head = store.head()
    result.same_head = header.document is None and result.head == Head(header.until, header.digest)
    return result
