"""A fold as bytes, so that it need not start at the beginning again.

What is kept is what the replica holds, which edits wait (their bytes are in the log), and how far each late one came
late. A fold that had to work around the CRDT (see `DocumentFold`) is not kept: it is rare, and made from the log.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from importlib.metadata import version
from typing import Final, NamedTuple

from keepboth.errors import MalformedMessage
from keepboth.fold.document import DocumentFold
from keepboth.fold.roots import Roots, RootType
from keepboth.yjs.lib0 import read_buf, read_var_string, read_var_uint, write_buf, write_var_string, write_var_uint

FORMAT: Final = 1
"""Of the bytes below, and of what a fold makes of a log; bytes of another format are not read."""

VERSION: Final = f"folds {FORMAT} of pycrdt {version('pycrdt')}"
"""What another fold, or another CRDT, has made is made again."""

_TYPES: Final[tuple[RootType, ...]] = ("text", "map", "array", "xml")


class Frozen(NamedTuple):
    """A fold at ``revision``. ``update`` is what its replica holds; ``waiting`` and ``quarantined`` are revisions,
    ``late`` pairs of a revision and its effective one."""

    revision: int
    update: bytes
    waiting: tuple[int, ...]
    late: tuple[tuple[int, int], ...]
    quarantined: tuple[int, ...]
    unreadable: tuple[bytes, ...]
    roots: tuple[tuple[str, RootType], ...]
    flags: tuple[bool, bool, bool, bool]
    """Nested types, surrogate pairs, arrays, text beyond ASCII: whether there are any."""


def freeze(fold: DocumentFold) -> Frozen | None:
    """What *fold* knows, or None if only the log can give it again."""
    if not fold.is_plain:
        return None
    return Frozen(
        fold.revision,
        fold.replica.update_since(),
        tuple(entry.revision for entry in fold.waiting.entries()),
        tuple(sorted(fold.late.items())),
        tuple(sorted(fold.quarantined)),
        tuple(sorted(fold.unreadable)),
        tuple(sorted(fold.roots.types.items())),
        (*fold.flags, *fold.roots.flags),
    )


def thaw(frozen: Frozen, payload_of: Callable[[int], bytes | None]) -> DocumentFold:
    """The fold that *frozen* was made from. *payload_of* reads an edit that waits from the log. Raises Poisoned."""
    nests, pairs, arrays, wide = frozen.flags
    return DocumentFold.of(
        frozen.revision,
        frozen.update,
        [(revision, payload) for revision in frozen.waiting if (payload := payload_of(revision)) is not None],
        dict(frozen.late),
        set(frozen.quarantined),
        set(frozen.unreadable),
        Roots(dict(frozen.roots), arrays, wide),
        nests=nests,
        pairs=pairs,
    )


def to_bytes(frozen: Frozen) -> bytes:
    """Format byte, then deflated: revision, update, and the lists, each with its length in front; lib0 varUints."""
    out = bytearray()
    write_var_uint(out, frozen.revision)
    write_buf(out, frozen.update)
    for revisions in (frozen.waiting, frozen.quarantined):
        write_var_uint(out, len(revisions))
        for revision in revisions:
            write_var_uint(out, revision)
    write_var_uint(out, len(frozen.late))
    for revision, effective in frozen.late:
        write_var_uint(out, revision)
        write_var_uint(out, effective)
    write_var_uint(out, len(frozen.unreadable))
    for digest in frozen.unreadable:
        write_buf(out, digest)
    write_var_uint(out, len(frozen.roots))
    for name, kind in frozen.roots:
        write_var_string(out, name)
        out.append(_TYPES.index(kind))
    out.append(sum(flag << at for at, flag in enumerate(frozen.flags)))
    return bytes((FORMAT,)) + zlib.compress(bytes(out), 1)


def from_bytes(data: bytes) -> Frozen | None:
    """What `to_bytes` wrote; None for bytes of another format, or damaged ones."""
    try:
        if data[0] != FORMAT:
            return None
        data = zlib.decompress(data[1:])
        revision, at = read_var_uint(data, 0)
        update, at = read_buf(data, at)
        lists: list[tuple[int, ...]] = []
        for _ in range(2):
            revisions, at = _read_numbers(data, at, 1)
            lists.append(tuple(revisions))
        numbers, at = _read_numbers(data, at, 2)
        late = tuple(zip(numbers[::2], numbers[1::2], strict=True))
        count, at = read_var_uint(data, at)
        digests: list[bytes] = []
        for _ in range(count):
            digest, at = read_buf(data, at)
            digests.append(digest)
        count, at = read_var_uint(data, at)
        roots: list[tuple[str, RootType]] = []
        for _ in range(count):
            name, at = read_var_string(data, at)
            roots.append((name, _TYPES[data[at]]))
            at += 1
        nests, pairs, arrays, wide = (bool(data[at] >> bit & 1) for bit in range(4))
    except (IndexError, zlib.error, MalformedMessage):
        return None
    flags = (nests, pairs, arrays, wide)
    return Frozen(revision, update, lists[0], late, lists[1], tuple(digests), tuple(roots), flags)


def _read_numbers(data: bytes, at: int, each: int) -> tuple[list[int], int]:
    count, at = read_var_uint(data, at)
    out: list[int] = []
    for _ in range(count * each):
        number, at = read_var_uint(data, at)
        out.append(number)
    return out, at
