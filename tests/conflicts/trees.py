"""A document as plain values, formats included: what pycrdt says, and what the engine's shadow says."""

from __future__ import annotations

from typing import Any

from pycrdt import Array, Doc, Map, Text, XmlElement, XmlFragment, XmlText

from keepboth.conflicts.formats import canonical, format_item
from keepboth.conflicts.rendering import type_of
from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.screens import current, everything, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.content import SubDocument
from keepboth.yjs.structs import FORMAT, TYPE, Y_ARRAY, Y_MAP, Y_TEXT, Y_XML_ELEMENT, Y_XML_TEXT

HIDDEN = "(hidden)"

Unit = tuple[Any, tuple[Any, ...], Run]
"""A character or embed, its formats, and where it lies."""


def tree(value: Any) -> Any:
    """What pycrdt shows."""
    if isinstance(value, Text | XmlText):
        chars: list[Any] = []
        for piece, attributes in value.diff():
            formats = tuple(sorted((name, canonical(_plain(set_to))) for name, set_to in (attributes or {}).items()))
            chars += [(one, formats) for one in (piece if isinstance(piece, str) else [tree(piece)])]
        return ["text", chars] if isinstance(value, Text) else ["text", chars, _attributes(value)]
    if isinstance(value, Map):
        return {key: tree(value[key]) for key in sorted(value.keys())}
    if isinstance(value, Array):
        return [tree(one) for one in value]
    if isinstance(value, XmlElement):
        return [value.tag, _attributes(value), [tree(one) for one in value.children]]
    if isinstance(value, XmlFragment):
        return ["fragment", [tree(one) for one in value.children]]
    return "(document)" if isinstance(value, Doc) else _plain(value)


def _attributes(value: Any) -> dict[str, Any]:
    return dict(sorted((name, set_to) for name, set_to in value.attributes))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in sorted(value.items())}
    return value


def shadow_tree(shadow: Shadow, kind: int, root: str, hide: Line | None) -> Any:
    """What the shadow shows at a root of the type *kind*; *hide* stands for itself."""
    lines = [line for line in shadow.lines() if line.root == root and line.holder is None]
    return _type(shadow, kind, None, lines, hide)


def _type(shadow: Shadow, kind: int, name: str | None, lines: list[Line], hide: Line | None) -> Any:
    sequence = next((line for line in lines if line.key is None), None)
    keys = {line.key: line for line in lines if line.key is not None}
    held = {key: _held(shadow, line, hide) for key, line in sorted(keys.items()) if line is hide or _there(line)}
    if kind == Y_MAP:
        return held
    if kind in (Y_TEXT, Y_XML_TEXT):
        chars = HIDDEN if sequence is not None and sequence is hide else _chars(shadow, sequence, hide)
        return ["text", chars] if kind == Y_TEXT else ["text", chars, held]
    elements = HIDDEN if sequence is not None and sequence is hide else _elements(shadow, sequence, hide)
    if kind == Y_ARRAY:
        return elements
    return [name, held, elements] if kind == Y_XML_ELEMENT else ["fragment", elements]


def _there(line: Line) -> bool:
    return current(line, everything) is not None


def _held(shadow: Shadow, line: Line, hide: Line | None) -> Any:
    run = current(line, everything)
    return HIDDEN if line is hide or run is None else _value(shadow, run, run.end - 1, hide)


def _value(shadow: Shadow, run: Run, clock: int, hide: Line | None) -> Any:
    if run.kind == TYPE:
        ref, name = type_of(run)
        return _type(shadow, ref, name, shadow.below.get(run, []), hide)
    if isinstance(run.content, str):
        return text_of(run.content)
    assert run.content is not None
    value = run.content[clock - run.clock]
    return "(document)" if isinstance(value, SubDocument) else _plain(value)


def _elements(shadow: Shadow, line: Line | None, hide: Line | None) -> list[Any]:
    found: list[Any] = []
    for run in line.runs() if line is not None else ():
        low, high = visible(run, run.clock, run.end, everything)
        found += [_value(shadow, run, clock, hide) for clock in range(low, high)]
    return found


def _chars(shadow: Shadow, line: Line | None, hide: Line | None) -> list[Any]:
    return [(what, formats) for what, formats, _ in marked(shadow, line, hide)]


def marked(shadow: Shadow, line: Line | None, hide: Line | None) -> list[Unit]:
    """The characters and embeds of a text."""
    found: list[Unit] = []
    formats: dict[str, str] = {}
    for run in line.runs() if line is not None else ():
        if run.kind == FORMAT and not run.deleters:
            name, value = format_item(run)
            formats[name] = canonical(_plain(value))
        low, high = visible(run, run.clock, run.end, everything)
        if low < high:
            now = tuple(sorted((name, value) for name, value in formats.items() if value != "null"))
            content = run.content
            if isinstance(content, str):
                units = content[low - run.clock : high - run.clock]
                found += [(unit, now, run) for unit in units]
            else:
                found += [(_value(shadow, run, low, hide), now, run)]
    return _whole(found)


def _whole(units: list[Unit]) -> list[Unit]:
    """Join the halves of characters."""
    out: list[Unit] = []
    for what, formats, run in units:
        if isinstance(what, str) and out and isinstance(out[-1][0], str) and "\ud800" <= out[-1][0] <= "\udbff":
            out[-1] = (text_of(out[-1][0] + what), formats, run)
        else:
            out.append((what, formats, run))
    return out
