"""The published client against a real server: it converges, waits for durability, resumes, and closes cleanly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from keepboth.client import Client, Unreachable
from keepboth.errors import Fenced, IdentityClash, InvalidRequest, KeepBothError, NotAuthorised, NotFound, OverLimit
from tests.client.process import Server, context_of, payloads, serving
from tests.harness import eventually, run, running


class Writer:
    """A client and its text. Keeps the bytes of every edit that got a receipt."""

    def __init__(self, url: str, document: str, **options: Any) -> None:
        self.durable: list[bytes] = []
        self.client = Client(url, document, on_receipt=lambda edit, _: self.durable.append(edit.update), **options)
        self.text = self.client.doc.get("text", type=pycrdt.Text)

    @classmethod
    def of(cls, client: Client) -> Writer:
        self = cls.__new__(cls)
        self.client, self.text, self.durable = client, client.doc.get("text", type=pycrdt.Text), []
        return self

    def __str__(self) -> str:
        return str(self.text)

    async def reads(self, expected: str) -> None:
        await self.client.until(lambda: str(self.text) == expected)


@asynccontextmanager
async def opened(url: str, document: str, **options: Any) -> AsyncIterator[Writer]:
    writer = Writer(url, document, **options)
    async with writer.client:
        await writer.client.until(writer.client.synced.is_set)
        yield writer


def test_two_clients_converge(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:
            ann.text += "hello"
            await bob.reads("hello")
            bob.text += " world"
            ann.text.insert(0, "¡")
            await ann.client.flush()
            await bob.client.flush()
            await eventually(lambda: str(ann) == str(bob) == "¡hello world")

    run(main())
    assert server.text(document) == "¡hello world"


def test_flush_waits_until_everything_written_is_in_the_log(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann:
            for _ in range(200):
                ann.text += "x"
            assert ann.client.waiting == 200
            await ann.client.flush()
            assert ann.client.waiting == 0
            assert payloads(await asyncio.to_thread(server.edits, document)) == ann.durable

    run(main())


def test_receipt_says_where_an_edit_stands(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann:
            ann.text += "x"
            assert ann.client.last_edit is not None
            receipt = await ann.client.receipt(ann.client.last_edit.seq)
            (edit,) = await asyncio.to_thread(server.edits, document)
            assert receipt == (1, "appended", edit["docrevision"], "ready")
            assert await ann.client.receipt(1) is receipt
            with pytest.raises(NotFound):
                await ann.client.receipt(2)

    run(main())


@pytest.mark.parametrize("name", ["a/events", "..", "#?&=%2F", "ä ö/ü", "x" * 512])
def test_any_text_names_a_document(server: Server, name: str) -> None:
    async def main() -> None:
        async with opened(server.url, name) as ann:
            ann.text += "x"
            await ann.client.flush()

    run(main())
    assert server.text(name) == "x"


def test_bad_addresses_and_names_are_refused() -> None:
    with pytest.raises(InvalidRequest):
        Client("127.0.0.1:8100", "x")
    with pytest.raises(InvalidRequest):
        Client("http://127.0.0.1:8100", "")


def test_offline_edits_keep_their_context_and_time_and_are_written_once(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:
            ann.text += "one"
            await bob.reads("one")
            await ann.client.flush()
            before = ann.client.seen
            await ann.client.go_offline()
            assert ann.client.state == "offline"
            assert not ann.client.synced.is_set()
            ann.text += " two"
            ann.text += " three"
            written = ann.client.last_edit
            assert ann.client.waiting == 2
            assert written is not None
            assert written.seen == before
            bob.text.insert(0, "zero ")
            await bob.client.flush()
            await ann.client.go_online()
            await ann.client.flush()
            await bob.reads("zero one two three")
            await ann.reads("zero one two three")

            edits = await asyncio.to_thread(server.edits, document)
            assert sorted(payloads(edits)) == sorted(ann.durable + bob.durable)
            away = [edit for edit in edits if "correlationid" in edit]
            assert payloads(away) == ann.durable[1:]
            for edit in away:
                assert context_of(edit).exact
                assert context_of(edit).lower == before
                assert edit["contextsource"] == "declared"
                assert edit["timequality"] == "measured"
                assert edit["time"] < edit["recordedtime"]

    run(main())


def test_conflicts_arrive(server: Server, document: str) -> None:
    async def main() -> None:
        seen: list[dict[str, Any]] = []
        async with (
            opened(server.url, document, on_conflict=seen.append, name="Ann") as ann,
            opened(server.url, document, name="Bob") as bob,
        ):
            ann.text += "one two three"
            await bob.reads("one two three")
            await ann.client.go_offline()
            for writer, word in ((ann, "II"), (bob, "2")):
                del writer.text[4:7]
                writer.text.insert(4, word)
            await bob.client.flush()
            await ann.client.go_online()
            await ann.client.until(lambda: any("2" in e["merged"] and "II" in e["merged"] for e in seen))
            (episode,) = ann.client.conflicts.values()
            assert sorted(side["text"] for side in episode["sides"]) == ["2", "II"]

    run(main())


def test_an_observer_that_writes_has_seen_what_made_it_write(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:
            loop = asyncio.get_running_loop()

            def answer(event: pycrdt.TextEvent) -> None:
                if "?" in str(bob.text) and "!" not in str(bob.text):
                    loop.call_soon(bob.text.insert, 0, "!")

            bob.text.observe(answer)
            ann.text += "?"
            await ann.reads("!?")
            question, reply = await asyncio.to_thread(server.edits, document)
            assert context_of(reply).lower.base == question["docrevision"]

    run(main())


def test_a_transaction_that_awaits_keeps_remote_edits_out(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:
            async with bob.client.doc.new_transaction():
                bob.text += "b"
                ann.text += "a"
                await ann.client.flush()
                assert str(bob) == "b"
            await bob.client.until(lambda: len(str(bob)) == 2)
            await bob.client.flush()
            await ann.reads(str(bob))
            edits = payloads(await asyncio.to_thread(server.edits, document))
            assert sorted(edits) == sorted(ann.durable + bob.durable)

    run(main())


def test_a_failing_observer_does_not_end_the_connection(
    server: Server, document: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:

            def fail(event: pycrdt.TextEvent) -> None:
                raise ValueError("an observer of the application")

            subscription = bob.text.observe(fail)
            ann.text += "a"
            await bob.reads("a")
            bob.text.unobserve(subscription)
            ann.text += "b"
            await bob.reads("ab")
            assert bob.client.state == "online"

    run(main())
    assert "an observer of the document failed" in caplog.text


def test_what_the_document_held_before_is_transferred(server: Server, document: str) -> None:
    async def main() -> None:
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.get("text", type=pycrdt.Text).insert(0, "from before")
        async with Client(server.url, document, doc), opened(server.url, document) as bob:
            await bob.reads("from before")

    run(main())


# -- resuming ---------------------------------------------------------------------------------------------------------


def test_saved_client_goes_on_as_the_same_session(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document, name="Ann") as ann:
            ann.text += "one"
            await ann.client.flush()
            await ann.client.go_offline()
            ann.text += " two"
            before = ann.client.seen
            data = ann.client.save()

        again = Writer.of(Client.load(data))
        assert again.client.session == ann.client.session
        assert again.client.doc.client_id == ann.client.doc.client_id
        assert again.client.seen == before
        assert (again.client.waiting, str(again)) == (1, "one two")
        again.text += " three"
        async with again.client:
            await again.client.flush()
            again.text += " four"
            await again.client.flush()
        edits = await asyncio.to_thread(server.edits, document)
        assert len(edits) == 4
        assert {edit["session"] for edit in edits} == {ann.client.session}
        assert [context_of(edit).lower.base for edit in edits[1:3]] == [before.base] * 2

    run(main())
    assert server.text(document) == "one two three four"


def test_a_state_saved_before_the_last_edits_is_refused(server: Server, document: str) -> None:
    """It would write other content under ids that are taken."""

    async def main() -> None:
        async with opened(server.url, document) as ann:
            ann.text += "one"
            await ann.client.flush()
            data = ann.client.save()
            ann.text += " two"
            await ann.client.flush()
        stale = Writer.of(Client.load(data))
        stale.text += " other"
        async with stale.client:
            with pytest.raises(IdentityClash):
                await stale.client.flush()
            assert stale.client.state == "closed"

    run(main())
    assert server.text(document) == "one two"


@pytest.mark.parametrize("data", [b"", b"KeepBoth client 1\n", b"KeepBoth client 1\n\x02{}\x00\x00"])
def test_damaged_saved_client_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Client.load(data)


def test_second_connection_of_a_session_ends_the_first(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document, session="the-same-session") as first:
            await first.client.go_offline()
            first.text += "kept"
            data = first.client.save()
            await first.client.go_online()
            await first.client.flush()
            async with Client.load(data) as second:
                await first.client.until(lambda: first.client.state == "closed")
                assert isinstance(first.client.last_error, Fenced)
                first.text += " for later"
                await second.flush()
                assert second.state == "online"
                with pytest.raises(Fenced):
                    await first.client.go_online()

    run(main())


def test_server_killed_and_started_again_loses_and_repeats_nothing(tmp_path: Path, document: str) -> None:
    async def main(server: Server) -> None:
        async with (
            opened(server.url, document, longest_pause_s=0.2) as ann,
            opened(server.url, document, longest_pause_s=0.2) as bob,
        ):
            for restart in range(3):
                for number in range(60):
                    ann.text += f"a{number} "
                    bob.text.insert(0, f"b{number} ")
                    await asyncio.sleep(0)
                    if number == 30:
                        await ann.client.until(lambda: bool(ann.durable))
                        await asyncio.to_thread(server.kill)
                await ann.client.until(lambda: ann.client.state != "online")
                assert ann.client.waiting > 0
                await asyncio.to_thread(server.start)
                await ann.client.flush()
                await bob.client.flush()
                assert len(ann.durable) == len(bob.durable) == 60 * (restart + 1)
            await eventually(lambda: str(ann) == str(bob))
            edits = await asyncio.to_thread(server.edits, document)
            assert sorted(payloads(edits)) == sorted(ann.durable + bob.durable)
            assert {edit["contextsource"] for edit in edits} == {"declared"}
            assert await asyncio.to_thread(server.text, document) == str(ann)

    with serving(tmp_path / "data") as server:
        run(main(server))


def test_a_server_with_another_log_gets_everything(tmp_path: Path, document: str) -> None:
    async def main(first: Server, second: Server) -> None:
        async with opened(first.url, document, longest_pause_s=0.2) as ann:
            ann.text += "one"
            await ann.client.flush()
            second.url = first.url
            await asyncio.to_thread(first.stop)
            ann.text += " two"
            await asyncio.to_thread(second.start)
            await ann.client.flush()
            await ann.client.until(ann.client.synced.is_set)
            ann.text += " three"
            await ann.client.flush()
            assert await asyncio.to_thread(second.text, document) == "one two three"
            assert len(await asyncio.to_thread(second.edits, document)) == 3

    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with serving(tmp_path / "a" / "data") as first:
        second = Server(tmp_path / "b" / "data")
        try:
            run(main(first, second))
        finally:
            second.stop()


# -- errors and the end -----------------------------------------------------------------------------------------------


def test_client_waits_for_a_server_that_is_not_there_yet(tmp_path: Path, document: str) -> None:
    async def main(server: Server) -> None:
        ann = Writer(server.url, document, longest_pause_s=0.2)
        async with ann.client:
            ann.text += "early"
            await ann.client.until(lambda: isinstance(ann.client.last_error, Unreachable))
            with pytest.raises(TimeoutError, match="1 edits waiting"):
                await ann.client.flush(0.05)
            await asyncio.to_thread(server.start)
            await ann.client.flush()

    with serving(tmp_path / "data") as server:
        server.stop()
        run(main(server))


def test_an_edit_too_large_for_the_server_closes_by_name(tmp_path: Path, document: str) -> None:
    async def main(server: Server) -> None:
        async with opened(server.url, document) as ann:
            ann.text += "x" * 5000
            with pytest.raises(OverLimit):
                await ann.client.flush()
            assert ann.client.state == "closed"
            assert ann.client.waiting == 1

    with serving(tmp_path / "data", "--max-frame-bytes", "2048") as server:
        run(main(server))


def test_who_has_no_right_is_told_so(tmp_path: Path) -> None:
    def nobody(request: Any) -> None:
        raise NotAuthorised("not you")

    async def main() -> None:
        async with running(tmp_path / "data", nobody) as server, Client(server.url, "x") as client:
            await client.until(lambda: client.state == "closed")
            assert isinstance(client.last_error, NotAuthorised)

    run(main())


def test_close_leaves_nothing_behind(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann:
            ann.text += "x"
        assert ann.client.state == "closed"
        assert ann.client.waiting == 0, "leaving waits for receipts"
        assert asyncio.all_tasks() == {asyncio.current_task()}
        ann.text += "y"
        assert ann.client.waiting == 0, "a closed client does not listen to the document"
        await ann.client.close()

        async with Client("http://127.0.0.1:9", document) as client:
            await client.go_offline()
        assert asyncio.all_tasks() == {asyncio.current_task()}
        with pytest.raises(KeepBothError):
            await client.go_online()

    run(main())
