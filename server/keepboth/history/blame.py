"""Who brought what a document shows at a cut: every character, key, element, attribute and node, and by which event.

A text is told in stretches of UTF-16 code units, an array in elements, and so are the children of an XML node; a map
and an XML node's attributes by key. Where in a text something stands counts an embedded value as one unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from keepboth.conflicts.rendering import type_of, value_of
from keepboth.conflicts.runs import Line, Run, text_of
from keepboth.conflicts.screens import Screen, current, visible
from keepboth.history.ancestry import Ancestry
from keepboth.history.lineage import Lineage
from keepboth.yjs.structs import EMBED, TYPE, Y_ARRAY, Y_MAP, Y_TEXT, Y_XML_ELEMENT, Y_XML_FRAGMENT, Y_XML_TEXT

What = Literal["text", "embed", "value", "type"]

Path = tuple[str | int, ...]

TYPE_NAMES = {
    Y_ARRAY: "array",
    Y_MAP: "map",
    Y_TEXT: "text",
    Y_XML_ELEMENT: "xml-element",
    Y_XML_FRAGMENT: "xml",
    Y_XML_TEXT: "xml-text",
}

DEEPEST = 100
"""Levels of nesting; the fold bears no more."""


class Mark(NamedTuple):
    """One stretch that one event brought.

    ``path`` leads to the shared type it lies in: the root's name, then keys and places. There it is at ``key``, or from
    ``start`` to before ``end``. ``value``: the text; the JSON value; for a shared type its name, such as ``map`` or
    ``xml-element p``, whose content follows under a longer path.
    """

    path: Path
    key: str | None
    start: int
    end: int
    what: What
    value: Any
    revision: int


class Span(NamedTuple):
    """Neighbouring marks of one actor: ``mark`` is all of them, ``first_revision`` to ``last_revision`` brought it."""

    mark: Mark
    actor: str
    first_revision: int
    last_revision: int
    first_at: int
    last_at: int


def marks(items: Ancestry, shows: Screen, root: str | None = None) -> Iterator[Mark]:
    """What a screen shows, by root, each sequence in document order, keys in order. *root*: only this one."""
    for name, lines in sorted(items.root_lines().items()):
        if root is None or root == name:
            yield from _lines(items, lines, (name,), shows)


def _lines(items: Ancestry, lines: list[Line], path: Path, shows: Screen) -> Iterator[Mark]:
    if len(path) > DEEPEST + 1:
        return
    for line in lines:
        if line.key is None:
            yield from _sequence(items, line, path, shows)
    for line in sorted((line for line in lines if line.key is not None), key=lambda line: line.key or ""):
        run = current(line, shows)
        if run is not None and line.key is not None:
            clock = run.end - 1
            yield _mark(items, run, clock, (path, line.key, 0, 1), shows)
            yield from _below(items, run, (*path, line.key), shows)


def _sequence(items: Ancestry, line: Line, path: Path, shows: Screen) -> Iterator[Mark]:
    at = 0
    pieces: list[str] = []  # text of one event that has not been given out yet
    began = revision = 0
    for run in line.runs():
        low, high = visible(run, run.clock, run.end, shows)
        while low < high:
            stroke = run.stroke
            nth = stroke.nth_of(low)
            by = stroke.rev_at(nth)
            if not isinstance(run.content, str):
                stop = low + 1
            elif nth + 1 < stroke.count:
                stop = min(high, stroke.clock_at(nth + 1))
            else:
                stop = high
            if pieces and (by != revision or not isinstance(run.content, str)):
                yield Mark(path, None, began, at, "text", text_of("".join(pieces)), revision)
                pieces = []
            if isinstance(run.content, str):
                if not pieces:
                    began, revision = at, by
                pieces.append(run.content[low - run.clock : stop - run.clock])
            else:
                yield _mark(items, run, low, (path, None, at, at + 1), shows)
                yield from _below(items, run, (*path, at), shows)
            at += stop - low
            low = stop
    if pieces:
        yield Mark(path, None, began, at, "text", text_of("".join(pieces)), revision)


def _mark(items: Ancestry, run: Run, clock: int, where: tuple[Path, str | None, int, int], shows: Screen) -> Mark:
    what: What = "value"
    value: Any
    if run.kind == TYPE:
        what = "type"
        ref, name = type_of(run)
        value = TYPE_NAMES.get(ref, "type") + (f" {name}" if name else "")
    elif isinstance(run.content, str):
        value = text_of(run.content[clock - run.clock])
    else:
        what = "embed" if run.kind == EMBED else "value"
        value = value_of(items, run, clock, shows)
    return Mark(*where, what, value, run.stroke.rev_at(run.stroke.nth_of(clock)))


def _below(items: Ancestry, run: Run, path: Path, shows: Screen) -> Iterator[Mark]:
    if run.kind == TYPE:
        yield from _lines(items, items.below.get(run, []), path, shows)


def by_event(lineage: Lineage, found: Iterator[Mark]) -> Iterator[Span]:
    """Each mark as a span of its own."""
    for mark in found:
        origin = lineage.origin(mark.revision)
        yield Span(mark, origin.actor, mark.revision, mark.revision, origin.authored_at, origin.authored_at)


def by_actor(lineage: Lineage, found: Iterator[Mark]) -> Iterator[Span]:
    """Neighbouring text of one actor as one span; anything else stays by itself."""
    texts: list[str] = []
    last: Span | None = None
    for span in by_event(lineage, found):
        mark = span.mark
        if (
            last is not None
            and mark.what == "text"
            and last.mark.what == "text"
            and last.actor == span.actor
            and (last.mark.path, last.mark.end) == (mark.path, mark.start)
        ):
            texts.append(mark.value)
            last = Span(
                last.mark._replace(end=mark.end),
                last.actor,
                min(last.first_revision, span.first_revision),
                max(last.last_revision, span.last_revision),
                min(last.first_at, span.first_at),
                max(last.last_at, span.last_at),
            )
            continue
        if last is not None:
            yield _with_text(last, texts)
        last, texts = span, [mark.value]
    if last is not None:
        yield _with_text(last, texts)


def _with_text(span: Span, texts: list[str]) -> Span:
    if len(texts) == 1:
        return span
    return span._replace(mark=span.mark._replace(value="".join(texts), revision=span.last_revision))
