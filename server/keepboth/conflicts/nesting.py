"""Shared types within shared types: which edit was made inside what, and what went with what it lay in."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterator

from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.strokes import Stroke
from keepboth.yjs.structs import FORMAT


def holders(line: Line) -> Iterator[Run]:
    """The items of the types that *line* lies in, innermost first."""
    holder = line.holder
    while holder is not None:
        yield holder
        assert holder.line is not None
        holder = holder.line.holder


def overwritten(stroke: Stroke, run: Run) -> bool:
    """True if the author of *stroke* had seen something that took the place of *run*, content of a key."""
    later = run.right
    while later is not None:
        if later.stroke is not stroke and stroke.knows(later.stroke):
            return True
        later = later.right
    return False


def gone_with_holder(stroke: Stroke, line: Line) -> bool:
    """True if what *stroke* deleted in *line* went with what it lay in: its author removed that, or had seen it go."""
    for holder in holders(line):
        for deleter in holder.deleters or ():
            if deleter is stroke or stroke.knows(deleter):
                return True
        assert holder.line is not None
        if holder.line.key is not None and overwritten(stroke, holder):
            return True
    return False


def note_inside(stroke: Stroke, line: Line) -> None:
    """Keep in mind that *stroke* did something in *line*, which lies in a nested type."""
    inside = stroke.inside
    if inside is None:
        stroke.inside = line
    elif isinstance(inside, dict):
        inside[line] = None
    elif inside is not line:
        stroke.inside = {inside: None, line: None}
    stir(line, stroke.last_eff)


def stir(line: Line, eff: int) -> None:
    """An event with the effective revision *eff* did something in *line*, which lies in a nested type."""
    line.eff = max(line.eff, eff)
    for holder in holders(line):
        outer = holder.line
        assert outer is not None
        if outer.inner >= eff:
            return
        outer.inner = eff


def note_writer(stroke: Stroke, line: Line) -> None:
    """Keep in mind that *stroke* wrote the key *line*, or touched formats in it."""
    if line.writers is None:
        line.writers = {}
    strokes = line.writers.setdefault(stroke.session, [])
    if not strokes or strokes[-1].rev < stroke.rev:
        strokes.append(stroke)
    elif stroke not in strokes:
        insort(strokes, stroke, key=lambda other: other.rev)


def note_undoer(stroke: Stroke, deleter: Stroke, run: Run) -> None:
    """Keep in mind that *deleter* deleted *run*, which *stroke* inserted."""
    assert stroke.undoers is not None
    if run.kind != FORMAT:
        stroke.undoers[deleter] = True
    else:
        stroke.undoers.setdefault(deleter, False)


def lines_edited_inside(stroke: Stroke) -> tuple[Line, ...]:
    """The lines of nested types in which *stroke* did something."""
    inside = stroke.inside
    if inside is None:
        return ()
    return tuple(inside) if isinstance(inside, dict) else (inside,)
