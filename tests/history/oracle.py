"""Who brought and who deleted each character of a recorded session: the trace itself, applied by hand.

No CRDT and no engine. One list holds every character that was ever typed, with the edit that typed it and those that
deleted it; an edit's positions count what its author had seen of it. Slow and obvious. What it makes of the text is
compared with the recording's own end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from keepboth.events import Seen
from tests.conflicts.traces import TraceEdit


@dataclass(eq=False, slots=True)
class Char:
    """One character: typed by ``agent`` in the edit at ``revision`` right of ``left``, deleted by those at ``gone``."""

    text: str
    agent: int
    revision: int
    left: Char | None
    gone: list[tuple[int, int]] = field(default_factory=list)


def apply(transactions: list[dict[str, Any]], edits: list[TraceEdit]) -> list[Char]:
    """Every character, in the order of the document."""
    everything: list[Char] = []
    for revision, (transaction, edit) in enumerate(zip(transactions, edits, strict=True), 1):
        seen = edit.context.lower
        for at, size, new, *_ in transaction["patches"]:
            place = -1
            if at:
                place = _nth(everything, at, edit.agent, seen)
            gone = size
            where = place + 1
            while gone:
                char = everything[where]
                if _shows(char, edit.agent, seen):
                    char.gone.append((revision, edit.agent))
                    gone -= 1
                where += 1
            left = everything[place] if place >= 0 else None
            where = place + 1
            while new and where < len(everything) and _before(everything[where], left, edit.agent, seen):
                where += 1
            for char in new:
                everything.insert(where, Char(char, edit.agent, revision, left))
                left = everything[where]
                where += 1
    return everything


def apply_alone(transactions: list[dict[str, Any]]) -> list[Char]:
    """The same for one author, who has always seen everything; the order of what was deleted means nothing."""
    document: list[Char] = []
    deleted: list[Char] = []
    for revision, transaction in enumerate(transactions, 1):
        for at, size, new, *_ in transaction["patches"]:
            for char in document[at : at + size]:
                char.gone.append((revision, 0))
            deleted += document[at : at + size]
            document[at : at + size] = [Char(char, 0, revision, None) for char in new]
    return document + deleted


def shown(everything: list[Char], revision: int) -> Iterator[Char]:
    """What the document shows at *revision*."""
    for char in everything:
        if char.revision <= revision and not any(by <= revision for by, _ in char.gone):
            yield char


def _nth(everything: list[Char], count: int, agent: int, seen: Seen) -> int:
    """Where the *count*-th character that the author had on the screen is."""
    base = seen.base
    for where, char in enumerate(everything):
        known = char.agent == agent or char.revision <= base  # the common cases first: this is the inner loop
        if (known and not char.gone) or _shows(char, agent, seen):
            count -= 1
            if not count:
                return where
    raise AssertionError("the trace names a place behind the end")


def _shows(char: Char, agent: int, seen: Seen) -> bool:
    if char.agent != agent and not seen.knows(char.revision, char.revision):
        return False
    return not any(by == agent or seen.knows(revision, revision) for revision, by in char.gone)


def _before(char: Char, left: Char | None, agent: int, seen: Seen) -> bool:
    """True if *char*, which the author had not seen, was typed in the same place by somebody who comes first."""
    return char.left is left and char.agent < agent and not seen.knows(char.revision, char.revision)
