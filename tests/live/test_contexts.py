"""What recorded contexts of stock clients are worth: held against what their authors really had applied."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest

from keepboth.events import Context, Seen
from keepboth.live.projector import ConflictProjector
from keepboth.yjs.messages import (
    AwarenessState,
    SyncStep1,
    encode_awareness,
    encode_sync_step1,
    encode_sync_step2,
    encode_update_message,
)
from tests.contexts import Session, hot_spots, questions_open, recording, score_all, score_touching
from tests.harness import Peer, eventually, run, running
from tests.stock import StockClient, written

FULL = os.environ.get("KEEPBOTH_FULL") == "1"
TRACE = Path(os.environ.get("KEEPBOTH_TRACES", "")) / "friendsforever.json.gz"


def assert_true_to_life(session: Session) -> None:
    """No bound is wrong, nothing sure is wrong, and collisions are told from mere neighbours."""
    assert session.wrong_bounds == []
    for score in (score_all(session.edits), score_touching(session.edits)):
        assert score.wrong == 0
        assert score.recall >= 0.99, score
        assert score.precision >= 0.98, score


@pytest.mark.parametrize(
    ("seed", "clients", "cursors"),
    [(1, 2, True), (2, 3, True), (3, 3, False), *([(4, 5, True), (5, 4, True), (6, 2, False)] if FULL else [])],
)
def test_questions_tell_who_had_seen_what(tmp_path: Path, seed: int, clients: int, cursors: bool) -> None:
    edits = 300 if FULL else 80
    session = run(
        hot_spots(tmp_path, seed, clients=clients, edits=edits, pause_s=0.03, away_s=(0.01, 0.025), cursors=cursors)
    )
    assert len(session.edits) == clients * edits + 1
    assert session.questions > edits
    assert session.questions - session.answers <= clients, "the last answer of each may be on its way"
    assert_true_to_life(session)


def test_without_questions_nothing_sure_is_wrong_and_no_collision_is_missed(tmp_path: Path) -> None:
    with questions_open(0):
        session = run(hot_spots(tmp_path, 7, clients=3, edits=50, pause_s=0.03, away_s=(0.01, 0.025)))
    assert session.questions == session.step_1_questions == 0
    assert session.wrong_bounds == []
    score = score_touching(session.edits)
    assert (score.wrong, score.recall) == (0, 1.0)


@pytest.mark.skipif(not TRACE.is_file(), reason="KEEPBOTH_TRACES does not hold friendsforever.json.gz")
def test_two_people_who_really_typed_are_told_apart(tmp_path: Path) -> None:
    trace = json.loads(gzip.decompress(TRACE.read_bytes()))
    session = run(recording(tmp_path, trace, 8000 if FULL else 800, 0.002))
    assert len(session.edits) == (8000 if FULL else 800)
    assert_true_to_life(session)


def test_nobody_is_asked_when_alone_or_while_reading(tmp_path: Path) -> None:
    async def main() -> None:
        with written() as ledger:
            async with running(tmp_path) as server:
                ann, ben = StockClient(1), StockClient(2)
                await ann.open(server.socket_url("d"))
                for at in range(20):
                    ann.replace(at, 0, "x")
                await eventually(lambda: len(server.edits("d")) == 20)
                assert (ledger.questions, ledger.step_1_questions) == (0, 0)
                await ben.open(server.socket_url("d"))
                await eventually(lambda: len(str(ben.text)) == 20)
                joined = ledger.questions
                for at in range(20):
                    ann.replace(at, 0, "x")
                await eventually(lambda: len(str(ben.text)) == 40)
                assert ledger.questions - joined <= 2
                for one in (ann, ben):
                    await one.close()

    run(main())


def test_a_client_that_never_answers_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        with written() as ledger:
            async with running(tmp_path) as server, Peer(server, "d", 1) as ann, Peer(server, "d", 2) as mute:
                mute.answer_step1 = False
                for at in range(30):
                    await mute.type(at, "m")
                    await eventually(lambda at=at: len(ann.value) == 2 * at + 1)
                    await ann.type(at, "a")
                    await eventually(lambda at=at: len(mute.value) == 2 * at + 2)
                room = server.application.hub.rooms["d"]
                (session,) = (one for one in room.sessions if 2 in one.clients)
                assert session.asked.questions <= 3
                assert ledger.questions <= 6

    run(main())


def test_who_shows_no_awareness_is_asked_for_a_step_2_now_and_then(tmp_path: Path) -> None:
    """As ``pycrdt.Provider``: it answers step 1 and nothing else."""

    async def main() -> None:
        async with running(tmp_path) as server:
            ann, ben = Peer(server, "d", 1), Peer(server, "d", 2)
            for peer in (ann, ben):
                await peer.open(awareness=False)
            await ann.type(0, "a")
            await eventually(lambda: ben.value == "a")
            await ben.type(0, "b")
            await eventually(lambda: ann.value == "ba")
            room = server.application.hub.rooms["d"]
            await eventually(lambda: any(one.asked.answers["step 1"] > 1 for one in room.sessions), "an answer")
            await eventually(lambda: not any(one.asked.open for one in room.sessions))
            assert all(one.lower >= one.asked.sent > 0 for one in room.sessions if one.asked.questions)
            assert any(one.asked.questions for one in room.sessions)
            for peer in (ann, ben):
                steps = [frame for frame in peer.frames if isinstance(frame, SyncStep1)]
                assert len(steps) <= 3
                await peer.close()

    run(main())


def test_a_client_with_another_source_is_never_sure(tmp_path: Path) -> None:
    """Two tabs of one browser: the second has heard of an edit before the server has."""

    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 1) as ann, Peer(server, "d", 2) as ben:
            await ann.type(0, "base")
            await eventually(lambda: ben.value == "base")
            ann.text.insert(4, "X")
            (update,) = ann.unsent
            ben._remote = True
            ben.doc.apply_update(update)
            ben._remote = False
            await ben.type(5, "Y")
            await eventually(lambda: len(server.edits("d")) >= 2)
            await ann.flush()
            await eventually(lambda: ann.value == ben.value == "baseXY")
            event = next(event for event in server.edits("d") if event.session == "y:2")
            assert event.disposition == "pending"
            assert event.context_source == "assumed"

    run(main())


def test_an_edit_before_step_1_is_never_sure(tmp_path: Path) -> None:
    """What its author came with is not known yet."""

    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 1) as ann:
            await ann.type(0, "base")
            room = server.application.hub.rooms["d"]
            await eventually(lambda: room.revision == 3, "the room has heard that it is on disk")
            early = Peer(server, "d", 2)
            await early.open(sync=False)
            await early.send(encode_awareness([AwarenessState(2, 1, "{}")]))
            early.text.insert(0, "early")
            (update,) = early.unsent
            await early.send(encode_update_message(update))
            await early.send(encode_sync_step1(early.doc.get_state()))
            await early.send(encode_sync_step2(early.doc.get_update()))
            await eventually(lambda: "early" in ann.value)
            event = server.edits("d")[-1]
            assert event.context_source == "assumed"
            assert event.context == Context(Seen(0), Seen(event.revision - 2))
            await early.close()

    run(main())


def test_what_another_tab_brings_collides_and_is_never_sure(tmp_path: Path) -> None:
    """Written offline, kept by the browser, sent by the next page: the author is the old one, who had not seen it."""

    async def main() -> None:
        async with running(tmp_path) as server, Peer(server, "d", 2) as ben:
            ann, tab = Peer(server, "d", 1), Peer(server, "d", 3)
            await ann.open()
            await ann.type(0, "one two")
            await eventually(lambda: ben.value == "one two")
            await ann.close()
            await eventually(lambda: len(server.application.hub.rooms["d"].sessions) == 1)
            ann.text.insert(3, "X")
            await ben.type(3, "Y")
            await eventually(lambda: len(server.edits("d")) == 2)
            tab._remote = True
            tab.doc.apply_update(ann.doc.get_update())
            tab._remote = False
            await tab.open()
            await eventually(lambda: "X" in ben.value and "Y" in tab.value)
            first, by_ben, brought = server.edits("d")
            assert (brought.session, brought.relayed_by, brought.context_source) == ("y:1", "y:3", "assumed")
            assert brought.context == Context(Seen(0), Seen(by_ben.revision))
            assert first.session == "y:1"
            projector = ConflictProjector("d")
            projector.take_rows(server.application.store.edit_rows("d", limit=10_000))
            (episode,) = projector.engine.episodes()
            assert episode.kinds == {"insert-insert"}
            assert not episode.certain
            await tab.close()

    run(main())
