"""Feeds over WebSocket: the CloudEvents subprotocol ``cloudevents.json``, one event a text frame.

Nothing is taken from the reader: what it wants is in the address. Pages are written whole and the next is read when the
socket has taken the last, so a slow reader makes the server hold one page and no more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final
from urllib.parse import parse_qs

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import OPEN
from websockets.typing import Subprotocol

from keepboth.errors import InvalidRequest
from keepboth.events import check_document_name
from keepboth.feeds.following import Batch, Feeds
from keepboth.live.frames import text_frame
from keepboth.store.choice import Choice, choice_of

PATH: Final = "/feed"
SUBPROTOCOL: Final = Subprotocol("cloudevents.json")
WRITE_LIMIT: Final = 64 * 1024
_MAX_INT: Final = (1 << 63) - 1


def read_address(query: str, offered: Sequence[str]) -> tuple[Choice, int]:
    """What the address of a feed socket asks for: which events, behind which position. Raises InvalidRequest."""
    if SUBPROTOCOL not in offered:
        raise InvalidRequest(f"a feed speaks the subprotocol {SUBPROTOCOL}, which was not offered")
    try:
        values = parse_qs(query, keep_blank_values=True, errors="strict")
    except ValueError:
        raise InvalidRequest("the query is not percent-encoded UTF-8") from None
    document = values["document"][0] if "document" in values else None
    after = values.get("after", ["0"])[0]
    if not (after.isascii() and after.isdecimal() and len(after) <= 19 and int(after) <= _MAX_INT):
        raise InvalidRequest("`after` is a position of the log", field="after")
    name = None if document is None else check_document_name(document)
    return choice_of(name, values.get("types", []), values.get("actors", [])), int(after)


async def send_feed(connection: ServerConnection, feeds: Feeds, choice: Choice, after: int) -> None:
    """Send until the reader goes or the server goes down."""
    connection.transport.set_write_buffer_limits(high=WRITE_LIMIT)
    sending = asyncio.create_task(_send(connection, feeds, choice, after))
    leaving = asyncio.create_task(connection.wait_closed())
    feeds.readers.count += 1
    try:
        await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        feeds.readers.count -= 1
        sending.cancel()
        leaving.cancel()
        await asyncio.wait((sending, leaving))
    if not sending.cancelled():
        sending.result()


async def _send(connection: ServerConnection, feeds: Feeds, choice: Choice, after: int) -> None:
    async with aclosing(feeds.follow(choice, after)) as batches:
        async for batch in batches:
            frames = _frames(feeds, batch)
            if connection.protocol.state is not OPEN:
                return
            connection.transport.write(frames)
            try:
                await connection.drain()
            except (ConnectionClosed, ConnectionError):
                return


def _frames(feeds: Feeds, batch: Batch) -> bytes:
    if not batch.told:
        return text_frame(feeds.checkpoint(batch.cursor))
    return b"".join(text_frame(told.body) for told in batch.told)
