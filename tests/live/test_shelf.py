"""Engines of quiet documents are put away and come back; whatever is wrong with a checkpoint, the log is right."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from keepboth.app import rebuild_conflicts
from keepboth.events import CONTENT_YJS_UPDATE, EDIT_RECORDED, Draft
from keepboth.live import detection, shelf
from keepboth.live.projector import ConflictProjector
from keepboth.live.shelf import Shelf
from keepboth.store.base import Append
from keepboth.store.checkpoints import Checkpoint, Checkpoints
from keepboth.store.sqlite import SqliteStore
from tests.conflicts.calm import calm_world
from tests.harness import Peer, Running, eventually, run, running
from tests.live.test_declared import declare, declared


def log_of(path: Path, seed: int) -> SqliteStore:
    """A store with the edits of one random day, as ``d``."""
    world = calm_world(seed, mixed=True)
    store = SqliteStore(path / "log.sqlite3")
    for edit, fact in zip(world.edits, world.facts(), strict=True):
        draft = Draft(
            EDIT_RECORDED,
            fact.revision.to_bytes(16, "big"),
            edit.bytes,
            actor=fact.actor,
            content_type=CONTENT_YJS_UPDATE,
            session=fact.session,
            context=fact.context,
            context_source="declared",
        )
        store.append([Append("d", [draft])])
    return store


def fed(store: SqliteStore, projector: ConflictProjector, until: int) -> ConflictProjector:
    projector.take_rows(store.edit_rows("d", after=projector.revision, until=until))
    return projector


@pytest.fixture(autouse=True)
def short_documents_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shelf, "LEAST_REVISIONS", 1)


@pytest.mark.parametrize("seed", range(6200, 6210))
def test_an_engine_goes_on_where_it_was_put_away(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        store, checkpoints = log_of(tmp_path, seed), Checkpoints(tmp_path / "p.sqlite3")
        last = len(store.edit_rows("d"))
        cut = Random(seed).randint(1, last)
        keeper = Shelf(store, checkpoints)
        assert await keeper.take("d", last) is None
        await keeper.put(fed(store, ConflictProjector("d"), cut))
        again = await keeper.take("d", last)
        assert again is not None
        assert again.revision == cut
        fed(store, again, last)
        assert again.engine.episodes() == fed(store, ConflictProjector("d"), last).engine.episodes()
        store.close()
        checkpoints.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row._replace(document_hash=b"another log"),
        lambda row: row._replace(revision=row.revision - 1),
        lambda row: row._replace(revision=row.revision + 1000),
        lambda row: row._replace(body=b"0" * 20 + row.body[20:]),
        lambda row: row._replace(body=row.body[:-9]),
    ],
    ids=["other hash", "other revision", "beyond the log", "other layout", "cut off"],
)
def test_what_does_not_belong_to_the_log_is_void(tmp_path: Path, spoil: Callable[[Checkpoint], Checkpoint]) -> None:
    async def main() -> None:
        store, checkpoints = log_of(tmp_path, 6201), Checkpoints(tmp_path / "p.sqlite3")
        last = len(store.edit_rows("d"))
        keeper = Shelf(store, checkpoints)
        await keeper.put(fed(store, ConflictProjector("d"), last))
        row = checkpoints.get("d")
        assert row is not None
        checkpoints.put("d", spoil(row))
        assert await keeper.take("d", last) is None
        assert checkpoints.get("d") is None
        store.close()
        checkpoints.close()

    asyncio.run(main())


async def collide(server: Running, ann: Peer, bob: Peer, words: str) -> None:
    """Both type into one place before either has heard of the other."""
    await eventually(lambda: ann.value == bob.value)
    for peer in (ann, bob):
        await eventually(lambda peer=peer: peer.seen[0] == max(ann.seen[0], bob.seen[0]))
        await declare(peer)
    before = len(server.edits("d"))
    ann.text.insert(3, words)
    bob.text.insert(3, words.upper())
    await ann.flush()
    await bob.flush()
    await eventually(lambda: len(server.edits("d")) == before + 2)


async def looked_at(server: Running) -> None:
    """All edits have been looked at and stored."""
    detector = server.application.detector
    room = server.application.hub.rooms["d"]
    assert await detector.caught_up(room, 10) == room.revision


def test_a_restarted_server_takes_the_engine_from_its_checkpoint(tmp_path: Path) -> None:
    async def main() -> None:
        for words, restored in (("one ", 0), ("two ", 1), ("three ", 1)):
            async with running(tmp_path) as server:
                ann, bob = [
                    await declared(server, "d", f"session-{words.strip()}-{client}", client) for client in (1, 2)
                ]
                if not restored:
                    await ann.type(0, "hello world")
                    await eventually(lambda bob=bob: bob.value == "hello world")
                await collide(server, ann, bob, words)
                await eventually(lambda: server.application.detector.statistics()["engines"] == 1)
                await looked_at(server)
                assert server.application.detector.statistics()["restored"] == restored
                live = {episode.id: episode.body for episode in server.application.conflicts.list("d")}
                assert live
                await ann.close()
                await bob.close()
        rebuild_conflicts(tmp_path, "d")
        async with running(tmp_path) as server:
            assert {episode.id: episode.body for episode in server.application.conflicts.list("d")} == live

    run(main())


def test_a_quiet_rooms_engine_is_put_away_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detection, "REST_AFTER_S", 0.0)
    monkeypatch.setattr(detection, "SAVE_EVERY_S", 0.01)

    async def main() -> None:
        async with running(tmp_path) as server:
            detector = server.application.detector
            ann, bob = [await declared(server, "d", f"session-{client}", client) for client in (1, 2)]
            await ann.type(0, "hello world")
            await eventually(lambda: bob.value == "hello world")
            for round, words in enumerate(("one ", "two ", "three ")):
                await collide(server, ann, bob, words)
                await looked_at(server)
                await eventually(lambda: detector.statistics()["engines"] == 0, "put away")
                assert detector.statistics()["restored"] == round
                await eventually(lambda: ann.value == bob.value)
            live = {episode.id: episode.body for episode in server.application.conflicts.list("d")}
            assert live
        rebuild_conflicts(tmp_path, "d")
        async with running(tmp_path) as server:
            assert {episode.id: episode.body for episode in server.application.conflicts.list("d")} == live

    run(main())
