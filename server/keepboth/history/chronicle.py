"""Who recorded what when, for every event of a document, without any content: kept at hand, advanced with the log.

About 25 bytes an event. What it answers needs no payload, no fold and no lineage, so it answers first.
"""

from __future__ import annotations

import threading
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from keepboth.events import AWAY, EDIT_RECORDED, Micros
from keepboth.store.base import EventLine, EventStore

ROWS: Final = 5000

REMEMBERED_EVENTS: Final = 2_000_000
"""Chronicles with so many events in all are kept at hand, and the last one asked about."""


class Chronicle:
    """The events of one document in columns, from the first to ``revision``. Only ever appended to: whoever reads up to
    a revision that is there may do so while it grows."""

    def __init__(self, document: str) -> None:
        self.document = document
        self.revision = 0
        self.document_hash = b""
        self.names: list[str | None] = []
        """Actors and sessions, by number."""
        self.actors = array("L")
        self.sessions = array("L")
        self.recorded = array("q")
        self.authored = array("q")
        self.others: dict[int, str] = {}
        """The events that are no edits: revision -> type, ascending."""
        self.memo: dict[object, object] = {}
        """Answers that took long, until the log goes on."""
        self._numbers: dict[str | None, int] = {}
        self._returns: dict[int, str] = {}

    def take(self, lines: Sequence[EventLine]) -> None:
        """Take in the next events of the stream."""
        number = self._number
        for line in lines:
            self.actors.append(number(line.actor))
            self.sessions.append(number(line.session))
            self.recorded.append(line.recorded_at)
            self.authored.append(line.authored_at)
            if line.type != EDIT_RECORDED:
                self.others[line.revision] = line.type
            elif line.correlation_id is not None and line.correlation_id.startswith(AWAY):
                self._returns[line.revision] = line.correlation_id
        if lines:
            self.revision = lines[-1].revision
            self.memo = {}

    def _number(self, name: str | None) -> int:
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers[name] = len(self.names)
            self.names.append(name)
        return number

    def who(self, revision: int) -> tuple[str, str | None, Micros]:
        """(actor, session, when authored) of *revision*."""
        at = revision - 1
        return self.names[self.actors[at]] or "", self.names[self.sessions[at]], self.authored[at]

    def stretch(self, revision: int) -> str | None:
        """The offline stretch (a correlation id) that the edit at *revision* was written in, if it was."""
        return self._returns.get(revision)

    @property
    def returns(self) -> dict[int, str]:
        """By revision, ascending: the offline stretch of every edit that was written in one."""
        return self._returns


class Chronicles:
    """The chronicles that somebody has asked about lately. Safe for threads."""

    def __init__(self, store: EventStore, remembered: int = REMEMBERED_EVENTS) -> None:
        self._store = store
        self._remembered = remembered
        self._kept: OrderedDict[str, Chronicle] = OrderedDict()
        self._lock = threading.Lock()

    def at_least(self, document: str, revision: int) -> Chronicle:
        """The chronicle of *document* from its first event to *revision* or beyond. About 4 µs an event that is new.

        Raises NotDurableNow, StoreDamaged.
        """
        with self._lock:
            chronicle = self._kept.pop(document, None)
            if chronicle is None or not self._holds(chronicle):
                chronicle = Chronicle(document)
            while chronicle.revision < revision:
                after, until = chronicle.revision, min(revision, chronicle.revision + ROWS)
                chronicle.take(self._store.lines(document, after=after, until=until, limit=ROWS, contexts=False))
                chronicle.document_hash = self._store.hash_at(document, chronicle.revision) or b""
            self._kept[document] = chronicle
            while len(self._kept) > 1 and sum(kept.revision for kept in self._kept.values()) > self._remembered:
                self._kept.popitem(last=False)
            return chronicle

    def _holds(self, chronicle: Chronicle) -> bool:
        """False if the log has been put in the place of another since."""
        found: bytes | None = b""
        with suppress(LookupError):
            found = self._store.hash_at(chronicle.document, chronicle.revision)
        return found == chronicle.document_hash or chronicle.revision == 0
