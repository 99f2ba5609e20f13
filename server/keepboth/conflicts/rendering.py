"""Content as people read it: text as it is, values as JSON, what is nested by what it holds on a screen."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable
from math import isfinite
from typing import Final

from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.content import SubDocument, TypeRef
from keepboth.yjs.structs import EMBED, TYPE, Y_ARRAY, Y_MAP, Y_TEXT, Y_XML_ELEMENT, Y_XML_HOOK

LONGEST: Final = 10_000
"""Characters of a view, at most."""

DEEPEST: Final = 60
"""Levels of nesting that are shown."""

Part = tuple[Run, int, int]
"""Clocks from the second to before the third of a run."""

Piece = tuple[bool, str]
"""``(is it a value of a list, its text)``."""


def shortened(text: str) -> str:
    """*text*, or its beginning and ``…``."""
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"


def text(shadow: Shadow, parts: Iterable[Part], shows: Screen) -> str:
    """What *parts* of a sequence say on a screen."""
    return joined(shown(shadow, run, *visible(run, low, high, shows), shows) for run, low, high in parts)


def key_text(shadow: Shadow, line: Line, shows: Screen) -> str:
    """What the key *line* holds on a screen, "" if nothing."""
    run = current(line, shows)
    return "" if run is None else joined((shown(shadow, run, run.end - 1, run.end, shows),))


def joined(pieces: Iterable[Piece]) -> str:
    """The text of pieces that stand side by side."""
    out: list[str] = []
    listed = False
    for is_value, piece in pieces:
        if piece:
            if listed and is_value:
                out.append(", ")
            out.append(piece)
            listed = is_value
    return text_of("".join(out))


def shown(shadow: Shadow, run: Run, low: int, high: int, shows: Screen) -> Piece:
    """What clocks *low* to before *high* of *run*, which are visible, say on a screen."""
    if high <= low:
        return False, ""
    content = run.content
    if isinstance(content, str):
        return False, content[low - run.clock : high - run.clock]
    if run.kind == TYPE:
        value = _nested(shadow, run, shows, 0)
        return type_of(run).ref <= Y_TEXT, value if isinstance(value, str) else as_json(value)
    if content is None:
        return False, "\ufffc"
    return run.kind != EMBED, ", ".join(as_json(_plain(content[clock - run.clock])) for clock in range(low, high))


def as_json(value: object) -> str:
    """*value*, which consists of what JSON has, as text."""
    return json.dumps(value, ensure_ascii=False)


def _plain(value: object) -> object:
    """*value* with what JSON has not as something that it has."""
    if isinstance(value, float):
        if not isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(key): _plain(element) for key, element in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, bytes):
        return {"base64": b64encode(value).decode()}
    return {"guid": value.guid} if isinstance(value, SubDocument) else value


def type_of(run: Run) -> TypeRef:
    """Which shared type the item *run* holds."""
    assert isinstance(run.content, tuple)
    (ref,) = run.content
    assert isinstance(ref, TypeRef)
    return ref


def _nested(shadow: Shadow, run: Run, shows: Screen, depth: int) -> object:
    """The content of a shared type on a screen: a text or XML as ``str``, an array as ``list``, a map as ``dict``."""
    if depth > DEEPEST:
        return "…"
    ref, name = type_of(run)
    lines = shadow.below.get(run, [])
    if ref == Y_MAP:
        return _keys(shadow, lines, shows, depth)
    sequence = next((line for line in lines if line.key is None), None)
    if ref == Y_ARRAY:
        return [] if sequence is None else _elements(shadow, sequence, shows, depth)
    inner = "" if sequence is None else _markup(shadow, sequence, shows, depth)
    if ref not in (Y_XML_ELEMENT, Y_XML_HOOK):
        return inner
    attributes = "".join(
        f' {key}="{value if isinstance(value, str) else as_json(value)}"'
        for key, value in _keys(shadow, lines, shows, depth).items()
    )
    return f"<{name}{attributes}>{inner}</{name}>"


def _keys(shadow: Shadow, lines: list[Line], shows: Screen, depth: int) -> dict[str, object]:
    found = {}
    for line in lines:
        run = current(line, shows) if line.key is not None else None
        if run is not None and line.key is not None:
            found[line.key] = _value(shadow, run, run.end - 1, shows, depth)
    return dict(sorted(found.items()))


def _elements(shadow: Shadow, line: Line, shows: Screen, depth: int) -> list[object]:
    found = []
    for run in line.runs():
        low, high = visible(run, run.clock, run.end, shows)
        found += [_value(shadow, run, clock, shows, depth) for clock in range(low, high)]
    return found


def _markup(shadow: Shadow, line: Line, shows: Screen, depth: int) -> str:
    out: list[str] = []
    for run in line.runs():
        low, high = visible(run, run.clock, run.end, shows)
        if low < high and run.kind == TYPE:
            value = _nested(shadow, run, shows, depth + 1)
            out.append(value if isinstance(value, str) else as_json(value))
        else:
            out.append(shown(shadow, run, low, high, shows)[1])
    return text_of("".join(out))


def _value(shadow: Shadow, run: Run, clock: int, shows: Screen, depth: int) -> object:
    if run.kind == TYPE:
        return _nested(shadow, run, shows, depth + 1)
    content = run.content
    if content is None:
        return None
    return _plain(content[clock - run.clock])
