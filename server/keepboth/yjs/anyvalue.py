"""``any``: the tagged values lib0 writes for the elements of arrays and maps.

=====  ==========================  =======================================
byte   on the wire                 here
=====  ==========================  =======================================
127    undefined                   `UNDEFINED`
126    null                        ``None``
125    varInt                      ``int`` (``-0.0`` for JavaScript's -0)
124    float32, big-endian         ``float``
123    float64, big-endian         ``float``
122    bigint, 64 bits big-endian  `BigInt`
121    false                       ``False``
120    true                        ``True``
119    varString                   ``str``
118    n, then n (key, any)        ``dict[str, ...]``
117    n, then n any               ``list``
116    buf                         ``bytes``
=====  ==========================  =======================================

Values may nest `MAX_DEPTH` deep. Deeper is refused: the readers of other peers recurse, and the one in Rust would
overflow its stack and take the process with it.
"""

from __future__ import annotations

import struct
from enum import Enum
from typing import Final

from keepboth.errors import MalformedMessage
from keepboth.yjs.lib0 import (
    MAX_SAFE_INTEGER,
    read_buf,
    read_var_int,
    read_var_string,
    read_var_uint,
    truncated,
    write_buf,
    write_var_int,
    write_var_string,
    write_var_uint,
)

MAX_DEPTH: Final = 100
"""Objects and arrays inside one another, the outermost counted."""


class Undefined(Enum):
    """The type of `UNDEFINED`."""

    UNDEFINED = "undefined"


UNDEFINED: Final = Undefined.UNDEFINED
"""JavaScript's ``undefined``, which is another value than null on the wire."""


class BigInt(int):
    """A JavaScript bigint: equal to the ``int``, but written with 64 bits and its own tag."""


_FLOAT32: Final = struct.Struct(">f")
_FLOAT64: Final = struct.Struct(">d")
_INT64: Final = struct.Struct(">q")


def read_any(data: bytes, pos: int, undefined: object = UNDEFINED, depth: int = MAX_DEPTH) -> tuple[object, int]:
    """Return ``(value, next_pos)`` of the value at *pos*, with *undefined* in place of JavaScript's undefined.

    Raises: MalformedMessage when the data ends first, a tag is unknown, or values nest deeper than *depth*.
    """
    if pos >= len(data):
        raise truncated(pos)
    tag = data[pos]
    pos += 1
    match tag:
        case 119:
            return read_var_string(data, pos)
        case 125:
            number, pos, negative = read_var_int(data, pos)
            return (-0.0 if negative and not number else number), pos
        case 126:
            return None, pos
        case 127:
            return undefined, pos
        case 120:
            return True, pos
        case 121:
            return False, pos
        case 116:
            return read_buf(data, pos)
        case 124:
            return _unpack(_FLOAT32, data, pos)
        case 123:
            return _unpack(_FLOAT64, data, pos)
        case 122:
            wide, pos = _unpack(_INT64, data, pos)
            return BigInt(int(wide)), pos
        case 118 | 117 if depth == 0:
            raise MalformedMessage(f"values nest deeper than {MAX_DEPTH}", position=pos)
        case 118:
            count, pos = read_var_uint(data, pos)
            entries: dict[str, object] = {}
            for _ in range(count):
                key, pos = read_var_string(data, pos)
                entries[key], pos = read_any(data, pos, undefined, depth - 1)
            return entries, pos
        case 117:
            count, pos = read_var_uint(data, pos)
            elements: list[object] = []
            for _ in range(count):
                element, pos = read_any(data, pos, undefined, depth - 1)
                elements.append(element)
            return elements, pos
        case _:
            raise MalformedMessage(f"{tag} is not the tag of a value", position=pos - 1)


def _unpack(layout: struct.Struct, data: bytes, pos: int) -> tuple[float, int]:
    end = pos + layout.size
    if end > len(data):
        raise truncated(pos)
    number: float = layout.unpack_from(data, pos)[0]
    return number, end


def skip_any(data: bytes, pos: int) -> int:
    """Return the position behind the value at *pos*, having checked all that `read_any` checks.

    Raises: MalformedMessage as `read_any` does.
    """
    size = len(data)
    if pos >= size:
        raise truncated(pos)
    tag = data[pos]
    pos += 1
    match tag:
        case 126 | 127 | 120 | 121:
            return pos
        case 119:
            return read_var_string(data, pos)[1]
        case 125:
            return read_var_int(data, pos)[1]
        case 124:
            pos += 4
        case 123 | 122:
            pos += 8
        case 116:
            length, pos = read_var_uint(data, pos)
            pos += length
        case _:
            return read_any(data, pos - 1)[1]
    if pos > size:
        raise truncated(size)
    return pos


def write_any(out: bytearray, value: object, depth: int = MAX_DEPTH) -> None:
    """Append *value*; reading what was written gives it back (tuples as lists, bytearrays as bytes).

    An ``int`` is a varInt, a ``float`` the narrowest float that holds it exactly, as in Yjs.

    Raises: ValueError for an int beyond 53 bits (bigint: 64) or for too deep nesting, TypeError for a foreign type.
    """
    if value is None:
        out.append(126)
    elif value is UNDEFINED:
        out.append(127)
    elif value is True:
        out.append(120)
    elif value is False:
        out.append(121)
    elif isinstance(value, str):
        out.append(119)
        write_var_string(out, value)
    elif isinstance(value, BigInt):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"{int(value)} is not a 64-bit integer")
        out.append(122)
        out += _INT64.pack(value)
    elif isinstance(value, int):
        if abs(value) > MAX_SAFE_INTEGER:
            raise ValueError(f"{value} is not a 53-bit integer; use BigInt")
        out.append(125)
        write_var_int(out, value)
    elif isinstance(value, float):
        _write_float(out, value)
    elif isinstance(value, bytes | bytearray | memoryview):
        out.append(116)
        write_buf(out, bytes(value))
    elif isinstance(value, dict | list | tuple):
        if depth == 0:
            raise ValueError(f"values nest deeper than {MAX_DEPTH}")
        if isinstance(value, dict):
            out.append(118)
            write_var_uint(out, len(value))
            for key, element in value.items():
                write_var_string(out, key)
                write_any(out, element, depth - 1)
        else:
            out.append(117)
            write_var_uint(out, len(value))
            for element in value:
                write_any(out, element, depth - 1)
    else:
        raise TypeError(f"{type(value).__name__} has no place in a Yjs document")


def _write_float(out: bytearray, value: float) -> None:
    try:
        narrow = _FLOAT32.pack(value)
    except OverflowError:
        narrow = b""
    if narrow and _FLOAT32.unpack(narrow)[0] == value:
        out.append(124)
        out += narrow
    else:
        out.append(123)
        out += _FLOAT64.pack(value)
