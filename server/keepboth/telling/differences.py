"""What changed from one text to another, word by word.

Myers' greedy algorithm (An O(ND) Difference Algorithm and Its Variations, 1986) on words. Texts that differ in more
than `MAX_CHANGES` words are first cut at words that both hold exactly once and in the same order (patience difference);
what then still differs in more is shown as replaced whole. Cost is at most about ``MAX_CHANGES`` squared steps a
stretch.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal, NamedTuple

from keepboth.telling.words import words

MAX_CHANGES: Final = 200
MAX_DEPTH: Final = 4
"""How often a stretch is cut at such words again."""

Op = Literal["keep", "insert", "delete"]


class Piece(NamedTuple):
    """A stretch of text. ``gap``: kept text was left out here, ``text`` is ``…``."""

    op: Literal["keep", "insert", "delete", "gap"]
    text: str


def difference(before: str, after: str) -> list[Piece]:
    """The pieces that lead from *before* to *after*.

    Kept and deleted ones make *before*, kept and inserted ones *after*. Neighbours differ in ``op``, a delete comes
    before the insert that replaces it, no piece is empty.
    """
    return list(_pieces(before, after))


@lru_cache(maxsize=1024)
def _pieces(before: str, after: str) -> tuple[Piece, ...]:
    """Kept for a while: the same entry is told again and again, and long texts take up to 0.4 s."""
    return tuple(_tidy(_compare(words(before), words(after), MAX_DEPTH)))


def common_ends(old: Sequence[str], new: Sequence[str]) -> tuple[int, int]:
    """How many pieces both begin with, and how many of the rest both end with."""
    low = 0
    while low < min(len(old), len(new)) and old[low] == new[low]:
        low += 1
    high = 0
    while high < min(len(old), len(new)) - low and old[-1 - high] == new[-1 - high]:
        high += 1
    return low, high


Step = tuple[Op, str]


def _compare(old: Sequence[str], new: Sequence[str], depth: int) -> Iterator[Step]:
    low, high = common_ends(old, new)
    yield from (("keep", word) for word in old[:low])
    yield from _middle(old[low : len(old) - high], new[low : len(new) - high], depth)
    yield from (("keep", word) for word in old[len(old) - high :])


def _middle(old: Sequence[str], new: Sequence[str], depth: int) -> list[Step]:
    if not old or not new:
        return _replaced(old, new)
    steps = _greedy(old, new)
    if steps is not None:
        return steps
    return _between_anchors(old, new, depth - 1) if depth else _replaced(old, new)


def _replaced(old: Iterable[str], new: Iterable[str]) -> list[Step]:
    steps: list[Step] = [("delete", word) for word in old]
    steps += [("insert", word) for word in new]
    return steps


def _greedy(old: Sequence[str], new: Sequence[str]) -> list[Step] | None:
    """A shortest script, None if it has more than `MAX_CHANGES` steps."""
    furthest = {1: 0}
    trace: list[dict[int, int]] = []
    for changes in range(min(len(old) + len(new), MAX_CHANGES) + 1):
        trace.append(dict(furthest))
        for k in range(-changes, changes + 1, 2):
            down = k == -changes or (k != changes and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            y = x - k
            while x < len(old) and y < len(new) and old[x] == new[y]:
                x += 1
                y += 1
            furthest[k] = x
            if x >= len(old) and y >= len(new):
                return _walked_back(old, new, trace)
    return None


def _walked_back(old: Sequence[str], new: Sequence[str], trace: list[dict[int, int]]) -> list[Step]:
    steps: list[Step] = []
    x, y = len(old), len(new)
    for changes in range(len(trace) - 1, -1, -1):
        furthest = trace[changes]
        k = x - y
        down = k == -changes or (k != changes and furthest[k - 1] < furthest[k + 1])
        at_x = furthest[k + 1 if down else k - 1]
        at_y = at_x - (k + 1 if down else k - 1)
        if changes == 0:
            at_x = at_y = 0
        while x > at_x and y > at_y:
            x, y = x - 1, y - 1
            steps.append(("keep", old[x]))
        if changes:
            if down:
                y -= 1
                steps.append(("insert", new[y]))
            else:
                x -= 1
                steps.append(("delete", old[x]))
    steps.reverse()
    return steps


def _between_anchors(old: Sequence[str], new: Sequence[str], depth: int) -> list[Step]:
    """Compare between the words that both hold once, in the longest order common to both."""
    anchors = _anchors(old, new)
    if not anchors:
        return _replaced(old, new)
    steps: list[Step] = []
    x = y = 0
    for at_x, at_y in [*anchors, (len(old), len(new))]:
        steps += _compare(old[x:at_x], new[y:at_y], depth)
        if at_x < len(old):
            steps.append(("keep", old[at_x]))
        x, y = at_x + 1, at_y + 1
    return steps


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    olds, news = Counter(old), Counter(new)
    place = {word: at for at, word in enumerate(new) if news[word] == 1}
    pairs = [(at, place[word]) for at, word in enumerate(old) if olds[word] == 1 and word in place]
    piles: list[int] = []
    tops: list[int] = []
    behind: list[int | None] = []
    for nth, (_, at) in enumerate(pairs):
        pile = bisect_left(piles, at)
        behind.append(tops[pile - 1] if pile else None)
        if pile == len(piles):
            piles.append(at)
            tops.append(nth)
        else:
            piles[pile], tops[pile] = at, nth
    chain: list[tuple[int, int]] = []
    last = tops[-1] if tops else None
    while last is not None:
        chain.append(pairs[last])
        last = behind[last]
    return chain[::-1]


# -- reading ---------------------------------------------------------------------------------------------------------


def _tidy(steps: Iterable[Step]) -> list[Piece]:
    """Join steps to pieces. A space kept between two deleted words counts as replaced if other words came there: people
    read two words that became two others as one change."""
    blocks = _blocks(steps)
    joined: list[tuple[str, str, str]] = []
    for keep, gone, come in blocks:
        first, earlier, later = joined[-1] if joined else ("", "", "")
        if keep.isspace() and gone and earlier and (come or later):
            joined[-1] = (first, earlier + keep + gone, later + keep + come)
        else:
            joined.append((keep, gone, come))
    pieces: list[Piece] = []
    for keep, gone, come in joined:
        pieces += [Piece("keep", keep), Piece("delete", gone), Piece("insert", come)]
    return [piece for piece in pieces if piece.text]


def _blocks(steps: Iterable[Step]) -> list[tuple[str, str, str]]:
    """``(kept, then deleted, then inserted)``, alternating."""
    blocks: list[tuple[list[str], list[str], list[str]]] = [([], [], [])]
    for op, word in steps:
        keep, gone, come = blocks[-1]
        if op == "keep":
            if gone or come:
                blocks.append(([word], [], []))
            else:
                keep.append(word)
        elif op == "delete":
            gone.append(word)
        else:
            come.append(word)
    return [("".join(keep), "".join(gone), "".join(come)) for keep, gone, come in blocks]
