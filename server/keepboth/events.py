"""The vocabulary of the log: what an event is, what its author had seen, what became of an edit.

Values only. Nothing here reads a clock, draws a random number or touches a disk.
"""

from __future__ import annotations

import hashlib
import uuid
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from keepboth.errors import InvalidRequest

EventId = bytes
"""16 bytes of a UUID; :func:`id_text` gives the usual text."""

Micros = int
"""UTC microseconds since 1970."""

ActorKind = Literal["human", "agent", "system", "import", "anonymous"]
TimeQuality = Literal["measured", "claimed", "clamped", "assumed"]
Disposition = Literal["ready", "pending", "quarantined"]
ContextSource = Literal["none", "declared", "corrected", "resumed", "state-vector", "structure", "assumed"]
ReceiptStatus = Literal["appended", "duplicate", "rekeyed"]

AWAY: Final = "away:"
"""How the correlation id of an offline stretch begins."""

EDIT_RECORDED: Final = "edit.recorded"
DOCUMENT_CREATED: Final = "document.created"
DOCUMENT_RENAMED: Final = "document.renamed"
DOCUMENT_ARCHIVED: Final = "document.archived"
DOCUMENT_RESTORED: Final = "document.restored"
DOCUMENT_APPROVED: Final = "document.approved"
DOCUMENT_REVERTED: Final = "document.reverted"
SESSION_JOINED: Final = "session.joined"
VERSION_NAMED: Final = "version.named"
CONFLICT_SEEN: Final = "conflict.seen"
CONFLICT_RESOLVED: Final = "conflict.resolved"
CONFLICT_REOPENED: Final = "conflict.reopened"

CONTENT_YJS_UPDATE: Final = "application/x.yjs-update-v1"
CONTENT_JSON: Final = "application/json"

OWN_TYPE_PREFIXES: Final = ("edit.", "document.", "version.", "conflict.", "session.", "access.", "erasure.")
"""Types that only KeepBoth's own decider may write; an application's own event must not start with one of these."""

MAX_DOCUMENT_BYTES: Final = 512


class Seen(NamedTuple):
    """One bound on what an author had applied, as revisions of the author's document.

    Known is every event whose *effective* revision is at most ``base`` and whose revision is in no ``exclude`` range,
    and every event whose revision is in an ``include`` range. Ranges are ``(first, last)``, both inclusive, ascending
    and disjoint. An author's own earlier events (same session) are always known and need not be listed.
    """

    base: int = 0
    include: tuple[tuple[int, int], ...] = ()
    exclude: tuple[tuple[int, int], ...] = ()

    def knows(self, revision: int, effective: int) -> bool:
        """True if the event recorded at *revision* and released at *effective* is within this bound."""
        if effective <= self.base:
            return not (self.exclude and _within(self.exclude, revision))
        return bool(self.include) and _within(self.include, revision)


_ANY_LAST: Final = 2**63


def _within(ranges: tuple[tuple[int, int], ...], revision: int) -> bool:
    at = bisect_right(ranges, (revision, _ANY_LAST)) - 1
    return at >= 0 and ranges[at][1] >= revision


class Context(NamedTuple):
    """What the author of an edit had applied when making it: at least ``lower``, at most ``upper``.

    Equal bounds mean that the context is exact. Stored once with the event and never inferred again on replay.
    """

    lower: Seen
    upper: Seen

    @property
    def exact(self) -> bool:
        return self.lower == self.upper

    @classmethod
    def of(cls, base: int) -> Context:
        """The exact context of an author who had applied everything released up to *base*."""
        seen = Seen(base)
        return cls(seen, seen)

    def to_bytes(self) -> bytes:
        """Encode: version 1, a flag byte (1 = exact), then one or two bounds. All numbers are lib0 varUints."""
        out = bytearray(b"\x01")
        exact = self.lower == self.upper
        out.append(1 if exact else 0)
        write_seen(out, self.lower)
        if not exact:
            write_seen(out, self.upper)
        return bytes(out)

    @classmethod
    def from_bytes(cls, data: bytes) -> Context:
        """Decode what :meth:`to_bytes` wrote. Raises InvalidRequest for any other bytes."""
        try:
            if data[:2] == b"\x01\x01" and data[-2:] == b"\0\0":  # exact and without ranges, as nearly all are
                base, at = _read_varuint(data, 2)
                if at == len(data) - 2:
                    seen = Seen(base)
                    return cls(seen, seen)
            if data[0] != 1:
                raise InvalidRequest(f"a context of version {data[0]}, 1 was expected")
            lower, at = read_seen(data, 2)
            upper = lower
            if data[1] != 1:
                upper, at = read_seen(data, at)
            if at != len(data):
                raise InvalidRequest(f"a context has {len(data) - at} bytes too many")
        except IndexError:
            raise InvalidRequest("a context ends too early") from None
        return cls(lower, upper)


def _write_varuint(out: bytearray, value: int) -> None:
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def _read_varuint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise InvalidRequest("a number in a context is too large")


def write_seen(out: bytearray, seen: Seen) -> None:
    """Append one bound: base, then each list's length and, for each range, the distance from the last and its size."""
    _write_varuint(out, seen.base)
    for ranges in (seen.include, seen.exclude):
        _write_varuint(out, len(ranges))
        previous = 0
        for first, last in ranges:
            _write_varuint(out, first - previous)
            _write_varuint(out, last - first)
            previous = last


def read_seen(data: bytes, at: int) -> tuple[Seen, int]:
    """The bound at *at*, and where it ends. Raises IndexError or InvalidRequest for other bytes."""
    base, at = _read_varuint(data, at)
    both: list[tuple[tuple[int, int], ...]] = []
    for _ in range(2):
        count, at = _read_varuint(data, at)
        if count > len(data):
            raise InvalidRequest("a context counts more ranges than it has bytes")
        ranges: list[tuple[int, int]] = []
        previous = 0
        for _ in range(count):
            skip, at = _read_varuint(data, at)
            length, at = _read_varuint(data, at)
            ranges.append((previous + skip, previous + skip + length))
            previous += skip + length
        both.append(tuple(ranges))
    return Seen(base, both[0], both[1]), at


NOTHING_SEEN: Final = Context(Seen(), Seen())


class Draft:
    """An event that has been decided and not yet recorded. The store adds position, revision, time and hashes.

    ``payload`` is what folds read. ``message`` is the raw message as received, where it differs from the payload
    (several authors' news came in one message, or only part of it was new); None means that the payload *is* the
    message's content, byte for byte. ``clients`` are the Yjs client ids whose content the event brings.
    ``authored_at`` None means "as recorded". Mutable only so that it is cheap to build: treat it as a value.
    """

    __slots__ = (
        "actor",
        "actor_kind",
        "authored_at",
        "away_from",
        "causation_id",
        "clients",
        "content_type",
        "context",
        "context_source",
        "correlation_id",
        "disposition",
        "id",
        "message",
        "part",
        "payload",
        "relayed_by",
        "session",
        "session_seq",
        "time_quality",
        "type",
    )

    def __init__(
        self,
        type: str,
        id: EventId,
        payload: bytes,
        *,
        actor: str,
        actor_kind: ActorKind = "anonymous",
        content_type: str = CONTENT_JSON,
        session: str | None = None,
        session_seq: int | None = None,
        part: int = 0,
        clients: tuple[int, ...] = (),
        relayed_by: str | None = None,
        context: Context | None = None,
        context_source: ContextSource = "none",
        message: bytes | None = None,
        authored_at: Micros | None = None,
        time_quality: TimeQuality = "assumed",
        correlation_id: str | None = None,
        causation_id: str | None = None,
        away_from: Micros | None = None,
        disposition: Disposition = "ready",
    ) -> None:
        self.type = type
        self.id = id
        self.payload = payload
        self.actor = actor
        self.actor_kind = actor_kind
        self.content_type = content_type
        self.session = session
        self.session_seq = session_seq
        self.part = part
        self.clients = clients
        self.relayed_by = relayed_by
        self.context = context
        self.context_source = context_source
        self.message = message
        self.authored_at = authored_at
        self.time_quality = time_quality
        self.correlation_id = correlation_id
        self.causation_id = causation_id
        self.away_from = away_from
        self.disposition = disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One recorded fact. See ``docs/events.md`` for every field."""

    position: int
    document: str
    revision: int
    id: EventId
    type: str
    content_type: str
    actor: str
    actor_kind: ActorKind
    session: str | None
    session_seq: int | None
    part: int
    clients: tuple[int, ...]
    relayed_by: str | None
    context: Context | None
    context_source: ContextSource
    message_digest: bytes | None
    recorded_at: Micros
    authored_at: Micros
    time_quality: TimeQuality
    correlation_id: str | None
    causation_id: str | None
    away_from: Micros | None
    payload: bytes | None
    """None once lawfully erased; the digest stays."""
    payload_digest: bytes
    payload_len: int
    disposition: Disposition
    document_hash: bytes


class Receipt(NamedTuple):
    """What became of one draft. ``missing`` lists ``(client, clock, length)`` a pending edit waits for."""

    status: ReceiptStatus
    id: EventId
    position: int
    revision: int
    recorded_at: Micros
    disposition: Disposition
    missing: tuple[tuple[int, int, int], ...] = ()


# -- conditions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentAbsent:
    """Holds while the document has no event."""


@dataclass(frozen=True, slots=True)
class DocumentExists:
    """Holds once the document has an event."""


@dataclass(frozen=True, slots=True)
class ExpectedRevision:
    """Holds while the document's last revision is exactly ``revision``."""

    revision: int


@dataclass(frozen=True, slots=True)
class NoneSince:
    """Holds while no event of ``types`` (any type if empty) came after ``revision`` on this document.

    So typing never starves a rename, and a rename never blocks typing.
    """

    revision: int
    types: frozenset[str] = field(default_factory=frozenset)


Condition = DocumentAbsent | DocumentExists | ExpectedRevision | NoneSince


# -- ids -------------------------------------------------------------------------------------------------------------


def id_text(event_id: EventId) -> str:
    """The usual text of a UUID: ``018f…-7…``."""
    return str(uuid.UUID(bytes=event_id))


def id_from_text(text: str) -> EventId:
    """Parse a UUID. Raises InvalidRequest."""
    try:
        return uuid.UUID(text).bytes
    except ValueError:
        raise InvalidRequest(f"{text[:60]!r} is not a UUID", field="id") from None


def rekeyed_id(event_id: EventId, payload: bytes) -> EventId:
    """The id of other content that arrived under a taken *event_id*: a UUIDv5 of both, hence repeatable."""
    name = hashlib.sha256(payload).digest()
    digest = bytearray(hashlib.sha1(event_id + name, usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def check_document_name(name: str) -> str:
    """Return *name* if it can name a document: any text of 1 to 512 bytes of UTF-8. Raises InvalidRequest."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest("a document name must be valid Unicode", field="document") from None
    if not 1 <= size <= MAX_DOCUMENT_BYTES:
        raise InvalidRequest(
            f"a document name takes 1 to {MAX_DOCUMENT_BYTES} bytes of UTF-8, this one {size}", field="document"
        )
    return name


def compress_ranges(revisions: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """Ascending disjoint inclusive ranges that hold exactly *revisions*."""
    out: list[tuple[int, int]] = []
    for revision in sorted(set(revisions)):
        if out and out[-1][1] == revision - 1:
            out[-1] = (out[-1][0], revision)
        else:
            out.append((revision, revision))
    return tuple(out)
