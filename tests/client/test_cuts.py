"""A connection that breaks at any byte, again and again: no edit twice, none missing, every context exact."""

from __future__ import annotations

import asyncio
import random

import pytest

from tests.client.process import Server, context_of, cutting_proxy, payloads
from tests.client.test_client import Writer
from tests.harness import eventually, run

EDITS = 150


def _scribble(writer: Writer, rng: random.Random, number: int) -> None:
    size = len(writer.text)
    at = rng.randrange(size + 1)
    if size > 10 and rng.random() < 0.3:
        del writer.text[at : min(size, at + rng.randrange(1, 4))]
        if len(writer.text) != size:
            return
    writer.text.insert(min(at, len(writer.text)), f"{number} ")


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_cut_connections_lose_and_repeat_nothing(server: Server, document: str, seed: int) -> None:
    async def write(writer: Writer, seed: int) -> None:
        rng = random.Random(seed)
        for number in range(EDITS):
            _scribble(writer, rng, number)
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 0.02)

    async def main() -> None:
        async with cutting_proxy(server.url, seed) as proxy:
            writers = [Writer(proxy.url, document, longest_pause_s=0.05) for _ in range(3)]
            for writer in writers:
                await writer.client.__aenter__()
            try:
                await asyncio.gather(*(write(writer, seed * 10 + n) for n, writer in enumerate(writers)))
                await asyncio.sleep(0)
                assert proxy.cuts >= 5
                proxy.cutting = False
                for writer in writers:
                    await writer.client.flush()
                    assert len(writer.durable) == EDITS
                first = writers[0]
                await eventually(lambda: len({str(writer) for writer in writers}) == 1)
            finally:
                for writer in writers:
                    await writer.client.close()
        edits = await asyncio.to_thread(server.edits, document)
        written = [update for writer in writers for update in writer.durable]
        assert sorted(payloads(edits)) == sorted(written)
        assert {edit["contextsource"] for edit in edits} == {"declared"}
        assert all(context_of(edit).exact for edit in edits)
        assert await asyncio.to_thread(server.text, document) == str(first)

    run(main())
