"""The order in which recorded edits become part of a document: most at once, some when what they build on has come."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Generic, Protocol, TypeVar

from keepboth.events import Disposition
from keepboth.fold.waiting import WaitingRoom
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update


class Recorded(Protocol):
    """A recorded edit."""

    @property
    def revision(self) -> int: ...

    @property
    def disposition(self) -> Disposition: ...

    @property
    def payload(self) -> bytes | None: ...


Edit = TypeVar("Edit", bound=Recorded)


class Arrivals(Generic[Edit]):
    """Give it edits in revision order. *gaps*: some before may be missing, so every edit is looked at.

    ``clocks`` says what the document has already.
    """

    def __init__(self, clocks: Callable[[], Mapping[int, int]], *, gaps: bool = False) -> None:
        self._clocks = clocks
        self._gaps = gaps
        self._waiting = WaitingRoom()
        self._held: dict[int, tuple[Edit, Update]] = {}

    def take(self, edit: Edit) -> list[tuple[Edit, Update]]:
        """The edits that became part of the document with *edit*, by revision; they may build on each other."""
        payload = edit.payload
        if payload is None or edit.disposition == "quarantined":
            self._gaps = True
            return []
        update = decode_update(payload)
        if edit.disposition == "ready" and not self._gaps and not self._held:
            return [(edit, update)]
        self._held[edit.revision] = (edit, update)
        self._waiting.add(edit.revision, payload, update)
        return [self._held.pop(one.revision) for one in self._waiting.release(self._clocks())]
