"""What comes next in a feed, a page at a time. Blocks: call it in a thread."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from keepboth.events import EDIT_RECORDED, Event, Micros
from keepboth.feeds.quiet import QUIET_US, Burst, bursts
from keepboth.store.base import EventStore
from keepboth.store.choice import DOCUMENT_QUIET, Choice

PAGE_EVENTS: Final = 500
PAGE_BYTES: Final = 256 * 1024
CHUNK: Final = 100
WINDOW: Final = 20_000
"""Positions that one page looks through at most where a filter leaves most of them out (about 20 ms)."""


Item = Event | Burst


class Page(NamedTuple):
    """``items`` in order of position. Everything wanted up to ``cursor`` is in this page or came before it.

    ``more``: there is more of the log to look at now. ``again_us``: look again after so long even if nothing moves.
    """

    items: list[Item]
    cursor: int
    more: bool
    again_us: Micros | None = None


def read_page(store: EventStore, wanted: Choice, after: int, now: Micros, limit: int = PAGE_EVENTS) -> Page:
    """The next page behind position *after*: at most *limit* items, and about `PAGE_BYTES`."""
    head = store.head().position
    if after >= head:
        return Page([], after, False)
    return (
        _quiet_page(store, wanted, after, now, limit, head)
        if wanted.quiet
        else _page(store, wanted, after, limit, head)
    )


def _page(store: EventStore, wanted: Choice, after: int, limit: int, head: int) -> Page:
    filtered = bool(wanted.types or wanted.actors)
    until = head if wanted.document is not None or not filtered else min(head, after + WINDOW)
    items: list[Item] = []
    size = 0
    for event in _read(store, wanted.document, wanted.types, wanted.actors, after, until, limit):
        items.append(event)
        size += event.payload_len
        if size > PAGE_BYTES or len(items) == limit:
            return Page(items, event.position, event.position < head)
    cursor = max(until, items[-1].position if items else 0)
    return Page(items, cursor, cursor < head)


def _read(
    store: EventStore,
    document: str | None,
    types: tuple[str, ...],
    actors: tuple[str, ...],
    after: int,
    until: int,
    limit: int,
) -> Iterator[Event]:
    """Events behind position *after*; a document's may go beyond *until*, and then none in between is left out."""
    place = after if document is None else store.revision_at(document, after)
    while True:
        wanted = min(CHUNK, limit)
        chunk = store.read(
            document,
            after=place,
            until=until if document is None else None,
            types=types,
            actors=actors,
            limit=wanted,
        )
        yield from chunk
        limit -= len(chunk)
        if len(chunk) < wanted or limit <= 0:
            return
        place = chunk[-1].position if document is None else chunk[-1].revision


def _quiet_page(store: EventStore, wanted: Choice, after: int, now: Micros, limit: int, head: int) -> Page:
    """As `_page`, for what is as old as `QUIET_US`: only then is it known what ends a burst."""
    types = (EDIT_RECORDED, *(name for name in wanted.types if name != DOCUMENT_QUIET))
    until = head if wanted.document is not None else min(head, after + WINDOW)
    cursor, again_us = until, None
    edits: dict[str, list[tuple[int, int]]] = {}
    items: list[Item] = []
    size = 0
    for count, event in enumerate(_read(store, wanted.document, types, (), after, until, WINDOW), 1):
        if event.recorded_at > now - QUIET_US:
            cursor, again_us = event.position - 1, event.recorded_at - (now - QUIET_US)
            break
        cursor = max(cursor, event.position)
        if event.type == EDIT_RECORDED:
            edits.setdefault(event.document, []).append((event.revision, event.position))
        elif not wanted.actors or event.actor in wanted.actors:
            items.append(event)
            size += event.payload_len
        if size > PAGE_BYTES or count == 4 * PAGE_EVENTS:
            cursor = event.position
            break
    for document, mine in edits.items():
        for burst in bursts(store, document, mine):
            if not wanted.actors or any(actor in wanted.actors for actor, _ in burst.actors):
                items.append(burst)
    items.sort(key=lambda item: item.position)
    if len(items) > limit:
        items, cursor, again_us = items[:limit], items[limit - 1].position, None
    return Page(items, cursor, again_us is None and cursor < head, again_us)
