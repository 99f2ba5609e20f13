"""How a document stands: what ``document.quiet`` says beyond who wrote."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from keepboth.api.reading import document_row, known_from_projection
from keepboth.errors import KeepBothError, ShuttingDown
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Cut, select
from keepboth.history.desk import Desk
from keepboth.history.rendering import render
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore, Wanted

CATCH_UP_S: Final = 2.0


class Standings:
    """Asks the log for content, and the conflict log for what is open."""

    def __init__(
        self,
        store: EventStore,
        conflicts: ConflictStore,
        desk: Desk,
        catch_up: Callable[[str, float], Awaitable[int]],
    ) -> None:
        self._store = store
        self._conflicts = conflicts
        self._desk = desk
        self._catch_up = catch_up

    async def __call__(self, document: str, revision: int) -> dict[str, Any]:
        """Content of *document* at *revision*, with its cut; its open conflicts as far as they are known now."""
        selection = await asyncio.to_thread(select, self._store, document, Cut(revision=revision))
        standing: dict[str, Any] = {"cut": selection.token, "hash": selection.document_hash.hex()}
        try:
            shown = await self._desk.ask(document, lambda: render(self._desk.folding, selection, "json"))
            standing |= {"roots": shown.value, "pending": shown.pending, "quarantined": shown.quarantined}
        except (Poisoned, KeepBothError) as error:
            standing |= {"roots": None, "unreadable": error.detail}
        return standing | {"conflicts": await self._open(document, revision)}

    async def _open(self, document: str, revision: int) -> dict[str, Any]:
        """What is known of open conflicts. The engine is asked to catch up if no edit came after *revision*: for who is
        told of the past it is not worth opening the document."""
        known, complete, newest = await asyncio.to_thread(self._known, document, revision)
        if newest and not complete:
            with suppress(ShuttingDown):
                caught_up = await self._catch_up(document, CATCH_UP_S)
                known, complete = max(known, caught_up), caught_up >= revision
        counts = await asyncio.to_thread(self._conflicts.counts, Wanted(document=document))
        return {"open": counts.statuses.get("open", 0), "known_revision": known, "complete": complete}

    def _known(self, document: str, revision: int) -> tuple[int, bool, bool]:
        row = document_row(self._store, document)
        newest = not self._store.fold_rows(document, after=revision, limit=1)
        return *known_from_projection(self._store, self._conflicts, row), newest
