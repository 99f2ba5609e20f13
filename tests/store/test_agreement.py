"""Random lives of a log: SQLite and memory must agree on every answer, every event and every hash."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from keepboth.errors import ClientMustChange, ConditionFailed
from keepboth.events import (
    Condition,
    Context,
    DocumentAbsent,
    DocumentExists,
    Draft,
    ExpectedRevision,
    NoneSince,
    Seen,
)
from keepboth.store import sqlite_state
from keepboth.store.base import Append, AppendResult, EventStore, Refused
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from tests.store.making import Clock, Salts, created, decision, edit

DOCUMENTS = ("a", "b", "c/d")
TYPES = ("edit.recorded", "document.renamed", "document.created", "version.named")


def some_draft(rng: random.Random) -> Draft:
    """Few ids, places and payloads, so that every kind of collision happens."""
    if rng.random() < 0.25:
        return decision(rng.choice(TYPES[1:]), rng.choice((b"{}", b"[]")), id=rng.randrange(30))
    base = rng.randrange(40)
    session = rng.choice(("s1", "s2", None))
    return edit(
        rng.choice((b"x", b"y", b"")),
        id=rng.choice((rng.randrange(30), None)),
        actor=rng.choice(("ann", "bob")),
        session=session,
        session_seq=rng.choice((None, rng.randrange(12))) if session else None,
        part=rng.randrange(2),
        clients=tuple(rng.sample((1, 2, 300, 1 << 40), rng.randrange(3))),
        relayed_by=rng.choice((None, "s9")),
        context=rng.choice((None, Context.of(base), Context(Seen(1, ((2, 3),)), Seen(base)))),
        message=rng.choice((None, None, b"m1", b"m2")),
        authored_at=rng.choice((None, rng.randrange(3_000_000))),
        time_quality=rng.choice(("measured", "claimed")),
        correlation_id=rng.choice((None, "offline")),
        disposition=rng.choice(("ready", "ready", "pending")),
    )


def some_condition(rng: random.Random) -> Condition | None:
    return rng.choice(
        (
            None,
            None,
            None,
            DocumentAbsent(),
            DocumentExists(),
            ExpectedRevision(rng.randrange(8)),
            NoneSince(rng.randrange(40), frozenset(rng.sample(TYPES, rng.randrange(3)))),
        )
    )


def some_batch(rng: random.Random) -> list[Append]:
    return [
        Append(
            rng.choice(DOCUMENTS),
            [some_draft(rng) for _ in range(rng.randrange(4))],
            condition=some_condition(rng),
            create=created(rng.choice((None, None, 3))) if rng.random() < 0.5 else None,
            check_ids=rng.random() < 0.5,
            at=rng.choice((None, None, None, rng.randrange(2_000_000))),
        )
        for _ in range(rng.randrange(1, 6))
    ]


def plain(answer: AppendResult) -> Any:
    """An answer as values that compare."""
    if not isinstance(answer, Refused):
        return answer
    error = answer.error
    assert isinstance(error, ClientMustChange)
    return type(error), error.detail, error.facts, error.events if isinstance(error, ConditionFailed) else None


def questions(store: EventStore, rng: random.Random) -> list[Any]:
    """Everything that can be asked, with random parameters."""
    document = rng.choice((None, *DOCUMENTS, "none"))
    name = rng.choice((*DOCUMENTS, "none"))
    after, until = rng.randrange(30), rng.choice((None, rng.randrange(60)))
    types, actors = rng.sample(TYPES, rng.randrange(3)), rng.sample(("ann", "bob", "eve"), rng.randrange(2))
    condition = some_condition(rng) or DocumentExists()
    return [
        store.head(),
        store.read(document, after=after, until=until, types=types, actors=actors, limit=rng.randrange(20)),
        store.read(document, after=after, until=until, types=types, actors=actors, limit=7, reverse=True),
        store.fold_rows(name, after=after, until=until, limit=rng.randrange(9)),
        store.edit_rows(name, after=after, until=until, limit=rng.randrange(9)),
        store.peek(name, condition),
        store.documents(after=rng.choice(("", "a")), limit=rng.choice((1, 100))),
        store.newest_documents(limit=rng.choice((1, 3))),
        store.session_clients(name),
        [store.session_head(name, session) for session in ("s1", "s2")],
        store.by_session(name, "s1", rng.randrange(12)),
        store.hash_at(name, after),
        store.document(name),
    ]


@pytest.mark.parametrize("seed", range(30))
def test_sqlite_and_memory_agree(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if seed % 3 == 0:
        monkeypatch.setattr(sqlite_state, "_MAX_CACHED", 1)
    clock = Clock()
    memory, path = MemoryStore(now=clock, salts=Salts()), tmp_path / "log.db"
    salts = Salts()
    open_sqlite: Callable[[], SqliteStore] = lambda: SqliteStore(path, now=clock, salts=salts)  # noqa: E731
    sqlite = open_sqlite()
    rng = random.Random(seed)
    try:
        for _ in range(25):
            clock.now += rng.choice((0, 10, 1000, -300))
            batch = some_batch(rng)
            expected, got = (list(map(plain, store.append(batch))) for store in (memory, sqlite))
            assert got == expected
            asked = rng.random()
            for theirs, ours in zip(
                questions(sqlite, random.Random(asked)), questions(memory, random.Random(asked)), strict=True
            ):
                assert theirs == ours
            if rng.random() < 0.1:
                erased = (rng.choice(DOCUMENTS), [rng.randrange(20)])
                assert sqlite.blank(*erased) == memory.blank(*erased)
            if rng.random() < 0.1:
                sqlite.close()
                sqlite = open_sqlite()
        assert sqlite.read(limit=10_000) == memory.read(limit=10_000)
        assert [sqlite.salt(e.id) for e in memory.read()] == [memory.salt(e.id) for e in memory.read()]
        assert list(sqlite.verify()) == list(memory.verify()) == []
    finally:
        sqlite.close()
