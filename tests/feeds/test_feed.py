"""The log as server-sent events, over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest

from keepboth.events import Draft
from keepboth.store.base import Append
from keepboth.store.choice import Choice
from tests.feeds.reading import first, sse, text_of, two_documents, write
from tests.harness import eventually, run, running


def test_history_and_then_what_comes_are_told_without_a_gap(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await write(server, "a", "abc")
            reading = asyncio.create_task(first(9, sse(server)))
            await eventually(lambda: server.application.feeds.readers.count == 1)
            await write(server, "b", "xyz")
            got = await reading
            events = server.application.store.read(limit=9)
            assert [(one.id, one.data["id"]) for one in got] == [(e.position, text_of(e.id)) for e in events]
            assert [one.id for one in await first(4, sse(server, last=5))] == [6, 7, 8, 9]
            await eventually(lambda: server.application.feeds.readers.count == 0)

    run(main())


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"document": "b"}, [5, 6, 7]),
        ({"types": "document.created"}, [1, 5]),
        ({"document": "a", "types": "edit.recorded", "after": 3}, [4]),
    ],
    ids=["document", "type", "both"],
)
def test_filters_choose(tmp_path: Path, query: dict[str, Any], expected: list[int]) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await two_documents(server)
            got = await first(len(expected), sse(server, **query))
            assert [one.id for one in got] == expected

    run(main())


def test_a_shutdown_ends_the_feed(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await two_documents(server)
            got: list[Any] = []

            async def read() -> None:
                async for one in sse(server):
                    got.append(one)

            reading = asyncio.create_task(read())
            await eventually(lambda: len(got) == 7)
            assert not reading.done()
            server.application.stop()
            await asyncio.wait_for(reading, 10)
            assert len(got) == 7

    run(main())


@pytest.mark.parametrize(("last", "status"), [("8", 404), ("x", 400), ("-1", 400)])
def test_a_place_that_is_none_is_refused(tmp_path: Path, last: str, status: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            await two_documents(server)
            answer = await http.get("/api/feed", headers={"Last-Event-ID": last})
            assert answer.status_code == status

    run(main())


def test_a_checkpoint_moves_a_reader_that_finds_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await two_documents(server)
            follow = server.application.feeds.follow(Choice(types=("no.such",)), 0, heartbeat_s=0.0)
            async with aclosing(follow):
                assert (await anext(follow))[:2] == ((), 7)

    run(main())


def test_idle_readers_take_no_thread(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await two_documents(server)
            feeds = server.application.feeds
            before = threading.active_count()
            readers = [asyncio.create_task(anext(feeds.follow(Choice(document="a"), 4))) for _ in range(300)]
            await asyncio.sleep(0)
            await eventually(lambda: not feeds._reading)
            assert not any(reader.done() for reader in readers)
            assert threading.active_count() <= before + 8
            reads: list[int] = []
            read = feeds._read
            feeds._read = lambda *of: (reads.append(1), read(*of))[1]  # type: ignore[method-assign]
            await write(server, "b", "x")
            assert reads == []
            await write(server, "a", "x")
            batches = await asyncio.wait_for(asyncio.gather(*readers), 10)
            assert len({batch.told[0].id for batch in batches}) == 1

    run(main())


@pytest.mark.parametrize("path", ["/api/feed", "/feed"], ids=["sse", "websocket"])
def test_a_reader_that_takes_nothing_makes_the_server_hold_little(tmp_path: Path, path: str) -> None:
    """Sixteen megabytes of history, of which the server reads what fits into sockets and a page, and no more."""

    async def main() -> None:
        async with running(tmp_path) as server:
            big = [
                Draft("note.made", number.to_bytes(16, "big"), b'"%s"' % (b"x" * 100_000), actor="ann")
                for number in range(160)
            ]
            server.application.store.append([Append("a", big)])
            feeds = server.application.feeds
            pages: list[int] = []
            read = feeds._read
            feeds._read = lambda *of: (pages.append(1), read(*of))[1]  # type: ignore[method-assign]
            host, port = server.url.removeprefix("http://").split(":")
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
            sock.connect((host, int(port)))
            upgrade = (
                "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: cloudevents.json\r\n"
            )
            more = upgrade if path == "/feed" else ""
            sock.sendall(f"GET {path}?after=0 HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
            await eventually(lambda: len(pages) >= 2)
            await until_still(pages)
            assert len(pages) <= 30  # of 54: the system's buffers hold some megabytes
            sock.setblocking(False)
            loop = asyncio.get_running_loop()
            got = 0
            while got < 16_000_000:
                got += len(await asyncio.wait_for(loop.sock_recv(sock, 1 << 20), 10))
            sock.close()

    run(main())


async def until_still(pages: list[int]) -> None:
    """Wait until no page has been read for a while."""
    before = -1
    while len(pages) > before:
        before = len(pages)
        await asyncio.sleep(0.3)
