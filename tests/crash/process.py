"""``keepboth serve`` as a process of its own, so that it can be killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from keepboth.app import open_store
from keepboth.store.sqlite import SqliteStore

SERVER = Path(__file__).parents[2] / "server"
START_S = 30.0
READY = "KeepBoth ready: "


class Address:
    """Where the server is now. Clients keep it while servers come and go."""

    def __init__(self) -> None:
        self.url = ""

    def socket_url(self, document: str) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/ws/{quote(document, safe='/')}"


@asynccontextmanager
async def served(
    data: Path, address: Address, *, prefix: Sequence[str] = ()
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A server on a free port, under *prefix* (a tracer that ends with it). Killed at the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        *prefix,
        *(sys.executable, "-m", "keepboth.cli", "serve", "--port", "0", "--data", str(data)),
        env={**os.environ, "PYTHONPATH": str(SERVER), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        line = (await asyncio.wait_for(process.stdout.readline(), START_S)).decode()
        assert line.startswith(READY), line
        address.url = line.removeprefix(READY).split()[0]
        yield process
    finally:
        if process.returncode is None:
            for pid in children(process.pid) if prefix else [process.pid]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.wait_for(process.communicate(), 10)


def children(pid: int) -> list[int]:
    """The processes that *pid* has started (Linux)."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@asynccontextmanager
async def opened(data: Path) -> AsyncIterator[SqliteStore]:
    """The log that a server left behind."""
    store = open_store(data)
    try:
        yield store
    finally:
        store.close()
