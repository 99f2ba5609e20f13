"""SIGKILL at any moment: what was acknowledged, or seen by anybody, is in the log. SIGTERM: nothing is even delayed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from keepboth.events import EDIT_RECORDED, Event
from keepboth.fold.views import text
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs.idset import IdSet
from keepboth.yjs.slicing import inserted
from keepboth.yjs.update import decode_update
from tests.crash.process import Address, opened, served
from tests.harness import eventually, run
from tests.logcheck import assert_complete, assert_nothing_twice, folded
from tests.writers import Resender, Stock, Writer

DOCUMENT = "crash/test"
KILLS = 5

seeds = pytest.mark.parametrize(
    "seed", [*range(4), *(pytest.param(seed, marks=pytest.mark.full) for seed in range(4, 40))]
)


def edits_of(store: SqliteStore) -> list[Event]:
    events: list[Event] = []
    while page := store.read(DOCUMENT, after=events[-1].revision if events else 0, limit=5000):
        events += page
    return [event for event in events if event.type == EDIT_RECORDED]


def assert_nothing_promised_is_missing(edits: Sequence[Event], writers: Sequence[Writer]) -> None:
    """Every receipt names its event; every insert and delete that anybody was sent is in the log."""
    have = assert_nothing_twice(edits)
    gone = IdSet(folded(edits).replica.deletes())
    numbered = {(event.session, event.session_seq): event for event in edits}
    for writer in writers:
        for payload in writer.received:
            update = decode_update(payload)
            for client, clock, length in inserted(update):
                assert have.covers(client, clock, length), f"{client}:{clock} was sent out and is lost"
            for client, ranges in update.deletes.items():
                for clock, length in ranges:
                    assert gone.covers(client, clock, length), f"a delete of {client}:{clock} is lost"
        if isinstance(writer, Resender):
            for receipt in writer.receipts:
                event = numbered[writer.session, receipt.seq]
                assert event.payload == writer.made[receipt.seq - 1].update
                assert receipt.revision in (event.revision, 0)
                assert receipt.status in ("appended", "duplicate")


def cast(address: Address) -> list[Writer]:
    return [
        Stock(address, DOCUMENT, 101),
        Stock(address, DOCUMENT, 102),
        Resender(address, DOCUMENT, 103, "session-103"),
        Resender(address, DOCUMENT, 104, "session-104"),
    ]


async def heard_out(writers: Sequence[Writer]) -> None:
    """Read what was still on its way when the server died."""
    for writer in writers:
        if writer.socket is not None:
            await eventually(lambda writer=writer: writer.closed, "the socket ends")
        await writer.lose()


async def agreed(writers: Sequence[Writer]) -> None:
    async def same() -> bool:
        if not all([await writer.settle() for writer in writers]):
            return False
        return len({writer.value for writer in writers}) == 1

    await eventually(same, "everybody is in sync again", 30)


@seeds
def test_acknowledged_and_relayed_edits_survive_kills(tmp_path: Path, seed: int) -> None:
    """Five kills of one log under typing; the same clients go on after each."""

    async def main() -> None:
        source = random.Random(seed)
        address = Address()
        writers = cast(address)
        acknowledged = 0
        for kill in range(KILLS):
            async with served(tmp_path, address) as process:
                stop = asyncio.Event()
                typing = [
                    asyncio.create_task(writer.type_until(stop, random.Random(f"{seed}/{kill}/{at}"), 0.004))
                    for at, writer in enumerate(writers)
                ]
                await asyncio.sleep(source.uniform(0.02, 0.5))
                process.kill()
                stop.set()
                await asyncio.wait_for(asyncio.gather(*typing), 20)
                await heard_out(writers)
            async with opened(tmp_path) as store:
                assert list(store.verify()) == []
                assert_nothing_promised_is_missing(edits_of(store), writers)
        async with served(tmp_path, address):
            await agreed(writers)
            acknowledged = sum(len(writer.receipts) for writer in writers)
            for writer in writers:
                await writer.lose()
        async with opened(tmp_path) as store:
            assert list(store.verify()) == []
            edits = edits_of(store)
            assert_nothing_promised_is_missing(edits, writers)
            assert text(assert_complete(edits).replica, "text") == writers[0].value
            for writer in writers:
                if isinstance(writer, Resender):
                    mine = [event.payload for event in edits if event.session == writer.session]
                    assert mine == [made.update for made in writer.made]
            assert acknowledged > 0

    run(main())


def test_sigterm_under_load_finishes_says_come_back_and_loses_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        address = Address()
        writers = cast(address)
        async with served(tmp_path, address) as process:
            stop = asyncio.Event()
            for writer in writers:
                assert await writer.reach()
            typing = [
                asyncio.create_task(writer.type_until(stop, random.Random(at), 0.002))
                for at, writer in enumerate(writers)
            ]
            await eventually(lambda: len(writers[2].receipts) > 20, "typing is under way")
            process.terminate()
            code = await asyncio.wait_for(process.wait(), 10)
            stop.set()
            await asyncio.wait_for(asyncio.gather(*typing), 20)
            await heard_out(writers)
            assert code == 0
            for writer in writers:
                end = writer.ends[0].rcvd
                assert end is not None
                assert (end.code, end.reason) == (1012, "shutting-down: the server is going down")
        async with opened(tmp_path) as store:
            assert list(store.verify()) == []
            assert_nothing_promised_is_missing(edits_of(store), writers)
        async with served(tmp_path, address):
            await agreed(writers)
            for writer in writers:
                await writer.lose()

    run(main())


def test_sigterm_does_not_wait_for_a_client_that_does_not_answer(tmp_path: Path) -> None:
    async def main() -> None:
        address = Address()
        async with served(tmp_path, address) as process:
            socket = await connect(address.socket_url(DOCUMENT), compression=None)
            socket.transport.pause_reading()
            writer = Stock(address, DOCUMENT, 101)
            assert await writer.reach()
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 15) == 0
            socket.transport.abort()
            await socket.wait_closed()
            await writer.lose()

    run(main())
