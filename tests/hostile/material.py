"""Valid messages of every kind, and ways to damage them. Everything follows from a seed."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from unittest.mock import patch

from keepboth.events import Seen
from keepboth.yjs.messages import (
    AwarenessState,
    encode_awareness,
    encode_private,
    encode_query_awareness,
    encode_state_vector,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from keepboth.yjs.private import EDIT, HELLO, SEEN, STRETCHES, encode_edit, encode_json, encode_seen
from tests.yjs import documents

HUGE = b"\xff\xff\xff\xff\xff\xff\xff\x0f"
"""2**53 - 1 as a varUint."""

WORDS = ("cat", "é", "naïve ", "日本", "x", " ", "lorem ipsum dolor")
"""No surrogate pairs: what happens to halves of them is tested elsewhere."""


def edits(seed: int) -> list[bytes]:
    """Updates of three random authors."""
    with patch.object(documents, "WORDS", WORDS):
        return documents.session(seed, rounds=10)[1]


class Messages:
    """A source of valid messages; *people* are Yjs client ids of others in the room."""

    def __init__(self, rng: Random, people: tuple[int, ...]) -> None:
        self.rng = rng
        self.people = people
        self.updates = edits(rng.randrange(10_000))
        self.kinds: tuple[Callable[[], bytes], ...] = (
            self.update,
            self.update,
            self.update,
            self.step2,
            self.step1,
            self.awareness,
            self.private,
        )

    def any(self) -> bytes:
        return self.rng.choice(self.kinds)()

    def update(self) -> bytes:
        return encode_update_message(self.rng.choice(self.updates))

    def step2(self) -> bytes:
        return encode_sync_step2(self.rng.choice(self.updates))

    def step1(self) -> bytes:
        vector = {
            self.rng.choice((7, 300, *self.people)): self.rng.randrange(500) for _ in range(self.rng.randrange(4))
        }
        return encode_sync_step1(encode_state_vector(vector))

    def awareness(self) -> bytes:
        states = []
        for _ in range(self.rng.choice((0, 1, 1, 1, 3, 40))):
            client = self.rng.choice((*self.people, self.rng.randrange(2**32)))
            state = self.rng.choice(('{"user":{"name":"M","color":"#123"}}', "null", '{"cursor":[1,2]}', "{}", "[1]"))
            states.append(AwarenessState(client, self.rng.randrange(100), state))
        return encode_awareness(states)

    def private(self) -> bytes:
        rng = self.rng
        match rng.randrange(5):
            case 0:
                return encode_private(bytes((HELLO,)) + json.dumps(self.hello()).encode())
            case 1:
                first = rng.randint(1, 50)
                return encode_private(encode_seen(Seen(rng.randrange(1000), ((first, first + rng.randrange(9)),), ())))
            case 2:
                return encode_private(encode_edit(rng.choice((1, 2, rng.randint(1, 2**40))), rng.randrange(2**51)))
            case 3:
                entry = {
                    "clocks": [rng.randrange(9), rng.randrange(9)],
                    "deletes": [[7, 0, 3]],
                    "seen": rng.randrange(9),
                }
                return encode_private(encode_json(STRETCHES, {"stretches": [entry] * rng.randrange(4)}))
            case _:
                return encode_private(bytes((rng.randrange(128),)) + rng.randbytes(rng.randrange(20)))

    def hello(self) -> dict[str, object]:
        rng = self.rng
        body: dict[str, object] = {
            "v": rng.choice((1, 1, 1, 2)),
            "session": f"hostile-{rng.randrange(1000)}",
            "client": rng.choice((7, 300, 2**52)),
        }
        for name, value in (
            ("seen", rng.randrange(100)),
            ("hash", "ab" * rng.randrange(9)),
            ("store", "another"),
            ("seq", rng.choice((0, 3, 2**52 - 1, 2**53 - 1, 2**53, -1, 1.5))),
            ("clock", rng.choice((0, 1, 2**53 - 1, 10**15))),
            ("frames", rng.choice(("merged", "events", "x"))),
            ("name", rng.choice(("Mallory", "\ud800", "", "x" * 200))),
            ("color", rng.choice(("#123456", None, 7))),
        ):
            if rng.random() < 0.4:
                body[name] = value
        if rng.random() < 0.1:
            body = json.loads(json.dumps(body)[:-1] + ',"deep":' + "[" * 500 + "]" * 500 + "}")
        return body


def damage(rng: Random, data: bytes, other: bytes) -> bytes:
    """*data*, spoiled once."""
    at = rng.randrange(len(data))
    match rng.randrange(8):
        case 0:
            return data[:at]
        case 1:
            return data[:at] + bytes((data[at] ^ 1 << rng.randrange(8),)) + data[at + 1 :]
        case 2:
            return data[:at] + rng.randbytes(rng.randint(1, 4)) + data[at + 1 :]
        case 3:
            return data[:at] + other[rng.randrange(len(other)) :]
        case 4:
            return data[:at] + data[rng.randint(at, len(data)) :]
        case 5:
            return data[:at] + rng.choice((HUGE, b"\x80" * 9, b"\x7f", b"\x00")) + data[at + rng.randrange(2) :]
        case 6:
            return data[: rng.randint(1, 2)] + HUGE + data[2:]
        case _:
            return data + rng.randbytes(rng.randint(1, 30))


def damaged_update(rng: Random, update: bytes, other: bytes) -> bytes:
    """A whole message around an update that has been spoiled inside."""
    inner = damage(rng, update, other)
    if rng.random() < 0.3 and inner:
        inner = damage(rng, inner, other)
    return rng.choice((encode_update_message, encode_update_message, encode_sync_step2))(inner)


def frame(rng: Random, messages: Messages) -> bytes | str | list[bytes]:
    """One damaged WebSocket message: bytes, now and then a text, or bytes in fragments."""
    kind = rng.random()
    if kind < 0.45:
        return damaged_update(rng, rng.choice(messages.updates), rng.choice(messages.updates))
    data = damage(rng, messages.any(), messages.any())
    if kind < 0.85:
        return data
    if kind < 0.88:
        return data.decode("latin-1")
    if kind < 0.94:
        cuts = sorted(rng.randint(0, len(data)) for _ in range(rng.randint(1, 5)))
        return [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    return bomb(rng, messages.people)


def bomb(rng: Random, people: tuple[int, ...]) -> bytes:
    """Small on the wire, huge if believed; or deep."""
    deep = rng.choice((50, 90, 101, 1000, 5000))
    match rng.randrange(8):
        case 0:
            return bytes((rng.randrange(4), rng.randrange(3))) + HUGE + b"\x00" * rng.randrange(20)
        case 1:
            return encode_update_message(b"\x01" + HUGE + b"\x07\x00" + b"\x04\x01\x01t\x01a" * rng.randrange(5))
        case 2:
            return encode_update_message(b"\x01\x01\x07\x00\x08\x01\x01t\x01" + b"\x75\x01" * deep + b"\x7e\x00")
        case 3:
            text = "[" * deep + "]" * deep
            return encode_awareness([AwarenessState(rng.randrange(2**53), 1, text)])
        case 4:
            return encode_awareness([AwarenessState(client, 1, "null") for client in (*people, *range(2000))])
        case 5:
            return encode_awareness([AwarenessState(rng.randrange(2**53), 2**53 - 1, "{}") for _ in range(300)])
        case 6:
            return encode_private(bytes((SEEN,)) + b"\x00" + HUGE)
        case _:
            return encode_private(bytes((EDIT,)) + HUGE + HUGE)


def question(client: int, number: int) -> tuple[bytes, bytes]:
    """Two messages; once any awareness message tells *number* of *client*, all that was sent before has been handled.

    Two states in one message: from a single one the server would learn whose session this is.
    """
    states = [AwarenessState(client, number, "{}"), AwarenessState(client + 1, number, "{}")]
    return encode_awareness(states), encode_query_awareness()
