"""What a document says: as text, as JSON, by root type."""

from __future__ import annotations

import base64
from bisect import bisect_right
from typing import Any, Final, Literal

import pycrdt

from keepboth.errors import InvalidRequest, NotFound
from keepboth.fold.replica import Replica
from keepboth.yjs.content import type_ref
from keepboth.yjs.structs import (
    ANY,
    BINARY,
    DOC,
    EMBED,
    FORMAT,
    JSON,
    STRING,
    TYPE,
    Y_XML_ELEMENT,
    Y_XML_HOOK,
    Y_XML_TEXT,
    Struct,
)
from keepboth.yjs.update import decode_update

RootType = Literal["text", "map", "array", "xml"]

_CLASSES: Final[dict[RootType, Any]] = {
    "text": pycrdt.Text,
    "map": pycrdt.Map,
    "array": pycrdt.Array,
    "xml": pycrdt.XmlFragment,
}


def root_types(replica: Replica) -> dict[str, RootType]:
    """Name -> type of every root in the document, told from the content that hangs on it.

    Yjs does not record a root's type, only its name: keys make a map, characters and formats a text, XML nodes an XML
    fragment, anything else an array. A root whose content was deleted and collected altogether is a text.
    """
    votes: dict[str, RootType] = {}
    by_id: dict[tuple[int, int], Struct] = {}
    order: list[Struct] = []
    for structs in decode_update(replica.update_since()).structs.values():
        for struct in structs:
            order.append(struct)
            by_id[struct.id] = struct
    for struct in order:
        if isinstance(struct.parent, str):
            vote = _vote(struct)
            if vote is not None and (struct.parent not in votes or votes[struct.parent] == "text"):
                votes[struct.parent] = vote
            elif vote is None:
                votes.setdefault(struct.parent, "text")
    _vote_by_siblings(order, votes)
    return dict(sorted(votes.items()))


def _vote(struct: Struct) -> RootType | None:
    if struct.key is not None:
        return "map"
    if struct.kind in (STRING, FORMAT, EMBED):
        return "text"
    if struct.kind == TYPE:
        return "xml" if type_ref(struct).ref in (Y_XML_ELEMENT, Y_XML_TEXT, Y_XML_HOOK) else "array"
    if struct.kind in (ANY, JSON, BINARY, DOC):
        return "array"
    return None


def _vote_by_siblings(order: list[Struct], votes: dict[str, RootType]) -> None:
    """A root whose first items were deleted is told by later ones, which name it only through their origins."""
    starts: dict[int, list[tuple[int, Struct]]] = {}
    for struct in order:
        starts.setdefault(struct.client, []).append((struct.clock, struct))
    parents: dict[tuple[int, int], str | None] = {}
    for struct in order:
        vote = _vote(struct)
        if vote is None or struct.parent is not None or vote == "text":
            continue
        seen: list[tuple[int, int]] = []
        root: str | None = None
        at: Struct | None = struct
        while at is not None and at.id not in parents and len(seen) < 100_000:
            seen.append(at.id)
            if at.parent is not None:
                root = at.parent if isinstance(at.parent, str) else None
                break
            origin = at.origin or at.right_origin
            at = _holder(starts, origin) if origin else None
        else:
            root = parents.get(at.id) if at is not None else None
        for struct_id in seen:
            parents[struct_id] = root
        if root is not None and votes.get(root, "text") == "text":
            votes[root] = vote


def _holder(starts: dict[int, list[tuple[int, Struct]]], item: tuple[int, int]) -> Struct | None:
    rows = starts.get(item[0])
    if not rows:
        return None
    at = bisect_right(rows, item[1], key=lambda row: row[0]) - 1
    return rows[at][1] if at >= 0 else None


def text(replica: Replica, root: str | None = None) -> str:
    """The text of *root*; without a name, of the only text root (or XML fragment) there is.

    Raises NotFound if there is no such root, InvalidRequest if several could be meant.
    """
    types = root_types(replica)
    if root is None:
        named = [name for name, kind in types.items() if kind in ("text", "xml")]
        if not types:
            return ""
        if len(named) != 1:
            raise InvalidRequest(
                f"this document has {len(named)} text roots: say which", roots=sorted(types), field="root"
            )
        root = named[0]
    elif root not in types:
        raise NotFound(f"this document has no root {root!r}", roots=sorted(types))
    if types[root] not in ("text", "xml"):
        raise InvalidRequest(f"root {root!r} is a {types[root]}, ask for JSON", field="root")
    return str(replica.doc().get(root, type=_CLASSES[types[root]]))


def json_value(replica: Replica) -> dict[str, dict[str, Any]]:
    """Every root: name -> ``{"type": …, "value": …}``. XML is given as its markup."""
    doc = replica.doc()
    out: dict[str, dict[str, Any]] = {}
    for name, kind in root_types(replica).items():
        shared = doc.get(name, type=_CLASSES[kind])
        value = str(shared) if kind in ("text", "xml") else shared.to_py()
        out[name] = {"type": kind, "value": _plain(value)}
    return out


def _plain(value: Any) -> Any:
    """JSON-able form: whole floats as integers, bytes as ``{"base64": …}``, subdocuments by their guid."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, pycrdt.Doc):
        return {"guid": value.guid}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
