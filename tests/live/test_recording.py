"""What the engine finds reaches the conflict log, whatever happens to the file."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from keepboth.app import rebuild_conflicts
from keepboth.live.projector import rebuild
from keepboth.store.conflicts_memory import MemoryConflictStore
from tests.api.test_feed import collide, group, leave
from tests.harness import Peer, eventually, run, running


def test_what_could_not_be_stored_is_stored_with_the_next(tmp_path: Path) -> None:
    """The projection's disk is full for a while. Nothing claims meanwhile that everything is known."""

    async def main() -> None:
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        ):

            async def listed() -> dict[str, object]:
                answer: dict[str, object] = (await http.get("/api/conflicts", params={"document": "d"})).json()
                return answer

            conflicts = server.application.conflicts
            ann, bob = await group(server, "d", "one two " + "." * 60 + " six seven")
            pages = conflicts._connection.execute("PRAGMA page_count").fetchone()[0]
            conflicts._connection.execute(f"PRAGMA max_page_count = {pages}")
            large = "x" * 5000
            await collide(ann, bob, 4, (large, "zwei"))
            answer = await listed()
            assert (answer["conflicts"], answer["complete"]) == ([], False)
            await collide(ann, bob, len(ann.value) - 9, ("SIX", "sechs"))
            answer = await listed()
            assert (answer["conflicts"], answer["complete"]) == ([], False)
            conflicts._connection.execute("PRAGMA max_page_count = 1000000")
            await ann.type(0, "x")

            async def complete() -> bool:
                return bool((await listed())["complete"])

            await eventually(complete)
            assert conflicts.count("d") == 2
            await leave(ann, bob)

    run(main())


def test_what_could_not_be_stored_when_everybody_left_is_found_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            conflicts = server.application.conflicts
            ann, bob = await group(server, "d")
            pages = conflicts._connection.execute("PRAGMA page_count").fetchone()[0]
            conflicts._connection.execute(f"PRAGMA max_page_count = {pages}")
            await collide(ann, bob, 4, ("x" * 5000, "zwei"))
            await asyncio.sleep(0)
            await leave(ann, bob)
        async with running(tmp_path) as server, httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
            answer = (await http.get("/api/conflicts", params={"document": "d"})).json()
            assert (len(answer["conflicts"]), answer["complete"]) == (1, True)

    run(main())


def test_a_document_opens_while_the_findings_of_another_are_being_written(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            conflicts = server.application.conflicts
            advance, entered, gate = conflicts.advance, threading.Event(), threading.Event()

            def slowly(document: str, *findings: Any) -> None:
                if findings[2]:
                    entered.set()
                    assert gate.wait(20)
                advance(document, *findings)

            conflicts.advance = slowly  # type: ignore[method-assign]
            ann, bob = await group(server, "d")
            await collide(ann, bob, 4, ("two", "zwei"))
            await eventually(entered.is_set)
            try:
                async with Peer(server, "elsewhere") as cleo:
                    await cleo.type(0, "now")
                    await eventually(lambda: len(server.edits("elsewhere")) == 1)
            finally:
                gate.set()
            await eventually(lambda: conflicts.count("d") == 1)
            await leave(ann, bob)

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_a_rebuild_beside_people_who_type_changes_nothing(tmp_path: Path, seed: int) -> None:
    """The command's part, in a thread with connections of its own: readers always see a whole conflict log."""

    async def main() -> None:
        rng = random.Random(seed)
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        ):
            ann, bob = await group(server, "d", ". ".join("one two three four five six seven" for _ in range(20)))
            conflicts = server.application.conflicts
            least, rebuilt = 0, 0
            rebuilding = asyncio.create_task(asyncio.to_thread(rebuild_conflicts, tmp_path))
            for _ in range(25):
                await collide(ann, bob, rng.randrange(len(ann.value) - 3), (rng.choice("abc"), rng.choice("xyz")))
                if rng.random() < 0.3:
                    answer = (await http.get("/api/conflicts", params={"document": "d", "limit": 500})).json()
                    assert answer["complete"]
                if rebuilding.done():
                    rebuilt += rebuilding.result() >= 0
                    rebuilding = asyncio.create_task(asyncio.to_thread(rebuild_conflicts, tmp_path))
                known = len({one.first_revision for one in conflicts.list("d", limit=500)})
                assert known >= min(least, 1)
                least = known
            await rebuilding
            answer = (await http.get("/api/conflicts", params={"document": "d", "limit": 500})).json()
            assert answer["complete"]
            fresh = MemoryConflictStore()
            rebuild(server.application.store, fresh, "d")
            assert conflicts.list("d", limit=500) == fresh.list("d", limit=500)
            assert len(answer["conflicts"]) == fresh.count() > 0
            assert rebuilt > 0
            await leave(ann, bob)

    run(main())


def test_what_is_being_stored_is_not_said_to_be_known(tmp_path: Path) -> None:
    """Storing many findings takes long: whoever asks meanwhile does not hear that there are none."""

    async def main() -> None:
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        ):
            ann, bob = await group(server, "d", "one two three")
            conflicts = server.application.conflicts
            advance, gate = conflicts.advance, threading.Event()

            def slowly(*arguments: Any) -> Any:
                assert gate.wait(20)
                return advance(*arguments)

            conflicts.advance = slowly  # type: ignore[method-assign]
            try:
                await collide(ann, bob, 4, ("TWO", "zwei"))
                room = server.application.hub.rooms["d"]
                detector = server.application.detector
                await eventually(lambda: detector.lags("d") == [], "the engine has looked at it")
                assert await detector.caught_up(room, 0.1) == 0
            finally:
                gate.set()
            assert await detector.caught_up(room, 10) == room.revision
            counted = (await http.get("/api/conflicts/counts", params={"document": "d"})).json()
            assert (counted["total"], counted["complete"]) == (1, True)
            await leave(ann, bob)

    run(main())
