"""Who recorded what when, for every event of a document, without any content: kept at hand, advanced with the log.

About 25 bytes an event. What it answers needs no payload, no fold and no lineage, so it answers first. Of a long one,
sections are kept on disk, each with the chain's hash at its end; they may be deleted at any time.
"""

from __future__ import annotations

import logging
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from keepboth.errors import NotDurableNow
from keepboth.events import AWAY, EDIT_RECORDED, Micros
from keepboth.history.chronicle_bytes import Section, from_bytes, to_bytes
from keepboth.store.base import EventLine, EventStore
from keepboth.store.fold_checkpoints import Checkpoint, FoldCheckpoints

ROWS: Final = 5000

SECTION: Final = 16_384
"""Events that are kept together: reading so many from the log takes 70 ms, from a section 4."""

REMEMBERED_EVENTS: Final = 2_000_000
"""Chronicles with so many events in all are kept at hand, and the last one asked about."""

log = logging.getLogger("keepboth.history")


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

    def section_to(self, until: int, size: int) -> Section:
        """The last *size* events up to revision *until*."""
        after = until - size
        names = sorted({*self.actors[after:until], *self.sessions[after:until]})
        place = {number: at for at, number in enumerate(names)}
        return Section(
            after,
            [self.names[number] for number in names],
            array("I", map(place.__getitem__, self.actors[after:until])),
            array("I", map(place.__getitem__, self.sessions[after:until])),
            self.recorded[after:until],
            self.authored[after:until],
            _within(self.others, after, until),
            _within(self._returns, after, until),
        )

    def take_section(self, section: Section) -> None:
        """Take in the next events, as they were kept."""
        numbers = [self._number(name) for name in section.names]
        self.actors.extend(map(numbers.__getitem__, section.actors))
        self.sessions.extend(map(numbers.__getitem__, section.sessions))
        self.recorded.extend(section.recorded)
        self.authored.extend(section.authored)
        self.others.update(section.others)
        self._returns.update(section.returns)
        self.revision = section.after + len(section.actors)
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


def _within(found: dict[int, str], after: int, until: int) -> dict[int, str]:
    revisions = list(found)
    return {revision: found[revision] for revision in revisions[bisect_right(revisions, after) :] if revision <= until}


class Chronicles:
    """The chronicles that somebody has asked about lately. Safe for threads. *kept*: where sections of them are."""

    def __init__(
        self,
        store: EventStore,
        remembered: int = REMEMBERED_EVENTS,
        *,
        kept: FoldCheckpoints | None = None,
        size: int = SECTION,
    ) -> None:
        self._store = store
        self._sections = kept
        self._size = size
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
            if self._sections is not None and revision - chronicle.revision >= self._size:
                self._restore(chronicle, self._sections, revision)
            began = chronicle.revision
            while chronicle.revision < revision:
                after, until = chronicle.revision, min(revision, chronicle.revision + ROWS)
                chronicle.take(self._store.lines(document, after=after, until=until, limit=ROWS, contexts=False))
                chronicle.document_hash = self._store.hash_at(document, chronicle.revision) or b""
            if self._sections is not None and chronicle.revision // self._size > began // self._size:
                self._keep(chronicle, self._sections, began)
            self._kept[document] = chronicle
            while len(self._kept) > 1 and sum(kept.revision for kept in self._kept.values()) > self._remembered:
                self._kept.popitem(last=False)
            return chronicle

    def _restore(self, chronicle: Chronicle, sections: FoldCheckpoints, until: int) -> None:
        """Take in what is kept and belongs to this log; forget what does not."""
        document = chronicle.document
        try:
            for last in range(chronicle.revision + self._size, until + 1, self._size):
                kept = sections.nearest(document, last)
                if kept is None or kept.revision != last:
                    return
                found = from_bytes(kept.body)
                if (
                    found is None
                    or (found.after, len(found.actors)) != (chronicle.revision, self._size)
                    or self._store.hash_at(document, last) != kept.document_hash
                ):
                    sections.drop(document, after=chronicle.revision)
                    return
                chronicle.take_section(found)
                chronicle.document_hash = kept.document_hash
        except NotDurableNow as error:
            log.warning("the chronicle of %r cannot be read from its file: %s", document, error)

    def _keep(self, chronicle: Chronicle, sections: FoldCheckpoints, began: int) -> None:
        """Keep every whole section that ends behind revision *began*."""
        document = chronicle.document
        try:
            for last in range(began - began % self._size + self._size, chronicle.revision + 1, self._size):
                digest = self._store.hash_at(document, last)
                if digest is not None:
                    body = to_bytes(chronicle.section_to(last, self._size))
                    sections.put(document, Checkpoint(last, digest, body))
        except NotDurableNow as error:
            log.warning("the chronicle of %r could not be kept: %s", document, error)

    def _holds(self, chronicle: Chronicle) -> bool:
        """False if the log has been put in the place of another since."""
        found: bytes | None = b""
        with suppress(LookupError):
            found = self._store.hash_at(chronicle.document, chronicle.revision)
        return found == chronicle.document_hash or chronicle.revision == 0
