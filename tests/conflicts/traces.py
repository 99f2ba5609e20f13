"""Recorded sessions of real people as edits, made by replaying each keystroke in its author's own pycrdt document."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any, NamedTuple

from pycrdt import Doc, Text, TransactionEvent

from keepboth.events import Context, Seen, compress_ranges


class TraceEdit(NamedTuple):
    agent: int
    update: bytes
    context: Context


class _Agent:
    """``whole``: the text as a ``str``, None when others' edits have changed it since."""

    def __init__(self, client_id: int) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.text = self.doc.get("text", type=Text)
        self.updates: list[bytes] = []
        self.whole: str | None = None
        self.recording = False
        self._subscription = self.doc.observe(self._record)

    def _record(self, event: TransactionEvent) -> None:
        if self.recording:
            self.updates.append(event.update)

    def apply(self, update: bytes) -> None:
        self.doc.apply_update(update)
        self.whole = None

    def patch(self, patches: list[list[Any]]) -> bytes:
        whole = str(self.text) if self.whole is None else self.whole
        self.recording = True
        with self.doc.transaction():
            for at, gone, new, *_ in patches:
                low = len(whole[:at].encode())
                if gone:
                    del self.text[low : low + len(whole[at : at + gone].encode())]
                if new:
                    self.text.insert(low, new)
                whole = whole[:at] + new + whole[at + gone :]
        self.recording = False
        self.whole = whole
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
                    agent.apply(edits[index].update)
                applied[who][other] = seen[other]
        others = [(of_agent[other], seen[other]) for other in agents if other != who]
        unseen = [indexes[count] for indexes, count in others if count < len(indexes)]
        base = min(unseen, default=at)  # revisions are indexes plus 1: all before the first unseen one were seen
        beyond = [index + 1 for indexes, count in others for index in indexes[bisect_left(indexes, base) : count]]
        bound = Seen(base, compress_ranges(beyond))
        edits.append(TraceEdit(who, agent.patch(txn["patches"]), Context(bound, bound)))
        of_agent[who].append(at)
        seen[who] += 1
        past.append(seen)
    last = next(iter(agents.values()))
    for edit in edits:
        last.doc.apply_update(edit.update)
    return edits, str(last.text)
