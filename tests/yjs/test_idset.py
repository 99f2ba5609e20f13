"""`IdSet` against its obvious twin, a set of pairs."""

from __future__ import annotations

import itertools
from random import Random

import pytest

from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import GC, SKIP, Struct, Update

Twin = set[tuple[int, int]]


def ids(client: int, clock: int, length: int) -> Twin:
    return {(client, each) for each in range(clock, clock + length)}


def expand(idset: IdSet) -> Twin:
    return {pair for client, clock, length in idset for pair in ids(client, clock, length)}


def random_pair(rng: Random) -> tuple[IdSet, Twin]:
    idset, twin = IdSet(), set()
    for _ in range(rng.randrange(40)):
        client, clock, length = rng.randint(1, 3), rng.randrange(60), rng.randrange(9)
        if rng.random() < 0.75:
            idset.add(client, clock, length)
            twin |= ids(client, clock, length)
        else:
            idset.remove(client, clock, length)
            twin -= ids(client, clock, length)
        assert expand(idset) == twin
        assert_canonical(idset)
    return idset, twin


def assert_canonical(idset: IdSet) -> None:
    """Ranges are sorted, not empty, and neither overlap nor touch; no client is listed without an id."""
    for client in idset.clients():
        ranges = idset.ranges(client)
        assert ranges
        assert all(length > 0 for _, length in ranges)
        assert all(a + length < b for (a, length), (b, _) in itertools.pairwise(ranges))


@pytest.mark.parametrize("seed", range(40))
def test_a_set_of_ranges_is_a_set_of_ids(seed: int) -> None:
    rng = Random(seed)
    (one, one_twin), (two, two_twin) = random_pair(rng), random_pair(rng)
    before = one.to_dict()
    for result, twin in (
        (one.union(two), one_twin | two_twin),
        (one.difference(two), one_twin - two_twin),
        (one.intersection(two), one_twin & two_twin),
        (one.copy(), one_twin),
    ):
        assert expand(result) == twin
        assert_canonical(result)
        assert (result == one) == (twin == one_twin)
        assert result.count() == len(twin)
        assert result.is_empty == (not twin)
        result.add(1, 1000, 1)
        assert IdSet(result.to_dict()) == result
    assert one.to_dict() == before
    for _ in range(60):
        client, clock, length = rng.randint(1, 4), rng.randrange(70), rng.randrange(12)
        asked = ids(client, clock, length)
        assert one.contains(client, clock) == ((client, clock) in one_twin)
        assert one.covers(client, clock, length) == (asked <= one_twin)
        for found, twin in (
            (one.missing(client, clock, length), asked - one_twin),
            (one.present(client, clock, length), asked & one_twin),
        ):
            assert {pair for start, extent in found for pair in ids(client, start, extent)} == twin
            assert found == sorted(found)
            assert len(found) == len(IdSet({client: found}).ranges(client))


def test_iteration_is_by_client_then_clock_whatever_the_order_of_adding() -> None:
    idset = IdSet({9: [(5, 2), (0, 1)], 2: [(3, 3)], 5: [(1, 1), (2, 1)]})
    assert list(idset) == [(2, 3, 3), (5, 1, 2), (9, 0, 1), (9, 5, 2)]
    assert idset.to_dict() == {2: [(3, 3)], 5: [(1, 2)], 9: [(0, 1), (5, 2)]}


def test_a_state_vector_stops_at_the_first_gap() -> None:
    assert IdSet({1: [(0, 3), (4, 2)], 2: [(1, 5)]}).state_vector() == {1: 3}


def test_the_structs_of_an_update_are_added_without_its_gaps() -> None:
    idset = IdSet()
    idset.add_update_structs(Update({7: [Struct(7, 2, 3, GC), Struct(7, 5, 2, SKIP), Struct(7, 7, 1, GC)]}))
    assert idset == IdSet({7: [(2, 3), (7, 1)]})


def test_sets_of_many_ranges_combine_in_linear_time() -> None:
    odd = IdSet({1: [(clock, 1) for clock in range(1, 100_000, 2)]})
    even = IdSet({1: [(clock, 1) for clock in range(0, 100_000, 2)]})
    assert odd.union(even) == IdSet({1: [(0, 100_000)]})
    assert odd.difference(even) == odd
    assert odd.intersection(even).is_empty
