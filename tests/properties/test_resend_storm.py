"""Sockets that are cut at any byte, disks that fail, tabs that were duplicated: no edit twice, none missing."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from keepboth.errors import NotDurableNow
from keepboth.events import Context, Event
from keepboth.fold.views import text
from keepboth.yjs.idset import IdSet
from keepboth.yjs.slicing import inserted
from keepboth.yjs.update import decode_update
from tests.harness import Running, eventually, run, running
from tests.logcheck import assert_complete
from tests.proxy import Proxy, proxied, random_budget
from tests.writers import Resender, Stock, Writer

DOCUMENT = "storm"
STORM_S = 60


async def settled(server: Running, writers: Sequence[Writer]) -> list[Event]:
    """Wait until everything is recorded and everybody holds it; return the edits."""

    async def agreed() -> bool:
        if not all([await writer.settle() for writer in writers]):
            return False
        room = server.application.hub.rooms.get(DOCUMENT)
        return (
            room is not None
            and room.state == "live"
            and not room.in_flight
            and {writer.value for writer in writers} == {text(room.fold.replica, "text")}
        )

    await eventually(agreed, "everything is acknowledged and the clients agree with the log", STORM_S)
    edits = server.edits(DOCUMENT)
    assert text(assert_complete(edits).replica, "text") == writers[0].value
    assert list(server.application.store.verify()) == []
    return edits


def assert_every_edit_once(edits: Sequence[Event], author: Resender) -> None:
    """Each of *author*'s edits is one event, byte for byte, in its declared context, and receipts say so."""
    mine = [event for event in edits if event.session == author.session]
    assert [event.session_seq for event in mine] == list(range(1, len(author.made) + 1))
    assert [event.payload for event in mine] == [made.update for made in author.made]
    assert [event.context for event in mine] == [Context.of(made.seen) for made in author.made]
    revisions = {event.session_seq: event.revision for event in mine}
    assert {receipt.seq for receipt in author.receipts} == set(revisions)
    for receipt in author.receipts:
        assert receipt.status in ("appended", "duplicate")
        assert receipt.revision in (revisions[receipt.seq], 0)
        assert receipt.revision or receipt.status == "duplicate"
    appended = Counter(receipt.seq for receipt in author.receipts if receipt.status == "appended")
    assert set(appended.values()) <= {1}


def assert_all_content_recorded(edits: Sequence[Event], made: Sequence[bytes]) -> None:
    """Every insert and every delete that an author made is in the log."""
    have, deleted = IdSet(), IdSet()
    for event in edits:
        assert event.payload is not None
        update = decode_update(event.payload)
        for client, clock, length in inserted(update):
            have.add(client, clock, length)
        for client, ranges in update.deletes.items():
            for clock, length in ranges:
                deleted.add(client, clock, length)
    for payload in made:
        update = decode_update(payload)
        assert all(have.covers(*ids) for ids in inserted(update))
        assert all(
            deleted.covers(client, clock, length)
            for client, ranges in update.deletes.items()
            for clock, length in ranges
        )


def inserts(updates: Iterable[bytes]) -> list[bytes]:
    return sorted(update for update in updates if decode_update(update).structs)


async def close(*writers: Writer) -> None:
    for writer in writers:
        await writer.lose()


@pytest.mark.parametrize("seed", range(4))
def test_cut_sockets_of_resending_clients(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        async with running(tmp_path, room_idle_s=0.2) as server, proxied(server.url) as proxy:
            proxy.budget = random_budget(seed, 300, 6_000)
            authors = [Resender(proxy, DOCUMENT, 10 + at, f"session-{at}") for at in range(3)]
            await asyncio.gather(
                *(author.write(random.Random(f"{seed}/{at}"), 80, 0.006) for at, author in enumerate(authors))
            )
            proxy.budget = lambda: None
            edits = await settled(server, authors)
            for author in authors:
                assert_every_edit_once(edits, author)
            assert len(edits) == sum(len(author.made) for author in authors)
            assert sum(author.connections for author in authors) > len(authors), "nothing was cut"
            await close(*authors)

    run(main())


@pytest.mark.parametrize("seed", range(4))
def test_cut_sockets_of_stock_and_resending_clients(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        async with running(tmp_path, room_idle_s=0.2) as server, proxied(server.url) as proxy:
            proxy.budget = random_budget(100 + seed, 300, 6_000)
            stock = [Stock(proxy, DOCUMENT, 20 + at) for at in range(2)]
            author = Resender(proxy, DOCUMENT, 10, "session-0")
            writers: list[Writer] = [*stock, author]
            await asyncio.gather(
                *(writer.write(random.Random(f"s{seed}/{at}"), 80, 0.006) for at, writer in enumerate(writers))
            )
            proxy.budget = lambda: None
            edits = await settled(server, writers)
            assert_every_edit_once(edits, author)
            for writer in stock:
                assert_all_content_recorded(edits, writer.made)
                own = [event for event in edits if writer.doc.client_id in event.clients]
                assert {event.session for event in own} == {f"y:{writer.doc.client_id}"}
            assert sum(writer.connections for writer in writers) > len(writers), "nothing was cut"
            await close(*writers)

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_a_disk_that_fails_now_and_then(tmp_path: Path, seed: int) -> None:
    """A failed commit acknowledges nothing; everybody is told to come back, and does, and repeats."""

    async def main() -> None:
        source = random.Random(seed)
        async with running(tmp_path) as server:
            store = server.application.store
            append = store.append
            failing = True
            commits = failures = 0

            def sometimes(items: Any) -> Any:
                nonlocal commits, failures
                commits += 1
                if failing and (commits == 5 or source.random() < 0.05):
                    failures += 1
                    raise NotDurableNow("the disk is full")
                return append(items)

            store.append = sometimes  # type: ignore[method-assign]
            authors = [Resender(server, DOCUMENT, 10 + at, f"session-{at}") for at in range(2)]
            stock = Stock(server, DOCUMENT, 20)
            writers: list[Writer] = [*authors, stock]
            async with asyncio.timeout(STORM_S):
                await asyncio.gather(
                    *(writer.write(random.Random(f"d{seed}/{at}"), 60, 0.006) for at, writer in enumerate(writers))
                )
            failing = False
            edits = await settled(server, writers)
            for author in authors:
                assert_every_edit_once(edits, author)
            assert_all_content_recorded(edits, stock.made)
            assert failures > 0
            await close(*writers)

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_a_duplicated_tab_shares_its_session_and_nothing_is_lost(tmp_path: Path, seed: int) -> None:
    """Both tabs number their own edits from the same session on: they fence each other, and both writings are kept."""

    async def main() -> None:
        async with running(tmp_path) as server:
            tabs = [Resender(server, DOCUMENT, 30 + at, "session-twice") for at in range(2)]
            async with asyncio.timeout(STORM_S):
                await asyncio.gather(
                    *(tab.write(random.Random(f"t{seed}/{at}"), 40, 0.01) for at, tab in enumerate(tabs))
                )
                # One at a time, as people look at tabs: each connection fences the other.
                for tab in tabs:
                    await eventually(tab.settle, "every edit of a tab is acknowledged", STORM_S)
            edits = server.edits(DOCUMENT)
            for tab in tabs:
                assert_all_content_recorded(edits, [made.update for made in tab.made])
            assert any(event.session_seq is None for event in edits), "nothing was rekeyed"
            # Within one session the same delete twice is one; everything else is an event as it was sent.
            assert inserts(event.payload or b"" for event in edits) == inserts(
                made.update for tab in tabs for made in tab.made
            )
            numbered = [event.session_seq for event in edits if event.session_seq is not None]
            assert len(numbered) == len(set(numbered))
            assert len(assert_complete(edits).waiting) == 0
            assert list(server.application.store.verify()) == []
            await close(*tabs)

    run(main())


def test_two_sockets_of_one_session_that_repeat_the_same_edits(tmp_path: Path) -> None:
    """A socket that hangs half-dead while its successor repeats everything: each edit is one event."""

    async def main() -> None:
        async with running(tmp_path) as server, proxied(server.url) as proxy:
            proxy.to_server_s = 0.1
            slow = Resender(proxy, DOCUMENT, 10, "session-0")
            assert await slow.reach()
            for at in range(20):
                slow.text.insert(at, "x")
            await slow.push()
            quick = Resender(server, DOCUMENT, 10, "session-0")
            quick.made.extend(slow.made)
            assert await quick.reach()
            await eventually(quick.settle, "all are acknowledged")
            await eventually(lambda: slow.closed, "the older socket is fenced")
            edits = server.edits(DOCUMENT)
            assert [event.session_seq for event in edits] == list(range(1, 21))
            assert [event.payload for event in edits] == [made.update for made in slow.made]
            await eventually(lambda: quick.value == "x" * 20)
            await close(slow, quick)

    run(main())


def test_a_room_that_failed_opens_again_though_other_edits_of_it_were_under_way(tmp_path: Path) -> None:
    """One commit fails while another edit is queued behind it, which fails too: both come back, served soon."""

    async def main() -> None:
        async with running(tmp_path, commit_on_loop=False) as server, proxied(server.url) as proxy:
            authors = [Resender(proxy, DOCUMENT, 10 + at, f"session-{at}") for at in range(2)]
            for author in authors:
                assert await author.reach()
            await stalled(server, authors)
            async with asyncio.timeout(5):
                edits = await settled(server, authors)
            for author in authors:
                assert_every_edit_once(edits, author)
            await close(*authors)

    async def stalled(server: Running, authors: list[Resender]) -> None:
        loop = asyncio.get_running_loop()
        store = server.application.store
        append = store.append
        first, fail = asyncio.Event(), threading.Event()
        calls = 0

        def scripted(items: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 1:
                loop.call_soon_threadsafe(first.set)
                assert fail.wait(10)
                raise NotDurableNow("the disk is full")
            return append(items)

        store.append = scripted  # type: ignore[method-assign]
        authors[0].text.insert(0, "one ")
        await authors[0].push()
        await first.wait()
        authors[1].text.insert(0, "two ")
        await authors[1].push()
        room = server.application.hub.rooms[DOCUMENT]
        await eventually(lambda: len(room.in_flight) == 2)
        fail.set()
        await eventually(lambda: all(author.closed for author in authors), "both are told to come back")
        assert (calls, server.edits(DOCUMENT)) == (1, [])
        back = [asyncio.create_task(author.reach()) for author in authors]
        await eventually(lambda: server.application.hub.rooms.get(DOCUMENT) not in (room, None))
        await asyncio.gather(*back)

    run(main())


def test_a_proxy_cuts_where_it_is_told_to() -> None:
    """The storm is only as good as its proxy: a budget of n bytes lets exactly n bytes through."""

    async def main() -> None:
        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"\r\n\r\n" + b"x" * 10_000)
            await writer.drain()
            await reader.read()
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        proxy = Proxy("127.0.0.1", server.sockets[0].getsockname()[1])
        proxy.budget = lambda: 1_234
        await proxy.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
        got = b""
        try:
            while data := await reader.read(4096):
                got += data
        except ConnectionResetError:
            pass
        assert len(got) <= 1_234
        assert proxy.cuts == 1
        writer.close()
        await proxy.stop()
        server.close()
        await server.wait_closed()

    run(main())
