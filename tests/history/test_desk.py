"""Questions about the past are asked in threads of their own."""

from __future__ import annotations

import asyncio
import threading

from keepboth.history.desk import Desk
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.store.memory import MemoryStore

PATIENCE_S = 10


def test_a_slider_does_not_wait_for_who_wrote_what() -> None:
    store = MemoryStore()
    folding = plain_folding(store)
    desk = Desk(folding, Past(store, folding, Lineages(store)))
    done = threading.Event()

    async def both() -> tuple[str, bool]:
        asking = asyncio.create_task(desk.ask("d", lambda: done.wait(PATIENCE_S)))
        await asyncio.sleep(0)
        read = await asyncio.wait_for(desk.read("d", lambda: threading.current_thread().name), PATIENCE_S)
        done.set()
        return read, await asking

    try:
        read, waited = asyncio.run(both())
    finally:
        desk.close()
    assert read.startswith("keepboth-states-")
    assert waited
