"""A small log that pages of the documentation are about."""

from __future__ import annotations

from typing import Any

import pycrdt

from tests.api.conftest import Served, written


def begin(server: Served) -> None:
    """Cara writes a text; Ann and Bob rewrite the same word of it, neither having seen the other; and another text."""
    cara, ann, bob = (pycrdt.Doc[Any](client_id=client) for client in (1, 2, 3))
    edits = [("cara", cara, 0, 0, "one two three"), ("ann", ann, 4, 7, "TWO"), ("bob", bob, 4, 7, "zwei")]
    for who, doc, start, end, word in edits:
        if doc is not cara:
            doc.apply_update(cara.get_update())
        before = doc.get_state()
        text = doc.get("text", type=pycrdt.Text)
        with doc.transaction():
            del text[start:end]
            text.insert(start, word)
        update = doc.get_update(before)
        server.edit("plans/2026", update, session=f"session-{who}", **({} if doc is cara else {"seen": 2}))
    server.edit("notes", written("Milk"), session="session-cara")
