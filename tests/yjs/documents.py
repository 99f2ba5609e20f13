"""Random editing sessions by real peers (pycrdt), reproducible from a seed."""

from __future__ import annotations

from random import Random
from typing import Any

from pycrdt import Array, Doc, Map, Text, TransactionEvent, XmlElement, XmlFragment, XmlText

WORDS = ("cat", "é", "naïve ", "日本", "😀", "👩‍👩‍👧", "x", " ", "lorem ipsum dolor", "a😀b")
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -7,
    1.5,
    0.1,
    2**31,
    2**52,
    "s",
    "😀",
    b"\x00\xff",
    [1, [2, {"k": None}]],
    {"a": {"b": []}},
)
CLIENTS = (7, 300, 70_000, 3_123_456_789, 2**52 + 3)


class Author:
    """One peer: a pycrdt document that records the update of each of its own transactions."""

    def __init__(self, client: int, log: list[bytes]) -> None:
        self.doc: Doc[Any] = Doc(client_id=client)
        self.text = self.doc.get("text", type=Text)
        self.list = self.doc.get("list", type=Array)
        self.map = self.doc.get("map", type=Map)
        self.xml = self.doc.get("xml", type=XmlFragment)
        self._log = log
        self._recording = False
        self._subscription = self.doc.observe(self._record)

    def _record(self, event: TransactionEvent) -> None:
        if self._recording:
            self._log.append(event.update)

    def edit(self, rng: Random, steps: int) -> None:
        """Make *steps* random edits in one transaction."""
        self._recording = True
        with self.doc.transaction():
            for _ in range(steps):
                rng.choice((self._type, self._type, self._erase, self._format, self._push, self._set, self._mark))(rng)
        self._recording = False

    def pull(self, other: Author) -> None:
        self.doc.apply_update(other.doc.get_update(self.doc.get_state()))

    def _boundary(self, rng: Random) -> int:
        """A random index into the text: UTF-8 bytes, an embed counting one, never inside a character."""
        boundaries = [0]
        for piece, _ in self.text.diff():
            for unit in piece if isinstance(piece, str) else [" "]:
                boundaries.append(boundaries[-1] + len(unit.encode()))
        return rng.choice(boundaries)

    def _type(self, rng: Random) -> None:
        self.text.insert(self._boundary(rng), rng.choice(WORDS))

    def _erase(self, rng: Random) -> None:
        start, end = sorted((self._boundary(rng), self._boundary(rng)))
        if start < end and rng.random() < 0.5:
            del self.text[start:end]

    def _format(self, rng: Random) -> None:
        if rng.random() < 0.3:
            self.text.insert_embed(0, {"image": rng.choice(("a.png", "😀"))})
            return
        start, end = sorted((self._boundary(rng), self._boundary(rng)))
        if start < end:
            self.text.format(start, end, {rng.choice(("bold", "href")): rng.choice((True, None, "http://x", {"n": 1}))})

    def _push(self, rng: Random) -> None:
        at = rng.randint(0, len(self.list))
        if at < len(self.list) and rng.random() < 0.3:
            del self.list[at]
        else:
            for value in rng.sample(VALUES, rng.randint(1, 4)):
                self.list.insert(at, value)

    def _set(self, rng: Random) -> None:
        key = rng.choice(("k1", "k2", "clé", "😀"))
        match rng.randrange(6):
            case 0:
                self.map[key] = Text(rng.choice(WORDS))
            case 1:
                self.map[key] = Map({"inner": rng.choice(VALUES)})
            case 2:
                self.map[key] = Array([1, Text("deep"), Map()])
            case 3 if key in self.map:
                del self.map[key]
            case 4:
                self.map["doc"] = Doc()
            case _:
                self.map[key] = rng.choice(VALUES)

    def _mark(self, rng: Random) -> None:
        children = self.xml.children
        if len(children) and rng.random() < 0.2:
            del children[0]
        else:
            paragraph = XmlElement("p", {"class": rng.choice(WORDS)}, [XmlText(rng.choice(WORDS)), XmlElement("br")])
            children.insert(rng.randint(0, len(children)), paragraph)


def session(seed: int, rounds: int = 25) -> tuple[list[Author], list[bytes]]:
    """Return authors that have ended with the same document, and every update they made, in causal order."""
    rng = Random(seed)
    log: list[bytes] = []
    authors = [Author(client, log) for client in rng.sample(CLIENTS, 3)]
    for _ in range(rounds):
        rng.choice(authors).edit(rng, rng.choice((1, 1, 1, 5)))
        if rng.random() < 0.4:
            reader, writer = rng.sample(authors, 2)
            reader.pull(writer)
    for _ in range(2):
        for reader in authors:
            for writer in authors:
                if reader is not writer:
                    reader.pull(writer)
    return authors, log


def contents(doc: Doc[Any]) -> dict[str, Any]:
    """Return what a person would see of a session's document."""
    doc_map = doc.get("map", type=Map)
    return {
        "text": doc.get("text", type=Text).diff(),
        "list": doc.get("list", type=Array).to_py(),
        "map": {key: str(doc_map[key]) if key != "doc" else "doc" for key in doc_map},
        "xml": str(doc.get("xml", type=XmlFragment)),
    }
