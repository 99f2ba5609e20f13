"""A recorded session played again: one real client per branch, each knowing exactly what its author knew.

Every client holds what it receives and applies, before each transaction, exactly the transactions that its author had
applied; what it then writes declares exactly that. Nobody waits for a receipt: a transaction leaves as soon as what it
builds on has been applied.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from urllib.parse import quote

import pycrdt

from client_demo.http import Http
from client_demo.traces import Branch, Plan, Trace, Txn, plan
from client_demo.words import ROOT
from keepboth.client import Client, Edit, EditReceipt

TIMEOUT_S = 120.0
BREATH = 16
"""Transactions written between two turns of the event loop."""

MAX_WAITING = 2_000


@dataclass(slots=True)
class Result:
    """What a replay came to. ``expected`` is None if the trace was cut short."""

    trace: str
    document: str
    edits: int
    clients: int
    events: int
    conflicts: int
    seconds: float
    characters: int
    expected: int | None
    equal: bool | None


@dataclass(slots=True)
class Log:
    """What all clients of one replay know together: where each transaction stands, and its bytes."""

    revisions: list[asyncio.Future[int]]
    updates: dict[int, bytes] = field(default_factory=dict)


class Replay:
    """One trace on its way into the document *name* of the server at *url*."""

    def __init__(self, trace: Trace, url: str, name: str, written: Callable[[int], None] = lambda count: None) -> None:
        self._trace = trace
        self._plan: Plan = plan(trace.txns)
        self._url = url
        self._name = name
        self._written = written
        self._ascii = all(text.isascii() for txn in trace.txns for _, _, text in txn.patches)
        self._done = 0
        self._moved = asyncio.Event()
        order = sorted(range(len(self._plan.branches)), key=lambda b: (self._plan.branches[b].actor, b))
        start = secrets.randbits(31) << 16
        self._client_ids = {branch: start + place for place, branch in enumerate(order)}

    async def run(self) -> Result:
        """Play everything and compare. Raises TimeoutError when the server stops answering."""
        trace, branches = self._trace, self._plan.branches
        loop = asyncio.get_running_loop()
        log = Log([loop.create_future() for _ in trace.txns])
        start = perf_counter()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            for number, branch in enumerate(branches):
                group.create_task(self._play(number, branch, log))
        seconds = perf_counter() - start
        http = Http(self._url)
        text = await http.text(self._name, ROOT)
        about = await http.document(self._name)
        conflicts = await http.conflicts(self._name)
        return Result(
            trace=trace.name,
            document=self._name,
            edits=len(trace.txns),
            clients=len(branches),
            events=about["revision"],
            conflicts=len(conflicts),
            seconds=round(seconds, 2),
            characters=len(text),
            expected=None if trace.end is None else len(trace.end),
            equal=None if trace.end is None else text == trace.end,
        )

    async def _watch(self) -> None:
        """Fail when nothing has become durable for a while, however long the whole takes."""
        while self._done < len(self._trace.txns):
            before = self._done
            self._moved.clear()
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    await self._moved.wait()
            except TimeoutError:
                raise TimeoutError(f"no edit became durable within {TIMEOUT_S:g} s, after {before}") from None

    async def _play(self, number: int, branch: Branch, log: Log) -> None:
        """The life of one client: from the moment its first transaction can be written to its last receipt."""
        first = self._trace.txns[branch.txns[0]]
        for parent in first.parents:
            await _arrived(log, parent)

        def receipt(edit: Edit, receipt: EditReceipt) -> None:
            log.revisions[branch.txns[edit.seq - 1]].set_result(receipt.revision)
            self._done += 1
            self._moved.set()
            self._written(self._done)

        url = f"{self._url}?actor={quote(branch.actor)}"
        doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc(client_id=self._client_ids[number])
        client = Client(url, self._name, doc, name=branch.actor, frames="events", on_receipt=receipt)
        client.hold()
        text = client.doc.get(ROOT, type=pycrdt.Text)
        async with client:
            await client.until(client.synced.is_set, TIMEOUT_S)
            opened_at = max(client.held_state, *client.held, 0) if client.held else client.held_state
            applied: dict[int, int] = {}
            for count, index in enumerate(branch.txns):
                needed = list(self._news(number, index, applied))
                if needed:
                    await self._learn(client, needed, opened_at, log)
                self._write(client.doc, text, self._trace.txns[index])
                edit = client.last_edit
                if edit is None or edit.seq != count + 1:
                    raise ValueError(f"transaction {index} of the trace changes nothing")
                log.updates[index] = edit.update
                if client.waiting > MAX_WAITING:
                    await client.until(lambda: client.waiting < MAX_WAITING // 2, TIMEOUT_S)
                elif count % BREATH == BREATH - 1:
                    await asyncio.sleep(0)
            await client.flush(TIMEOUT_S)

    def _news(self, mine: int, index: int, applied: dict[int, int]) -> Iterator[int]:
        """Other branches' transactions that *index* knows and this client has not applied yet, in causal order."""
        found: list[int] = []
        for branch, count in self._plan.knows[index].items():
            before = applied.get(branch, 0)
            if branch != mine and count > before:
                found.extend(self._plan.branches[branch].txns[before:count])
                applied[branch] = count
        return iter(sorted(found))

    async def _learn(self, client: Client, needed: list[int], opened_at: int, log: Log) -> None:
        """Apply exactly the transactions *needed*: as they came on this connection, or, what was recorded before it
        was opened, as their authors' clients wrote them."""
        older: dict[int, bytes] = {}
        newer: list[int] = []
        for index in needed:
            revision = await _arrived(log, index)
            if revision > opened_at:
                newer.append(revision)
            else:
                older[revision] = log.updates[index]
        if older:
            client.take(older, check=False)  # the plan is complete, and a long history takes long to decode
        if newer:
            last = max(newer)
            if last not in client.held:
                await client.until(lambda: last in client.held, TIMEOUT_S)
            client.apply(newer)

    def _write(self, doc: pycrdt.Doc[pycrdt.Text], text: pycrdt.Text, txn: Txn) -> None:
        with doc.transaction():
            for position, gone, come in txn.patches:
                at, end = position, position + gone
                if not self._ascii:
                    now = str(text)
                    at, end = len(now[:at].encode()), len(now[:end].encode())
                if gone:
                    del text[at:end]
                if come:
                    text.insert(at, come)


async def _arrived(log: Log, index: int) -> int:
    """The revision of transaction *index*, as soon as it is recorded."""
    future = log.revisions[index]
    return future.result() if future.done() else await asyncio.shield(future)
