"""What can be done about an episode, each choice shown as the text that it leads to.

A choice puts a version of the place into the document and takes the rest of the episode's own content out. What anybody
typed there who had seen the merge, or who had no part in it, is kept: it is no part of the collision.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal, NamedTuple

from keepboth.conflicts.arranging import Arrangement, Element, Fresh, Value, arrange, arrange_key, outcome
from keepboth.conflicts.painting import Wishes, disputed, formats_after, paint, painted
from keepboth.conflicts.paths import is_text
from keepboth.conflicts.rendering import as_json, joined, key_text, text
from keepboth.conflicts.runs import units_of
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.versions import SideKey, Version, Versions
from keepboth.conflicts.views import _after as after_span
from keepboth.conflicts.views import _before as before_span
from keepboth.conflicts.writing import one_after_the_other, written
from keepboth.errors import InvalidRequest

Choice = Literal["leave", "use", "both", "write", "restore", "remove"]


class Wish(NamedTuple):
    """What somebody asks for. ``side``: whose version (``use``); ``text``: the new text (``write``; JSON for a key)."""

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
    up; ``before`` and ``after``: at most 200 characters around it, as they are. ``formats``: of the formats that were
    in dispute, those found there then, as ``(key, value as JSON)``. ``adds`` and ``removes``: what comes and goes
    for it, ``changes``: whether anything does.
    """

    choice: Choice
    sides: tuple[SideKey, ...]
    text: str
    parts: tuple[Part, ...]
    before: str
    after: str
    formats: tuple[tuple[str, str], ...]
    adds: str
    removes: str
    changes: bool


class Plan(NamedTuple):
    """A choice worked out: what it leads to and how. ``screen`` shows what is nested in what is copied, None: all.

    Valid until the shadow next changes.
    """

    preview: Preview
    place: Versions
    arrangement: Arrangement
    screen: Screen | None


def offered(place: Versions) -> list[Wish]:
    """The choices that make sense here, in the order in which people should read them."""
    found = [Wish("leave")]
    if place.lost:
        return found
    versions = _versions(place)
    found += [Wish("use", version.sides[0]) for version in versions]
    if place.keyed:
        return [*found, Wish("write")]
    if len({version.text for version in versions if _has_own(place, version.pieces)}) > 1:
        found.append(Wish("both"))
    if is_text(place.line, place.merged):
        found.append(Wish("write"))
    struck = any(place.pieces[index].struck for index in place.base)
    rewrote = sum(_rewrote(place, version.pieces) for version in versions)
    if struck and rewrote < 2:
        found.append(Wish("restore"))
        if any(piece.own and piece.alive for piece in place.pieces):
            found.append(Wish("remove"))
    return found


def plan(place: Versions, wish: Wish) -> Plan:
    """Work out *wish*. Cuts pieces of *place*.

    Raises: InvalidRequest when it is not offered here, or misses its side or text.
    """
    names = dict.fromkeys(one.choice for one in offered(place))
    if wish.choice not in names:
        raise InvalidRequest(f"{wish.choice!r} is no choice here, but {', '.join(names)}", field="choice")
    version = _chosen(place, wish.side) if wish.choice == "use" else None
    screen = None if version is None else version.screen
    if place.keyed:
        arrangement = _key_arrangement(place, wish, version)
    else:
        arrangement = _arrangement(place, wish, version)
        arrangement = paint(place, arrangement, _wishes(place, version))
    return Plan(_preview(place, wish.choice, version, arrangement), place, arrangement, screen)


def previews(place: Versions, text: str | None = None) -> list[Preview]:
    """All choices that are offered. *text* is for "write"; without it, that shows the text as it is."""
    found = []
    for wish in offered(place):
        if wish.choice == "write":
            wish = wish._replace(text=current_text(place) if text is None else text)
        found.append(plan(place, wish).preview)
    return found


def current_text(place: Versions) -> str:
    """What "write" would replace: the text of the collision as it is, without what others typed there since."""
    if place.keyed:
        return key_text(place.shadow, place.line, place.now) or "null"
    return place.say(i for i, piece in enumerate(place.pieces) if piece.alive and (piece.own or piece.known))


# -- arrangements --------------------------------------------------------------------------------------------------


def _arrangement(place: Versions, wish: Wish, version: Version | None) -> Arrangement:
    pieces = place.pieces
    own = [index for index, piece in enumerate(pieces) if piece.own]
    there = [index for index, piece in enumerate(pieces) if piece.alive and (piece.own or piece.known)]
    match wish.choice:
        case "use":
            assert version is not None
            return arrange(pieces, version.pieces, own)
        case "both":
            several = [(one.text, one.pieces) for one in _versions(place) if _has_own(place, one.pieces)]
            return arrange(pieces, one_after_the_other(place, several), own)
        case "restore":
            back = {index for index, piece in enumerate(pieces) if piece.struck and not piece.run.mute}
            return arrange(pieces, sorted(back.union(there)), ())
        case "remove":
            return arrange(pieces, [index for index in there if not pieces[index].own], own)
        case "write":
            new = written(place, _text_of(wish))  # cuts pieces
            return arrange(pieces, new, [i for i, piece in enumerate(pieces) if piece.own or piece.known])
        case _:
            return Arrangement(frozenset(there), (), ())


def _key_arrangement(place: Versions, wish: Wish, version: Version | None) -> Arrangement:
    if wish.choice == "leave":
        return Arrangement(frozenset(i for i, piece in enumerate(place.pieces) if piece.alive), (), ())
    if version is not None:
        alive = [index for index, piece in enumerate(place.pieces) if piece.alive]
        same = version.pieces and alive and version.text == key_text(place.shadow, place.line, place.now)
        return arrange_key(place.pieces, alive if same else version.pieces)
    try:
        value = json.loads(_text_of(wish), parse_constant=_no_json)
        as_json(value).encode()
    except (ValueError, RecursionError):
        raise InvalidRequest("what a key holds is written as JSON", field="text") from None
    return arrange_key(place.pieces, [Value(value)])


def _no_json(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def _text_of(wish: Wish) -> str:
    if wish.text is None:
        raise InvalidRequest("the text to write is missing", field="text")
    return wish.text


def _wishes(place: Versions, version: Version | None) -> Wishes:
    """How the formats of what stays and comes should be: a side's where its version was chosen, else as they were."""
    return Wishes(place.screen_of, disputed(place), None if version is None else version.screen)


# -- versions ------------------------------------------------------------------------------------------------------


def _versions(place: Versions) -> list[Version]:
    """The different versions of the sides, equal ones joined."""
    if place.different:
        return place.different
    names = disputed(place)
    found: dict[object, Version] = {}
    for key, pieces in place.sides.items():
        screen = place.screens[key]
        if place.keyed:
            said = key_text(place.shadow, place.line, screen)
        else:
            said = text(place.shadow, place.span.parts(), screen)
        mark = (said, bool(pieces), painted(place, pieces, names, screen))
        before = found.get(mark)
        found[mark] = Version((*before.sides, key), *before[1:]) if before else Version((key,), said, pieces, screen)
    place.different = list(found.values())
    return place.different


def _chosen(place: Versions, side: SideKey | None) -> Version:
    for version in _versions(place):
        if side in version.sides:
            return version
    sides = [[key.actor, key.session] for key in place.sides]
    raise InvalidRequest("whose version? name the actor (and session) of a side", field="actor", sides=sides)


def _has_own(place: Versions, version: Sequence[int]) -> bool:
    """True if somebody who took part inserted something of a version."""
    return any(place.pieces[index].own and not place.pieces[index].before for index in version)


def _rewrote(place: Versions, version: Sequence[int]) -> bool:
    """True if a side deleted something that was there and put something in."""
    return not set(version).issuperset(place.base) and _has_own(place, version)


# -- showing -------------------------------------------------------------------------------------------------------


def _preview(place: Versions, choice: Choice, version: Version | None, arrangement: Arrangement) -> Preview:
    screen = None if version is None else version.screen
    pairs = list(outcome(place.pieces, arrangement))
    groups: list[tuple[bool, list[Element]]] = []
    for element, how in pairs:
        kept = how == "kept"
        if not groups or groups[-1][0] != kept:
            groups.append((kept, []))
        groups[-1][1].append(element)
    return Preview(
        choice,
        () if version is None else version.sides,
        _say(place, [element for element, _ in pairs], screen),
        tuple(Part(_say(place, elements, screen), kept) for kept, elements in groups),
        "" if place.keyed else before_span(place.shadow, place.span, place.now),
        "" if place.keyed else after_span(place.shadow, place.span, place.now),
        formats_after(place, arrangement, disputed(place)),
        _say(place, [element for _, element in arrangement.comes], screen),
        place.say(arrangement.goes),
        arrangement.changes,
    )


def _say(place: Versions, elements: Sequence[Element], screen: Screen | None) -> str:
    found: list[tuple[bool, str]] = []
    for element in elements:
        if isinstance(element, int):
            found.append(place.piece(element, None if place.pieces[element].alive else screen))
        elif isinstance(element, Fresh):
            found.append((False, units_of(element.text)))
        elif isinstance(element, Value):
            found.append((True, as_json(element.value)))
    return joined(found)
