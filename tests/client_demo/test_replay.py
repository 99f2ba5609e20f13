"""Recorded sessions played again: every author knows exactly what the recording says, and the server believes it."""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from client_demo.replay import Replay, Result
from client_demo.traces import Trace, Txn, plan, read_trace
from keepboth.yjs.update import decode_update
from tests.client.process import Server, context_of, serving
from tests.harness import run

IDENTIFY = "client_demo.identify:by_query"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("replay") / "data", "--identify", IDENTIFY) as running:
        yield running


def replayed(server: Server, trace: Trace, document: str) -> Result:
    async def main() -> Result:
        return await Replay(trace, server.url, document).run()

    result: Result = run(main())
    return result


def recorded(name: str, limit: int | None = None) -> Trace:
    folder = os.environ.get("KEEPBOTH_TRACES")
    if not folder:
        pytest.skip("KEEPBOTH_TRACES does not name the folder with the recorded sessions")
    return read_trace(Path(folder, f"{name}.json.gz"), limit)


def _random_trace(seed: int, size: int = 60) -> Trace:
    """Authors with branches of their own who merge now and then; everybody types at the start."""
    rng = random.Random(seed)
    heads: list[int] = []
    txns: list[Txn] = []
    for number in range(size):
        parents = tuple(sorted(rng.sample(heads, min(len(heads), rng.choice([1, 1, 1, 2])))))
        txns.append(Txn(rng.choice("abc"), parents, ((0, 0, f"{number} ä "),)))
        if len(heads) < 4 and rng.random() < 0.2:
            heads.append(number)
        else:
            heads = [head for head in heads if head not in parents] + [number]
    return Trace(f"random {seed}", txns, None)


def _pasts(txns: list[Txn]) -> list[set[int]]:
    pasts: list[set[int]] = []
    for txn in txns:
        pasts.append({p for parent in txn.parents for p in (parent, *pasts[parent])})
    return pasts


@pytest.mark.parametrize("seed", range(8))
def test_a_branch_is_a_chain_of_one_actor(seed: int) -> None:
    txns = _random_trace(seed).txns
    pasts, found = _pasts(txns), plan(txns)
    for number, branch in enumerate(found.branches):
        assert {txns[index].actor for index in branch.txns} == {branch.actor}
        assert all(a in pasts[b] for a, b in zip(branch.txns, branch.txns[1:], strict=False))
        assert all(found.branch_of[index] == number for index in branch.txns)
    for index, known in enumerate(found.knows):
        assert {txn for b, count in known.items() for txn in found.branches[b].txns[:count]} == pasts[index]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_edit_declares_exactly_its_past(server: Server, seed: int) -> None:
    trace = _random_trace(seed)
    result = replayed(server, trace, trace.name)
    edits = server.edits(trace.name)
    assert (result.edits, len(edits)) == (len(trace.txns), len(trace.txns))
    words = [int(_inserted(edit).split()[0]) for edit in edits]
    revision_of = {number: edit["docrevision"] for number, edit in zip(words, edits, strict=True)}
    pasts, found = _pasts(trace.txns), plan(trace.txns)
    for number, edit in zip(words, edits, strict=True):
        context = context_of(edit)
        assert context.exact
        assert edit["contextsource"] == "declared"
        assert edit["authid"] == trace.txns[number].actor
        own = set(found.branches[found.branch_of[number]].txns)
        known = {n for n, revision in revision_of.items() if context.lower.knows(revision, revision)}
        assert known - own == pasts[number] - own
        assert known & own <= pasts[number] & own, "its own need not be listed"


def _inserted(edit: dict[str, Any]) -> str:
    """The text of an update that inserts one string, read off its end."""
    update = decode_update(base64.b64decode(edit["data_base64"]))
    ((struct,),) = update.structs.values()
    content = struct.content
    return content.decode() if isinstance(content, bytes) else str(content)


def test_both_formats_are_read(tmp_path: Path) -> None:
    by_index = {"txns": [{"parents": [], "agent": 0, "patches": [[0, 0, "ab", "time"]]}], "endContent": "ab"}
    by_id = {
        "txns": [
            {"span": [0, 2], "parents": [], "agent": "x", "ops": [[0, 0, "ab"]]},
            {"span": [2, 3], "parents": [1], "agent": "y", "ops": [[0, 1, ""]]},
        ],
        "endContent": "b",
    }
    plain, packed = tmp_path / "one.json", tmp_path / "two.json.gz"
    plain.write_text(json.dumps(by_index))
    packed.write_bytes(gzip.compress(json.dumps(by_id).encode()))
    assert read_trace(plain) == Trace("one", [Txn("writer 0", (), ((0, 0, "ab"),))], "ab")
    assert read_trace(packed) == Trace("two", [Txn("x", (), ((0, 0, "ab"),)), Txn("y", (0,), ((0, 1, ""),))], "b")
    assert read_trace(packed, 1).end is None


def test_start_of_friendsforever(server: Server) -> None:
    trace = recorded("friendsforever", 800)
    result = replayed(server, trace, "friendsforever/800")
    length = sum(len(come) - gone for txn in trace.txns for _, gone, come in txn.patches)
    assert (result.edits, result.clients, result.conflicts, result.characters) == (800, 2, 0, length)
    edits = server.edits("friendsforever/800")
    assert len(edits) == 800
    assert {edit["contextsource"] for edit in edits} == {"declared"}


@pytest.mark.full
def test_friendsforever_ends_as_it_was_recorded(server: Server) -> None:
    result = replayed(server, recorded("friendsforever"), "friendsforever")
    assert result.equal
    assert (result.edits, result.conflicts) == (26_078, 1)
