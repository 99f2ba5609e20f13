"""What the engine is given at once."""

from __future__ import annotations

from typing import Any

import pytest

from keepboth.events import Context, Draft, Seen
from keepboth.live.passage import CommittedEdit, Ports
from keepboth.live.projector import ConflictProjector
from keepboth.live.room import Room
from keepboth.live.watching import SLICE_EDITS, Watch
from keepboth.settings import Settings
from keepboth.yjs.update import decode_update
from tests.store.making import edit
from tests.yjs.documents import Author


def visible(count: int, effective: list[int]) -> list[CommittedEdit]:
    """*count* edits of one author, released at *effective*."""
    log: list[bytes] = []
    author = Author(7, log)
    author._recording = True
    for _ in range(count):
        author.text += "x"
    found = []
    for revision, (payload, at) in enumerate(zip(log, effective, strict=True), start=1):
        draft: Draft = edit(payload, context=Context(Seen(0), Seen(0)))
        found.append(CommittedEdit(revision, at, draft, decode_update(payload)))
    return found


@pytest.mark.parametrize("heavy", [False, True], ids=["light", "heavy"])
def test_what_was_released_together_is_looked_at_together(heavy: bool) -> None:
    def port(*_: Any) -> float:
        return 0.0

    ports: Any = [port] * 8
    watch = Watch(Room("d", Settings(), Ports(*ports, store_id="")))
    watch.looked(long=heavy)
    assert watch.heavy is heavy
    together = SLICE_EDITS + 6
    watch.queue_up(visible(together + 2, [1] + [together + 1] * together + [together + 2]))
    projector = ConflictProjector("d")
    slices = []
    while watch.queue:
        slices.append(len(watch.take(projector)[0]))
    assert sum(slices) == together + 2
    assert slices == ([1, together, 1] if heavy else [together + 1, 1])
