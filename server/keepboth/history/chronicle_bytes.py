"""Sections of a chronicle as bytes, so that a long log need not be read again: about a tenth of its size in memory."""

from __future__ import annotations

import json
import sys
import zlib
from array import array
from itertools import accumulate
from operator import sub
from typing import Final, NamedTuple

FORMAT: Final = f"chronicles 1 {sys.byteorder}"

_SIZE: Final = 4


class Section(NamedTuple):
    """The events behind revision ``after``, in columns. ``actors`` and ``sessions`` are places in ``names``."""

    after: int
    names: list[str | None]
    actors: array[int]
    sessions: array[int]
    recorded: array[int]
    authored: array[int]
    others: dict[int, str]
    returns: dict[int, str]


def to_bytes(section: Section) -> bytes:
    """Deflated: the length of the head, the head as JSON, then the columns; of times only the differences."""
    head = json.dumps(
        {
            "after": section.after,
            "names": section.names,
            "others": list(section.others.items()),
            "returns": list(section.returns.items()),
        }
    ).encode()
    steps = array("q", map(sub, section.recorded, [0, *section.recorded[:-1]]))
    before = array("q", map(sub, section.recorded, section.authored))
    columns = (array("I", section.actors), array("I", section.sessions), steps, before)
    return zlib.compress(len(head).to_bytes(_SIZE, "big") + head + b"".join(one.tobytes() for one in columns), 1)


def from_bytes(data: bytes) -> Section | None:
    """What `to_bytes` wrote; None for damaged bytes."""
    try:
        data = zlib.decompress(data)
        at = _SIZE + int.from_bytes(data[:_SIZE], "big")
        head = json.loads(data[_SIZE:at])
        actors, sessions, steps, before = array("I"), array("I"), array("q"), array("q")
        width = sum(one.itemsize for one in (actors, sessions, steps, before))
        count = (len(data) - at) // width
        for column in (actors, sessions, steps, before):
            column.frombytes(data[at : at + count * column.itemsize])
            at += count * column.itemsize
        recorded = array("q", accumulate(steps))
        others = {int(revision): str(type) for revision, type in head["others"]}
        returns = {int(revision): str(stretch) for revision, stretch in head["returns"]}
        authored = array("q", map(sub, recorded, before))
        return Section(head["after"], head["names"], actors, sessions, recorded, authored, others, returns)
    except (zlib.error, ValueError, KeyError, TypeError, OverflowError):
        return None
