"""People who type one text at the same time. Every letter is written once, so that a letter says who wrote it."""

from __future__ import annotations

from random import Random
from typing import Any, NamedTuple

import pycrdt

from keepboth.events import Context, Seen, compress_ranges
from keepboth.store.memory import MemoryStore
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update, encode_update
from tests.store.making import Clock, Salts, append, edit

DOCUMENT = "d"
SECOND = 1_000_000
CLIENTS = (7, 8, 9)


class Typed(NamedTuple):
    """One edit, and the text of the merged document before and after it."""

    actor: str
    at: int
    update: bytes
    before: str
    after: str


class Typist:
    def __init__(self, client: int) -> None:
        self.actor = f"client:{client}"
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client)
        self.text = self.doc.get("text", type=pycrdt.Text)
        self.seen: set[int] = set()
        self.own: set[int] = set()

    def pull(self, other: Typist) -> None:
        self.doc.apply_update(other.doc.get_update(self.doc.get_state()))
        self.seen |= other.seen

    def change(self, start: int, end: int, word: str) -> bytes:
        """Replace letters by *word*; the update."""
        whole, before = str(self.text), self.doc.get_state()
        made: list[bytes] = []
        subscription = self.doc.observe(lambda event: made.append(event.update))
        low = len(whole[:start].encode())
        with self.doc.transaction():
            if end > start:
                del self.text[low : low + len(whole[start:end].encode())]
            if word:
                self.text.insert(low, word)
        self.doc.unobserve(subscription)
        assert before is not None
        (update,) = made
        return update


class World:
    """A recorded session. ``letters``: who wrote each, and when; ``deleters``: who deleted it."""

    def __init__(self, seed: int, rounds: int = 80) -> None:
        random = Random(seed)
        clock = Clock(1_700_000_000 * SECOND)
        self.store = MemoryStore(now=clock, salts=Salts())
        self.edits: list[Typed] = []
        self.letters: dict[str, tuple[str, int]] = {}
        self.deleters: dict[str, set[str]] = {}
        self._next = 0x4E00
        self._merged: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
        self._text = self._merged.get("text", type=pycrdt.Text)
        self._unsparing: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1)
        people = [Typist(client) for client in CLIENTS]
        for _ in range(rounds):
            clock.now += random.choice((1, 5, 20, 50, 70, 4000)) * SECOND
            one = random.choice(people)
            whole = str(one.text)
            start = random.randrange(len(whole) + 1)
            end = min(len(whole), start + random.randrange(1, 5)) if random.random() < 0.4 else start
            if "\n" in whole[start:end]:
                end = start
            word = self._word(random) if start == end or random.random() < 0.3 else ""
            for letter in whole[start:end]:
                self.deleters.setdefault(letter, set()).add(one.actor)
            self._record(one, one.change(start, end, word), word, clock.now - random.choice((0, 0, 0, 3)) * SECOND)
            if random.random() < 0.4:
                one.pull(random.choice([other for other in people if other is not one]))

    def _word(self, random: Random) -> str:
        size = random.randrange(1, 5)
        word = "".join(chr(self._next + at) for at in range(size))
        self._next += size
        return word + ("\n" if random.random() < 0.15 else "")

    def _record(self, one: Typist, update: bytes, word: str, at: int) -> None:
        bound = Seen(0, compress_ranges(one.seen - one.own))
        draft = edit(
            update, actor=one.actor, session=one.actor, authored_at=at, context=Context(bound, bound),
            context_source="declared",
        )  # fmt: skip
        (receipt,) = append(self.store, DOCUMENT, draft)
        one.seen.add(receipt.revision)
        one.own.add(receipt.revision)
        self.letters.update(dict.fromkeys(word.replace("\n", ""), (one.actor, at)))
        before = str(self._text)
        self._merged.apply_update(update)
        self.edits.append(Typed(one.actor, at, update, before, str(self._text)))
        self._unsparing.apply_update(encode_update(Update(decode_update(update).structs, {})))

    @property
    def everything(self) -> str:
        """The text as it would be if nobody had ever deleted anything: where deleted letters stood."""
        return str(self._unsparing.get("text", type=pycrdt.Text))
