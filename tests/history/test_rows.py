"""Rows say what was there before an edit, and of what came after it only what the cut holds."""

from __future__ import annotations

from random import Random
from typing import Any

import pycrdt
import pytest

from keepboth.errors import InvalidRequest
from keepboth.history.cuts import Cut, Selection, prefix, select
from keepboth.history.rows import COLUMNS, PARTS, Row, RowOptions, rows
from keepboth.store.memory import MemoryStore
from tests.store.making import Clock, append, decision, edit

OPTIONS = RowOptions(b"key", reach=5, after_edits=(1, 7), after_s=(1, 4))
LABELS = ("alive_after_1_edits", "alive_after_7_edits", "alive_after_1_s", "alive_after_4_s")


class World:
    """Three people write into a document; every letter that anybody ever types is another."""

    def __init__(self, seed: int) -> None:
        rng = Random(seed)
        self.clock = Clock()
        self.store = MemoryStore(now=self.clock)
        self.texts = {0: ""}
        """The text by revision."""
        self.moments: dict[int, int] = {}
        people: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=client) for client in (7, 3, 90)]
        together: pycrdt.Doc[Any] = pycrdt.Doc()
        at = [0, 0, 0]
        letter = 0x4E00
        for _ in range(120):
            self.clock.now += rng.randrange(0, 900_000)
            who = rng.randrange(3)
            doc = people[who]
            if rng.random() < 0.4:
                doc.apply_update(together.get_update())
            text = doc.get("text", type=pycrdt.Text)
            size = len(str(text))
            before = doc.get_state()
            updates: list[bytes] = []
            subscription = doc.observe(lambda event, into=updates: into.append(event.update))
            with doc.transaction():
                place = min(at[who], size) if rng.random() < 0.7 else rng.randrange(size + 1)
                if size > 2 and rng.random() < 0.3:
                    end = min(place + rng.randrange(1, 6), size)
                    del text[3 * place : 3 * end]
                if rng.random() < 0.8:
                    new = "".join(chr(letter + n) for n in range(rng.randrange(1, 4)))
                    letter += len(new)
                    text.insert(3 * place, new)
                    at[who] = place + len(new)
            doc.unobserve(subscription)
            update = updates[0] if updates else bytes(doc.get_update(before))
            together.apply_update(update)
            if rng.random() < 0.1:
                append(self.store, "d", decision())
            (receipt,) = append(
                self.store,
                "d",
                edit(
                    update, actor=f"person {who}", session=f"s{who}", authored_at=self.clock.now - rng.randrange(1000)
                ),
            )
            self.texts[receipt.revision] = str(together.get("text", type=pycrdt.Text))
            self.moments[receipt.revision] = receipt.recorded_at
        self.edits = sorted(self.moments)

    def rows(self, revision: int | None = None, options: RowOptions = OPTIONS) -> list[Row]:
        cut = self.edits[-1] if revision is None else revision
        return list(rows(self.store, prefix(self.store, "d", cut), options))


@pytest.mark.parametrize("seed", range(10))
def test_a_row_says_what_was_there_and_what_became_of_it(seed: int) -> None:
    world = World(seed)
    edits, texts, moments = world.edits, world.texts, world.moments
    got = world.rows()
    assert {row["revision"] for row in got} == {
        r for n, r in enumerate(edits) if texts[r] != texts[edits[n - 1] if n else 0]
    }
    for row in got:
        assert list(row) == list(OPTIONS.columns())
        revision = row["revision"]
        nth = edits.index(revision)
        was, now = texts[edits[nth - 1]] if nth else "", texts[revision]
        at = row["position_utf16"]
        assert was[max(at - 5, 0) : at] == row["before"]
        gone = at + len(row["deleted"])
        assert was[at:gone] == row["deleted"]
        assert was[gone : gone + 5] == row["after"]
        assert set(row["inserted"]) <= set(now) - set(was)
        assert row["inserted_utf16"] == len(row["inserted"])
        for label, number in (("alive_after_1_edits", 1), ("alive_after_7_edits", 7)):
            later = nth + number
            alive = None if later >= len(edits) else len(set(row["inserted"]) & set(texts[edits[later]]))
            assert row[label] == alive
        for label, seconds in (("alive_after_1_s", 1), ("alive_after_4_s", 4)):
            moment = moments[revision] + seconds * 1_000_000
            if moment > moments[edits[-1]]:
                assert row[label] is None
            else:
                last = max(one for one in edits if moments[one] <= moment)
                assert row[label] == len(set(row["inserted"]) & set(texts[last]))
        assert row["part"] in PARTS
        assert "person" not in str(row.values())


@pytest.mark.parametrize("seed", range(6))
def test_a_row_knows_nothing_of_what_came_after_the_cut(seed: int) -> None:
    world = World(seed)
    whole = world.rows()
    for cut in (world.edits[20], world.edits[61]):
        early = world.rows(cut)
        assert len(early) == sum(row["revision"] <= cut for row in whole)
        for row, later in zip(early, whole, strict=False):
            assert {name: row[name] for name in COLUMNS} == {name: later[name] for name in COLUMNS}
            assert all(row[label] in (None, later[label]) for label in LABELS)
        assert early[-1]["alive_after_7_edits"] is None


@pytest.mark.parametrize("seed", range(6))
def test_bursts_hold_the_same_letters(seed: int) -> None:
    world = World(seed)
    single = world.rows()
    bursts = world.rows(options=RowOptions(b"key", reach=5, after_edits=(1, 7), after_s=(1, 4), burst_s=5))
    assert len(bursts) < len(single)
    assert "".join(row["inserted"] for row in bursts) == "".join(row["inserted"] for row in single)
    assert sum(row["edits"] for row in bursts) == len(single)
    rest = iter(single)
    for burst in bursts:
        mine = [next(rest) for _ in range(burst["edits"])]
        assert {row["author"] for row in mine} == {burst["author"]}
        assert [burst[name] for name in ("before", "after", "position_utf16")] == [
            mine[0][name] for name in ("before", "after", "position_utf16")
        ]
        for label, number in (("alive_after_1_edits", 1), ("alive_after_7_edits", 7)):
            later = world.edits.index(mine[-1]["revision"]) + number
            alive = None
            if later < len(world.edits):
                alive = len(set(burst["inserted"]) & set(world.texts[world.edits[later]]))
            assert burst[label] == alive


@pytest.mark.parametrize("seed", range(4))
def test_a_cut_with_gaps_has_rows_for_what_is_in_it(seed: int) -> None:
    world = World(seed)
    moment = world.moments[world.edits[60]]
    selection = select(world.store, "d", Cut(authored_at=moment - 400))
    assert list(rows(world.store, selection, OPTIONS)) == list(rows(world.store, selection, OPTIONS))
    gap = Selection("d", selection.seen._replace(exclude=((world.edits[2], world.edits[2]),)), *selection[2:])
    revisions = [row["revision"] for row in rows(world.store, gap, OPTIONS)]
    assert world.edits[2] not in revisions
    assert set(revisions) <= {row["revision"] for row in world.rows()}


def test_documents_are_parted_whole_and_the_same_way_each_time() -> None:
    parts = [OPTIONS.part(f"document {number}") for number in range(2000)]
    assert parts == [RowOptions(b"another key").part(f"document {number}") for number in range(2000)]
    assert [round(parts.count(part) / 200) for part in PARTS] == [8, 1, 1]
    assert parts != [RowOptions(b"key", split_salt="2").part(f"document {number}") for number in range(2000)]


def test_pseudonyms_follow_from_the_key_alone() -> None:
    one, other = RowOptions(b"key"), RowOptions(b"another")
    assert one.pseudonym("actor", "ann") == RowOptions(b"key").pseudonym("actor", "ann")
    assert len({one.pseudonym("actor", "ann"), other.pseudonym("actor", "ann"), one.pseudonym("document", "ann")}) == 3
    with pytest.raises(InvalidRequest):
        RowOptions(b"")


def test_an_erased_edit_gives_no_row_and_what_builds_on_it_waits() -> None:
    world = World(0)
    world.store.blank("d", [world.edits[0]])
    revisions = [row["revision"] for row in world.rows()]
    assert world.edits[0] not in revisions
