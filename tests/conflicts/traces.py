"""Recorded sessions of real people as edits, made by replaying each keystroke in its author's own pycrdt document.

The folder of the recordings is named by the environment variable ``KEEPBOTH_TRACES``.
"""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from pycrdt import Doc, Text, TransactionEvent

from keepboth.events import Context, Seen


class TraceEdit(NamedTuple):
    agent: int
    update: bytes
    context: Context


def folder() -> Path | None:
    name = os.environ.get("KEEPBOTH_TRACES")
    return Path(name) if name else None


def load(path: Path) -> dict[str, Any]:
    with gzip.open(path) as file:
        trace: dict[str, Any] = json.load(file)
    return trace


class _Agent:
    """``bounds``: code point index to UTF-8 offset, kept only as "all ASCII so far" or not."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.text = self.doc.get("text", type=Text)
        self.known = 0
        self.own: list[int] = []
        self.updates: list[bytes] = []
        self.recording = False
        self._subscription = self.doc.observe(self._record)

    def _record(self, event: TransactionEvent) -> None:
        if self.recording:
            self.updates.append(event.update)

    def patch(self, patches: list[list[Any]], ascii_only: bool) -> bytes:
        self.recording = True
        with self.doc.transaction():
            for at, gone, new, *_ in patches:
                low, high = at, at + gone
                if not ascii_only:
                    whole = str(self.text)
                    low, high = len(whole[:low].encode()), len(whole[:high].encode())
                if low < high:
                    del self.text[low:high]
                if new:
                    self.text.insert(low, new)
        self.recording = False
        (update,) = self.updates
        self.updates.clear()
        return update


def replay(trace: dict[str, Any]) -> tuple[list[TraceEdit], str]:
    """Return every transaction as an edit (the *n*-th has revision *n* + 1), and the final text.

    Transactions of an agent are taken to be in order and to see a prefix of every other agent's, which holds for
    recordings of live sessions.
    """
    txns = trace["txns"]
    agents = {agent: _Agent(agent + 1) for agent in sorted({txn.get("agent", 0) for txn in txns})}
    ascii_only = trace["endContent"].isascii() and all(p[2].isascii() for txn in txns for p in txn["patches"])
    past: list[dict[int, int]] = []  # for each transaction, how many of each agent's it comes after, itself included
    of_agent: dict[int, list[int]] = {agent: [] for agent in agents}
    applied: dict[int, dict[int, int]] = {agent: dict.fromkeys(agents, 0) for agent in agents}
    edits: list[TraceEdit] = []
    for at, txn in enumerate(txns):
        who = txn.get("agent", 0)
        parents = txn.get("parents", [at - 1] if at else [])
        seen = dict.fromkeys(agents, 0)
        for parent in parents:
            for agent, count in past[parent].items():
                seen[agent] = max(seen[agent], count)
        assert seen[who] == len(of_agent[who])
        agent = agents[who]
        for other in agents:
            if other != who:
                assert seen[other] >= applied[who][other]
                for index in of_agent[other][applied[who][other] : seen[other]]:
                    agent.doc.apply_update(edits[index].update)
                applied[who][other] = seen[other]
        others = [index + 1 for other in agents if other != who for index in of_agent[other][seen[other] :]]
        bound = Seen(min(others, default=at + 1) - 1)
        known_beyond = [
            index + 1
            for other in agents
            if other != who
            for index in of_agent[other][: seen[other]]
            if index + 1 > bound.base
        ]
        if known_beyond:
            bound = Seen(bound.base, tuple((revision, revision) for revision in known_beyond))
        edits.append(TraceEdit(who, agent.patch(txn["patches"], ascii_only), Context(bound, bound)))
        of_agent[who].append(at)
        seen[who] += 1
        past.append(seen)
    last = next(iter(agents.values()))
    for edit in edits:
        last.doc.apply_update(edit.update)
    return edits, str(last.text)
