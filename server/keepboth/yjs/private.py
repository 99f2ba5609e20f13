"""Our private message (type 120): what a client that wants exactness says besides plain Yjs. See docs/protocol.md.

A body is a varUint subtype and its fields. Sent only to and by a client that has said ``hello``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from keepboth.errors import MalformedMessage
from keepboth.events import Seen
from keepboth.yjs.lib0 import read_var_uint, write_var_uint

VERSION: Final = 1

HELLO: Final = 0
SEEN: Final = 1
EDIT: Final = 2
STRETCHES: Final = 3

WELCOME: Final = 0
RECEIPTS: Final = 1
ERROR: Final = 2
CONFLICTS: Final = 3

STATUSES: Final = ("appended", "duplicate", "rekeyed")
DISPOSITIONS: Final = ("ready", "pending", "quarantined")

HASH_PREFIX: Final = 8
"""Bytes of the document's chain hash that travel with a revision, so that a client can prove what it has seen."""

MAX_RANGES: Final = 10_000


class EditReceipt(NamedTuple):
    """What became of one edit of a session: its number, and where it stands in the log (0 if it was known already)."""

    seq: int
    status: str
    revision: int
    disposition: str


def encode_json(subtype: int, value: Any) -> bytes:
    """A private body that holds JSON."""
    out = bytearray()
    write_var_uint(out, subtype)
    out += json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    return bytes(out)


def decode_json(body: bytes, at: int) -> dict[str, Any]:
    """The JSON object that follows the subtype. Raises MalformedMessage."""
    try:
        value = json.loads(body[at:])
    except (ValueError, RecursionError):
        raise MalformedMessage("the body of a private message is not JSON") from None
    if not isinstance(value, dict):
        raise MalformedMessage("the body of a private message must be a JSON object")
    return value


def subtype_of(body: bytes) -> tuple[int, int]:
    """(subtype, offset of the rest). Raises MalformedMessage."""
    return read_var_uint(body, 0)


def encode_seen(seen: Seen) -> bytes:
    """What the client has applied: base revision, then included and excluded ranges as (first, last - first)."""
    out = bytearray()
    write_var_uint(out, SEEN)
    write_var_uint(out, seen.base)
    for ranges in (seen.include, seen.exclude):
        write_var_uint(out, len(ranges))
        for first, last in ranges:
            write_var_uint(out, first)
            write_var_uint(out, last - first)
    return bytes(out)


def decode_seen(body: bytes, at: int) -> Seen:
    """Read what :func:`encode_seen` wrote. Raises MalformedMessage."""
    base, at = read_var_uint(body, at)
    both: list[tuple[tuple[int, int], ...]] = []
    for _ in range(2):
        count, at = read_var_uint(body, at)
        if count > MAX_RANGES:
            raise MalformedMessage(f"{count} ranges in one declaration, at most {MAX_RANGES} are read")
        ranges: list[tuple[int, int]] = []
        for _ in range(count):
            first, at = read_var_uint(body, at)
            length, at = read_var_uint(body, at)
            if first < 1 or (ranges and first <= ranges[-1][1]):
                raise MalformedMessage("ranges must ascend and not overlap")
            ranges.append((first, first + length))
        both.append(tuple(ranges))
    return Seen(base, both[0], both[1])


def encode_edit(seq: int, authored_at: int) -> bytes:
    """The number (and the author's clock, UTC µs, 0 if unknown) of the *next* update on this socket."""
    out = bytearray()
    write_var_uint(out, EDIT)
    write_var_uint(out, seq)
    write_var_uint(out, authored_at)
    return bytes(out)


def decode_edit(body: bytes, at: int) -> tuple[int, int]:
    """(seq, authored_at). Raises MalformedMessage."""
    seq, at = read_var_uint(body, at)
    authored_at, at = read_var_uint(body, at)
    if seq < 1:
        raise MalformedMessage("edits are numbered from 1")
    return seq, authored_at


def encode_receipts(receipts: Sequence[EditReceipt]) -> bytes:
    """Receipts of one commit for one session."""
    out = bytearray()
    write_var_uint(out, RECEIPTS)
    write_var_uint(out, len(receipts))
    for receipt in receipts:
        write_var_uint(out, receipt.seq)
        out.append(STATUSES.index(receipt.status))
        write_var_uint(out, receipt.revision)
        out.append(DISPOSITIONS.index(receipt.disposition))
    return bytes(out)


def decode_receipts(body: bytes, at: int) -> list[EditReceipt]:
    """Read what :func:`encode_receipts` wrote. Raises MalformedMessage."""
    count, at = read_var_uint(body, at)
    out: list[EditReceipt] = []
    try:
        for _ in range(count):
            seq, at = read_var_uint(body, at)
            status = STATUSES[body[at]]
            revision, at = read_var_uint(body, at + 1)
            disposition = DISPOSITIONS[body[at]]
            at += 1
            out.append(EditReceipt(seq, status, revision, disposition))
    except IndexError:
        raise MalformedMessage("receipts end too early") from None
    return out


def encode_suffix(revision: int, document_hash: bytes) -> bytes:
    """What trails an update inside its frame: the revision it reaches, and a prefix of the chain hash there."""
    out = bytearray()
    write_var_uint(out, revision)
    out += document_hash[:HASH_PREFIX]
    return bytes(out)


def decode_suffix(suffix: bytes) -> tuple[int, bytes]:
    """(revision, hash prefix). Raises MalformedMessage."""
    revision, at = read_var_uint(suffix, 0)
    return revision, suffix[at : at + HASH_PREFIX]
