"""A log as lines and back: the same hashes, whatever happened in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from keepboth.api.archive import lines, parts
from keepboth.exchange.archive import archive, header_of
from keepboth.exchange.restoring import Restored, restore
from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from tests.exchange.lives import DOCUMENTS, live
from tests.store.making import Clock, Salts


def lived(seed: int, batches: int = 25) -> MemoryStore:
    clock = Clock()
    store = MemoryStore(now=clock, salts=Salts())
    live(store, clock, seed, batches)
    return store


def written(store: EventStore, document: str | None = None, after: int = 0) -> list[bytes]:
    return list(lines(archive(store, header_of(store, document, after=after))))


def taken(store: EventStore, text: Iterable[bytes]) -> Restored:
    return restore(store, parts(text))


def everything(store: EventStore) -> list[object]:
    """All that two stores can have in common."""
    whole = store.read_whole(limit=10_000)
    digests = {one.event.message_digest for one in whole} - {None}
    return [
        store.head(),
        store.commits(),
        whole,
        store.documents(),
        {digest: store.message(digest) for digest in digests if digest is not None},
        {name: store.session_clients(name) for name in DOCUMENTS},
        {name: store.fold_rows(name) for name in DOCUMENTS},
        list(store.verify()),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_an_imported_log_is_the_same_log(seed: int, tmp_path: Path) -> None:
    origin = lived(seed)
    text = written(origin)
    copy = SqliteStore(tmp_path / "copy.db")
    try:
        result = taken(copy, text)
        assert (result.same_head, result.clashes, result.known) == (True, [], 0)
        assert result.appended == origin.head().position
        assert everything(copy) == everything(origin)
        again = taken(copy, text)
        assert (again.appended, again.known, again.clashes) == (0, origin.head().position, [])
        memory = MemoryStore()
        taken(memory, [line.replace(origin.store_id.encode(), copy.store_id.encode()) for line in text])
        assert everything(memory) == everything(copy)
        assert written(copy)[1:] == [
            line.replace(origin.store_id.encode(), copy.store_id.encode()) for line in text[1:]
        ]
    finally:
        copy.close()
