"""The messages of y-protocols, and our private one: bytes to values and back.

============  =====================================================================
sync          ``0 0 buf(state vector)``, ``0 1 buf(update)``, ``0 2 buf(update)``
awareness     ``1 buf(n, n * (client, clock, varString(JSON or "null")))``
auth          ``2 0 varString(reason)``: permission denied
query         ``3``: tell me all awareness states you know
private       ``120`` and a body; only to and from a client that has said hello with it
============  =====================================================================

One frame holds one message, and peers ignore what trails it; for sync messages it is kept, as ``suffix``. What is
inside a buffer (an update, a state vector) is not looked at here. Source: y-protocols 1.0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from keepboth.errors import MalformedMessage
from keepboth.yjs.jsontext import check_json
from keepboth.yjs.lib0 import (
    read_buf,
    read_var_string,
    read_var_uint,
    truncated,
    write_buf,
    write_var_string,
    write_var_uint,
)

SYNC: Final = 0
AWARENESS: Final = 1
AUTH: Final = 2
QUERY_AWARENESS: Final = 3
PRIVATE: Final = 120

STEP_1: Final = 0
STEP_2: Final = 1
UPDATE: Final = 2

PERMISSION_DENIED: Final = 0


@dataclass(slots=True)
class SyncStep1:
    """What the sender has; it asks for the rest. The state vector is not decoded: see `decode_state_vector`."""

    state_vector: bytes
    suffix: bytes = b""


@dataclass(slots=True)
class SyncStep2:
    """The answer to a `SyncStep1`: what its sender lacked."""

    update: bytes
    suffix: bytes = b""


@dataclass(slots=True)
class UpdateMessage:
    """An edit, as it happens."""

    update: bytes
    suffix: bytes = b""


class AwarenessState(NamedTuple):
    """One client's presence as JSON text; ``null`` means it has left. The higher *clock* wins."""

    client: int
    clock: int
    state_json: str


@dataclass(slots=True)
class Awareness:
    """Presence of some clients; *raw* is the buffer's content, the awareness update as it came."""

    states: tuple[AwarenessState, ...]
    raw: bytes


@dataclass(slots=True)
class QueryAwareness:
    """A question for every awareness state the other side knows."""


@dataclass(slots=True)
class Auth:
    """*kind* 0 is permission denied and *text* its reason; other kinds are not in y-protocols."""

    kind: int
    text: str


@dataclass(slots=True)
class Private:
    """A message of our own protocol; *body* is everything behind the type."""

    body: bytes


@dataclass(slots=True)
class Unknown:
    """A type that nobody here knows; peers log and skip it."""

    type: int


Message = SyncStep1 | SyncStep2 | UpdateMessage | Awareness | QueryAwareness | Auth | Private | Unknown


def decode_message(data: bytes) -> Message:
    """Return the message that the frame *data* holds.

    Raises: MalformedMessage.
    """
    if data[:2] == b"\x00\x02":
        update, end = read_buf(data, 2)
        return UpdateMessage(update, data[end:])
    kind, pos = read_var_uint(data, 0)
    if kind == SYNC:
        return _decode_sync(data, pos)
    if kind == AWARENESS:
        raw, _ = read_buf(data, pos)
        return Awareness(decode_awareness(raw), raw)
    if kind == QUERY_AWARENESS:
        return QueryAwareness()
    if kind == AUTH:
        permission, pos = read_var_uint(data, pos)
        return Auth(permission, read_var_string(data, pos)[0] if pos < len(data) else "")
    if kind == PRIVATE:
        return Private(data[pos:])
    return Unknown(kind)


def update_in(data: bytes) -> bytes:
    """Return the update that an update message brings.

    Raises: MalformedMessage.
    """
    return read_buf(data, 2)[0]


def _decode_sync(data: bytes, pos: int) -> SyncStep1 | SyncStep2 | UpdateMessage:
    step, pos = read_var_uint(data, pos)
    if step > UPDATE:
        raise MalformedMessage(f"{step} is not a sync message", position=pos)
    body, end = read_buf(data, pos)
    suffix = data[end:]
    if step == STEP_1:
        return SyncStep1(body, suffix)
    return SyncStep2(body, suffix) if step == STEP_2 else UpdateMessage(body, suffix)


def decode_awareness(raw: bytes) -> tuple[AwarenessState, ...]:
    """Return the states of an awareness update, in the order they came, each one JSON that a browser parses.

    Raises: MalformedMessage.
    """
    count, pos = read_var_uint(raw, 0)
    states: list[AwarenessState] = []
    for _ in range(count):
        client, pos = read_var_uint(raw, pos)
        clock, pos = read_var_uint(raw, pos)
        state, pos = read_var_string(raw, pos)
        check_json(state)
        states.append(AwarenessState(client, clock, state))
    return tuple(states)


def awareness_clocks(data: bytes) -> list[tuple[int, int, bool]]:
    """Return ``(client, clock, gone)`` of every state that the awareness frame *data* names, without looking at what
    the states say: a tenth of the time that `decode_message` takes.

    Raises: MalformedMessage.
    """
    _, pos = read_var_uint(data, 1)
    count, pos = read_var_uint(data, pos)
    named: list[tuple[int, int, bool]] = []
    for _ in range(count):
        client, pos = read_var_uint(data, pos)
        clock, pos = read_var_uint(data, pos)
        size, pos = read_var_uint(data, pos)
        named.append((client, clock, data[pos : pos + size] == b"null"))
        pos += size
        if pos > len(data):
            raise truncated(pos)
    return named


def encode_sync_step1(state_vector: bytes) -> bytes:
    """Return the frame that asks for what is not in the encoded *state_vector*."""
    return _sync(STEP_1, state_vector)


def encode_sync_step2(update: bytes) -> bytes:
    """Return the frame that answers a step 1 with *update*."""
    return _sync(STEP_2, update)


def encode_update_message(update: bytes, suffix: bytes = b"") -> bytes:
    """Return the frame that brings *update*, with *suffix* behind it where peers do not look."""
    return _sync(UPDATE, update) + suffix


def _sync(step: int, body: bytes) -> bytes:
    out = bytearray((SYNC, step))
    write_buf(out, body)
    return bytes(out)


def encode_awareness(states: Iterable[AwarenessState]) -> bytes:
    """Return the frame that tells *states*."""
    return encode_awareness_update(encode_awareness_states(states))


def encode_awareness_states(states: Iterable[AwarenessState]) -> bytes:
    """Return *states* as an awareness update: what is inside an awareness frame's buffer."""
    listed = list(states)
    raw = bytearray()
    write_var_uint(raw, len(listed))
    for client, clock, state in listed:
        write_var_uint(raw, client)
        write_var_uint(raw, clock)
        write_var_string(raw, state)
    return bytes(raw)


def encode_awareness_update(raw: bytes) -> bytes:
    """Return the frame around an awareness update, such as `Awareness.raw`."""
    out = bytearray((AWARENESS,))
    write_buf(out, raw)
    return bytes(out)


def encode_query_awareness() -> bytes:
    """Return the frame that asks for all awareness states."""
    return bytes((QUERY_AWARENESS,))


def encode_permission_denied(reason: str) -> bytes:
    """Return the frame that denies access, for *reason*."""
    out = bytearray((AUTH, PERMISSION_DENIED))
    write_var_string(out, reason)
    return bytes(out)


def encode_private(body: bytes) -> bytes:
    """Return the frame of our own protocol around *body*."""
    return bytes((PRIVATE,)) + body


def decode_state_vector(data: bytes) -> dict[int, int]:
    """Return ``{client: number of clocks}``: what a peer has, from each client's first clock on without a gap.

    Raises: MalformedMessage, also for a client listed twice and for trailing bytes.
    """
    count, pos = read_var_uint(data, 0)
    vector: dict[int, int] = {}
    for _ in range(count):
        client, pos = read_var_uint(data, pos)
        if client in vector:
            raise MalformedMessage("a state vector lists a client twice", client=client)
        vector[client], pos = read_var_uint(data, pos)
    if pos != len(data):
        raise MalformedMessage("bytes follow the end of the state vector", position=pos)
    return vector


def encode_state_vector(vector: Mapping[int, int]) -> bytes:
    """Return the state vector as bytes, highest client first as in Yjs."""
    out = bytearray()
    write_var_uint(out, len(vector))
    for client in sorted(vector, reverse=True):
        write_var_uint(out, client)
        write_var_uint(out, vector[client])
    return bytes(out)
