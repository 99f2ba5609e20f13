"""The update codec: ``python -m benchmarks.codec``. Microseconds a keystroke, megabytes a second."""

from __future__ import annotations

import timeit
from typing import Any

import pycrdt

from benchmarks.machine import report
from keepboth.yjs.messages import decode_message, encode_update_message
from keepboth.yjs.update import decode_update, encode_update


def microseconds(call: Any, number: int = 20_000) -> float:
    """The best of five, per call."""
    return round(min(timeit.repeat(call, number=number, repeat=5)) / number * 1e6, 2)


def main() -> None:
    """Measure and print."""
    updates: list[bytes] = []
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=3_123_456_789)
    text = doc.get("text", type=pycrdt.Text)
    doc.observe(lambda event: updates.append(event.update))
    text += "x"
    text += "y"
    text.insert(1, "z")
    keystroke, middle = updates[1], updates[2]
    large: pycrdt.Doc[Any] = pycrdt.Doc()
    body = large.get("text", type=pycrdt.Text)
    for index in range(20_000):
        body.insert((index * 7919) % (index + 1), "a")
    state = large.get_update()
    decoded, decoded_state = decode_update(middle), decode_update(state)
    frame = encode_update_message(middle)
    decode_s = min(timeit.repeat(lambda: decode_update(state), number=1, repeat=5))
    encode_s = min(timeit.repeat(lambda: encode_update(decoded_state), number=1, repeat=5))
    report(
        "codec",
        {
            "decode_keystroke_us": microseconds(lambda: decode_update(keystroke)),
            "decode_keystroke_between_others_us": microseconds(lambda: decode_update(middle)),
            "encode_keystroke_us": microseconds(lambda: encode_update(decoded)),
            "decode_frame_us": microseconds(lambda: decode_message(frame)),
            "pycrdt_get_state_us": microseconds(lambda: pycrdt.get_state(middle)),
            "decode_20000_single_inserts_mb_s": round(len(state) / decode_s / 1e6, 1),
            "encode_20000_single_inserts_mb_s": round(len(state) / encode_s / 1e6, 1),
        },
    )


if __name__ == "__main__":
    main()
