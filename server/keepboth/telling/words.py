"""Where text may be cut: at words (UAX #29), never inside a character as people see it (a grapheme cluster)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import regex

_BOUNDARY: Final = regex.compile(r"(?V1w)\b")
_GRAPHEME: Final = regex.compile(r"\X")
_SPACE: Final = regex.compile(r"\s+")
_UNSAFE: Final = regex.compile(r"[\p{Cc}\p{Cs}\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT: Final = regex.compile(r"[\p{Bidi_Class=R}\p{Bidi_Class=AL}]")
_WORD: Final = regex.compile(r"[\p{L}\p{N}]")

ELLIPSIS: Final = "…"


def graphemes(text: str) -> list[str]:
    """The characters of *text* as people see them. Joined, they are *text*."""
    return _GRAPHEME.findall(text)


@lru_cache(maxsize=16)
def words(text: str) -> tuple[str, ...]:
    """*text* cut at word boundaries that are no place inside a character: words, spaces and punctuation, each a piece.
    Joined, they are *text*. About 1 µs a character; the last texts are remembered, since a card compares each of its
    versions with one text."""
    ends = {found.end() for found in _GRAPHEME.finditer(text)}
    pieces = []
    start = 0
    for found in _BOUNDARY.finditer(text):
        at = found.start()
        if at > start and at in ends:
            pieces.append(text[start:at])
            start = at
    if start < len(text):
        pieces.append(text[start:])
    return tuple(pieces)


def boundaries(text: str) -> set[int]:
    """The places where `words` cuts *text*, 0 and its length included."""
    places = {0}
    at = 0
    for word in words(text):
        at += len(word)
        places.add(at)
    return places


def edges(text: str) -> set[int]:
    """The places where a part of *text* may end as people see it: `boundaries`, and beside any space."""
    places = boundaries(text)
    at = 0
    for character in graphemes(text):
        at += len(character)
        if character.isspace() or text[at : at + 1].isspace():
            places.add(at)
    return places


def has_words(text: str) -> bool:
    """True if *text* holds a letter or a digit."""
    return _WORD.search(text) is not None


def head(text: str, limit: int) -> str:
    """At most *limit* code points from the front of *text*, ending at a word boundary if one lies in the last half of
    them, else at the end of a character. One character longer than *limit* is left out."""
    if len(text) <= limit:
        return text
    # A character that straddles the limit must be seen whole to be left out; 100 code points more are enough to see it.
    window = text[: limit + 100]
    best = max(at for at in boundaries(window) if at <= limit)
    if best * 2 >= limit:
        return text[:best]
    end = 0
    for piece in graphemes(window):
        if end + len(piece) > limit:
            break
        end += len(piece)
    return text[:end]


def tail(text: str, limit: int) -> str:
    """As `head`, from the back."""
    if len(text) <= limit:
        return text
    # Where characters begin depends on what is before them: begin far enough ahead of the limit.
    window = text[-(limit + 100) :]
    least = len(window) - limit
    best = min(at for at in boundaries(window) if at >= least)
    if (len(window) - best) * 2 >= limit:
        return window[best:]
    at = 0
    for piece in graphemes(window):
        if at >= least:
            break
        at += len(piece)
    return window[at:]


def one_line(text: str, limit: int) -> str:
    """*text* as part of a sentence: spaces and line ends become one space, control and direction characters go, at most
    *limit* code points with ``…`` behind if there was more."""
    plain = _UNSAFE.sub("", _SPACE.sub(" ", text)).strip()
    short = head(plain, limit)
    return short if short == plain else short.rstrip() + ELLIPSIS


def isolated(text: str) -> str:
    """*text* as it is, or between FIRST STRONG ISOLATE and POP DIRECTIONAL ISOLATE if it holds right-to-left letters,
    which would else turn the sentence around it."""
    return f"\u2068{text}\u2069" if _RIGHT_TO_LEFT.search(text) else text
