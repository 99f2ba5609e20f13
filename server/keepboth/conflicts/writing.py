"""New versions: what somebody writes instead, and whole versions one after the other."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from keepboth.conflicts.arranging import Element, Fresh
from keepboth.conflicts.paths import is_text
from keepboth.conflicts.runs import text_of, units_of
from keepboth.conflicts.versions import Versions
from keepboth.errors import InvalidRequest
from keepboth.yjs.structs import STRING


def one_after_the_other(place: Versions, versions: Iterable[tuple[str, list[int]]]) -> list[Element]:
    """Whole *versions* (text, pieces) in the order in which their own content lies, words apart."""

    def start(version: tuple[str, list[int]]) -> int:
        return next((index for index in version[1] if not place.pieces[index].before), version[1][0])

    found: list[Element] = []
    said = ""
    for text, pieces in sorted(versions, key=start):
        if said and is_text(place.line, place.merged) and _needs_space(said, text):
            found.append(Fresh(" "))
        found += pieces
        said = text
    return found


def _needs_space(left: str, right: str) -> bool:
    """True if words of two versions would run into one another."""
    return not any(char.isspace() or unicodedata.east_asian_width(char) in "WF" for char in (left[-1], right[0]))


def written(place: Versions, text: str) -> list[Element]:
    """*text* as a version: letters at its beginning and end that are there already stay. Cuts pieces of *place*.

    Raises: InvalidRequest when it is not Unicode.
    """
    try:
        units = units_of(text)
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the text must be valid Unicode", field="text") from None
    old = [i for i, piece in enumerate(place.pieces) if piece.alive and (piece.own or piece.known)]
    size = sum(place.pieces[index].length for index in old)
    head = _common(place, old, units, backwards=False)
    tail = _common(place, old, units[head:], backwards=True, limit=size - head)
    first = _split_at(place, old, head)
    stop = _split_at(place, old, size - tail)
    middle = units[head : len(units) - tail]
    near = old[first] if first < len(old) else None
    fresh: list[Element] = [Fresh(text_of(middle), near)] if middle else []
    return [*old[:first], *fresh, *old[stop:]]


def _common(place: Versions, version: list[int], units: str, *, backwards: bool, limit: int | None = None) -> int:
    """How many units *version* and *units* have in common at one end; never half a character."""
    step = -1 if backwards else 1
    most = len(units) if limit is None else min(len(units), limit)
    count = 0
    for index in version[::step]:
        piece = place.pieces[index]
        if piece.run.kind != STRING or not isinstance(piece.run.content, str):
            break
        content = piece.run.content[piece.low - piece.run.clock : piece.high - piece.run.clock][::step]
        wanted = units[::step][count : min(count + len(content), most)]
        same = next((i for i, unit in enumerate(wanted) if unit != content[i]), len(wanted))
        count += same
        if same < len(content):
            break
    edge = units[len(units) - count :][:1] if backwards else units[:count][-1:]
    if 0 < count < len(units) and 0xD800 <= ord(edge) <= 0xDFFF and _is_half(edge, backwards):
        count -= 1
    return count


def _is_half(unit: str, backwards: bool) -> bool:
    """True if a cut before (after) this unit goes through a character."""
    return (ord(unit) >= 0xDC00) == backwards


def _split_at(place: Versions, version: list[int], units: int) -> int:
    """Cut the pieces of *version* so that one ends after so many units; return how many pieces come before."""
    for nth, index in enumerate(version):
        length = place.pieces[index].length
        if units < length:
            if not units:
                return nth
            place.split(index, units)
            version[nth + 1 :] = [index + 1, *(later + 1 for later in version[nth + 1 :])]
            return nth + 1
        units -= length
    return len(version)
