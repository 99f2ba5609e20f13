"""Updates that a replica keeps for later change nothing that it answers, and a failure of theirs is not forgotten."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pycrdt
import pytest

from keepboth.fold.replica import MOST_LATER, Poisoned, Replica


def typing(rng: random.Random, count: int) -> list[bytes]:
    """What two people type and delete, each keystroke an update, in an order that respects what it builds on."""
    docs: list[pycrdt.Doc[Any]] = [pycrdt.Doc(client_id=client) for client in (1, 2)]
    made: list[bytes] = []
    kept = [doc.observe(lambda event: made.append(event.update)) for doc in docs]
    out: list[bytes] = []
    for _ in range(count):
        author = rng.randrange(2)
        text = docs[author].get("text", type=pycrdt.Text)
        if len(str(text)) > 3 and rng.random() < 0.3:
            at = rng.randrange(len(str(text)))
            del text[at : at + 1]
        else:
            text.insert(rng.randint(0, len(str(text))), rng.choice("abc"))
        (update,) = made
        made.clear()
        out.append(update)
        docs[1 - author].apply_update(update)
        made.clear()
    del kept
    return out


QUESTIONS: list[Callable[[Replica], Any]] = [
    Replica.state_vector,
    Replica.update_since,
    lambda replica: replica.update_since(b"\x01\x01\x02"),
    Replica.deletes,
    lambda replica: str(replica.doc().get("text", type=pycrdt.Text)),
]


@pytest.mark.parametrize("seed", range(20))
def test_what_is_kept_for_later_is_in_every_answer(seed: int) -> None:
    rng = random.Random(seed)
    at_once, later = Replica(), Replica()
    for update in typing(rng, 3 * MOST_LATER):
        at_once.apply(update)
        (later.apply_later if rng.random() < 0.9 else later.apply)(update)
        if rng.random() < 0.05:
            ask = rng.choice(QUESTIONS)
            assert ask(later) == ask(at_once)
    for ask in QUESTIONS:
        assert ask(later) == ask(at_once)


@pytest.mark.parametrize("ask", QUESTIONS, ids=["state vector", "everything", "the rest", "deletes", "text"])
def test_what_failed_later_fails_for_everybody_who_asks(ask: Callable[[Replica], Any]) -> None:
    replica = Replica()
    replica.apply(typing(random.Random(0), 1)[0])
    replica.apply_later(b"\xff no update")
    for _ in range(2):
        with pytest.raises(Poisoned):
            ask(replica)
    with pytest.raises(Poisoned):
        replica.apply(typing(random.Random(0), 1)[0])


def test_many_are_taken_in_without_being_asked_for() -> None:
    replica = Replica()
    for _ in range(MOST_LATER - 1):
        replica.apply_later(b"\xff no update")
    with pytest.raises(Poisoned):
        replica.apply_later(b"\xff no update")
