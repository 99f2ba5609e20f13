"""Where in the document an episode is, for people: the way down from the root, the line, the heading above."""

from __future__ import annotations

from typing import NamedTuple

from keepboth.conflicts.bearings import Bearings, element_name
from keepboth.conflicts.model import Step
from keepboth.conflicts.nesting import holders
from keepboth.conflicts.rendering import Part, text, type_of
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Reach, Screen, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.structs import TYPE, Y_TEXT, Y_XML_ELEMENT, Y_XML_TEXT


class Place(NamedTuple):
    """Clock ``low`` of ``run``, which lies in ``line``, on the screen ``shows``. ``reach``: how far that reaches, if it
    is known."""

    line: Line
    run: Run
    low: int
    shows: Screen
    reach: Reach | None = None


def path_to(place: Place, bearings: Bearings | None = None) -> tuple[Step, ...]:
    """The way from the root type to a place.

    In a text it ends at the text; elsewhere with the key or index of the place.
    """
    line = place.line
    bearings = bearings or Bearings()
    steps: list[Step] = []
    if line.key is not None:
        steps.append(Step("key", line.key))
    elif not _in_text(line, place.shows, bearings):
        steps.append(_index(place, bearings))
    top = line
    for holder in holders(line):
        outer = holder.line
        assert outer is not None
        if outer.key is not None:
            steps.append(Step("key", outer.key, element_name(holder)))
        else:
            steps.append(_index(place._replace(line=outer, run=holder, low=holder.clock), bearings))
        top = outer
    steps.append(Step("root", top.root))
    return tuple(reversed(steps))


def _index(place: Place, bearings: Bearings) -> Step:
    return Step("index", bearings.units(*place), element_name(place.run))


def is_text(line: Line, shows: Screen) -> bool:
    """True if *line* is the sequence of a text: what its type says, or for a root, what was ever in it on a screen."""
    return _in_text(line, shows, Bearings())


def _in_text(line: Line, shows: Screen, bearings: Bearings) -> bool:
    if line.holder is not None:
        return type_of(line.holder).ref in (Y_TEXT, Y_XML_TEXT)
    return bearings.has_text(line, shows)


def line_number(place: Place, bearings: Bearings) -> int | None:
    """In which line of a text a place is, from 1; None elsewhere."""
    if place.line.key is not None or not _in_text(place.line, place.shows, bearings):
        return None
    return 1 + bearings.line_ends(*place)


def heading_above(shadow: Shadow, place: Place, bearings: Bearings) -> str | None:
    """The text of the nearest heading before the outermost XML block that a place lies in; None if there is none."""
    line, run, _, shows, _ = place
    block: Run | None = run if _is_xml(run) and line.key is None else None
    for holder in holders(line):
        outer = holder.line
        if outer is not None and outer.key is None and _is_xml(holder):
            block = holder
    if block is None or block.line is None:
        return None
    heading = bearings.heading_before(block.line, block, shows)
    return None if heading is None else _words(shadow, heading, shows)


def _is_xml(run: Run) -> bool:
    return run.kind == TYPE and type_of(run).ref in (Y_XML_ELEMENT, Y_XML_TEXT)


def _words(shadow: Shadow, block: Run, shows: Screen) -> str:
    """The text in an XML block, without its elements' names."""
    out: list[str] = []
    todo = [block]
    while todo:
        run = todo.pop()
        part: Part = (run, run.clock, run.end)
        if run.kind != TYPE:
            out.append(text(shadow, (part,), shows) if isinstance(run.content, str) else "")
        elif run is block or visible(*part, shows)[0] < visible(*part, shows)[1]:
            for line in shadow.below.get(run, ()):
                if line.key is None:
                    todo += reversed(list(line.runs()))
    return "".join(out).strip()
