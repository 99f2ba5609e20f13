"""What a struct holds: measured on the wire, read as Python values, cut in two.

The layouts are those of Yjs 13 ``Content*.js``: ``DELETED`` length; ``JSON`` n, n texts (or ``undefined``);
``BINARY`` buf; ``STRING`` varString; ``EMBED`` JSON text; ``FORMAT`` key, JSON text; ``TYPE`` type reference and, for
XML elements and hooks, a name; ``ANY`` n, n values; ``DOC`` guid, options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from keepboth.errors import MalformedMessage, MalformedUpdate
from keepboth.yjs.anyvalue import read_any, skip_any
from keepboth.yjs.jsontext import check_json, parse_json
from keepboth.yjs.lib0 import read_buf, read_var_string, read_var_uint, truncated, var_uint
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
    TYPE,
    Y_XML_ELEMENT,
    Y_XML_HOOK,
    Y_XML_TEXT,
    Range,
    Struct,
)


class TypeRef(NamedTuple):
    """A nested shared type: its ``Y_*`` reference and, for XML elements and hooks, its name."""

    ref: int
    name: str | None


class SubDocument(NamedTuple):
    """A document inside the document: its guid and the options it was made with."""

    guid: str
    options: Any


def measure(kind: int, data: bytes, pos: int) -> tuple[int, int]:
    """Return ``(length in clocks, position behind)`` of the content of *kind* at *pos*, having checked all of it.

    For every kind with a content of its own except ``STRING``, which the decoder reads itself.

    Raises: MalformedMessage when no Yjs peer could read it.
    """
    match kind:
        case 8:  # ANY
            count, pos = read_var_uint(data, pos)
            for _ in range(count):
                pos = skip_any(data, pos)
            return count, pos
        case 6:  # FORMAT
            _, pos = read_var_string(data, pos)
            text, pos = read_var_string(data, pos)
            check_json(text)
        case 7:  # TYPE
            ref, pos = read_var_uint(data, pos)
            if ref > Y_XML_TEXT:
                raise MalformedMessage(f"{ref} is not a shared type", position=pos)
            if ref in (Y_XML_ELEMENT, Y_XML_HOOK):
                _, pos = read_var_string(data, pos)
        case 5:  # EMBED
            text, pos = read_var_string(data, pos)
            check_json(text)
        case 3:  # BINARY
            length, pos = read_var_uint(data, pos)
            pos += length
            if pos > len(data):
                raise truncated(len(data))
        case 2:  # JSON
            count, pos = read_var_uint(data, pos)
            for _ in range(count):
                text, pos = read_var_string(data, pos)
                if text != "undefined":
                    check_json(text)
            return count, pos
        case 9:  # DOC
            _, pos = read_var_string(data, pos)
            if pos < len(data) and data[pos] != 118:
                raise MalformedMessage("a subdocument's options are not an object", position=pos)
            pos = skip_any(data, pos)
        case _:
            raise MalformedMessage(f"{kind} is not a kind of content", position=pos)
    return 1, pos


def values(struct: Struct) -> list[object]:
    """Return the struct's elements as Python values.

    ``ANY`` and ``JSON`` give one value per clock (``undefined`` as ``None``), ``STRING`` its whole text as one ``str``
    (so one element, however many clocks), ``BINARY`` its bytes, ``EMBED`` its JSON value, ``TYPE`` a `TypeRef`,
    ``DOC`` a `SubDocument`. ``FORMAT`` (see `format_of`), ``DELETED``, ``GC`` and ``SKIP`` have no elements: ``[]``.

    Raises: MalformedUpdate when the struct was not decoded by us and its content is not of its kind.
    """
    content = struct.content
    if isinstance(content, str):
        return [content]
    try:
        return _values(struct.kind, content or b"")
    except MalformedMessage as error:
        raise MalformedUpdate(error.detail, **error.facts) from None


def _values(kind: int, content: bytes) -> list[object]:
    if kind == ANY:
        return _elements(content)
    if kind == JSON:
        return [None if text == "undefined" else parse_json(text) for text in json_texts(content)]
    if kind == BINARY:
        return [read_buf(content, 0)[0]]
    if kind == EMBED:
        return [parse_json(read_var_string(content, 0)[0])]
    if kind == TYPE:
        return [_type_ref(content)]
    if kind == DOC:
        guid, pos = read_var_string(content, 0)
        return [SubDocument(guid, read_any(content, pos, None)[0])]
    return []


def _elements(content: bytes) -> list[object]:
    count, pos = read_var_uint(content, 0)
    found: list[object] = []
    for _ in range(count):
        value, pos = read_any(content, pos, None)
        found.append(value)
    return found


def json_texts(content: bytes) -> list[str]:
    """Return the texts inside ``JSON`` content, each a JSON text or ``undefined``.

    Raises: MalformedMessage when the content is not of that kind.
    """
    count, pos = read_var_uint(content, 0)
    texts: list[str] = []
    for _ in range(count):
        text, pos = read_var_string(content, pos)
        texts.append(text)
    return texts


def type_ref(struct: Struct) -> TypeRef:
    """Return which shared type a ``TYPE`` struct begins.

    Raises: ValueError for another kind.
    """
    if struct.kind != TYPE or not isinstance(struct.content, bytes):
        raise ValueError(f"{struct!r} is not a shared type")
    return _type_ref(struct.content)


def _type_ref(content: bytes) -> TypeRef:
    ref, pos = read_var_uint(content, 0)
    return TypeRef(ref, read_var_string(content, pos)[0] if ref in (Y_XML_ELEMENT, Y_XML_HOOK) else None)


def format_of(struct: Struct) -> tuple[str, object]:
    """Return ``(attribute, value)`` that a ``FORMAT`` struct switches on from its place on; ``None`` switches it off.

    Raises: ValueError for another kind.
    """
    if struct.kind != FORMAT or not isinstance(struct.content, bytes):
        raise ValueError(f"{struct!r} is not a format")
    key, pos = read_var_string(struct.content, 0)
    return key, parse_json(read_var_string(struct.content, pos)[0])


def split(struct: Struct, offset: int) -> tuple[Struct, Struct]:
    """Return the struct's first *offset* clocks and the rest, as Yjs cuts them (``splitItem``, ``sliceStruct``).

    The right part has the left part's last id as origin, keeps the right origin, and names no parent on the wire. A cut
    through a surrogate pair leaves U+FFFD on both sides.

    Raises: ValueError unless ``0 < offset < struct.length``.
    """
    if not 0 < offset < struct.length:
        raise ValueError(f"cannot cut {struct.length} clocks at {offset}")
    clock = struct.clock
    left, right = extract(struct, [(clock, offset), (clock + offset, struct.length - offset)])
    return left, right


def extract(struct: Struct, ranges: Sequence[Range]) -> list[Struct]:
    """Return the parts of the struct that *ranges* name, in their order, each cut as by `split`.

    Every range must lie within the struct. Takes time in proportion to the struct's size plus the number of ranges.

    Raises: ValueError when a cut would go through content that is one clock long.
    """
    if list(ranges) == [(struct.clock, struct.length)]:
        return [struct]
    parts: list[Struct] = []
    client, info = struct.client, struct.info
    offsets = [(clock - struct.clock, clock - struct.clock + length) for clock, length in ranges]
    for (start, end), content in zip(offsets, _cut(struct, offsets), strict=True):
        clock = struct.clock + start
        if start == 0:
            part = Struct(client, clock, end, info, struct.origin, struct.right_origin, struct.parent, struct.key)
        elif struct.kind in (GC, SKIP):
            part = Struct(client, clock, end - start, info)
        else:
            part = Struct(client, clock, end - start, info | 0x80, (client, clock - 1), struct.right_origin)
        part.content = content
        parts.append(part)
    return parts


def _cut(struct: Struct, offsets: Sequence[tuple[int, int]]) -> Sequence[str | bytes | None]:
    """Return the content between each ``(start, end)`` of *offsets*."""
    content, kind = struct.content, struct.kind
    if isinstance(content, str):
        if content.isascii():
            return [content[start:end] for start, end in offsets]
        # "replace" makes each half of a surrogate pair that a cut leaves alone one U+FFFD, so lengths stay.
        units = content.encode("utf-16-le", "surrogatepass")
        return [units[2 * start : 2 * end].decode("utf-16-le", "replace") for start, end in offsets]
    if kind in (GC, SKIP, DELETED) or content is None:
        return [None] * len(offsets)
    if kind not in (ANY, JSON):
        raise ValueError(f"content of kind {kind} is one clock long")
    count, pos = read_var_uint(content, 0)
    at = [pos]
    for _ in range(count):
        pos = skip_any(content, pos) if kind == ANY else read_buf(content, pos)[1]
        at.append(pos)
    return [var_uint(end - start) + content[at[start] : at[end]] for start, end in offsets]
