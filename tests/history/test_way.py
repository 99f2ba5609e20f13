"""Work that nobody looks at yet gives way to whoever waits for a document."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from keepboth.errors import ShuttingDown
from keepboth.history.desk import Desk
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import ROWS, Lineages
from keepboth.history.past import Past
from keepboth.history.way import RightOfWay
from keepboth.live import turns
from keepboth.store.memory import MemoryStore
from tests.harness import eventually, running
from tests.store.making import append, edit

PATIENCE_S = 10


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_the_way_is_free_until_somebody_takes_it_and_a_moment_after() -> None:
    clock = Watch()
    way = RightOfWay(grace_s=2, patience_s=60, clock=clock)
    assert way.wait_s() == 0
    with way.first():
        assert way.wait_s() == 2
        with way.first():
            clock.now += 10
        clock.now += 10
        assert way.wait_s() == 2, "one of two still goes"
    clock.now += 1.5
    assert way.wait_s() == 0.5
    clock.now += 0.5
    assert way.wait_s() == 0


def test_nobody_gives_way_for_ever() -> None:
    clock = Watch()
    way = RightOfWay(grace_s=2, patience_s=60, clock=clock)
    with way.first():
        clock.now += 59
        assert way.wait_s() == 1
        clock.now += 1
        assert way.wait_s() == 0, "its patience is at an end"
        clock.now += 59.5
        assert way.wait_s() == 0, "it goes on for as long as it waited"
        clock.now += 0.5
        assert way.wait_s() == 2
    clock.now += 2
    assert way.wait_s() == 0
    with way.first():
        assert way.wait_s() == 2, "its patience is as long as ever"


def test_rooms_opened_without_a_pause_do_not_lengthen_it() -> None:
    clock = Watch()
    way = RightOfWay(grace_s=2, patience_s=60, clock=clock)
    waited = []
    for _ in range(120):
        with way.first():
            clock.now += 1
        waited.append(way.wait_s() > 0)
    assert waited == [True] * 59 + [False] * 60 + [True]


def long_log() -> MemoryStore:
    store = MemoryStore()
    for _ in range(3 * ROWS // 100):
        append(store, "d", *(edit(b"\x00\x00") for _ in range(100)))
    return store


def test_a_lineage_pauses_between_slices() -> None:
    store = long_log()
    last = store.document("d")
    assert last is not None
    way = RightOfWay(grace_s=0, patience_s=1e6)
    reached: list[int] = []
    go_on = threading.Event()
    taken = threading.Event()

    def progress(revision: int) -> None:
        reached.append(revision)
        if len(reached) == 1:
            taken.set()
            assert go_on.wait(PATIENCE_S)

    lineages = Lineages(store, way=way)
    thread = threading.Thread(target=lambda: lineages.at_least("d", last.revision, progress))
    thread.start()
    assert taken.wait(PATIENCE_S)  # a slice is done, two are left
    with way.first():
        go_on.set()
        for _ in range(50):  # it has nothing to do but to wait, however long it is given
            thread.join(0.002)
        assert reached == [ROWS]
    thread.join(PATIENCE_S)
    assert reached[-1] == last.revision


def test_who_gives_way_when_all_ends_need_not_go_on() -> None:
    store = long_log()
    folding = plain_folding(store)
    way = RightOfWay(grace_s=0, patience_s=1e6)
    desk = Desk(folding, Past(store, folding, Lineages(store, way=way), way), way)

    async def main() -> None:
        with way.first():
            asking = asyncio.create_task(desk.ask("d", lambda: desk.past.apart("d", 3 * ROWS)))
            await asyncio.sleep(0)
            await asyncio.to_thread(desk.close)
            with pytest.raises(ShuttingDown):
                await asyncio.wait_for(asking, PATIENCE_S)

    asyncio.run(main())


def test_whoever_reads_a_state_or_looks_at_the_course_goes_first() -> None:
    store = MemoryStore()
    folding = plain_folding(store)
    clock = Watch()
    way = RightOfWay(grace_s=1, patience_s=60, clock=clock)
    desk = Desk(folding, Past(store, folding, Lineages(store)), way)

    async def main() -> list[float]:
        found = [await desk.ask("d", way.wait_s), await desk.read("d", way.wait_s)]
        clock.now += 1
        found += [await desk.ask("d", way.wait_s), await desk.glance(way.wait_s)]
        return found

    try:
        assert asyncio.run(main()) == [0, 1, 0, 1]
    finally:
        desk.close()


def test_the_engine_waits_while_a_document_is_awaited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not read a long log meanwhile, and does so afterwards."""
    monkeypatch.setattr(turns, "SHORT", 0)

    async def main() -> None:
        async with running(tmp_path) as server:
            for _ in range(40):
                append(server.application.store, "d", edit(b"\x00\x00"))
            way = server.application.way
            way._patience_s = 1e6
            detector = server.application.detector
            with way.first():
                room = await server.application.hub.live_room("d")
                for _ in range(40):
                    await asyncio.sleep(0.005)
                (lag,) = detector.lags("d")
                assert (lag.looked, detector.statistics()["edits"]) == (0, 0)
            await eventually(lambda: not detector.lags("d"), "the engine has caught up")
            assert detector.statistics()["edits"] == 40
            assert room.state == "live"

    asyncio.run(main())


def test_the_engine_of_a_short_log_does_not_wait(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            append(server.application.store, "d", edit(b"\x00\x00"))
            server.application.way._patience_s = 1e6
            with server.application.way.first():
                await server.application.hub.live_room("d")
                await eventually(lambda: not server.application.detector.lags("d"), "the engine has caught up")

    asyncio.run(main())
