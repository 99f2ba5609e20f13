"""Numbers, strings and buffers as lib0 (the library under Yjs) puts them on the wire.

``varUint`` is little-endian groups of seven bits, high bit set on all but the last. ``varInt`` keeps six bits and the
sign (0x40) in its first byte. ``varString`` is a varUint counting UTF-8 bytes, then the bytes; ``buf`` likewise.

A reader takes ``(data, pos)`` and returns ``(value, next_pos)``. It never reads past the end, never allocates by a
length it has only been told, and raises `MalformedMessage` for anything lib0 in a browser would choke on. A writer
appends to a ``bytearray``. Source: lib0 0.2 ``encoding.js`` and ``decoding.js``.
"""

from __future__ import annotations

from typing import Final

from keepboth.errors import MalformedMessage

MAX_SAFE_INTEGER: Final = 2**53 - 1
"""The largest integer a JavaScript peer can hold; ids, clocks and lengths must not exceed it."""

_ONE_BYTE: Final = tuple(bytes((n,)) for n in range(128))


def truncated(pos: int) -> MalformedMessage:
    """The error for data that ends before the value that starts at or about byte *pos* is complete."""
    return MalformedMessage("the data ends in the middle of a value", position=pos)


def read_var_uint(data: bytes, pos: int) -> tuple[int, int]:
    """Return the unsigned integer at *pos*, at most 2**53 - 1.

    Raises: MalformedMessage when the data ends first, or when the number is larger or written in more than 8 bytes.
    """
    try:
        byte = data[pos]
        if byte < 128:
            return byte, pos + 1
        return read_long(data, byte, pos + 1)
    except IndexError:
        raise truncated(pos) from None


def read_long(data: bytes, first: int, pos: int) -> tuple[int, int]:
    """Finish a varUint whose *first* byte, 128 or more, has been read; *pos* is behind it.

    Unrolled to five bytes, because a random 32-bit client id takes five.

    Raises: IndexError when the data ends first (hot loops catch it once, outside), MalformedMessage when too large.
    """
    byte = data[pos]
    if byte < 128:
        return first & 127 | byte << 7, pos + 1
    value = first & 127 | (byte & 127) << 7
    byte = data[pos + 1]
    if byte < 128:
        return value | byte << 14, pos + 2
    value |= (byte & 127) << 14
    byte = data[pos + 2]
    if byte < 128:
        return value | byte << 21, pos + 3
    value |= (byte & 127) << 21
    byte = data[pos + 3]
    if byte < 128:
        return value | byte << 28, pos + 4
    value |= (byte & 127) << 28
    shift = 35
    pos += 4
    while shift <= 49:
        byte = data[pos]
        pos += 1
        if byte < 128:
            value |= byte << shift
            if value > MAX_SAFE_INTEGER:
                break
            return value, pos
        value |= (byte & 127) << shift
        shift += 7
    raise MalformedMessage("a number exceeds 2**53 - 1", position=pos)


def read_var_int(data: bytes, pos: int) -> tuple[int, int, bool]:
    """Return ``(value, next_pos, negative)`` of the signed integer at *pos*; ``(0, _, True)`` is JavaScript's -0.

    Raises: MalformedMessage when the data ends first, or when the magnitude exceeds 2**53 - 1.
    """
    try:
        byte = data[pos]
        pos += 1
        value = byte & 63
        negative = bool(byte & 64)
        if byte > 127:
            shift = 6
            while True:
                byte = data[pos]
                pos += 1
                value |= (byte & 127) << shift
                if byte < 128:
                    break
                shift += 7
                if shift > 48:
                    raise MalformedMessage("a number exceeds 2**53 - 1", position=pos)
            if value > MAX_SAFE_INTEGER:
                raise MalformedMessage("a number exceeds 2**53 - 1", position=pos)
    except IndexError:
        raise truncated(pos) from None
    return (-value if negative else value), pos, negative


def read_buf(data: bytes, pos: int) -> tuple[bytes, int]:
    """Return the length-prefixed bytes at *pos* (a copy).

    Raises: MalformedMessage when the data ends first.
    """
    length, pos = read_var_uint(data, pos)
    end = pos + length
    if end > len(data):
        raise truncated(pos)
    return data[pos:end], end


def read_var_string(data: bytes, pos: int) -> tuple[str, int]:
    """Return the string at *pos*.

    Raises: MalformedMessage when the data ends first or the bytes are not UTF-8 (lone surrogates are not).
    """
    raw, end = read_buf(data, pos)
    try:
        return raw.decode(), end
    except UnicodeDecodeError:
        raise MalformedMessage("a string is not UTF-8", position=pos) from None


def var_uint(value: int) -> bytes:
    """Return *value* as a varUint.

    Raises: ValueError when it is negative or exceeds 2**53 - 1.
    """
    if 0 <= value < 128:
        return _ONE_BYTE[value]
    if not 0 <= value <= MAX_SAFE_INTEGER:
        raise ValueError(f"{value} is not an unsigned 53-bit integer")
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def write_var_uint(out: bytearray, value: int) -> None:
    """Append *value* as a varUint.

    Raises: ValueError when it is negative or exceeds 2**53 - 1.
    """
    if 0 <= value < 128:
        out.append(value)
    else:
        out += var_uint(value)


def write_var_int(out: bytearray, value: int, *, negative_zero: bool = False) -> None:
    """Append *value* as a varInt; *negative_zero* writes JavaScript's -0 for 0.

    Raises: ValueError when the magnitude exceeds 2**53 - 1.
    """
    sign = 64 if value < 0 or negative_zero else 0
    value = abs(value)
    if value > MAX_SAFE_INTEGER:
        raise ValueError(f"{value} is not a 53-bit integer")
    rest = value >> 6
    out.append((128 if rest else 0) | sign | value & 63)
    if rest:
        out += var_uint(rest)


def write_buf(out: bytearray, value: bytes) -> None:
    """Append *value* with its length in front."""
    write_var_uint(out, len(value))
    out += value


def write_var_string(out: bytearray, value: str) -> None:
    """Append *value* in UTF-8 with its byte length in front; a lone surrogate becomes U+FFFD, as in a browser."""
    try:
        raw = value.encode()
    except UnicodeEncodeError:
        raw = value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
    write_buf(out, raw)


def utf16_length(text: str) -> int:
    """Return how many UTF-16 code units *text* takes: what a Yjs clock counts in a string."""
    if text.isascii():
        return len(text)
    return len(text.encode("utf-16-le", "surrogatepass")) >> 1
