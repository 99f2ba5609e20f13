"""Every way to name a moment, and the token that names it again."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import VERSION_NAMED, Context, Seen
from keepboth.history.chronicle import Chronicles
from keepboth.history.cuts import Cut, Selection, select
from keepboth.store.memory import MemoryStore
from tests.history.sessions import DOCUMENT, record
from tests.store.making import Clock, append, created, decision, edit, number


def revisions(selection: Selection) -> set[int]:
    return {revision for revision in range(1, selection.revision + 1) if selection.holds(revision)}


@pytest.fixture
def store() -> MemoryStore:
    clock = Clock(1000)
    store = MemoryStore(now=clock)
    append(store, DOCUMENT, created(), edit(b"1", id=11))
    append(store, "other", edit(b"x", id=99))
    clock.now = 2000
    append(store, DOCUMENT, edit(b"2", id=12, authored_at=900), edit(b"3", id=13))
    clock.now = 3000
    append(store, DOCUMENT, edit(b"4", id=14))
    return store


@pytest.mark.parametrize(
    ("cut", "last"),
    [
        (Cut(), 5),
        (Cut(revision=0), 0),
        (Cut(revision=3), 3),
        (Cut(position=2), 2),
        (Cut(position=3), 2),
        (Cut(position=4), 3),
        (Cut(position=99), 5),
        (Cut(event=number(12)), 3),
        (Cut(recorded_at=999), 0),
        (Cut(recorded_at=1000), 2),
        (Cut(recorded_at=2999), 4),
        (Cut(recorded_at=9999), 5),
    ],
    ids=str,
)
def test_a_moment_is_a_prefix(store: MemoryStore, cut: Cut, last: int) -> None:
    selection = select(store, DOCUMENT, cut)
    assert (selection.revision, selection.is_prefix) == (last, True)
    assert select(store, DOCUMENT, Cut(token=selection.token)) == selection


@pytest.mark.parametrize(
    ("cut", "error"),
    [
        (Cut(revision=6), NotFound),
        (Cut(revision=-1), NotFound),
        (Cut(event=number(77)), NotFound),
        (Cut(event=number(99)), NotFound),
        (Cut(seen_by=number(77)), NotFound),
        (Cut(version="none"), NotFound),
        (Cut(token="AAAA"), InvalidRequest),
        (Cut(token="%"), InvalidRequest),
        (Cut(token="😀"), InvalidRequest),
        (Cut(token=""), InvalidRequest),
        (Cut(revision=1, position=1), InvalidRequest),
    ],
    ids=str,
)
def test_a_moment_that_is_not_there_is_refused(store: MemoryStore, cut: Cut, error: type[Exception]) -> None:
    with pytest.raises(error):
        select(store, DOCUMENT, cut)


def test_an_unknown_document_is_not_found(store: MemoryStore) -> None:
    with pytest.raises(NotFound):
        select(store, "none")


def test_a_token_of_another_document_or_history_is_refused(store: MemoryStore) -> None:
    token = select(store, DOCUMENT, Cut(revision=2)).token
    with pytest.raises(NotFound, match="another document"):
        select(store, "other", Cut(token=token))
    again = MemoryStore()
    append(again, DOCUMENT, created(), edit(b"else"))
    with pytest.raises(NotFound, match="not the one"):
        select(again, DOCUMENT, Cut(token=token))


def test_a_name_leads_to_the_newest_version_so_called(store: MemoryStore) -> None:
    for revision in (2, 4):
        token = select(store, DOCUMENT, Cut(revision=revision)).token
        payload = f'{{"name": "draft", "token": "{token}"}}'.encode()
        append(store, DOCUMENT, decision(VERSION_NAMED, payload))
    assert select(store, DOCUMENT, Cut(version="draft")).revision == 4


def test_written_by_then_takes_in_what_its_authors_had_seen() -> None:
    clock = Clock(1000)
    store = MemoryStore(now=clock)
    append(store, DOCUMENT, edit(b"1", session="ann", authored_at=900, context=Context.of(0)))
    clock.now = 2000
    append(store, DOCUMENT, edit(b"2", session="bob", authored_at=2000, context=Context.of(0)))
    append(store, DOCUMENT, edit(b"3", session="ann", authored_at=950, context=Context.of(0)))
    append(store, DOCUMENT, edit(b"4", session="cleo", authored_at=980, context=Context.of(2)))
    alone = select(store, DOCUMENT, Cut(authored_at=960))
    assert (revisions(alone), alone.added) == ({1, 3}, 0)
    assert alone.seen == Seen(1, ((3, 3),))
    closed = select(store, DOCUMENT, Cut(authored_at=980))
    assert (revisions(closed), closed.added) == ({1, 2, 3, 4}, 1)
    assert revisions(select(store, DOCUMENT, Cut(authored_at=960, recorded_at=1500))) == {1}
    assert select(store, DOCUMENT, Cut(token=alone.token)) == alone


def test_what_somebody_had_seen_is_their_context_and_their_own(store: MemoryStore) -> None:
    append(store, DOCUMENT, edit(b"5", session="bob", context=Context.of(2)))
    append(store, DOCUMENT, edit(b"6", session="s1", context=Context.of(2)))
    append(store, DOCUMENT, edit(b"7", id=50, session="bob", context=Context.of(3)))
    assert revisions(select(store, DOCUMENT, Cut(seen_by=number(50)))) == {1, 2, 3, 6, 8}


@pytest.mark.parametrize("seed", range(40))
def test_authored_time_cuts_are_closed(seed: int) -> None:
    random = Random(seed)
    clock = Clock(10_000)
    store = MemoryStore(now=clock)
    made = record(store, seed, clock)
    for _ in range(6):
        moment = random.choice(sorted(made.authored.values())) + random.choice((-1, 0, 1))
        limit = random.choice((None, random.choice(sorted(made.recorded.values()))))
        selection = select(store, DOCUMENT, Cut(authored_at=moment, recorded_at=limit))
        held = revisions(selection)
        wanted = {r for r, at in made.authored.items() if at <= moment and (limit is None or made.recorded[r] <= limit)}
        assert wanted <= held
        for revision in held & made.past.keys():
            assert made.past[revision] <= held
        assert held == wanted | {one for revision in wanted & made.past.keys() for one in made.past[revision]}
        assert selection.added == len((held - wanted) & made.past.keys())
        assert select(store, DOCUMENT, Cut(token=selection.token))[:4] == selection[:4]


@pytest.mark.parametrize("seed", range(20))
def test_a_chronicle_that_is_ahead_says_the_same(seed: int) -> None:
    """It is kept at hand and advanced with the log; a cut may be about less."""
    clock = Clock(10_000)
    store = MemoryStore(now=clock)
    made = record(store, seed, clock)
    random = Random(seed)
    chronicles = Chronicles(store)
    chronicles.at_least(DOCUMENT, max(made.payloads))
    differ = 0
    for _ in range(10):
        recorded = random.choice(sorted(made.recorded.values()))
        authored = random.choice(sorted(made.authored.values()))
        (event,) = store.read(DOCUMENT, after=random.choice(sorted(made.payloads)) - 1, limit=1)
        for cut in (Cut(authored_at=authored, recorded_at=recorded), Cut(seen_by=event.id)):
            found = select(store, DOCUMENT, cut, chronicles.at_least)
            assert found == select(store, DOCUMENT, cut)
            differ += not found.is_prefix
    assert differ
