"""What must hold of every log, whoever wrote it: nothing twice, nothing empty, and a fold that agrees with others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import pycrdt

from keepboth.events import Event
from keepboth.fold.document import DocumentFold, FoldedEdit, fold
from keepboth.yjs.idset import IdSet
from keepboth.yjs.messages import decode_state_vector
from keepboth.yjs.slicing import inserted
from keepboth.yjs.update import decode_update


def folded(edits: Sequence[Event]) -> DocumentFold:
    """The document that *edits* make."""
    rows = [FoldedEdit(event.revision, event.disposition, event.payload) for event in edits]
    return fold(lambda after: [row for row in rows if row.revision > after])


def content(doc: pycrdt.Doc[Any]) -> dict[str, Any]:
    """The roots that the tests write, in the form in which the Node driver tells them."""
    text = doc.get("text", type=pycrdt.Text)
    return {
        "text": str(text),
        "delta": [
            {"insert": run, "attributes": dict(attributes)} if attributes else {"insert": run}
            for run, attributes in text.diff()
        ],
        "map": plain(doc.get("map", type=pycrdt.Map).to_py()),
        "array": plain(doc.get("array", type=pycrdt.Array).to_py()),
        "xml": str(doc.get("xml", type=pycrdt.XmlFragment)),
    }


def plain(value: Any) -> Any:
    """JSON's idea of *value*: Yjs has one kind of number."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def assert_nothing_twice(edits: Iterable[Event]) -> IdSet:
    """Every id is brought by exactly one event, and every event brings an insert, or a delete that its session had
    not sent. Returns the ids brought."""
    seen = IdSet()
    deleted: dict[str, IdSet] = {}
    for event in edits:
        assert event.payload is not None
        if event.disposition == "quarantined":
            continue
        update = decode_update(event.payload)
        brings = inserted(update)
        for client, clock, length in brings:
            assert not seen.present(client, clock, length), f"revision {event.revision} repeats {client}:{clock}"
        own = deleted.setdefault(event.session or event.actor, IdSet())
        news = any(
            not own.covers(client, clock, length)
            for client, ranges in update.deletes.items()
            for clock, length in ranges
        )
        assert news or not brings.is_empty, f"revision {event.revision} brings nothing new"
        for client, clock, length in brings:
            seen.add(client, clock, length)
        for client, ranges in update.deletes.items():
            for clock, length in ranges:
                own.add(client, clock, length)
    return seen


def assert_complete(edits: Sequence[Event]) -> DocumentFold:
    """No gaps in any client's clocks, nothing left waiting. Returns the fold."""
    seen = assert_nothing_twice(edits)
    document = folded(edits)
    assert len(document.waiting) == 0
    clocks = decode_state_vector(document.replica.state_vector())
    for client, clock in clocks.items():
        assert list(seen.ranges(client)) == [(0, clock)]
    assert sorted(seen.clients()) == sorted(client for client, clock in clocks.items() if clock)
    return document
