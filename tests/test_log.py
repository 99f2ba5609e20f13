"""Logs that notebooks read: beside the one who writes, and from archives, with the same answers."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from keepboth import open_log
from keepboth.errors import InvalidRequest, NotDurableNow, NotFound, StoreDamaged
from keepboth.exchange.archive import archive, header_of
from keepboth.exchange.lines import lines
from keepboth.history.cuts import Cut
from keepboth.log import Log
from keepboth.reducers.loading import SHIPPED
from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from tests.history.sessions import DOCUMENT, record
from tests.store.making import Clock, Salts, append, edit

SEEDS = range(6)


def recorded(where: Path, seed: int) -> SqliteStore:
    clock = Clock()
    store = SqliteStore(where / "log.sqlite3", now=clock, salts=Salts())
    record(store, seed, clock)
    append(store, "other", edit(b"\0\0"))
    return store


def written(store: EventStore, path: Path, document: str | None = None, after: int = 0) -> Path:
    path.write_bytes(b"".join(lines(archive(store, header_of(store, document, after=after)))))
    return path


def answers(log: Log, document: str) -> Iterator[Any]:
    """What a log says about a document, positions left out: they are another copy's own."""
    last = sum(1 for _ in log.events(document))
    for cut in (Cut(), Cut(revision=last // 2), Cut(revision=0)):
        yield log.state(document, cut)
        yield log.conflicts(document, cut)
        yield log.scope(document, cut)
        for name in SHIPPED:
            yield log.reduce(name, document, cut)
    yield [event.id for event in log.events(document, after=3, types=["edit.recorded"])]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_way_to_open_a_log_gives_the_same_answers(seed: int, tmp_path: Path) -> None:
    with closing(recorded(tmp_path, seed)) as store:
        whole = written(store, tmp_path / "whole.ndjson")
        packed = tmp_path / "packed"
        packed.write_bytes(gzip.compress(whole.read_bytes()))
        single = written(store, tmp_path / "single.ndjson", DOCUMENT)
        expected = list(answers(Log(store), DOCUMENT))
        assert any(expected)
        for path in (tmp_path, tmp_path / "log.sqlite3", whole, packed, single):
            with open_log(path) as log:
                assert list(answers(log, DOCUMENT)) == expected, path
                assert log.store.store_id == store.store_id
                if path != single:
                    assert log.documents() == [DOCUMENT, "other"]
                    assert log.store.head() == store.head()
                    assert list(log.events()) == store.read(limit=10_000)
                    assert log.reduce("churn") == Log(store).reduce("churn")


def test_a_log_is_read_while_it_is_written(tmp_path: Path) -> None:
    with closing(recorded(tmp_path, 1)) as store, open_log(tmp_path) as log:
        run = log.run("activity")
        first = run.to(log.scope("other"))[0]
        append(store, "other", edit(b"\0\0"), edit(b"\0\0"))
        second = run.to(log.scope("other"))[0]
        assert (first.value["edits"], second.value["edits"]) == (1, 3)
        with pytest.raises(NotDurableNow):
            append(log.store, "other", edit(b"\0\0"))


def test_what_is_no_log_is_refused_and_said(tmp_path: Path) -> None:
    with closing(recorded(tmp_path, 2)) as store:
        first = store.commits()[0].last
        whole = written(store, tmp_path / "whole.ndjson").read_bytes()
        behind = written(store, tmp_path / "behind.ndjson", after=first)
    with pytest.raises(NotFound):
        open_log(tmp_path / "none")
    with pytest.raises(NotFound):
        open_log(tmp_path / "none.ndjson")
    spoilt = {
        "cut": whole[: len(whole) // 2],
        "short": b"".join(whole.splitlines(keepends=True)[:-1]),
        "text": b"what is this\n",
        "events only": b"".join(whole.splitlines(keepends=True)[1:]),
        "packed": gzip.compress(whole)[:-40],
    }
    for name, content in spoilt.items():
        path = tmp_path / f"{name}.ndjson"
        path.write_bytes(content)
        with pytest.raises(InvalidRequest):
            open_log(path)
    with pytest.raises(InvalidRequest, match="only goes on behind"):
        open_log(behind)
    forged = tmp_path / "forged.ndjson"
    forged.write_bytes(whole.replace(b'"authid":"y:', b'"authid":"z:', 1))
    assert forged.read_bytes() != whole
    with pytest.raises(StoreDamaged):
        open_log(forged)


def test_an_erased_payload_stays_erased_in_an_archive(tmp_path: Path) -> None:
    store = MemoryStore(salts=Salts())
    append(store, "d", edit(b"\0\0"), edit(b"\0\0"))
    store.blank("d", [1])
    with open_log(written(store, tmp_path / "a.ndjson")) as log:
        assert [event.payload for event in log.events("d")] == [None, b"\0\0"]
