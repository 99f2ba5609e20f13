"""The titles of documents, remembered for searching: decisions give them, and the list's rows do not hold them."""

from __future__ import annotations

import json
from collections.abc import Callable
from threading import Lock
from typing import Final

from keepboth.events import DOCUMENT_CREATED, DOCUMENT_RENAMED
from keepboth.store.base import DocumentRow, EventStore

MAX_KEPT: Final = 100_000
"""Titles in memory; of more documents, all are forgotten and read again."""

TITLING: Final = (DOCUMENT_CREATED, DOCUMENT_RENAMED)


class Titles:
    """What documents are called, up to the revision that each was looked at. A first look reads a few events of the
    document, a later one only those that came since. Blocks: use it in a thread."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._known: dict[str, tuple[int, str | None]] = {}
        self._lock = Lock()

    def of(self, row: DocumentRow) -> str | None:
        """The title at the revision of *row*."""
        with self._lock:
            seen, title = self._known.get(row.document, (0, None))
        if seen < row.revision:
            title = self._newer(row, seen) or title
            with self._lock:
                if len(self._known) >= MAX_KEPT:
                    self._known.clear()
                self._known[row.document] = (row.revision, title)
        return title

    def matching(self, text: str) -> Callable[[DocumentRow], bool]:
        """Whether a document has *text* in its name or its title, in any case."""
        needle = text.casefold()

        def fits(row: DocumentRow) -> bool:
            return needle in row.document.casefold() or needle in (self.of(row) or "").casefold()

        return fits if needle else lambda row: True

    def _newer(self, row: DocumentRow, after: int) -> str | None:
        until: int | None = row.revision
        while page := self._store.read(row.document, after=after, until=until, types=TITLING, reverse=True, limit=10):
            for event in page:
                title = json.loads(event.payload or b"{}").get("title")
                if title:
                    return str(title)
            until = page[-1].revision - 1
        return None
