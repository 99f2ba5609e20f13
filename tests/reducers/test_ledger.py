"""Deltas against the CRDT: what came and what went is exactly the difference between two documents."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import pytest

from keepboth.events import EDIT_RECORDED
from keepboth.history.cuts import Cut, prefix, select
from keepboth.reducers.ledger import Ledger, Span
from keepboth.reducers.scope import edits_of, scope_of
from keepboth.store.memory import MemoryStore
from keepboth.yjs.structs import Id
from tests.history.sessions import DOCUMENT, record
from tests.reducers.oracle import standing_at
from tests.store.making import Clock, Salts

SEEDS = range(40)


def session(seed: int, *, disorder: bool = True) -> MemoryStore:
    clock = Clock()
    store = MemoryStore(now=clock, salts=Salts())
    record(store, seed, clock, disorder=disorder)
    return store


def ids(spans: Iterable[Span], kind: str) -> list[Id]:
    return [(span.id[0], span.id[1] + at) for span in spans if span.kind == kind for at in range(span.units)]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_delta_is_the_difference_of_two_documents(seed: int) -> None:
    store = session(seed)
    ledger = Ledger()
    before: set[Id] = set()
    for event in store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000):
        spans = ledger.take(event)
        after = standing_at(store, prefix(store, DOCUMENT, event.revision))
        came, went = ids(spans, "insert"), ids(spans, "delete")
        assert (sorted(came), sorted(went)) == (sorted(after - before), sorted(before - after)), event.revision
        before = after


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cut_with_gaps_adds_up_to_its_document(seed: int) -> None:
    store = session(seed)
    random = Random(seed)
    events = store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000)
    for event in random.sample(events, 5):
        scope = scope_of(store, [DOCUMENT], Cut(seen_by=event.id))
        ledger = Ledger(gaps=True)
        there: set[Id] = set()
        for edit in edits_of(store, scope, DOCUMENT, 0):
            spans = ledger.take(edit)
            there |= set(ids(spans, "insert"))
            there -= set(ids(spans, "delete"))
        assert there == standing_at(store, select(store, DOCUMENT, Cut(seen_by=event.id)))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_unit_has_its_author_and_its_time(seed: int) -> None:
    store = session(seed)
    ledger = Ledger()
    wrote = {}
    for event in store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000):
        for span in ledger.take(event):
            assert span.author == span.session == f"y:{span.id[0]}"
            if span.kind == "insert":
                edit = store.read(DOCUMENT, after=span.written - 1, until=span.written)[0]
                assert (span.actor, span.revision, span.written_at) == (edit.actor, edit.revision, edit.authored_at)
                wrote.update(dict.fromkeys(ids([span], "insert"), span))
            else:
                for unit in ids([span], "delete"):
                    assert wrote[unit][8:11] == span[8:11]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_items_that_show_are_the_document(seed: int) -> None:
    store = session(seed)
    ledger = Ledger()
    for event in store.read(DOCUMENT, types=[EDIT_RECORDED], limit=10_000):
        ledger.take(event)
    shown = sum(item.units for item in ledger.items() if item.shows)
    assert shown == len(standing_at(store, select(store, DOCUMENT)))
