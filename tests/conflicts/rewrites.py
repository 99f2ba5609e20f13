"""Two people rewrite many lines of one text, apart: made by real pycrdt clients that have not seen each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from random import Random
from typing import Final, Literal

from keepboth.conflicts.model import EditFact
from tests.conflicts.crowds import Writer, facts, one_after_the_other, start_with, taking_turns

Way = Literal["words", "lines", "ends", "delete", "between"]
"""What somebody does to a line: retype a word of it, or all of it, or all of it with its line end, take it out with its
line end, or put a line before it."""

SIZE: Final = len("000000 what stood here before.\n")


def rewrites(
    lines: int,
    ways: tuple[Way, Way] = ("words", "words"),
    whole: tuple[bool, bool] = (True, True),
    *,
    turns: bool = False,
    seed: int | None = None,
) -> list[EditFact]:
    """What two people do to each of *lines* lines. *whole*: who sends all of it as one update; else each line is one.

    *turns*: their updates come alternately, not one person's first. *seed*: in what order they go through the lines;
    None: from the top.
    """
    start = start_with("".join(f"{line:06} what stood here before.\n" for line in range(lines)))
    updates = []
    for client, way, at_once, said in zip((10, 20), ways, whole, ("Ann", "Bob"), strict=True):
        writer = Writer(client, start)
        with writer.doc.transaction() if at_once else nullcontext():
            for _ in _changes(writer, lines, way, said, seed):
                pass
        updates.append(writer.updates)
    return facts(taking_turns(updates) if turns else one_after_the_other(updates), start)


def _changes(writer: Writer, lines: int, way: Way, said: str, seed: int | None) -> Iterator[None]:
    """Change line after line."""
    order = list(range(lines))
    if seed is not None:
        Random(f"{seed} {said}").shuffle(order)
    sizes = _Sums([SIZE] * lines)
    text = writer.text
    for line in order:
        at = sizes.before(line)
        low, high, new = {
            "words": (12, 22, f"{said} wrote"),
            "lines": (0, SIZE - 1, f"{said} wrote line {line}."),
            "ends": (0, SIZE, f"{said} wrote line {line}.\n"),
            "delete": (0, SIZE, ""),
            "between": (0, 0, f"{said} wrote line {line}.\n"),
        }[way]
        with writer.doc.transaction():
            if high > low:
                del text[at + low : at + high]
            if new:
                text.insert(at + low, new)
        sizes.add(line, len(new) - (high - low))
        yield


class _Sums:
    """Numbers that change, and the sums of those before any."""

    def __init__(self, numbers: list[int]) -> None:
        self._tree = [0] * (len(numbers) + 1)
        for at, number in enumerate(numbers):
            self.add(at, number)

    def add(self, at: int, number: int) -> None:
        at += 1
        while at < len(self._tree):
            self._tree[at] += number
            at += at & -at

    def before(self, at: int) -> int:
        total = 0
        while at:
            total += self._tree[at]
            at -= at & -at
        return total
