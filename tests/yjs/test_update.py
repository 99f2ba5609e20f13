"""Updates, decoded and encoded."""

from __future__ import annotations

from random import Random

import pytest
from pycrdt import Doc, Text, merge_updates

from keepboth.errors import MalformedUpdate
from keepboth.yjs.idset import IdSet
from keepboth.yjs.lib0 import utf16_length
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.slicing import deleted, inserted
from keepboth.yjs.structs import (
    ANY,
    BINARY,
    DELETED,
    DOC,
    EMBED,
    FORMAT,
    GC,
    JSON,
    SKIP,
    STRING,
    TYPE,
    Struct,
    Update,
)
from keepboth.yjs.update import decode_update, decode_update_prefix, encode_update
from tests.yjs.documents import session

SEEDS = range(12)

# One struct of each kind by hand: client 7, clock 0, root "t", except where an origin is the point.
EXAMPLES = {
    "empty": ("00 00", Update()),
    "gc": ("01 01 07 00 00 05 00", Update({7: [Struct(7, 0, 5, GC)]})),
    "deleted": ("01 01 07 00 01 01 01 74 05 00", Update({7: [Struct(7, 0, 5, DELETED, parent="t")]})),
    "json": (
        "01 01 07 00 02 01 01 74 02 03 22 61 22 09 75 6e 64 65 66 69 6e 65 64 00",
        Update({7: [Struct(7, 0, 2, JSON, parent="t", content=b'\x02\x03"a"\x09undefined')]}),
    ),
    "binary": (
        "01 01 07 00 03 01 01 74 02 00 ff 00",
        Update({7: [Struct(7, 0, 1, BINARY, parent="t", content=b"\x02\x00\xff")]}),
    ),
    "string": (
        "01 01 07 00 04 01 01 74 06 61 f0 9f 98 80 62 00",
        Update({7: [Struct(7, 0, 4, STRING, parent="t", content="a😀b")]}),
    ),
    "embed": (
        "01 01 07 00 05 01 01 74 07 7b 22 61 22 3a 31 7d 00",
        Update({7: [Struct(7, 0, 1, EMBED, parent="t", content=b'\x07{"a":1}')]}),
    ),
    "format": (
        "01 01 07 00 06 01 01 74 01 62 04 74 72 75 65 00",
        Update({7: [Struct(7, 0, 1, FORMAT, parent="t", content=b"\x01b\x04true")]}),
    ),
    "type": ("01 01 07 00 07 01 01 74 02 00", Update({7: [Struct(7, 0, 1, TYPE, parent="t", content=b"\x02")]})),
    "xml element": (
        "01 01 07 00 07 01 01 74 03 01 70 00",
        Update({7: [Struct(7, 0, 1, TYPE, parent="t", content=b"\x03\x01p")]}),
    ),
    "xml hook": (
        "01 01 07 00 07 01 01 74 05 01 68 00",
        Update({7: [Struct(7, 0, 1, TYPE, parent="t", content=b"\x05\x01h")]}),
    ),
    "any": (
        "01 01 07 00 08 01 01 74 03 7d 01 7f 77 01 78 00",
        Update({7: [Struct(7, 0, 3, ANY, parent="t", content=b"\x03\x7d\x01\x7f\x77\x01x")]}),
    ),
    "doc": (
        "01 01 07 00 09 01 01 74 01 67 76 00 00",
        Update({7: [Struct(7, 0, 1, DOC, parent="t", content=b"\x01g\x76\x00")]}),
    ),
    "skip": (
        "01 03 07 00 04 01 01 74 01 61 0a 02 84 07 02 01 62 00",
        Update(
            {
                7: [
                    Struct(7, 0, 1, STRING, parent="t", content="a"),
                    Struct(7, 1, 2, SKIP),
                    Struct(7, 3, 1, STRING | 0x80, origin=(7, 2), content="b"),
                ]
            }
        ),
    ),
    "both origins": (
        "01 01 ac 02 05 c4 ac 02 03 09 80 01 01 78 00",
        Update({300: [Struct(300, 5, 1, STRING | 0xC0, origin=(300, 3), right_origin=(9, 128), content="x")]}),
    ),
    "right origin alone": (
        "01 01 07 05 44 07 00 01 78 00",
        Update({7: [Struct(7, 5, 1, STRING | 0x40, right_origin=(7, 0), content="x")]}),
    ),
    "map key under a nested type": (
        "01 01 07 02 28 00 09 01 01 6b 01 7e 00",
        Update({7: [Struct(7, 2, 1, ANY | 0x20, parent=(9, 1), key="k", content=b"\x01\x7e")]}),
    ),
    "map key inherited": (
        "01 01 07 02 a8 07 01 01 7e 00",
        Update({7: [Struct(7, 2, 1, ANY | 0xA0, origin=(7, 1), content=b"\x01\x7e")]}),
    ),
    "two clients and deletes": (
        "02 01 09 00 00 01 01 07 00 00 01 02 09 02 00 01 05 80 01 07 01 00 01",
        Update(
            {9: [Struct(9, 0, 1, GC)], 7: [Struct(7, 0, 1, GC)]},
            {9: [(0, 1), (5, 128)], 7: [(0, 1)]},
        ),
    ),
    "largest ids": (
        "01 01 ff ff ff ff ff ff ff 0f fe ff ff ff ff ff ff 0f 00 01 00",
        Update({2**53 - 1: [Struct(2**53 - 1, 2**53 - 2, 1, GC)]}),
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_kind_is_decoded_and_encoded_as_on_the_wire(name: str) -> None:
    raw, update = EXAMPLES[name]
    data = bytes.fromhex(raw)
    assert decode_update(data) == update
    assert encode_update(update) == data


# Written by Yjs 13.6: each shared type, each content, garbage, a gap.
WRITTEN_BY_YJS = {
    "full": (
        "011207002701016d01680505686f6f6b79080101610e7d017d407c4f0000007dbfffffff0f7ccf0000007c538000007e7879760201617f"
        "016275017a00000000000000057c3fc000007b3fb999999999999a7b7ff800000000000077017804010174016184070f03efbfbd810710"
        "018407110162c5070f07100b7b22696d67223a2278227d46070f04626f6c640474727565c6070f071304626f6c64046e756c6c2901016d"
        "03646f6301677602086175746f4c6f616478046d657461760101617d012801016d04f09f9880017d012701016d01740204000718017123"
        "01016d01620201020701017803017087071b060400071c0268692800071b016b017701760107011101"
    ),
    "collected": "01020900010101610100010109010002",
    "merged with a gap": "0103ac02000401017401610a0184ac0201016300",
    "lone surrogate": "010106000401017403efbfbd00",
}


@pytest.mark.parametrize("name", WRITTEN_BY_YJS)
def test_updates_written_by_yjs_encode_to_the_same_bytes(name: str) -> None:
    data = bytes.fromhex(WRITTEN_BY_YJS[name])
    assert encode_update(decode_update(data)) == data


def test_clocks_agree_with_yjs() -> None:
    assert inserted(decode_update(bytes.fromhex(WRITTEN_BY_YJS["full"]))) == IdSet({7: [(0, 32)]})


@pytest.mark.parametrize("seed", SEEDS)
def test_updates_written_by_pycrdt_encode_to_the_same_bytes(seed: int) -> None:
    rng = Random(seed)
    authors, log = session(seed)
    doc = authors[0].doc
    written = [*log, doc.get_update(), merge_updates(*log), merge_updates(*rng.sample(log, len(log) // 2))]
    written += [merge_updates(*rng.sample(log, 3)) for _ in range(10)]
    peer: Doc = Doc()
    for update in log:
        peer.apply_update(update)
        written.append(doc.get_update(peer.get_state()))
    for data in written:
        assert encode_update(decode_update(data)) == data


@pytest.mark.parametrize("seed", SEEDS)
def test_clocks_agree_with_pycrdt(seed: int) -> None:
    authors, log = session(seed)
    whole = inserted(decode_update(authors[0].doc.get_update()))
    assert whole.state_vector() == decode_state_vector(authors[0].doc.get_state())
    folded = IdSet()
    peer: Doc = Doc()
    for data in log:
        folded.add_update_structs(decode_update(data))
        peer.apply_update(data)
        assert folded.state_vector() == decode_state_vector(peer.get_state())
    assert folded == whole


@pytest.mark.parametrize("seed", SEEDS)
def test_delete_sets_agree_with_pycrdt(seed: int) -> None:
    rng = Random(seed)
    log: list[bytes] = []
    doc: Doc = Doc(client_id=300)
    text = doc.get("text", type=Text)
    subscription = doc.observe(lambda event: log.append(event.update))
    for _ in range(60):
        length = len(str(text))
        at = rng.randint(0, length)
        if rng.random() < 0.6:
            text.insert(at, "abcdef"[: rng.randint(1, 6)])
        elif at < length:
            del text[at : rng.randint(at + 1, length)]
    del subscription
    dead = IdSet()
    ids = IdSet()
    for data in log:
        update = decode_update(data)
        dead = dead.union(deleted(update))
        ids.add_update_structs(update)
    assert dead == deleted(decode_update(doc.get_update()))
    assert dead.difference(ids).is_empty
    assert ids.count() - dead.count() == utf16_length(str(text))


REFUSED = {
    "nothing": "",
    "trailing bytes": "00 00 00",
    "client twice": "02 01 07 00 00 01 01 07 01 00 01 00",
    "deletes of a client twice": "00 02 07 01 00 01 07 01 05 01",
    "flags on gc": "01 01 07 00 80 01 00",
    "flags on skip": "01 01 07 00 8a 07 00 01 00",
    "unknown kind 11": "01 01 07 00 0b 01 01 74 01 61 00",
    "unknown kind 20, a string to yrs": "01 01 07 00 14 01 01 74 01 61 00",
    "unknown kind 31": "01 01 07 00 1f 01 00",
    "unknown shared type": "01 01 07 00 07 01 01 74 07 00",
    "unknown parent form": "01 01 07 00 04 02 01 74 01 61 00",
    "unknown value tag": "01 01 07 00 08 01 01 74 01 73 00",
    "string not utf-8": "01 01 07 00 04 01 01 74 01 ff 00",
    "string of a surrogate": "01 01 07 00 04 01 01 74 03 ed a0 bd 00",
    "root name not utf-8": "01 01 07 00 04 01 01 ff 01 61 00",
    "embed not json": "01 01 07 00 05 01 01 74 01 7b 00",
    "format not json": "01 01 07 00 06 01 01 74 01 62 03 4e 61 4e 00",
    "json content not json": "01 01 07 00 02 01 01 74 01 01 7b 00",
    "subdocument options not an object": "01 01 07 00 09 01 01 74 01 67 7e 00",
    "origin is itself": "01 01 07 05 84 07 05 01 61 00",
    "origin later, long client id": "01 01 ac 02 05 84 ac 02 06 01 61 00",
    "right origin later": "01 01 07 05 44 07 09 01 61 00",
    "parent later": "01 01 07 05 04 00 07 05 01 61 00",
    "client beyond 53 bits": "01 01 80 80 80 80 80 80 80 10 00 00 01 00",
    "clock beyond 53 bits": "01 01 07 ff ff ff ff ff ff ff 0f 00 01 00",
    "length beyond 53 bits": "01 01 07 00 00 ff ff ff ff ff ff ff ff 7f 00",
    "deleted clock beyond 53 bits": "00 01 07 01 ff ff ff ff ff ff ff 0f 01",
}


@pytest.mark.parametrize("name", REFUSED)
def test_bytes_that_peers_could_not_all_read_alike_are_refused(name: str) -> None:
    with pytest.raises(MalformedUpdate):
        decode_update(bytes.fromhex(REFUSED[name]))


@pytest.mark.parametrize(
    ("raw", "meaning"),
    [
        ("01 02 07 00 04 01 01 74 00 04 01 01 74 01 78 00", "01 01 07 00 04 01 01 74 01 78 00"),
        ("01 02 07 00 00 00 00 02 00", "01 01 07 00 00 02 00"),
        ("02 00 07 00 01 08 00 00 02 00", "01 01 08 00 00 02 00"),
        ("01 01 07 00 08 01 01 74 00 00", "00 00"),
        ("00 02 07 00 08 02 00 00 05 01", "00 01 08 01 05 01"),
    ],
)
def test_what_has_length_zero_is_dropped_as_yrs_does(raw: str, meaning: str) -> None:
    assert decode_update(bytes.fromhex(raw)) == decode_update(bytes.fromhex(meaning))


def test_an_update_inside_other_bytes_ends_where_it_ends() -> None:
    data = bytes.fromhex(EXAMPLES["two clients and deletes"][0])
    update, end = decode_update_prefix(b"\x05" + data + b"\x00\x00", 1)
    assert (update, end) == (decode_update(data), 1 + len(data))


def test_a_gap_without_a_skip_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="SKIP"):
        encode_update(Update({7: [Struct(7, 0, 1, GC), Struct(7, 2, 1, GC)]}))


def test_a_struct_without_a_place_is_not_encoded() -> None:
    with pytest.raises(ValueError, match="parent"):
        encode_update(Update({7: [Struct(7, 0, 1, STRING, content="a")]}))


def test_clients_with_empty_lists_are_not_encoded() -> None:
    assert encode_update(Update({7: []}, {7: []})) == b"\x00\x00"
