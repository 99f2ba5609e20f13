"""What every store must decide alike: which drafts can be recorded, which are the same event, what a condition says.

Pure functions; the stores bring the look-ups. The rules are those of :meth:`~keepboth.store.base.EventStore.append`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final, Literal, NamedTuple, get_args

from keepboth.errors import ConditionFailed, IdentityClash, InvalidRequest, OverLimit
from keepboth.events import (
    EDIT_RECORDED,
    ActorKind,
    Condition,
    ContextSource,
    Disposition,
    DocumentAbsent,
    DocumentExists,
    Draft,
    Event,
    EventId,
    ExpectedRevision,
    Micros,
    NoneSince,
    Receipt,
    TimeQuality,
    check_document_name,
    id_text,
    rekeyed_id,
)
from keepboth.store.base import Append, Original
from keepboth.store.hashing import SALT_BYTES, constant_part

MAX_BLOB_BYTES: Final = 500_000_000
"""SQLite refuses a row of more than 10^9 bytes; nothing near it is an edit."""

DIGEST_BYTES: Final = 32
MAX_PAGE: Final = 10_000
MAX_BLOCKERS: Final = 100

ACTOR_KINDS: Final[tuple[ActorKind, ...]] = get_args(ActorKind)
CONTEXT_SOURCES: Final[tuple[ContextSource, ...]] = get_args(ContextSource)
TIME_QUALITIES: Final[tuple[TimeQuality, ...]] = get_args(TimeQuality)
DISPOSITIONS: Final[tuple[Disposition, ...]] = get_args(Disposition)

OriginKey = tuple[str, str, str, str, str, "str | None", "str | None", str, str, tuple[int, ...]]
"""The arguments of :func:`~keepboth.store.hashing.constant_part`, in its order."""


def origin_key(document: str, draft: Draft) -> OriginKey:
    """What the events of one session usually have in common."""
    return (
        document,
        draft.type,
        draft.content_type,
        draft.actor,
        draft.actor_kind,
        draft.session,
        draft.relayed_by,
        draft.context_source,
        draft.disposition,
        draft.clients,
    )


def check_origin(key: OriginKey) -> bytes:
    """Return the encoded constant part of a draft that can be recorded. Raises InvalidRequest."""
    document, type_, _, _, actor_kind, _, _, context_source, disposition, clients = key
    check_document_name(document)
    if not type_:
        raise InvalidRequest("an event needs a type", field="type")
    for field, value, known in (
        ("actor_kind", actor_kind, ACTOR_KINDS),
        ("context_source", context_source, CONTEXT_SOURCES),
        ("disposition", disposition, DISPOSITIONS),
    ):
        if value not in known:
            raise InvalidRequest(f"{value!r} is not one of {', '.join(known)}", field=field)
    if not all(0 <= client < 1 << 63 for client in clients):
        raise InvalidRequest("a client id must fit 63 bits", field="clients")
    try:
        return constant_part(*key)
    except UnicodeEncodeError:
        raise InvalidRequest("text in an event must be valid Unicode") from None


def check_draft(draft: Draft) -> None:
    """Raise InvalidRequest or OverLimit if *draft* cannot be recorded, whatever the log holds. See check_origin too."""
    if not isinstance(draft.id, bytes) or len(draft.id) != 16:
        raise InvalidRequest("an event id takes 16 bytes", field="id")
    if not isinstance(draft.payload, bytes):
        raise InvalidRequest("a payload must be bytes", field="payload")
    if len(draft.payload) > MAX_BLOB_BYTES:
        raise OverLimit(f"a payload takes at most {MAX_BLOB_BYTES} bytes", limit=MAX_BLOB_BYTES)
    if draft.session_seq is not None:
        if draft.session is None:
            raise InvalidRequest("a session_seq needs a session", field="session_seq")
        _check_number(draft.session_seq, "session_seq")
    if draft.part:
        _check_number(draft.part, "part")
    if draft.authored_at is not None:
        _check_number(draft.authored_at, "authored_at")
    if draft.away_from is not None:
        _check_number(draft.away_from, "away_from")
    if draft.time_quality not in TIME_QUALITIES:
        raise InvalidRequest(f"{draft.time_quality!r} is not one of {', '.join(TIME_QUALITIES)}", field="time_quality")
    if draft.message is not None and len(draft.message) > MAX_BLOB_BYTES:
        raise OverLimit(f"a message takes at most {MAX_BLOB_BYTES} bytes", limit=MAX_BLOB_BYTES)
    if draft.correlation_id is not None or draft.causation_id is not None:
        try:
            ((draft.correlation_id or "") + (draft.causation_id or "")).encode()
        except UnicodeEncodeError:
            raise InvalidRequest("text in an event must be valid Unicode") from None


def _check_number(value: int, field: str) -> None:
    if not isinstance(value, int) or not 0 <= value < 1 << 62:
        raise InvalidRequest(f"{field} must be from 0 to 2^62 - 1", field=field)


def check_originals(item: Append) -> None:
    """Raise InvalidRequest unless an import says of each draft what its original had."""
    if len(item.originals) != len(item.drafts):
        raise InvalidRequest("an import needs an original for each draft", field="originals")
    for draft, original in zip(item.drafts, item.originals, strict=True):
        if original.salt is None:
            if len(original.payload_digest) != DIGEST_BYTES or draft.payload:
                raise InvalidRequest("an erased payload is its digest and its length, no more", field="originals")
            _check_number(original.payload_len, "payload_len")
        elif len(original.salt) != SALT_BYTES:
            raise InvalidRequest(f"a salt takes {SALT_BYTES} bytes", field="originals")
        digest = original.message_digest
        if digest is not None and draft.message is None and len(digest) != DIGEST_BYTES:
            raise InvalidRequest(f"a message's digest takes {DIGEST_BYTES} bytes", field="originals")


# -- identity --------------------------------------------------------------------------------------------------------


class Known(NamedTuple):
    """An event that holds an identity: recorded, or decided earlier in the same batch.

    ``receipt`` is its original receipt, or the index of an earlier draft of the same item, which has none yet.
    ``payload`` is None once erased.
    """

    id: EventId
    type: str
    document: str
    payload: bytes | None
    payload_len: int
    receipt: Receipt | int


class New(NamedTuple):
    """A draft that is to be recorded, under ``id``."""

    id: EventId
    status: Literal["appended", "rekeyed"]


FindId = Callable[[EventId], "Known | None"]
FindSeq = Callable[[str, int, int], "Known | None"]


def payload_of(draft: Draft, original: Original | None) -> tuple[bytes | None, int]:
    """The payload that is recorded, None where the original's is erased, and its length."""
    if original is not None and original.salt is None:
        return None, original.payload_len
    return draft.payload, len(draft.payload)


def message_digest_of(draft: Draft, original: Original | None) -> bytes | None:
    """The digest of the raw message that an event refers to."""
    if draft.message is not None:
        return sha256(draft.message).digest()
    return None if original is None else original.message_digest


def _same(draft: Draft, document: str, holder: Known, original: Original | None) -> bool:
    if holder.type != draft.type or holder.document != document:
        return False
    payload, length = payload_of(draft, original)
    if holder.payload is None or payload is None:
        # Erased: the content is unknowable, and recording the same bytes again would undo the erasure.
        return holder.payload_len == length
    return holder.payload == payload


def resolve(
    draft: Draft, document: str, find_id: FindId, find_seq: FindSeq, original: Original | None = None
) -> Known | New:
    """Say whether *draft* is new, and under which id, or which event it repeats. Raises IdentityClash.

    ``find_seq(session, session_seq, part)`` looks in *document* only. An edit whose identity is taken by other content
    goes under the id that follows from the holder's id and its own payload, so that a repeat finds it again even if
    the repeat carries another id but the same place in its session.
    """
    holders = [find_id(draft.id)]
    if draft.session is not None and draft.session_seq is not None:
        holders.append(find_seq(draft.session, draft.session_seq, draft.part))
    taken = [holder for holder in holders if holder is not None]
    for holder in taken:
        if _same(draft, document, holder, original):
            return holder
    if not taken:
        return New(draft.id, "appended")
    if draft.type != EDIT_RECORDED or original is not None:
        raise _identity_clash(draft, taken[0])
    event_id = taken[0].id
    while True:
        event_id = rekeyed_id(event_id, draft.payload)
        found = find_id(event_id)
        if found is None:
            return New(event_id, "rekeyed")
        if _same(draft, document, found, None):
            return found


def resolve_item(item: Append, drafts: Sequence[Draft], find_id: FindId, find_seq: FindSeq) -> list[Known | New]:
    """:func:`resolve` for drafts that are recorded together, where a later one may repeat an earlier one."""
    fresh_ids: dict[EventId, Known] = {}
    fresh_seqs: dict[tuple[str, int, int], Known] = {}
    found: list[Known | New] = []
    created = len(drafts) - len(item.drafts)
    for index, draft in enumerate(drafts):
        original = item.originals[index - created] if item.originals and index >= created else None
        one = resolve(
            draft,
            item.document,
            lambda event_id: fresh_ids.get(event_id) or find_id(event_id),
            lambda session, seq, part: fresh_seqs.get((session, seq, part)) or find_seq(session, seq, part),
            original,
        )
        if isinstance(one, New):
            known = Known(one.id, draft.type, item.document, *payload_of(draft, original), index)
            fresh_ids[one.id] = known
            if one.status == "appended" and draft.session is not None and draft.session_seq is not None:
                fresh_seqs[draft.session, draft.session_seq, draft.part] = known
        found.append(one)
    return found


def _identity_clash(draft: Draft, holder: Known) -> IdentityClash:
    recorded = None if holder.payload is None else sha256(holder.payload).hexdigest()
    return IdentityClash(
        f"id {id_text(draft.id)} is taken by other content: a {holder.type} of document {holder.document!r}",
        id=id_text(draft.id),
        document=holder.document,
        recorded_digest=recorded,
        offered_digest=sha256(draft.payload).hexdigest(),
    )


# -- conditions ------------------------------------------------------------------------------------------------------


def blockers(
    condition: Condition, revision: int, events: Callable[[int, frozenset[str], int], list[Event]]
) -> list[Event] | None:
    """None if *condition* holds for a document at *revision*, else the events that make it false.

    ``events(after, types, limit)`` reads the document's oldest events after a revision (any type if *types* is empty).
    """
    match condition:
        case DocumentAbsent():
            return events(0, frozenset(), 1) if revision else None
        case DocumentExists():
            return None if revision else []
        case ExpectedRevision(expected):
            return None if revision == expected else events(expected, frozenset(), MAX_BLOCKERS)
        case NoneSince(since, types):
            return events(since, types, MAX_BLOCKERS) or None if revision > since else None


def condition_failed(document: str, condition: Condition, revision: int, events: Sequence[Event]) -> ConditionFailed:
    """The refusal of an item whose condition does not hold."""
    match condition:
        case DocumentAbsent():
            detail = f"document {document!r} exists already"
        case DocumentExists():
            detail = f"there is no document {document!r}"
        case ExpectedRevision(expected):
            detail = f"document {document!r} is at revision {revision}, {expected} was expected"
        case NoneSince(since, _):
            detail = f"document {document!r} has changed since revision {since}"
    return ConditionFailed(detail, tuple(events), document=document, revision=revision)


# -- times and events ------------------------------------------------------------------------------------------------


def recorded_at(at: Micros | None, now: Micros, log_last: Micros, document_last: Micros) -> Micros:
    """When an item is recorded. An import keeps its own time, as long as that does not decrease along its document."""
    if at is None:
        return max(now, log_last)
    if at < document_last:
        raise InvalidRequest(
            f"recorded time would go back by {document_last - at} µs along the document", field="at", last=document_last
        )
    _check_number(at, "at")
    return at


def authored(draft: Draft, recorded: Micros) -> tuple[Micros, TimeQuality]:
    """When a draft was authored, never after it was recorded, and how well that is known."""
    if draft.authored_at is None:
        return recorded, draft.time_quality
    if draft.authored_at > recorded:
        return recorded, "clamped"
    return draft.authored_at, draft.time_quality


def known(event: Event) -> Known:
    """What identity needs of a recorded event."""
    receipt = Receipt("appended", event.id, event.position, event.revision, event.recorded_at, event.disposition)
    return Known(event.id, event.type, event.document, event.payload, event.payload_len, receipt)


def blanked(event: Event) -> Event:
    """The event with its payload erased."""
    return replace(event, payload=None)
