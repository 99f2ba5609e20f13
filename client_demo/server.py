"""A real server in a process of its own, for the length of a ``with`` block."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import keepboth

COMMAND = ("-m", "keepboth.cli", "serve")
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 15.0
_ADDRESS = re.compile(rb"http://\S+:\d+")


class ServerFailed(Exception):
    """The server did not come up; the message holds what it said."""


@asynccontextmanager
async def running_server(*, identify: str | None = None, data: Path | None = None) -> AsyncIterator[str]:
    """Start ``keepboth serve`` on a free port, with a folder of its own if *data* is none; give its address; stop it
    afterwards."""
    with tempfile.TemporaryDirectory(prefix="keepboth-demo-") as folder:
        said = Path(folder, "stderr.txt")
        with said.open("wb") as errors:  # noqa: ASYNC230 - an empty local file
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, *COMMAND, "--port", "0", "--data", str(data or Path(folder, "data"))),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
                env=_environment(identify),
            )
        try:
            yield await _address(process, said)
        finally:
            if process.returncode is None:
                process.terminate()
            try:
                async with asyncio.timeout(STOP_TIMEOUT_S):
                    await process.communicate()
            except TimeoutError:
                process.kill()
                await process.communicate()


async def _address(process: asyncio.subprocess.Process, said: Path) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            async for line in process.stdout:
                found = _ADDRESS.search(line)
                if found:
                    return found.group().decode()
    except TimeoutError:
        pass
    raise ServerFailed(f"the server did not start:\n{said.read_text(errors='replace')[-2000:]}")


def _environment(identify: str | None) -> dict[str, str]:
    """Ours, with the folders from which this very code was imported, and the hook."""
    folders = [Path(keepboth.__file__).parents[1], Path(__file__).parents[1]]
    path = os.pathsep.join([*map(str, folders), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    if identify is not None:
        env["KEEPBOTH_IDENTIFY"] = identify
    return env
