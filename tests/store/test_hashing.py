"""The hashes' definition, restated; and that the fast ways give what the slow ones do."""

from __future__ import annotations

import struct
from dataclasses import fields, replace
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keepboth.events import Context, Event, Seen
from keepboth.store import hashing
from keepboth.store.hashing import GENESIS, commit_hash, context_bytes, event_hash, payload_digest
from keepboth.store.sqlite_rows import decode_clients, encode_clients

EVENT = Event(
    position=9,
    document="d/é",
    revision=3,
    id=bytes(range(16)),
    type="edit.recorded",
    content_type="application/x",
    actor="ann",
    actor_kind="human",
    session="s1",
    session_seq=7,
    part=1,
    clients=(5, 1 << 52),
    relayed_by=None,
    context=Context.of(300),
    context_source="declared",
    message_digest=None,
    recorded_at=2000,
    authored_at=1000,
    time_quality="measured",
    correlation_id="c",
    causation_id=None,
    away_from=None,
    payload=b"p",
    payload_digest=bytes(32),
    payload_len=1,
    disposition="ready",
    document_hash=bytes(32),
)


def field(value: str | bytes | None) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return b"\xff" * 4 if raw is None else struct.pack(">I", len(raw)) + raw


def test_document_hash_is_what_its_definition_says() -> None:
    e = EVENT
    texts = (e.document, e.type, e.content_type, e.actor, e.actor_kind, e.session, None, "declared", e.disposition)
    constant = b"KBE1" + b"".join(map(field, texts)) + struct.pack(">I2Q", 2, 5, 1 << 52)
    fixed = struct.pack(">Q16sqqqqqQ32s", 3, e.id, 7, 1, 2000, 1000, -1, 1, bytes(32))
    assert e.context is not None
    variable = field("measured") + field(e.context.to_bytes()) + field(None) + field("c") + field(None)
    assert event_hash(GENESIS, e) == sha256(GENESIS + constant + fixed + variable).digest()


def test_first_hash_of_version_1_never_changes() -> None:
    assert event_hash(GENESIS, EVENT).hex() == "892451bfbc2e2be1367abf523dd8c53361af5330d62f87e16004ba4d3722b47a"


def test_commit_hash_and_payload_digest_are_what_their_definitions_say() -> None:
    hashes = [bytes([n]) * 32 for n in range(3)]
    expected = sha256(b"KBC1" + GENESIS + struct.pack(">QQ", 4, 6) + b"".join(hashes)).digest()
    assert commit_hash(GENESIS, 4, 6, hashes) == expected
    assert payload_digest(b"s" * 16, b"payload") == sha256(b"s" * 16 + b"payload").digest()


OTHER = {
    "document": "d",
    "revision": 4,
    "id": bytes(16),
    "type": "edit.recordec",
    "content_type": "application/",
    "actor": "xann",
    "actor_kind": "agent",
    "session": None,
    "session_seq": None,
    "part": 0,
    "clients": (5,),
    "relayed_by": "",
    "context": None,
    "context_source": "none",
    "message_digest": b"",
    "recorded_at": 2001,
    "authored_at": 1001,
    "time_quality": "claimed",
    "correlation_id": None,
    "causation_id": "",
    "away_from": 0,
    "payload_digest": bytes([1]) * 32,
    "payload_len": 2,
    "disposition": "pending",
}


@pytest.mark.parametrize("name", OTHER)
def test_every_field_is_hashed(name: str) -> None:
    assert event_hash(GENESIS, replace(EVENT, **{name: OTHER[name]})) != event_hash(GENESIS, EVENT)  # type: ignore[arg-type]


def test_only_position_payload_and_the_hash_itself_stay_out() -> None:
    assert {f.name for f in fields(Event)} - set(OTHER) == {"position", "payload", "document_hash"}
    moved = replace(EVENT, position=10, payload=None, document_hash=b"")
    assert event_hash(GENESIS, moved) == event_hash(GENESIS, EVENT)
    assert event_hash(bytes([1]) * 32, EVENT) != event_hash(GENESIS, EVENT)


RANGES = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=2).map(
    lambda steps: tuple((20 * at + first, 20 * at + first + length) for at, (first, length) in enumerate(steps, 1))
)
SEEN = st.builds(Seen, st.integers(0, 1 << 40) | st.integers(0, 300), st.just(()) | RANGES, st.just(()) | RANGES)


@given(SEEN, SEEN, st.booleans())
def test_context_bytes_agree_with_the_slow_way(lower: Seen, upper: Seen, exact: bool) -> None:
    context = Context(lower, lower if exact else upper)
    assert context_bytes(context) == context.to_bytes()
    assert hashing.context_from_bytes(context_bytes(context)) == context


@given(st.lists(st.integers(0, (1 << 63) - 1), max_size=5).map(tuple))
def test_client_ids_survive_their_encoding(clients: tuple[int, ...]) -> None:
    assert decode_clients(encode_clients(clients)) == clients
    assert decode_clients(None) == ()
