"""The line under a list of collisions: what is not shown, and why; or why there is nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from keepboth.telling.attention import Hidden
from keepboth.telling.cards import Card
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.wording import HIDDEN


class Tally(NamedTuple):
    """What a list holds. ``hidden`` counts every entry once, under its first reason. ``edits`` and ``people`` are those
    of all documents listed; ``known`` of ``edits`` have been looked at."""

    shown: int
    hidden: Mapping[Hidden, int]
    edits: int
    people: int
    known: int

    @property
    def complete(self) -> bool:
        return self.known >= self.edits


def tally(cards: Iterable[Card], *, edits: int, people: int, known: int) -> Tally:
    """Count *cards*."""
    shown = 0
    hidden: Counter[Hidden] = Counter()
    for card in cards:
        if card.hidden:
            hidden[card.hidden[0]] += 1
        else:
            shown += 1
    return Tally(shown, hidden, edits, people, known)


def footer(counts: Tally) -> list[Sentence]:
    """The sentences under the list, none if it needs none. While not everything has been looked at, it never says that
    there is nothing."""
    number = sum(counts.hidden.values())
    order = list(HIDDEN)
    reasons = [
        {"reason": reason, "count": count}
        for reason, count in sorted(counts.hidden.items(), key=lambda item: (-item[1], order.index(item[0])))
        if count
    ]
    said: list[Sentence] = []
    if not counts.complete:
        if number:
            said.append(say("footer", "hidden", hidden=number, reasons=reasons))
        return [*said, say("footer", "checking", percent=counts.known * 100 // counts.edits)]
    if counts.shown:
        return [say("footer", "hidden", hidden=number, reasons=reasons)] if number else []
    if number:
        return [say("footer", "nothing-needs-you", hidden=number, reasons=reasons)]
    if not counts.edits:
        return [say("footer", "none-yet")]
    return [say("footer", "none", edits=counts.edits, people=counts.people)]
