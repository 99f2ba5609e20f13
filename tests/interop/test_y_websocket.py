"""Unmodified ``y-websocket`` providers and ``pycrdt.Provider`` edit together; Yjs in Node is the judge of the log."""

from __future__ import annotations

import asyncio
import random
import threading
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from tests.harness import Peer, Running, eventually, run, running
from tests.interop.node import Driver, YClient, b64, needs_node, node
from tests.interop.pycrdt_client import provided, random_edit
from tests.logcheck import assert_complete, assert_nothing_twice, content
from tests.proxy import proxied, random_budget
from tests.writers import Stock

pytestmark = needs_node

EVERYTHING = (
    ["insert", 0, "One two three\n"],
    ["format", 4, 3, {"bold": True}],
    ["set", "title", "Ünïcode 😀"],
    ["set", "title", "second"],
    ["nest", "inner"],
    ["nestedPush", "inner", 1],
    ["nestedType", "inner", 0, "deep "],
    ["put", 0, [1, "two", None, True, {"a": [1]}]],
    ["putMap", 0, "k", "v"],
    ["element", 0, "p", "para"],
    ["attribute", 0, "class", "lead"],
    ["delete", 0, 4],
    ["take", 1, 1],
)


def normal(value: dict[str, Any]) -> dict[str, Any]:
    """*value* with neighbouring runs of equal formats joined: where a run is cut says nothing."""
    runs: list[dict[str, Any]] = []
    for entry in value["delta"]:
        if runs and runs[-1].get("attributes") == entry.get("attributes"):
            runs[-1] = {**runs[-1], "insert": runs[-1]["insert"] + entry["insert"]}
        else:
            runs.append(entry)
    return {**value, "delta": runs}


async def converged(server: Running, document: str, *clients: YClient, docs: tuple[pycrdt.Doc[Any], ...] = ()) -> Any:
    """Wait until every client holds what the log says; check the log; return the content."""
    states: list[dict[str, Any]] = []

    async def same() -> bool:
        states[:] = [await client.state() for client in clients]
        room = server.application.hub.rooms.get(document)
        vectors = [{int(k): v for k, v in state["stateVector"].items() if v} for state in states]
        contents = [normal(state["content"]) for state in states] + [normal(content(doc)) for doc in docs]
        return (
            room is not None
            and not room.in_flight
            and all(vector == room.fold.clocks() for vector in vectors)
            and all(one == contents[0] for one in contents)
        )

    await eventually(same, "the clients agree")
    assert [state["pending"] for state in states] == [0] * len(states)
    agreed = normal(states[0]["content"]) if states else normal(content(docs[0]))
    edits = server.edits(document)
    assert normal(content(assert_complete(edits).replica.doc())) == agreed
    return agreed


async def replayed(driver: Driver, server: Running, document: str) -> dict[str, Any]:
    """What Yjs makes of the log."""
    answer = await driver.replay([event.payload or b"" for event in server.edits(document)])
    assert answer["pending"] == 0
    return normal(answer["content"])


def test_every_shared_type_comes_through(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "types")
            bob = await driver.client("bob", server.url, "types")
            await eventually(alice.synced)
            await alice.edit(*EVERYTHING)
            agreed = await converged(server, "types", alice, bob)
            assert agreed == {
                "text": "two three\n",
                "delta": [{"insert": "two", "attributes": {"bold": True}}, {"insert": " three\n"}],
                "map": {"title": "second", "inner": {"list": [1], "body": "deep nested"}},
                "array": [{"k": "v"}, "two", None, True, {"a": [1]}],
                "xml": '<p class="lead">para</p>',
            }
            assert await replayed(driver, server, "types") == agreed
            assert len(server.edits("types")) == len(EVERYTHING)

    run(main())


@pytest.mark.parametrize("seed", range(3))
def test_all_foreign_clients_converge_and_nothing_is_doubled(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            ys = [await driver.client(name, server.url, "shared") for name in ("ann", "ben", "cem")]
            for client in ys:
                await eventually(client.synced)
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            source = random.Random(seed)
            async with provided(doc, server.socket_url("shared")):
                for stage in range(3):
                    away = ys[stage]
                    await away.ask("disconnect")

                    async def scribble() -> None:
                        for _ in range(30):
                            random_edit(doc, source)
                            await asyncio.sleep(0.003 * source.random())

                    await asyncio.gather(
                        *(
                            client.ask("random", seed=1000 * seed + 10 * stage + at, count=30, pause=6)
                            for at, client in enumerate(ys)
                        ),
                        scribble(),
                    )
                    await away.ask("connect")
                    await converged(server, "shared", *ys, docs=(doc,))
            agreed = await converged(server, "shared", *ys)
            theirs = {f"y:{client.client_id}" for client in ys}
            assert len([event for event in server.edits("shared") if event.session not in theirs]) <= 90
            assert await replayed(driver, server, "shared") == agreed

    run(main())


def test_a_pycrdt_provider_repeats_other_peoples_edits_and_none_is_recorded_again(tmp_path: Path) -> None:
    """It sends every change of its document, those that came from the server included: deletes too."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "echo")
            await eventually(alice.synced)
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            async with provided(doc, server.socket_url("echo")):
                await alice.edit(["insert", 0, "abcdef"])
                await converged(server, "echo", alice, docs=(doc,))
                await alice.edit(["delete", 0, 2], ["delete", 2, 1])
                await converged(server, "echo", alice, docs=(doc,))
                doc.get("text", type=pycrdt.Text).insert(0, "Z")
                assert (await converged(server, "echo", alice, docs=(doc,)))["text"] == "Zcdf"
            assert [event.session for event in server.edits("echo")] == [
                *[f"y:{alice.client_id}"] * 3,
                f"y:{doc.client_id}",
            ]

    run(main())


def test_a_pycrdt_provider_that_comes_back_is_still_itself(tmp_path: Path) -> None:
    """It has no awareness to name itself with; what only it can have written says who it is."""

    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "back") as other:
            doc: pycrdt.Doc[Any] = pycrdt.Doc()
            typed = doc.get("text", type=pycrdt.Text)
            async with provided(doc, server.socket_url("back")):
                typed.insert(0, "first ")
                await eventually(lambda: other.value == "first ")
            typed.insert(0, "offline ")
            await other.type(0, "other ")
            async with provided(doc, server.socket_url("back")):
                await eventually(lambda: "offline" in other.value)
                typed.insert(0, "live ")
                await eventually(lambda: other.value.startswith("live "))
                del typed[0:4]
                await eventually(lambda: other.value.startswith(" "))
            mine = [event for event in server.edits("back") if event.session != f"y:{other.doc.client_id}"]
            assert [(event.session, event.relayed_by) for event in mine] == [(f"y:{doc.client_id}", None)] * 4
            assert {event.context_source for event in mine} <= {"structure", "state-vector"}
            assert mine[1].away_from is not None

    run(main())


def test_offline_work_comes_back_as_one_event_of_its_author(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "away", awareness={"user": {"name": "Alice"}})
            bob = await driver.client("bob", server.url, "away", awareness={"user": {"name": "Bob"}})
            await eventually(alice.synced)
            await eventually(bob.synced)
            await alice.edit(["insert", 0, "The cat sat."])
            await converged(server, "away", alice, bob)
            await bob.ask("disconnect")
            await bob.edit(["insert", 4, "black "], ["delete", 14, 3], ["insert", 14, "slept"])
            await alice.edit(["insert", 12, " On the mat."], ["delete", 0, 4])
            before = await eventually(lambda: len(server.edits("away")) == 3 and 3)
            await bob.ask("connect")
            agreed = await converged(server, "away", alice, bob)
            assert agreed["text"] == "black cat slept. On the mat."
            late = server.edits("away")[before:]
            assert [(event.session, event.clients) for event in late] == [(f"y:{bob.client_id}", (bob.client_id,))]
            assert late[0].away_from is not None
            assert await replayed(driver, server, "away") == agreed

    run(main())


@pytest.mark.parametrize("after_ms", [None, 0, 40], ids=["before-step-1", "at-once", "40-ms"])
def test_typing_while_reconnecting(tmp_path: Path, after_ms: int | None) -> None:
    """The update arrives before the step 2 that holds what it builds on: it waits, and nothing is recorded twice."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver, proxied(server.url) as proxy:
            far = f"http://127.0.0.1:{proxy.port}"
            alice = await driver.client("alice", server.url, "typing")
            bob = await driver.client("bob", far, "typing")
            await eventually(bob.synced)
            await bob.edit(["insert", 0, "start "])
            await converged(server, "typing", alice, bob)
            await bob.ask("disconnect")
            await bob.edit(["insert", 6, "offline "], ["delete", 0, 1], ["insert", 0, "S"])
            proxy.to_client_s = 0.15
            await bob.ask("typeOnConnect", after=after_ms, edits=[["insert", 14, "live "], ["insert", 19, "more"]])
            await bob.ask("connect")
            agreed = await converged(server, "typing", alice, bob)
            assert agreed["text"] == "Start offline live more"
            events = server.edits("typing")
            assert [event.disposition for event in events[1:]] == ["pending", "pending", "ready"]
            assert {event.session for event in events} == {f"y:{bob.client_id}"}
            assert await replayed(driver, server, "typing") == agreed
            proxy.to_client_s = 0.0

    run(main())


def test_a_local_store_that_loads_late_is_taken_in_author_by_author(tmp_path: Path) -> None:
    """y-indexeddb reads its database after the socket opened: everything comes as one live update, deletes and all."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "late")
            await eventually(alice.synced)
            await alice.edit(*EVERYTHING)
            old = await driver.client("old-page", server.url, "late")
            await converged(server, "late", alice, old)
            await old.ask("disconnect")
            await old.edit(["insert", 0, "Kept at home. "], ["delete", 14, 4], ["set", "title", "home"])
            database = (await old.state())["update"]
            await alice.edit(["insert", 0, "Meanwhile. "])
            before = len(EVERYTHING) + 1
            await eventually(lambda: len(server.edits("late")) == before)

            page = await driver.client("new-page", server.url, "late")
            await eventually(page.synced)
            await page.ask("load", update=database)
            agreed = await converged(server, "late", alice, page)
            assert "Kept at home. " in agreed["text"]
            assert "Meanwhile. " in agreed["text"]
            late = server.edits("late")[before:]
            assert sorted(event.clients for event in late) in ([(old.client_id,)], [(), (old.client_id,)])
            assert await replayed(driver, server, "late") == agreed

            # The old page comes back too, with the same content: nothing new.
            count = len(server.edits("late"))
            await old.ask("connect")
            await converged(server, "late", alice, page, old)
            await page.ask("load", update=database)
            await page.edit(["insert", 0, "!"])
            await converged(server, "late", alice, page, old)
            assert len(server.edits("late")) == count + 1

    run(main())


def test_a_new_page_with_a_full_local_store_fills_an_empty_server(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            author = await driver.client("author", server.url, "lost", connect=False)
            await author.edit(*EVERYTHING)
            page = await driver.client("page", server.url, "lost")
            await eventually(page.synced)
            await page.ask("load", update=(await author.state())["update"])
            await page.edit(["insert", 0, "more "])
            agreed = await converged(server, "lost", page)
            assert [event.clients for event in server.edits("lost")] == [(author.client_id,), (), (page.client_id,)]
            assert await replayed(driver, server, "lost") == agreed

    run(main())


@pytest.mark.parametrize(
    "name",
    [
        "a/b/c",
        "two words/é ü/文書 😀",
        "100%2Fpercent",
        "hash#mark?query=1&x",
        "/leading/and//double/",
        "a/events",
        "a/%2E%2E/b",
        "plus+semi;colon:",
    ],
)
def test_document_names_arrive_as_they_were_meant(tmp_path: Path, name: str) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            client = await driver.client("c", server.url, name)
            await eventually(client.synced)
            await client.edit(["insert", 0, "here"])
            await eventually(lambda: server.edits(name), "the edit is in the document's log")
            again = await driver.client("again", server.url, name, safe="")
            await eventually(again.synced)
            assert await again.text() == "here"
            assert [row.document for row in server.application.store.documents()] == [name]

    run(main())


def test_the_first_offered_subprotocol_is_selected(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            client = await driver.client("c", server.url, "sub", options={"protocols": ["keepboth.v1", "other"]})
            await eventually(client.synced)
            assert (await client.state())["protocol"] == "keepboth.v1"
            plain = await driver.client("p", server.url, "sub", options={"params": {"token": "a b&c"}})
            await eventually(plain.synced)
            assert (await plain.state())["protocol"] == ""

    run(main())


def test_awareness_is_echoed_shared_and_ends_with_the_connection(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "who", awareness={"user": {"name": "Alice"}})
            bob = await driver.client("bob", server.url, "who", awareness={"user": {"name": "Bob"}})
            both = {str(alice.client_id): {"user": {"name": "Alice"}}, str(bob.client_id): {"user": {"name": "Bob"}}}

            async def sees(client: YClient, states: dict[str, Any]) -> bool:
                return bool((await client.state())["awareness"] == states)

            await eventually(lambda: sees(alice, both))
            await eventually(lambda: sees(bob, both))

            await bob.ask("disconnect")
            alone = {str(alice.client_id): {"user": {"name": "Alice"}}}
            await eventually(lambda: sees(alice, alone))
            heard = (await alice.state())["ownAwareness"]
            await alice.ask("setAwareness", state={"user": {"name": "Alice"}, "cursor": 3})

            async def echoed() -> bool:
                return bool((await alice.state())["ownAwareness"] > heard)

            await eventually(echoed, "its own awareness came back")
            await bob.ask("connect")
            await eventually(lambda: sees(bob, both | {str(alice.client_id): {"user": {"name": "Alice"}, "cursor": 3}}))
            assert server.events("who") == []

    run(main())


def test_the_cursor_of_a_client_whose_connection_breaks_goes_away(tmp_path: Path) -> None:
    """Providers repeat the awareness of others: that does not make it theirs to keep alive."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver, proxied(server.url) as proxy:
            far = f"http://127.0.0.1:{proxy.port}"
            alice = await driver.client("alice", server.url, "gone", awareness={"user": {"name": "Alice"}})
            bob = await driver.client("bob", far, "gone", awareness={"user": {"name": "Bob"}})

            async def seen() -> list[int]:
                return sorted(int(client) for client in (await alice.state())["awareness"])

            async def both() -> bool:
                return await seen() == sorted([alice.client_id, bob.client_id])

            async def alone() -> bool:
                return await seen() == [alice.client_id]

            await eventually(both)
            await bob.ask("setAwareness", state={"user": {"name": "Bob"}, "cursor": 1})
            await asyncio.sleep(0.1)
            proxy.refusing = True
            proxy.cut()
            await eventually(alone, "bob's cursor is gone")

    run(main())


def test_a_cursor_movement_is_one_message_to_everybody(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            ys = [await driver.client(name, server.url, "many", awareness={"at": 0}) for name in ("a", "b", "c", "d")]

            async def all_see(at: int) -> bool:
                states = [(await client.state())["awareness"] for client in ys]
                mine = str(ys[0].client_id)
                return all(len(one) == 4 and one[mine]["at"] == at for one in states)

            await eventually(lambda: all_see(0))
            await asyncio.sleep(0.2)
            before = [(await client.state())["awarenessFrames"] for client in ys]
            await ys[0].ask("setAwareness", state={"at": 1})
            await eventually(lambda: all_see(1))
            await asyncio.sleep(0.2)
            after = [(await client.state())["awarenessFrames"] for client in ys]
            assert [late - early for early, late in zip(before, after, strict=True)] == [1, 1, 1, 1]

    run(main())


def test_a_client_that_comes_back_before_its_old_socket_is_missed_is_still_itself(tmp_path: Path) -> None:
    """A new network, the old socket half-open: edits and deletes are its own, in the context that it proved."""

    async def main() -> None:
        async with running(tmp_path) as server, proxied(server.url) as proxy, Peer(server, "roam") as other:
            roaming = Stock(proxy, "roam", 77)
            assert await roaming.reach()
            roaming.text.insert(0, "before ")
            await roaming.push()
            await eventually(lambda: other.value == "before ")
            proxy.freeze()
            await other.type(0, "other ")
            roaming.server = server
            await roaming.lose()
            roaming.text.insert(0, "offline ")
            assert await roaming.reach()
            roaming.text.insert(0, "after ")
            await roaming.push()
            await eventually(lambda: roaming.value == other.value == "after offline other before ")
            del roaming.text[0:6]
            await roaming.push()
            await eventually(lambda: other.value == "offline other before ")
            mine = [event for event in server.edits("roam") if event.session != f"y:{other.doc.client_id}"]
            assert [event.session for event in mine] == ["y:77"] * 4
            assert [event.relayed_by for event in mine] == [None] * 4
            assert {event.context_source for event in mine} <= {"structure", "state-vector"}
            await roaming.lose()

    run(main())


def test_an_update_comes_back_to_its_author_when_it_is_durable_and_not_before(tmp_path: Path) -> None:
    async def main() -> None:
        async with running(tmp_path, commit_on_loop=False) as server, node() as driver:
            alice = await driver.client("alice", server.url, "echo")
            bob = await driver.client("bob", server.url, "echo")
            await eventually(alice.synced)
            await eventually(bob.synced)
            store = server.application.store
            append, gate, asked = store.append, threading.Event(), threading.Event()

            def held_back(items: Any) -> Any:
                asked.set()
                assert gate.wait(20)
                return append(items)

            store.append = held_back  # type: ignore[method-assign]
            try:
                async with Peer(server, "echo") as declared:
                    await declared.hello("session-echo")
                    await alice.edit(["insert", 0, "once"])
                    await declared.type(0, "twice")
                    await eventually(asked.is_set)
                    await asyncio.sleep(0.2)
                    assert [(await client.state())["updates"] for client in (alice, bob)] == [0, 0]
                    assert declared.receipts == []
                    gate.set()
                    await eventually(lambda: len(declared.receipts) == 1)
                    await converged(server, "echo", alice, bob)
                    assert (await alice.state())["updates"] >= 1
            finally:
                gate.set()

    run(main())


def test_clients_of_a_server_that_restarts_lose_nothing(tmp_path: Path) -> None:
    """The providers reconnect by themselves to whatever listens behind the same port."""

    async def main() -> None:
        async with node() as driver:
            async with running(tmp_path) as first:
                port = int(first.url.rsplit(":", 1)[1])
                ys = [await driver.client(name, first.url, "again") for name in ("ann", "ben")]
                for client in ys:
                    await eventually(client.synced)
                await asyncio.gather(*(c.ask("random", seed=at, count=40) for at, c in enumerate(ys)))
            for at, client in enumerate(ys):
                await client.ask("random", seed=50 + at, count=20)
                closes = (await client.state())["closes"]
                assert closes[0] == [1012, "shutting-down: the server is going down"]
            async with running(tmp_path, port=port) as second:
                agreed = await converged_after_reconnect(second, ys)
                assert await replayed(driver, second, "again") == agreed

    async def converged_after_reconnect(server: Running, ys: list[YClient]) -> Any:
        for client in ys:
            await eventually(client.synced)
        return await converged(server, "again", *ys)

    run(main())


@pytest.mark.parametrize(
    ("cut", "text"),
    [(["delete", 1, 1], "a�b"), (["delete", 2, 1], "a�b"), (["insert", 2, "x"], "a�x�b"), (["delete", 0, 2], "�b")],
    ids=["first-half", "second-half", "between", "from-before"],
)
def test_half_a_surrogate_pair_is_what_yjs_makes_of_it(tmp_path: Path, cut: list[Any], text: str) -> None:
    """Yjs leaves U+FFFD for the halves; yrs takes both away and then counts one clock too few for whoever joins."""

    async def main() -> None:
        async with node() as driver:
            async with running(tmp_path) as server:
                author = await driver.client("author", server.url, "half")
                await eventually(author.synced)
                await author.edit(["insert", 0, "a😀b"], ["insert", 4, " 😀"])
                await converged(server, "half", author)
                await author.edit(cut)
                early = await driver.client("early", server.url, "half")
                assert (await converged(server, "half", author, early))["text"] == text + " 😀"
                await author.edit(["insert", 0, "> "])
                late = await driver.client("late", server.url, "half")
                agreed = await converged(server, "half", author, early, late)
                assert agreed["text"] == "> " + text + " 😀"
                assert await replayed(driver, server, "half") == agreed
            async with running(tmp_path) as server:
                after = await driver.client("after", server.url, "half")
                await eventually(after.synced)
                assert await converged(server, "half", after) == agreed

    run(main())


@pytest.mark.parametrize("seed", range(2))
def test_editors_that_cut_pairs_in_two_converge_with_the_log(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            ys = [await driver.client(name, server.url, "halves") for name in ("ann", "ben")]
            for client in ys:
                await eventually(client.synced)
            for stage in range(2):
                await asyncio.gather(
                    *(
                        client.ask("random", seed=7 * seed + 3 * stage + at, count=60, pause=4, halves=True)
                        for at, client in enumerate(ys)
                    )
                )
                ys.append(await driver.client(f"late-{stage}", server.url, "halves"))
                agreed = await converged(server, "halves", *ys)
            assert await replayed(driver, server, "halves") == agreed
            assert "\ufffd" in agreed["text"]

    run(main())


@pytest.mark.parametrize("seed", range(2))
def test_providers_whose_sockets_are_cut_at_any_byte(tmp_path: Path, seed: int) -> None:
    async def main() -> None:
        async with running(tmp_path, room_idle_s=0.2) as server, node() as driver, proxied(server.url) as proxy:
            far = f"http://127.0.0.1:{proxy.port}"
            proxy.budget = random_budget(seed, 400, 5_000)
            ys = [await driver.client(name, far, "torn") for name in ("ann", "ben", "cem")]
            await asyncio.gather(
                *(client.ask("random", seed=100 * seed + at, count=150, pause=12) for at, client in enumerate(ys))
            )
            proxy.budget = lambda: None
            proxy.cut()
            agreed = await converged(server, "torn", *ys)
            assert sum([(await client.state())["connects"] for client in ys]) > 6
            assert await replayed(driver, server, "torn") == agreed
            sessions = {event.session for event in server.edits("torn")}
            assert sessions == {f"y:{client.client_id}" for client in ys}

    run(main())


@pytest.mark.full
def test_a_silent_provider_stays_connected(tmp_path: Path) -> None:
    """y-websocket gives up after 30 s in which it heard nothing: its own awareness must come back."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            alice = await driver.client("alice", server.url, "quiet", awareness={"user": {"name": "Alice"}})
            await eventually(alice.synced)
            await asyncio.sleep(40)
            state = await alice.state()
            assert (state["connected"], state["connects"], state["closes"]) == (True, 1, [])

    run(main())


def test_a_document_of_another_program_can_be_brought_in_whole(tmp_path: Path) -> None:
    """A step 2 with several authors' content becomes one event for each of them, the sender's own last."""

    async def main() -> None:
        async with running(tmp_path) as server, node() as driver:
            one = await driver.client("one", server.url, "merge", connect=False)
            two = await driver.client("two", server.url, "merge", connect=False)
            await one.edit(["insert", 0, "by one. "])
            await two.ask("load", update=(await one.state())["update"])
            await two.edit(["insert", 8, "by two."], ["delete", 0, 3])
            await two.ask("connect")
            agreed = await converged(server, "merge", two)
            events = server.edits("merge")
            assert [event.clients for event in events] == [(one.client_id,), (two.client_id,)]
            assert [event.relayed_by for event in events] == [f"y:{two.client_id}", None]
            assert_nothing_twice(events)
            assert await replayed(driver, server, "merge") == agreed
            assert b64(events[0].payload or b"") != b64(events[1].payload or b"")

    run(main())
