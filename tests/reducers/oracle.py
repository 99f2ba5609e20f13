"""What reducers should say, the slow way: the document folded anew at every revision and read unit by unit."""

from __future__ import annotations

from collections import Counter

from keepboth.fold.document import DocumentFold
from keepboth.history.cuts import Selection
from keepboth.history.folding import plain_folding
from keepboth.store.base import EventStore
from keepboth.yjs.structs import DELETED, FORMAT, GC, SKIP, Id
from keepboth.yjs.update import decode_update


def standing(folded: DocumentFold) -> set[Id]:
    """The ids of all units that the CRDT itself says are in the document."""
    return units(folded.replica.update_since())


def units(whole: bytes) -> set[Id]:
    """The ids of all units that a document's state as an update does not call deleted."""
    update = decode_update(whole)
    gone = {
        (client, clock + at)
        for client, ranges in update.deletes.items()
        for clock, length in ranges
        for at in range(length)
    }
    return {
        (client, struct.clock + at)
        for client, structs in update.structs.items()
        for struct in structs
        if struct.kind not in (DELETED, FORMAT, GC, SKIP)
        for at in range(struct.length)
    } - gone


def standing_at(store: EventStore, selection: Selection) -> set[Id]:
    return standing(plain_folding(store).at(selection))


def left_by_author(store: EventStore, selection: Selection) -> dict[str, int]:
    """Units in the document, by actor: a client id is one actor's in the tests' sessions."""
    return dict(Counter(f"y:{client}" for client, _ in standing_at(store, selection)))
