"""Feeds on this machine: ``python -m benchmarks.feeds [events]`` prints JSON.

A server as a process of its own, readers in this one. *History*: every reader takes a log of keystrokes from its first
event. *Live*: readers wait at the end while an application's events are recorded; the delay is from the request that
records one to its arrival at the last reader. *Idle*: readers of another document wait meanwhile.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from benchmarks.machine import report
from benchmarks.store import keystroke
from client_demo.server import running_server
from keepboth.events import DOCUMENT_CREATED, Draft
from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore

MARK = b'"specversion"'
LIVE = 200


def fill(data: Path, events: int) -> None:
    """A log of *events* keystrokes of ten documents."""
    store = SqliteStore(data / "log.sqlite3")
    for number in range(10):
        store.append([Append(f"d{number}", [Draft(DOCUMENT_CREATED, os.urandom(16), b"{}", actor="a")])])
    for at in range(0, events - 10, 100):
        store.append(
            [Append(f"d{at // 100 % 10}", [keystroke(at + n, "s1") for n in range(min(100, events - 10 - at))])]
        )
    store.close()


async def sse(url: str, query: str) -> AsyncIterator[int]:
    """How many events have come, after every read."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(f"GET /api/feed?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    count, tail = 0, b""
    try:
        while chunk := await reader.read(1 << 18):
            data = tail + chunk
            count += data.count(MARK)
            tail = data[-(len(MARK) - 1) :]
            yield count
    finally:
        writer.close()


async def socket(url: str, query: str) -> AsyncIterator[int]:
    """The same over WebSocket."""
    count = 0
    offered = [Subprotocol("cloudevents.json")]
    async with connect(f"{url.replace('http', 'ws', 1)}/feed?{query}", subprotocols=offered, compression=None) as one:
        async for _ in one:
            count += 1
            yield count


async def until(counts: AsyncIterator[int], expected: int) -> float:
    """When *expected* events have come."""
    async for count in counts:
        if count >= expected:
            return time.perf_counter()
    raise AssertionError("the feed ended")


async def history(url: str, events: int, readers: int, how: Any) -> dict[str, Any]:
    """All readers from the first event on."""
    began = time.perf_counter()
    ends = await asyncio.gather(*(until(how(url, "after=0"), events) for _ in range(readers)))
    seconds = max(ends) - began
    return {
        "readers": readers,
        "seconds": round(seconds, 2),
        "events_per_s_per_reader": round(events / seconds),
        "events_per_s": round(events * readers / seconds),
    }


@asynccontextmanager
async def waiting(url: str, query: str, readers: int, moved: asyncio.Event) -> AsyncIterator[list[int]]:
    """Readers at the end of the log; how many events each has got."""
    counts = [0] * readers

    async def read(number: int) -> None:
        async for count in sse(url, query):
            counts[number] = count
            moved.set()

    tasks = [asyncio.create_task(read(number)) for number in range(readers)]
    await asyncio.sleep(1.0)
    try:
        yield counts
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def record(http: httpx.AsyncClient, number: int) -> None:
    """An event of an application."""
    body = {"type": "note.made", "id": str(uuid.uuid4()), "data": {"number": number}}
    (await http.post("/api/events", params={"document": "live"}, json=body)).raise_for_status()


async def live(url: str, readers: int, idle: int) -> dict[str, Any]:
    """One event after the other, and how long the last reader waits for it."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        moved = asyncio.Event()
        await record(http, -1)
        head = (await http.get("/readyz")).json()["position"]
        async with (
            waiting(url, f"after={head}", readers, moved) as counts,
            waiting(url, f"after={head}&document=nobody", idle, moved),
        ):
            delays = []
            for number in range(LIVE):
                began = time.perf_counter()
                await record(http, number)
                while min(counts) <= number:
                    moved.clear()
                    await moved.wait()
                delays.append(1000 * (time.perf_counter() - began))
    delays.sort()
    return {
        "readers": readers,
        "idle_readers": idle,
        "delay_ms": {"median": round(median(delays), 1), "p95": round(delays[int(0.95 * LIVE)], 1)},
    }


async def main() -> None:
    """Print the report."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        fill(data, events)
        async with running_server(data=data) as url:
            figures = {
                "events": events,
                "history_sse": [await history(url, events, readers, sse) for readers in (1, 20)],
                "history_websocket": [await history(url, events, readers, socket) for readers in (1, 20)],
                "live_sse": [await live(url, readers, idle) for readers, idle in ((1, 0), (20, 0), (1, 500))],
            }
    report("feeds", figures)


if __name__ == "__main__":
    asyncio.run(main())
