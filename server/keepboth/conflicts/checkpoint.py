"""An engine as bytes, and back.

Everything an engine knows lies in objects that refer to each other in circles: runs, strokes, spots, clusters. They are
numbered, and written as one column for each attribute, in which a reference is a number; so the form follows the
classes and needs no word here when one of them gains an attribute. ``LAYOUT`` names the form: bytes of another one are
refused.

The bytes hold pickled values but never code: `load` makes objects of the classes listed here and of nothing else.
"""

from __future__ import annotations

import io
import pickle
import zlib
from array import array
from collections import deque
from hashlib import sha256
from typing import Any, Final

from keepboth.conflicts import crowds, episodes, folding, packs, places, runs, shadow, strokes
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import ENGINE_VERSION
from keepboth.errors import InvalidRequest
from keepboth.events import Seen
from keepboth.yjs import anyvalue, content

OBJECTS: Final[tuple[Any, ...]] = (
    runs.Run,
    strokes.Stroke,
    folding.Pack,
    strokes.Session,
    runs.Line,
    episodes.Spot,
    places.Place,
    episodes.Cluster,
    crowds.Crowd,
    runs.RunIndex,
    runs.Block,
    shadow.Shadow,
    episodes.Clusters,
    packs.Packs,
)
"""What is numbered and written by attribute."""


def _array(values: list[int]) -> array[int]:
    return array("q", values)


VALUES: Final[tuple[Any, ...]] = (
    _array,
    Seen,
    content.TypeRef,
    content.SubDocument,
    anyvalue.Undefined,
    anyvalue.BigInt,
)
"""What else may be made."""

FORM: Final = 1
"""Raise this when `dump` writes something else for the same attributes."""

EMPTY: Final = {"stretch", "lines", "painted", "chains"}
"""Attributes that only save time: they come back as None."""


def _attributes(kind: type) -> tuple[str, ...]:
    """The names of what objects of this class hold; of one that is compiled they are kept elsewhere."""
    of_each = [getattr(base, "__mypyc_attrs__", getattr(base, "__slots__", ())) for base in kind.__mro__]
    return tuple(sorted({name for names in of_each for name in names}))


_ATTRIBUTES: Final = tuple(_attributes(kind) for kind in OBJECTS)
_NUMBER: Final = {kind: number for number, kind in enumerate(OBJECTS)}


def _layout() -> str:
    names = [(kind.__qualname__, names) for kind, names in zip(OBJECTS, _ATTRIBUTES, strict=True)]
    return sha256(repr((FORM, ENGINE_VERSION, names)).encode()).hexdigest()[:16]


LAYOUT: Final = _layout()
"""Names the form of the bytes: another version of the engine, or other attributes, make another one."""


class _Writer(pickle.Pickler):
    """Writes numbered objects as their numbers."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, protocol=5)
        self.numbers: dict[Any, int] = {}
        self.found: list[Any] = []

    def persistent_id(self, value: Any) -> int | None:
        if type(value) not in _NUMBER:
            return None
        number = self.numbers.get(value)
        if number is None:
            number = self.numbers[value] = len(self.found)
            self.found.append(value)
        return number

    def reducer_override(self, value: Any) -> Any:
        if type(value) is array:
            return _array, (value.tolist(),)
        return NotImplemented


class _Reader(pickle.Unpickler):
    """Reads what `_Writer` wrote."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.objects: list[Any] = []

    def persistent_load(self, number: Any) -> Any:
        return self.objects[number]

    def find_class(self, module: str, name: str) -> Any:
        for value in VALUES:
            if (value.__module__, value.__qualname__) == (module, name):
                return value
        raise pickle.UnpicklingError(f"a checkpoint names {module}.{name}")


def dump(engine: DocumentConflicts) -> bytes:
    """The engine as bytes. Raises ValueError while edits wait to be looked at."""
    if engine.pending:
        raise ValueError(f"{engine.pending} edits wait to be looked at")
    file = io.BytesIO()
    writer = _Writer(file)
    held = {name: getattr(engine, name) for name in _attributes(DocumentConflicts)}
    root = {name: value for name, value in held.items() if not isinstance(value, deque)}
    known = root["_shadow"]
    for session in root["_sessions"].values():
        for stroke in session.strokes:
            writer.persistent_id(stroke)
    for run in known.all_runs():
        writer.persistent_id(run)
    at = 0
    parts: list[bytes] = []

    def put(value: Any) -> None:
        """One message; what it refers to may be numbered by later ones only."""
        writer.dump(value)
        parts.append(file.getvalue())
        file.seek(0)
        file.truncate()

    put(root)
    while at < len(writer.found):
        by_kind: dict[int, list[Any]] = {}
        for value in writer.found[at:]:
            by_kind.setdefault(_NUMBER[type(value)], []).append(value)
        at = len(writer.found)
        for kind, values in by_kind.items():
            columns = [
                None if name in EMPTY else [getattr(value, name) for value in values] for name in _ATTRIBUTES[kind]
            ]
            put((kind, [writer.numbers[value] for value in values], columns))
    kinds = bytes(_NUMBER[type(value)] for value in writer.found)
    head = LAYOUT.encode() + len(kinds).to_bytes(8, "big")
    return head + zlib.compress(kinds + b"".join(parts), 1)


def load(data: bytes) -> DocumentConflicts:
    """The engine that `dump` was given. Raises InvalidRequest for bytes of another layout, or damaged ones."""
    size = len(LAYOUT)
    if data[:size] != LAYOUT.encode():
        raise InvalidRequest("a checkpoint of another version")
    count = int.from_bytes(data[size : size + 8], "big")
    try:
        whole = zlib.decompress(data[size + 8 :])
        file = io.BytesIO(whole[count:])
        reader = _Reader(file)
        reader.objects = [OBJECTS[number].__new__(OBJECTS[number]) for number in whole[:count]]
        root = reader.load()
        done = 0
        while done < count:
            kind, numbers, columns = reader.load()
            values = [reader.objects[number] for number in numbers]
            for name, column in zip(_ATTRIBUTES[kind], columns, strict=True):
                if column is None:
                    for value in values:
                        setattr(value, name, None)
                else:
                    for value, part in zip(values, column, strict=True):
                        setattr(value, name, part)
            done += len(values)
    except (zlib.error, pickle.UnpicklingError, EOFError, LookupError, ValueError, AttributeError, TypeError) as error:
        raise InvalidRequest(f"a damaged checkpoint: {error}") from error
    engine = DocumentConflicts()
    for name, value in root.items():
        setattr(engine, name, value)
    return engine
