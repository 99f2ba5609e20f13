"""From whatever position one follows, while others write: every event once, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from keepboth.events import Draft
from keepboth.store.base import Append
from tests.feeds.reading import sse
from tests.feeds.test_socket import CLOUDEVENTS, address
from tests.harness import Running, eventually, run, running

EVENTS = 60


async def over_sse(server: Running, after: int, last: int) -> list[int]:
    got: list[int] = []
    async with aclosing(sse(server, last=after)) as events:  # type: ignore[type-var]
        async for one in events:
            if one.name == "message":
                got.append(one.id)
                if one.id == last:
                    break
    return got


async def over_a_socket(server: Running, after: int, last: int) -> list[int]:
    got: list[int] = []
    async with connect(address(server, after=after), subprotocols=[CLOUDEVENTS]) as socket:
        async for frame in socket:
            event = json.loads(frame)
            if "docrevision" in event:
                got.append(int(event["sequence"]))
                if got[-1] == last:
                    break
    return got


async def with_a_consumer(server: Running, after: int, last: int) -> list[int]:
    got: list[int] = []
    async with httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http:
        name = {"consumer": f"c{after}"}
        answer = await http.put("/api/consumer", params=name, json={"after": after})
        assert answer.status_code == 201, answer.text
        lease: dict[str, Any] = {}
        while not got or got[-1] < last:
            answer = await http.get("/api/consumer/events", params={**name, **lease, "limit": 7, "wait_s": 10})
            assert answer.status_code == 200, answer.text
            lease = {"lease": answer.headers["KeepBoth-Lease"]}
            got += [int(event["sequence"]) for event in answer.json()]
            await http.post("/api/consumer/ack", params=name, json={**lease, "position": got[-1]})
    return got


@pytest.mark.parametrize("reader", [over_sse, over_a_socket, with_a_consumer], ids=["sse", "websocket", "consumer"])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_event_is_told_once_and_in_order(tmp_path: Path, seed: int, reader: Callable[..., Any]) -> None:
    async def main() -> None:
        random = Random(seed)
        async with running(tmp_path) as server:
            started: list[asyncio.Task[list[int]]] = []

            async def write(name: str, count: int) -> None:
                for _ in range(count):
                    draft = Draft("note.made", random.randbytes(16), b"{}", actor=name)
                    await server.application.hub.append(Append(random.choice("abc"), [draft]))
                    await asyncio.sleep(random.random() * 0.01)

            writers = [asyncio.create_task(write(f"w{number}", EVENTS // 3)) for number in range(3)]
            for after in range(EVENTS):
                await eventually(lambda after=after: server.application.store.head().position >= after)
                started.append(asyncio.create_task(reader(server, after, EVENTS)))
                await asyncio.sleep(random.random() * 0.005)
            await asyncio.gather(*writers)
            assert server.application.store.head().position == EVENTS
            for after, got in enumerate(await asyncio.wait_for(asyncio.gather(*started), 60)):
                assert got == list(range(after + 1, EVENTS + 1))

    run(main())
