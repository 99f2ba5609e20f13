"""A recorded history with branches and merges: every transaction as a Yjs update, and any cut of it as a text.

Authors work as pycrdt documents: each chain of one actor's transactions is a client of its own, which has applied
exactly what the transaction's author knew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pycrdt

from client_demo.traces import Trace, plan
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Session, Stroke
from keepboth.events import Context
from keepboth.yjs.structs import Id, Update
from keepboth.yjs.update import decode_update

ROOT = "text"

Lines = tuple[int, int]
"""From which line to before which, counted from 0; equal for a place between lines."""

Cut = int
"""A set of transactions, one bit each."""


def members(cut: Cut) -> Iterator[int]:
    """The transactions in *cut*, in causal order."""
    while cut:
        low = cut & -cut
        yield low.bit_length() - 1
        cut ^= low


class Piece(NamedTuple):
    """Neighbouring items that share their fate. ``units``: one character a UTF-16 unit; ``deleters``: a cut."""

    client: int
    clock: int
    units: str
    maker: int
    deleters: Cut


class History:
    """``past[n]``: what transaction *n* knew, itself not included. ``text_after[n]``: its author's text after it."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.plan = plan(trace.txns)
        self.past: list[Cut] = []
        for txn in trace.txns:
            self.past.append(_union(self.past[parent] | 1 << parent for parent in txn.parents))
        self.updates: list[bytes] = []
        self.text_after: list[str] = []
        self._write()
        self.decoded: list[Update] = [decode_update(update) for update in self.updates]
        self.pieces: list[Piece] = list(self._order())
        self._index: dict[int, list[tuple[int, int]]] = {}
        for at, piece in enumerate(self.pieces):
            self._index.setdefault(piece.client, []).append((piece.clock, at))
        for places in self._index.values():
            places.sort()

    def upto(self, txn: int) -> Cut:
        """*txn* and all it knew."""
        return self.past[txn] | 1 << txn

    def heads(self, cut: Cut) -> list[int]:
        """The transactions of *cut* that no other in it knew."""
        known = _union(self.past[txn] for txn in members(cut))
        return list(members(cut & ~known))

    def screen(self, cut: Cut) -> Screen:
        """What the transactions of *cut* make together."""
        return Screen(self, cut)

    def place(self, id: Id) -> tuple[int, int]:
        """Which piece holds *id*, and where in it."""
        places = self._index[id[0]]
        clock, at = places[bisect_right(places, (id[1], len(self.pieces))) - 1]
        return at, id[1] - clock

    # -- making it -------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        branches = self.plan.branches
        order = sorted(range(len(branches)), key=lambda branch: (branches[branch].actor, branch))
        docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=order.index(branch) + 1) for branch in range(len(order))]
        applied: list[Cut] = [0] * len(branches)
        for number, txn in enumerate(self.trace.txns):
            branch = self.plan.branch_of[number]
            doc = docs[branch]
            text = doc.get(ROOT, type=pycrdt.Text)
            if not applied[branch] and self.past[number] in applied:
                doc.apply_update(docs[applied.index(self.past[number])].get_update())
            else:
                for other in members(self.past[number] & ~applied[branch]):
                    doc.apply_update(self.updates[other])
            applied[branch] = self.upto(number)
            made: list[bytes] = []
            value = str(text)
            listening = doc.observe(lambda event, made=made: made.append(event.update))  # type: ignore[misc]
            with doc.transaction():
                for at, gone, come in txn.patches:
                    low = len(value[:at].encode())
                    if gone:
                        del text[low : low + len(value[at : at + gone].encode())]
                    if come:
                        text.insert(low, come)
                    value = value[:at] + come + value[at + gone :]
            doc.unobserve(listening)
            (update,) = made
            self.updates.append(update)
            self.text_after.append(value)
            assert value == str(text)

    def _order(self) -> Iterator[Piece]:
        """All items in document order. The order is the shadow's; who made and deleted what is read off the updates."""
        shadow = Shadow()
        session = Session("all")
        ends: dict[int, list[int]] = {}
        makers: dict[int, list[int]] = {}
        deletes: dict[int, list[tuple[int, int, int]]] = {}
        for number, update in enumerate(self.decoded):
            fact = EditFact(number + 1, number + 1, "all", "all", Context.of(number), update)
            shadow.integrate([(Stroke(fact, session), update)])
            for client, structs in update.structs.items():
                ends.setdefault(client, []).append(structs[-1].clock + structs[-1].length)
                makers.setdefault(client, []).append(number)
            for client, ranges in update.deletes.items():
                deletes.setdefault(client, []).extend((first, first + size, number) for first, size in ranges)
        fates = {client: _fates(found) for client, found in deletes.items()}
        line = shadow.line(ROOT)
        run = None if line is None else line.first
        while run is not None:
            content = run.content if isinstance(run.content, str) else "\0" * run.length  # came deleted: never shown
            cuts, gone = fates.get(run.client, ([0], [0]))
            low = run.clock
            while low < run.end:
                at = bisect_right(cuts, low) - 1
                which = bisect_right(ends[run.client], low)
                high = min(run.end, ends[run.client][which], cuts[at + 1] if at + 1 < len(cuts) else run.end)
                units = content[low - run.clock : high - run.clock]
                yield Piece(run.client, low, units, makers[run.client][which], gone[at])
                low = high
            run = run.right


class Screen:
    """The text of a cut, and where every id lies in it. Offsets are UTF-16 units."""

    def __init__(self, history: History, cut: Cut) -> None:
        self._history = history
        self._starts: list[int] = []
        self._shown: list[bool] = []
        parts: list[str] = []
        size = 0
        for piece in history.pieces:
            shown = bool(cut >> piece.maker & 1) and not piece.deleters & cut
            self._starts.append(size)
            self._shown.append(shown)
            if shown:
                parts.append(piece.units)
                size += len(piece.units)
        self.text = "".join(parts)
        self.lines = line_starts(self.text)

    def shows(self, at: int) -> bool:
        """True if the *at*-th piece is on the screen."""
        return self._shown[at]

    def within(self, at: int, lines: Lines) -> bool:
        """True if the *at*-th piece shows, or would if it were not deleted, on *lines* or at their edge."""
        return self.lines[lines[0]] <= self._starts[at] <= self.lines[lines[1]]

    def span(self, first: Id, last: Id) -> tuple[int, int]:
        """From where to where the items from *first* to *last* show: ``(offset, end)``, equal if none shows."""
        return self._offset(first, 0), self._offset(last, 1)

    def meets(self, lines: Lines, span: tuple[Id, Id]) -> bool:
        """True if *span* (see `span`) and *lines* have text in common; where one of them is empty, if they touch."""
        low, high = self.span(*span)
        start, end = self.lines[lines[0]], self.lines[lines[1]]
        if low == high or start == end:
            return low <= end and start <= high
        return low < end and start < high

    def ends(self, lines: Lines) -> tuple[Id, Id] | None:
        """The first and the last item that show on *lines*, None if there are none."""
        low, high = self.lines[lines[0]], self.lines[lines[1]]
        return None if low == high else (self._id(low), self._id(high - 1))

    def _id(self, offset: int) -> Id:
        at = bisect_right(self._starts, offset) - 1
        while not self._shown[at]:
            at -= 1
        piece = self._history.pieces[at]
        return piece.client, piece.clock + offset - self._starts[at]

    def _offset(self, id: Id, behind: int) -> int:
        at, within = self._history.place(id)
        return self._starts[at] + (within + behind if self._shown[at] else 0)


def line_starts(text: str) -> list[int]:
    """Where each line begins, and the end of the text: line *n* is from the *n*-th to the next."""
    starts = [0]
    while starts[-1] < len(text):
        newline = text.find("\n", starts[-1])
        starts.append(len(text) if newline < 0 else newline + 1)
    return starts


def _union(cuts: Iterable[Cut]) -> Cut:
    union = 0
    for cut in cuts:
        union |= cut
    return union


def _fates(deletes: list[tuple[int, int, int]]) -> tuple[list[int], list[Cut]]:
    """From which clock on which transactions deleted: ``(clocks, cuts)``."""
    changes: dict[int, list[tuple[int, int]]] = {0: []}
    for low, high, number in deletes:
        changes.setdefault(low, []).append((number, 1))
        changes.setdefault(high, []).append((number, -1))
    clocks = sorted(changes)
    depth: dict[int, int] = {}
    cuts = []
    for clock in clocks:
        for number, step in changes[clock]:
            depth[number] = depth.get(number, 0) + step
        cuts.append(_union(1 << number for number, deep in depth.items() if deep))
        depth = {number: deep for number, deep in depth.items() if deep}
    return clocks, cuts
