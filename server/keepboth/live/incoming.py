"""What a socket brings, cut into frames. Nearly all of them are whole binary messages: those are unmasked here, which
costs a third of what the library's parser takes. Every other frame is left to the library, whole and in order, so that
control frames, fragments, limits and closing stay its own.
"""

from __future__ import annotations

try:
    from websockets.speedups import apply_mask
except ImportError:  # where websockets came without its C part
    from websockets.utils import apply_mask

_BINARY = 0x82
"""FIN and the opcode for binary data, no extension (RFC 6455 §5.2)."""


class Incoming:
    """The frames of one connection that has no extension, from the boundary of a frame on.

    ``max_size`` is the longest message in bytes; what announces more is the library's to refuse.
    """

    __slots__ = ("_kept", "_max_size", "_need", "_parts", "_refused")

    def __init__(self, max_size: int) -> None:
        self._max_size = max_size
        self._kept = bytearray()
        self._need = 0
        self._parts = False
        self._refused = False

    def take(self, data: bytes) -> list[tuple[bool, bytes]]:
        """Take what has been received. Returns, in order, ``(True, message)`` for each message that has come whole, and
        ``(False, bytes)`` for each piece that the library must be given. The start of a frame is kept for later."""
        if self._kept:
            self._kept += data
            if len(self._kept) < self._need:
                return []
            data = bytes(self._kept)
            self._kept.clear()
        found: list[tuple[bool, bytes]] = []
        pos, size = 0, len(data)
        while pos < size:
            if self._refused:
                found.append((False, data[pos:]))
                return found
            body = pos + 6
            if body > size:
                self._keep(data, pos, body)
                return found
            length = data[pos + 1] & 0x7F
            if length > 125:
                body += 2 if length == 126 else 8
                if body > size:
                    self._keep(data, pos, body)
                    return found
                length = int.from_bytes(data[pos + 2 : body - 4], "big")
            end = body + length
            masked = data[pos + 1] > 127
            if not masked or length > self._max_size:
                self._refused = True
                continue
            if end > size:
                self._keep(data, pos, end)
                return found
            first = data[pos]
            if first == _BINARY and not self._parts:
                found.append((True, apply_mask(data[body:end], data[body - 4 : body])))
            else:
                found.append((False, data[pos:end]))
                if first & 0x0F < 3:
                    self._parts = first < 128
            pos = end
        return found

    def _keep(self, data: bytes, pos: int, need: int) -> None:
        self._kept += data[pos:]
        self._need = need - pos
