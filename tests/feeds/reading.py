"""Readers of feeds over real sockets, and something for them to read."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx

from keepboth.events import DOCUMENT_CREATED, EDIT_RECORDED, Draft
from keepboth.store.base import Append
from tests.harness import Peer, Running, eventually


class Sent(NamedTuple):
    """One server-sent event."""

    id: int
    name: str
    data: dict[str, Any]


async def sse(server: Running, last: int | None = None, path: str = "/api/feed", **query: Any) -> AsyncIterator[Sent]:
    """The events of a feed, until the server ends it."""
    headers = {} if last is None else {"Last-Event-ID": str(last)}
    async with (
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        http.stream("GET", path, params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200, (await answer.aread()).decode()
        assert answer.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        async for line in answer.aiter_lines():
            name, _, value = line.partition(": ")
            if line:
                fields[name] = value
            elif "data" in fields:
                yield Sent(int(fields.get("id", 0)), fields.get("event", "message"), json.loads(fields["data"]))
                fields = {}


async def first(count: int, events: AsyncIterator[Sent]) -> list[Sent]:
    """The first *count* events of a feed that are no checkpoints."""
    out: list[Sent] = []
    async with asyncio.timeout(20), aclosing(events) as open_events:  # type: ignore[type-var]
        async for one in open_events:
            if one.name == "message":
                out.append(one)
            if len(out) == count:
                break
    return out


async def write(server: Running, document: str, text: str) -> None:
    """Type *text*, a letter at a time, and wait until it is recorded."""
    before = len(server.edits(document))
    async with Peer(server, document) as peer:
        for letter in text:
            await peer.type(0, letter)
        await eventually(lambda: len(server.edits(document)) == before + len(text))


def text_of(id: bytes) -> str:
    """An event's id as CloudEvents have it."""
    return str(uuid.UUID(bytes=id))


async def two_documents(server: Running) -> None:
    """Positions 1-4: document a; 5-7: document b."""
    for document, edits in (("a", 3), ("b", 2)):
        created = Draft(DOCUMENT_CREATED, document.encode() * 16, b"{}", actor="ann")
        drafts = [
            Draft(EDIT_RECORDED, bytes([n]) * 8 + document.encode() * 8, b"\0\0", actor="ann") for n in range(edits)
        ]
        server.application.store.append([Append(document, [created, *drafts])])
