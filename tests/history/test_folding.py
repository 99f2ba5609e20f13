"""The document at any cut is the fold of just those events, whatever checkpoints there are."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from keepboth.events import Seen
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.views import json_value
from keepboth.history.cuts import Cut, select, selection_of
from keepboth.history.folding import Folding, plain_folding
from keepboth.store.base import EventStore
from keepboth.store.fold_checkpoints import Checkpoint, MemoryFoldCheckpoints, SqliteFoldCheckpoints
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs.idset import IdSet
from tests.history.sessions import DOCUMENT, Recorded, record
from tests.store.making import Clock, append, edit
from tests.yjs.documents import contents


def whole(store: EventStore, until: int) -> DocumentFold:
    """A full replay."""
    fold = DocumentFold()
    fold.add([FoldedEdit(*row) for row in store.fold_rows(DOCUMENT, until=until, limit=100_000)])
    return fold


def seen(fold: DocumentFold) -> object:
    return (
        json_value(fold.replica),
        json_value(fold.replica, fold.roots),
        fold.clocks(),
        fold.replica.deletes(),
        sorted(entry.revision for entry in fold.waiting.entries()),
        fold.late,
    )


@pytest.mark.parametrize("seed", range(30))
def test_any_revision_is_full_replay(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    clock = Clock()
    store = SqliteStore(tmp_path / "log.sqlite3", now=clock)
    record(store, seed, clock)
    checkpoints = SqliteFoldCheckpoints(tmp_path / "folds.sqlite3", version=1)
    folding = Folding(store, checkpoints, every=7)
    head = select(store, DOCUMENT).revision
    moments = [head, *(random.randrange(head + 1) for _ in range(12))]
    moments += [moment + step for moment in moments[1:4] for step in (1, -1) if 0 <= moment + step <= head]
    for revision in moments:
        assert seen(folding.at(select(store, DOCUMENT, Cut(revision=revision)))) == seen(whole(store, revision))
    assert set(checkpoints.sizes(DOCUMENT)) == set(range(7, head + 1, 7))
    fresh = Folding(store, checkpoints, every=7)
    for revision in moments:
        assert seen(fresh.at(select(store, DOCUMENT, Cut(revision=revision)))) == seen(whole(store, revision))
    store.close()
    checkpoints.close()


@pytest.mark.parametrize("seed", range(30))
def test_some_events_only_are_the_fold_of_these(seed: int) -> None:
    random = Random(seed)
    clock = Clock()
    store = MemoryStore(now=clock)
    made = record(store, seed, clock)
    folding = Folding(store, MemoryFoldCheckpoints(), every=7)
    for _ in range(5):
        left_out = set(random.sample(sorted(made.payloads), k=min(4, len(made.payloads))))
        chosen = IdSet()
        for revision in range(1, select(store, DOCUMENT).revision + 1):
            if revision not in left_out:
                chosen.add(0, revision, 1)
        folded = folding.at(selection_of(store, DOCUMENT, chosen))
        apart = DocumentFold()
        for revision, payload in made.payloads.items():
            if revision not in left_out:
                apart.add([FoldedEdit(revision, "pending", payload)])
        assert seen(folded)[:5] == seen(apart)[:5]  # type: ignore[index]


def any_cut(store: EventStore, made: Recorded, random: Random) -> Cut:
    """A moment, named in one of the ways there are."""
    revision = random.choice(sorted(made.payloads))
    (event,) = store.read(DOCUMENT, after=revision - 1, until=revision)
    match random.randrange(8):
        case 0:
            return Cut()
        case 1:
            return Cut(revision=random.randrange(select(store, DOCUMENT).revision + 1))
        case 2:
            return Cut(position=event.position)
        case 3:
            return Cut(event=event.id)
        case 4:
            return Cut(recorded_at=event.recorded_at)
        case 5:
            return Cut(authored_at=event.authored_at)
        case 6:
            return Cut(authored_at=event.authored_at, recorded_at=random.choice(sorted(made.recorded.values())))
        case _:
            return Cut(seen_by=event.id)


@pytest.mark.parametrize("seed", range(30))
def test_any_cut_of_any_shared_type_is_full_replay_with_checkpoints_and_without(seed: int) -> None:
    random = Random(seed)
    clock = Clock(10_000)
    store = MemoryStore(now=clock)
    made = record(store, seed, clock)
    checkpoints = MemoryFoldCheckpoints()
    folding = Folding(store, checkpoints, every=7)
    folding.at(select(store, DOCUMENT))
    assert checkpoints.sizes(DOCUMENT)
    for _ in range(12):
        cut = any_cut(store, made, random)
        selection = select(store, DOCUMENT, cut)
        replayed = DocumentFold()
        for revision, payload in made.payloads.items():
            if selection.holds(revision):
                replayed.add([FoldedEdit(revision, "pending", payload)])
        for source in (folding, Folding(store, checkpoints, every=7), plain_folding(store)):
            for asked in (selection, select(store, DOCUMENT, Cut(token=selection.token))):
                folded = source.at(asked)
                assert seen(folded)[:5] == seen(replayed)[:5], cut  # type: ignore[index]
                assert contents(folded.replica.doc()) == contents(replayed.replica.doc()), cut


def test_a_checkpoint_of_another_history_is_void() -> None:
    store = MemoryStore()
    checkpoints = MemoryFoldCheckpoints()
    clock = Clock()
    record(store, 3, clock)
    head = select(store, DOCUMENT)
    Folding(store, checkpoints, every=5).at(head)
    for revision, size in checkpoints.sizes(DOCUMENT).items():
        kept = checkpoints.nearest(DOCUMENT, revision)
        assert kept is not None
        assert size
        checkpoints.put(DOCUMENT, Checkpoint(revision, b"\x00" * 32, b"\x01rubbish"))
    assert seen(Folding(store, checkpoints, every=5).at(head)) == seen(whole(store, head.revision))
    checkpoints.drop(DOCUMENT)
    assert checkpoints.sizes(DOCUMENT) == {}
    assert seen(Folding(store, checkpoints, every=5).at(head)) == seen(whole(store, head.revision))


def test_a_short_document_has_no_checkpoint() -> None:
    store = MemoryStore()
    append(store, DOCUMENT, edit(b"\x00\x00"))
    checkpoints = MemoryFoldCheckpoints()
    folded = Folding(store, checkpoints).at(select(store, DOCUMENT))
    assert (folded.revision, checkpoints.sizes(DOCUMENT)) == (1, {})
    assert select(store, DOCUMENT).seen == Seen(1)
