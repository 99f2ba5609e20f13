"""A new document's text as a Yjs update that anybody can make again from the same id."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from keepboth.errors import InvalidRequest
from keepboth.events import EventId
from keepboth.yjs.structs import STRING, Struct, Update
from keepboth.yjs.update import encode_update


def content_client(event_id: EventId) -> int:
    """The Yjs client id (32 bits, never 0) that writes the content of the ``document.created`` event *event_id*."""
    return int.from_bytes(hashlib.sha256(b"keepboth content client\0" + event_id).digest()[:4], "big") or 1


def content_event_id(event_id: EventId) -> EventId:
    """The id (UUIDv8) of the edit that brings the content of *event_id*."""
    digest = bytearray(hashlib.sha256(b"keepboth content event\0" + event_id).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return bytes(digest)


def content_update(content: Mapping[str, str], event_id: EventId) -> bytes | None:
    """The update that inserts ``root name -> text``, by name; None if there is no text.

    The same bytes for the same arguments. Raises InvalidRequest for what is not Unicode text.
    """
    client = content_client(event_id)
    structs: list[Struct] = []
    clock = 0
    for root, text in sorted(content.items()):
        try:
            root.encode()
            length = len(text.encode("utf-16-le")) // 2
        except UnicodeEncodeError:
            raise InvalidRequest("content must be valid Unicode", field="content") from None
        if length:
            structs.append(Struct(client, clock, length, STRING, parent=root, content=text))
            clock += length
    return encode_update(Update({client: structs})) if structs else None
