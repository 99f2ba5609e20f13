"""What both conflict stores agree on: the order of a list, the cursors in it, and when a text is found."""

from __future__ import annotations

import binascii
import json
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final

from keepboth.errors import InvalidRequest
from keepboth.events import Micros
from keepboth.store.conflict_log import Order, Status, StoredEpisode

Key = tuple[str | int, ...]

CURSOR_MARK: Final = "~"
"""No entry's id begins with it."""

MAX_TEXT: Final = 40_000
"""Characters of one entry that a search looks in."""

STATUSES: Final[tuple[Status, ...]] = ("open", "settled", "resolved")

_SHAPES: Final[dict[Order, tuple[type, ...]]] = {
    "document": (str, int, str),
    "newest": (int, str, str),
    "attention": (int, int, str, str),
}


def rank(severity: str, status: str, is_mine: bool) -> int:
    """Missing text that nobody has dealt with comes first, then what is mine."""
    return 2 * (not (severity == "lost" and status == "open")) + (not is_mine)


def key_of(episode: StoredEpisode, order: Order, mine: str | None) -> Key:
    """What a list in *order* is sorted by, ascending."""
    if order == "document":
        return (episode.document, episode.first_revision, episode.id)
    newest: tuple[Micros, str, str] = (-episode.last_at, episode.document, episode.id)
    if order == "newest":
        return newest
    return (rank(episode.severity, episode.status, mine in episode.actors), *newest)


def cursor_of(episode: StoredEpisode, order: Order, mine: str | None) -> str:
    """Names the place right behind *episode*, also when the entry itself has gone."""
    return cursor_at(key_of(episode, order, mine), order)


def cursor_at(key: Key, order: Order) -> str:
    """Names the place right behind *key* in *order*."""
    value = json.dumps([order, *key], separators=(",", ":"))
    return CURSOR_MARK + urlsafe_b64encode(value.encode()).decode().rstrip("=")


def place_of(cursor: str, order: Order) -> Key | None:
    """The key behind which a page begins; None for "". Raises InvalidRequest if that is no cursor of *order*."""
    if not cursor:
        return None
    try:
        text = cursor.removeprefix(CURSOR_MARK)
        found, *key = json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, TypeError, binascii.Error, RecursionError):
        found, key = None, []
    if found != order or tuple(type(part) for part in key) != _SHAPES[order]:
        raise InvalidRequest("this is no cursor of such a list", field="after")
    return tuple(key)


def folded(text: str) -> str:
    """*text* as searches compare it: without regard to case and to ways of writing the same character."""
    text = text.encode("utf-8", "replace").decode().replace("\0", " ")
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def searchable(text: str) -> str:
    """What is kept of an entry's text for searches."""
    return folded(text)[:MAX_TEXT]


def words_of(query: str) -> list[str]:
    """The words of a search: each must occur."""
    return folded(query).split()
