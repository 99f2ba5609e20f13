"""Reads that several routes share. They block: call them in a thread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from keepboth.decider.conflicts import CONFLICT_TYPES
from keepboth.decider.documents import DECISION_TYPES, DocumentState, fold_state
from keepboth.errors import NotFound
from keepboth.events import SESSION_JOINED, Event
from keepboth.store.base import DocumentRow, EventStore
from keepboth.store.conflict_log import ConflictStore

PAGE = 1000


def document_row(store: EventStore, document: str) -> DocumentRow:
    """The document's row. Raises NotFound."""
    row = store.document(document)
    if row is None:
        raise NotFound("there is no such document", document=document)
    return row


def events_of(store: EventStore, document: str, types: Iterable[str], until: int) -> Iterator[Event]:
    """Every event of *types* up to a revision, oldest first, a page at a time."""
    wanted = sorted(types)
    after = 0
    while page := store.read(document, after=after, until=until, types=wanted, limit=PAGE):
        yield from page
        after = page[-1].revision


def decisions(store: EventStore, document: str, until: int) -> list[Event]:
    """The document's decisions up to a revision."""
    return list(events_of(store, document, DECISION_TYPES, until))


def state_of(store: EventStore, row: DocumentRow) -> DocumentState:
    """What decisions have made of a document, up to the revision of *row*."""
    return fold_state(events_of(store, row.document, DECISION_TYPES, row.revision))


def known_from_projection(store: EventStore, conflicts: ConflictStore, row: DocumentRow) -> tuple[int, bool]:
    """(revision up to which the stored conflicts are all there are, whether that is up to *row*).

    Only edits can collide, so what comes after the last edit is known as well. What was found in another history of
    the document (its hash differs) counts for nothing. A decision about a conflict must have been taken in, too.
    """
    covered, digest = conflicts.cursor(row.document)
    if covered and store.hash_at(row.document, covered) != digest:
        covered = 0
    if covered < row.revision and store.fold_rows(row.document, after=covered, until=row.revision, limit=1):
        return covered, False
    decided, types = conflicts.decided(row.document), sorted(CONFLICT_TYPES)
    if store.read(row.document, after=decided, until=row.revision, types=types, limit=1):
        return decided, False
    return row.revision, True


def names_of(store: EventStore, document: str, actors: Iterable[str], until: int | None = None) -> dict[str, str]:
    """The newest name that each actor has given, for those that have given one."""
    wanted = set(actors)
    found: dict[str, str] = {}
    while wanted:
        page = store.read(
            document, until=until, types=[SESSION_JOINED], actors=sorted(wanted), reverse=True, limit=PAGE
        )
        for event in page:
            name = _name(event)
            if name is not None and event.actor in wanted:
                found[event.actor] = name
                wanted.discard(event.actor)
        if len(page) < PAGE:
            break
        until = page[-1].revision - 1
    return found


def _name(event: Event) -> str | None:
    try:
        name = json.loads(event.payload or b"null").get("name")
    except (ValueError, AttributeError, RecursionError):
        return None
    return name.encode("utf-8", "replace").decode() if isinstance(name, str) and name else None
