"""The kinds of collision as bits, so that those of many pairs are united at no cost."""

from __future__ import annotations

from typing import Final

from keepboth.conflicts.model import Kind

INSERT_INSERT: Final = 1
DELETE_DELETE: Final = 2
INSERT_IN_DELETED: Final = 4
INSERT_AT_EDGE: Final = 8
ADJACENT_DELETES: Final = 16
MAP_KEY: Final = 32
IN_REMOVED_SUBTREE: Final = 64
FORMAT: Final = 128
FORMAT_IN_DELETED: Final = 256
SAME_LINE: Final = 512
BESIDE: Final = MAP_KEY | IN_REMOVED_SUBTREE | FORMAT | FORMAT_IN_DELETED
"""The kinds that are found without walking: see `beside`."""

KIND_OF: Final[dict[int, Kind]] = {
    INSERT_INSERT: "insert-insert",
    DELETE_DELETE: "delete-delete",
    INSERT_IN_DELETED: "insert-in-deleted",
    INSERT_AT_EDGE: "insert-at-edge",
    ADJACENT_DELETES: "adjacent-deletes",
    MAP_KEY: "map-key",
    IN_REMOVED_SUBTREE: "in-removed-subtree",
    FORMAT: "format",
    FORMAT_IN_DELETED: "format-in-deleted",
    SAME_LINE: "same-line",
}


def kinds_of(bits: int) -> frozenset[Kind]:
    return frozenset(kind for bit, kind in KIND_OF.items() if bits & bit)
