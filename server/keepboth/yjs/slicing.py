"""Parts of an update, and what an update says about ids: brings, deletes, builds on.

A slice is an update itself: applied in any order that respects `dependencies`, the slices of an update make the same
document as the whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from keepboth.errors import MalformedMessage, MalformedUpdate
from keepboth.yjs.anyvalue import UNDEFINED, write_any
from keepboth.yjs.content import extract, json_texts
from keepboth.yjs.idset import IdSet
from keepboth.yjs.jsontext import parse_json
from keepboth.yjs.lib0 import write_var_uint
from keepboth.yjs.structs import ANY, JSON, SKIP, Id, Range, Struct, Update


def inserted(update: Update) -> IdSet:
    """Return the ids the update brings structs for, garbage-collected ones included, gaps not."""
    ids = IdSet()
    ids.add_update_structs(update)
    return ids


def deleted(update: Update) -> IdSet:
    """Return the ids the update's delete set names."""
    return IdSet(update.deletes)


def dependencies(update: Update) -> IdSet:
    """Return the ids outside the update that it builds on: a peer without all of them cannot apply it at once.

    Origins, right origins, parents, before each run of a client's structs the client's preceding clock, and what it
    deletes. (A peer keeps a delete whose target it lacks until that comes, but does not pass it on with its state: who
    joins in between would miss it.)
    """
    needed: list[Id] = []
    runs = 0
    for client, structs in update.structs.items():
        first = end = -1
        for struct in structs:
            if struct.kind == SKIP:
                continue
            clock = struct.clock
            if clock != end:
                runs += 1
                first = clock
                if clock > 0:
                    needed.append((client, clock - 1))
            end = clock + struct.length
            origin = struct.origin
            if origin is not None and (origin[0] != client or origin[1] < first):
                needed.append(origin)
            right = struct.right_origin
            if right is not None:
                if right[0] != client or right[1] < first:
                    needed.append(right)
            elif type(struct.parent) is tuple and (struct.parent[0] != client or struct.parent[1] < first):
                needed.append(struct.parent)
    if update.deletes:
        outside = IdSet(update.deletes)
        if update.structs:
            outside = outside.difference(inserted(update))
    else:
        outside = IdSet()
    own = inserted(update) if runs > 1 else None  # ids within the only run are left out above
    for client, clock in needed:
        if own is None or not own.contains(client, clock):
            outside.add(client, clock, 1)
    return outside


def slice_update(update: Update, structs: IdSet, deletes: IdSet | Mapping[int, Sequence[Range]]) -> Update:
    """Return of *update* exactly the structs with an id in *structs* and the deletes named in *deletes*.

    Both are taken as far as *update* has them. Structs on an edge are cut as Yjs cuts them; what is left out between
    two structs of a client becomes a SKIP, before the first nothing, as in Yjs ``diffUpdate`` and ``mergeUpdates``.
    """
    parts: dict[int, list[Struct]] = {}
    for client, of_client in update.structs.items():
        part: list[Struct] = []
        end = -1
        for struct in of_client:
            if struct.kind == SKIP:
                continue
            present = structs.present(client, struct.clock, struct.length)
            for piece in extract(struct, present) if present else ():
                if part and piece.clock > end:
                    part.append(Struct(client, end, piece.clock - end, SKIP))
                part.append(piece)
                end = piece.clock + piece.length
        if part:
            parts[client] = part
    wanted = deletes if isinstance(deletes, IdSet) else IdSet(deletes)
    kept = deleted(update).intersection(wanted)
    ranges = kept.to_dict()
    return Update(parts, {client: ranges[client] for client in update.deletes if client in ranges})


def transcode_json(update: Update) -> Update | None:
    """Return the update with every JSON struct (old Yjs) as an ANY struct of the same ids, None if it has none.

    yrs refuses JSON content. Yjs reads both alike, so a document folded from the result has the same content.

    Raises: MalformedUpdate when a struct was not decoded by us and its content is not JSON.
    """
    if not any(struct.kind == JSON for of_client in update.structs.values() for struct in of_client):
        return None
    return Update(
        {
            client: [_as_any(struct) if struct.kind == JSON else struct for struct in of_client]
            for client, of_client in update.structs.items()
        },
        update.deletes,
    )


def _as_any(struct: Struct) -> Struct:
    content = struct.content
    out = bytearray()
    write_var_uint(out, struct.length)
    try:
        for text in json_texts(content if isinstance(content, bytes) else b""):
            write_any(out, UNDEFINED if text == "undefined" else parse_json(text))
    except MalformedMessage as error:
        raise MalformedUpdate(error.detail, **error.facts) from None
    return Struct(
        struct.client,
        struct.clock,
        struct.length,
        struct.info & 0xE0 | ANY,
        struct.origin,
        struct.right_origin,
        struct.parent,
        struct.key,
        bytes(out),
    )
