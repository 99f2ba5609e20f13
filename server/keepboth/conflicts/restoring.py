"""The edit that brings a choice about, as a Yjs update of a client of its own.

New structs name the items they lie between, deleted ones included, so the edit does the same wherever it is applied,
and whatever has been typed elsewhere meanwhile.
"""

from __future__ import annotations

import hashlib

from keepboth.conflicts.arranging import Element
from keepboth.conflicts.choices import Plan
from keepboth.conflicts.copying import Writer
from keepboth.conflicts.shadow import Shadow
from keepboth.yjs.idset import IdSet
from keepboth.yjs.structs import Update


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
    writer = Writer(place.shadow, client)
    groups: dict[int, list[Element]] = {}
    for slot, element in arrangement.comes:
        groups.setdefault(slot, []).append(element)
    for slot, elements in groups.items():
        left = place.pieces[slot - 1].last if slot else place.left
        right = place.pieces[slot].first if slot < len(place.pieces) else place.right
        writer.put(place, elements, left, right, plan.screen)
    gone = IdSet()
    for index in arrangement.goes:
        piece = place.pieces[index]
        gone.add(piece.run.client, piece.low, piece.length)
    structs = {client: writer.structs} if writer.structs else {}
    return Update(structs, gone.to_dict())
