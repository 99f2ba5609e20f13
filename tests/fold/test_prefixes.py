"""Every prefix of a stream is a document, however it is folded."""

from __future__ import annotations

from contextlib import suppress
from random import Random
from typing import Any

import pycrdt
import pytest

from keepboth.errors import MalformedUpdate
from keepboth.fold.document import DocumentFold, FoldedEdit, fold, readable_form
from keepboth.fold.replica import EMPTY_UPDATE, Poisoned, Replica, is_readable, merge
from keepboth.fold.views import json_value
from keepboth.yjs.structs import ANY, JSON, TYPE, Struct, Update
from keepboth.yjs.update import decode_update, encode_update
from tests.fold.sessions import Log, Row, folded, insert, rows_of, updates_of
from tests.yjs.documents import contents

OLD_LIST = encode_update(Update({9: [Struct(9, 0, 2, JSON, parent="list", content=b'\x02\x011\x03"a"')]}))
HOOK = encode_update(Update({8: [Struct(8, 0, 1, TYPE, parent="x", content=b"\x05\x01h")]}))


def says(document: DocumentFold) -> dict[str, Any]:
    return json_value(document.replica)


def applied(payloads: list[bytes]) -> dict[str, Any]:
    """What a plain peer shows that is given *payloads* one by one."""
    replica = Replica()
    for payload in payloads:
        replica.apply(payload)
    return json_value(replica)


@pytest.mark.parametrize("seed", range(6))
def test_every_prefix_is_a_document(seed: int) -> None:
    log = updates_of(seed, rounds=10)
    rows = rows_of(log)
    assert [row.disposition for row in rows] == ["ready"] * len(log)
    for end in range(len(rows) + 1):
        assert says(folded(rows[:end])) == applied(log[:end])


@pytest.mark.parametrize("seed", range(6))
def test_every_prefix_is_what_it_has_released_when_edits_came_in_any_order(seed: int) -> None:
    log = updates_of(seed, rounds=10)
    arrived = list(log)
    Random(seed).shuffle(arrived)
    rows = rows_of(arrived)
    assert any(row.disposition == "pending" for row in rows)
    document = DocumentFold()
    released: set[bytes] = set()
    for row in rows:
        for release in document.add([row]):
            released.update(release.payloads)
        assert says(document) == applied([payload for payload in log if payload in released])
    assert released == set(log)


@pytest.mark.parametrize("batch", [1, 2, 7, 1000])
@pytest.mark.parametrize("seed", range(6))
def test_merged_and_one_by_one_folds_agree(seed: int, batch: int) -> None:
    log = updates_of(seed, rounds=12)
    rng = Random(seed)
    for at in range(len(log) - 1):
        if rng.random() < 0.2:
            log[at], log[at + 1] = log[at + 1], log[at]
    rows = rows_of(log)
    slow, fast = folded(rows, one_by_one=True), folded(rows, batch=batch)
    assert says(fast) == says(slow)
    assert contents(fast.replica.doc()) == contents(slow.replica.doc())
    assert (fast.late, fast.clocks(), fast.revision) == (slow.late, slow.clocks(), len(rows))


@pytest.mark.parametrize("seed", range(4))
def test_releases_bring_a_peer_to_the_same_document(seed: int) -> None:
    log = updates_of(seed, rounds=10)
    Random(seed).shuffle(log)
    rows = rows_of(log)
    document, merged, single = DocumentFold(), Replica(), Replica()
    for at in range(0, len(rows), 3):
        for release in document.add(rows[at : at + 3]):
            merged.apply(release.payload)
            single.apply(merge(release.payloads))
            assert release.effective == max([release.effective, *release.revisions])
    assert json_value(merged) == json_value(single) == says(document)


def test_a_release_says_which_edits_became_visible_and_when() -> None:
    first, second, third = insert(1, 0, "a"), insert(1, 1, "b", (1, 0)), insert(2, 0, "c", (1, 1))
    rows = [
        Row(4, "ready", first),
        Row(5, "pending", third),
        Row(7, "ready", second),
        Row(9, "ready", insert(3, 0, "z")),
    ]
    out = DocumentFold().add(rows)
    assert [(r.effective, r.revisions, r.payloads, r.together) for r in out] == [
        (4, (4,), (first,), False),
        (7, (5, 7), (third, second), True),
        (9, (9,), (insert(3, 0, "z"),), False),
    ]


def test_an_erased_payload_is_skipped() -> None:
    document = DocumentFold()
    assert document.add([Row(1, "ready", None), Row(2, "ready", insert(1, 0, "a"))])[0].revisions == (2,)
    assert document.revision == 2


def test_a_fold_reads_its_stream_in_pages() -> None:
    rows = [Row(revision, "ready", insert(revision, 0, "x")) for revision in range(1, 30)]
    asked: list[int] = []

    def read(after: int) -> list[FoldedEdit]:
        asked.append(after)
        return [row for row in rows if row.revision > after][:10]

    assert len(contents(fold(read).replica.doc())["text"][0][0]) == 29
    assert asked == [0, 10, 20, 29]


# -- what the CRDT cannot read ----------------------------------------------------------------------------------------


def test_old_json_content_is_read_as_any() -> None:
    form = readable_form(OLD_LIST, decode_update(OLD_LIST))
    assert form is not None
    assert form != OLD_LIST
    (struct,) = decode_update(form).structs[9]
    assert (struct.kind, struct.id, struct.length) == (ANY, (9, 0), 2)
    document = folded([Row(1, "ready", OLD_LIST), Row(2, "ready", insert(1, 0, "t"))])
    assert document.replica.doc().get("list", type=pycrdt.Array).to_py() == [1.0, "a"]


@pytest.mark.parametrize(
    "payload",
    [
        HOOK,
        encode_update(Update({8: [Struct(8, 2**32 - 2, 2, 1, parent="x")]})),
        b"\x01\x01\x07\x00\x05\x00",
    ],
    ids=["hook", "a clock beyond 32 bits", "no update"],
)
def test_what_cannot_be_read_has_no_readable_form(payload: bytes) -> None:
    update = None
    with suppress(MalformedUpdate):
        update = decode_update(payload)
    assert readable_form(payload, update) is None


@pytest.mark.parametrize("seed", range(3))
def test_what_can_be_read_is_its_own_readable_form(seed: int) -> None:
    for payload in updates_of(seed, rounds=6):
        assert readable_form(payload, decode_update(payload)) == payload
        assert is_readable(payload)


def test_quarantined_edits_never_reach_the_replica_and_what_builds_on_them_waits() -> None:
    log = Log()
    log.send(HOOK)
    log.send(insert(1, 0, "fine"))
    log.send(insert(2, 0, "in the hook", (8, 0)))
    assert [row.disposition for row in log.rows] == ["quarantined", "ready", "pending"]
    for document in (log.live, fold(log.read)):
        assert document.quarantined == {1}
        assert [entry.revision for entry in document.waiting.entries()] == [3]
        assert [document.effective(revision) for revision in (1, 2, 3)] == [None, 2, None]
        assert says(document) == {"text": {"type": "text", "value": "fine"}}


# -- what the CRDT cannot bear ----------------------------------------------------------------------------------------

TEXT_AS_PARENT = encode_update(Update({66: [Struct(66, 0, 1, ANY, parent=(1, 1), content=b"\x01w\x01x")]}))
"""An array element whose parent is a character: pycrdt 0.14 raises RuntimeError while it applies it."""


def test_the_example_does_poison_a_replica() -> None:
    replica = Replica()
    replica.apply(insert(1, 0, "abc"))
    with pytest.raises(Poisoned):
        replica.apply(TEXT_AS_PARENT)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_an_edit_that_the_crdt_cannot_bear_is_folded_around(batch: int) -> None:
    builds_on_it = encode_update(Update({67: [Struct(67, 0, 1, ANY | 0x80, origin=(66, 0), content=b"\x01w\x01y")]}))
    payloads = [insert(1, 0, "abc"), TEXT_AS_PARENT, builds_on_it, insert(1, 3, "d", (1, 2)), insert(2, 0, "e", (1, 3))]
    rows = [Row(at, "ready", payload) for at, payload in enumerate(payloads, 1)]
    with pytest.raises(Poisoned):
        folded(rows, batch=batch)
    document = fold(lambda after: [row for row in rows if row.revision > after][:batch])
    assert document.quarantined == {2}
    assert [entry.revision for entry in document.waiting.entries()] == [3]
    assert says(document) == {"text": {"type": "text", "value": "abcde"}}
    assert [decode_update(encode_update(update)) for update in document.take_set_aside()] == [
        decode_update(TEXT_AS_PARENT)
    ]
    assert document.take_set_aside() == []


def test_many_poisoned_edits_are_all_found_in_one_more_pass() -> None:
    rows = [Row(1, "ready", insert(1, 0, "abc"))]
    clock = 3
    for number in range(40):
        poison = Update({100 + number: [Struct(100 + number, 0, 1, ANY, parent=(1, 1), content=b"\x01w\x01x")]})
        rows.append(Row(len(rows) + 1, "ready", encode_update(poison)))
        rows.append(Row(len(rows) + 1, "ready", insert(1, clock, "d", (1, clock - 1))))
        clock += 1
    passes = 0

    def read(after: int) -> list[Row]:
        nonlocal passes
        passes += after == 0
        return [row for row in rows if row.revision > after]

    document = fold(read)
    assert passes == 2
    assert document.quarantined == set(range(2, 82, 2))
    assert says(document) == {"text": {"type": "text", "value": "abc" + "d" * 40}}


def test_nothing_at_all_is_the_empty_document() -> None:
    document = fold(lambda after: [])
    assert (says(document), document.replica.update_since(), document.revision) == ({}, EMPTY_UPDATE, 0)
    assert merge([]) == EMPTY_UPDATE
