"""WebSocket frames built by hand, once, and written to many transports.

Server frames are unmasked, so without compression the same bytes serve every receiver. One frame holds one message
(stock clients read one); one write may hold many frames.
"""

from __future__ import annotations

from keepboth.yjs.lib0 import write_var_uint


def binary_frame(message: bytes) -> bytes:
    """A final, unmasked binary frame (RFC 6455 §5.2) that holds *message*."""
    return _frame(0x82, message)


def text_frame(message: bytes) -> bytes:
    """The same as a text frame; *message* is UTF-8."""
    return _frame(0x81, message)


def _frame(first: int, message: bytes) -> bytes:
    size = len(message)
    if size < 126:
        return bytes((first, size)) + message
    if size < 65536:
        return bytes((first, 0x7E)) + size.to_bytes(2, "big") + message
    return bytes((first, 0x7F)) + size.to_bytes(8, "big") + message


def update_frame(update: bytes, suffix: bytes = b"") -> bytes:
    """The frame of a sync update message."""
    head = bytearray(b"\x00\x02")
    write_var_uint(head, len(update))
    return binary_frame(b"".join((head, update, suffix)))
