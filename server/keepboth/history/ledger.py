"""Every item a document ever had, with the event that inserted it and all events that deleted it.

The shadow of the conflict engine joins keystrokes and forgets what its question does not need. This one keeps every
event apart, so that any selection of them can be compared with any other. Nobody is taken to know anything: what an
event deletes it deletes, whoever deleted that before, just as the fold of any selection does.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Final

from keepboth.conflicts.model import EditFact
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.errors import NotFound
from keepboth.events import Context
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Selection
from keepboth.history.folding import Folding
from keepboth.store.base import EventStore, FoldRow
from keepboth.yjs.update import decode_update

REMEMBERED: Final = 2
"""Ledgers that each thread keeps at hand: they are large."""

_ROWS: Final = 2000
_UNKNOWING: Final = Context.of(0)


class Ledger:
    """The items of one document up to ``revision``, and the fold they go with.

    ``strokes``: of each released edit, by revision.
    """

    def __init__(self, *, careful: bool = False) -> None:
        self.shadow = Shadow()
        self.strokes: dict[int, Stroke] = {}
        self.fold = DocumentFold(careful=careful)
        self.revision = 0

    def take(self, rows: Sequence[FoldRow]) -> None:
        """Take in the next edits. Raises Poisoned, and the ledger is then useless."""
        for release in self.fold.add([FoldedEdit(*row) for row in rows]):
            batch = []
            for revision, payload in zip(release.revisions, release.payloads, strict=True):
                update = decode_update(payload)
                effective = release.effective if release.together else self.fold.effective(revision) or revision
                name = str(revision)
                fact = EditFact(revision, effective, name, name, _UNKNOWING, update)
                stroke = self.strokes[revision] = Stroke(fact, Session(name))
                batch.append((stroke, update))
            for one in [batch] if release.together else [[entry] for entry in batch]:
                self.shadow.integrate(one)
        if rows:
            self.revision = rows[-1].revision

    def showing(self, folding: Folding, selection: Selection) -> Screen:
        """The screen of somebody who has just the events of *selection*."""
        if selection.is_prefix:
            until = selection.revision
            return lambda stroke: stroke.eff <= until
        folded = folding.at(selection)
        hidden = {entry.revision for entry in folded.waiting.entries()} | folded.quarantined
        return lambda stroke: stroke.rev not in hidden and selection.holds(stroke.rev)


def leaving_out(screen: Screen, revisions: Iterable[int]) -> Screen:
    """*screen* without the work of the edits at *revisions*."""
    left_out = frozenset(revisions)
    return lambda stroke: 0 if stroke.rev in left_out else screen(stroke)


class Ledgers:
    """Ledgers at hand, each in the thread that made it; they go on from where they are."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._here = threading.local()

    def at(self, document: str) -> Ledger:
        """Everything recorded of *document* so far. Raises NotFound, NotDurableNow."""
        row = self._store.document(document)
        if row is None:
            raise NotFound("there is no such document", document=document)
        mine: OrderedDict[str, Ledger] = self._here.__dict__.setdefault("ledgers", OrderedDict())
        ledger = mine.pop(document, None) or Ledger()
        try:
            self._advance(document, ledger, row.revision)
        except Poisoned:
            ledger = Ledger(careful=True)
            self._advance(document, ledger, row.revision)
        mine[document] = ledger
        while len(mine) > REMEMBERED:
            mine.popitem(last=False)
        return ledger

    def _advance(self, document: str, ledger: Ledger, until: int) -> None:
        while rows := self._store.fold_rows(document, after=ledger.revision, until=until, limit=_ROWS):
            ledger.take(rows)
        ledger.revision = max(ledger.revision, until)
