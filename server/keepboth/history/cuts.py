"""Cuts: which part of a document's stream a question is about.

A person asks by revision, position, event, time, or what somebody had seen (`Cut`); the answer is about a set of
revisions (`Selection`), whose `token` asks for the same again, for ever.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Final, NamedTuple

from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import VERSION_NAMED, EventId, Micros, Seen, id_text, read_seen, write_seen
from keepboth.history.chronicle import Chronicle, Chronicles
from keepboth.store.base import EventLine, EventStore
from keepboth.store.hashing import GENESIS
from keepboth.yjs.idset import IdSet
from keepboth.yjs.lib0 import read_buf, write_buf

PAGE: Final = 5000

_TOKEN: Final = 1
_HASH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment as people name it; nothing set means now. Only the two times go together.

    ``revision`` and ``position``: up to it. ``event``: up to that event. ``recorded_at``: what was in the log by then.
    ``authored_at``: what had been written by then, offline work included, and all that its authors had seen.
    ``seen_by``: what the author of that event had applied when making it, and the event itself. ``version``: a name
    that somebody gave. ``token``: of an earlier answer.
    """

    revision: int | None = None
    position: int | None = None
    event: EventId | None = None
    recorded_at: Micros | None = None
    authored_at: Micros | None = None
    seen_by: EventId | None = None
    version: str | None = None
    token: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """The names of what is set."""
        return tuple(field.name for field in fields(self) if getattr(self, field.name) is not None)


NOW: Final = Cut()


class Selection(NamedTuple):
    """The events of ``document`` that an answer is about: revision r if ``seen`` holds it (r counts as its own
    effective revision).

    ``revision`` is the last of them, ``document_hash`` the chain's there. ``added``: how many edits were taken in only
    because the author of another had seen them.
    """

    document: str
    seen: Seen
    revision: int
    document_hash: bytes
    added: int = 0

    @property
    def is_prefix(self) -> bool:
        """True if nothing before ``revision`` is left out."""
        return not self.seen.include and not self.seen.exclude

    def holds(self, revision: int) -> bool:
        """True if the event at *revision* is part of it."""
        return self.seen.knows(revision, revision)

    @property
    def token(self) -> str:
        """Asks for the same events again."""
        out = bytearray((_TOKEN,))
        write_buf(out, self.document.encode())
        write_seen(out, self.seen)
        out += self.document_hash[:_HASH_BYTES]
        return base64.urlsafe_b64encode(bytes(out)).decode().rstrip("=")


Course = Callable[[str, int], Chronicle]
"""The chronicle of a document up to a revision or beyond, as `Chronicles.at_least` gives it."""


def select(store: EventStore, document: str, cut: Cut = NOW, course: Course | None = None) -> Selection:
    """What *cut* means for *document* now. *course* is asked for cuts that depend on who wrote what when; without one,
    the whole log of the document is read for these.

    Raises: NotFound for a document, revision, event or version that is not there, or a token whose events are not those
    of this log; InvalidRequest for a cut that contradicts itself.
    """
    row = store.document(document)
    if row is None:
        raise NotFound("there is no such document", document=document)
    course = course or Chronicles(store).at_least
    named = cut.named
    if len(named) > 1 and set(named) != {"recorded_at", "authored_at"}:
        raise InvalidRequest(f"a cut names one moment, this one names {len(named)}", named=list(named))
    if cut.token is not None:
        return _from_token(store, document, cut.token)
    if cut.version is not None:
        return _from_token(store, document, _version(store, document, cut.version))
    if cut.seen_by is not None:
        return _seen_by(store, document, cut.seen_by, course)
    last = row.revision
    if cut.revision is not None:
        if not 0 <= cut.revision <= last:
            raise NotFound(
                f"the document has {last} revisions, there is no {cut.revision}", document=document, revision=last
            )
        last = cut.revision
    elif cut.position is not None:
        last = store.revision_at(document, cut.position)
    elif cut.event is not None:
        last = _event(store, document, cut.event)
    if cut.recorded_at is not None:
        last = _recorded_by(store, document, last, cut.recorded_at)
    if cut.authored_at is not None:
        return _authored_by(store, course(document, last), last, cut.authored_at)
    return prefix(store, document, last)


def prefix(store: EventStore, document: str, revision: int) -> Selection:
    """Everything up to *revision*. Raises NotFound."""
    return Selection(document, Seen(revision), revision, _hash_at(store, document, revision))


def selection_of(store: EventStore, document: str, revisions: IdSet, added: int = 0) -> Selection:
    """The events at *revisions*, kept as ids of client 0."""
    ranges = revisions.ranges(0)
    if not ranges:
        return prefix(store, document, 0)
    last = ranges[-1][0] + ranges[-1][1] - 1
    base = ranges[0][1] if ranges[0][0] == 1 else 0
    include = tuple((first, first + size - 1) for first, size in (ranges[1:] if base else ranges))
    gaps = tuple((first, first + size - 1) for first, size in revisions.missing(0, 1, last))
    seen = Seen(base, include) if len(include) <= len(gaps) else Seen(last, (), gaps)
    return Selection(document, seen, last, _hash_at(store, document, last), added)


def lines(store: EventStore, document: str, *, after: int = 0, until: int | None = None) -> Iterator[EventLine]:
    """Every event of a stretch of a stream, a page at a time."""
    while page := store.lines(document, after=after, until=until, limit=PAGE):
        yield from page
        after = page[-1].revision


def closed(store: EventStore, chronicle: Chronicle, chosen: Sequence[int]) -> tuple[IdSet, int]:
    """The revisions *chosen*, ascending, and all that their authors had surely seen, themselves included: (revisions,
    how many were added). Only edits are added.

    Whoever wrote one of the first n had seen no later one. So where all of these are chosen, nothing of them need be
    read: the cost is that of what is chosen beyond.
    """
    whole = bisect_right(range(len(chosen)), 0, key=lambda at: chosen[at] - at - 1)
    beyond = chosen[whole:]
    kept = IdSet({0: [(1, whole)]} if whole else {})
    last = chronicle.revision
    by_session: dict[int, list[int]] = {}
    if beyond:
        for revision, session in enumerate(chronicle.sessions[whole:last], whole + 1):
            if chronicle.names[session] is not None:
                by_session.setdefault(session, []).append(revision)
    todo = _runs(beyond)
    kept = kept.union(todo)
    added = 0
    done_of: dict[int, int] = {}
    while not todo.is_empty:
        wanted = IdSet()
        for _, first, size in todo:
            for line in lines(store, chronicle.document, after=first - 1, until=first + size - 1):
                if line.context is not None:
                    _add_known(wanted, line.context.lower)
                if line.session is not None:
                    session = chronicle.sessions[line.revision - 1]
                    done_of[session] = max(done_of.get(session, 0), line.revision)
        for session, until in done_of.items():
            for revision in by_session[session]:
                if revision >= until:
                    break
                wanted.add(0, revision, 1)
        todo = IdSet()
        for _, first, size in wanted.difference(kept):
            for revision in range(first, min(first + size - 1, last) + 1):
                kept.add(0, revision, 1)
                if revision not in chronicle.others:
                    added += 1
                    todo.add(0, revision, 1)
    return kept, added


def _runs(revisions: Iterable[int]) -> IdSet:
    """*revisions*, ascending, as ids of client 0."""
    runs: list[tuple[int, int]] = []
    for revision in revisions:
        if runs and sum(runs[-1]) == revision:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((revision, 1))
    return IdSet({0: runs} if runs else {})


def _add_known(wanted: IdSet, seen: Seen) -> None:
    if seen.exclude:
        known = IdSet({0: [(1, seen.base)]} if seen.base else {})
        for first, last in seen.exclude:
            known.remove(0, first, last - first + 1)
        for _, first, size in known:
            wanted.add(0, first, size)
    elif seen.base:
        wanted.add(0, 1, seen.base)
    for first, last in seen.include:
        wanted.add(0, first, last - first + 1)


# -- what people name ------------------------------------------------------------------------------------------------


def _hash_at(store: EventStore, document: str, revision: int) -> bytes:
    digest = GENESIS if revision == 0 else store.hash_at(document, revision)
    if digest is None:
        raise NotFound(f"the document has no revision {revision}", document=document)
    return digest


def _event(store: EventStore, document: str, event_id: EventId) -> int:
    event = store.get(event_id)
    if event is None or event.document != document:
        raise NotFound("this document has no such event", document=document, event=id_text(event_id))
    return event.revision


def _recorded_by(store: EventStore, document: str, last: int, moment: Micros) -> int:
    """The last revision recorded at *moment* or before: recorded times never decrease along a stream."""
    low, high = 0, last
    while low < high:
        middle = (low + high + 1) // 2
        (line,) = store.lines(document, after=middle - 1, until=middle, limit=1)
        if line.recorded_at <= moment:
            low = middle
        else:
            high = middle - 1
    return low


def _authored_by(store: EventStore, chronicle: Chronicle, last: int, moment: Micros) -> Selection:
    authored = chronicle.authored[:last]
    chosen = [revision for revision, at in enumerate(authored, 1) if at <= moment]
    kept, added = closed(store, chronicle, chosen)
    return selection_of(store, chronicle.document, kept, added)


def _seen_by(store: EventStore, document: str, event_id: EventId, course: Course) -> Selection:
    revision = _event(store, document, event_id)
    (line,) = store.lines(document, after=revision - 1, until=revision, limit=1)
    known = IdSet()
    if line.context is not None:
        _add_known(known, line.context.lower)
    if line.session is not None:
        chronicle = course(document, revision)
        session = chronicle.sessions[revision - 1]
        own = [at for at, other in enumerate(chronicle.sessions[:revision], 1) if other == session]
        known = known.union(_runs(own))
    known.add(0, revision, 1)
    return selection_of(store, document, known)


def _version(store: EventStore, document: str, name: str) -> str:
    """The token of the newest version that is called *name*."""
    until: int | None = None
    while page := store.read(document, until=until, types=[VERSION_NAMED], reverse=True, limit=PAGE):
        for event in page:
            value = json.loads(event.payload or b"{}")
            if value.get("name") == name:
                return str(value["token"])
        until = page[-1].revision - 1
    raise NotFound(f"this document has no version {name!r}", document=document)


def _from_token(store: EventStore, document: str, token: str) -> Selection:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if data[0] != _TOKEN:
            raise ValueError
        name, at = read_buf(data, 1)
        seen, at = read_seen(data, at)
        digest = data[at:]
        of = name.decode()
    except (ValueError, IndexError, binascii.Error, InvalidRequest) as error:
        raise InvalidRequest("this is not the token of a cut", field="token") from error
    if of != document:
        raise NotFound("this token is of another document", document=document, token_of=of)
    last = max([seen.base, *(last for _, last in seen.include)])
    while seen.exclude and last and not seen.knows(last, last):
        last = seen.exclude[-1][0] - 1
    found = _hash_at(store, document, last)
    if found[:_HASH_BYTES] != digest:
        raise NotFound("the log is not the one that this token was given for", document=document, revision=last)
    return Selection(document, seen, last, found)
