"""The conflict log's store: the same promises in memory and in SQLite, and that its file may be lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from keepboth.errors import InvalidRequest, NotFound, ShuttingDown
from keepboth.store.conflict_log import ConflictStore, Counts, Met, Order, Placed, StoredEpisode, Wanted
from keepboth.store.conflicts import SqliteConflictStore
from keepboth.store.conflicts_memory import MemoryConflictStore


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


def test_documents_may_have_entries_of_the_same_id(conflicts: ConflictStore) -> None:
    """Ids are built from Yjs ids, and a copied document has the same."""
    for document in ("a", "b"):
        conflicts.advance(document, 3, b"", [episode("e1", document), episode("e2", document)], [("e0", "e1")])
    conflicts.advance("a", 4, b"", [], [("e1", "e2")])
    assert [ids(conflicts.list(document)) for document in ("a", "b")] == [["e2"], ["e1", "e2"]]
    assert [conflicts.get(id, "a") for id in ("e0", "e1", "e2")] == [episode("e2")] * 3
    assert [conflicts.get(id, "b") for id in ("e0", "e2", "e9")] == [episode("e1", "b"), episode("e2", "b"), None]
    assert conflicts.get("e1", "c") is None
    with pytest.raises(InvalidRequest, match="several documents"):
        conflicts.get("e1")


def test_what_is_stored_already_is_no_change(conflicts: ConflictStore) -> None:
    assert (conflicts.change(), conflicts.changes(0)) == (0, [])
    conflicts.advance("a", 1, b"", [episode("e1"), episode("e2")], [("e0", "e1")])
    assert [(one.number, one.what, one.id, one.into, one.fresh) for one in conflicts.changes(0)] == [
        (1, "entry", "e1", "", True),
        (2, "entry", "e2", "", True),
        (3, "superseded", "e0", "e1", False),
    ]
    conflicts.advance("a", 2, b"", [episode("e1"), episode("e2")], [("e0", "e1")])
    assert conflicts.replace("a", 2, b"", [episode("e1"), episode("e2")], [("e0", "e1")])
    conflicts.judge("a", 2, [("e1", "open", "{}"), ("e9", "resolved", "{}")])
    assert (conflicts.change(), conflicts.changes(3)) == (3, [])
    assert (conflicts.decided("a"), conflicts.decided("b")) == (2, 0)


def test_a_reader_learns_what_changed_since_each_thing_once(conflicts: ConflictStore) -> None:
    conflicts.advance("a", 1, b"", [episode("e1"), episode("e2")], [])
    conflicts.advance("b", 1, b"", [episode("e3", "b")], [])
    conflicts.judge("a", 5, [("e1", "resolved", '{"by":"ann"}')])
    conflicts.advance("b", 2, b"", [episode("e3", "b", body=b"[]")], [])
    conflicts.judge("a", 6, [("e1", "open", "{}")])
    conflicts.advance("a", 2, b"", [episode("e1", body=b"[1]")], [("e2", "e1")])

    def told(after: int, document: str | None = None, limit: int = 100) -> list[tuple[int, str, str, bool, bool]]:
        found = conflicts.changes(after, document, limit)
        return [(one.number, one.what, one.id, one.fresh, one.turned) for one in found]

    assert told(3) == [
        (5, "entry", "e3", False, False),
        (7, "entry", "e1", False, True),
        (8, "superseded", "e2", False, False),
    ]
    assert told(6) == [(7, "entry", "e1", False, False), (8, "superseded", "e2", False, False)]
    assert told(0, "b") == [(5, "entry", "e3", True, False)]
    assert told(0, limit=1) == [(5, "entry", "e3", True, False)]
    (entry,) = (one.episode for one in conflicts.changes(6) if one.episode)
    assert (entry.body, entry.status, entry.state) == (b"[1]", "open", "{}")


def test_replacing_takes_away_what_is_not_there_any_more(conflicts: ConflictStore) -> None:
    conflicts.advance("a", 5, b"5", [episode("e1"), episode("e2"), episode("e3")], [("e0", "e1")])
    conflicts.advance("b", 5, b"5", [episode("e1", "b")], [])
    before = conflicts.change()
    assert not conflicts.replace("a", 4, b"4", [], [])
    assert (conflicts.change(), conflicts.count(), conflicts.cursor("a")) == (before, 4, (5, b"5"))
    assert conflicts.replace("a", 5, b"x", [episode("e1", body=b"[]"), episode("e2")], [("e3", "e2")])
    assert (ids(conflicts.list("a")), conflicts.cursor("a"), conflicts.count("b")) == (["e1", "e2"], (5, b"x"), 1)
    assert [conflicts.get(id, "a") for id in ("e0", "e3")] == [episode("e1", body=b"[]"), episode("e2")]
    assert [(one.what, one.id) for one in conflicts.changes(before)] == [("entry", "e1"), ("superseded", "e3")]
    before = conflicts.change()
    assert conflicts.replace("a", 6, b"", [episode("e1", body=b"[]")], [])
    assert [(one.what, one.document) for one in conflicts.changes(before)] == [("reset", "a")]
    assert (conflicts.get("e3", "a"), conflicts.documents()) == (None, ["a", "b"])


def test_dropping_everything_begins_another_epoch(conflicts: ConflictStore) -> None:
    conflicts.advance("a", 5, b"h", [episode("e1")], [("e0", "e1")])
    conflicts.judge("a", 5, [])
    epoch, change = conflicts.epoch, conflicts.change()
    conflicts.drop("a")
    assert (conflicts.epoch, conflicts.decided("a")) == (epoch, 0)
    assert [(one.what, one.document) for one in conflicts.changes(change)] == [("reset", "a")]
    conflicts.drop("b")
    assert len(conflicts.changes(change)) == 1
    conflicts.drop()
    assert conflicts.epoch != epoch


def test_words_are_found_in_every_script_and_case(conflicts: ConflictStore) -> None:
    texts = {
        "e1": "Straße nach Köln",
        "e2": "会议改到星期五",
        "e3": '100 % o\'clock "quoted" AND',
        "e4": "ko\0ko \ud800x",
    }
    conflicts.advance("a", 1, b"", [episode(id)._replace(text=text) for id, text in texts.items()], [])

    def found(query: str) -> list[str]:
        return ids(conflicts.page(Wanted(text=query)).episodes)

    assert found("STRASSE köl") == found("aße") == found("KÖLN") == ["e1"]
    assert (found("星期"), found("星期五"), found("五星")) == (["e2"], ["e2"], [])
    assert found('"quoted"') == found("and %") == found("o'clock") == found("AND") == ["e3"]
    assert (found("quoted and nothing"), found("  "), found("ko ko")) == ([], list(texts), ["e4"])
    conflicts.advance("a", 2, b"", [episode("e1")._replace(text="something else")], [("e3", "e1")])
    assert (found("straße"), found("quoted"), found("thing")) == ([], [], ["e1"])
    conflicts.drop("a")
    assert found("thing") == found("el") == []


def test_a_page_goes_on_where_the_last_one_ended_whatever_changes(conflicts: ConflictStore) -> None:
    conflicts.advance("a", 1, b"", [episode(f"e{n}", first=n)._replace(last_at=n) for n in range(8)], [])
    orders: list[tuple[Order, str | None]] = [("document", None), ("newest", None), ("attention", "ann")]
    for order, mine in orders:
        first = conflicts.page(Wanted("a"), order=order, mine=mine, limit=3)
        last = first.episodes[-1].id
        assert first.next is not None
        conflicts.advance("a", 2, b"", [], [(last, "e7" if order == "document" else "e0")])
        rest = conflicts.page(Wanted("a"), order=order, mine=mine, after=first.next, limit=100)
        assert rest.next is None
        seen = ids(first.episodes) + ids(rest.episodes)
        assert sorted(seen) == sorted({*ids(conflicts.list("a")), last})
        for other, _ in orders:
            if other != order:
                with pytest.raises(InvalidRequest):
                    conflicts.page(Wanted("a"), order=other, mine=mine, after=first.next)
    for damaged in ("~", "~!", "x", "~W10", "~bnVsbA", "~" + "A" * 40):
        with pytest.raises(InvalidRequest):
            conflicts.page(Wanted(), after=damaged)


def random_episode(rng: random.Random, id: str, document: str) -> StoredEpisode:
    kinds = ["map-key", "insert-insert", "insert-at-edge", "format", "format-in-deleted"]
    people = ["ann", 'a"n', "bob", "cléo"]
    first_at = rng.randrange(20)
    return StoredEpisode(
        id,
        document,
        first := rng.randrange(9),
        first + rng.randrange(5),
        rng.random() < 0.5,
        tuple(sorted(rng.sample(kinds, rng.randrange(1, 4)))),
        tuple(rng.sample(people, rng.randrange(1, 4))),
        b"[%d]" % rng.randrange(3),
        rng.choice(["open", "settled", "resolved"]),
        rng.choice(["lost", "agreed", "same-gap"]),
        rng.random() < 0.2,
        rng.random() < 0.2,
        first_at,
        first_at + rng.randrange(9),
        rng.choice(["{}", '{"seen":["ann"]}']),
        " ".join(rng.sample(["Köln", "kö", "Berlin", "ber", "x"], rng.randrange(4))),
        rng.choice(["", "possible", "same-change"]),
        rng.choice(["", "away:x:1", "away:y:1"]),
        first + rng.randrange(3),
        rng.choice(["", "[[1, 4], [2, 7]]"]),
    )


def random_wanted(rng: random.Random) -> Wanted:
    def perhaps(value: object) -> Any:
        return value if rng.random() < 0.2 else None

    return Wanted(
        perhaps(rng.choice("ab")),
        perhaps(("open", "settled")) or (),
        perhaps(("lost", "agreed")) or (),
        perhaps((rng.choice(["format", "map-key", "insert-insert"]), "format-in-deleted")) or (),
        perhaps(rng.choice(["ann", "bob", "b", 'n"'])),
        perhaps(rng.random() < 0.5),
        perhaps(rng.random() < 0.5),
        perhaps(rng.random() < 0.5),
        perhaps(rng.randrange(20)),
        perhaps(rng.randrange(20)),
        perhaps(rng.choice(["KÖLN", "ö", "ber x", "berlin"])) or "",
        perhaps(rng.random() < 0.5),
        perhaps(rng.choice(["", "away:x:1"])),
        perhaps(rng.randrange(9)),
        perhaps(rng.randrange(9)),
        perhaps(rng.random() < 0.5),
    )


def walk(store: ConflictStore, wanted: Wanted, order: Order, mine: str | None, limit: int) -> list[StoredEpisode]:
    found: list[StoredEpisode] = []
    page = store.page(wanted, order=order, mine=mine, limit=limit)
    while True:
        found += page.episodes
        if page.next is None:
            return found
        page = store.page(wanted, order=order, mine=mine, after=page.next, limit=limit)


def placed(one: StoredEpisode) -> Placed:
    return Placed(one.id, one.status, one.severity, one.certain, one.hidden, one.met, one.last_revision, one.anchors)


def places(store: ConflictStore, wanted: Wanted, order: Order, mine: str | None, limit: int) -> list[Placed]:
    found: list[Placed] = []
    page = store.places(wanted, order=order, mine=mine, limit=limit)
    while page.next is not None:
        found += page.places
        page = store.places(wanted, order=order, mine=mine, after=page.next, limit=limit)
    return found + page.places


@pytest.mark.parametrize("full_text", [True, False], ids=["full-text", "plain"])
@pytest.mark.parametrize("seed", range(6))
def test_sqlite_and_memory_agree(seed: int, full_text: bool, tmp_path: Path) -> None:
    rng = random.Random(seed)
    sqlite = SqliteConflictStore(tmp_path / "c.db", version=1)
    sqlite._full_text = sqlite._full_text and full_text
    both: list[ConflictStore] = [MemoryConflictStore(), sqlite]
    names = [f"e{n}" for n in range(12)]
    filtered = 0
    for revision in range(60):
        document = rng.choice("ab")
        upserts = [random_episode(rng, id, document) for id in rng.sample(names, rng.randrange(3))]
        aliases = [(rng.choice(names), rng.choice(names)) for _ in range(rng.randrange(2))]
        judged: list[Any] = [(id, rng.choice(["open", "resolved"]), "{}") for id in rng.sample(names, 2)]
        step = rng.random()
        wanted, order, mine, limit = (
            random_wanted(rng),
            rng.choice(["document", "newest", "attention"]),
            rng.choice(["ann", None]),
            rng.randrange(1, 7),
        )
        results = []
        for store in both:
            if step < 0.7:
                store.advance(document, revision, b"%d" % revision, upserts, aliases)
            elif step < 0.8:
                store.judge(document, revision, judged)
            elif step < 0.9:
                store.replace(
                    document,
                    revision,
                    b"",
                    upserts,
                    [pair for pair in aliases if pair[0] not in {one.id for one in upserts}],
                )
            elif step < 0.93:
                store.drop(document)
            found = walk(store, wanted, order, mine, limit)  # type: ignore[arg-type]
            filtered += bool(found) and len(found) < store.count()
            since = store.changes(max(0, store.change() - 5), rng.choice("ab") if revision < 0 else None)
            counts = store.counts(wanted)
            assert places(store, wanted, order, mine, limit) == [placed(one) for one in found]  # type: ignore[arg-type]
            met = store.met("a")
            assert sum(one.number for one in met) == store.count("a")
            results.append(
                (
                    store.list(limit=50), store.cursor("a"), store.decided("b"), store.change(), found, since,
                    store.changes(0, "a"), counts, met, [store.get(name, "a") for name in names],
                )
            )  # fmt: skip
            assert counts.total == len(found) == sum(number for _, number, _ in counts.documents)
        assert results[1] == results[0]
    assert filtered > 20
    for store in both:
        store.close()


def test_what_met_at_one_revision_is_told_together(conflicts: ConflictStore) -> None:
    found = [
        episode("e1")._replace(met=4),
        episode("e3", first=2)._replace(met=4, severity="lost"),
        episode("e2")._replace(met=4, status="settled"),
        episode("e4")._replace(met=3, hidden="possible", certain=False),
    ]
    conflicts.advance("a", 9, b"", found, [])
    conflicts.advance("b", 9, b"", [episode("e9", "b")._replace(met=4)], [])
    assert list(conflicts.met("a")) == [
        Met(3, False, 1, "e4", 1, 6, "open", "same-gap", False),
        Met(4, True, 2, "e3", 2, 7, "open", "lost", True),
        Met(4, False, 1, "e2", 1, 6, "settled", "same-gap", True),
    ]
    assert list(conflicts.met("c")) == []


def test_counts_name_the_documents_with_most_that_is_open(conflicts: ConflictStore) -> None:
    assert conflicts.counts(Wanted()) == Counts(0, {"open": 0, "settled": 0, "resolved": 0}, {}, {}, 0, 0, 0, {}, [])
    for document, status in (("a", "open"), ("b", "settled"), ("c", "open")):
        number = 2 if document == "c" else 1
        found = [episode(f"e{n}", document)._replace(status=status) for n in range(number)]  # type: ignore[arg-type]
        conflicts.advance(document, 1, b"", found, [])
    assert conflicts.counts(Wanted(), documents=2) == Counts(
        4, {"open": 3, "settled": 1, "resolved": 0}, {"same-gap": 4}, {"overlap": 4, "order": 4}, 4, 0, 0,
        {"settled": 1}, [("c", 2, 2), ("a", 1, 1)],
    )  # fmt: skip


def test_a_file_that_another_process_may_have_open_is_left_alone(tmp_path: Path) -> None:
    SqliteConflictStore(tmp_path / "c.db", version=1).close()
    before = (tmp_path / "c.db").read_bytes()
    with pytest.raises(NotFound):
        SqliteConflictStore(tmp_path / "c.db", version=2, begin_anew=False)
    assert (tmp_path / "c.db").read_bytes() == before


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
