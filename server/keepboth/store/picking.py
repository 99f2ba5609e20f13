"""Some events of a document, by their revisions."""

from __future__ import annotations

from collections.abc import Iterable

from keepboth.events import Event, compress_ranges
from keepboth.store.base import EventStore


def events_at(store: EventStore, document: str, revisions: Iterable[int], limit: int) -> list[Event]:
    """The events with these revisions, in order; of more than *limit*, as many of the first as of the last ones."""
    wanted = sorted(set(revisions))
    if len(wanted) > limit:
        half = limit // 2
        wanted = wanted[: limit - half] + wanted[len(wanted) - half :]
    found: list[Event] = []
    for first, last in compress_ranges(wanted):
        found += store.read(document, after=first - 1, until=last, limit=last - first + 1)
    return found
