"""Writes structs: new content, and copies of what the shadow holds, shared types with all that is in them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final, Protocol

from keepboth.conflicts.arranging import Element, Fresh, Paint
from keepboth.conflicts.formats import format_item
from keepboth.conflicts.rendering import type_of
from keepboth.conflicts.runs import Line, Run, text_of, units_of
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.versions import Versions
from keepboth.yjs.anyvalue import write_any
from keepboth.yjs.content import SubDocument
from keepboth.yjs.lib0 import write_buf, write_var_string, write_var_uint
from keepboth.yjs.structs import ANY, BINARY, DOC, EMBED, FORMAT, STRING, TYPE, Id, Struct

_HAS_KEY: Final = 0x20
_HAS_RIGHT: Final = 0x40
_HAS_LEFT: Final = 0x80


class View(Protocol):
    """What of a shared type, and of all that is nested in it, is copied."""

    def part(self, run: Run) -> tuple[int, int]:
        """The clocks of *run*, an element of a sequence, that are shown: ``(low, high)``."""

    def held(self, line: Line) -> Run | None:
        """What the key *line* holds."""

    def formats(self, run: Run) -> bool:
        """True if the format item *run* counts."""


class OnScreen:
    """The view of somebody who sees the work of some events."""

    def __init__(self, shows: Screen) -> None:
        self._shows = shows

    def part(self, run: Run) -> tuple[int, int]:
        return visible(run, run.clock, run.end, self._shows)

    def held(self, line: Line) -> Run | None:
        return current(line, self._shows)

    def formats(self, run: Run) -> bool:
        return bool(self._shows(run.stroke)) and not any(self._shows(other) for other in run.deleters or ())


class Writer:
    """Writes structs of one client, one after the other, from clock 0 on."""

    def __init__(self, shadow: Shadow, client: int) -> None:
        self._shadow = shadow
        self.client = client
        self.clock = 0
        self.structs: list[Struct] = []

    def put(
        self, place: Versions, elements: Iterable[Element], left: Id | None, right: Id | None, screen: Screen | None
    ) -> None:
        """Insert *elements* between two neighbours; what is nested in copies, as on *screen* (None: all of it)."""
        at = Cursor(self, left, right, None, place.line.key)
        for element in elements:
            if isinstance(element, Fresh):
                at.text(units_of(element.text))
            elif isinstance(element, Paint):
                at.paint(element.attribute, element.value)
            elif isinstance(element, int):
                piece = place.pieces[element]
                self.copy(at, piece.run, piece.low, piece.high, OnScreen(place.inside(element, screen)))
            else:
                at.item(ANY, 1, _anys((element.value,)))
        at.flush()

    def copy(self, at: Cursor, run: Run, low: int, high: int, inside: View) -> None:
        """Copy clocks *low* to before *high* of *run*; what is nested in them, as *inside* shows it."""
        content = run.content
        if isinstance(content, str):
            at.text(content[low - run.clock : high - run.clock])
        elif run.kind == TYPE:
            ref, name = type_of(run)
            out = bytearray()
            write_var_uint(out, ref)
            if name is not None:
                write_var_string(out, name)
            holder = at.item(TYPE, 1, bytes(out))
            for line in self._shadow.below.get(run, ()):
                self._copy_line(line, holder, inside)
        elif run.kind == FORMAT:
            attribute, value = format_item(run)
            at.paint(attribute, json.dumps(value, ensure_ascii=False))
        elif content is not None:
            self._copy_values(at, run.kind, content[low - run.clock : high - run.clock])

    def _copy_values(self, at: Cursor, kind: int, values: tuple[object, ...]) -> None:
        out = bytearray()
        (value, *_) = values
        if kind == BINARY and isinstance(value, bytes):
            write_buf(out, value)
        elif kind == EMBED:
            write_var_string(out, json.dumps(value, ensure_ascii=False))
        elif kind == DOC and isinstance(value, SubDocument):
            write_var_string(out, value.guid)
            write_any(out, value.options)
        else:
            at.item(ANY, len(values), _anys(values))
            return
        at.item(kind, 1, bytes(out))

    def _copy_line(self, line: Line, holder: Id, inside: View) -> None:
        """Copy what a line of a nested type shows into the type *holder*."""
        at = Cursor(self, None, None, holder, line.key)
        if line.key is not None:
            run = inside.held(line)
            if run is not None:
                self.copy(at, run, first_held(run), run.end, inside)
        else:
            for run in line.runs():
                if run.kind == FORMAT:
                    if inside.formats(run):
                        self.copy(at, run, run.clock, run.end, inside)
                    continue
                low, high = inside.part(run)
                if low < high:
                    self.copy(at, run, low, high, inside)
        at.flush()


def first_held(run: Run) -> int:
    """The first clock of what a key holds by *run*: of a row of values the last, of a text all."""
    return run.clock if run.kind == STRING else run.end - 1


class Cursor:
    """A place that content is written at, one item behind the other. Text is held back until its end is known.

    ``parent`` is needed where there are no neighbours.
    """

    __slots__ = ("_key", "_left", "_parent", "_right", "_units", "_writer")

    def __init__(
        self, writer: Writer, left: Id | None, right: Id | None, parent: Id | None, key: str | None = None
    ) -> None:
        self._writer = writer
        self._left = left
        self._right = right
        self._parent = parent
        self._key = key
        self._units = ""

    def text(self, units: str) -> None:
        self._units += units

    def flush(self) -> None:
        """Write the text that was held back."""
        units, self._units = self._units, ""
        if units:
            self._add(STRING, len(units), text_of(units))

    def paint(self, attribute: str, value: str) -> None:
        """From here on *attribute* has *value*, which is JSON."""
        self.item(FORMAT, 1, _strings(attribute, value))

    def item(self, kind: int, length: int, content: bytes) -> Id:
        """Write one item; return its id."""
        self.flush()
        return self._add(kind, length, content)

    def _add(self, kind: int, length: int, content: str | bytes) -> Id:
        writer, left, right = self._writer, self._left, self._right
        info = kind
        info |= _HAS_LEFT if left is not None else 0
        info |= _HAS_RIGHT if right is not None else 0
        info |= _HAS_KEY if self._key is not None else 0
        bare = left is None and right is None
        parent, key = (self._parent, self._key) if bare else (None, None)
        clock = writer.clock
        writer.structs.append(Struct(writer.client, clock, length, info, left, right, parent, key, content))
        writer.clock += length
        self._left = (writer.client, writer.clock - 1)
        return (writer.client, clock)


def _strings(*texts: str) -> bytes:
    out = bytearray()
    for text in texts:
        write_var_string(out, text)
    return bytes(out)


def _anys(values: tuple[object, ...]) -> bytes:
    out = bytearray()
    write_var_uint(out, len(values))
    for value in values:
        write_any(out, value)
    return bytes(out)
