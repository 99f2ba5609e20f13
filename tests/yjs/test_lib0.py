"""Numbers, strings and buffers on the wire."""

from __future__ import annotations

import pytest

from keepboth.errors import MalformedMessage
from keepboth.yjs import lib0

# Written by lib0 0.2.
UNSIGNED = {
    0: "00",
    127: "7f",
    128: "8001",
    16384: "808001",
    2**32 - 1: "ffffffff0f",
    2**35: "808080808001",
    2**53 - 1: "ffffffffffffff0f",
}
SIGNED = {0: "00", 1: "01", -1: "41", 63: "3f", 64: "8001", -64: "c001", 2**31 - 1: "bfffffff0f"}


@pytest.mark.parametrize("value", UNSIGNED)
def test_unsigned_numbers_are_written_as_lib0_does(value: int) -> None:
    raw = bytes.fromhex(UNSIGNED[value])
    assert lib0.var_uint(value) == raw
    assert lib0.read_var_uint(b"\xff" + raw + b"\xff", 1) == (value, 1 + len(raw))


@pytest.mark.parametrize("value", SIGNED)
def test_signed_numbers_are_written_as_lib0_does(value: int) -> None:
    out = bytearray()
    lib0.write_var_int(out, value)
    assert out.hex() == SIGNED[value]
    assert lib0.read_var_int(bytes(out), 0) == (value, len(out), value < 0)


def test_every_power_of_two_round_trips() -> None:
    for power in range(53):
        for value in (2**power, 2**power - 1, 2**53 - 1 - 2**power):
            out = bytearray()
            lib0.write_var_uint(out, value)
            assert lib0.read_var_uint(bytes(out), 0) == (value, len(out))
            for signed in (value, -value):
                out = bytearray()
                lib0.write_var_int(out, signed)
                assert lib0.read_var_int(bytes(out), 0)[:2] == (signed, len(out))


@pytest.mark.parametrize("raw", ["8080808080808010", "ffffffffffffff1f", "80" * 8 + "00", "80" * 1000 + "00"])
def test_numbers_beyond_53_bits_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        lib0.read_var_uint(bytes.fromhex(raw), 0)


@pytest.mark.parametrize("raw", ["80808080808080808001", "c0ffffffffffffff7f", "ffffffffffffff7f"])
def test_signed_numbers_beyond_53_bits_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        lib0.read_var_int(bytes.fromhex(raw), 0)


@pytest.mark.parametrize("raw", ["", "80", "ffffffff"])
def test_unfinished_numbers_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        lib0.read_var_uint(bytes.fromhex(raw), 0)
    with pytest.raises(MalformedMessage):
        lib0.read_var_int(bytes.fromhex(raw), 0)


@pytest.mark.parametrize("value", [-1, 2**53])
def test_numbers_no_browser_can_hold_are_not_written(value: int) -> None:
    with pytest.raises(ValueError, match="53-bit"):
        lib0.var_uint(value)


def test_strings_are_counted_in_utf8_bytes() -> None:
    out = bytearray()
    lib0.write_var_string(out, "é😀")
    assert out.hex() == "06c3a9f09f9880"
    assert lib0.read_var_string(bytes(out), 0) == ("é😀", 7)


def test_lone_surrogates_are_written_as_the_replacement_character() -> None:
    out = bytearray()
    lib0.write_var_string(out, "a\ud83d")
    assert lib0.read_var_string(bytes(out), 0)[0] == "a\ufffd"


@pytest.mark.parametrize("raw", ["01ff", "03eda080", "0261", "ffffffffffff0f61"])
def test_strings_that_no_browser_decodes_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        lib0.read_var_string(bytes.fromhex(raw), 0)


def test_buffers_are_copied_whole() -> None:
    out = bytearray()
    lib0.write_buf(out, b"\x00\x01" * 100)
    assert lib0.read_buf(bytes(out) + b"rest", 0) == (b"\x00\x01" * 100, 202)


@pytest.mark.parametrize("text", ["", "abc", "é", "日本", "😀", "a😀b\ud83d"])
def test_utf16_length_counts_what_javascript_counts(text: str) -> None:
    assert lib0.utf16_length(text) == sum(2 if ord(char) > 0xFFFF else 1 for char in text)
