"""The tagged values inside arrays and maps, and JSON texts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Array, Doc

from keepboth.errors import MalformedMessage
from keepboth.yjs.anyvalue import MAX_DEPTH, UNDEFINED, BigInt, read_any, skip_any, write_any
from keepboth.yjs.content import values
from keepboth.yjs.jsontext import check_json, parse_json
from keepboth.yjs.update import decode_update

# Written by lib0 0.2 (the float-encoded integers: by pycrdt).
EXAMPLES = [
    ("7d01", 1),
    ("7dbfffffff0f", 2**31 - 1),
    ("7dffffffff0f", -(2**31) + 1),
    ("7c4f000000", 2.0**31),
    ("7c3fc00000", 1.5),
    ("7b3fb999999999999a", 0.1),
    ("7a0000000000000005", BigInt(5)),
    ("7affffffffffffffff", BigInt(-1)),
    ("7e", None),
    ("7f", UNDEFINED),
    ("78", True),
    ("79", False),
    ("7704f09f9880", "😀"),
    ("740200ff", b"\x00\xff"),
    ("760201617f016275017e", {"a": UNDEFINED, "b": [None]}),
    ("7500", []),
]


@pytest.mark.parametrize(("raw", "value"), EXAMPLES)
def test_values_are_read_and_written_as_lib0_does(raw: str, value: object) -> None:
    data = bytes.fromhex(raw)
    read, end = read_any(data, 0)
    assert (read, type(read), end) == (value, type(value), len(data))
    assert skip_any(data, 0) == len(data)
    out = bytearray()
    write_any(out, value)
    assert out.hex() == raw


def test_minus_zero_keeps_its_sign() -> None:
    value, end = read_any(b"\x7d\x40", 0)
    assert (math.copysign(1, value), value, end) == (-1.0, 0.0, 2)  # type: ignore[call-overload]


def test_nan_round_trips() -> None:
    out = bytearray()
    write_any(out, math.nan)
    assert out.hex() == "7b7ff8000000000000"
    assert math.isnan(read_any(bytes(out), 0)[0])  # type: ignore[arg-type]


VALUES = st.recursive(
    st.none()
    | st.just(UNDEFINED)
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.integers(-(2**63), 2**63 - 1).map(BigInt)
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=("Cs",))), inner),
    max_leaves=12,
)


@settings(derandomize=True, max_examples=150, deadline=None, database=None)
@given(VALUES)
def test_what_is_written_is_read_back_and_no_prefix_of_it_is_a_value(value: object) -> None:
    out = bytearray()
    write_any(out, value)
    data = bytes(out)
    assert read_any(data + b"\x01", 0) == (value, len(data))
    assert skip_any(data + b"\x01", 0) == len(data)
    for end in range(max(0, len(data) - 40), len(data)):
        for reader in (read_any, skip_any):
            with pytest.raises(MalformedMessage):
                reader(data[:end], 0)


@pytest.mark.parametrize("raw", ["73", "80", "00", "ff", "750180", "770180", "7601ff7e"])
def test_unknown_tags_and_broken_strings_are_refused(raw: str) -> None:
    for reader in (read_any, skip_any):
        with pytest.raises(MalformedMessage):
            reader(bytes.fromhex(raw), 0)


def test_values_nest_as_deep_as_documented_and_no_deeper() -> None:
    deepest = b"\x75\x01" * MAX_DEPTH + b"\x7e"
    assert skip_any(deepest, 0) == len(deepest)
    for reader in (read_any, skip_any):
        with pytest.raises(MalformedMessage, match="nest"):
            reader(b"\x75\x01" + deepest, 0)
        with pytest.raises(MalformedMessage, match="nest"):
            reader(b"\x76\x01\x00" * 100_000, 0)
    value, _ = read_any(deepest, 0)
    write_any(bytearray(), value)
    with pytest.raises(ValueError, match="nest"):
        write_any(bytearray(), [value])


@pytest.mark.parametrize(("value", "error"), [(2**53, ValueError), (BigInt(2**63), ValueError), (object(), TypeError)])
def test_values_without_a_place_on_the_wire_are_not_written(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        write_any(bytearray(), value)


def test_values_agree_with_pycrdt() -> None:
    content = [1, -1, 1.5, None, True, "😀", b"12", {"a": [1, {"b": "c"}]}, 2**40]
    doc = Doc({"a": Array(content)})
    (structs,) = decode_update(doc.get_update()).structs.values()
    assert [value for struct in structs for value in values(struct)] == content


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ('{"a":[1,2.5,"\\u00e9"]}', {"a": [1, 2.5, "é"]}),
        ("12345678901234567890", 12345678901234567890.0),
        ("9007199254740991", 2**53 - 1),
        ("1e999", math.inf),
        ('"\\ud83d\\ude00"', "😀"),
        ('{"\\ud83d":["\\uDE00x"]}', {"\ufffd": ["\ufffdx"]}),
        ('"' + "[" * 500 + '"', "[" * 500),
    ],
)
def test_json_is_read_as_a_browser_reads_it(text: str, value: object) -> None:
    assert parse_json(text) == value
    check_json(text)


@pytest.mark.parametrize("text", ["", "undefined", "NaN", "-Infinity", "{", "[1,]", "'a'", '"\n"', "1 2", "\ufeff1"])
def test_text_that_no_browser_parses_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage, match="JSON"):
        check_json(text)


def test_json_nests_as_deep_as_documented_and_no_deeper() -> None:
    check_json("[" * MAX_DEPTH + "]" * MAX_DEPTH)
    check_json("[" + ",".join(["{}"] * 500) + "]")
    for text in ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), "[" * 200_000, '{"a":' * 200_000):
        with pytest.raises(MalformedMessage, match="nests"):
            check_json(text)


def test_a_number_of_a_million_digits_costs_no_quadratic_time() -> None:
    assert parse_json("9" * 1_000_000) == math.inf
