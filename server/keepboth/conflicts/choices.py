"""What can be done about an episode, each choice shown as the text that it leads to.

A choice puts a version of the place into the document and takes the rest of the episode's own content out. What anybody
typed there who had seen the merge, or who had no part in it, is kept: it is no part of the collision.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from keepboth.conflicts.arranging import Arrangement, Element, Fresh, arrange, shown
from keepboth.conflicts.runs import text_of, units_of
from keepboth.conflicts.versions import Piece, SideKey, Versions
from keepboth.conflicts.views import _after as after_span
from keepboth.conflicts.views import _before as before_span
from keepboth.conflicts.views import _joined as joined
from keepboth.conflicts.views import _shown as piece_text
from keepboth.errors import InvalidRequest
from keepboth.yjs.structs import EMBED, FORMAT, STRING

Choice = Literal["leave", "use", "both", "write", "restore", "remove"]


class Wish(NamedTuple):
    """What somebody asks for. ``side``: whose version (``use``); ``text``: the new text (``write``)."""

    choice: Choice
    side: SideKey | None = None
    text: str | None = None


class Part(NamedTuple):
    """A stretch of the resulting text. ``kept``: not of the chosen version, but of somebody who had no part in this."""

    text: str
    kept: bool


class Preview(NamedTuple):
    """What a choice leads to.

    ``sides``: whose version it is; several if they wrote the same. ``text``: the place afterwards, which ``parts`` cut
    up; ``before`` and ``after``: at most 200 characters around it, as they are. ``adds`` and ``removes``: what is
    inserted and deleted for it, ``changes``: whether anything is.
    """

    choice: Choice
    sides: tuple[SideKey, ...]
    text: str
    parts: tuple[Part, ...]
    before: str
    after: str
    adds: str
    removes: str
    changes: bool


class Plan(NamedTuple):
    """A choice worked out: what it leads to and how. Valid until the shadow next changes."""

    preview: Preview
    place: Versions
    arrangement: Arrangement


def offered(place: Versions) -> list[Wish]:
    """The choices that make sense here, in the order in which people should read them."""
    versions = _versions(place)
    found = [Wish("leave"), *(Wish("use", keys[0]) for keys, _ in versions)]
    if len(_worth(place, versions)) > 1:
        found.append(Wish("both"))
    if _is_text(place.pieces):
        found.append(Wish("write"))
    own = [piece for piece in place.pieces if piece.own and piece.alive]
    struck = [index for index in place.base if place.pieces[index].struck]
    rewrote = sum(_rewrote(place, version) for _, version in versions)
    if struck and rewrote < 2:
        found.append(Wish("restore"))
    if struck and own and rewrote < 2:
        found.append(Wish("remove"))
    return found


def plan(place: Versions, wish: Wish) -> Plan:
    """Work out *wish*. Cuts pieces of *place*.

    Raises: InvalidRequest when it is not offered here, or misses its side or text.
    """
    allowed = offered(place)
    keys: tuple[SideKey, ...] = ()
    if wish.choice not in {one.choice for one in allowed}:
        names = ", ".join(dict.fromkeys(one.choice for one in allowed))
        raise InvalidRequest(f"{wish.choice!r} is no choice here, but {names}", field="choice")
    pieces = place.pieces
    own = [index for index, piece in enumerate(pieces) if piece.own]
    alive = [index for index, piece in enumerate(pieces) if piece.alive]
    match wish.choice:
        case "leave":
            arrangement = Arrangement(frozenset(i for i in alive if pieces[i].own or pieces[i].known), (), ())
        case "use":
            keys, version = _chosen(place, wish.side)
            arrangement = arrange(pieces, version, own)
        case "both":
            arrangement = arrange(pieces, _one_after_the_other(place), own)
        case "restore":
            arrangement = arrange(pieces, _with_what_was_deleted(place), ())
        case "remove":
            rest = [index for index in alive if pieces[index].known and not pieces[index].own]
            arrangement = arrange(pieces, rest, own)
        case "write":
            if wish.text is None:
                raise InvalidRequest("the text to write is missing", field="text")
            written = _written(place, wish.text)
            removable = [i for i, piece in enumerate(pieces) if piece.own or piece.known]
            arrangement = arrange(pieces, written, removable)
    return Plan(_preview(place, wish.choice, keys, arrangement), place, arrangement)


def previews(place: Versions, text: str | None = None) -> list[Preview]:
    """All choices that are offered. *text* is for "write"; without it, that shows the text as it is."""
    found = []
    for wish in offered(place):
        if wish.choice == "write":
            wish = wish._replace(text=current(place) if text is None else text)
        found.append(plan(place, wish).preview)
    return found


def current(place: Versions) -> str:
    """What "write" would replace: the text of the collision as it is, without what others typed there since."""
    return say(piece for piece in place.pieces if piece.alive and (piece.own or piece.known))


def say(pieces: Iterable[Piece]) -> str:
    """What *pieces* say one after the other, deleted or not."""
    return joined(piece_text(piece.run, piece.low, piece.high) for piece in pieces)


# -- versions ------------------------------------------------------------------------------------------------------


def _versions(place: Versions) -> list[tuple[tuple[SideKey, ...], list[int]]]:
    """The different versions of the sides, equal ones joined."""
    by_text: dict[str, tuple[list[SideKey], list[int]]] = {}
    for key, version in place.sides.items():
        said = say(place.pieces[index] for index in version)
        by_text.setdefault(said, ([], version))[0].append(key)
    return [(tuple(keys), version) for keys, version in by_text.values()]


def _chosen(place: Versions, side: SideKey | None) -> tuple[tuple[SideKey, ...], list[int]]:
    for keys, version in _versions(place):
        if side in keys:
            return keys, version
    sides = [[key.actor, key.session] for key in place.sides]
    raise InvalidRequest("whose version? name the actor (and session) of a side", field="actor", sides=sides)


def _worth(place: Versions, versions: list[tuple[tuple[SideKey, ...], list[int]]]) -> list[list[int]]:
    """The versions that say something, in the order in which their own content lies."""

    def start(version: list[int]) -> int:
        base = set(place.base)
        return next((index for index in version if index not in base), version[0])

    return sorted((version for _, version in versions if version), key=start)


def _one_after_the_other(place: Versions) -> list[Element]:
    found: list[Element] = []
    said = ""
    for version in _worth(place, _versions(place)):
        text = say(place.pieces[index] for index in version)
        if said and _is_text(place.pieces) and _needs_space(said, text):
            found.append(Fresh(" "))
        found += version
        said = text
    return found


def _needs_space(left: str, right: str) -> bool:
    """True if words of two versions would run into one another."""
    return not any(char.isspace() or unicodedata.east_asian_width(char) in "WF" for char in (left[-1], right[0]))


def _with_what_was_deleted(place: Versions) -> list[Element]:
    return [
        index
        for index, piece in enumerate(place.pieces)
        if (piece.alive and (piece.known or piece.own)) or (piece.struck and (piece.known or piece.own))
    ]


def _rewrote(place: Versions, version: Sequence[int]) -> bool:
    """True if a side deleted something that was there and put something in."""
    base, mine = set(place.base), set(version)
    return bool(base - mine) and any(place.pieces[index].own for index in mine - base)


def _is_text(pieces: Iterable[Piece]) -> bool:
    return all(piece.run.mute or piece.run.kind in (STRING, EMBED, FORMAT) for piece in pieces)


def _written(place: Versions, text: str) -> list[Element]:
    """*text* as a version: letters at its beginning and end that are there already stay."""
    try:
        units = units_of(text)
        text.encode()
    except UnicodeEncodeError:
        raise InvalidRequest("the text must be valid Unicode", field="text") from None
    old = [i for i, piece in enumerate(place.pieces) if piece.alive and (piece.own or piece.known)]
    head = _common(place, old, units, backwards=False)
    tail = _common(place, old, units[head:], backwards=True, limit=_length(place, old) - head)
    first = _split_at(place, old, head)
    stop = _split_at(place, old, _length(place, old) - tail)
    middle = units[head : len(units) - tail]
    near = old[first] if first < len(old) else None
    fresh: list[Element] = [Fresh(text_of(middle), near)] if middle else []
    return [*old[:first], *fresh, *old[stop:]]


def _length(place: Versions, version: Iterable[int]) -> int:
    return sum(place.pieces[index].length for index in version)


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


# -- showing -------------------------------------------------------------------------------------------------------


def _preview(place: Versions, choice: Choice, sides: tuple[SideKey, ...], arrangement: Arrangement) -> Preview:
    pieces = place.pieces
    pairs = list(shown(pieces, arrangement))
    whole = _say_elements(place, [element for element, _ in pairs])
    groups: list[tuple[bool, list[Element]]] = []
    for element, how in pairs:
        kept = how == "kept"
        if not groups or groups[-1][0] != kept:
            groups.append((kept, []))
        groups[-1][1].append(element)
    return Preview(
        choice,
        sides,
        whole,
        tuple(Part(_say_elements(place, elements), kept) for kept, elements in groups),
        before_span(place.span, place.now),
        after_span(place.span, place.now),
        _say_elements(place, [element for _, element in arrangement.comes]),
        say(pieces[index] for index in arrangement.goes),
        arrangement.changes,
    )


def _say_elements(place: Versions, elements: Iterable[Element]) -> str:
    def pairs() -> Iterable[tuple[bool, str]]:
        for element in elements:
            if isinstance(element, Fresh):
                yield False, units_of(element.text)
            else:
                piece = place.pieces[element]
                yield piece_text(piece.run, piece.low, piece.high)

    return joined(pairs())
