"""The conflict log as server-sent events, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

import keepboth.api.feed as feed
from keepboth.api.conflict_models import FeedEvent
from keepboth.events import Event, Seen
from keepboth.live.projector import ConflictProjector
from keepboth.yjs.messages import encode_private
from keepboth.yjs.private import encode_seen
from tests.api.conftest import timeless
from tests.harness import Peer, Running, eventually, run, running


class Got(NamedTuple):
    event: str
    data: Any
    id: str | None


class Reader:
    """A reader of the feed: collects what comes."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.comments: list[str] = []
        self.ended = False

    async def read(self, answer: httpx.Response) -> None:
        event, data, id = "", "", None
        try:
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if line.startswith(":"):
                    self.comments.append(line)
                elif name == "event":
                    event = value
                elif name == "data":
                    data = value
                elif name == "id":
                    id = value
                elif not line and event:
                    told = Got(event, json.loads(data), id)
                    FeedEvent.model_validate({"event": event, "data": told.data, "id": id})
                    self.got.append(told)
                    event, data, id = "", "", None
        finally:
            self.ended = True

    def named(self, *names: str) -> list[Got]:
        return [one for one in self.got if one.event in names]

    @property
    def last_id(self) -> str:
        return [one.id for one in self.got if one.id is not None][-1]


@asynccontextmanager
async def following(server: Running, last: str | None = None, **query: str) -> AsyncIterator[Reader]:
    headers = {} if last is None else {"Last-Event-ID": last.encode("latin-1")}
    reader = Reader()
    async with (
        httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20) as http,
        http.stream("GET", "/api/conflicts/feed", params=query, headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        task = asyncio.create_task(reader.read(answer))
        try:
            await eventually(lambda: reader.named("ready"), "ready")
            yield reader
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


class Typist(Peer):
    """Counts what it has sent."""

    sent = 0

    async def flush(self) -> list[bytes]:
        sent = await super().flush()
        self.sent += len(sent)
        return sent


async def agree(*peers: Typist) -> None:
    """Wait until all that was written is recorded and on every screen, and have all say that they have seen it."""
    await eventually(lambda: all(len(peer.receipts) == peer.sent for peer in peers), "receipts")
    await eventually(lambda: len({peer.value for peer in peers}) == 1 and len({peer.seen for peer in peers}) == 1)
    for peer in peers:
        await peer.send(encode_private(encode_seen(Seen(peer.seen[0]))))


async def group(server: Running, document: str, text: str = "one two three", people: str = "ann bob") -> list[Typist]:
    """Declared clients that have the same text on their screens."""
    peers = []
    for number, name in enumerate(people.split(), 1):
        peer = Typist(server, document, number)
        await peer.open()
        await peer.hello(f"session-{name}", name=name.title())
        peers.append(peer)
    await peers[0].type(0, text)
    await agree(*peers)
    return peers


async def leave(*peers: Peer) -> None:
    for peer in peers:
        await peer.close()


def rewrite(peer: Peer, at: int, length: int, word: str) -> None:
    with peer.doc.transaction():
        del peer.text[at : at + length]
        peer.text.insert(at, word)


async def collide(ann: Typist, bob: Typist, at: int = 4, words: tuple[str, str] = ("TWO", "zwei")) -> None:
    """Both rewrite three letters without having seen the other."""
    for peer, word in zip((ann, bob), words, strict=True):
        rewrite(peer, at, 3, word)
    await asyncio.gather(ann.flush(), bob.flush())
    await agree(ann, bob)


def test_a_collision_is_told_as_it_happens_and_again_to_who_comes_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            async with following(server, document="d") as reader, following(server, document="other") as other:
                async with following(server) as every:
                    ann, bob = await group(server, "d")
                    await collide(ann, bob)
                    await eventually(lambda: reader.named("conflict"), "the collision")
                    await eventually(lambda: every.named("conflict"), "the collision, to who follows all")
                told = reader.named("conflict")[-1].data["conflict"]
                assert (told["document"], told["base"], told["status"]) == ("d", "two", "open")
                assert {side["name"]: side["text"] for side in told["sides"]} == {"Ann": "TWO", "Bob": "zwei"}
                async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                    (listed,) = (await http.get("/api/conflicts", params={"document": "d"})).json()["conflicts"]
                assert timeless(listed) == timeless(told)
                assert listed["certain"]
                first = reader.named("ready")[0].id
                last = reader.last_id
                assert not other.named("conflict")
            async with following(server, last=first, document="d") as again:
                await eventually(lambda: again.named("conflict"), "what was missed")
                assert timeless(again.named("conflict")[0].data["conflict"]) == timeless(told)
                assert again.last_id == last
            async with following(server, after=first or "") as again:
                await eventually(lambda: again.named("conflict"), "what was missed, without headers")
            async with following(server, last=last) as nothing_missed:
                await collide(ann, bob, 0, ("ONE", "eins"))
                await eventually(lambda: nothing_missed.named("conflict", "superseded"), "only what is new")
                assert not nothing_missed.named("reset")
                ids = [one.id for one in nothing_missed.got if one.id]
                assert ids == sorted(ids, key=lambda id: int(id.partition(".")[2]))
            await leave(ann, bob)

    run(main())


def test_an_entry_that_becomes_part_of_another_is_told(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, following(server, document="d") as reader:
            ann, bob, cleo = await group(server, "d", "one two " + "." * 60 + " six seven", "ann bob cleo")
            rewrite(cleo, 2, 70, "")
            await collide(ann, bob, 4)
            await collide(ann, bob, len(ann.value) - 9, ("SIX", "sechs"))
            await eventually(lambda: len({one.data["conflict"]["id"] for one in reader.named("conflict")}) == 2)
            assert not reader.named("superseded")
            await cleo.flush()
            (told, *_) = await eventually(lambda: reader.named("superseded"))
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                (listed,) = (await http.get("/api/conflicts", params={"document": "d"})).json()["conflicts"]
                (through,) = ((await http.get("/api/conflict", params={"id": told.data["old"]})).json()["conflict"],)
            assert told.data["document"] == "d"
            assert told.data["new"] == listed["id"] == through["id"]
            assert {side["name"] for side in listed["sides"]} == {"Ann", "Bob", "Cleo"}
            shown = {one.data["conflict"]["id"]: one.data["conflict"] for one in reader.named("conflict")}
            for one in reader.named("superseded"):
                del shown[one.data["old"]]
            assert [timeless(one) for one in shown.values()] == [timeless(listed)]
            await leave(ann, bob, cleo)

    run(main())


def test_where_the_engine_is_behind_a_reader_sees_it_come_closer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine is slow, and the conflict log lost: it must look at everything again."""
    monkeypatch.setattr(feed, "PROGRESS_S", 0.05)
    monkeypatch.setattr("keepboth.api.conflicts.CATCH_UP_S", 0.05)
    take = ConflictProjector.take_rows

    def slowly(self: ConflictProjector, events: Iterable[Event]) -> None:
        time.sleep(0.02)
        take(self, events)

    async def main() -> None:
        async with running(tmp_path) as server:
            ann, bob = await group(server, "d")
            for at in range(200):
                ann.text.insert(at, "x")
            await ann.flush()
            await agree(ann, bob)
            await collide(ann, bob, 204)
            await leave(ann, bob)
        (tmp_path / "projections.sqlite3").unlink()
        monkeypatch.setattr(ConflictProjector, "take_rows", slowly)
        async with running(tmp_path) as server, following(server, document="d") as reader:
            ready = reader.named("ready")[0].data
            assert (ready["complete"], ready["behind"][0]["document"]) == (False, "d")
            await eventually(lambda: any(one.data["complete"] for one in reader.named("progress")))
            assert reader.named("conflict")
            told = [one.data for one in reader.named("progress")]
            assert [one["complete"] for one in told] == [False] * (len(told) - 1) + [True]
            assert [one["looked"] for one in told] == sorted(one["looked"] for one in told)
            assert len({one["looked"] for one in told}) > 2
            assert told[-1]["known"] == ready["revision"]

    run(main())


def test_a_number_of_another_life_is_answered_with_a_reset(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            ann, bob = await group(server, "d")
            async with following(server) as reader:
                await collide(ann, bob)
                await eventually(lambda: reader.named("conflict"))
                last = reader.last_id
            epoch = last.partition(".")[0]
            for stale in ("0123456789abcdef.1", f"{epoch}.999999", f"{epoch}.x", "rubbish", f"{epoch}.²"):
                async with following(server, last=stale) as reader:
                    assert [one.event for one in reader.got[:2]] == ["reset", "ready"]
                    assert reader.got[0].data == {"document": None}
            async with following(server, last=last) as reader:
                await asyncio.to_thread(server.application.conflicts.drop)
                server.application.detector.bell.ring()
                await eventually(lambda: reader.named("reset"))
                assert not reader.last_id.startswith(epoch)
            await leave(ann, bob)

    run(main())


def test_readers_are_let_go_when_the_server_stops(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with running(tmp_path, drain_timeout_s=30) as server:
            client = httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20)
            reader = Reader()
            async with client.stream("GET", "/api/conflicts/feed") as answer:
                task = asyncio.create_task(reader.read(answer))
                await eventually(lambda: reader.named("ready"))
                server.application.stop()
                await asyncio.wait_for(task, 10)
            await client.aclose()
        assert feed._readers.count == 0

    run(main())
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def test_a_reader_that_takes_nothing_is_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What waits for it is at most one batch: the rest stays in the projection."""

    async def main() -> None:
        async with running(tmp_path, mailbox_patience_s=0.3) as server:
            ann, bob = await group(server, "d")
            await collide(ann, bob)
            conflicts = server.application.conflicts
            (episode,) = await eventually(lambda: conflicts.list("d"))
            host, port = server.url.removeprefix("http://").split(":")
            deaf = socket.create_connection((host, int(port)))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.sendall(b"GET /api/conflicts/feed HTTP/1.1\r\nHost: x\r\n\r\n")
            await eventually(lambda: feed._readers.count == 1)
            await asyncio.to_thread(deaf.recv, 1)
            body = json.loads(episode.body)
            for number in range(200):
                if not feed._readers.count:
                    break
                large = json.dumps({**body, "id": f"c-{number}", "padding": "x" * 200_000}).encode()
                conflicts.advance("d", episode.last_revision, b"", [episode._replace(id=f"c-{number}", body=large)], [])
                server.application.detector.bell.ring()
                await asyncio.sleep(0.01)
            await eventually(lambda: feed._readers.count == 0, "let go")
            assert any("took nothing" in record.message for record in caplog.records)
            deaf.close()
            await leave(ann, bob)

    run(main())


def test_a_reader_that_leaves_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server:
            async with following(server):
                assert feed._readers.count == 1
            await eventually(lambda: feed._readers.count == 0)

    run(main())


def test_there_is_an_end_to_how_many_follow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MAX_READERS", 1)

    async def main() -> None:
        async with running(tmp_path) as server, following(server):
            async with httpx.AsyncClient(base_url=server.url, trust_env=False) as http:
                refused = await http.get("/api/conflicts/feed")
            assert (refused.status_code, refused.json()["code"]) == (530, "overloaded")

    run(main())


def test_a_quiet_feed_shows_that_it_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(feed, "PROGRESS_S", 0.02)

    async def main() -> None:
        async with running(tmp_path) as server, following(server, document="none yet") as reader:
            await eventually(lambda: len(reader.comments) > 2)
            assert reader.named("ready")[0].data["complete"]

    run(main())
