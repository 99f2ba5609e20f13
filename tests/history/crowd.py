"""Random sessions over every shared type, formats and nesting included, recorded in a store as a server would."""

from __future__ import annotations

from random import Random
from typing import Any
from unittest.mock import patch

from pycrdt import Doc

from keepboth.history.cuts import Cut, select
from keepboth.history.folding import Folding, plain_folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.store.memory import MemoryStore
from keepboth.yjs.update import encode_update
from tests.conflicts.mixed_world import ROOTS, mixed_world
from tests.conflicts.trees import tree
from tests.store.making import append, edit

DOCUMENT = "d"


class Crowd:
    """A store with one session of several people in one document."""

    def __init__(self, seed: int, steps: int = 30) -> None:
        self.random = Random(seed)
        self.store = MemoryStore()
        self.actors: dict[int, str] = {}
        # pycrdt 0.14 can crash the process when a document that was read loses a subdocument.
        with patch("tests.conflicts.mixed_world.Doc", lambda: "doc"):
            world = mixed_world(seed, steps)
        for fact in world.facts(self.random):
            ready = fact.effective == fact.revision
            draft = edit(
                encode_update(fact.update),
                actor=fact.actor,
                session=fact.session,
                context=fact.context,
                disposition="ready" if ready else "pending",
            )
            (receipt,) = append(self.store, DOCUMENT, draft)
            self.actors[receipt.revision] = fact.actor
        self.folding: Folding = plain_folding(self.store)
        self.past = Past(self.store, self.folding, Lineages(self.store))

    @property
    def head(self) -> int:
        return select(self.store, DOCUMENT).revision

    def trees(self, cut: Cut, *more: bytes) -> dict[str, Any]:
        """What every root shows at *cut*, formats included, once *more* has been applied."""
        doc: Doc[Any] = Doc()
        folded = self.folding.at(select(self.store, DOCUMENT, cut))
        for update in (folded.replica.update_since(), *more):
            doc.apply_update(update)
        return {name: tree(doc.get(name, type=kind)) for name, kind in ROOTS.items()}

    def record(self, update: bytes, actor: str = "judge") -> int:
        (receipt,) = append(self.store, DOCUMENT, edit(update, actor=actor, session=f"reverting:{actor}"))
        self.actors[receipt.revision] = actor
        return receipt.revision
