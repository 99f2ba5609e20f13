"""Every situation once more, through a real server: the peers' own updates on sockets, the log over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from client_demo.identify import by_query
from keepboth.events import Seen
from keepboth.yjs.messages import encode_private, encode_update_message
from keepboth.yjs.private import encode_seen
from tests.conflicts.apart import START, made
from tests.conflicts.situations import SITUATIONS
from tests.conflicts.situations.base import IDS, Entry, Situation
from tests.harness import Peer, Running, eventually, run, running
from tests.interop.node import needs_node

SESSION = "session-"


class As(Running):
    """A server as one actor addresses it."""

    def __init__(self, server: Running, actor: str) -> None:
        super().__init__(server.application)
        self.actor = actor

    def socket_url(self, document: str) -> str:
        return f"{super().socket_url(document)}?actor={self.actor}"


def shown(conflict: dict[str, Any]) -> Entry:
    """What an answer of the API tells a reader."""
    sides = {(side["session"] or side["actor"]).removeprefix(SESSION): side for side in conflict["sides"]}
    return Entry(
        frozenset(conflict["kinds"]),
        conflict["severity"],
        conflict["base"],
        {name: side["text"] for name, side in sides.items()},
        conflict["merged"],
        {name: side["lost"] for name, side in sides.items() if side["lost"]},
        {name: tuple(map(tuple, side["formats"])) for name, side in sides.items() if side["formats"]},
        conflict["key"],
        conflict["interleaved"],
        conflict["double_initialisation"],
        conflict["self_only"],
    )


class Life:
    """What happens to one document: who writes, and when that is recorded."""

    def __init__(self, server: Running, document: str) -> None:
        self.server = server
        self.document = document

    async def join(self, actor: str, session: str, client: int) -> Peer:
        """Somebody who has seen all that is there now."""
        peer = Peer(As(self.server, actor), self.document, client)
        await peer.open()
        await peer.hello(f"{SESSION}{session}")
        return peer

    async def write(self, peer: Peer, updates: list[bytes], seen: int) -> None:
        """Send *updates*, whose author had seen events up to *seen*, and wait until they are recorded."""
        before = len(self.server.edits(self.document))
        await peer.send(encode_private(encode_seen(Seen(seen))))
        for update in updates:
            await peer.send(encode_update_message(update))
        await eventually(lambda: len(self.server.edits(self.document)) == before + len(updates), self.document)

    def revision(self) -> int:
        return max((event.revision for event in self.server.edits(self.document)), default=0)


def by_kinds(entry: Entry) -> list[str]:
    """To compare entries in whatever order they are listed."""
    return sorted(entry.kinds)


async def played(
    server: Running, http: httpx.AsyncClient, situation: Situation, document: str, order: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Let it happen, people arriving by ascending client id; return the conflict log."""
    ids = dict(zip(order, IDS, strict=False))
    work = made(situation.start, situation.people, ids)
    life = Life(server, document)
    if work.start:
        author = await life.join("start", "start", START)
        await life.write(author, work.start, 0)
        await author.close()
    start = life.revision()
    peers = [await life.join(situation.actors.get(name, name), name, ids[name]) for name in work.people]
    for peer, updates in zip(peers, work.people.values(), strict=True):
        await life.write(peer, updates, start)
    for peer in peers:
        await peer.close()

    async def complete() -> dict[str, Any] | None:
        answer: dict[str, Any] = (await http.get("/api/conflicts", params={"document": document})).json()
        return answer if answer["complete"] else None

    found: list[dict[str, Any]] = (await eventually(complete))["conflicts"]
    return found


@needs_node
def test_every_situation_is_told_by_a_server_as_by_the_engine(tmp_path: Path) -> None:
    async def main() -> None:
        async with (
            running(tmp_path, by_query) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            for situation in SITUATIONS:
                conflicts = await played(server, http, situation, situation.title, tuple(situation.people))
                assert all(conflict["certain"] for conflict in conflicts), situation.title
                found = sorted(map(shown, conflicts), key=by_kinds)
                assert found == sorted(situation.entries(tuple(situation.people)), key=by_kinds), situation.title

    run(main())


def test_copies_of_a_document_each_keep_their_entries(tmp_path: Path) -> None:
    """Documents that began as copies hold the same items, so that their entries can have the same ids."""

    async def main() -> None:
        async with (
            running(tmp_path, by_query) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False) as http,
        ):
            situation = SITUATIONS[0]
            names = ("contract", "copy of the contract")
            first, second = [await played(server, http, situation, name, ("ann", "bob")) for name in names]
            assert [one["id"] for one in first] == [one["id"] for one in second] == ["d-10-4"]
            again = (await http.get("/api/conflicts", params={"document": names[0]})).json()
            assert [(one["id"], shown(one)) for one in again["conflicts"]] == [(one["id"], shown(one)) for one in first]

    run(main())
