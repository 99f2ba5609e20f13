"""Types inside types inside types: what would overflow the CRDT's stack never reaches it."""

from __future__ import annotations

import subprocess
import sys
from random import Random

import pytest

from keepboth.fold.document import DocumentFold, fold
from keepboth.fold.nesting import MAX_NESTING, Nesting, may_nest
from keepboth.fold.views import json_value
from keepboth.yjs.structs import ANY, TYPE, Y_ARRAY, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.fold.sessions import Log, Row, folded, insert, updates_of


def array(client: int, clock: int, parent: str | tuple[int, int]) -> Struct:
    return Struct(client, clock, 1, TYPE, parent=parent, content=bytes((Y_ARRAY,)))


def chain(client: int, depth: int, parent: str | tuple[int, int] = "deep") -> list[Struct]:
    """Arrays, each in the one before."""
    structs = [array(client, 0, parent)]
    structs += [array(client, clock, (client, clock - 1)) for clock in range(1, depth)]
    return structs


def test_as_deep_as_allowed_is_read_and_one_more_is_not() -> None:
    allowed, too_deep = chain(1, MAX_NESTING), chain(2, MAX_NESTING + 1)
    rows = [
        Row(1, "ready", encode_update(Update({1: allowed}))),
        Row(2, "ready", encode_update(Update({2: too_deep}))),
        Row(3, "ready", encode_update(Update({3: [array(3, 0, (1, MAX_NESTING - 1))]}))),
        Row(4, "ready", encode_update(Update({4: [array(4, 0, (1, MAX_NESTING - 2))]}))),
        Row(5, "ready", insert(5, 0, "text")),
    ]
    for document in (folded(rows), folded(rows, one_by_one=True), fold(lambda a: rows if a == 0 else [])):
        assert document.quarantined == {2, 3}
        assert document.clocks() == {1: MAX_NESTING, 4: 1, 5: 4}
        assert len(document.waiting) == 0
        value = json_value(document.replica)
        assert value["text"]["value"] == "text"


def test_depth_is_inherited_by_siblings() -> None:
    first = chain(1, MAX_NESTING)
    sibling = Struct(2, 0, 1, TYPE | 0x80, origin=(1, MAX_NESTING - 1), content=bytes((Y_ARRAY,)))
    before = Struct(3, 0, 1, TYPE | 0x40, right_origin=(2, 0), content=bytes((Y_ARRAY,)))
    inside = array(4, 0, (3, 0))
    element = Struct(5, 0, 1, ANY, parent=(3, 0), content=b"\x01w\x01x")
    updates = [Update({struct.client: [struct]}) for struct in (sibling, before, inside, element)]
    rows = [Row(at, "ready", encode_update(u)) for at, u in enumerate([Update({1: first}), *updates], 1)]
    assert folded(rows).quarantined == {4}


def test_what_builds_on_something_too_deep_waits_for_ever_and_nothing_else_does() -> None:
    log = Log()
    log.send(encode_update(Update({1: chain(1, MAX_NESTING + 1)})))
    log.send(insert(1, MAX_NESTING + 1, "after", None))
    log.send(insert(2, 0, "fine"))
    assert [row.disposition for row in log.rows] == ["ready", "pending", "ready"]
    for document in (log.live, folded(log.rows), folded(log.rows, one_by_one=True)):
        assert [document.effective(revision) for revision in (1, 2, 3)] == [None, None, 3]


def test_depth_that_was_built_backwards_is_found_when_it_is_released() -> None:
    """Each part waits for the one above it, and the topmost comes last."""
    parts = [chain(client, 30, (client - 1, 29) if client > 1 else "deep") for client in range(1, 6)]
    payloads = [encode_update(Update({structs[0].client: structs})) for structs in reversed(parts)]
    innocent = insert(9, 0, "!", (1, 0))
    log = Log()
    for payload in [innocent, *payloads]:
        log.send(payload)
    assert [row.disposition for row in log.rows] == ["pending"] * 5 + ["ready"]
    for document in (log.live, folded(log.rows), folded(log.rows, batch=1)):
        assert document.clocks() == {1: 30, 2: 30, 3: 30, 9: 1}
        assert document.quarantined | {entry.revision for entry in document.waiting.entries()} == {2, 3}
        assert document.effective(1) == 6


def test_a_document_without_types_is_not_even_looked_at() -> None:
    nesting = Nesting()
    assert nesting.take([Update({1: [Struct(1, 0, 1, ANY, parent="a", content=b"\x01w\x01x")]})]) == set()
    assert not nesting.active
    assert not may_nest(insert(1, 0, "abc"))
    assert may_nest(encode_update(Update({1: chain(1, 1)})))


def naive_depths(updates: list[Update]) -> dict[tuple[int, int], int]:
    """Id -> how many types it lies in, by following references one at a time."""
    by_id = {
        (struct.client, struct.clock + at): struct
        for update in updates
        for structs in update.structs.values()
        for struct in structs
        for at in range(struct.length)
    }

    def depth(struct: Struct) -> int:
        found = [depth(by_id[ref]) for ref in (struct.origin, struct.right_origin) if ref is not None]
        if isinstance(struct.parent, tuple):
            found.append(depth(by_id[struct.parent]) + 1)
        return max(found, default=0)

    return {struct.id: depth(struct) for struct in by_id.values()}


@pytest.mark.parametrize("seed", range(10))
def test_depths_agree_with_a_naive_twin(seed: int) -> None:
    rng = Random(seed)
    updates = [decode_update(payload) for payload in updates_of(seed, rounds=12)]
    nesting = Nesting()
    at = 0
    while at < len(updates):
        together = rng.randint(1, 4)
        assert nesting.take(updates[at : at + together]) == set()
        at += together
    for (client, clock), depth in naive_depths(updates).items():
        assert nesting._known((client, clock)) == depth


KILLER = """
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.yjs.update import encode_update
from keepboth.yjs.structs import Update
from tests.fold.test_nesting import chain
deep = encode_update(Update({1: chain(1, 100_000)}))
gone = encode_update(Update({}, {1: [(0, 1)]}))
fold = DocumentFold()
fold.add([FoldedEdit(1, "ready", deep), FoldedEdit(2, "ready", gone)])
assert fold.quarantined == {1}
"""


def test_a_hundred_thousand_types_and_one_delete_do_not_end_the_process() -> None:
    """Given to pycrdt 0.14 itself, the two updates are a segmentation fault: hence a process of its own."""
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run([sys.executable, "-c", KILLER], capture_output=True, timeout=60, env=path)
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_deepest_document_can_be_read() -> None:
    document = DocumentFold()
    document.add([Row(1, "ready", encode_update(Update({1: chain(1, MAX_NESTING)})))])
    value = json_value(document.replica)["deep"]["value"]
    for _ in range(MAX_NESTING):
        (value,) = value
    assert value == []
