"""The tables that tell news from repetition, against twins that remember everything one by one."""

from __future__ import annotations

import time
from random import Random

import pytest

from keepboth.decider.edits import take_in
from keepboth.decider.identity import MANY, Identity, Insertions
from keepboth.yjs.structs import GC, Range, Struct, Update

CLIENTS = (1, 2, 3)


class NaiveInsertions:
    """Every id with the revision that brought it."""

    def __init__(self, floor: dict[int, int]) -> None:
        self.floor = floor
        self.brought: dict[tuple[int, int], int] = {}

    def add(self, client: int, clock: int, length: int, revision: int) -> None:
        for at in range(clock, clock + length):
            self.brought[client, at] = revision

    def revision_of(self, client: int, clock: int) -> int:
        mine = [at for owner, at in self.brought if owner == client and at <= clock]
        return self.brought[client, max(mine)] if mine else 0

    def last_before(self, revision: int) -> int:
        return max((brought for brought in self.brought.values() if brought < revision), default=0)

    def first_unseen(self, vector: dict[int, int]) -> int | None:
        if any(vector.get(client, 0) < clock for client, clock in self.floor.items()):
            return 0
        return min(
            (revision for (client, at), revision in self.brought.items() if at >= vector.get(client, 0)), default=None
        )


@pytest.mark.parametrize("seed", range(40))
def test_insertions_agree_with_a_twin_while_clients_write_in_order(seed: int) -> None:
    rng = Random(seed)
    floor = {client: rng.randint(0, 5) for client in CLIENTS if rng.random() < 0.7}
    table, twin = Insertions(floor), NaiveInsertions(floor)
    ends = {client: floor.get(client, 0) for client in CLIENTS}
    revision = 10
    for _ in range(30):
        revision += rng.randint(1, 3)
        for client in rng.sample(CLIENTS, rng.choice((1, 1, 1, 2))):
            length = rng.randint(1, 4)
            table.add(client, ends[client], length, revision)
            twin.add(client, ends[client], length, revision)
            ends[client] += length
        vector = {client: rng.randint(0, ends[client] + 2) for client in CLIENTS if rng.random() < 0.9}
        for seen in (vector, dict(ends), {}, {client: max(end - 1, 0) for client, end in ends.items()}):
            assert table.first_unseen(seen) == twin.first_unseen(seen)
        for client in (*CLIENTS, 99):
            for clock in range(ends.get(client, 0) + 3):
                assert table.revision_of(client, clock) == twin.revision_of(client, clock)
        for at in range(revision + 3):
            assert table.last_before(at) == twin.last_before(at)


@pytest.mark.parametrize("seed", range(40))
def test_insertions_agree_with_a_twin_when_content_comes_out_of_order(seed: int) -> None:
    """Late content fills a gap. Then what was recorded first is not always what is first by clock, and the first
    unseen revision may be named later than it was recorded, never earlier, and None only if nothing is unseen."""
    rng = Random(seed)
    table, twin = Insertions(), NaiveInsertions({})
    pieces = [(client, clock, 3) for client in CLIENTS for clock in range(0, 30, 3)]
    rng.shuffle(pieces)
    for revision, (client, clock, length) in enumerate(pieces, 1):
        table.add(client, clock, length, revision)
        twin.add(client, clock, length, revision)
        for owner in CLIENTS:
            for at in range(33):
                assert table.revision_of(owner, at) == twin.revision_of(owner, at)
        assert [table.last_before(at) for at in range(revision + 2)] == [
            twin.last_before(at) for at in range(revision + 2)
        ]
    for _ in range(50):
        vector = {client: rng.randint(0, 31) for client in CLIENTS}
        found, true = table.first_unseen(vector), twin.first_unseen(vector)
        assert (found is None) == (true is None)
        assert found is None or true is None or found >= true


def test_half_of_an_edit_is_unseen_too() -> None:
    table = Insertions()
    table.add(1, 0, 10, 4)
    table.add(2, 0, 1, 5)
    assert table.first_unseen({1: 5, 2: 1}) == 4
    assert table.first_unseen({1: 10}) == 5
    assert table.first_unseen({1: 10, 2: 1}) is None
    assert table.first_unseen({}) == 4


# -- ids and deletes --------------------------------------------------------------------------------------------------


class NaiveIdentity:
    def __init__(self, made: set[tuple[int, int]]) -> None:
        self.deleted: set[tuple[int, int]] = set()
        self.by_session: dict[str, set[tuple[int, int]]] = {}
        self.made = made

    @staticmethod
    def ids(deletes: dict[int, list[Range]]) -> set[tuple[int, int]]:
        return {(c, at) for c, ranges in deletes.items() for clock, n in ranges for at in range(clock, clock + n)}

    def note(self, session: str, deletes: dict[int, list[Range]]) -> None:
        self.deleted |= self.ids(deletes)
        self.by_session.setdefault(session, set()).update(self.ids(deletes))

    def unknown(self, deletes: dict[int, list[Range]]) -> set[tuple[int, int]]:
        return self.ids(deletes) - self.deleted - self.made

    def all_sent(self, session: str, deletes: dict[int, list[Range]]) -> bool:
        return self.ids(deletes) <= self.by_session.get(session, set())


def random_deletes(rng: Random, many: bool) -> dict[int, list[Range]]:
    return {
        client: [(rng.randrange(3000), rng.randint(1, 5)) for _ in range(rng.randint(1, MANY if many else 4))]
        for client in rng.sample(CLIENTS, rng.randint(1, 3))
    }


@pytest.mark.parametrize("seed", range(30))
def test_deletes_agree_with_a_twin(seed: int) -> None:
    rng = Random(seed)
    made = random_deletes(rng, many=True)
    identity, twin = Identity({}, {}, lambda: made), NaiveIdentity(NaiveIdentity.ids(made))
    for _ in range(25):
        session = rng.choice(("a", "b"))
        deletes = random_deletes(rng, many=rng.random() < 0.3)
        if rng.random() < 0.5:
            identity.note_deletes(session, deletes)
            twin.note(session, deletes)
        asked = {client: ranges[: len(ranges) // 2 + 1] for client, ranges in deletes.items()}
        for question in (asked, random_deletes(rng, many=False), {}):
            assert NaiveIdentity.ids(identity.unknown_deletes(question)) == twin.unknown(question)
            for who in ("a", "b", "c"):
                assert identity.session_deleted_all(who, question) == twin.all_sent(who, question)
    assert NaiveIdentity.ids(identity.deleted.to_dict()) == twin.deleted


def test_a_table_made_from_a_fold_knows_what_the_fold_knows() -> None:
    identity = Identity({1: 5, 2: 0}, {1: [(0, 2)], 3: [(7, 1)]}, dict)
    assert sorted(identity.inserted) == [(1, 0, 5)]
    assert identity.deleted.to_dict() == {1: [(0, 2)], 3: [(7, 1)]}
    assert identity.insertions.floor == {1: 5, 2: 0}
    assert identity.unknown_deletes({1: [(1, 2)], 3: [(7, 1)]}) == {1: [(2, 1)]}
    assert not identity.session_deleted_all("anybody", {1: [(0, 1)]})


def test_what_is_taken_in_is_known_and_pending_content_waits() -> None:
    identity = Identity({}, {}, dict)
    take_in(identity, Update({1: [Struct(1, 0, 3, GC)]}, {2: [(0, 1)]}), "ready", "s")
    take_in(identity, Update({1: [Struct(1, 7, 2, GC)]}), "pending", "s")
    assert sorted(identity.inserted) == [(1, 0, 3), (1, 7, 2)]
    assert sorted(identity.waiting) == [(1, 7, 2)]
    assert identity.session_deleted_all("s", {2: [(0, 1)]})


def test_a_hundred_thousand_deletes_in_the_worst_order_take_no_longer_than_they_must() -> None:
    """One by one, each would move all that lie behind it."""
    identity = Identity({}, {}, dict)
    backwards: list[Range] = [(clock, 1) for clock in range(400_000, 0, -4)]
    between: list[Range] = [(clock + 2, 1) for clock, _ in backwards]
    began = time.process_time()
    for ranges in (backwards, between):
        assert identity.unknown_deletes({1: ranges}).keys() == {1}
        identity.note_deletes("s", {1: ranges})
        assert identity.unknown_deletes({1: ranges}) == {}
    assert time.process_time() - began < 4
    assert identity.deleted.count() == 200_000
