"""A document's edits in the order in which they became visible, without building the document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Final, NamedTuple

from keepboth.errors import MalformedUpdate
from keepboth.fold.waiting import WaitingRoom
from keepboth.history.cuts import Selection
from keepboth.store.base import EventLine, EventStore, FoldRow
from keepboth.yjs.structs import SKIP, Update
from keepboth.yjs.update import decode_update

PAGE: Final = 1000


class ReleasedEdit(NamedTuple):
    """An edit, when it was recorded and by whom, and what it brought."""

    line: EventLine
    update: Update


def releases(store: EventStore, selection: Selection) -> Iterator[tuple[EventLine, list[ReleasedEdit]]]:
    """The readable edits of *selection*: ``(the event that released them, those that became visible with it)``.

    What waits for something that is not in the selection, or was erased, does not come.
    """
    work = _Releasing(not selection.is_prefix)
    at = 0
    while at < selection.revision:
        lines = store.lines(selection.document, after=at, until=selection.revision, limit=PAGE)
        if not lines:
            return
        rows = store.fold_rows(selection.document, after=at, until=lines[-1].revision, limit=PAGE)
        edits = {row.revision: row for row in rows}
        at = lines[-1].revision
        for line in lines:
            row = edits.get(line.revision)
            if row is not None and selection.holds(line.revision):
                released = work.take(line, row)
                if released:
                    yield line, released


class _Releasing:
    """``gaps``: not everything that is recorded comes, so even an edit that was ready may have to wait."""

    def __init__(self, gaps: bool) -> None:
        self._gaps = gaps
        self._room = WaitingRoom()
        self._held: dict[int, ReleasedEdit] = {}
        self._clocks: dict[int, int] = {}

    def take(self, line: EventLine, row: FoldRow) -> list[ReleasedEdit]:
        """The edits that become visible with this one."""
        update = None
        if row.payload is not None and row.disposition != "quarantined":
            with suppress(MalformedUpdate):
                update = decode_update(row.payload)
        if update is None or row.payload is None:
            self._gaps = True
            return []
        edit = ReleasedEdit(line, update)
        if row.disposition == "ready" and not self._held and not self._gaps:
            self._note(update)
            return [edit]
        self._held[row.revision] = edit
        self._room.add(row.revision, row.payload, update)
        released = [self._held.pop(entry.revision) for entry in self._room.release(self._clocks)]
        for one in released:
            self._note(one.update)
        return released

    def _note(self, update: Update) -> None:
        for client, structs in update.structs.items():
            last = structs[-1]
            if last.kind != SKIP:
                self._clocks[client] = max(self._clocks.get(client, 0), last.clock + last.length)
