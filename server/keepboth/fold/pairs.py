"""Surrogate pairs that an edit cut in two.

Clocks count UTF-16 units, so an editor that knows no better can delete half of an emoji, or type between its halves.
Yjs then has U+FFFD in place of each half, on every replica alike. yrs takes both halves away and counts one clock
where there were two (pycrdt 0.14): a client that joins gets a document whose clocks do not match its author's, and
waits for ever for what comes next. So a replica is given the two U+FFFD from the start. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import STRING, Id, Struct, Update
from keepboth.yjs.update import decode_update, encode_update

_ASTRAL: Final = re.compile(rb"[\xf0-\xf4][\x80-\xbf]{3}")


def may_pair(payload: bytes) -> bool:
    """False if *payload* certainly holds no character outside the Basic Multilingual Plane."""
    return _ASTRAL.search(payload) is not None


class Pairs:
    """Which ids of one document are second halves of a surrogate pair, and which of these are ``cut`` off."""

    __slots__ = ("_seconds", "cut")

    def __init__(self) -> None:
        self._seconds = IdSet()
        self.cut = IdSet()

    @property
    def active(self) -> bool:
        """Whether there is any pair: from then on every edit must be taken in."""
        return not self._seconds.is_empty

    def take(self, updates: Sequence[Update]) -> bool:
        """Take *updates* in; True if they cut a pair that came with an earlier call."""
        new = IdSet()
        for update in updates:
            for structs in update.structs.values():
                for struct in structs:
                    for clock in _seconds(struct):
                        new.add(struct.client, clock, 1)
        earlier = False
        for update in updates:
            for client, clock in _edges(update):
                if new.contains(client, clock):
                    self.cut.add(client, clock, 1)
                elif self._seconds.contains(client, clock) and not self.cut.contains(client, clock):
                    self.cut.add(client, clock, 1)
                    earlier = True
        self._seconds = self._seconds.union(new)
        return earlier

    def rewritten(self, payload: bytes) -> bytes:
        """*payload* with U+FFFD twice for every pair that is cut: what Yjs has there."""
        if self.cut.is_empty or not may_pair(payload):
            return payload
        update = decode_update(payload)
        changed = False
        for structs in update.structs.values():
            for struct in structs:
                if any(self.cut.contains(struct.client, clock) for clock in _seconds(struct)):
                    struct.content = self._halves(struct)
                    changed = True
        return encode_update(update) if changed else payload

    def _halves(self, struct: Struct) -> str:
        assert isinstance(struct.content, str)
        out: list[str] = []
        clock = struct.clock
        for character in struct.content:
            wide = character > "\uffff"
            out.append("\ufffd\ufffd" if wide and self.cut.contains(struct.client, clock + 1) else character)
            clock += 2 if wide else 1
        return "".join(out)


def _seconds(struct: Struct) -> Iterator[int]:
    """The clocks of the second halves of a struct's pairs."""
    content = struct.content
    if struct.kind != STRING or not isinstance(content, str) or content.isascii():
        return
    clock = struct.clock
    for character in content:
        if character > "\uffff":
            yield clock + 1
            clock += 2
        else:
            clock += 1


def _edges(update: Update) -> Iterator[Id]:
    """Every id before which *update* makes a CRDT divide an item."""
    for structs in update.structs.values():
        for struct in structs:
            if struct.origin is not None:
                yield struct.origin[0], struct.origin[1] + 1
            if struct.right_origin is not None:
                yield struct.right_origin
    for client, ranges in update.deletes.items():
        for clock, length in ranges:
            yield client, clock
            yield client, clock + length
