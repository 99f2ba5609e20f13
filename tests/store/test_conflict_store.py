"""The conflict log's store: the same promises in memory and in SQLite, and that its file may be lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from keepboth.errors import ShuttingDown
from keepboth.store.base import ConflictStore, StoredEpisode
from keepboth.store.conflicts import MemoryConflictStore, SqliteConflictStore


def episode(id: str, document: str = "a", first: int = 1, certain: bool = True, body: bytes = b"{}") -> StoredEpisode:
    return StoredEpisode(id, document, first, first + 5, certain, ("overlap", "order"), ("ann", "bob"), body)


@pytest.fixture(params=["memory", "sqlite"])
def conflicts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ConflictStore]:
    store = MemoryConflictStore() if request.param == "memory" else SqliteConflictStore(tmp_path / "c.db", version=1)
    yield store
    store.close()


def ids(episodes: list[StoredEpisode]) -> list[str]:
    return [one.id for one in episodes]


def test_episodes_and_cursor_are_stored_together(conflicts: ConflictStore) -> None:
    assert (conflicts.cursor("a"), conflicts.count(), conflicts.get("e1"), conflicts.list()) == ((0, b""), 0, None, [])
    conflicts.advance("a", 7, b"hash", [episode("e1"), episode("e2", first=3)], [])
    assert conflicts.cursor("a") == (7, b"hash")
    assert conflicts.cursor("b") == (0, b"")
    assert conflicts.list("a") == [episode("e1"), episode("e2", first=3)]
    changed = episode("e1", first=4, certain=False, body=b"[1]")
    conflicts.advance("a", 9, b"hash9", [changed], [])
    assert (conflicts.get("e1"), conflicts.cursor("a"), ids(conflicts.list("a"))) == (
        changed,
        (9, b"hash9"),
        ["e2", "e1"],
    )


def test_superseded_ids_lead_to_the_newest_episode(conflicts: ConflictStore) -> None:
    conflicts.advance("a", 1, b"", [episode("e1"), episode("e2", first=2)], [])
    conflicts.advance("a", 2, b"", [episode("e3")], [("e1", "e3"), ("e2", "e3")])
    assert ids(conflicts.list()) == ["e3"]
    conflicts.advance("a", 3, b"", [episode("e5", first=8)], [("e3", "e4"), ("e4", "e5")])
    assert [conflicts.get(id) for id in ("e1", "e2", "e3", "e4", "e5")] == [episode("e5", first=8)] * 5
    assert conflicts.count("a") == 1
    conflicts.advance("a", 4, b"", [episode("e1")], [("e5", "e5")])
    assert conflicts.get("e1") == episode("e1")
    assert conflicts.get("e2") == episode("e5", first=8)


def test_list_pages_and_filters(conflicts: ConflictStore) -> None:
    for document in ("b", "a"):
        found = [episode(f"{document}{n}", document, first=9 - n // 2, certain=n % 2 == 0) for n in range(6)]
        conflicts.advance(document, 1, b"", found, [])
    assert ids(conflicts.list("a")) == ["a4", "a5", "a2", "a3", "a0", "a1"]
    assert ids(conflicts.list(after="a1", limit=2)) == ["b4", "b5"]
    assert ids(conflicts.list("a", certain=True)) == ["a4", "a2", "a0"]
    assert ids(conflicts.list("a", certain=False, after="a5", limit=1)) == ["a3"]
    assert conflicts.list(limit=0) == conflicts.list("none") == []
    assert (conflicts.count(), conflicts.count("a"), conflicts.count("none")) == (12, 6, 0)


def test_dropping_forgets_one_document_or_all(conflicts: ConflictStore) -> None:
    for document in ("a", "b"):
        conflicts.advance(document, 5, b"h", [episode(f"{document}2", document)], [(f"{document}1", f"{document}2")])
    conflicts.drop("a")
    assert (conflicts.cursor("a"), conflicts.get("a1"), conflicts.get("a2")) == ((0, b""), None, None)
    assert (conflicts.cursor("b"), conflicts.get("b1")) == ((5, b"h"), episode("b2", "b"))
    conflicts.drop()
    assert (conflicts.cursor("b"), conflicts.count()) == ((0, b""), 0)


@pytest.mark.parametrize("seed", range(5))
def test_sqlite_and_memory_agree(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    both: list[ConflictStore] = [MemoryConflictStore(), SqliteConflictStore(tmp_path / "c.db", version=1)]
    names = [f"e{n}" for n in range(12)]
    for revision in range(60):
        document = rng.choice("ab")
        upserts = [
            episode(id, document, rng.randrange(9), rng.random() < 0.5) for id in rng.sample(names, rng.randrange(3))
        ]
        aliases = [(rng.choice(names), rng.choice(names)) for _ in range(rng.randrange(2))]
        for store in both:
            store.advance(document, revision, b"%d" % revision, upserts, aliases)
        memory, sqlite = ([store.list(limit=50), store.cursor("a"), *map(store.get, names)] for store in both)
        assert sqlite == memory
    for store in both:
        store.close()


def test_file_survives_reopening_with_the_same_version_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "c.db"
    for version, kept in ((1, 0), (1, 1), (2, 0), (2, 1), (1, 0)):
        store = SqliteConflictStore(path, version=version)
        assert store.count() == kept
        store.advance("a", 1, b"", [episode("e1")], [])
        store.close()


@pytest.mark.parametrize(
    "content", [b"no database at all" * 400, b"SQLite format 3\0" + bytes(4080)], ids=["text", "torn"]
)
def test_unreadable_file_is_begun_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.db").write_bytes(content)
    store = SqliteConflictStore(tmp_path / "c.db", version=1)
    store.advance("a", 1, b"", [episode("e1")], [])
    assert store.count() == 1
    store.close()
    store.close()
    with pytest.raises(ShuttingDown):
        store.count()


def test_failed_advance_changes_nothing(tmp_path: Path) -> None:
    store = SqliteConflictStore(tmp_path / "c.db", version=1)
    store.advance("a", 1, b"", [episode("e1")], [])
    with pytest.raises(Exception, match="conflict log could not be written"):
        store.advance("a", 2, b"", [episode("e2"), episode("e3")._replace(body=None)], [("e1", "e2")])  # type: ignore[arg-type]
    assert (ids(store.list()), store.cursor("a")) == (["e1"], (1, b""))
    store.close()
