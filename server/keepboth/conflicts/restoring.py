"""The edit that brings a choice about, as a Yjs update of a client of its own.

New structs name the items they lie between, deleted ones included, so the edit does the same wherever it is applied,
and whatever has been typed elsewhere meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from keepboth.conflicts.arranging import Element, Fresh
from keepboth.conflicts.choices import Plan
from keepboth.conflicts.runs import Run, text_of, units_of
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.versions import Versions
from keepboth.yjs.anyvalue import write_any
from keepboth.yjs.idset import IdSet
from keepboth.yjs.lib0 import write_var_uint
from keepboth.yjs.structs import ANY, JSON, STRING, Id, Struct, Update


def fresh_client(shadow: Shadow, event_id: bytes) -> int:
    """A Yjs client id (32 bits, never 0) that has written nothing here; the same for the same resolution."""
    seed = b"keepboth restoring client\0" + event_id
    while True:
        seed = hashlib.sha256(seed).digest()
        client = int.from_bytes(seed[:4], "big")
        if client and not shadow.next_clock(client):
            return client


def update_of(plan: Plan, client: int) -> Update:
    """The edit of *plan* by *client*, who must have written nothing yet. Empty if nothing changes."""
    place, arrangement = plan.place, plan.arrangement
    writer = Writer(client)
    groups: dict[int, list[Element]] = {}
    for slot, element in arrangement.comes:
        groups.setdefault(slot, []).append(element)
    for slot, elements in groups.items():
        left = place.pieces[slot - 1].last if slot else place.left
        right = place.pieces[slot].first if slot < len(place.pieces) else place.right
        writer.put(place, elements, left, right)
    gone = IdSet()
    for index in arrangement.goes:
        piece = place.pieces[index]
        gone.add(piece.run.client, piece.low, piece.length)
    structs = {client: writer.structs} if writer.structs else {}
    return Update(structs, gone.to_dict())


class Writer:
    """Writes structs of one client, one after the other."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.clock = 0
        self.structs: list[Struct] = []

    def put(self, place: Versions, elements: Iterable[Element], left: Id | None, right: Id | None) -> None:
        """Insert *elements* between two neighbours."""
        text = ""
        for element in elements:
            if isinstance(element, Fresh):
                text += units_of(element.text)
                continue
            piece = place.pieces[element]
            content = piece.run.content
            if piece.run.kind == STRING and isinstance(content, str):
                text += content[piece.low - piece.run.clock : piece.high - piece.run.clock]
                continue
            left = self._text(text, left, right)
            text = ""
            left = self._copy(piece.run, piece.low, piece.high, left, right)
        self._text(text, left, right)

    def _text(self, units: str, left: Id | None, right: Id | None) -> Id | None:
        if not units:
            return left
        return self._add(STRING, len(units), text_of(units), left, right)

    def _copy(self, run: Run, low: int, high: int, left: Id | None, right: Id | None) -> Id | None:
        if run.kind in (ANY, JSON) and isinstance(run.content, tuple):
            values = run.content[low - run.clock : high - run.clock]
            out = bytearray()
            write_var_uint(out, len(values))
            for value in values:
                write_any(out, value)
            return self._add(ANY, len(values), bytes(out), left, right)
        return left

    def _add(self, kind: int, length: int, content: str | bytes, left: Id | None, right: Id | None) -> Id:
        info = kind | (0x80 if left is not None else 0) | (0x40 if right is not None else 0)
        self.structs.append(Struct(self.client, self.clock, length, info, left, right, content=content))
        self.clock += length
        return (self.client, self.clock - 1)
