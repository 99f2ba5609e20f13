"""A log as parts that another store takes in to the same hashes: header, raw messages, events, commits, end.

Values only; what a part looks like in a file is the business of whoever writes it (`keepboth.exchange.lines`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import Draft, Event
from keepboth.store.base import CommitRow, EventStore, WholeEvent
from keepboth.store.hashing import GENESIS

PAGE: Final = 200
"""Events read at a time: they are in memory until they are written."""


class Header(NamedTuple):
    """What an archive holds: positions ``after`` to ``until`` of a log, or such revisions of ``document``.

    ``before`` and ``digest`` are the hash of the chain (of commits, or the document's) at both ends.
    """

    store_id: str
    document: str | None
    after: int
    until: int
    before: bytes
    digest: bytes


class Message(NamedTuple):
    """A raw message that the events behind it refer to by its digest; ``raw`` is None once erased."""

    digest: bytes
    raw: bytes | None


class End(NamedTuple):
    """The last part: without it the archive was cut short. ``events`` counts those before it."""

    events: int


Part = Header | Message | WholeEvent | CommitRow | End


def header_of(store: EventStore, document: str | None = None, *, after: int = 0, until: int | None = None) -> Header:
    """What :func:`archive` would give now: up to *until*, or all there is.

    Raises NotFound for a document or a revision that is not there, InvalidRequest for a place inside a commit.
    """
    if document is not None:
        row = store.document(document)
        if row is None:
            raise NotFound("there is no such document", document=document)
        end = row.revision if until is None else until
        hashes = [GENESIS if at == 0 else store.hash_at(document, at) for at in (after, end)]
        if after > end or None in hashes:
            raise NotFound(f"the document has {row.revision} revisions", document=document, revision=row.revision)
        return Header(store.store_id, document, after, end, hashes[0] or b"", hashes[1] or b"")
    head = store.head()
    if until is None or until == head.position:
        return Header(store.store_id, None, after, head.position, _commit_at(store, after), head.commit_hash)
    return Header(store.store_id, None, after, until, _commit_at(store, after), _commit_at(store, until))


def _commit_at(store: EventStore, position: int) -> bytes:
    if position == 0:
        return GENESIS
    found = store.commits(after=position - 1, limit=1)
    if not found:
        raise NotFound(f"the log has no position {position}", position=store.head().position)
    if found[0].last != position:
        raise InvalidRequest(
            f"position {position} lies inside a commit of {found[0].first} to {found[0].last}; "
            f"an archive begins and ends between commits",
            first=found[0].first,
            last=found[0].last,
        )
    return found[0].commit_hash


def archive(store: EventStore, header: Header) -> Iterator[Part]:
    """Every part of what *header* describes, in order, a few hundred events in memory at a time.

    An event's raw message comes before it, unless it is that of the event before. A commit comes after its events; the
    archive of one document has none.
    """
    yield header
    commits = _commits(store, header)
    commit = next(commits, None)
    told: bytes | None = None
    at, count = header.after, 0
    while at < header.until:
        page = store.read_whole(header.document, after=at, until=header.until, limit=PAGE)
        if not page:
            raise NotFound(f"the log has no event behind {at}", document=header.document)
        for whole in page:
            event = whole.event
            if event.message_digest is not None and event.message_digest != told:
                told = event.message_digest
                yield Message(told, store.message(told))
            yield whole
            count += 1
            if commit is not None and event.position == commit.last:
                yield commit
                commit = next(commits, None)
        last = page[-1].event
        at = last.position if header.document is None else last.revision
    yield End(count)


def _commits(store: EventStore, header: Header) -> Iterator[CommitRow]:
    at = header.after
    while header.document is None and (page := store.commits(after=at)):
        yield from page
        at = page[-1].last


def draft_of(event: Event, message: bytes | None) -> Draft:
    """The draft that a copy of *event* is recorded from."""
    return Draft(
        event.type,
        event.id,
        event.payload or b"",
        actor=event.actor,
        actor_kind=event.actor_kind,
        content_type=event.content_type,
        session=event.session,
        session_seq=event.session_seq,
        part=event.part,
        clients=event.clients,
        relayed_by=event.relayed_by,
        context=event.context,
        context_source=event.context_source,
        message=message,
        authored_at=event.authored_at,
        time_quality=event.time_quality,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        away_from=event.away_from,
        disposition=event.disposition,
    )
