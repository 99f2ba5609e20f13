"""A chronicle that was kept on disk is the one that the log gives."""

from __future__ import annotations

from pathlib import Path
from random import Random
from typing import Any

import pytest

from keepboth.events import AWAY
from keepboth.history.chronicle import Chronicle, Chronicles
from keepboth.history.chronicle_bytes import from_bytes, to_bytes
from keepboth.store.fold_checkpoints import Checkpoint, MemoryFoldCheckpoints, SqliteFoldCheckpoints
from keepboth.store.memory import MemoryStore
from tests.history.sessions import DOCUMENT, record
from tests.store.making import Clock, append, edit

SIZE = 7


def a_log(seed: int) -> MemoryStore:
    """A session, and somebody who returns in the end."""
    clock = Clock(10_000)
    store = MemoryStore(now=clock)
    record(store, seed, clock)
    for number in range(Random(seed).randrange(1, 2 * SIZE)):
        clock.now += number
        append(store, DOCUMENT, edit(b"\x00\x00", actor="é\n", session=None, correlation_id=f"{AWAY}{number % 3}"))
    return store


def told(chronicle: Chronicle) -> dict[str, Any]:
    return {
        "who": [chronicle.who(revision) for revision in range(1, chronicle.revision + 1)],
        "recorded": list(chronicle.recorded),
        "others": list(chronicle.others.items()),
        "returns": list(chronicle.returns.items()),
        "hash": chronicle.document_hash,
    }


def last_of(store: MemoryStore) -> int:
    row = store.document(DOCUMENT)
    assert row is not None
    return row.revision


@pytest.mark.parametrize("seed", range(20))
def test_a_kept_chronicle_is_that_of_the_log(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    store = a_log(seed)
    last = last_of(store)
    kept = SqliteFoldCheckpoints(tmp_path / "c.sqlite3", version="test")
    cut = random.randrange(1, last + 1)
    Chronicles(store, kept=kept, size=SIZE).at_least(DOCUMENT, cut)
    assert set(kept.sizes(DOCUMENT)) == set(range(SIZE, cut + 1, SIZE))
    again = Chronicles(store, kept=kept, size=SIZE)
    step = random.randrange(1, last + 1)
    for until in (step, last):
        assert told(again.at_least(DOCUMENT, until)) == told(Chronicles(store).at_least(DOCUMENT, until))
    assert set(kept.sizes(DOCUMENT)) >= set(range(SIZE, max(cut, last - SIZE) + 1, SIZE))
    kept.close()


def test_it_is_read_from_what_is_kept() -> None:
    """A section that says somebody else wrote it all is believed."""
    store = a_log(1)
    kept = MemoryFoldCheckpoints()
    Chronicles(store, kept=kept, size=SIZE).at_least(DOCUMENT, SIZE)
    first = kept.nearest(DOCUMENT, SIZE)
    assert first is not None
    section = from_bytes(first.body)
    assert section is not None
    names = ["nobody" for _ in section.names]
    kept.put(DOCUMENT, first._replace(body=to_bytes(section._replace(names=list(names)))))
    found = Chronicles(store, kept=kept, size=SIZE).at_least(DOCUMENT, SIZE)
    assert {found.who(revision)[0] for revision in range(1, SIZE + 1)} == {"nobody"}


BROKEN = {
    "another log": lambda kept: kept._replace(document_hash=bytes(32)),
    "rubbish": lambda kept: kept._replace(body=b"rubbish"),
    "cut off": lambda kept: kept._replace(body=kept.body[:-5]),
    "nothing": lambda kept: kept._replace(body=b""),
    "too few": lambda kept: kept._replace(body=to_bytes(Chronicles(a_log(2)).at_least(DOCUMENT, 9).section_to(9, 2))),
}


@pytest.mark.parametrize("damage", BROKEN)
def test_what_is_damaged_or_of_another_log_is_read_again(damage: str) -> None:
    store = a_log(2)
    last = last_of(store)
    kept = MemoryFoldCheckpoints()
    Chronicles(store, kept=kept, size=SIZE).at_least(DOCUMENT, last)
    whole = set(kept.sizes(DOCUMENT))
    assert len(whole) > 2
    second = kept.nearest(DOCUMENT, 2 * SIZE)
    assert second is not None
    kept.put(DOCUMENT, Checkpoint(*BROKEN[damage](second)))
    found = Chronicles(store, kept=kept, size=SIZE).at_least(DOCUMENT, last)
    assert told(found) == told(Chronicles(store).at_least(DOCUMENT, last))
    assert set(kept.sizes(DOCUMENT)) == whole, "and kept again"
    assert kept.nearest(DOCUMENT, 2 * SIZE) == second
