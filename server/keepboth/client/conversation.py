"""What is said on one connection, without the connection: frames in, frames out.

The order is the contract of ``docs/protocol.md``: hello; after the welcome every edit without a receipt, oldest first,
each behind its number and the context it was made in; only then the answer to the server's step 1, so that nothing of
ours arrives as a state without numbers; then our own step 1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from keepboth.client.ledger import Edit
from keepboth.client.replica import Replica, now_us
from keepboth.errors import ClientMustChange, IdentityClash, KeepBothError, MalformedMessage, OverLimit
from keepboth.events import Seen
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
    CONFLICTS,
    ERROR,
    HELLO,
    RECEIPTS,
    VERSION,
    WELCOME,
    decode_json,
    decode_receipts,
    decode_suffix,
    encode_edit,
    encode_json,
    encode_seen,
    subtype_of,
)

STALE_US: Final = 500_000
"""An edit that leaves this long after it was written carries its time along; a fresher one is "now"."""

BATCH_EDITS: Final = 64


class Introduction(NamedTuple):
    """Who a client says it is."""

    session: str
    name: str | None
    color: str | None


class Conversation:
    """One connection's worth of protocol over *replica*. ``on_conflicts`` gets what the server reports."""

    def __init__(
        self, replica: Replica, who: Introduction, on_conflicts: Callable[[dict[str, Any]], None] = lambda news: None
    ) -> None:
        self.replica = replica
        self.who = who
        self.welcome: dict[str, Any] | None = None
        self.synced = False
        self.error: dict[str, Any] | None = None
        self.failure: BaseException | None = None
        self._on_conflicts = on_conflicts
        self._greeted = False
        self._asked = False
        self._owed: bytes | None = None
        self._cursor = 0
        self._expected = 0
        self._declared = Seen()
        self._hello_seq = 0
        self._max_frame_bytes = 0

    # -- out ----------------------------------------------------------------------------------------------------------

    def outgoing(self) -> list[bytes]:
        """The next frames to send, in order; empty when there is nothing to say now. Raises Busy, OverLimit."""
        if not self._greeted:
            self._greeted = True
            return [self._hello()]
        if self.welcome is None:
            return []
        frames: list[bytes] = []
        replica, ledger = self.replica, self.replica.ledger
        while self._cursor <= ledger.last_seq and len(frames) < BATCH_EDITS:
            edit = ledger.waiting.get(self._cursor)
            self._cursor += 1
            if edit is not None:
                ledger.sent = max(ledger.sent, edit.seq)
                self._add_edit(frames, edit)
        if frames:
            return frames
        if self._owed is not None:
            replica.check_free()
            owed, self._owed = self._owed, None
            return [self._within_limit(encode_sync_step2(replica.doc.get_update(owed)))]
        if not self._asked:
            replica.check_free()
            self._asked = True
            return [encode_sync_step1(replica.doc.get_state())]
        return []

    def _hello(self) -> bytes:
        replica = self.replica
        revision, digest = replica.proof
        self._hello_seq = replica.ledger.last_seq
        hello: dict[str, Any] = {
            "v": VERSION,
            "session": self.who.session,
            "client": replica.doc.client_id,
            "store": replica.store,
            "seen": revision,
            "hash": digest.hex(),
            "seq": self._hello_seq,
            "clock": now_us(),
            "frames": replica.frames,
            "name": self.who.name,
            "color": self.who.color,
        }
        return encode_private(encode_json(HELLO, hello))

    def _add_edit(self, frames: list[bytes], edit: Edit) -> None:
        late = edit.seq <= self._hello_seq or now_us() - edit.authored_at > STALE_US
        if late or edit.seq != self._expected:
            frames.append(encode_private(encode_edit(edit.seq, edit.authored_at if late else 0)))
        self._expected = edit.seq + 1
        if edit.seen != self._declared:
            self._declared = edit.seen
            frames.append(encode_private(encode_seen(edit.seen)))
        frames.append(self._within_limit(encode_update_message(edit.update)))

    def _within_limit(self, frame: bytes) -> bytes:
        if len(frame) > self._max_frame_bytes:
            raise OverLimit(f"a message of {len(frame)} bytes, the server accepts {self._max_frame_bytes}")
        return frame

    # -- in -----------------------------------------------------------------------------------------------------------

    def receive(self, frame: bytes) -> bool:
        """Take one frame in; return True if there may be something to send now.

        Raises Busy (then nothing has happened: give it again later), MalformedMessage, IdentityClash.
        """
        message = decode_message(frame)
        if isinstance(message, UpdateMessage):
            self._take_update(message.update, message.suffix, whole=False)
            return False
        if isinstance(message, Private):
            return self._receive_private(message.body)
        if isinstance(message, SyncStep2):
            self._take_update(message.update, message.suffix, whole=True)
            self.synced = self.synced or self._asked
            return False
        if isinstance(message, SyncStep1):
            self._owed = message.state_vector
            return True
        return False

    def _take_update(self, update: bytes, suffix: bytes, *, whole: bool) -> None:
        if not suffix:
            raise MalformedMessage("an update without the revision that it reaches")
        revision, digest = decode_suffix(suffix)
        self.replica.receive(update, revision, digest, whole=whole)

    def _receive_private(self, body: bytes) -> bool:
        subtype, at = subtype_of(body)
        if subtype == RECEIPTS:
            self.replica.settle(decode_receipts(body, at))
        elif subtype == WELCOME:
            self._take_welcome(decode_json(body, at))
            return True
        elif subtype == CONFLICTS:
            self._on_conflicts(decode_json(body, at))
        elif subtype == ERROR:
            self.error = decode_json(body, at)
        return False

    def _take_welcome(self, welcome: dict[str, Any]) -> None:
        replica = self.replica
        try:
            store, recorded, resumed = str(welcome["store"]), int(welcome["seq"]), bool(welcome["resumed"])
            self._max_frame_bytes = int(welcome["max_frame_bytes"])
        except (KeyError, TypeError, ValueError):
            raise MalformedMessage("a welcome without store, seq, resumed or max_frame_bytes") from None
        sent = replica.ledger.sent
        if recorded > sent:
            raise IdentityClash(
                f"this session has written {recorded} edits, and this document knows of {sent}: it was saved before the"
                " last ones, and would write other content under their ids; open the document with a new session",
                recorded=recorded,
                known=sent,
            )
        if not resumed:
            replica.log_lost()
        replica.store = store
        self.welcome = welcome
        self._declared = Seen(replica.proof[0])
        self._expected = self._hello_seq + 1
        self._cursor = replica.ledger.first_waiting()


def error_of(problem: dict[str, Any] | None, code: int, reason: str) -> KeepBothError:
    """The error that a closed connection stands for, told from the server's words, else from the close code."""
    stable, _, detail = reason.partition(": ")
    if problem is not None:
        stable, detail = str(problem.get("code", stable)), str(problem.get("detail", detail))
    kind = _BY_CODE.get(stable)
    if kind is not None:
        return kind(detail or stable)
    words = f"the connection was closed with {code}" + (f": {reason}" if reason else "")
    return ClientMustChange(words) if 4400 <= code < 4500 else KeepBothError(words)


def _by_code(kind: type[KeepBothError]) -> dict[str, type[KeepBothError]]:
    found = {kind.code: kind}
    for sub in kind.__subclasses__():
        found |= _by_code(sub)
    return found


_BY_CODE: Final = {code: kind for code, kind in _by_code(KeepBothError).items() if kind.__module__ == "keepboth.errors"}
