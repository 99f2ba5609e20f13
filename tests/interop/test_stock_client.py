"""`tests/stock.py` answers like the real y-websocket: the same messages in the same order, whatever it is sent.

And what `live/asking.py` builds on, seen in the real one: only an answer names the own state again beside another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pycrdt
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from keepboth.live.asking import Asked, Question
from keepboth.yjs.messages import (
    Awareness,
    AwarenessState,
    SyncStep1,
    SyncStep2,
    UpdateMessage,
    decode_message,
    encode_awareness,
    encode_query_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from tests.harness import eventually, run, running
from tests.interop.node import YClient, needs_node, node
from tests.stock import StockClient, written

ME, ANN, BOB = 1000, 7, 8
EMPTY = b"\x00"


def content(update: bytes) -> tuple[str, bytes]:
    """What an update says, however its structs are cut: the text it makes alone, and its state vector."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(update)
    return str(doc.get("text", type=pycrdt.Text)), doc.get_state()


def plain(data: bytes) -> Any:
    """A message in a form that can be compared."""
    message = decode_message(data)
    if isinstance(message, Awareness):
        return "awareness", message.states
    if isinstance(message, SyncStep1):
        return "step 1", message.state_vector
    assert isinstance(message, SyncStep2 | UpdateMessage)
    return type(message).__name__, content(message.update)


class Far:
    """A server that says what it is told to and keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.socket: ServerConnection | None = None

    async def serve(self, socket: ServerConnection) -> None:
        self.socket = socket
        try:
            async for data in socket:
                assert isinstance(data, bytes)
                self.heard.append(data)
        except ConnectionClosed:
            pass

    async def say(self, *messages: bytes) -> None:
        """Say *messages*, and wait for the answer to a step 1 behind them."""
        assert self.socket is not None
        before = self._steps()
        for message in messages:
            await self.socket.send(message)
        await self.socket.send(encode_sync_step1(EMPTY))
        await eventually(lambda: self._steps() > before, "the step 2")

    def _steps(self) -> int:
        return sum(data[:2] == b"\x00\x01" for data in self.heard)


async def conversation(
    open_client: Callable[[str], Awaitable[None]],
    edit: Callable[[int, str], Awaitable[None]],
    state: Callable[[dict[str, int] | None], Awaitable[None]],
) -> list[bytes]:
    """One conversation with a client; what it said."""
    other: pycrdt.Doc[Any] = pycrdt.Doc(client_id=BOB)
    text = other.get("text", type=pycrdt.Text)
    text += "base"
    ann, bob = AwarenessState(ANN, 3, '{"a":1}'), AwarenessState(BOB, 0, '{"b":1}')
    far = Far()
    async with serve(far.serve, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        await open_client(f"http://127.0.0.1:{port}")
        await eventually(lambda: len(far.heard) == 2, "step 1 and awareness")
        query = encode_query_awareness()
        await far.say(encode_sync_step2(other.get_update()), query)
        await far.say(encode_awareness([ann]), query)
        await far.say(encode_awareness([ann, bob]), query)  # one of them is no news
        await edit(0, "mine ")
        await state({"cursor": 1})
        await far.say(encode_awareness([AwarenessState(ME, 1, '{"cursor":1}')]), query)  # the echo
        await far.say(encode_awareness([AwarenessState(ME, 1, "null"), AwarenessState(ANN, 4, '{"a":2}')]), query)
        await far.say(encode_awareness([AwarenessState(ME, 9, '{"x":2}'), AwarenessState(BOB, 0, "null")]), query)
        await state({"cursor": 2})
        text += "!"
        await far.say(encode_update_message(other.get_update()), query, query)
        await state(None)
        await far.say(query, encode_awareness([AwarenessState(ME, 20, '{"y":2}')]), query)
        assert far.socket is not None
        await far.socket.close()
    return far.heard


@needs_node
def test_the_stock_client_in_python_says_what_y_websocket_says() -> None:
    async def main() -> None:
        async with node() as driver:
            real: list[Any] = []

            async def open_real(url: str) -> None:
                real.append(await driver.client("me", url, "room", clientID=ME))

            said = await conversation(
                open_real,
                lambda at, text: real[0].edit(["insert", at, text]),
                lambda value: real[0].ask("setAwareness", state=value),
            )
            await real[0].ask("destroy")

        mine = StockClient(ME)

        async def edit(at: int, text: str) -> None:
            mine.replace(at, 0, text)

        async def state(value: dict[str, int] | None) -> None:
            mine.people.set_local("null" if value is None else f'{{"cursor":{value["cursor"]}}}')

        async def open_mine(url: str) -> None:
            await mine.open(url.replace("http", "ws") + "/ws/room")

        said_too = await conversation(open_mine, edit, state)
        await mine.close()
        assert [plain(data) for data in said_too] == [plain(data) for data in said]
        assert len(said) > 25

    run(main())


@needs_node
def test_y_websocket_answers_every_question_and_is_not_disturbed(tmp_path: Path) -> None:
    """Three real clients type and move their cursors: every query is answered, recognised, and proves what it asks."""

    async def main() -> None:
        wrong: list[Any] = []

        async def has(one: YClient, length: int) -> bool:
            return len(await one.text()) == length

        with written() as ledger:
            async with running(tmp_path) as server, node() as driver:
                people = [await driver.client(name, server.url, "d") for name in ("ann", "ben", "cem")]
                for at, one in enumerate(people):
                    await eventually(one.synced)
                    await one.ask("setAwareness", state={"user": {"name": one.name}, "cursor": at})
                for turn in range(60):
                    one = people[turn % 3]
                    await one.edit(["insert", 0, one.name[0]])
                    await one.ask("setAwareness", state={"user": {"name": one.name}, "cursor": turn})
                    for other in people:
                        await eventually(lambda other=other, turn=turn: has(other, turn + 1))
                room = server.application.hub.rooms["d"]
                await eventually(lambda: room.revision and not room.in_flight)
                sessions = list(room.sessions)
                await eventually(lambda: all(not s.asked.open for s in sessions), "every question is answered")
                await eventually(
                    lambda: all(s.lower >= s.asked.news for s in sessions), "all news is known to be applied"
                )
                assert sum(s.asked.answers["query"] for s in sessions) == ledger.questions > 40
                for event in server.edits("d"):
                    assert event.context is not None
                    if not event.context.lower.base <= event.context.upper.base < event.revision:
                        wrong.append(event)
                for one in people:
                    state = await one.state()
                    assert len(state["content"]["text"]) == 60
                    assert len(state["awareness"]) == 3
                    assert state["connects"] == 1
                    assert state["closes"] == []
        assert wrong == []

    run(main())


def test_only_an_answer_is_taken_for_one() -> None:
    own, other = (ME, 4, False), (ANN, 9, False)
    me = frozenset((ME,))

    def after(*earlier: tuple[int, int, bool], settled: bool = False) -> Asked:
        asked = Asked()
        for state in earlier:
            assert not asked.is_answer(me, [state])
            asked.note(me, [state])
        asked.settled = settled
        return asked

    assert after(own).is_answer(me, [own, other])
    assert after(other, own).is_answer(me, [other, own])
    assert not after().is_answer(me, [own, other])  # its clock has moved: an event, not an answer
    assert not after(own).is_answer(me, [(ME, 5, False), other])
    assert not after(own).is_answer(me, [own])  # `setLocalState` within a listener says it twice
    assert after(own, settled=True).is_answer(me, [own])
    assert not after(own).is_answer(me, [other, (BOB, 1, False)])
    assert not after(own).is_answer(me, [own, (ANN, 9, True)])
    moved = after(own, settled=True)
    moved.note(me, [(ME, 5, False)])
    assert not moved.is_answer(me, [(ME, 5, False)])
    assert moved.is_answer(me, [(ME, 5, False), other])


def test_what_may_be_an_answer_makes_the_next_ones_unclear_and_unasked_ones_are_not_believed() -> None:
    me, own, other = frozenset((ME,)), (ME, 4, False), (ANN, 9, False)
    asked = Asked()
    asked.note(me, [own])
    asked.open.append(Question("query", 7, 0.0))
    asked.note(me, [own])
    assert asked.unclear
    assert asked.answered([own, other]) == Question("query", 7, 0.0)
    assert asked.answered([own, other]) is None
    asked.open.append(Question("query", 8, 0.0))
    assert asked.answered([own, other]) is None
    assert not asked.takes_queries


def test_what_others_say_of_somebody_connected_is_not_passed_on(tmp_path: Path) -> None:
    """Else its client would answer for itself and others in one message, unasked."""

    async def main() -> None:
        async with running(tmp_path) as server:
            ann, ben = StockClient(ANN), StockClient(BOB)
            for one in (ann, ben):
                await one.open(server.socket_url("d"))
                one.move_cursor(0)  # clock 1: a state of clock 0 is no news to anybody
            await eventually(lambda: BOB in ann.people.states and ANN in ben.people.states, "they see each other")
            ben.people.states.pop(ANN)
            ben._send(ben.people.message([ANN]))  # what a client says of one it has not heard of for 30 s
            ben.move_cursor(3)
            await eventually(lambda: "cursor" in ann.people.states[BOB], "the cursor comes behind it")
            assert ann.people.clocks[ANN] == 1
            assert ANN in ann.people.states
            for one in (ann, ben):
                await one.close()

    run(main())
