"""A client as bytes: its document, its session and the edits that still need a receipt."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from keepboth.client.ledger import Edit
from keepboth.errors import InvalidRequest, MalformedMessage
from keepboth.yjs.lib0 import read_buf, read_var_string, read_var_uint, write_buf, write_var_string, write_var_uint
from keepboth.yjs.private import decode_seen, encode_seen

MAGIC: Final = b"KeepBoth client 1\n"


class Saved(NamedTuple):
    """``about`` is JSON: address, names, session, progress. ``state`` is a Yjs update that makes the document."""

    about: dict[str, Any]
    state: bytes
    waiting: list[Edit]


def to_bytes(saved: Saved) -> bytes:
    """Encode: a line that names the format, the JSON, the document, then every edit."""
    out = bytearray(MAGIC)
    write_var_string(out, json.dumps(saved.about, separators=(",", ":")))
    write_buf(out, saved.state)
    write_var_uint(out, len(saved.waiting))
    for edit in saved.waiting:
        write_var_uint(out, edit.seq)
        write_var_uint(out, edit.authored_at)
        write_buf(out, encode_seen(edit.seen))
        write_buf(out, edit.update)
    return bytes(out)


def from_bytes(data: bytes) -> Saved:
    """Decode what :func:`to_bytes` wrote. Raises InvalidRequest."""
    if not data.startswith(MAGIC):
        raise InvalidRequest("these bytes are no saved client of this version")
    try:
        text, at = read_var_string(data, len(MAGIC))
        about = json.loads(text)
        state, at = read_buf(data, at)
        count, at = read_var_uint(data, at)
        waiting: list[Edit] = []
        for _ in range(count):
            seq, at = read_var_uint(data, at)
            authored_at, at = read_var_uint(data, at)
            seen, at = read_buf(data, at)
            update, at = read_buf(data, at)
            waiting.append(Edit(seq, update, decode_seen(seen, 1), authored_at))
    except (MalformedMessage, ValueError):
        raise InvalidRequest("a saved client is damaged") from None
    if at != len(data) or not isinstance(about, dict):
        raise InvalidRequest("a saved client is damaged")
    return Saved(about, state, waiting)
