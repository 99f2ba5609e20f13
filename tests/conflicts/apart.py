"""Peers who edit one document apart: pycrdt here, or unmodified Yjs under Node. Their updates, one a transaction."""

from __future__ import annotations

import json
import subprocess
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pycrdt

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.events import Context, Seen, compress_ranges
from keepboth.yjs.update import decode_update
from tests.interop.node import HERE

START = 10
"""The client id of whoever wrote what all start from."""

Change = Callable[["Document"], None]
"""One transaction of a pycrdt peer."""

Operations = list[list[Any]]
"""One transaction of a Yjs peer: see ``tests/interop/apart.mjs``."""

Step = Change | Operations


class Document:
    """A pycrdt document with the roots that situations use."""

    def __init__(self, client_id: int, known: Sequence[bytes]) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id)
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.map = self.doc.get("map", type=pycrdt.Map)
        self.list = self.doc.get("list", type=pycrdt.Array)
        for update in known:
            self.doc.apply_update(update)

    def work(self, steps: Sequence[Change]) -> list[bytes]:
        updates: list[bytes] = []
        self.doc.observe(lambda event: updates.append(event.update))
        for step in steps:
            with self.doc.transaction():
                step(self)
        return updates

    def shown(self) -> str:
        """The text; without any, the map or else the list as JSON."""
        value = self.map.to_py() or self.list.to_py()
        return str(self.text) or (json.dumps(value, sort_keys=True) if value else "")


@dataclass(frozen=True)
class Made:
    """What everybody wrote, by session, and the document after all of it."""

    start: list[bytes]
    people: dict[str, list[bytes]]
    document: str


def made(start: Sequence[Step], people: Mapping[str, Sequence[Step]], ids: Mapping[str, int]) -> Made:
    """Let everybody in *people* work apart from *start*, with the client id that *ids* gives them."""
    if all(callable(step) for steps in (start, *people.values()) for step in steps):
        before = Document(START, ()).work(start)  # type: ignore[arg-type]
        written = {name: Document(ids[name], before).work(steps) for name, steps in people.items()}  # type: ignore[arg-type]
        every = [*before, *(update for updates in written.values() for update in updates)]
        return Made(before, written, Document(START + 1, every).shown())
    asked = {"start": start, "people": [{"client": ids[name], "steps": steps} for name, steps in people.items()]}
    command = ["node", str(HERE / "apart.mjs")]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, timeout=60)
    answer = json.loads(done.stdout)
    updates = [[b64decode(update) for update in one] for one in (answer["start"], *answer["people"])]
    return Made(updates[0], dict(zip(people, updates[1:], strict=True)), answer["document"])


def told(work: Made, actors: Mapping[str, str], arrival: Sequence[str]) -> DocumentConflicts:
    """The engine that was told of *work*, person after person in the order of *arrival*. A session that *actors* does
    not name is an actor of that name."""
    engine = DocumentConflicts()
    revision = 0
    for update in work.start:
        revision += 1
        engine.add((EditFact(revision, revision, "start", "start", Context.of(revision - 1), decode_update(update)),))
    common = Seen(revision)
    for name in arrival:
        own: list[int] = []
        for update in work.people[name]:
            revision += 1
            seen = common._replace(include=compress_ranges(own))
            actor = actors.get(name, name)
            engine.add((EditFact(revision, revision, name, actor, Context(seen, seen), decode_update(update)),))
            own.append(revision)
    return engine
