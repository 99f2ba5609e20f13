"""The messages of y-protocols."""

from __future__ import annotations

import pytest
from pycrdt import Awareness as PycrdtAwareness
from pycrdt import (
    Doc,
    Text,
    YMessageType,
    YSyncMessageType,
    create_awareness_message,
    create_sync_message,
    create_update_message,
)

from keepboth.errors import MalformedMessage
from keepboth.yjs.jsontext import parse_json
from keepboth.yjs.messages import (
    Auth,
    Awareness,
    AwarenessState,
    Message,
    Private,
    QueryAwareness,
    SyncStep1,
    SyncStep2,
    Unknown,
    UpdateMessage,
    decode_message,
    decode_state_vector,
    encode_awareness,
    encode_awareness_update,
    encode_permission_denied,
    encode_private,
    encode_query_awareness,
    encode_state_vector,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)

ALICE = AwarenessState(3_123_456_789, 4, '{"name":"Alice 😀"}')
GONE = AwarenessState(7, 200, "null")

# frame, message, encoded again
EXAMPLES: dict[str, tuple[str, Message, bytes]] = {
    "step 1": ("00 00 01 00", SyncStep1(b"\x00"), encode_sync_step1(b"\x00")),
    "step 2": ("00 01 02 00 00", SyncStep2(b"\x00\x00"), encode_sync_step2(b"\x00\x00")),
    "update": ("00 02 02 00 00", UpdateMessage(b"\x00\x00"), encode_update_message(b"\x00\x00")),
    "update with a suffix": (
        "00 02 02 00 00 2a 2b",
        UpdateMessage(b"\x00\x00", b"*+"),
        encode_update_message(b"\x00\x00", b"*+"),
    ),
    "long update": (
        "00 02 c8 01" + "61" * 200,
        UpdateMessage(b"a" * 200),
        encode_update_message(b"a" * 200),
    ),
    "awareness": (
        "01 09 01 07 c8 01 04 6e 75 6c 6c",
        Awareness((GONE,), b"\x01\x07\xc8\x01\x04null"),
        encode_awareness([GONE]),
    ),
    "no awareness": ("01 01 00", Awareness((), b"\x00"), encode_awareness(())),
    "query": ("03", QueryAwareness(), encode_query_awareness()),
    "denied": ("02 00 02 6e 6f", Auth(0, "no"), encode_permission_denied("no")),
    "private": ("78 01 02", Private(b"\x01\x02"), encode_private(b"\x01\x02")),
    "empty private": ("78", Private(b""), encode_private(b"")),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_message_is_decoded_and_encoded_as_on_the_wire(name: str) -> None:
    raw, message, encoded = EXAMPLES[name]
    assert decode_message(bytes.fromhex(raw)) == message
    assert encoded == bytes.fromhex(raw)


def test_messages_with_equal_fields_are_not_equal() -> None:
    assert SyncStep2(b"u") != UpdateMessage(b"u")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("00 00 01 00 ff", SyncStep1(b"\x00", b"\xff")),
        ("00 01 00 ff", SyncStep2(b"", b"\xff")),
        ("80 00 82 00 01 61", UpdateMessage(b"a")),
        ("03 01 02", QueryAwareness()),
        ("01 01 00 ff", Awareness((), b"\x00")),
        ("02 02", Auth(2, "")),
        ("c8 01 05", Unknown(200)),
    ],
)
def test_what_peers_tolerate_is_tolerated(raw: str, message: Message) -> None:
    assert decode_message(bytes.fromhex(raw)) == message


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "00",
        "00 02",
        "00 02 05 61",
        "00 03 00",
        "00 02 ff ff ff ff ff ff ff 0f 00",
        "01",
        "01 00",
        "01 04 01 07 01 00",
        "01 05 01 07 01 01 7b",
        "01 06 02 07 01 02 7b 7d",
        "01 08 ff ff ff ff ff ff ff 0f",
        "02",
        "02 00 05 61",
        "80",
    ],
)
def test_frames_that_are_no_message_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_message(bytes.fromhex(raw))


def test_awareness_round_trips_and_its_raw_update_can_be_sent_on() -> None:
    frame = encode_awareness([ALICE, GONE])
    message = decode_message(frame)
    assert isinstance(message, Awareness)
    assert message.states == (ALICE, GONE)
    assert encode_awareness_update(message.raw) == frame


def test_awareness_written_by_pycrdt_is_read() -> None:
    awareness = PycrdtAwareness(Doc(client_id=300))
    awareness.set_local_state({"user": "é😀"})
    message = decode_message(create_awareness_message(awareness.encode_awareness_update([300])))
    assert isinstance(message, Awareness)
    ((client, _, state),) = message.states
    assert (client, parse_json(state)) == (300, {"user": "é😀"})


def test_sync_messages_agree_with_pycrdt() -> None:
    doc: Doc = Doc(client_id=300)
    doc.get("t", type=Text).insert(0, "x" * 200)
    step_1 = create_sync_message(doc)
    assert encode_sync_step1(doc.get_state()) == step_1
    assert create_update_message(doc.get_update()) == encode_update_message(doc.get_update())
    assert (YMessageType.SYNC, YSyncMessageType.SYNC_UPDATE) == (0, 2)


def test_state_vectors_agree_with_pycrdt() -> None:
    doc: Doc = Doc()
    for client in (7, 300, 2**52 + 3):
        peer: Doc = Doc(client_id=client)
        peer.get("t", type=Text).insert(0, "x" * client if client < 1000 else "y")
        doc.apply_update(peer.get_update())
    expected = {7: 7, 300: 300, 2**52 + 3: 1}
    assert decode_state_vector(doc.get_state()) == expected
    assert doc.get_update(encode_state_vector(expected)) == b"\x00\x00"


def test_state_vectors_are_written_as_yjs_writes_them() -> None:
    assert encode_state_vector({7: 32, 300: 1}).hex() == "02ac02010720"
    assert encode_state_vector({}) == b"\x00"


@pytest.mark.parametrize("raw", ["", "01", "01 07", "00 00", "02 07 01 07 02", "ff ff ff ff ff ff ff 0f 07 01"])
def test_bytes_that_are_no_state_vector_are_refused(raw: str) -> None:
    with pytest.raises(MalformedMessage):
        decode_state_vector(bytes.fromhex(raw))
