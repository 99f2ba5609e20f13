"""Which types the roots of a document have, told from the edits as they are folded.

Yjs does not record a root's type, only its name: keys make a map, characters and formats a text, XML nodes an XML
fragment, anything else an array. Whoever adds the first item to a root names it; what builds on that tells nothing
new, and most keystrokes do, so they are not even decoded.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from keepboth.errors import MalformedUpdate
from keepboth.fold.keystrokes import is_keystroke
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
    Y_ARRAY,
    Y_XML_ELEMENT,
    Y_XML_HOOK,
    Y_XML_TEXT,
    Struct,
)
from keepboth.yjs.update import decode_update

HAS_KEY = 0x20
"""In a struct's info byte: it lies under a key."""

RootType = Literal["text", "map", "array", "xml"]


def vote(struct: Struct) -> RootType | None:
    """What *struct* says about the type that it lies in. The wire flags a key also where it leaves out its name."""
    if struct.key is not None or struct.info & HAS_KEY:
        return "map"
    if struct.kind in (STRING, FORMAT, EMBED):
        return "text"
    if struct.kind == TYPE:
        return "xml" if type_ref(struct).ref in (Y_XML_ELEMENT, Y_XML_TEXT, Y_XML_HOOK) else "array"
    if struct.kind in (ANY, JSON, BINARY, DOC):
        return "array"
    return None


class Roots:
    """The roots of one document. ``types`` may be believed unless ``unsure``."""

    __slots__ = ("_arrays", "_wide", "types")

    def __init__(self, types: dict[str, RootType] | None = None, arrays: bool = False, wide: bool = False) -> None:
        self.types: dict[str, RootType] = types or {}
        self._arrays = arrays
        self._wide = wide

    @property
    def unsure(self) -> bool:
        """True if there are both arrays and text beyond ASCII: the CRDT never comes to the end of an array that holds
        such text (pycrdt 0.14), so before one is read the whole document must be looked at. Also if what first named a
        root came deleted, which does not tell its type."""
        return self._wide and self._arrays

    @property
    def flags(self) -> tuple[bool, bool]:
        """``(are there arrays, is there text beyond ASCII)``."""
        return self._arrays, self._wide

    def take(self, payload: bytes) -> None:
        """Take in an edit that has become part of the document."""
        if is_keystroke(payload) or _says_nothing(payload):
            return
        with suppress(MalformedUpdate):
            for structs in decode_update(payload).structs.values():
                for struct in structs:
                    self._look(struct)

    def _look(self, struct: Struct) -> None:
        says = vote(struct)
        if isinstance(struct.parent, str):
            if says is not None and self.types.get(struct.parent, "text") == "text":
                self.types[struct.parent] = says
            elif says is None and struct.parent not in self.types:
                # It came deleted: what lies behind it will not name the root, so the whole must be looked at.
                self.types[struct.parent] = "text"
                self._arrays = self._wide = True
            self._arrays = self._arrays or says == "array"
        if struct.kind == TYPE and type_ref(struct).ref == Y_ARRAY:
            self._arrays = True
        elif struct.kind == STRING and isinstance(struct.content, str) and not struct.content.isascii():
            self._wide = True


def _says_nothing(payload: bytes) -> bool:
    """True for an update that holds one run of ASCII text that builds on what is there."""
    if payload[:2] != b"\x01\x01":
        return False
    try:
        at = 2
        while payload[at] > 127:  # the client
            at += 1
        at += 1
        while payload[at] > 127:  # the clock
            at += 1
        info = payload[at + 1]
        if info & 0x1F != STRING or not info & 0xC0:
            return False
        at += 2
        for _ in range(4 if info & 0xC0 == 0xC0 else 2):  # one or two origins, each a client and a clock
            while payload[at] > 127:
                at += 1
            at += 1
        size = payload[at]
        return size < 128 and payload[at + 1 : at + 1 + size].isascii()
    except IndexError:
        return False
