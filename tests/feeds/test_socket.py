"""The log over WebSocket, one CloudEvent a text frame."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from tests.feeds.reading import write
from tests.harness import Running, eventually, run, running

CLOUDEVENTS = Subprotocol("cloudevents.json")


def address(server: Running, **query: Any) -> str:
    return f"{server.url.replace('http', 'ws', 1)}/feed?{urlencode(query, doseq=True)}"


async def receive(socket: ClientConnection, count: int) -> list[dict[str, Any]]:
    """The next *count* events that are no checkpoints."""
    out: list[dict[str, Any]] = []
    async with asyncio.timeout(20):
        while len(out) < count:
            frame = await socket.recv()
            assert isinstance(frame, str)
            event = json.loads(frame)
            if event["type"] != "dev.keepboth.feed.checkpoint.v1":
                out.append(event)
    return out


def test_a_socket_tells_history_and_then_what_comes(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            await write(server, "a", "abc")
            offered = [Subprotocol("cloudevents.avro"), CLOUDEVENTS]
            async with connect(address(server, after=1), subprotocols=offered) as socket:
                assert socket.subprotocol == CLOUDEVENTS
                told = await receive(socket, 3)
                await write(server, "b", "xy")
                told += await receive(socket, 3)
                assert [int(event["sequence"]) for event in told] == [2, 3, 4, 5, 6, 7]
                assert told[0] == (await _event(server, told[0]["id"]))

    run(main())


async def _event(server: Running, id: str) -> Any:
    import httpx

    async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
        return (await http.get("/api/event", params={"id": id})).json()


def test_a_shutdown_closes_with_1012(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            socket = await connect(address(server), subprotocols=[CLOUDEVENTS])
            await eventually(lambda: server.application.feeds.readers.count == 1)
            server.application.stop()
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012

    run(main())


def test_a_reader_that_sends_something_is_closed_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, connect(address(server), subprotocols=[CLOUDEVENTS]) as socket:
            await socket.send("hello")
            with pytest.raises(ConnectionClosed) as closed:
                await asyncio.wait_for(socket.recv(), 10)
            assert closed.value.rcvd is not None
            assert (closed.value.rcvd.code, closed.value.rcvd.reason.split(":")[0]) == (4400, "malformed-message")

    run(main())


@pytest.mark.parametrize(
    ("query", "offered", "status"),
    [
        ({}, None, 400),
        ({"after": "-1"}, [CLOUDEVENTS], 400),
        ({"after": 1}, [CLOUDEVENTS], 404),
        ({"document": "x" * 513}, [CLOUDEVENTS], 400),
        ({"types": ["document.quiet", "edit.recorded"]}, [CLOUDEVENTS], 400),
    ],
    ids=["no subprotocol", "no position", "beyond the end", "no name", "bursts and keystrokes"],
)
def test_nonsense_is_refused(tmp_path: Path, query: dict[str, Any], offered: Any, status: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            with pytest.raises(InvalidStatus) as refused:
                await connect(address(server, **query), subprotocols=offered)
            assert refused.value.response.status_code == status

    run(main())
