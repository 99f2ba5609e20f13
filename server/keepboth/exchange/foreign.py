"""Yjs updates from elsewhere into a document: what another server kept, or a file that somebody saved.

The same rules as for edits that come through a socket (``decider/edits.py``), for a log that nobody else writes to
meanwhile. Who had seen what is not known, so contexts have two bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

from keepboth.decider.edits import Owner, RecordEdit, decide_edit, is_known, missing_dependencies, runs, take_in
from keepboth.decider.identity import Identity
from keepboth.errors import MalformedUpdate
from keepboth.events import (
    DOCUMENT_CREATED,
    Context,
    Draft,
    EventId,
    ExpectedRevision,
    Micros,
    Seen,
    check_document_name,
)
from keepboth.fold.document import DocumentFold, FoldedEdit, fold, readable_form
from keepboth.store.base import Append, EventStore, Refused
from keepboth.yjs.slicing import dependencies, inserted
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update

CHUNK: Final = 500
"""Edits that are recorded as one commit."""

_ROWS: Final = 2000


class ForeignUpdate(NamedTuple):
    """An update as it was kept elsewhere, and when that was, if it is known."""

    payload: bytes
    at: Micros | None = None


@dataclass(slots=True)
class Brought:
    """What came of an import into one document. ``known``: everything in them was there already."""

    document: str
    updates: int = 0
    recorded: int = 0
    known: int = 0
    pending: int = 0
    quarantined: int = 0
    revision: int = 0
    document_hash: bytes = b""


def import_id(document: str, payload: bytes) -> EventId:
    """The id (UUIDv8) of the event that *payload* is imported as: the same each time, so a repeat is a duplicate."""
    digest = bytearray(sha256(b"keepboth import\0" + document.encode() + b"\0" + payload).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def bring(
    store: EventStore,
    document: str,
    updates: Iterable[ForeignUpdate],
    new_id: Callable[[], EventId],
    *,
    actor: str = "import",
    state: ForeignUpdate | None = None,
    one_author: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Brought:
    """Record *updates*, one event each, in *document*; made if there is none.

    What builds on a later one comes after it. ``state`` is a copy of the whole document: it is recorded if it holds
    what no update brought. ``one_author``: whatever client ids they name, they are *actor*'s (and an update that cannot
    be read is refused with MalformedUpdate); else an update of one client is ``client:<id>``'s, as if it had been here.

    Safe to repeat. Raises InvalidRequest for a name that is none, NotDurableNow.
    """
    work = _Work(store, check_document_name(document), new_id, actor, one_author)
    for update in updates:
        work.take(update)
        if progress is not None:
            progress(1)
    work.take_held()
    if state is not None:
        work.take_state(state)
    work.write()
    row = store.document(document)
    if row is not None:
        work.result.revision, work.result.document_hash = row.revision, row.document_hash
    return work.result


class _Work:
    def __init__(
        self, store: EventStore, document: str, new_id: Callable[[], EventId], actor: str, one_author: bool
    ) -> None:
        self.result = Brought(document)
        self._store = store
        self._document = document
        self._new_id = new_id
        self._actor = actor
        self._one_author = one_author
        row = store.document(document)
        self._recorded = self._last = 0 if row is None else row.revision
        self._create = row is None
        self._identity = _identity_of(store, document)
        self._drafts: list[Draft] = []
        self._held: list[tuple[ForeignUpdate, Update]] = []

    def take(self, foreign: ForeignUpdate) -> None:
        """Record an update, unless it builds on what has not come: that is held until it has."""
        self.result.updates += 1
        try:
            update = decode_update(foreign.payload)
        except MalformedUpdate:
            if self._one_author:
                raise
            self._decide(foreign, None)
            return
        if missing_dependencies(update, self._identity):
            self._held.append((foreign, update))
            return
        self._decide(foreign, update)
        moved = bool(self._held)
        while moved:
            moved = False
            for entry in list(self._held):
                if not missing_dependencies(entry[1], self._identity):
                    self._held.remove(entry)
                    self._decide(*entry)
                    moved = True

    def take_held(self) -> None:
        """What builds on something that never came is recorded all the same: it waits."""
        held, self._held = self._held, []
        for foreign, update in held:
            self._decide(foreign, update)

    def take_state(self, foreign: ForeignUpdate) -> None:
        """Record a copy of the document if it brings content; a copy's deletes are partly the merge's own."""
        try:
            update = decode_update(foreign.payload)
        except MalformedUpdate:
            return
        if not inserted(update).difference(self._identity.inserted).is_empty:
            self.result.updates += 1
            self._decide(foreign, update)

    def _decide(self, foreign: ForeignUpdate, update: Update | None) -> None:
        event_id = import_id(self._document, foreign.payload)
        if self._store.get(event_id) is not None:
            self.result.known += 1
            return
        readable = update is not None and readable_form(foreign.payload, update) is not None
        update = update or Update()
        if readable and self._one_author and is_known(update, self._identity):
            self.result.known += 1
            return
        command = RecordEdit(
            self._owner(update),
            frozenset(update.structs),
            foreign.payload,
            update,
            Context(Seen(min(self._proved(update), self._last)), Seen(self._last)),
            "structure",
            self._last,
            readable=readable,
            authored_at=foreign.at,
            time_quality="assumed" if foreign.at is None else "claimed",
            event_id=event_id,
        )
        decided = decide_edit(command, self._identity, {}, self._new_id)
        if not decided.drafts:
            self.result.known += 1
            return
        (draft,), (piece,) = decided.drafts, decided.updates
        self._drafts.append(draft)
        self._last = self._recorded + self._create + len(self._drafts)
        for client, structs in piece.structs.items():
            for clock, length in runs(structs):
                self._identity.insertions.add(client, clock, length, self._last)
        self.result.recorded += 1
        self.result.pending += draft.disposition == "pending"
        self.result.quarantined += draft.disposition == "quarantined"
        if len(self._drafts) >= CHUNK:
            self.write()

    def _owner(self, update: Update) -> Owner:
        if not self._one_author and len(update.structs) == 1:
            (client,) = update.structs
            return Owner(f"y:{client}", f"client:{client}", "import")
        return Owner(f"import:{self._actor}", self._actor, "import")

    def _proved(self, update: Update) -> int:
        """The last revision that the update names content of."""
        revision_of = self._identity.insertions.revision_of
        named = dependencies(update)
        return max((revision_of(client, clock + length - 1) for client, clock, length in named), default=0)

    def write(self) -> None:
        """Record what is decided, provided that nobody else wrote meanwhile."""
        if not self._drafts:
            return
        drafts, self._drafts = self._drafts, []
        create = None
        if self._create:
            create = Draft(DOCUMENT_CREATED, self._new_id(), b'{"title":null}', actor=self._actor, actor_kind="import")
        condition = ExpectedRevision(self._recorded)
        (answer,) = self._store.append([Append(self._document, drafts, condition=condition, create=create)])
        if isinstance(answer, Refused):
            raise answer.error
        self._recorded = answer.receipts[-1].revision
        self._create = False


def _identity_of(store: EventStore, document: str) -> Identity:
    """What a document holds, edits that wait included."""

    def read(after: int) -> list[FoldedEdit]:
        return [FoldedEdit(*row) for row in store.fold_rows(document, after=after, limit=_ROWS)]

    folded: DocumentFold = fold(read)
    replica = folded.replica
    identity = Identity(folded.clocks(), replica.deletes(), replica.deletes)
    for entry in folded.waiting.entries():
        for client, clock, length in entry.brings:
            identity.inserted.add(client, clock, length)
            identity.waiting.add(client, clock, length)
        for client, ranges in entry.deletes.items():
            for clock, length in ranges:
                identity.deleted.add(client, clock, length)
    for update in folded.take_set_aside():
        take_in(identity, update, "pending", "")
    identity.quarantined |= folded.unreadable
    return identity
