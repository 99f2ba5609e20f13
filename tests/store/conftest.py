from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore
from tests.store.making import Clock, Salts


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[EventStore]:
    """Each contract test runs against both; whatever it did, the log must agree with itself afterwards."""
    made: EventStore
    made = (
        MemoryStore(now=clock, salts=Salts())
        if request.param == "memory"
        else SqliteStore(tmp_path / "log.db", now=clock, salts=Salts())
    )
    yield made
    assert list(made.verify()) == []
    made.close()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Callable[..., SqliteStore]]:
    """Open (and at the end close) SQLite stores at ``log.db``."""
    stores: list[SqliteStore] = []

    def open_store(**options: object) -> SqliteStore:
        stores.append(SqliteStore(tmp_path / "log.db", now=clock, **options))  # type: ignore[arg-type]
        return stores[-1]

    yield open_store
    for one in stores:
        one.close()


@pytest.fixture
def sqlite(opened: Callable[..., SqliteStore]) -> SqliteStore:
    return opened()
