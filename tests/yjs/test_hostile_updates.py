"""Damaged and malicious bytes: an answer or one of our errors, soon and in little memory."""

from __future__ import annotations

import time
import tracemalloc
from random import Random

import pytest

from keepboth.errors import MalformedMessage, MalformedUpdate, OverLimit
from keepboth.yjs.content import split, values
from keepboth.yjs.messages import decode_message, decode_state_vector
from keepboth.yjs.slicing import dependencies, transcode_json
from keepboth.yjs.structs import GC, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.yjs.documents import session
from tests.yjs.test_update import EXAMPLES, WRITTEN_BY_YJS


def damage(rng: Random, data: bytes, other: bytes) -> bytes:
    at = rng.randrange(len(data))
    match rng.randrange(5):
        case 0:
            return data[:at] + bytes((rng.randrange(256),)) + data[at + 1 :]
        case 1:
            return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        case 2:
            return data[:at] + other[rng.randrange(len(other)) :]
        case 3:
            return data[:at] + data[rng.randint(at, len(data)) :]
        case _:
            return data[:at] + rng.choice((b"\xff\xff\xff\xff\x0f", b"\x80" * 9, b"\x7f", b"\x00")) + data[at:]


def use(data: bytes) -> bool:
    """Do all we do with an update; whether it was one. Anything but MalformedUpdate rises."""
    try:
        update = decode_update(data)
    except MalformedUpdate:
        return False
    again = encode_update(update)
    assert decode_update(again) == update
    assert len(again) <= len(data)
    dependencies(update)
    transcode_json(update)
    for structs in update.structs.values():
        for struct in structs:
            assert struct.length >= 1
            values(struct)
            if struct.length > 1:
                split(struct, struct.length // 2)
    return True


@pytest.mark.parametrize("seed", range(6))
def test_damaged_updates_are_refused_or_are_updates(seed: int) -> None:
    rng = Random(seed)
    authors, log = session(seed, rounds=8)
    samples = [*log, authors[0].doc.get_update(), *(bytes.fromhex(raw) for raw, _ in EXAMPLES.values())]
    samples += [bytes.fromhex(raw) for raw in WRITTEN_BY_YJS.values()]
    verdicts = [use(damage(rng, rng.choice(samples), rng.choice(samples))) for _ in range(2500)]
    assert 100 < sum(verdicts) < 2400


@pytest.mark.parametrize("seed", range(3))
def test_no_beginning_of_an_update_is_an_update(seed: int) -> None:
    authors, log = session(seed, rounds=6)
    for data in (*log, authors[0].doc.get_update(), *(bytes.fromhex(raw) for raw in WRITTEN_BY_YJS.values())):
        for end in range(len(data)):
            with pytest.raises(MalformedUpdate):
                decode_update(data[:end])


HUGE = "ff ff ff ff ff ff ff 0f"
BOMBS = {
    "clients": HUGE,
    "clients, none with a struct": HUGE + " 00 07 00" * 200,
    "structs": f"01 {HUGE} 07 00",
    "structs, each of length zero": f"01 {HUGE} 07 00" + " 00 00" * 200,
    "string": f"01 01 07 00 04 01 01 74 {HUGE} 61",
    "root name": f"01 01 07 00 04 01 {HUGE} 61",
    "map key": f"01 01 07 00 24 01 01 74 {HUGE} 61",
    "binary": f"01 01 07 00 03 01 01 74 {HUGE} 61",
    "json": f"01 01 07 00 02 01 01 74 {HUGE} 01 31",
    "any": f"01 01 07 00 08 01 01 74 {HUGE} 7e 7e",
    "any object": f"01 01 07 00 08 01 01 74 01 76 {HUGE} 00 7e",
    "any array": f"01 01 07 00 08 01 01 74 01 75 {HUGE} 7e",
    "any buffer": f"01 01 07 00 08 01 01 74 01 74 {HUGE} 7e",
    "deletes": f"00 {HUGE}",
    "ranges": f"00 01 07 {HUGE} 00 01",
    "endless number": "80" * 5000,
    "deep value": "01 01 07 00 08 01 01 74 01" + " 75 01" * 5000,
    "deep json": "01 01 07 00 05 01 01 74 88 27" + "5b" * 5000 + "00",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_length_that_is_a_lie_costs_neither_time_nor_memory(name: str) -> None:
    data = bytes.fromhex(BOMBS[name])
    tracemalloc.start()
    try:
        began = time.perf_counter()
        with pytest.raises(MalformedUpdate):
            decode_update(data)
        assert time.perf_counter() - began < 0.5
        assert tracemalloc.get_traced_memory()[1] < 300_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("raw", ["01 01 07 00 00 " + HUGE[:-2] + "07 00", "00 01 07 01 00 " + HUGE])
def test_a_huge_length_of_garbage_or_deletes_is_only_a_number(raw: str) -> None:
    assert use(bytes.fromhex(raw))


@pytest.mark.parametrize("seed", range(3))
def test_random_frames_are_refused_or_are_messages(seed: int) -> None:
    rng = Random(seed)
    verdicts = set()
    for _ in range(4000):
        frame = bytes((rng.choice((0, 0, 1, 1, 2, 3, 120, 200)), rng.randrange(4))) + rng.randbytes(rng.randrange(12))
        for decode in (decode_message, decode_state_vector):
            try:
                decode(frame)
                verdicts.add((decode.__name__, True))
            except MalformedMessage:
                verdicts.add((decode.__name__, False))
    assert len(verdicts) == 4


@pytest.mark.parametrize(
    ("update", "items"),
    [
        (Update({7: [Struct(7, clock, 1, GC) for clock in range(900)]}, {}), 900),
        (Update({}, {7: [(2 * n, 1) for n in range(500)], 8: [(2 * n, 1) for n in range(400)]}), 900),
        (Update({7: [Struct(7, n, 1, GC) for n in range(500)]}, {8: [(2 * n, 1) for n in range(400)]}), 900),
    ],
    ids=["structs", "deletes", "both"],
)
def test_an_update_of_more_items_than_wanted_is_refused_unread(update: Update, items: int) -> None:
    data = encode_update(update)
    assert decode_update(data, items) == update
    with pytest.raises(OverLimit):
        decode_update(data, items - 1)
    with pytest.raises(MalformedUpdate):
        decode_update(data[: len(data) // 3], items)
