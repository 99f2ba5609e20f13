"""What structs hold, and structs cut in two."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from pycrdt import Array, Doc, Text

from keepboth.errors import MalformedUpdate
from keepboth.yjs.content import SubDocument, TypeRef, extract, format_of, split, type_ref, values
from keepboth.yjs.lib0 import utf16_length
from keepboth.yjs.messages import encode_state_vector
from keepboth.yjs.structs import ANY, DELETED, GC, JSON, SKIP, STRING, Y_TEXT, Y_XML_ELEMENT, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.yjs.test_update import EXAMPLES


def example(name: str) -> Struct:
    (structs,) = EXAMPLES[name][1].structs.values()
    return structs[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("gc", []),
        ("deleted", []),
        ("json", ["a", None]),
        ("binary", [b"\x00\xff"]),
        ("string", ["a😀b"]),
        ("embed", [{"a": 1}]),
        ("format", []),
        ("type", [TypeRef(Y_TEXT, None)]),
        ("xml element", [TypeRef(Y_XML_ELEMENT, "p")]),
        ("any", [1, None, "x"]),
        ("doc", [SubDocument("g", {})]),
    ],
)
def test_values_are_what_the_struct_holds(name: str, expected: list[object]) -> None:
    assert values(example(name)) == expected


def test_content_that_is_not_of_its_kind_is_an_error_of_ours() -> None:
    with pytest.raises(MalformedUpdate):
        values(Struct(7, 0, 1, ANY, parent="t", content=b"\x05"))


def test_types_and_formats_are_read_from_their_structs_only() -> None:
    assert type_ref(example("type")) == (Y_TEXT, None)
    assert type_ref(example("xml hook")).name == "h"
    assert format_of(example("format")) == ("b", True)
    for read in (type_ref, format_of):
        with pytest.raises(ValueError, match="is not a"):
            read(example("string"))


# Y.diffUpdate of the update of client 5 that inserts "a😀b" into "t", from clock 1, 2 and 3 on (Yjs 13.6).
CUT_BY_YJS = ["0101050184050005f09f98806200", "0101050284050104efbfbd6200", "01010503840502016200"]


@pytest.mark.parametrize("offset", [1, 2, 3])
def test_a_cut_agrees_with_yjs(offset: int) -> None:
    whole = Struct(5, 0, 4, STRING, parent="t", content="a😀b")
    left, right = split(whole, offset)
    assert encode_update(Update({5: [right]})).hex() == CUT_BY_YJS[offset - 1]
    assert left == Struct(5, 0, offset, STRING, parent="t", content=["a", "a\ufffd", "a😀"][offset - 1])


def write_text(doc: Doc) -> None:
    doc.get("t", type=Text).insert(0, "naïve 😀 日本 x")


def write_list(doc: Doc) -> None:
    doc.get("l", type=Array).extend([1, "two", None, [4, {"k": 5}], b"6", 7.5])


def write_and_erase(doc: Doc) -> None:
    text = doc.get("t", type=Text)
    text.insert(0, "abcdef")
    del text[0:6]


@pytest.mark.parametrize("write", [write_text, write_list, write_and_erase])
def test_the_right_part_of_a_cut_agrees_with_pycrdt(write: Callable[[Doc], None]) -> None:
    doc: Doc = Doc(client_id=300)
    write(doc)
    update = decode_update(doc.get_update())
    ((struct,),) = update.structs.values()
    text = struct.content if isinstance(struct.content, str) else "." * struct.length
    boundaries = {utf16_length(text[:index]) for index in range(1, len(text))}  # within a pair Yjs is the judge
    for offset in sorted(boundaries):
        _, right = split(struct, offset)
        theirs = doc.get_update(encode_state_vector({300: offset}))
        assert encode_update(Update({300: [right]}, update.deletes)) == theirs


@pytest.mark.parametrize("name", ["json", "any", "string", "deleted", "gc"])
def test_the_parts_of_a_cut_hold_what_the_whole_held(name: str) -> None:
    whole = example(name)
    for offset in range(1, whole.length):
        left, right = split(whole, offset)
        assert (left.clock, left.length, right.clock, right.length) == (0, offset, offset, whole.length - offset)
        assert (left.origin, left.parent, left.kind, right.kind) == (None, whole.parent, whole.kind, whole.kind)
        assert right.parent is None
        assert right.origin == (None if name == "gc" else (7, offset - 1))
        if name in ("json", "any"):
            assert values(left) + values(right) == values(whole)
        data = encode_update(Update({7: [left, right]}))
        assert decode_update(data) == Update({7: [left, right]})


def test_the_right_part_keeps_its_right_origin_and_that_it_has_a_key() -> None:
    whole = Struct(7, 5, 2, ANY | 0xE0, (7, 1), (9, 9), content=b"\x02\x7e\x7f")
    assert split(whole, 1) == (
        Struct(7, 5, 1, ANY | 0xE0, (7, 1), (9, 9), content=b"\x01\x7e"),
        Struct(7, 6, 1, ANY | 0xE0, (7, 5), (9, 9), content=b"\x01\x7f"),
    )


def test_a_gap_is_cut_into_gaps() -> None:
    assert split(Struct(7, 5, 9, SKIP), 4) == (Struct(7, 5, 4, SKIP), Struct(7, 9, 5, SKIP))


@pytest.mark.parametrize("offset", [-1, 0, 4, 5])
def test_a_cut_outside_the_struct_is_an_error(offset: int) -> None:
    with pytest.raises(ValueError, match="cannot cut"):
        split(example("string"), offset)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("kind", [STRING, ANY, JSON, DELETED, GC])
def test_many_cuts_at_once_agree_with_cuts_one_by_one(kind: int, seed: int) -> None:
    rng = Random(seed)
    length = 12
    content = {
        STRING: "ab😀éc日😀d😀",
        ANY: b"\x0c" + b"\x7e\x7d\x05\x77\x01x" * 4,
        JSON: b"\x0c" + b"\x011\x02[]\x04null" * 4,
    }.get(kind)
    whole = Struct(7, 3, length, kind, parent=None if kind == GC else "t", content=content)
    at = 3
    rest: Struct | None = whole
    ranges, expected = [], []
    while rest is not None:
        size = rng.randint(1, rest.length)
        piece, rest = split(rest, size) if size < rest.length else (rest, None)
        if rng.random() < 0.7:
            ranges.append((at, size))
            expected.append(piece)
        at += size
    assert extract(whole, ranges) == expected
