"""Edits as rows for training: what stood there, what somebody did, and what became of it.

A row's context is from before its edit. Its labels are from after it, each with a horizon, and null where the horizon
lies beyond the cut: a row never says more than the log did at its cut. Authors and documents are pseudonyms under a
key; whole documents go to one part (train, valid, test). The same cut, options and key give the same rows.
"""

from __future__ import annotations

import hmac
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

from keepboth.errors import InvalidRequest
from keepboth.events import Micros
from keepboth.history.cuts import Selection
from keepboth.history.deltas import OBJECT, Change, Deltas, Ids
from keepboth.history.releases import ReleasedEdit, releases
from keepboth.store.base import EventLine, EventStore

PARTS: Final = ("train", "valid", "test")
SECOND: Final = 1_000_000
SPLIT_SALT: Final = "keepboth rows 1"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RowOptions:
    """``reach``: UTF-16 units of text around a change. ``after_edits`` and ``after_s``: horizons of the labels, in
    later edits of the document and in seconds. ``burst_s``: keystrokes of one session that type on, at most so many
    seconds apart, are one row; 0: each is its own. ``split_salt``: other salts part the documents differently.
    """

    key: bytes
    reach: int = 200
    after_edits: tuple[int, ...] = (10, 100)
    after_s: tuple[int, ...] = (60, 3600)
    burst_s: float = 0.0
    split_salt: str = SPLIT_SALT

    def __post_init__(self) -> None:
        if not self.key:
            raise InvalidRequest("a key of no bytes hides nobody", field="key")
        if any(horizon <= 0 for horizon in (*self.after_edits, *self.after_s)):
            raise InvalidRequest("a horizon lies after the edit", field="horizon")

    def columns(self) -> dict[str, type]:
        """The names of a row's fields, in order, and their types; every label may be null."""
        labels = [label_after_edits(n) for n in self.after_edits] + [label_after_s(n) for n in self.after_s]
        return COLUMNS | dict.fromkeys(labels, int)

    def pseudonym(self, what: str, name: str) -> str:
        """16 hexadecimal digits that only whoever has the key can lead back to *name*."""
        return hmac.new(self.key, f"{what}\0{name}".encode(), sha256).hexdigest()[:16]

    def part(self, document: str) -> str:
        """Which part all of a document's rows belong to: 80 % train, 10 % valid, 10 % test."""
        number = int.from_bytes(sha256(f"{self.split_salt}\0{document}".encode()).digest()[:4], "big") % 10
        return PARTS[max(number - 7, 0)]


COLUMNS: Final[dict[str, type]] = {
    "part": str,
    "document": str,
    "revision": int,
    "edits": int,
    "author": str,
    "author_kind": str,
    "seconds_since_author": float,
    "seconds_since_any": float,
    "seconds_typing": float,
    "root": str,
    "change": int,
    "changes": int,
    "position_utf16": int,
    "before": str,
    "after": str,
    "deleted": str,
    "inserted": str,
    "inserted_utf16": int,
}


def label_after_edits(number: int) -> str:
    """The label's name: units of the row's text that were alive so many edits later."""
    return f"alive_after_{number}_edits"


def label_after_s(seconds: int) -> str:
    """The label's name: units of the row's text that were alive so many seconds later."""
    return f"alive_after_{seconds}_s"


class _Pending:
    """A row that waits for its labels. ``last``, ``at``: ordinal and time of release of its last edit."""

    __slots__ = ("at", "born", "last", "row")

    def __init__(self, row: Row, born: Ids, last: int, at: Micros) -> None:
        self.row = row
        self.born = born
        self.last = last
        self.at = at


def rows(store: EventStore, selection: Selection, options: RowOptions) -> Iterator[Row]:
    """The rows of one document at a cut, in the order in which its edits became visible.

    In memory: the rows that wait for their labels, and two numbers for each edit and each unit of text there ever was.
    """
    last = store.lines(selection.document, after=selection.revision - 1, until=selection.revision)
    work = _Rows(selection.document, last[0].recorded_at if last else 0, options)
    for line, released in releases(store, selection):
        yield from work.take(line.recorded_at, released)
    yield from work.finish()


class _Rows:
    def __init__(self, document: str, end: Micros, options: RowOptions) -> None:
        self._options = options
        self._document = options.pseudonym("document", document)
        self._part = options.part(document)
        self._end = end
        self._deltas = Deltas(options.reach)
        self._times: array[int] = array("q")  # when each edit was released
        self._deaths: dict[int, array[int]] = {}  # by client and clock: ordinal of the edit that deleted it, -1 if none
        self._authored: dict[str, Micros] = {}
        self._last_authored: Micros | None = None
        self._burst: tuple[_Pending, EventLine] | None = None
        self._waiting: deque[_Pending] = deque()

    def take(self, at: Micros, released: Sequence[ReleasedEdit]) -> Iterator[Row]:
        for edit, delta in zip(released, self._deltas.take([edit.update for edit in released]), strict=True):
            ordinal = len(self._times)
            self._times.append(at)
            for client, clock, length in delta.died:
                deaths = self._deaths[client]
                for one in range(clock, clock + length):
                    deaths[one] = ordinal
            for change in delta.changes:
                for client, clock, length in change.born:
                    deaths = self._deaths.setdefault(client, array("q"))
                    if len(deaths) < clock + length:
                        deaths.extend([-1] * (clock + length - len(deaths)))
            changes = [change for change in delta.changes if set(change.deleted + change.inserted) - {OBJECT}]
            if len(changes) != 1 or not self._typed_on(edit.line, changes[0], ordinal, at):
                self._start(edit.line, changes, ordinal, at)
            self._authored[edit.line.actor] = self._last_authored = edit.line.authored_at
        yield from self._labelled(self._times[-1] if self._times else 0)

    def _start(self, line: EventLine, changes: Sequence[Change], ordinal: int, at: Micros) -> None:
        self._burst = None
        for number, change in enumerate(changes):
            row: Row = {
                "part": self._part,
                "document": self._document,
                "revision": line.revision,
                "edits": 1,
                "author": self._options.pseudonym("actor", line.actor),
                "author_kind": line.actor_kind,
                "seconds_since_author": _seconds(self._authored.get(line.actor), line.authored_at),
                "seconds_since_any": _seconds(self._last_authored, line.authored_at),
                "seconds_typing": 0.0,
                "root": self._root(change.root),
                "change": number,
                "changes": len(changes),
                "position_utf16": change.position_utf16,
                "before": change.before,
                "after": change.after,
                "deleted": change.deleted,
                "inserted": change.inserted,
                "inserted_utf16": sum(length for _, _, length in change.born),
            }
            pending = _Pending(row, change.born, ordinal, at)
            self._waiting.append(pending)
            if len(changes) == 1 and change.inserted and self._options.burst_s > 0:
                self._burst = pending, line

    def _typed_on(self, line: EventLine, change: Change, ordinal: int, at: Micros) -> bool:
        """True if the keystroke went into the row of the one before."""
        if self._burst is None or change.deleted or line.session is None:
            return False
        pending, before = self._burst
        row = pending.row
        gap = line.authored_at - before.authored_at
        if (
            line.session != before.session
            or line.actor != before.actor
            or not 0 <= gap <= self._options.burst_s * SECOND
            or row["root"] != self._root(change.root)
            or change.position_utf16 != row["position_utf16"] + row["inserted_utf16"]
        ):
            return False
        row["edits"] += 1
        row["inserted"] += change.inserted
        row["inserted_utf16"] += sum(length for _, _, length in change.born)
        row["seconds_typing"] = round(row["seconds_typing"] + gap / SECOND, 6)
        pending.born += change.born
        pending.last, pending.at = ordinal, at
        self._burst = pending, line
        return True

    def _root(self, root: str) -> str:
        """A nested text's name holds a Yjs client id, which is somebody's."""
        return root if not root.replace(".", "").isdecimal() else f"nested:{self._options.pseudonym('root', root)}"

    # -- labels --------------------------------------------------------------------------------------------------------

    def finish(self) -> Iterator[Row]:
        """The rows that are left: where a horizon lies beyond the cut, nobody knows."""
        self._burst = None
        while self._waiting:
            yield self._label(self._waiting.popleft())

    def _labelled(self, now: Micros) -> Iterator[Row]:
        """The rows whose horizons have all come."""
        edits = max(self._options.after_edits, default=0)
        span = max(self._options.after_s, default=0) * SECOND
        while self._waiting:
            first = self._waiting[0]
            burst = self._burst is not None and first is self._burst[0]
            if burst or len(self._times) - 1 < first.last + edits or now <= first.at + span:
                return
            yield self._label(self._waiting.popleft())

    def _label(self, pending: _Pending) -> Row:
        row = pending.row
        last = len(self._times) - 1
        for number in self._options.after_edits:
            horizon = pending.last + number
            row[label_after_edits(number)] = self._alive(pending.born, horizon) if horizon <= last else None
        for seconds in self._options.after_s:
            moment = pending.at + seconds * SECOND
            horizon = bisect_right(self._times, moment) - 1
            row[label_after_s(seconds)] = self._alive(pending.born, horizon) if moment <= self._end else None
        return row

    def _alive(self, born: Ids, horizon: int) -> int:
        """How many units were still there when the edit *horizon* had been released."""
        alive = 0
        for client, clock, length in born:
            alive += sum(not 0 <= death <= horizon for death in self._deaths[client][clock : clock + length])
        return alive


def _seconds(before: Micros | None, now: Micros) -> float | None:
    """Null for the first edit; clocks that disagree give 0."""
    return None if before is None else max(now - before, 0) / SECOND
