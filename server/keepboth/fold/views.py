"""What a document says: as text, as JSON, by root type."""

from __future__ import annotations

import base64
from bisect import bisect_right
from math import isfinite
from typing import Any, Final

import pycrdt

from keepboth.errors import InvalidRequest, NotFound
from keepboth.fold.replica import Replica
from keepboth.fold.roots import Roots, RootType, vote
from keepboth.yjs.content import type_ref
from keepboth.yjs.structs import (
    STRING,
    TYPE,
    Y_ARRAY,
    Id,
    Struct,
)
from keepboth.yjs.update import decode_update

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
    return _survey(replica)[0]


def _survey(replica: Replica) -> tuple[dict[str, RootType], set[str]]:
    """The types of the roots, and the names of those that cannot be read: the CRDT never comes to the end of an array
    that holds text beyond ASCII (pycrdt 0.14)."""
    order = [struct for structs in decode_update(replica.update_since()).structs.values() for struct in structs]
    tree = _Tree(order)
    votes: dict[str, RootType] = {}
    wide: list[Struct] = []
    for struct in order:
        says = vote(struct)
        if isinstance(struct.parent, str):
            if says is not None and votes.get(struct.parent, "text") == "text":
                votes[struct.parent] = says
            elif says is None:
                votes.setdefault(struct.parent, "text")
        elif says is not None and says != "text" and struct.parent is None:
            # A root whose first items were deleted is told by later ones, which name it only through their origins.
            root = tree.container(struct)
            if isinstance(root, str) and votes.get(root, "text") == "text":
                votes[root] = says
        if struct.kind == STRING and isinstance(struct.content, str) and not struct.content.isascii():
            wide.append(struct)
    unreadable: set[str] = set()
    for struct in wide:
        within = tree.container(struct)
        if isinstance(within, str):
            if votes.get(within) == "array":
                votes[within] = "text"
        elif within is not None:
            holder = tree.holder(within)
            if holder is not None and holder.kind == TYPE and type_ref(holder).ref == Y_ARRAY:
                root = tree.root(holder)
                if root is not None:
                    unreadable.add(root)
    return dict(sorted(votes.items())), unreadable


class _Tree:
    """Which type each struct of a document lies in: a root's name, or the id of a nested one."""

    def __init__(self, order: list[Struct]) -> None:
        self._rows: dict[int, list[Struct]] = {}
        for struct in order:
            self._rows.setdefault(struct.client, []).append(struct)
        self._found: dict[Id, str | Id | None] = {}

    def holder(self, item: Id) -> Struct | None:
        """The struct that has the id *item*."""
        rows = self._rows.get(item[0], ())
        at = bisect_right(rows, item[1], key=lambda struct: struct.clock) - 1
        return rows[at] if at >= 0 else None

    def container(self, struct: Struct) -> str | Id | None:
        """Where *struct* lies: only the first of a row of siblings says so, the others name a neighbour."""
        seen: list[Id] = []
        within: str | Id | None = None
        at: Struct | None = struct
        while at is not None:
            if at.id in self._found:
                within = self._found[at.id]
                break
            seen.append(at.id)
            self._found[at.id] = None
            if at.parent is not None:
                within = at.parent
                break
            neighbour = at.origin or at.right_origin
            at = self.holder(neighbour) if neighbour else None
        for item in seen:
            self._found[item] = within
        return within

    def root(self, struct: Struct) -> str | None:
        """The name of the root that *struct* hangs on."""
        at: Struct | None = struct
        seen: set[Id] = set()
        while at is not None and at.id not in seen:
            seen.add(at.id)
            within = self.container(at)
            if not isinstance(within, tuple):
                return within
            at = self.holder(within)
        return None


def text(replica: Replica, root: str | None = None, roots: Roots | None = None) -> str:
    """The text of *root*; without a name, of the only text root (or XML fragment) there is. *roots*: what the fold
    knows of them.

    Raises NotFound if there is no such root, InvalidRequest if several could be meant.
    """
    types = _types(replica, roots)[0]
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
    return str(_plain(replica.doc().get(root, type=_CLASSES[types[root]])))


def _types(replica: Replica, roots: Roots | None) -> tuple[dict[str, RootType], set[str]]:
    if roots is None or roots.unsure:
        return _survey(replica)
    return dict(sorted(roots.types.items())), set()


def json_value(replica: Replica, roots: Roots | None = None) -> dict[str, dict[str, Any]]:
    """Every root: name -> ``{"type": …, "value": …}``. XML is given as its markup; what cannot be read is None."""
    doc = replica.doc()
    types, unreadable = _types(replica, roots)
    out: dict[str, dict[str, Any]] = {}
    for name, kind in types.items():
        value = None if name in unreadable else _plain(doc.get(name, type=_CLASSES[kind]))
        out[name] = {"type": kind, "value": value}
    return out


def _markup(node: Any) -> str:
    """XML as pycrdt writes it, except that the attributes are in order: pycrdt's differs from one run to the next."""
    if not isinstance(node, pycrdt.XmlFragment | pycrdt.XmlElement):
        return str(node)
    inner = "".join(_markup(child) for child in node.children)
    if not isinstance(node, pycrdt.XmlElement):
        return inner
    pairs: Any = node.attributes
    attributes = "".join(f' {key}="{value}"' for key, value in sorted(pairs))
    return f"<{node.tag}{attributes}>{inner}</{node.tag}>"


def _plain(value: Any) -> Any:
    """JSON-able form: shared types as what they hold, XML as its markup, whole floats as integers, what is no number
    as None (as in JavaScript), bytes as ``{"base64": …}``, subdocuments by their guid."""
    if isinstance(value, pycrdt.Text | pycrdt.XmlText):
        return str(value)
    if isinstance(value, pycrdt.XmlFragment | pycrdt.XmlElement):
        return _markup(value)
    if isinstance(value, pycrdt.Map):
        return _plain({key: value[key] for key in value.keys()})  # noqa: SIM118 - not a dict
    if isinstance(value, float):
        if not isfinite(value):
            return None
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, list | tuple | pycrdt.Array):
        return [_plain(item) for item in value]
    if isinstance(value, bytes | bytearray):
        return {"base64": base64.b64encode(bytes(value)).decode()}
    if isinstance(value, pycrdt.Doc):
        return {"guid": value.guid}
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)
