"""Unmodified Yjs reads the edits that resolutions make as pycrdt and the engine do."""

from __future__ import annotations

import base64
from random import Random
from typing import Any

import pytest
from pycrdt import Doc

from keepboth.conflicts.choices import offered
from keepboth.yjs.update import encode_update
from tests.conflicts.acting import Served
from tests.conflicts.mixed_world import ROOTS, mixed_world
from tests.conflicts.trees import tree
from tests.harness import run
from tests.interop.node import needs_node, node

SEEDS = 40


@needs_node
@pytest.mark.parametrize("first", range(0, SEEDS, 10))
def test_yjs_agrees_after_a_resolution(first: int) -> None:
    async def main() -> None:
        async with node() as driver:
            acted = 0
            for seed in range(first, first + 10):
                rng = Random(seed)
                facts = mixed_world(seed, 25).facts(rng)
                served = Served(facts, **ROOTS)
                updates = [encode_update(fact.update) for fact in facts]
                for episode in served.engine.episodes()[:6]:
                    wishes = [
                        wish for wish in offered(served.place(episode.id)) if wish.choice not in ("leave", "write")
                    ]
                    if wishes:
                        update = served.act(episode.id, rng.choice(wishes))
                        updates.append(encode_update(update))
                        acted += not update.is_empty
                answer = await driver.replay(updates)
                assert answer["pending"] == 0
                doc: Doc[Any] = Doc()
                doc.apply_update(base64.b64decode(answer["update"]))
                for name, kind in ROOTS.items():
                    assert tree(doc.get(name, type=kind)) == tree(served.roots[name]), (seed, name)
            assert acted

    run(main())
