"""A document and its conflict log, as a server has them, on which choices are made."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from pycrdt import Doc, Text

from keepboth.conflicts.choices import Wish, plan
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.rendering import text
from keepboth.conflicts.restoring import fresh_client, update_of
from keepboth.conflicts.screens import everything
from keepboth.conflicts.versions import Versions
from keepboth.events import Context
from keepboth.fold import views
from keepboth.fold.document import DocumentFold, FoldedEdit
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update, encode_update


class Served:
    """Two replicas and the engine. ``roots``: root names and their types."""

    def __init__(self, facts: Sequence[EditFact], **roots: Any) -> None:
        self.engine = DocumentConflicts()
        self.doc: Doc[Any] = Doc(client_id=2**32 - 7)
        self.roots = {name: self.doc.get(name, type=kind) for name, kind in (roots or {"text": Text}).items()}
        self.text = self.roots.get("text")
        self.fold = DocumentFold()
        self.head = 0
        for fact in facts:
            self.take(fact)

    def take(self, fact: EditFact) -> None:
        self.engine.add([fact])
        payload = encode_update(fact.update)
        self.doc.apply_update(payload)
        self.head = max(self.head, fact.effective)
        self.fold.add([FoldedEdit(self.head, "ready", payload, decode_update(payload))])

    @property
    def says(self) -> str:
        return str(self.text)

    def place(self, id: str, earlier: frozenset[int] = frozenset()) -> Versions:
        found = self.engine.found(id)
        assert found is not None
        return Versions(*found, everything, earlier)

    def around(self, id: str) -> tuple[str, str]:
        """All the text before and behind the place."""
        span = self.place(id).span
        line = span.first.line
        assert line is not None
        before, after = [], []
        run, parts = line.first, before
        while run is not None:
            if run is span.first:
                before.append((run, run.clock, span.low))
            if run is span.last:
                parts = after
                after.append((run, span.high, run.end))
            elif run is not span.first and (parts is after or run.order < span.first.order):
                parts.append((run, run.clock, run.end))
            run = run.right
        shadow = self.engine._shadow
        return text(shadow, before, everything), text(shadow, after, everything)

    def act(self, id: str, wish: Wish, actor: str = "judge", earlier: frozenset[int] = frozenset()) -> Update:
        """Carry out a choice as one more edit, whose author had seen everything."""
        worked = plan(self.place(id, earlier), wish)
        seed = hashlib.sha256(f"{id} {wish} {self.head}".encode()).digest()
        update = update_of(worked, fresh_client(worked.place.shadow, seed))
        assert worked.preview.changes != update.is_empty
        if not update.is_empty:
            update = decode_update(encode_update(update))
            revision = self.head + 1
            context = Context.of(self.head)
            self.take(EditFact(revision, revision, f"resolving:{actor}", actor, context, update))
        if list(self.roots) == ["text"]:
            assert str(self.text) == views.text(self.fold.replica, "text")
        return update
