"""Crowded places: many edits into one gap, made by real pycrdt clients that have not seen each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from random import Random
from typing import Any

from pycrdt import Doc, Text, TransactionEvent

from keepboth.conflicts.model import EditFact
from keepboth.events import Context
from keepboth.yjs.update import decode_update


class Writer:
    """A client that types on its own; ``updates`` is what it sends."""

    def __init__(self, client_id: int, start: bytes | None = None) -> None:
        self.doc: Doc[Any] = Doc(client_id=client_id)
        self.text = self.doc.get("text", type=Text)
        if start is not None:
            self.doc.apply_update(start)
        self.updates: list[bytes] = []
        self._subscription = self.doc.observe(self._record)

    def _record(self, event: TransactionEvent) -> None:
        self.updates.append(event.update)

    def type(self, at: int, letters: str) -> None:
        for offset, letter in enumerate(letters):
            self.text.insert(at + offset, letter)

    def scribble(self, rng: Random, edits: int, deletes: float = 0.0) -> None:
        """Insert single letters anywhere in what it sees, or delete some."""
        for _ in range(edits):
            size = len(str(self.text))
            if size and rng.random() < deletes:
                at = rng.randrange(size)
                del self.text[at : at + 1]
            else:
                self.text.insert(rng.randint(0, size), rng.choice("abcdef"))

    def jump(self, rng: Random, edits: int, low: int) -> None:
        """Type in the gap at *low*, now and then going back and on from there, or deleting the last letter."""
        at = high = low
        for _ in range(edits):
            if rng.random() < 0.05:
                at = rng.randint(low, high)
            if rng.random() < 0.15 and at > low:
                at -= 1
                high -= 1
                del self.text[at : at + 1]
            else:
                self.text.insert(at, rng.choice("abcdef "))
                at += 1
                high += 1


def start_with(text: str) -> bytes:
    writer = Writer(1)
    writer.text.insert(0, text)
    return writer.doc.get_update()


def taking_turns(updates: Sequence[Sequence[bytes]]) -> Iterator[tuple[int, bytes]]:
    """``(writer, update)``, one of each writer after the other."""
    for row in zip_longest(*([(who, update) for update in own] for who, own in enumerate(updates))):
        yield from (item for item in row if item is not None)


def one_after_the_other(updates: Sequence[Sequence[bytes]]) -> Iterator[tuple[int, bytes]]:
    return chain.from_iterable([(who, update) for update in own] for who, own in enumerate(updates))


def facts(arrivals: Iterator[tuple[int, bytes]], start: bytes | None = None) -> list[EditFact]:
    """Edits of writers who had all seen *start*, revision 1, and nothing of each other."""
    out = []
    seen = Context.of(0 if start is None else 1)
    if start is not None:
        out.append(EditFact(1, 1, "start", "start", Context.of(0), decode_update(start)))
    for who, update in arrivals:
        revision = len(out) + 1
        out.append(EditFact(revision, revision, f"session {who}", f"writer {who}", seen, decode_update(update)))
    return out


def offline_pair(edits: int, turns: bool = False) -> list[EditFact]:
    """Two people each type *edits* letters into the same gap, apart."""
    start = start_with("one two")
    writers = [Writer(client, start) for client in (10, 20)]
    for writer, letters in zip(writers, ("abc ", "xyz "), strict=True):
        writer.type(4, (letters * edits)[:edits])
    updates = [writer.updates for writer in writers]
    return facts(taking_turns(updates) if turns else one_after_the_other(updates), start)


def chains(writers: int, edits: int) -> list[EditFact]:
    """Everybody types *edits* letters, each behind the last, into an empty document."""
    crowd = [Writer(10 + at) for at in range(writers)]
    for at, writer in enumerate(crowd):
        writer.type(0, "abcde"[at % 5] * edits)
    return facts(taking_turns([writer.updates for writer in crowd]))


def scribbles(writers: int, edits: int, seed: int = 1, deletes: float = 0.0, start: str = "") -> list[EditFact]:
    """Everybody makes *edits* single-letter edits anywhere in what they see of a nearly empty document."""
    rng = Random(seed)
    first = start_with(start) if start else None
    crowd = [Writer(10 + at, first) for at in range(writers)]
    for writer in crowd:
        writer.scribble(rng, edits, deletes)
    return facts(taking_turns([writer.updates for writer in crowd]), first)


def jumps(writers: int, edits: int, seed: int = 1) -> list[EditFact]:
    """Everybody makes *edits* keystrokes in one gap, apart, jumping about and deleting (see `Writer.jump`)."""
    rng = Random(seed)
    start = start_with("one two")
    crowd = [Writer(10 * (1 + at), start) for at in range(writers)]
    for writer in crowd:
        writer.jump(rng, edits, 4)
    return facts(taking_turns([writer.updates for writer in crowd]), start)
