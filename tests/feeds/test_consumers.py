"""Named consumers over HTTP: in order, at least once, one reader at a time, poison put aside."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from keepboth.store.consumer_tables import PRAGMAS
from keepboth.store.consumers import SqliteConsumers
from tests.feeds.reading import sse, two_documents
from tests.harness import Running, eventually, run, running


class Api:
    """A client of the consumer routes."""

    def __init__(self, server: Running, name: str = "reports") -> None:
        self.http = httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=20)
        self.name = name
        self.lease = ""

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def put(self, **body: Any) -> httpx.Response:
        return await self.http.put("/api/consumer", params={"consumer": self.name}, json=body)

    async def get(self, path: str = "/api/consumer", **query: Any) -> httpx.Response:
        return await self.http.get(path, params={"consumer": self.name, **query})

    async def post(self, what: str, **body: Any) -> httpx.Response:
        return await self.http.post(f"/api/consumer/{what}", params={"consumer": self.name}, json=body)

    async def poll(self, **query: Any) -> list[int]:
        """Positions of the events that came; keeps the lease."""
        answer = await self.get("/api/consumer/events", **query)
        assert answer.status_code == 200, answer.text
        self.lease = answer.headers["KeepBoth-Lease"]
        self.replay = answer.headers["KeepBoth-Replay"] == "true"
        return [int(event["sequence"]) for event in answer.json()]

    async def ack(self, position: int, **body: Any) -> int:
        answer = await self.post("ack", lease=self.lease, position=position, **body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["cursor"])


def refused(answer: httpx.Response, status: int, code: str) -> None:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_what_is_not_acknowledged_is_given_again(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            assert (await api.put(types=["edit.recorded"])).status_code == 201
            assert await api.poll(limit=2) == [2, 3]
            assert await api.poll(limit=2, lease=api.lease) == [2, 3]
            assert await api.ack(2) == 2
            assert await api.poll(limit=9, lease=api.lease) == [3, 4, 6, 7]
            assert await api.ack(1) == 2
            assert await api.ack(7) == 7
            assert await api.poll(lease=api.lease) == []
        async with running(tmp_path) as server, Api(server) as api:
            assert (await api.get()).json()["cursor"] == 7

    run(main())


def test_one_reader_at_a_time_until_its_lease_runs_out(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as one, Api(server) as other:
            await two_documents(server)
            await one.put()
            assert await one.poll(limit=1, lease_s=1) == [1]
            refused(await other.get("/api/consumer/events"), 409, "lease-taken")
            await eventually(lambda: taken(other))
            refused(await one.post("ack", lease=one.lease, position=1), 409, "lease-taken")
            assert (await other.post("release", lease=other.lease)).status_code == 204
            assert await one.poll(limit=1) == [1]

    async def taken(api: Api) -> bool:
        answer = await api.get("/api/consumer/events", limit=1)
        api.lease = answer.headers.get("KeepBoth-Lease", "")
        return answer.status_code == 200

    run(main())


def test_only_what_was_delivered_can_be_acknowledged(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            await api.put()
            assert await api.poll(limit=2) == [1, 2]
            refused(await api.post("ack", lease=api.lease, position=3), 400, "invalid-request")
            refused(await api.post("ack", lease="another", position=1), 409, "lease-taken")

    run(main())


def test_poison_is_parked_and_given_once_more(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            await api.put(document="a")
            assert await api.poll() == [1, 2, 3, 4]
            refused(await api.post("park", lease=api.lease, position=3), 400, "invalid-request")
            await api.ack(2)
            assert (await api.post("park", lease=api.lease, position=3, reason="no idea")).json()["cursor"] == 3
            (parked,) = (await api.get("/api/consumer/parked")).json()["parked"]
            event = server.application.store.read(after=2, limit=1)[0]
            assert (parked["position"], parked["reason"], parked["attempts"]) == (3, "no idea", 1)
            assert parked["event"].replace("-", "") == event.id.hex()
            await api.ack(4)
            assert await api.poll(lease=api.lease) == []
            assert (await api.post("replay")).json() == {"replaying": 1}
            assert (await api.poll(lease=api.lease), api.replay) == ([3], True)
            assert (await api.post("park", lease=api.lease, position=3, reason="still not")).status_code == 200
            assert (await api.get("/api/consumer/parked")).json()["parked"][0]["attempts"] == 2
            await api.post("replay", positions=[3])
            assert (await api.poll(lease=api.lease), api.replay) == ([3], True)
            await api.ack(3, replay=True)
            state = (await api.get()).json()
            assert (state["cursor"], state["parked"], state["replaying"]) == (7, 0, 0)

    run(main())


def test_a_poll_waits_for_something_to_come(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api, httpx.AsyncClient(base_url=server.url) as writer:
            await api.put(types=["note.made"])
            waiting = asyncio.create_task(api.poll(wait_s=20))
            await eventually(lambda: api.get(), "a state")
            for number in range(3):
                answer = await writer.post(
                    "/api/events",
                    params={"document": "a"},
                    json={
                        "type": f"{'note' if number == 2 else 'other'}.made",
                        "id": f"0190b6a0-0000-7000-8000-00000000000{number}",
                        "data": {},
                    },
                )
                assert answer.status_code == 201, answer.text
            assert await waiting == [4]

    run(main())


def test_a_reader_that_goes_while_it_waits_lets_the_lease_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api, Api(server) as other:
            await api.put()
            waiting = asyncio.create_task(api.poll(wait_s=30, lease_s=60))
            await eventually(lambda: reading(other, True))
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
            await eventually(lambda: reading(other, False))
            assert await other.poll() == []

    async def reading(api: Api, expected: bool) -> bool:
        return bool((await api.get()).json()["reading"] is expected)

    run(main())


def test_a_stream_goes_as_far_ahead_as_its_window(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            await api.put()
            got: list[tuple[str, int]] = []

            async def read() -> None:
                async for one in sse(server, path="/api/consumer/stream", consumer="reports", window=2):
                    if one.name == "lease":
                        api.lease = one.data["lease"]
                    elif one.name != "checkpoint":
                        got.append((one.name, one.id))

            reading = asyncio.create_task(read())
            await eventually(lambda: len(got) == 2)
            refused(await api.get("/api/consumer/events"), 409, "lease-taken")
            assert got == [("message", 1), ("message", 2)]
            await api.ack(1)
            await eventually(lambda: len(got) == 3)
            assert (await api.post("park", lease=api.lease, position=2, reason="x")).status_code == 200
            await api.post("replay")
            await eventually(lambda: len(got) == 5)
            assert sorted(got) == [("message", 1), ("message", 2), ("message", 3), ("message", 4), ("replay", 2)]
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            await eventually(lambda: freed(api))
            assert await api.poll() == [2]

    async def freed(api: Api) -> bool:
        return not (await api.get()).json()["reading"]

    run(main())


def test_a_log_that_went_on_differently_is_noticed(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            await api.put()
            await api.poll()
            await api.ack(5)
        connection = sqlite3.connect(tmp_path / "consumers.sqlite3")
        with connection:
            connection.execute("UPDATE consumers SET hash = x'00'")
        connection.close()
        async with running(tmp_path) as server, Api(server) as api:
            refused(await api.get("/api/consumer/events"), 409, "other-log")
            assert (await api.put(after=3)).status_code == 200
            assert await api.poll() == [4, 5, 6, 7]

    run(main())


def test_a_consumer_is_listed_changed_and_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, Api(server) as api:
            await two_documents(server)
            refused(await api.get(), 404, "not-found")
            refused(await api.put(types=["document.quiet", "edit.recorded"]), 400, "invalid-request")
            refused(await api.put(after=8), 404, "not-found")
            assert (await api.put(after="now")).json()["cursor"] == 7
            assert (await api.put(document="a", types=["x", "b"])).json()["types"] == ["b", "x"]
            listed = (await api.http.get("/api/consumers")).json()["consumers"]
            assert [(one["consumer"], one["document"], one["cursor"]) for one in listed] == [("reports", "a", 7)]
            assert (await api.http.delete("/api/consumer", params={"consumer": "reports"})).status_code == 204
            refused(await api.get(), 404, "not-found")

    run(main())


def test_cursors_are_as_durable_as_the_log(tmp_path: Path) -> None:
    kept = SqliteConsumers(tmp_path / "consumers.sqlite3")
    ask = kept._connection.execute
    assert {name: ask(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS} == PRAGMAS
    assert (PRAGMAS["journal_mode"], PRAGMAS["synchronous"]) == ("wal", 2)
    assert (tmp_path / "consumers.sqlite3").stat().st_mode & 0o077 == 0
    kept.close()


@pytest.mark.parametrize("path", ["/api/consumers", "/api/consumer?consumer=x", "/api/consumer/events?consumer=x"])
def test_guests_have_no_part_in_consumers_where_people_are_known(tmp_path: Path, path: str) -> None:
    async def main() -> None:
        async with (
            running(tmp_path, lambda request: None) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            refused(await http.get(path), 403, "not-authorised")

    run(main())
