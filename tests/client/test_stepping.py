"""Stepping mode: received updates wait until they are chosen, and what is written declares exactly what was."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from keepboth.client import Client, Seen
from keepboth.errors import InvalidRequest, NotFound
from tests.client.process import Server, context_of, payloads
from tests.client.test_client import Writer, opened
from tests.harness import run


async def _holding(url: str, document: str, **options: Any) -> Writer:
    writer = Writer(url, document, frames="events", **options)
    writer.client.hold()
    await writer.client.__aenter__()
    await writer.client.until(writer.client.synced.is_set)
    return writer


async def _writes(writer: Writer, *words: str) -> list[int]:
    """Write *words* at the start, one edit each; return their revisions."""
    revisions = []
    for word in words:
        writer.text.insert(0, word)
        assert writer.client.last_edit is not None
        revisions.append((await writer.client.receipt(writer.client.last_edit.seq)).revision)
    return revisions


def test_declares_exactly_what_was_applied(server: Server, document: str) -> None:
    async def main() -> None:
        cleo = await _holding(server.url, document)
        async with opened(server.url, document) as ann, opened(server.url, document) as bob:
            (a1,) = await _writes(ann, "a1 ")
            (b1,) = await _writes(bob, "b1 ")
            (a2,) = await _writes(ann, "a2 ")
            (b2,) = await _writes(bob, "b2 ")
            await cleo.client.until(lambda: len(cleo.client.held) == 4)
            assert str(cleo) == ""
            cleo.client.apply([b1, a1])
            (c1,) = await _writes(cleo, "c1 ")
            cleo.client.apply([b2, a2])
            (c2,) = await _writes(cleo, "c2 ")
            assert not cleo.client.held
            edits = {edit["docrevision"]: edit for edit in await asyncio.to_thread(server.edits, document)}
            for revision, known in ((c1, {a1, b1}), (c2, {a1, a2, b1, b2})):
                context = context_of(edits[revision])
                assert context.exact
                assert edits[revision]["contextsource"] == "declared"
                assert {r for r in (a1, a2, b1, b2) if context.lower.knows(r, r)} == known
            assert context_of(edits[c2]).lower == Seen(c1), "everything up to its own first edit"
        await cleo.client.close()

    run(main())


def test_ranges_beyond_a_gap_are_declared_one_by_one(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann:
            first = await _writes(ann, "1 ")
            cleo = await _holding(server.url, document)
            assert cleo.client.held_state == first[0]
            async with opened(server.url, document) as bob:
                await bob.reads("1 ")
                (skipped,) = await _writes(ann, "2 ")
                await bob.reads("2 1 ")
                (taken,) = await _writes(bob, "3 ")
                await cleo.client.until(lambda: taken in cleo.client.held)
                cleo.client.apply_state()
                assert str(cleo) == "1 "
                assert cleo.client.seen == Seen(first[0])
                with pytest.raises(InvalidRequest):
                    cleo.client.apply([taken])  # bob wrote it before "2 ", which cleo lacks
                assert str(cleo) == "1 "
                cleo.client.apply([skipped])
                cleo.client.apply([taken])
                assert str(cleo) == str(bob)
        await cleo.client.close()

    run(main())


def test_updates_may_come_another_way(server: Server, document: str) -> None:
    async def main() -> None:
        async with opened(server.url, document) as ann:
            revisions = await _writes(ann, "1 ", "2 ", "3 ")
            cleo = await _holding(server.url, document)
            history = dict(zip(revisions, payloads(await asyncio.to_thread(server.edits, document)), strict=True))
            with pytest.raises(InvalidRequest):
                cleo.client.take({revisions[1]: history[revisions[1]]})
            cleo.client.take({revision: history[revision] for revision in revisions[:2]})
            assert str(cleo) == "2 1 "
            (mine,) = await _writes(cleo, "c ")
            edits = await asyncio.to_thread(server.edits, document)
            (own,) = [edit for edit in edits if edit["docrevision"] == mine]
            assert context_of(own).lower == Seen(0, ((revisions[0], revisions[1]),))
            with pytest.raises(NotFound):
                cleo.client.apply([revisions[2]])
            cleo.client.release()
            await cleo.reads("c 3 2 1 ") if str(cleo).startswith("c") else await ann.reads(str(cleo))
            assert cleo.client.seen.include == ()
        await cleo.client.close()

    run(main())


def test_reconnecting_while_holding_keeps_the_declaration_exact(server: Server, document: str) -> None:
    async def main() -> None:
        cleo = await _holding(server.url, document)
        async with opened(server.url, document) as ann:
            one, two = await _writes(ann, "1 ", "2 ")
            await cleo.client.until(lambda: two in cleo.client.held)
            cleo.client.apply([one])
            await cleo.client.go_offline()
            cleo.text += "offline"
            (three,) = await _writes(ann, "3 ")
            data = cleo.client.save()
            await cleo.client.close(0)

            again = Writer.of(Client.load(data))
            async with again.client:
                await again.client.flush()
                await again.client.until(again.client.synced.is_set)
                assert "2 " not in str(again)
                assert again.client.held_state >= three
                own = (await asyncio.to_thread(server.edits, document))[-1]
                assert own["contextsource"] == "declared"
                seen = context_of(own).lower
                assert [seen.knows(r, r) for r in (one, two, three)] == [True, False, False]
                again.client.apply_state()
                await ann.reads(str(again))

    run(main())


def test_holding_needs_single_frames() -> None:
    with pytest.raises(InvalidRequest):
        Client("http://127.0.0.1:9", "x").hold()
