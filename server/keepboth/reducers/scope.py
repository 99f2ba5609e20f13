"""What a run is about: one document at a cut, or several, or the whole log, up to a position or a recorded time."""

from __future__ import annotations

import base64
import binascii
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from keepboth.errors import InvalidRequest, MalformedMessage, NotFound
from keepboth.events import EDIT_RECORDED, Event, Micros
from keepboth.history.cuts import NOW, Cut, Selection, select
from keepboth.store.base import EventStore
from keepboth.store.hashing import GENESIS
from keepboth.yjs.lib0 import read_var_uint, write_var_uint

PAGE: Final = 2000
_TOKEN: Final = 2
_HASH_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Scope:
    """``documents``: these, None for all. ``selection`` is set for a single one. ``until``: its last revision, or the
    last position of the log; ``before``: only what had been recorded by then. ``now`` is the time of the cut.
    """

    documents: tuple[str, ...] | None
    selection: Selection | None
    until: int
    before: Micros | None
    now: Micros
    token: str

    @property
    def name(self) -> str:
        """Tells scopes apart whatever the cut: "" for the whole log, else the names in their order."""
        return "" if self.documents is None else "\n".join(self.documents)

    @property
    def grows(self) -> bool:
        """True if a later cut of this kind only adds events behind."""
        return self.before is None and (self.selection is None or self.selection.is_prefix)


def scope_of(store: EventStore, documents: Sequence[str] | None = None, cut: Cut = NOW) -> Scope:
    """What *cut* of *documents* (None: of the whole log) means now.

    Raises NotFound for what is not there; InvalidRequest for a cut that several documents do not share: they know a
    position, a recorded time, or the token of an earlier answer.
    """
    if documents is None or len(set(documents)) > 1:
        return _of_log(store, None if documents is None else tuple(sorted(set(documents))), cut)
    if not documents:
        raise InvalidRequest("name at least one document", field="document")
    selection = select(store, documents[0], cut)
    now = cut.recorded_at if cut.authored_at is None else cut.authored_at
    if now is None:
        last = store.lines(documents[0], after=selection.revision - 1, until=selection.revision, limit=1)
        now = last[0].recorded_at if last else 0
    return Scope((documents[0],), selection, selection.revision, None, now, selection.token)


def _of_log(store: EventStore, documents: tuple[str, ...] | None, cut: Cut) -> Scope:
    named = cut.named
    if len(named) > 1 or not set(named) <= {"position", "recorded_at", "token"}:
        raise InvalidRequest(
            "several documents share no such moment: name a position, a recorded time or a token", named=list(named)
        )
    for name in documents or ():
        if store.document(name) is None:
            raise NotFound("there is no such document", document=name)
    position, before = store.head().position, cut.recorded_at
    if cut.position is not None:
        if not 0 <= cut.position <= position:
            raise NotFound(f"the log has {position} positions, there is no {cut.position}", position=position)
        position = cut.position
    elif cut.token is not None:
        position, before = _read_token(store, cut.token)
    last = store.read(after=position - 1, until=position, limit=1) if position else []
    now = before if before is not None else last[0].recorded_at if last else 0
    digest = last[0].document_hash if last else GENESIS
    return Scope(documents, None, position, before, now, _token(position, before, digest))


def _token(position: int, before: Micros | None, digest: bytes) -> str:
    out = bytearray((_TOKEN,))
    write_var_uint(out, position)
    write_var_uint(out, 0 if before is None else before + 1)
    out += digest[:_HASH_BYTES]
    return base64.urlsafe_b64encode(bytes(out)).decode().rstrip("=")


def _read_token(store: EventStore, token: str) -> tuple[int, Micros | None]:
    try:
        data = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        if data[0] != _TOKEN:
            raise ValueError
        position, at = read_var_uint(data, 1)
        before, at = read_var_uint(data, at)
    except (ValueError, IndexError, binascii.Error, MalformedMessage) as error:
        raise InvalidRequest("this is not the token of a cut of the whole log", field="token") from error
    last = store.read(after=position - 1, until=position, limit=1) if position else []
    digest = last[0].document_hash if last else GENESIS
    if (position and not last) or digest[:_HASH_BYTES] != data[at:]:
        raise NotFound("the log is not the one that this token was given for", position=position)
    return position, before - 1 if before else None


def events_of(store: EventStore, scope: Scope, after: int, types: Sequence[str]) -> Iterator[Event]:
    """The events of *scope* behind the place *after*: by revision for one document, else by position."""
    selection = scope.selection
    if selection is not None:
        pages = _stream(store, selection.document, after, scope.until, types)
        if selection.is_prefix:
            yield from pages
        else:
            yield from (event for event in pages if selection.holds(event.revision))
        return
    if scope.documents is None:
        found = _stream(store, None, after, scope.until, types)
    else:
        streams = [_from_position(store, name, after, scope.until, types) for name in scope.documents]
        found = heapq.merge(*streams, key=lambda event: event.position)
    before = scope.before
    yield from found if before is None else (event for event in found if event.recorded_at <= before)


def _from_position(store: EventStore, document: str, after: int, until: int, types: Sequence[str]) -> Iterator[Event]:
    low, high = store.revision_at(document, after), store.revision_at(document, until)
    return _stream(store, document, low, high, types)


def _stream(store: EventStore, document: str | None, after: int, until: int, types: Sequence[str]) -> Iterator[Event]:
    while after < until and (page := store.read(document, after=after, until=until, types=types, limit=PAGE)):
        yield from page
        after = page[-1].position if document is None else page[-1].revision


def documents_of(store: EventStore, scope: Scope) -> list[str]:
    """The documents that *scope* has events of, by name."""
    if scope.documents is not None:
        return list(scope.documents)
    found: list[str] = []
    after = ""
    while page := store.documents(after=after, limit=500):
        found += [row.document for row in page if store.revision_at(row.document, scope.until)]
        after = page[-1].document
    return found


def edits_of(store: EventStore, scope: Scope, document: str, after: int, until: int | None = None) -> Iterator[Event]:
    """The edits of *document* within *scope* behind revision *after*, up to *until* at most."""
    selection = scope.selection
    last = scope.until if selection is not None else store.revision_at(document, scope.until)
    for event in _stream(store, document, after, last if until is None else min(until, last), (EDIT_RECORDED,)):
        if selection is not None and not selection.is_prefix and not selection.holds(event.revision):
            continue
        if scope.before is not None and event.recorded_at > scope.before:
            return
        yield event
