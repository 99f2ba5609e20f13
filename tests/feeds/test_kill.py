"""A reader that is killed at any moment misses nothing, and repeats nothing that was acknowledged."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from random import Random

import httpx
import pytest

from keepboth.events import Draft
from keepboth.store.base import Append
from tests.harness import Running, eventually, run, running

READER = Path(__file__).with_name("reader.py")


@pytest.mark.parametrize(
    ("kills", "seed"), [(10, 1), pytest.param(100, 2, marks=pytest.mark.full)], ids=["10-kills-1", "100-kills-2"]
)
def test_a_killed_reader_misses_nothing_and_repeats_only_what_it_did_not_acknowledge(
    tmp_path: Path, kills: int, seed: int
) -> None:
    async def main() -> None:
        random = Random(seed)
        steps, stop = tmp_path / "steps", asyncio.Event()
        async with running(tmp_path / "data") as server:
            answer = await asyncio.to_thread(
                httpx.put, f"{server.url}/api/consumer?consumer=r", json={}, trust_env=False
            )
            assert answer.status_code == 201
            writing = asyncio.create_task(write(server, random, stop))
            for number in range(kills):
                process = await start(server, steps, seed * 1000 + number)
                enough = lines(steps) + random.randint(1, 40)
                await eventually(lambda enough=enough: lines(steps) >= enough, timeout_s=30)
                process.send_signal(signal.SIGKILL)
                await process.wait()
            stop.set()
            await writing
            head = server.application.store.head().position
            process = await start(server, steps, seed)
            try:
                # The last one that was killed may have acknowledged everything: this one must have begun, too.
                await eventually(lambda: steps.read_text().count("began") > kills, timeout_s=60)
                await eventually(lambda: f"acknowledged {head}\n" in steps.read_text(), timeout_s=60)
            finally:
                process.kill()
                await process.wait()
        check(steps.read_text(), head, kills)

    run(main())


async def start(server: Running, steps: Path, seed: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(sys.executable, str(READER), server.url, "r", str(steps), str(seed))


def lines(steps: Path) -> int:
    return steps.read_bytes().count(b"\n") if steps.exists() else 0


async def write(server: Running, random: Random, stop: asyncio.Event) -> None:
    """Events of several documents, in bursts, as fast as they are read."""
    while not stop.is_set():
        for _ in range(random.randint(1, 30)):
            draft = Draft("note.made", random.randbytes(16), b"{}", actor="ann")
            await server.application.hub.append(Append(f"d{random.randrange(7)}", [draft]))
        await asyncio.sleep(random.random() * 0.1)


def check(text: str, head: int, kills: int) -> None:
    """Every run goes on behind what was acknowledged, without a gap."""
    acknowledged = asked = last = runs = 0
    handled: set[int] = set()
    fresh = True
    for line in text.splitlines():
        what, position = line.split()
        at = int(position)
        if what == "began":
            runs, fresh = runs + 1, True
        elif what == "handled":
            if fresh:
                assert acknowledged < at <= asked + 1, f"{at} after {acknowledged} was acknowledged"
            else:
                assert at == last + 1, f"{at} after {last}"
            last, fresh = at, False
            handled.add(at)
        elif what == "acknowledging":
            asked = at
        else:
            acknowledged = at
    assert runs == kills + 1
    assert handled == set(range(1, head + 1))
