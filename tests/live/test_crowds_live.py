"""Hundreds of edits meet in one place of a live room: whatever takes long is done beside the event loop."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pycrdt
import pytest

from keepboth.live.projector import MANY_PAIRS, MUCH_TO_TELL_US, ConflictProjector, Findings
from tests.api.conftest import rewrite
from tests.harness import Running, run, running

PLACES = 24
"""That each of a crowd has rewritten."""

LONG_STEPS = 5 * MANY_PAIRS
"""Steps of detection, of about a microsecond, that would be noticed: none of what is here and short takes as many."""


class Seen:
    """What the engine was asked to do, where: by whether it was in the event loop's thread."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.told: list[tuple[bool, int]] = []
        self.looked: list[tuple[bool, int]] = []
        loop = threading.get_ident()
        findings, take = ConflictProjector.findings, ConflictProjector.take_facts

        def telling(projector: ConflictProjector) -> Findings:
            self.told.append((threading.get_ident() == loop, projector.engine.unread_us))
            return findings(projector)

        def looking(projector: ConflictProjector, *given: Any) -> None:
            before = projector.engine.steps
            take(projector, *given)
            self.looked.append((threading.get_ident() == loop, projector.engine.steps - before))

        monkeypatch.setattr(ConflictProjector, "findings", telling)
        monkeypatch.setattr(ConflictProjector, "take_facts", looking)


def in_one_place(base: bytes, word: str) -> bytes:
    """The update of somebody who had *base* and rewrote one word of it."""
    return rewrite(base, 1000, 1004, word)


def all_over_it(base: bytes, word: str) -> bytes:
    """The update of somebody who had *base* and rewrote words all over it."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base)
    before = doc.get_state()
    text = doc.get("text", type=pycrdt.Text)
    with doc.transaction():
        for place in range(PLACES):
            del text[place * 40 : place * 40 + 4]
            text.insert(place * 40, word)
    return bytes(doc.get_update(before))


async def caught_up(server: Running) -> None:
    room = await server.application.hub.live_room("crowd")
    assert await server.application.detector.caught_up(room, 60) == room.revision


async def edit(http: httpx.AsyncClient, update: bytes, who: str) -> None:
    """*update* of somebody who has seen only what the document began with."""
    answer = await http.post(
        "/api/edits",
        params={"document": "crowd", "session": f"{who}-session", "seen": 2},
        content=update,
        headers={"Content-Type": "application/x.yjs-update-v1"},
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize(("crowd", "write"), [(200, in_one_place), (50, all_over_it)])
def test_what_lands_in_a_crowd_does_not_hold_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowd: int, write: Callable[[bytes, str], bytes]
) -> None:
    seen = Seen(monkeypatch)

    async def main() -> None:
        async with (
            running(tmp_path) as server,
            httpx.AsyncClient(base_url=server.url, trust_env=False, timeout=60) as http,
        ):
            begun = {"document": "crowd", "id": str(uuid.uuid4()), "content": {"text": "some words and more " * 100}}
            assert (await http.post("/api/documents", json=begun)).status_code == 201
            base = (await http.get("/api/state", params={"document": "crowd", "as": "update"})).content
            for at in range(crowd):
                await edit(http, write(base, f"word {at}"), f"writer-{at}")
                if not at % 20:
                    await caught_up(server)
            await caught_up(server)
            for at in range(3):
                await edit(http, write(base, f"word {crowd + at}"), f"late-{at}")
                await caught_up(server)
            (entry,) = (await http.get("/api/conflicts", params={"document": "crowd", "sort": "newest"})).json()[
                "conflicts"
            ][:1]
            assert len(entry["sides"]) > 1

    run(main())
    assert max(us for _, us in seen.told) > 4 * MUCH_TO_TELL_US  # or there was no crowd
    assert [us for on_loop, us in seen.told if on_loop and us > MUCH_TO_TELL_US] == []
    assert [steps for on_loop, steps in seen.looked if on_loop and steps > LONG_STEPS] == []
    if write is all_over_it:
        assert max(steps for _, steps in seen.looked) > LONG_STEPS
