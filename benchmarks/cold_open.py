"""What others feel while somebody opens a cold document of 259,778 edits: ``python -m benchmarks.cold_open``.

Two clients in one room exchange 100 edits a second; the latency from sending to the other's socket is taken before,
while the cold document is folded, and while the conflict engine reads its log afterwards.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from benchmarks.fold import DOCUMENT, fill
from benchmarks.machine import report
from benchmarks.traces import sequential_updates
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs.messages import encode_sync_step1, encode_update_message
from keepboth.yjs.structs import STRING, Struct, Update
from keepboth.yjs.update import encode_update

CLIENT = 77
RATE_HZ = 100


def insert(clock: int) -> bytes:
    """One typed character, chained to the one before."""
    if clock == 0:
        struct = Struct(CLIENT, 0, 1, STRING, parent="text", content="a")
    else:
        struct = Struct(CLIENT, clock, 1, STRING | 0x80, origin=(CLIENT, clock - 1), content="a")
    return encode_update_message(encode_update(Update({CLIENT: [struct]}, {})))


async def synced(url: str, document: str) -> ClientConnection:
    """A connection that has been answered with step 2."""
    socket = await connect(f"{url}/ws/{document}", max_size=None, compression=None)
    await socket.send(encode_sync_step1(b"\x00"))
    while True:
        frame = await asyncio.wait_for(socket.recv(), 120)
        if bytes(frame[:2]) == b"\x00\x01":  # type: ignore[arg-type]
            return socket


async def measure(
    writer: ClientConnection, reader: ClientConnection, clock: list[int], stop: asyncio.Event
) -> list[float]:
    """Latencies in milliseconds until *stop*."""
    out: list[float] = []
    while not stop.is_set():
        began = time.perf_counter()
        await writer.send(insert(clock[0]))
        clock[0] += 1
        while True:
            frame = await asyncio.wait_for(reader.recv(), 60)
            if bytes(frame[:2]) == b"\x00\x02":  # type: ignore[arg-type]
                break
        out.append((time.perf_counter() - began) * 1000)
        await asyncio.sleep(max(0.0, 1 / RATE_HZ - (time.perf_counter() - began)))
    return out


def quantiles(values: list[float]) -> dict[str, float]:
    """p50, p99 and the worst, in milliseconds."""
    ordered = sorted(values)
    return {
        "n": len(ordered),
        "p50_ms": round(ordered[len(ordered) // 2], 2),
        "p99_ms": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))], 2),
        "max_ms": round(ordered[-1], 2),
    }


async def drain(socket: ClientConnection) -> None:
    """Read and forget, as an editor would."""
    async for _ in socket:
        pass


async def phases(url: str) -> dict[str, object]:
    """Before, while opening, and for a while after."""
    http = url.replace("ws", "http", 1)
    writer, reader = await synced(url, "other"), await synced(url, "other")
    draining = asyncio.create_task(drain(writer))
    clock = [0]
    figures: dict[str, object] = {}
    stop = asyncio.Event()
    asyncio.get_running_loop().call_later(4, stop.set)
    figures["before"] = quantiles(await measure(writer, reader, clock, stop))
    stop = asyncio.Event()
    measuring = asyncio.create_task(measure(writer, reader, clock, stop))
    began = time.perf_counter()
    cold = await synced(url, DOCUMENT)
    figures["open_s"] = round(time.perf_counter() - began, 2)
    stop.set()
    figures["while_opening"] = quantiles(await measuring)
    stop = asyncio.Event()
    measuring = asyncio.create_task(measure(writer, reader, clock, stop))
    began = time.perf_counter()
    await asyncio.to_thread(wait_for_engine, http)
    figures["engine_caught_up_s"] = round(time.perf_counter() - began, 2)
    stop.set()
    figures["while_the_engine_reads"] = quantiles(await measuring)
    await cold.close()
    await writer.close()
    await reader.close()
    await draining
    return figures


def wait_for_engine(http: str) -> None:
    """Until the conflict log of the cold document covers its last revision."""
    import json
    import urllib.request

    for _ in range(600):
        with urllib.request.urlopen(f"{http}/api/conflicts?document={DOCUMENT}", timeout=60) as answer:
            body = json.load(answer)
        if body["complete"]:
            return
        time.sleep(0.2)


def main() -> None:
    """Measure and print."""
    updates, _ = sequential_updates(DOCUMENT)
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(Path(folder) / "log.sqlite3")
        fill(store, updates)
        store.close()
        server = subprocess.Popen(
            [sys.executable, "-m", "keepboth.cli", "serve", "--port", "0", "--data", folder],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ},
        )
        try:
            assert server.stdout is not None
            found = re.search(r"http://(\S+:\d+)", server.stdout.readline())
            assert found is not None
            figures = asyncio.run(phases(f"ws://{found.group(1)}"))
        finally:
            server.terminate()
            server.wait(30)
    report("cold_open", {"edits": len(updates), **figures})


if __name__ == "__main__":
    main()
