"""Content as people read it: text as it is, values as JSON, what is nested by what it holds on a screen.

What lies in an XML element is shown as markup, where ``&``, ``<`` and ``>`` stand for themselves as ``&amp;``, ``&lt;``
and ``&gt;``, also in a part of it; in an attribute ``"`` is ``&quot;``. The letters of a text are shown as they are
where the view is of that text itself.
"""

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

_ELEMENTS: Final = (Y_XML_ELEMENT, Y_XML_HOOK)

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


def shown(shadow: Shadow, run: Run, low: int, high: int, shows: Screen, *, inner: bool = False) -> Piece:
    """What clocks *low* to before *high* of *run*, which are visible, say on a screen.

    *inner*: as a part of what their line lies in, not of that line alone.
    """
    if high <= low:
        return False, ""
    if run.kind == TYPE:
        value = _nested(shadow, run, shows, 0)
        listed = type_of(run).ref <= Y_TEXT
        if isinstance(value, str):
            return listed, value
        said = as_json(value)
    else:
        listed, said = _said(run, low, high)
    assert run.line is not None
    return listed, escaped(said) if inner and in_element(run.line) else said


def _said(run: Run, low: int, high: int) -> Piece:
    content = run.content
    if isinstance(content, str):
        return False, content[low - run.clock : high - run.clock]
    if content is None:
        return False, "\ufffc"
    return run.kind != EMBED, ", ".join(as_json(_plain(content[clock - run.clock])) for clock in range(low, high))


def in_element(line: Line) -> bool:
    """True if *line* lies in an XML element, at whatever depth."""
    holder = line.holder
    while holder is not None:
        if type_of(holder).ref in _ELEMENTS:
            return True
        holder = holder.line.holder if holder.line is not None else None
    return False


def escaped(text: str) -> str:
    """*text* as markup has it."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


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
    if ref not in _ELEMENTS:
        return inner
    attributes = "".join(f' {key}="{_attribute(value)}"' for key, value in _keys(shadow, lines, shows, depth).items())
    return f"<{name}{attributes}>{inner}</{name}>"


def _attribute(value: object) -> str:
    return escaped(value if isinstance(value, str) else as_json(value)).replace('"', "&quot;")


def _keys(shadow: Shadow, lines: list[Line], shows: Screen, depth: int) -> dict[str, object]:
    found = {}
    for line in lines:
        run = current(line, shows) if line.key is not None else None
        if run is not None and line.key is not None:
            found[line.key] = value_of(shadow, run, run.end - 1, shows, depth)
    return dict(sorted(found.items()))


def _elements(shadow: Shadow, line: Line, shows: Screen, depth: int) -> list[object]:
    found = []
    for run in line.runs():
        low, high = visible(run, run.clock, run.end, shows)
        found += [value_of(shadow, run, clock, shows, depth) for clock in range(low, high)]
    return found


def _markup(shadow: Shadow, line: Line, shows: Screen, depth: int) -> str:
    markup = in_element(line)
    out: list[str] = []
    for run in line.runs():
        low, high = visible(run, run.clock, run.end, shows)
        if low < high and run.kind == TYPE:
            value = _nested(shadow, run, shows, depth + 1)
            out.append(value if isinstance(value, str) else escaped(as_json(value)) if markup else as_json(value))
        elif low < high:
            said = _said(run, low, high)[1]
            out.append(escaped(said) if markup else said)
    return text_of("".join(out))


def value_of(shadow: Shadow, run: Run, clock: int, shows: Screen, depth: int = 0) -> object:
    """What *clock* of *run*, which is no text, says on a screen, as JSON has it; XML as markup."""
    if run.kind == TYPE:
        return _nested(shadow, run, shows, depth + 1)
    content = run.content
    if content is None:
        return None
    return _plain(content[clock - run.clock])
