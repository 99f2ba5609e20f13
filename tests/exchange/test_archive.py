"""A log as lines and back: the same hashes, whatever happened in it."""

from __future__ import annotations

import json
import random
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from keepboth.errors import InvalidRequest, StoreDamaged
from keepboth.exchange.archive import archive, header_of
from keepboth.exchange.lines import lines, parts
from keepboth.exchange.restoring import Restored, restore
from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from tests.exchange.lives import DOCUMENTS, live
from tests.store.making import Clock, Salts, append, edit


def lived(seed: int, batches: int = 25) -> MemoryStore:
    clock = Clock()
    store = MemoryStore(now=clock, salts=Salts())
    live(store, clock, seed, batches)
    return store


def written(store: EventStore, document: str | None = None, after: int = 0) -> list[bytes]:
    return list(lines(archive(store, header_of(store, document, after=after))))


def taken(store: EventStore, text: Iterable[bytes]) -> Restored:
    return restore(store, parts(text))


def everything(store: EventStore) -> list[object]:
    """All that two stores can have in common."""
    whole = store.read_whole(limit=10_000)
    digests = {one.event.message_digest for one in whole} - {None}
    return [
        store.head(),
        store.commits(),
        whole,
        store.documents(),
        {digest: store.message(digest) for digest in digests if digest is not None},
        {name: store.session_clients(name) for name in DOCUMENTS},
        {name: store.fold_rows(name) for name in DOCUMENTS},
        list(store.verify()),
    ]


@pytest.mark.parametrize("seed", range(12))
def test_an_imported_log_is_the_same_log(seed: int, tmp_path: Path) -> None:
    origin = lived(seed)
    text = written(origin)
    copy = SqliteStore(tmp_path / "copy.db")
    try:
        result = taken(copy, text)
        assert (result.same_head, result.clashes, result.known) == (True, [], 0)
        assert result.appended == origin.head().position
        assert everything(copy) == everything(origin)
        again = taken(copy, text)
        assert (again.appended, again.known, again.clashes) == (0, origin.head().position, [])
        memory = MemoryStore()
        taken(memory, [line.replace(origin.store_id.encode(), copy.store_id.encode()) for line in text])
        assert everything(memory) == everything(copy)
        assert written(copy)[1:] == [
            line.replace(origin.store_id.encode(), copy.store_id.encode()) for line in text[1:]
        ]
    finally:
        copy.close()


def test_the_lives_hold_everything_that_an_archive_must_carry() -> None:
    wholes = [whole for seed in range(12) for whole in lived(seed).read_whole(limit=10_000)]
    events = [whole.event for whole in wholes]
    assert any(event.payload is None and event.message_digest for event in events)
    assert any(event.payload is not None and event.message_digest for event in events)
    assert any(event.id[6] >> 4 == 5 for event in events), "rekeyed"
    assert {event.disposition for event in events} == {"ready", "pending", "quarantined"}
    assert {event.time_quality for event in events} >= {"measured", "claimed", "clamped", "assumed"}
    assert any(event.part for event in events)
    assert any(event.away_from == 1 << 61 for event in events)
    assert any(event.session_seq is not None for event in events)
    assert any(event.payload == b" null" for event in events)
    assert any(line.event.recorded_at < earlier.event.recorded_at for earlier, line in pairwise(wholes)), "imports"


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9, 0.999])
def test_an_import_that_was_cut_short_goes_on_when_it_is_repeated(seed: int, cut: float, tmp_path: Path) -> None:
    origin = lived(seed)
    text = b"".join(written(origin))
    copy = SqliteStore(tmp_path / "copy.db")
    try:
        with pytest.raises(InvalidRequest) as raised:
            taken(copy, text[: int(len(text) * cut)].splitlines(keepends=True))
        assert "end" in raised.value.detail
        assert list(copy.verify()) == []
        before = copy.head().position
        result = taken(copy, text.splitlines(keepends=True))
        assert (result.known, result.appended, result.same_head) == (before, origin.head().position - before, True)
        assert everything(copy) == everything(origin)
    finally:
        copy.close()


def test_a_log_goes_on_where_an_earlier_archive_ended() -> None:
    clock = Clock()
    origin = MemoryStore(now=clock, salts=Salts())
    live(origin, clock, 1)
    copy = MemoryStore()
    taken(copy, written(origin))
    after = origin.head().position
    live(origin, clock, 2)
    more = written(origin, after=after)
    assert len(more) < len(written(origin))
    assert taken(copy, more).same_head
    assert (copy.head(), copy.commits(), copy.documents()) == (origin.head(), origin.commits(), origin.documents())
    assert copy.read_whole(after=after, limit=10_000) == origin.read_whole(after=after, limit=10_000)
    assert list(copy.verify()) == []
    empty = MemoryStore()
    result = taken(empty, more)
    assert {clash.document for clash in result.clashes} >= {"a", "b"}
    assert all("goes on at revision" in clash.what for clash in result.clashes)
    inside = next(commit for commit in origin.commits() if commit.last > commit.first)
    with pytest.raises(InvalidRequest, match="inside a commit"):
        written(origin, after=inside.first)


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
def test_what_is_not_there_comes_in_beside_what_is(backend: str, tmp_path: Path) -> None:
    one, other = lived(1), lived(2)
    into: EventStore = MemoryStore() if backend == "memory" else SqliteStore(tmp_path / "log.db")
    append(into, "mine", edit(b"here first"))
    append(into, "b", edit(b"another b"))
    for document in ("a", "c/d"):
        taken(into, written(one, document))
    hashes = {row.document: row.document_hash for row in into.documents()}
    result = taken(into, written(one))
    left = {clash.document: clash.revision for clash in result.clashes}
    assert left["b"] == 1
    assert result.known == sum(row.revision for row in one.documents() if row.document in ("a", "c/d"))
    assert not result.same_head
    now = {row.document: row.document_hash for row in into.documents()}
    assert {name: now[name] for name in hashes} == hashes
    theirs = {row.document: row.document_hash for row in one.documents()}
    assert {name: now[name] for name in theirs if name != "b"} == {n: theirs[n] for n in theirs if n != "b"}
    clashes = taken(into, written(other)).clashes  # the same documents, with other histories
    assert {clash.document for clash in clashes} == {row.document for row in other.documents()}
    assert {row.document: row.document_hash for row in into.documents()} == now
    assert list(into.verify()) == []
    into.close()


def test_a_document_that_is_ahead_here_and_one_that_is_ahead_there() -> None:
    origin = MemoryStore()
    append(origin, "d", edit(b"1"), edit(b"2"))
    early = written(origin, "d")
    append(origin, "d", edit(b"3"))
    late = written(origin, "d")
    copy = MemoryStore()
    assert taken(copy, late).appended == 3
    assert (taken(copy, early).known, copy.read("d")[-1].payload) == (2, b"3")
    behind = MemoryStore()
    taken(behind, early)
    result = taken(behind, late)
    assert (result.known, result.appended) == (2, 1)
    assert behind.document("d") == origin.document("d")
    parted = MemoryStore()
    taken(parted, early)
    append(parted, "d", edit(b"other"))
    result = taken(parted, late)
    assert [(clash.document, clash.revision) for clash in result.clashes] == [("d", 3)]
    assert (result.known, result.appended, result.left_out) == (0, 0, 3)
    result = taken(copy, written(parted, "d"))
    assert [(clash.document, clash.revision) for clash in result.clashes] == [("d", 3)]


def test_an_id_that_another_document_has_is_a_clash_and_nothing_is_rekeyed() -> None:
    origin, copy = MemoryStore(), MemoryStore()
    append(origin, "d", edit(b"1"), edit(b"2", id=7), edit(b"3"))
    append(copy, "e", edit(b"other", id=7))
    result = taken(copy, written(origin))
    assert [(clash.document, clash.revision) for clash in result.clashes] == [("d", 2)]
    assert [event.payload for event in copy.read("d")] == [b"1"]
    assert result.left_out == 2


def test_an_erased_payload_does_not_come_back() -> None:
    origin, copy = MemoryStore(), MemoryStore()
    append(origin, "d", edit(b"secret", message=b"secret and more"), edit(b"x"))
    kept = written(origin)
    origin.blank("d", [1])
    text = b"".join(written(origin))
    assert b64encode(b"secret") not in text
    taken(copy, written(origin))
    assert taken(copy, kept).known == 2
    assert copy.read("d")[0].payload is None
    assert copy.message(sha256(b"secret and more").digest()) is None
    append(copy, "e", edit(b"y", message=b"secret and more"))
    assert copy.message(sha256(b"secret and more").digest()) is None
    assert list(copy.verify()) == []


NEEDED = {"type", "data", "data_base64", "salt", "dochash", "payloaddigest", "contextsource", "clients", "sessionseq"}
HASHED = NEEDED | {
    "datacontenttype", "sequence", "partitionkey", "docrevision", "authid", "actorkind", "timequality", "disposition",
    "context", "correlationid", "causationid", "relayedby", "session", "recordedmicros", "authoredmicros", "erased",
    "payloadlength", "part", "awayfrommicros", "messagedigest",
}  # fmt: skip
"""Attributes of an event that its hash is made of; the rest says the same in other words."""


@pytest.mark.parametrize("seed", range(80))
def test_an_archive_that_was_changed_anywhere_is_refused(seed: int) -> None:
    rng = random.Random(seed)
    origin = lived(seed % 5, batches=6)
    text = written(origin)
    # A raw message may stand anywhere before its event, and twice: moving and repeating are tried on other lines.
    others = [at for at, line in enumerate(text) if b"archive.message" not in line]
    at = rng.choice(others)
    match rng.randrange(5):
        case 0:
            del text[rng.randrange(len(text))]
        case 1:
            text.insert(at, text[at])
        case 2:
            neighbours = [one for one in others if one + 1 in others]
            at = rng.choice(neighbours)
            text[at], text[at + 1] = text[at + 1], text[at]
        case 3:
            value = json.loads(text[at])
            field = rng.choice(sorted(value.keys() & ({"data", "type"} if "archive" in value["type"] else HASHED)))
            value[field] = changed(value[field])
            text[at] = json.dumps(value).encode() + b"\n"
        case _:
            value = json.loads(text[at])
            del value[rng.choice(sorted(value.keys() & NEEDED))]
            text[at] = json.dumps(value).encode() + b"\n"
    copy = MemoryStore()
    with pytest.raises((StoreDamaged, InvalidRequest)):
        taken(copy, text)
    assert list(copy.verify()) == []
    whole = origin.read_whole(limit=10_000)
    assert copy.read_whole(limit=10_000) == whole[: copy.head().position]


def changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return value[:-1] + ("0" if not value.endswith("0") else "1")
    if isinstance(value, dict):
        key = sorted(value)[-1] if "hash" not in value else "hash"
        return value | {key: changed(value[key])}
    return "something else"


@pytest.mark.parametrize(
    "text", [[], [b"\n"], [b"{}\n"], [b"nonsense\n"], [b'{"type":"dev.keepboth.edit.recorded.v1"}\n']]
)
def test_something_else_is_no_archive(text: list[bytes]) -> None:
    store = MemoryStore()
    with pytest.raises(InvalidRequest):
        taken(store, text)
    assert store.head().position == 0


def test_every_line_is_a_cloud_event() -> None:
    for line in written(lived(3)):
        value = json.loads(line)
        assert value["specversion"] == "1.0"
        assert all(isinstance(value[name], str) and value[name] for name in ("id", "source", "type"))
        assert all(
            name.isascii() and name.isalnum() and name == name.lower() for name in value.keys() - {"data_base64"}
        )
        assert all(
            isinstance(item, str | bool) or (isinstance(item, int) and abs(item) < 1 << 31)
            for name, item in value.items()
            if name != "data"
        )
