"""The client's parts without a network."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keepboth.client.ledger as ledger_module
from keepboth.client.address import socket_address
from keepboth.client.conversation import Conversation, Introduction, error_of
from keepboth.client.ledger import Edit, Ledger
from keepboth.client.progress import Progress
from keepboth.client.replica import Replica
from keepboth.errors import ClientMustChange, Fenced, InvalidRequest, KeepBothError, MalformedMessage
from keepboth.events import Seen, compress_ranges
from keepboth.yjs.messages import (
    Private,
    SyncStep1,
    SyncStep2,
    UpdateMessage,
    decode_message,
    encode_private,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.private import (
    EDIT,
    HELLO,
    SEEN,
    WELCOME,
    EditReceipt,
    decode_edit,
    decode_json,
    decode_seen,
    encode_json,
    encode_receipts,
    encode_suffix,
    subtype_of,
)


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(0, 8), st.booleans()), max_size=40))
def test_progress_is_the_set_of_revisions_that_were_added(steps: list[tuple[int, int, bool]]) -> None:
    progress, known = Progress(), set[int]()
    for first, more, everything in steps:
        if everything:
            progress.reach(first)
            known.update(range(1, first + 1))
        else:
            progress.add(first, first + more)
            known.update(range(first, first + more + 1))
        base = next(n for n in range(len(known) + 1) if n + 1 not in known)
        beyond = compress_ranges(revision for revision in known if revision > base)
        assert progress.seen == Seen(base, beyond)
        assert [r for r in range(1, 80) if progress.knows(r)] == sorted(known)


@pytest.mark.parametrize(
    ("server", "document", "expected"),
    [
        ("http://h:1", "a b/c", "ws://h:1/ws/a%20b%2Fc"),
        ("https://h/base/?token=x", "ü", "wss://h/base/ws/%C3%BC?token=x"),
        ("ws://h:1/", "?#", "ws://h:1/ws/%3F%23"),
    ],
)
def test_socket_address(server: str, document: str, expected: str) -> None:
    assert socket_address(server, document) == expected


def test_a_full_ledger_joins_edits_that_were_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "MAX_WAITING", 3)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    ledger = Ledger()
    subscription = doc.observe(lambda event: ledger.write(event.update, Seen(1), 7) and None)
    for letter in "abcdef":
        text += letter
    doc.unobserve(subscription)
    assert list(ledger.waiting) == [1, 2, 3]
    other: pycrdt.Doc[Any] = pycrdt.Doc()
    for edit in ledger.waiting.values():
        other.apply_update(edit.update)
    assert str(other.get("text", type=pycrdt.Text)) == "abcdef"
    ledger.sent = 3
    assert ledger.write(b"x", Seen(1), 8).seq == 4, "bytes that may be in the log already do not change"


def test_receipts_settle_in_any_order() -> None:
    told: list[int] = []
    ledger = Ledger(lambda edit, receipt: told.append(edit.seq))
    for _ in range(4):
        ledger.write(b"x", Seen(), 0)
    ledger.settle([EditReceipt(2, "appended", 5, "ready"), EditReceipt(9, "duplicate", 0, "ready")])
    assert (ledger.first_waiting(), list(ledger.waiting)) == (1, [1, 3, 4])
    ledger.settle([EditReceipt(seq, "appended", 6, "ready") for seq in (1, 3, 4)])
    assert (ledger.first_waiting(), told) == (5, [2, 1, 3, 4])


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        (4409, "session-fenced: gone", Fenced),
        (4499, "", ClientMustChange),
        (4500, "replica-poisoned: folded again", KeepBothError),
        (1011, "", KeepBothError),
    ],
)
def test_closing_codes_become_errors(code: int, reason: str, kind: type[KeepBothError]) -> None:
    assert type(error_of(None, code, reason)) is kind


class Stage:
    """A conversation whose server is the test."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.talk = Conversation(replica, Introduction("a-session", None, None))
        self.said: list[Any] = []

    def hears(self, frame: bytes) -> None:
        self.talk.receive(frame)

    def speaks(self) -> list[Any]:
        """Everything it has to say now, in short."""
        out: list[Any] = []
        while frames := self.talk.outgoing():
            out.extend(_short(frame) for frame in frames)
        return out

    def welcome(self, *, seq: int = 0, resumed: bool = True) -> None:
        body = {"store": "s", "seq": seq, "resumed": resumed, "max_frame_bytes": 10_000}
        self.hears(encode_private(encode_json(WELCOME, body)))


def _short(frame: bytes) -> Any:
    message = decode_message(frame)
    if isinstance(message, Private):
        subtype, at = subtype_of(message.body)
        if subtype == HELLO:
            hello = decode_json(message.body, at)
            return ("hello", hello["seen"], hello["hash"], hello["seq"])
        if subtype == SEEN:
            return ("seen", decode_seen(message.body, at).base)
        assert subtype == EDIT
        return ("edit", decode_edit(message.body, at)[0])
    if isinstance(message, UpdateMessage):
        return ("update", message.update)
    return {SyncStep1: "step 1", SyncStep2: "step 2"}[type(message)]


def test_edits_without_a_receipt_leave_before_the_state_does() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    replica = Replica(doc, "merged", lambda: None)
    first = Stage(replica)
    assert first.speaks() == [("hello", 0, "", 0)]
    first.hears(encode_sync_step1(b"\x00"))
    assert first.speaks() == [], "nothing before the welcome"
    first.welcome()
    assert first.speaks() == ["step 2", "step 1"]
    first.hears(encode_sync_step2(b"\x00\x00") + encode_suffix(4, b"12345678"))
    text += "a"
    a = replica.ledger.waiting[1].update
    assert first.speaks() == [("seen", 4), ("update", a)], "numbered on from hello, so no number is needed"
    first.hears(encode_update_message(a, encode_suffix(5, b"abcdefgh")))
    text += "b"
    b = replica.ledger.waiting[2].update

    second = Stage(replica)
    assert second.speaks() == [("hello", 5, b"abcdefgh".hex(), 2)]
    text += "c"
    c = replica.ledger.waiting[3].update
    second.hears(encode_sync_step1(b"\x00"))
    second.welcome(seq=1)
    assert second.speaks() == [
        *[("edit", 1), ("seen", 4), ("update", a)],
        *[("edit", 2), ("seen", 5), ("update", b)],
        ("update", c),
        *["step 2", "step 1"],
    ]
    second.hears(encode_private(encode_receipts([EditReceipt(n, "appended", 4 + n, "ready") for n in (1, 2, 3)])))
    assert replica.ledger.waiting == {}


def test_a_log_that_differs_is_told_everything_again() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    replica = Replica(doc, "events", lambda: None)
    replica.progress = Progress(7, [(9, 9)])
    replica.proof = (7, b"12345678")
    doc.get("text", type=pycrdt.Text).insert(0, "a")
    stage = Stage(replica)
    assert stage.speaks() == [("hello", 7, b"12345678".hex(), 1)]
    stage.hears(encode_sync_step1(b"\x00"))
    stage.welcome(resumed=False)
    assert replica.progress.seen == Seen()
    assert stage.speaks()[:2] == [("edit", 1), ("seen", 7)], "the server corrects it: 7 was never sent by this log"
    assert replica.ledger.waiting[1] == Edit(1, replica.ledger.waiting[1].update, Seen(7), _any_time(replica))


def _any_time(replica: Replica) -> int:
    return replica.ledger.waiting[1].authored_at


def test_an_update_without_its_revision_is_no_message_of_ours() -> None:
    stage = Stage(Replica(pycrdt.Doc(), "merged", lambda: None))
    with pytest.raises(MalformedMessage):
        stage.hears(encode_update_message(b"\x00\x00"))


def test_client_ids_above_53_bits_are_refused() -> None:
    class Huge(pycrdt.Doc[Any]):
        client_id = 1 << 53  # type: ignore[assignment]

    with pytest.raises(InvalidRequest):
        Replica(Huge(), "merged", lambda: None)
