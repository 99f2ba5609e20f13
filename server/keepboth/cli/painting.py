"""The past in colours: an author's colour, lines of text with their authors, what came and went."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from rich.text import Text

from keepboth.api.changes import CountsBody, RewrittenPlace
from keepboth.api.history_models import ChangeEntry
from keepboth.cli.terminal import counted, printable
from keepboth.history.blame import Span
from keepboth.telling.differences import difference

COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "bright_cyan", "bright_magenta", "bright_yellow")
MARKS: Final = {"insert": "green", "delete": "red strike", "keep": "dim", "gap": "dim"}
BRACKETS: Final = {"insert": ("{+", "+}"), "delete": ("[-", "-]")}
"""What stands around them where there are no colours, as in ``git diff --word-diff``."""

MAX_VALUE: Final = 2000


class Palette:
    """A colour for each author, in order of appearance."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._colours: dict[str, str] = {}

    def colour(self, actor: str) -> str:
        return self._colours.setdefault(actor, COLOURS[len(self._colours) % len(COLOURS)])

    def name(self, actor: str) -> Text:
        return Text(printable(self._names.get(actor, actor), 40), style=self.colour(actor))


class BlameLine(NamedTuple):
    """One line of text, or one value. ``actor``: who brought the newest of it, None for an empty line nobody ended."""

    revision: int
    at: int
    actor: str | None
    where: str
    what: Text


def blame_lines(spans: Iterable[Span], palette: Palette) -> Iterator[BlameLine]:
    """Text line by line, each part in its author's colour; everything else by itself."""
    row: list[tuple[Span, str]] = []
    path: Sequence[str | int] | None = None
    number = 1
    for span in spans:
        mark = span.mark
        if path is not None and mark.path != path:
            if row:
                yield _line(row, number, palette)
            row, path = [], None
        if mark.what == "text" and mark.key is None:
            if path is None:
                path, number = mark.path, 1
            first, *rest = mark.value.split("\n")
            row.append((span, first))
            for part in rest:
                yield _line(row, number, palette)
                number += 1
                row = [(span, part)] if part else []
            continue
        value = mark.value if mark.what == "type" else json.dumps(mark.value, ensure_ascii=False)
        at = where(mark.path, mark.key if mark.key is not None else str(mark.start))
        text = Text(printable(value, MAX_VALUE), style=palette.colour(span.actor))
        yield BlameLine(span.last_revision, span.last_at, span.actor, at, text)
    if row:
        yield _line(row, number, palette)


def _line(row: list[tuple[Span, str]], number: int, palette: Palette) -> BlameLine:
    text = Text()
    for span, part in row:
        text.append(printable(part), style=palette.colour(span.actor))
    if not row:
        return BlameLine(0, 0, None, f"{number}", text)
    newest = max((span for span, part in row if part), key=_newest, default=row[-1][0])
    return BlameLine(newest.last_revision, newest.last_at, newest.actor, f"{where(newest.mark.path)}:{number}", text)


def _newest(span: Span) -> tuple[int, int]:
    return span.last_at, span.last_revision


def where(path: Sequence[str | int], key: str | None = None) -> str:
    """``root/key/3``."""
    return "/".join(str(step) for step in (*path, *(() if key is None else (key,))))


def change_text(change: ChangeEntry, *, coloured: bool, root: bool = True) -> Text:
    """What changed in one place: deleted text struck through, inserted text green; in brackets if not *coloured*.

    *root*: name the path also where it is just a root.
    """
    line = Text()
    if not root and (len(change.path) > 1 or change.key is not None):
        line.append(printable(where(change.path, change.key), 100) + "  ", style="dim")
    pieces = [(piece.op, piece.text) for piece in change.pieces]
    if change.kind == "key":
        texts = ["" if value is None else _value(value) for value in (change.before, change.after)]
        if isinstance(change.before, str) and isinstance(change.after, str):
            pieces = [(piece.op, piece.text) for piece in difference(*texts)]
        else:
            pieces = [(op, text) for op, text in zip(("delete", "insert"), texts, strict=True) if text]
    for nth, (op, text) in enumerate(pieces):
        if nth and change.kind == "key" and pieces[nth - 1][0] == "delete" and op == "insert":
            line.append(" ")
        opening, closing = ("", "") if coloured else BRACKETS.get(op, ("", ""))
        line.append(f"{opening}{printable(text, MAX_VALUE, lines=True)}{closing}", style=MARKS[op])
    return line


def _value(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def places_text(places: Iterable[RewrittenPlace], *, coloured: bool) -> Iterator[Text]:
    """What going back, or leaving something out, changes: a line that says where, then the text."""
    for place in places:
        yield Text(printable(where(place.path), 200), style="bold")
        line = Text("  ")
        for piece in place.pieces:
            opening, closing = ("", "") if coloured else BRACKETS.get(piece.op, ("", ""))
            shown = printable(piece.text, MAX_VALUE, lines=True).replace("\n", "\n  ")
            line.append(f"{opening}{shown}{closing}", style=MARKS[piece.op])
        yield line


def counts_text(counts: CountsBody) -> str:
    """How much comes and goes, in words."""
    said = f"{counted(counts.inserted, 'character')} put in, {counted(counts.deleted, 'character')} taken out"
    for number, noun in ((counts.keys, "key"), (counts.formats, "format")):
        if number:
            said += f", {counted(number, noun)} changed"
    return said
