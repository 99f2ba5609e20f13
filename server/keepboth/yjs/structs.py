"""The values a Yjs update is made of.

An update (v1) is a list of *structs* per client and a *delete set*. A struct is a run of content that one client
inserted: it takes ``length`` consecutive clocks. Clocks count UTF-16 code units in strings, elements in ``JSON`` and
``Any``, and 1 for everything else. An id is a pair ``(client, clock)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

Id = tuple[int, int]
"""``(client, clock)``: names one unit of inserted content for ever."""

Range = tuple[int, int]
"""``(clock, length)``: a run of clocks of one client, ``length >= 1``."""

# Struct kinds: the low five bits of the info byte.
GC: Final = 0
DELETED: Final = 1
JSON: Final = 2
BINARY: Final = 3
STRING: Final = 4
EMBED: Final = 5
FORMAT: Final = 6
TYPE: Final = 7
ANY: Final = 8
DOC: Final = 9
SKIP: Final = 10

# Shared type references inside TYPE content.
Y_ARRAY: Final = 0
Y_MAP: Final = 1
Y_TEXT: Final = 2
Y_XML_ELEMENT: Final = 3
Y_XML_FRAGMENT: Final = 4
Y_XML_HOOK: Final = 5
Y_XML_TEXT: Final = 6


class Struct:
    """One struct of an update, exactly as it was on the wire.

    ``parent`` and ``key`` are on the wire only when both origins are absent; otherwise they are inherited from the
    origin and are ``None`` here (``key`` presence is still flagged: see ``info``). ``parent`` is a root type's name
    (``str``) or the id of the item that holds the nested type.

    ``content`` is the struct's content *as its bytes on the wire* (everything after the header), so that re-encoding
    is byte for byte; for ``STRING`` it is the decoded ``str``; for ``GC``, ``DELETED`` and ``SKIP``, which hold nothing
    but their length, it is ``None``. Use :func:`keepboth.yjs.content.values` to read it. ``length >= 1``.
    """

    __slots__ = ("client", "clock", "content", "info", "key", "kind", "length", "origin", "parent", "right_origin")

    def __init__(
        self,
        client: int,
        clock: int,
        length: int,
        info: int,
        origin: Id | None = None,
        right_origin: Id | None = None,
        parent: str | Id | None = None,
        key: str | None = None,
        content: str | bytes | None = None,
    ) -> None:
        self.client = client
        self.clock = clock
        self.length = length
        self.info = info
        self.kind = info & 0x1F
        self.origin = origin
        self.right_origin = right_origin
        self.parent = parent
        self.key = key
        self.content = content

    @property
    def id(self) -> Id:
        return (self.client, self.clock)

    def _fields(self) -> tuple[object, ...]:
        return (
            self.client,
            self.clock,
            self.length,
            self.info,
            self.origin,
            self.right_origin,
            self.parent,
            self.key,
            self.content,
        )

    def __repr__(self) -> str:
        return (
            f"Struct({self.client}:{self.clock}+{self.length} kind={self.kind} origin={self.origin} "
            f"right={self.right_origin} parent={self.parent!r} key={self.key!r} content={self.content!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Struct):
            return NotImplemented
        return self._fields() == other._fields()

    __hash__ = None  # type: ignore[assignment]


@dataclass(slots=True)
class Update:
    """A decoded update.

    ``structs`` maps each client, in wire order, to its structs in clock order (gap-free within the list: gaps are
    SKIP structs). ``deletes`` maps each client, in wire order, to its deleted ranges as written.
    """

    structs: dict[int, list[Struct]] = field(default_factory=dict)
    deletes: dict[int, list[Range]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """True if it brings neither structs nor deletes."""
        return not self.structs and not self.deletes
