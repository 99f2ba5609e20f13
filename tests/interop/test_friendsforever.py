"""Two people really typed this, keystroke by keystroke, a second apart: replayed over real sockets, judged by Yjs.

The trace is no part of the project: ``KEEPBOTH_TRACES`` names the folder that holds ``friendsforever.json.gz``.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from keepboth.conflicts.model import ENGINE_VERSION
from keepboth.events import Draft, Event, Seen
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.views import text
from keepboth.live.projector import rebuild
from keepboth.store.base import Append, Appended, EventStore, Original
from keepboth.store.conflicts import SqliteConflictStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs.messages import UpdateMessage, decode_message, encode_private, encode_update_message
from keepboth.yjs.private import decode_suffix, encode_seen
from tests.harness import Peer, eventually, run, running
from tests.interop.node import needs_node, node
from tests.logcheck import assert_complete

TRACES = os.environ.get("KEEPBOTH_TRACES", "")
TRACE = Path(TRACES) / "friendsforever.json.gz"
EVERY = 500
DOCUMENT = "friends/forever"

pytestmark = [
    needs_node,
    pytest.mark.skipif(not (TRACES and TRACE.is_file()), reason="KEEPBOTH_TRACES does not hold friendsforever.json.gz"),
]

Step = tuple[int, int, int, str]
"""(how many of the other's edits its author had applied, place, length deleted, text inserted)."""


def script() -> tuple[tuple[list[Step], list[Step]], str]:
    """What each of the two did, in order, and the text that came of it."""
    trace = json.loads(gzip.decompress(TRACE.read_bytes()))
    steps: tuple[list[Step], list[Step]] = ([], [])
    known: list[list[int]] = []
    for txn in trace["txns"]:
        vector = [max((known[parent][agent] for parent in txn["parents"]), default=0) for agent in (0, 1)]
        me = txn["agent"]
        ((at, deleted, inserted),) = txn["patches"]
        assert vector[me] == len(steps[me])
        steps[me].append((vector[1 - me], at, deleted, inserted))
        vector[me] += 1
        known.append(vector)
    return steps, trace["endContent"]


class Stepper(Peer):
    """A declared client that applies what it is sent when it is told to, one event at a time."""

    held: deque[tuple[bytes, int]]
    mine: deque[bytes]

    async def start(self, session: str) -> None:
        self.held, self.mine = deque(), deque()
        self.applied = self.sent = self.declared = 0
        self.arrived = asyncio.Event()
        await self.open(sync=False)
        await self.hello(session, frames="events")
        await self.send(b"\x00\x00\x01\x00")
        await self.synced.wait()

    async def _take(self, data: bytes) -> None:
        message = decode_message(data)
        if isinstance(message, UpdateMessage):
            self.held.append((message.update, decode_suffix(message.suffix)[0]))
            self.arrived.set()
        else:
            await super()._take(data)
            self.frames.clear()

    async def until(self, theirs: int) -> None:
        """Apply what came until *theirs* of the other's edits are applied, and not one more."""
        while self.applied < theirs:
            while not self.held:
                self.arrived.clear()
                await asyncio.wait_for(self.arrived.wait(), 20)
            update, revision = self.held.popleft()
            self.seen = (revision, b"")
            if self.mine and self.mine[0] == update:
                self.mine.popleft()
                continue
            self.applied += 1
            self._remote = True
            self.doc.apply_update(update)
            self._remote = False

    async def play(self, steps: Sequence[Step]) -> None:
        for theirs, at, deleted, inserted in steps:
            await self.until(theirs)
            if self.seen[0] != self.declared:
                self.declared = self.seen[0]
                await self.send(encode_private(encode_seen(Seen(self.declared))))
            with self.doc.transaction():
                if deleted:
                    del self.text[at : at + deleted]
                if inserted:
                    self.text.insert(at, inserted)
            (update,) = self.unsent
            self.unsent.clear()
            self.mine.append(update)
            self.sent += 1
            await self.send(encode_update_message(update))


def prefixes(edits: Sequence[Event]) -> tuple[list[int], list[str]]:
    """The text after every 500th edit, as our fold has it."""
    fold = DocumentFold()
    counts, texts = [], []
    for start in range(0, len(edits), EVERY):
        page = edits[start : start + EVERY]
        fold.add([FoldedEdit(event.revision, event.disposition, event.payload) for event in page])
        counts.append(start + len(page))
        texts.append(text(fold.replica, "text"))
    return counts, texts


def copied(store: SqliteStore, into: EventStore) -> bytes:
    """Append every event of *store* to another one; return the document's hash there."""
    answer = b""
    after = 0
    while page := store.read(after=after, limit=1000):
        after = page[-1].position
        items = []
        for event in page:
            assert event.payload is not None
            draft = Draft(
                event.type,
                event.id,
                event.payload,
                actor=event.actor,
                actor_kind=event.actor_kind,
                content_type=event.content_type,
                session=event.session,
                session_seq=event.session_seq,
                part=event.part,
                clients=event.clients,
                relayed_by=event.relayed_by,
                context=event.context,
                context_source=event.context_source,
                message=None if event.message_digest is None else store.message(event.message_digest),
                authored_at=event.authored_at,
                time_quality=event.time_quality,
                correlation_id=event.correlation_id,
                causation_id=event.causation_id,
                away_from=event.away_from,
                disposition=event.disposition,
            )
            salt = store.salt(event.id)
            assert salt is not None
            items.append(Append(event.document, [draft], at=event.recorded_at, originals=(Original(salt),)))
        for result in into.append(items):
            assert isinstance(result, Appended)
            assert result.receipts[0].status == "appended"
            answer = result.document_hash
    return answer


def test_friends_forever(tmp_path: Path) -> None:
    async def main() -> None:
        steps, expected = script()
        total = len(steps[0]) + len(steps[1])
        assert total == 26_078
        async with running(tmp_path / "data") as server:
            ann, bob = Stepper(server, DOCUMENT, 1), Stepper(server, DOCUMENT, 2)
            await ann.start("session-ann")
            await bob.start("session-bob")
            async with asyncio.TaskGroup() as group:
                group.create_task(ann.play(steps[0]))
                group.create_task(bob.play(steps[1]))
            await ann.until(len(steps[1]))
            await bob.until(len(steps[0]))
            assert ann.value == bob.value == expected
            await eventually(lambda: len(ann.receipts) + len(bob.receipts) == total, "every edit has its receipt")
            room = await server.application.hub.live_room(DOCUMENT)
            assert await server.application.detector.caught_up(room, 30) == room.revision
            await ann.close()
            await bob.close()

        with_log(tmp_path, ann, bob, total, expected)
        await judged_by_yjs(tmp_path)

    run(main())


def with_log(tmp_path: Path, ann: Stepper, bob: Stepper, total: int, expected: str) -> None:
    store = SqliteStore(tmp_path / "data" / "log.sqlite3")
    conflicts = SqliteConflictStore(tmp_path / "data" / "projections.sqlite3", version=ENGINE_VERSION)
    try:
        edits = all_edits(store)
        assert len(edits) == total
        assert text(assert_complete(edits).replica, "text") == expected
        # Every receipt names the place of its edit, and every context is the one that was declared.
        places = {(event.session, event.session_seq): event.revision for event in edits}
        for session, peer in (("session-ann", ann), ("session-bob", bob)):
            assert [(r.seq, r.status, r.disposition) for r in peer.receipts] == [
                (seq, "appended", "ready") for seq in range(1, peer.sent + 1)
            ]
            assert all(places[session, receipt.seq] == receipt.revision for receipt in peer.receipts)
        assert {event.context_source for event in edits} == {"declared"}

        episodes = conflicts.list(DOCUMENT)
        assert len(episodes) == 1
        episode = json.loads(episodes[0].body)
        assert sorted(side["text"] for side in episode["sides"]) == [" The whole ", ", hu"]
        assert episode["before"].endswith("in the 90s")
        assert episode["certain"] is True

        again = SqliteConflictStore(tmp_path / "rebuilt.sqlite3", version=ENGINE_VERSION)
        try:
            assert rebuild(store, again) == 1
            assert again.list(DOCUMENT) == episodes
            assert again.cursor(DOCUMENT) == conflicts.cursor(DOCUMENT)
        finally:
            again.close()

        row = store.document(DOCUMENT)
        assert row is not None
        assert copied(store, MemoryStore()) == row.document_hash
        second = SqliteStore(tmp_path / "second" / "log.sqlite3")
        try:
            assert copied(store, second) == row.document_hash
            assert list(second.verify()) == []
        finally:
            second.close()
    finally:
        conflicts.close()
        store.close()


def all_edits(store: SqliteStore) -> list[Event]:
    events: list[Event] = []
    while page := store.read(DOCUMENT, after=events[-1].revision if events else 0, limit=5000):
        events += page
    return [event for event in events if event.type == "edit.recorded"]


async def judged_by_yjs(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data" / "log.sqlite3")
    try:
        edits = all_edits(store)
    finally:
        store.close()
    counts, texts = prefixes(edits)
    async with node() as driver:
        answer: dict[str, Any] = await driver.replay([event.payload or b"" for event in edits], at=counts)
    assert answer["prefixes"] == texts
