"""How a document stands: what ``document.quiet`` says beyond who wrote."""

from __future__ import annotations

import asyncio
from typing import Any

from keepboth.api.reading import document_row, known_from_projection
from keepboth.errors import KeepBothError
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Cut, select
from keepboth.history.desk import Desk
from keepboth.history.rendering import render
from keepboth.store.base import ConflictStore, EventStore


class Standings:
    """Asks the log for content, and the conflict log for what is open."""

    def __init__(self, store: EventStore, conflicts: ConflictStore, desk: Desk) -> None:
        self._store = store
        self._conflicts = conflicts
        self._desk = desk

    async def __call__(self, document: str, revision: int) -> dict[str, Any]:
        """Content of *document* at *revision*, with its cut; its open conflicts as far as they are known now."""
        selection = await asyncio.to_thread(select, self._store, document, Cut(revision=revision))
        standing: dict[str, Any] = {"cut": selection.token, "hash": selection.document_hash.hex()}
        try:
            shown = await self._desk.ask(document, lambda: render(self._desk.folding, selection, "json"))
            standing |= {"roots": shown.value, "pending": shown.pending, "quarantined": shown.quarantined}
        except (Poisoned, KeepBothError) as error:
            standing |= {"roots": None, "unreadable": error.detail}
        return standing | {"conflicts": await asyncio.to_thread(self._open, document)}

    def _open(self, document: str) -> dict[str, Any]:
        row = document_row(self._store, document)
        known, complete = known_from_projection(self._store, self._conflicts, row)
        count = self._conflicts.count(document) if known else 0
        return {"open": count, "known_revision": known, "complete": complete}
