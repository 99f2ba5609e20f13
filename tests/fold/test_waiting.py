"""The waiting room: nothing is lost because it came too early, and everything is visible as soon as it can be."""

from __future__ import annotations

import time
from random import Random

import pytest

from keepboth.fold.document import DocumentFold
from keepboth.fold.replica import Replica, merge
from keepboth.fold.views import text
from keepboth.fold.waiting import WaitingRoom
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.slicing import dependencies, inserted
from keepboth.yjs.structs import STRING, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.fold.sessions import Log, Row, effective_by_definition, folded, insert, rows_of, text_struct, updates_of
from tests.yjs.documents import contents


def test_text_typed_out_of_causal_order_is_not_lost() -> None:
    typed = [insert(1, 0, "a")] + [insert(1, at, letter, (1, at - 1)) for at, letter in ((1, "b"), (2, "c"), (3, "d"))]
    order = [typed[at] for at in (2, 0, 3, 1)]
    assert text(folded(rows_of(order)).replica) == "abcd"


def test_text_of_two_people_out_of_causal_order_is_not_lost() -> None:
    """Applied to pycrdt in this order, one by one, this reads ``cab``: the ``d`` is gone for good."""
    ann = [insert(1, 0, "c"), insert(1, 1, "d", (1, 0))]
    bob = [insert(2, 0, "a", (1, 0)), insert(2, 1, "b", (2, 0))]
    in_order = Replica()
    in_order.apply(merge([*ann, *bob]))
    assert len(text(in_order)) == 4
    for order in ([bob[1], ann[1], bob[0], ann[0]], [ann[1], bob[0], bob[1], ann[0]]):
        assert text(folded(rows_of(order)).replica) == text(in_order)


@pytest.mark.parametrize("seed", range(25))
def test_any_order_converges_with_causal_order(seed: int) -> None:
    causal = updates_of(seed, rounds=12)
    replica = Replica()
    replica.apply(merge(causal))
    order = list(causal)
    Random(seed).shuffle(order)
    log = Log()
    for payload in order:
        log.send(payload)
    assert len(log.live.waiting) == 0
    assert contents(log.live.replica.doc()) == contents(replica.doc())
    assert contents(folded(log.rows).replica.doc()) == contents(replica.doc())
    assert log.live.clocks() == decode_state_vector(replica.state_vector())


@pytest.mark.parametrize("lost", [0, 1, 3])
@pytest.mark.parametrize("seed", range(20))
def test_effective_revisions_are_those_of_the_definition(seed: int, lost: int) -> None:
    rng = Random(seed)
    order = updates_of(seed, rounds=14)
    for _ in range(rng.randint(1, 30)):
        at, to = rng.randrange(len(order)), rng.randrange(len(order))
        order.insert(to, order.pop(at))
    for _ in range(lost):
        order.pop(rng.randrange(len(order)))
    rows = rows_of(order)
    expected = effective_by_definition(rows)
    for batch in (1, 5, 1000):
        document = folded(rows, batch=batch)
        assert {row.revision: document.effective(row.revision) for row in rows} == {
            row.revision: expected.get(row.revision) for row in rows
        }
    assert [entry.revision for entry in document.waiting.entries()] == sorted(
        row.revision for row in rows if row.revision not in expected
    )


def cross_slices(length: int = 1) -> tuple[bytes, bytes]:
    """Two edits that need each other: 1 builds on 2's first letter, and 2's second letter on 1."""
    two = [text_struct(2, 0, "x"), text_struct(2, 1, "z", (1, length - 1))]
    one = [text_struct(1, 0, "y" * length, (2, 0))]
    return encode_update(Update({1: one})), encode_update(Update({2: two}))


@pytest.mark.parametrize("first", [0, 1])
def test_edits_that_need_each_other_are_released_together(first: int) -> None:
    slices = cross_slices()
    rows = [Row(1, "pending", slices[first]), Row(2, "pending", slices[1 - first])]
    document = DocumentFold()
    assert document.add(rows[:1]) == []
    (release,) = document.add(rows[1:])
    assert (release.effective, release.revisions, release.together) == (2, (1, 2), True)
    assert text(document.replica) == "xyz"
    assert document.late == {1: 2}


def test_a_circle_waits_for_what_it_needs_outside_and_takes_along_what_waits_for_it() -> None:
    one, two = cross_slices()
    blocked = decode_update(two)
    blocked.structs[2][0] = text_struct(2, 0, "x", (3, 0))
    behind = insert(4, 0, "!", (1, 0))
    payloads = [behind, one, encode_update(blocked), insert(3, 0, "w")]
    document = DocumentFold()
    for revision, payload in enumerate(payloads[:3], 1):
        assert document.add([Row(revision, "pending", payload)]) == []
    (release,) = document.add([Row(4, "ready", payloads[3])])
    assert release.revisions == (1, 2, 3, 4)
    assert sorted(text(document.replica)) == sorted("wxyz!")


# -- the room itself --------------------------------------------------------------------------------------------------


def naive_release(held: dict[int, Update], clocks: dict[int, int]) -> set[int]:
    """The greatest set whose needs are applied or in the set, by taking out what cannot be until nothing is left to."""
    able = set(held)
    while True:
        brought = {
            (client, at)
            for revision in able
            for client, clock, length in inserted(held[revision])
            for at in range(clock, clock + length)
        }
        stuck = {
            revision
            for revision in able
            if any(
                at >= clocks.get(client, 0) and (client, at) not in brought
                for client, clock, length in dependencies(held[revision])
                for at in range(clock, clock + length)
            )
        }
        if not stuck:
            return able
        able -= stuck


def random_update(rng: Random, client: int, clock: int, ends: dict[int, int]) -> Update:
    """A run of text of *client*'s from *clock* on that names any ids of anybody, whether they will ever come or not."""
    structs: list[Struct] = []
    at = clock
    for _ in range(rng.randint(1, 3)):
        other = rng.choice([c for c in ends if c != client])
        origin = (other, rng.randrange(ends[other] + 2)) if rng.random() < 0.7 else None
        right = (client, rng.randrange(at)) if at and rng.random() < 0.3 else None
        structs.append(text_struct(client, at, "x" * rng.randint(1, 3), origin, right))
        at += structs[-1].length
    return Update({client: structs})


@pytest.mark.parametrize("seed", range(60))
def test_the_room_releases_the_greatest_set_that_can_be(seed: int) -> None:
    rng = Random(seed)
    ends = dict.fromkeys(range(1, 6), 0)
    updates: list[Update] = []
    for _ in range(40):
        client = rng.choice(list(ends))
        update = random_update(rng, client, ends[client], ends)
        ends[client] += sum(struct.length for struct in update.structs[client])
        updates.append(update)
    rng.shuffle(updates)
    room, held, clocks = WaitingRoom(), {}, {}  # type: ignore[var-annotated]
    released = 0
    for revision, update in enumerate(updates, 1):
        room.add(revision, encode_update(update), update)
        held[revision] = update
        if rng.random() < 0.1:
            continue  # two may come between two looks
        if rng.random() < 0.05:
            clocks[rng.randint(1, 5)] = rng.randint(0, 8)  # something was applied without going through the room
        expected = naive_release(held, clocks)
        out = room.release(clocks)
        assert [entry.revision for entry in out] == sorted(expected)
        for entry in out:
            for client, clock, length in inserted(held.pop(entry.revision)):
                clocks[client] = max(clocks.get(client, 0), clock + length)
        released += len(out)
        assert len(room) == len(held)
        assert all(revision in room for revision in held)
    assert released or seed


def test_ten_thousand_edits_that_wait_cost_others_nothing_to_speak_of() -> None:
    """A chain of keystrokes whose first is missing, then somebody else's keystrokes, then the first."""
    chain = [insert(1, at, "x", (1, at - 1)) for at in range(1, 10_001)]
    document = DocumentFold()
    began = time.process_time()
    document.add([Row(at, "pending", payload) for at, payload in enumerate(chain, 1)])
    others = [insert(2, 0, "o")] + [insert(2, at, "o", (2, at - 1)) for at in range(1, 1000)]
    for at, payload in enumerate(others, 20_000):
        (release,) = document.add([Row(at, "ready", payload)])
        assert release.revisions == (at,)
    (release,) = document.add([Row(30_000, "ready", insert(1, 0, "x"))])
    assert len(release.revisions) == 10_001
    assert len(text(document.replica)) == 11_001
    assert time.process_time() - began < 5


def test_a_struct_that_waits_for_its_own_client_waits() -> None:
    struct = Struct(5, 3, 1, STRING, parent="text", content="x")
    room = WaitingRoom()
    room.add(1, b"", Update({5: [struct]}))
    assert room.release({}) == []
    assert room.release({5: 2}) == []
    assert [entry.revision for entry in room.release({5: 3})] == [1]
