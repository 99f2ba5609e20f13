"""The deltas of a document's edits, one after the other, write its text."""

from __future__ import annotations

import random
from typing import Any

import pycrdt
import pytest

from keepboth.history.deltas import Delta, Deltas
from keepboth.yjs.update import decode_update

ROOTS = ("text", "notes")


class Author:
    """Somebody who types, deletes and pastes, and sees others' edits when they sync."""

    def __init__(self, client: int) -> None:
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client)
        self.at = 0

    def edit(self, rng: random.Random) -> bytes:
        before = self.doc.get_state()
        changed: list[bytes] = []
        subscription = self.doc.observe(lambda event: changed.append(event.update))
        with self.doc.transaction():
            for _ in range(rng.choice((1, 1, 1, 3))):
                text = self.doc.get(rng.choice((*ROOTS, ROOTS[0])), type=pycrdt.Text)
                size = len(str(text))
                if rng.random() < 0.5:
                    self.at = min(self.at, size)
                else:
                    self.at = rng.randrange(size + 1)
                if size and rng.random() < 0.35:
                    end = min(self.at + rng.randrange(1, 9), size)
                    del text[_byte(text, self.at) : _byte(text, end)]
                else:
                    new = rng.choice(("a", "b", "typed ", "x\U0001f600y", "ü"))
                    text.insert(_byte(text, self.at), new)
                    self.at += len(new)
        self.doc.unobserve(subscription)
        return bytes(changed[0]) if changed else bytes(self.doc.get_update(before))


def _byte(text: pycrdt.Text, at: int) -> int:
    return len(str(text)[:at].encode())


def apply(texts: dict[str, str], delta: Delta, reach: int) -> None:
    """Write *delta* into texts of UTF-16 units, checking all that it says on the way."""
    for root in {change.root for change in delta.changes}:
        was = texts.get(root, "")
        out, end = "", 0
        for change in delta.changes:
            if change.root != root:
                continue
            at = change.position_utf16
            gone = at + len(units(change.deleted))
            assert at >= end
            assert was[at:gone] == units(change.deleted)
            assert change.before == plain(was[max(at - reach, 0) : at])
            assert change.after == plain(was[gone : gone + reach])
            assert sum(length for _, _, length in change.born) == len(units(change.inserted))
            out += was[end:at] + units(change.inserted)
            end = gone
        texts[root] = out + was[end:]


def units(text: str) -> str:
    raw = text.encode("utf-16-le")
    return "".join(chr(int.from_bytes(raw[at : at + 2], "little")) for at in range(0, len(raw), 2))


def plain(units: str) -> str:
    return units.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


@pytest.mark.parametrize("reach", [0, 3, 1000])
@pytest.mark.parametrize("seed", range(12))
def test_deltas_write_the_text(seed: int, reach: int) -> None:
    rng = random.Random(seed)
    authors = [Author(client) for client in (11, 2, 300)]
    together: pycrdt.Doc[Any] = pycrdt.Doc()
    deltas = Deltas(reach)
    texts: dict[str, str] = {}
    alive: set[tuple[int, int]] = set()
    for _ in range(150):
        author = rng.choice(authors)
        update = author.edit(rng)
        together.apply_update(update)
        (delta,) = deltas.take([decode_update(update)])
        apply(texts, delta, reach)
        for change in delta.changes:
            alive |= {(client, clock + n) for client, clock, length in change.born for n in range(length)}
        died = {(client, clock + n) for client, clock, length in delta.died for n in range(length)}
        assert died <= alive
        alive -= died
        if rng.random() < 0.3:
            rng.choice(authors).doc.apply_update(together.get_update())
        for root in ROOTS:
            assert plain(texts.get(root, "")) == str(together.get(root, type=pycrdt.Text))
    assert len(alive) == sum(map(len, texts.values()))


def test_edits_that_are_released_together_come_in_the_order_they_build() -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    text = doc.get("text", type=pycrdt.Text)
    updates = []
    for word in ("one", " two", " three"):
        before = doc.get_state()
        text += word
        updates.append(decode_update(bytes(doc.get_update(before))))
    got = Deltas().take(updates[::-1])
    assert [(delta.changes[0].position_utf16, delta.changes[0].inserted) for delta in got] == [
        (7, " three"),
        (3, " two"),
        (0, "one"),
    ]
