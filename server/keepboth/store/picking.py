"""Some events of a document, by their revisions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from keepboth.events import Event, compress_ranges
from keepboth.store.base import EventStore

_T = TypeVar("_T")


def events_at(store: EventStore, document: str, revisions: Iterable[int], limit: int) -> list[Event]:
    """The events with these revisions, in order; of more than *limit*, as many of the first as of the last ones."""
    return _read(store, document, _some(revisions, limit))


class Picking(Generic[_T]):
    """What *make* makes of events of *document*, each of which is read once, however often it is asked for."""

    def __init__(self, store: EventStore, document: str, make: Callable[[Event], _T]) -> None:
        self._store = store
        self._document = document
        self._make = make
        self._known: dict[int, _T] = {}

    def at(self, revisions: Iterable[int], limit: int) -> list[_T]:
        """Of the same events, in the same order, as `events_at`."""
        wanted = _some(revisions, limit)
        missing = [revision for revision in wanted if revision not in self._known]
        if missing:
            for event in _read(self._store, self._document, missing):
                self._known[event.revision] = self._make(event)
        return [self._known[revision] for revision in wanted if revision in self._known]


def _some(revisions: Iterable[int], limit: int) -> list[int]:
    wanted = sorted(set(revisions))
    if len(wanted) > limit:
        half = limit // 2
        wanted = wanted[: limit - half] + wanted[len(wanted) - half :]
    return wanted


def _read(store: EventStore, document: str, wanted: list[int]) -> list[Event]:
    found: list[Event] = []
    for first, last in compress_ranges(wanted):
        found += store.read(document, after=first - 1, until=last, limit=last - first + 1)
    return found
