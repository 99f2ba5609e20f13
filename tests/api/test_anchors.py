"""Anchors lead to where an entry is now, however much was written since."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pycrdt
import pytest

from tests.api.conftest import Served, rewrite
from tests.interop.node import HERE, needs_node


def collided(server: Served, name: str) -> dict[str, Any]:
    server.collide(name)
    (entry,) = server.get("/api/conflicts", document=name)["conflicts"]
    found: dict[str, Any] = entry
    return found


def edited(server: Served, name: str, start: int, stop: int, text: str) -> bytes:
    """Somebody who has seen everything changes the text; the document then."""
    base = server.http.get("/api/state", params={"document": name, "as": "update"})
    update = rewrite(base.content, start, stop, text)
    server.edit(name, update, session="editor-session", seen=int(base.headers["KeepBoth-Revision"]))
    return server.http.get("/api/state", params={"document": name, "as": "update"}).content


def at(update: bytes, anchors: dict[str, Any]) -> str:
    """The text between the anchors, as pycrdt finds them."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get("text", type=pycrdt.Text)
    doc.apply_update(update)
    places = [pycrdt.StickyIndex.from_json(anchors[name], text).get_index() for name in ("start", "end")]
    return str(text).encode()[places[0] : places[1]].decode()


CHANGES = [
    ((0, 0, "long before, "), "same"),
    ((13, 13, " and behind"), "same"),
    ((4, 6, ""), "shorter"),
    ((4, 11, "2"), "gone"),
]


@pytest.mark.parametrize(("change", "what"), CHANGES, ids=[what + str(change) for change, what in CHANGES])
def test_anchors_follow_the_text(server: Served, name: str, change: tuple[int, int, str], what: str) -> None:
    entry = collided(server, name)
    before = server.http.get("/api/state", params={"document": name, "as": "update"}).content
    assert at(before, entry["anchors"]) == entry["merged"]
    after = edited(server, name, *change)
    now = at(after, entry["anchors"])
    if what == "same":
        assert now == entry["merged"]
    elif what == "shorter":
        assert now == entry["merged"][2:]
    else:
        assert now in ("", "2")


@needs_node
def test_yjs_finds_the_same_places(server: Served, name: str) -> None:
    entry = collided(server, name)
    update = edited(server, name, 0, 0, "long before, ")
    script = """
        import * as Y from 'yjs'
        const { update, anchors } = JSON.parse(process.argv[1])
        const doc = new Y.Doc()
        Y.applyUpdate(doc, Buffer.from(update, 'hex'))
        const place = name => Y.createAbsolutePositionFromRelativePosition(
            Y.createRelativePositionFromJSON(anchors[name]), doc).index
        console.log(JSON.stringify(doc.getText('text').toString().slice(place('start'), place('end'))))
    """
    given = json.dumps({"update": update.hex(), "anchors": entry["anchors"]})
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script, given], cwd=HERE, capture_output=True, check=True, timeout=30
    )
    assert json.loads(ran.stdout) == entry["merged"]


def test_a_key_has_no_anchors(server: Served, name: str) -> None:
    server.create(name)
    updates = []
    for value in (4, 7):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.get("plan", type=pycrdt.Map)["due"] = value
        updates.append(doc.get_update())
    for who, update in zip(("ann", "bob"), updates, strict=True):
        server.edit(name, update, session=f"{who}-session", seen=1)
    (entry,) = server.get("/api/conflicts", document=name)["conflicts"]
    assert (entry["key"], entry["anchors"], entry["kinds"]) == ("due", None, ["map-key"])
