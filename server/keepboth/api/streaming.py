"""Server-sent events: bytes from a generator, for as long as the reader takes them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi import Response
from starlette.types import Receive, Scope, Send

from keepboth.feeds.following import Readers

log = logging.getLogger("keepboth.api")

MEDIA_TYPE: Final = "text/event-stream"
RETRY: Final = b"retry: 2000\n\n"


def sent_event(data: bytes, id: str | None = None, name: str | None = None) -> bytes:
    """One event; *data* is one line."""
    head = b"" if id is None else b"id: %s\n" % id.encode()
    if name is not None:
        head += b"event: %s\n" % name.encode()
    return b"%sdata: %s\n\n" % (head, data)


class EventStream(Response):
    """Sends what *events* gives until it ends, the reader goes, or takes nothing for *patience_s*.

    The next chunk is asked for when the socket has taken the last. It is one of *readers* meanwhile.
    """

    def __init__(
        self,
        events: AsyncGenerator[bytes, None],
        patience_s: float,
        readers: Readers | None = None,
        status_code: int = 200,  # its default is where FastAPI looks for what to describe
    ) -> None:
        super().__init__(
            status_code=status_code,
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
            media_type=MEDIA_TYPE,
        )
        del self.headers["content-length"]
        self._events = events
        self._patience_s = patience_s
        self._readers = readers or Readers()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._readers.count += 1
        try:
            sending = asyncio.ensure_future(self._send(send))
            leaving = asyncio.ensure_future(gone(receive))
            try:
                await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            finally:
                sending.cancel()
                leaving.cancel()
                await asyncio.wait((sending, leaving))
            if not sending.cancelled():
                sending.result()
        finally:
            self._readers.count -= 1

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async with aclosing(self._events) as events:
            async for chunk in events:
                try:
                    async with asyncio.timeout(self._patience_s):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                except TimeoutError:
                    log.warning("a reader of a feed took nothing for %g s and was let go", self._patience_s)
                    return  # unfinished, so that the server closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def gone(receive: Receive) -> None:
    """Wait until whoever sent the request has left."""
    while (await receive())["type"] != "http.disconnect":
        pass
