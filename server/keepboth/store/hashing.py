"""The hashes that make the log tamper-evident: a digest per payload, a chain per document, a chain over commits.

All numbers are big-endian. ``text`` and ``blob`` are a 4-byte length and the bytes (UTF-8 for text); an absent value is
the length ``ffffffff`` and nothing. Version 1:

* ``payload_digest`` = SHA-256(16 random bytes ‖ payload). The salt is erased with the payload: an unsalted digest of
  one keystroke is reversed in microseconds.
* ``document_hash`` = SHA-256(previous document hash ‖ constant ‖ fixed ‖ variable), 32 zero bytes before the first
  event, where

  - constant = ``KBE1`` ‖ text document, type, content type, actor, actor kind, session, relayed by, context source,
    disposition ‖ u32 number of clients ‖ u64 each client,
  - fixed = u64 revision ‖ 16 bytes id ‖ i64 session_seq, part, recorded_at, authored_at, away_from (-1 if absent) ‖
    u64 payload length ‖ 32 bytes payload digest,
  - variable = text time quality ‖ blob context, message digest ‖ text correlation id, causation id.

  No position in the whole log and nothing derived goes in, so a stream keeps its hashes in another store.
* ``commit_hash`` = SHA-256(``KBC1`` ‖ previous commit hash ‖ u64 first position ‖ u64 last position ‖ the document
  hashes of the events between, in order).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Final, get_args

from keepboth.events import Context, Event, TimeQuality

GENESIS: Final = bytes(32)
"""The hash before the first event of a document, and before the first commit."""

SALT_BYTES: Final = 16

_FIXED = struct.Struct(">Q16sqqqqqQ32s").pack
_COMMIT = struct.Struct(">4s32sQQ").pack
_ABSENT: Final = b"\xff\xff\xff\xff"
_NOTHING_VARIABLE: Final = _ABSENT * 3


def _blob(value: bytes | None) -> bytes:
    return _ABSENT if value is None else len(value).to_bytes(4, "big") + value


def _text(value: str | None) -> bytes:
    return _ABSENT if value is None else _blob(value.encode())


_QUALITY: Final[dict[str, bytes]] = {q: _text(q) for q in get_args(TimeQuality)}


def payload_digest(salt: bytes, payload: bytes) -> bytes:
    """SHA-256 of salt and payload."""
    return sha256(salt + payload).digest()


def constant_part(
    document: str,
    type: str,
    content_type: str,
    actor: str,
    actor_kind: str,
    session: str | None,
    relayed_by: str | None,
    context_source: str,
    disposition: str,
    clients: tuple[int, ...],
) -> bytes:
    """Encode what the events of one session usually have in common; callers keep it (about 3 µs to build).

    Raises UnicodeEncodeError for text that is no Unicode, struct.error for a client id outside 64 bits.
    """
    texts = (document, type, content_type, actor, actor_kind, session, relayed_by, context_source, disposition)
    return b"KBE1" + b"".join(map(_text, texts)) + struct.pack(f">I{len(clients)}Q", len(clients), *clients)


def document_hash(
    previous: bytes,
    constant: bytes,
    revision: int,
    event_id: bytes,
    session_seq: int,
    part: int,
    recorded_at: int,
    authored_at: int,
    away_from: int,
    payload_len: int,
    digest: bytes,
    quality: TimeQuality,
    context: bytes | None,
    message_digest: bytes | None,
    correlation_id: str | None,
    causation_id: str | None,
) -> bytes:
    """The next link of a document's chain. ``session_seq`` and ``away_from`` are -1 where the event has none."""
    fixed = _FIXED(
        revision, event_id, session_seq, part, recorded_at, authored_at, away_from, payload_len, digest
    )  # fmt: skip
    if message_digest is None and correlation_id is None and causation_id is None:
        variable = _NOTHING_VARIABLE
    else:
        variable = _blob(message_digest) + _text(correlation_id) + _text(causation_id)
    seen = _ABSENT if context is None else len(context).to_bytes(4, "big") + context
    return sha256(previous + constant + fixed + _QUALITY[quality] + seen + variable).digest()


def event_hash(previous: bytes, event: Event) -> bytes:
    """The next link of a document's chain, from a whole event: the slow, obvious way."""
    return document_hash(
        previous,
        constant_part(
            event.document,
            event.type,
            event.content_type,
            event.actor,
            event.actor_kind,
            event.session,
            event.relayed_by,
            event.context_source,
            event.disposition,
            event.clients,
        ),
        event.revision,
        event.id,
        -1 if event.session_seq is None else event.session_seq,
        event.part,
        event.recorded_at,
        event.authored_at,
        -1 if event.away_from is None else event.away_from,
        event.payload_len,
        event.payload_digest,
        event.time_quality,
        None if event.context is None else context_bytes(event.context),
        event.message_digest,
        event.correlation_id,
        event.causation_id,
    )


def commit_hash(previous: bytes, first: int, last: int, hashes: Iterable[bytes]) -> bytes:
    """The next link of the log's chain, over one commit of the events ``first`` to ``last``."""
    return sha256(_COMMIT(b"KBC1", previous, first, last) + b"".join(hashes)).digest()


def context_bytes(context: Context) -> bytes:
    """``context.to_bytes()``, five times as fast for the usual one: exact, a base and no ranges."""
    lower, upper = context
    base = lower.base
    if (upper is lower or upper == lower) and not lower.include and not lower.exclude:
        if base < 1 << 7:
            return bytes((1, 1, base, 0, 0))
        if base < 1 << 14:
            return bytes((1, 1, base & 127 | 128, base >> 7, 0, 0))
        if base < 1 << 21:
            return bytes((1, 1, base & 127 | 128, base >> 7 & 127 | 128, base >> 14, 0, 0))
    return context.to_bytes()


context_from_bytes = lru_cache(maxsize=8192)(Context.from_bytes)
"""``Context.from_bytes``, remembered: a page of keystrokes repeats a few contexts."""
