"""What a place says on a screen, shared types by their content, and what of a side's work the merge does not show."""

from __future__ import annotations

import base64
import json
import math
import unicodedata
from collections.abc import Iterable

from keepboth.yjs.content import SubDocument
from keepboth.yjs.structs import (
    BINARY,
    DOC,
    EMBED,
    STRING,
    TYPE,
    Y_ARRAY,
    Y_MAP,
    Y_TEXT,
    Y_XML_TEXT,
)
from tests.conflicts.literal_items import Item, Line
from tests.conflicts.literal_pairs import Pairs

LIMIT = 10_000
AROUND = 200

Piece = tuple[bool, str]
"""``(is it a value, set off from the next by a comma; its text)``."""


def text_of(units: str) -> str:
    """UTF-16 units as text; half a character becomes U+FFFD."""
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def joined(pieces: Iterable[Piece]) -> str:
    out = ""
    after_value = False
    for is_value, piece in pieces:
        if piece:
            out += ", " + piece if after_value and is_value else piece
            after_value = is_value
    return text_of(out)


def shortened(text: str) -> str:
    return text if len(text) <= LIMIT else text[:LIMIT] + "…"


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class Views:
    """Reads texts from what *pairs* has laid out."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs
        self._held: dict[Item, list[Line]] = {}
        for line in pairs.lines:
            if line.holder is not None:
                self._held.setdefault(line.holder, []).append(line)

    def text(self, line: Line, seen: set[int], low: int, high: int) -> str:
        """The view of what lies at *low* to before *high* in *line*, for those who know *seen*."""
        return shortened(self._whole(line, seen, low, high))

    def _whole(self, line: Line, seen: set[int], low: int, high: int) -> str:
        shown = set(self.pairs.visible(line, seen))
        return joined(self.piece(item, seen) for item in line.items[low:high] if item in shown)

    def before(self, line: Line, seen: set[int], low: int) -> str:
        whole = self._whole(line, seen, 0, low)
        at = max(len(whole) - AROUND, 0)
        while 0 < at < len(whole) and _continues(whole, at):
            at += 1
        return whole[at:]

    def after(self, line: Line, seen: set[int], high: int) -> str:
        whole = self._whole(line, seen, high, len(line.items))
        at = min(len(whole), AROUND)
        while 0 < at < len(whole) and _continues(whole, at):
            at -= 1
        return whole[:at]

    def piece(self, item: Item, seen: set[int]) -> Piece:
        if item.kind == STRING:
            return False, str(item.content)
        value = self.value(item, seen)
        if item.kind == TYPE:
            is_value = item.type_ref.ref in (Y_ARRAY, Y_MAP, Y_TEXT)
            return is_value, value if isinstance(value, str) else as_json(value)
        return item.kind != EMBED, as_json(value)

    def value(self, item: Item, seen: set[int]) -> object:
        """The item's content as JSON-able values, types with what they hold on the screen of *seen*."""
        if item.kind == TYPE:
            return self._type(item, seen)
        return plain(item)

    def _type(self, item: Item, seen: set[int]) -> object:
        ref = item.type_ref.ref
        children: list[Item] = []
        keys: dict[str, object] = {}
        for line in self._held.get(item, []):
            shown = self.pairs.visible(line, seen)
            if line.key is None:
                children = shown
            elif shown:
                keys[line.key] = self.value(shown[0], seen)
        if ref == Y_MAP:
            return dict(sorted(keys.items()))
        if ref == Y_ARRAY:
            return [self.value(child, seen) for child in children]
        inner = text_of("".join(self.piece(child, seen)[1] for child in children))
        if ref in (Y_TEXT, Y_XML_TEXT) or item.type_ref.name is None:
            return inner
        attributes = "".join(f' {key}="{_attribute(value)}"' for key, value in sorted(keys.items()))
        return f"<{item.type_ref.name}{attributes}>{inner}</{item.type_ref.name}>"

    # -- lost ------------------------------------------------------------------------------------------------------

    def lost(self, items: list[Item], line: Line, own: set[int], side: set[int], merged: set[int]) -> str:
        """What the events *own* inserted among *items* of *line* or inside of them that the view of *side* shows and
        that of *merged* does not."""
        return shortened(joined(self._lost(items, line, own, side, merged, True)))

    def _lost(
        self, items: list[Item], line: Line, own: set[int], side: set[int], merged: set[int], holder_kept: bool
    ) -> Iterable[Piece]:
        """*holder_kept*: what *line* lies in is in the merged view."""
        shown = set(self.pairs.visible(line, side))
        kept = set(self.pairs.visible(line, merged)) if holder_kept else set()
        for item in items:
            if item not in shown:
                continue
            if item.maker in own and item not in kept:
                said = self.piece(item, side)
                # the same value, set by another, is there
                if line.key is None or said[1] not in [self.piece(other, merged)[1] for other in kept]:
                    yield said
            elif item.is_type:
                for inner in sorted(self._held.get(item, []), key=lambda held: held.key or ""):
                    yield from self._lost(inner.items, inner, own, side, merged, item in kept)


def _attribute(value: object) -> str:
    return value if isinstance(value, str) else as_json(value)


def plain(item: Item) -> object:
    if item.kind == BINARY:
        assert isinstance(item.content, bytes)
        return {"base64": base64.b64encode(item.content).decode()}
    if item.kind == DOC:
        assert isinstance(item.content, SubDocument)
        return {"guid": item.content.guid}
    return _plain(item.content)


def _plain(value: object) -> object:
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(key): _plain(element) for key, element in sorted(value.items())}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode()}
    return value


def _continues(whole: str, at: int) -> bool:
    """True if the character there belongs to the one before it: marks, joined characters, skin tones."""
    char = whole[at]
    return (
        "\u200d" in (char, whole[at - 1])
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )
