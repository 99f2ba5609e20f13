"""Shipped reducers over recorded sessions say what the recordings themselves say, and what the page says of them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from keepboth.reducers import Run
from keepboth.reducers.loading import SHIPPED, shipped
from keepboth.reducers.scope import scope_of
from keepboth.store.base import Append, EventStore
from keepboth.store.memory import MemoryStore
from keepboth.yjs.structs import Id
from tests.conflicts.branches import replay_branches
from tests.conflicts.traces import replay
from tests.history.oracle import apply, shown
from tests.history.test_traces import recorded, trace
from tests.reducers.oracle import units
from tests.store.making import edit

PAGE = (Path(__file__).parents[2] / "docs" / "reducers.md").read_text(encoding="utf-8")


def answers(store: EventStore, *names: str) -> dict[str, Any]:
    """What these reducers say, in one pass."""
    results = Run(store, [shipped(name) for name in names]).to(scope_of(store))
    assert [result.parked for result in results] == [None] * len(names)
    return {result.name: result.value for result in results}


def rows_by_author(told: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["author"]: row for row in told["authors"]}


def on_page(column: int) -> dict[str, str]:
    """What the page's table says of a recording, by reducer."""
    table = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.M)
    rows = {name: cells.split(" | ") for name, cells in table}
    return {
        name: cells[column].strip().replace(" %", "%")
        for name, cells in rows.items()
        if name in SHIPPED and len(cells) > column
    }


@pytest.mark.parametrize("limit", [5000, pytest.param(None, marks=pytest.mark.full)])
def test_two_people_typing_at_once(limit: int | None) -> None:
    loaded = trace("friendsforever", limit)
    edits, text = replay(loaded)
    everything = apply(loaded["txns"], edits)
    store = recorded(edits).store
    told = answers(store, "surviving", "churn", "hot", "collisions", "activity", "sessions")
    typed = Counter(f"agent {one.agent}" for one in everything)
    left = Counter(f"agent {one.agent}" for one in shown(everything, len(edits)))
    own = Counter(f"agent {one.agent}" for one in everything if one.gone and min(one.gone)[1] == one.agent)
    churn = rows_by_author(told["churn"])
    assert {who: (row["typed"], row["kept"], row["deleted_by_self"]) for who, row in churn.items()} == {
        who: (typed[who], left[who], own[who]) for who in typed
    }
    assert {who: row["units"] for who, row in rows_by_author(told["surviving"]).items()} == left
    lines = text.split("\n")
    assert {row["text"] for row in told["hot"]["hottest"]} <= {line.strip()[:80] for line in lines}
    assert told["hot"]["hottest"][0]["heat"] >= told["hot"]["hottest"][-1]["heat"]
    assert told["activity"]["edits"] == told["sessions"]["edits"] == len(edits)
    if limit is not None:
        return
    hottest = told["hot"]["hottest"][0]
    agents = [rows_by_author(told["surviving"])[f"agent {at}"] for at in (0, 1)]
    gone = typed.total() - left.total()
    assert on_page(1) | {"undo": ""} == {
        "surviving": f"agent 1 {agents[1]['units']:,} ({agents[1]['share']:.1%}), agent 0 {agents[0]['units']:,}",
        "churn": f"{typed.total():,} typed, {told['churn']['kept_share']:.1%} kept; of {gone:,} deleted ones "
        f"{sum(row['deleted_by_others'] for row in churn.values()):,} by the other",
        "hot": f"{told['hot']['passages']} passages; the hottest has {hottest['typed']:,} units written and "
        f"{hottest['deleted']:,} deleted, by both",
        "collisions": f"{told['collisions']['collisions']} collision (`same-gap`): "
        f"{told['collisions']['per_1000_edits']} per 1,000 edits",
        "activity": "the recording has no times",
        "sessions": "the recording has no times; 2 sessions of 12,124 and 13,954 edits",
        "undo": "",
    }
    assert told["collisions"]["severities"] == {"same-gap": 1}
    assert sorted(row["edits"] for row in told["sessions"]["actors"]) == [12_124, 13_954]


@pytest.mark.full
def test_the_branches_of_a_source_file() -> None:
    edits, text = replay_branches(trace("node_nodecc", None))
    store = MemoryStore()
    store.append(
        [
            Append("node.cc", [edit(one.update, actor=one.actor, session=one.session, context=one.context)])
            for one in edits
        ]
    )
    clients = {one.client: one.actor for one in edits}
    typed: Counter[str] = Counter()
    own: Counter[str] = Counter()
    before: set[Id] = set()
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    for one in edits:
        doc.apply_update(one.update)
        after = units(doc.get_update())
        typed.update(clients[client] for client, _ in after - before)
        own.update(clients[client] for client, _ in before - after if clients[client] == one.actor)
        before = after
    left = Counter(clients[client] for client, _ in before)
    told = answers(store, *SHIPPED)
    churn = rows_by_author(told["churn"])
    assert {who: (row["typed"], row["kept"], row["deleted_by_self"]) for who, row in churn.items()} == {
        who: (typed[who], left[who], own[who]) for who in typed
    }
    assert told["surviving"]["total"] == len(text.encode("utf-16-le")) // 2
    assert told["hot"]["passages"] == len(text.splitlines())
    assert told["collisions"]["edits"] == told["activity"]["edits"] == len(edits)
    assert told["collisions"]["collisions"] > 0
