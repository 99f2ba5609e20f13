"""Where in the document an episode is, for people: the way down from the root, the line, the heading above."""

from __future__ import annotations

from keepboth.conflicts.model import Step
from keepboth.conflicts.nesting import holders
from keepboth.conflicts.rendering import Part, text, type_of
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen, visible
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.structs import EMBED, FORMAT, STRING, TYPE, Y_TEXT, Y_XML_ELEMENT, Y_XML_TEXT

HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


def path_to(line: Line, run: Run, low: int, shows: Screen) -> tuple[Step, ...]:
    """The way from the root type to clock *low* of *run*, which lies in *line*, on a screen.

    In a text it ends at the text; elsewhere with the key or index of the place.
    """
    steps: list[Step] = []
    if line.key is not None:
        steps.append(Step("key", line.key))
    elif not is_text(line, shows):
        steps.append(_index(line, run, low, shows))
    top = line
    for holder in holders(line):
        outer = holder.line
        assert outer is not None
        if outer.key is not None:
            steps.append(Step("key", outer.key, element_name(holder)))
        else:
            steps.append(_index(outer, holder, holder.clock, shows))
        top = outer
    steps.append(Step("root", top.root))
    return tuple(reversed(steps))


def _index(line: Line, run: Run, low: int, shows: Screen) -> Step:
    before = 0
    for other in line.runs():
        if other is run:
            break
        start, stop = visible(other, other.clock, other.end, shows)
        before += stop - start
    start, stop = visible(run, run.clock, low, shows)
    return Step("index", before + stop - start, element_name(run))


def element_name(run: Run) -> str | None:
    """The name of the XML element that *run* holds, None if it holds none."""
    if run.kind != TYPE:
        return None
    return type_of(run).name


def is_text(line: Line, shows: Screen) -> bool:
    """True if *line* is the sequence of a text: what its type says, or for a root, what was ever in it on a screen."""
    if line.holder is not None:
        return type_of(line.holder).ref in (Y_TEXT, Y_XML_TEXT)
    return any(run.kind in (STRING, EMBED, FORMAT) and shows(run.stroke) for run in line.runs())


def line_number(line: Line, run: Run, low: int, shows: Screen) -> int | None:
    """In which line of a text clock *low* of *run* is on a screen, from 1; None elsewhere."""
    if line.key is not None or not is_text(line, shows):
        return None
    number = 1
    other = line.first
    while other is not None and other is not run:
        content = other.content
        if content is not None and "\n" in content and isinstance(content, str):
            start, stop = visible(other, other.clock, other.end, shows)
            number += content.count("\n", start - other.clock, stop - other.clock)
        other = other.right
    if isinstance(run.content, str):
        start, stop = visible(run, run.clock, low, shows)
        number += run.content.count("\n", start - run.clock, stop - run.clock)
    return number


def heading_above(shadow: Shadow, line: Line, run: Run, shows: Screen) -> str | None:
    """The text of the nearest heading before the outermost XML block that *run* lies in; None if there is none."""
    block: Run | None = run if _is_xml(run) and line.key is None else None
    for holder in holders(line):
        outer = holder.line
        if outer is not None and outer.key is None and _is_xml(holder):
            block = holder
    while block is not None:
        block = block.left
        name = element_name(block) if block is not None else None
        if block is None or name is None or not (name in HEADINGS or name.startswith("heading")):
            continue
        low, high = visible(block, block.clock, block.end, shows)
        if low < high:
            return _words(shadow, block, shows)
    return None


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
