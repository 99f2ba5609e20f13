"""Parts of updates: exact, applicable, and the same document when all are applied."""

from __future__ import annotations

import itertools
from random import Random
from typing import Any

import pytest
from pycrdt import Array, Doc, Map, Text

from keepboth.yjs.idset import IdSet
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.slicing import deleted, dependencies, inserted, slice_update, transcode_json
from keepboth.yjs.structs import ANY, GC, SKIP, STRING, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.yjs.documents import contents, session
from tests.yjs.test_update import EXAMPLES, WRITTEN_BY_YJS


def random_parts(rng: Random, update: Update) -> list[tuple[int, int, int]]:
    """Cut each client's clocks into ``(client, clock, length)`` at random, but through no surrogate pair."""
    parts = []
    for client, structs in update.structs.items():
        cuts = set()
        for struct in structs:
            at = struct.clock
            text = struct.content if isinstance(struct.content, str) else "x" * struct.length
            for char in text if struct.length > 1 else "x":
                cuts.add(at)
                at += 2 if ord(char) > 0xFFFF else 1
            assert at == struct.clock + struct.length
        end = at
        chosen = [structs[0].clock, *sorted(rng.sample(sorted(cuts), min(len(cuts), 8))), end]
        parts += [(client, a, b - a) for a, b in itertools.pairwise(chosen) if b > a]
    return parts


@pytest.mark.parametrize("seed", range(15))
def test_slices_applied_when_their_dependencies_are_there_make_the_whole(seed: int) -> None:
    rng = Random(seed)
    authors, _ = session(seed)
    whole = decode_update(authors[0].doc.get_update())
    waiting = [
        slice_update(whole, IdSet({client: [(clock, length)]}), {})
        for client, clock, length in random_parts(rng, whole)
    ]
    doc: Doc[Any] = Doc()
    have = IdSet()
    while waiting:
        ready = [part for part in waiting if dependencies(part).difference(have).is_empty]
        if not ready:  # parts that need each other's middles: take them struct by struct
            waiting = [
                slice_update(part, IdSet({client: [(struct.clock, struct.length)]}), {})
                for part in waiting
                for client, structs in part.structs.items()
                for struct in structs
            ]
            ready = [part for part in waiting if dependencies(part).difference(have).is_empty]
        part = rng.choice(ready)
        waiting.remove(part)
        doc.apply_update(encode_update(part))
        have = have.union(inserted(part))
        assert decode_state_vector(doc.get_state()) == have.state_vector()
    for client, ranges in whole.deletes.items():
        for clock, length in ranges:
            doc.apply_update(encode_update(slice_update(whole, IdSet(), {client: [(clock, length)]})))
    assert have == inserted(whole)
    assert contents(doc) == contents(authors[0].doc)


@pytest.mark.parametrize("seed", range(8))
def test_an_update_without_one_of_its_dependencies_cannot_be_applied(seed: int) -> None:
    _, log = session(seed)
    doc: Doc[Any] = Doc()
    have = IdSet()
    tried = 0
    for data in log:
        update = decode_update(data)
        brings = inserted(update)
        needs = dependencies(update)
        assert needs.intersection(brings).is_empty
        assert needs.difference(have).is_empty
        if not needs.is_empty and len(update.structs) == 1:
            blank: Doc[Any] = Doc()
            blank.apply_update(data)
            applied = IdSet({client: [(0, clock)] for client, clock in decode_state_vector(blank.get_state()).items()})
            assert not brings.difference(applied).is_empty
            tried += 1
        doc.apply_update(data)
        have = have.union(brings)
    assert tried > 3


@pytest.mark.parametrize("seed", range(8))
def test_a_slice_has_exactly_what_was_asked_for_as_far_as_the_update_has_it(seed: int) -> None:
    rng = Random(seed)
    authors, log = session(seed, rounds=12)
    for data in (*log, authors[0].doc.get_update()):
        update = decode_update(data)
        structs, deletes = IdSet(), IdSet()
        for client in (*update.structs, *update.deletes, 12345):
            for _ in range(5):
                structs.add(client, rng.randrange(80), rng.randrange(10))
                deletes.add(client, rng.randrange(80), rng.randrange(10))
        part = slice_update(update, structs, deletes)
        assert inserted(part) == inserted(update).intersection(structs)
        assert deleted(part) == deleted(update).intersection(deletes)
        assert decode_update(encode_update(part)) == part
        assert slice_update(update, structs, deletes.to_dict()) == part
        assert all(of_client[0].kind != SKIP != of_client[-1].kind for of_client in part.structs.values())


def test_a_slice_of_everything_is_the_update() -> None:
    data = bytes.fromhex(WRITTEN_BY_YJS["full"])
    update = decode_update(data)
    assert encode_update(slice_update(update, inserted(update), deleted(update))) == data


def test_a_slice_with_a_gap_agrees_with_yjs() -> None:
    whole = Update({300: [Struct(300, 0, 4, STRING, parent="t", content="abcd")]})
    part = slice_update(whole, IdSet({300: [(0, 1), (2, 1)]}), {})
    assert encode_update(part).hex() == WRITTEN_BY_YJS["merged with a gap"]


def test_a_text_cut_into_very_many_slices_takes_linear_time() -> None:
    length = 200_000
    whole = Update({7: [Struct(7, 0, length, STRING, parent="t", content="é" * length)]})
    part = slice_update(whole, IdSet({7: [(clock, 1) for clock in range(0, length, 2)]}), {})
    assert len(part.structs[7]) == length - 1


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("string", {}),
        ("both origins", {300: [(3, 2)], 9: [(128, 1)]}),
        ("right origin alone", {7: [(0, 1), (4, 1)]}),
        ("map key under a nested type", {7: [(1, 1)], 9: [(1, 1)]}),
        ("skip", {7: [(2, 1)]}),
        ("two clients and deletes", {9: [(5, 128)]}),
        ("largest ids", {2**53 - 1: [(2**53 - 3, 1)]}),
    ],
)
def test_dependencies_are_what_is_built_on_and_not_brought(
    name: str, expected: dict[int, list[tuple[int, int]]]
) -> None:
    assert dependencies(EXAMPLES[name][1]) == IdSet(expected)


def test_dependencies_between_the_clients_of_an_update_are_inside_it() -> None:
    update = Update(
        {
            9: [Struct(9, 4, 1, STRING | 0x80, (7, 1), content="x")],
            7: [Struct(7, 1, 1, STRING | 0x40, None, (9, 3), content="y"), Struct(7, 2, 1, GC)],
        }
    )
    assert dependencies(update) == IdSet({7: [(0, 1)], 9: [(3, 1)]})


def json_update(texts: list[str], key: str | None = None) -> Update:
    raw = bytes((len(texts),)) + b"".join(bytes((len(text.encode()),)) + text.encode() for text in texts)
    flags = 0 if key is None else 0x20
    return Update({7: [Struct(7, 0, len(texts), 2 | flags, parent="r", key=key, content=raw)]}, {8: [(0, 1)]})


def test_json_content_becomes_values_that_pycrdt_reads() -> None:
    texts = ['"a"', "null", "1.5", '{"k":[true,"😀"]}', "undefined", "3000000000"]
    update = json_update(texts)
    with pytest.raises(ValueError, match="Cannot decode"):
        Doc().apply_update(encode_update(update))
    changed = transcode_json(update)
    assert changed is not None
    assert inserted(changed) == inserted(update)
    assert changed.deletes == update.deletes
    doc: Doc[Any] = Doc()
    doc.apply_update(encode_update(changed))
    assert doc.get("r", type=Array).to_py() == ["a", None, 1.5, {"k": [True, "😀"]}, None, 3000000000]


def test_json_under_a_map_key_stays_there() -> None:
    changed = transcode_json(json_update(['{"x":1}'], key="k"))
    assert changed is not None
    assert changed.structs[7][0].info == ANY | 0x20
    doc: Doc[Any] = Doc()
    doc.apply_update(encode_update(changed))
    assert doc.get("r", type=Map).to_py() == {"k": {"x": 1}}


def test_an_update_without_json_content_is_left_alone() -> None:
    assert transcode_json(decode_update(bytes.fromhex(WRITTEN_BY_YJS["full"]))) is None


def test_text_cut_by_slices_reads_the_same() -> None:
    doc: Doc[Any] = Doc(client_id=300)
    doc.get("t", type=Text).insert(0, "the black cat")
    whole = decode_update(doc.get_update())
    peer: Doc[Any] = Doc()
    for clock in range(13):
        peer.apply_update(encode_update(slice_update(whole, IdSet({300: [(clock, 1)]}), {})))
        assert str(peer.get("t", type=Text)) == "the black cat"[: clock + 1]
