"""A fold that was kept as bytes goes on as if it had never stopped."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.events import Disposition
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.fold.frozen import freeze, from_bytes, thaw, to_bytes
from keepboth.fold.views import json_value
from keepboth.yjs.slicing import dependencies
from keepboth.yjs.update import decode_update
from tests.yjs.documents import session


def _shuffled(updates: list[bytes], random: Random) -> list[FoldedEdit]:
    """*updates* recorded in an order that makes some of them wait, with the disposition the decider would give."""
    order = list(updates)
    for _ in range(len(order) // 4):
        at = random.randrange(len(order) - 1)
        order[at], order[at + 1] = order[at + 1], order[at]
    edits: list[FoldedEdit] = []
    fold = DocumentFold()
    for revision, payload in enumerate(order, 1):
        update = decode_update(payload)
        clocks = fold.clocks()
        there = all(clock + length <= clocks.get(client, 0) for client, clock, length in dependencies(update))
        disposition: Disposition = "ready" if there else "pending"
        edits.append(FoldedEdit(revision, disposition, payload))
        fold.add(edits[-1:])
    return edits


@pytest.mark.parametrize("seed", range(40))
def test_a_fold_goes_on_from_its_bytes(seed: int) -> None:
    random = Random(seed)
    _, updates = session(seed)
    edits = _shuffled(updates, random)
    whole = DocumentFold()
    releases = [release[:2] for edit in edits for release in whole.add([edit])]
    cut = random.randrange(len(edits) + 1)
    first = DocumentFold()
    seen = [release[:2] for edit in edits[:cut] for release in first.add([edit])]
    frozen = freeze(first)
    assert frozen is not None
    assert from_bytes(to_bytes(frozen)) == frozen
    payloads = {edit.revision: edit.payload for edit in edits}
    second = thaw(frozen, payloads.get)
    seen += [release[:2] for edit in edits[cut:] for release in second.add([edit])]
    assert seen == releases
    assert json_value(second.replica) == json_value(whole.replica)
    assert second.clocks() == whole.clocks()
    assert second.replica.deletes() == whole.replica.deletes()
    assert (second.late, second.revision, len(second.waiting)) == (whole.late, whole.revision, len(whole.waiting))


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x01", b"\x01abc", b"\x02" + b"x" * 20])
def test_bytes_that_are_no_fold_are_none(data: bytes) -> None:
    assert from_bytes(data) is None
