"""Random sessions over every shared type: real clients (pycrdt) crowd around a few texts, keys, lists and subtrees.

Reproducible from a seed. As in `world`, clients go offline, sync directly or through the server, and sometimes send
what they did offline as one event; here they also delete what others work in, create the same thing twice, format, and
work at two devices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from random import Random
from typing import Any

from pycrdt import Array, Doc, Map, Text, UndoManager, XmlElement, XmlFragment, XmlText

from tests.conflicts.world import Client, World

ROOTS: dict[str, Any] = {"text": Text, "map": Map, "list": Array, "xml": XmlFragment}
KEYS = ("a", "n")
ATTRIBUTES = ("id", "w")
FORMATS = ("b", "b", "b", "c")
SHADES = (True, None, "red", {})
TYPED = ("x", "yz", " ", "é", "😀", "go", "\n")


def nested(rng: Random, depth: int = 0) -> Any:
    """A new shared type, with something in it more often than not."""
    roll = rng.random()
    full = rng.random() < 0.7
    if roll < 0.4:
        return Map({rng.choice(KEYS): value(rng, depth + 1)} if full else {})
    if roll < 0.6:
        return Array([value(rng, depth + 1)] if full else [])
    if roll < 0.85:
        return Text("one two" if full else "")
    return XmlFragment([element(rng)] if full else [])


def value(rng: Random, depth: int = 0) -> Any:
    """Something for a key or a place in a list."""
    roll = rng.random()
    if roll < 0.35 and depth < 2:
        return nested(rng, depth)
    if roll < 0.4:
        return Doc()
    return rng.choice((1, 2.5, "v", "w", True, None, b"\x01", [1, "z"], {"q": None}))


def element(rng: Random, depth: int = 0) -> Any:
    """A new XML node."""
    if rng.random() < 0.25:
        return XmlText(rng.choice(("", "ab", "wörd")))
    children = [XmlText("some")] if rng.random() < 0.7 else []
    if depth < 1 and rng.random() < 0.3:
        children.append(element(rng, depth + 1))
    return XmlElement(rng.choice(("p", "heading", "li")), {"id": "i"} if rng.random() < 0.4 else {}, children)


def sizes(text: Any) -> list[int]:
    """How many of pycrdt's index units each character and embed takes."""
    found: list[int] = []
    for piece, _ in text.diff():
        found += [len(char.encode()) for char in piece] if isinstance(piece, str) else [1]
    return found


def containers(doc: Doc[Any], roots: tuple[str, ...]) -> list[Any]:
    """Every type that is in the document now, roots first."""
    found = [doc.get(name, type=ROOTS[name]) for name in roots]
    for one in found:
        found += [child for child in children(one) if isinstance(child, Text | Map | Array | _XML)]
    return found


_XML = XmlFragment | XmlElement | XmlText


def children(one: Any) -> Iterator[Any]:
    if isinstance(one, Text | XmlText):
        yield from (piece for piece, _ in one.diff() if not isinstance(piece, str))
    elif isinstance(one, Map):
        yield from (one[key] for key in sorted(one.keys()))
    elif isinstance(one, Array):
        yield from one
    else:
        yield from one.children


class Hand:
    """Makes random changes in one client's document, near the places in *hot*."""

    def __init__(self, rng: Random, client: Client, roots: tuple[str, ...], hot: list[float], formats: float) -> None:
        self.rng = rng
        self.client = client
        self.roots = roots
        self.hot = hot
        self.formats = formats  # the share of changes to a text that only format
        scopes = [client.doc.get(name, type=ROOTS[name]) for name in roots]
        self.undoing = UndoManager(scopes=scopes, timestamp=count(0, 1000).__next__)

    def write(self) -> None:
        rng = self.rng
        roll = rng.random()
        if roll < 0.12:
            self._type()
            return
        if roll < 0.2:
            self.client.watch(self.undoing.undo if roll < 0.18 else self.undoing.redo)
            return
        times = rng.choice((1, 1, 1, 1, 2, 3))

        def change() -> None:
            for _ in range(times):
                self.change(self._pick())

        self.client.edit(change)

    def _pick(self) -> Any:
        """A container, more often one of the first: those the others pick too."""
        all_there = containers(self.client.doc, self.roots)
        return all_there[min(int(self.rng.expovariate(0.45)), len(all_there) - 1)]

    def _type(self) -> None:
        """A few keystrokes, each an edit."""
        texts = [one for one in containers(self.client.doc, self.roots) if isinstance(one, Text | XmlText)]
        if texts:
            text = self.rng.choice(texts)
            at = sum(sizes(text)[: self._near(len(sizes(text)))])
            for offset, letter in enumerate(self.rng.choice(("cat", "ok"))):
                self.client.edit(lambda at=at + offset, letter=letter: text.insert(at, letter))

    def _near(self, size: int) -> int:
        return min(max(int(self.rng.choice(self.hot) * size) + self.rng.randint(-1, 1), 0), size)

    def change(self, one: Any) -> None:
        if isinstance(one, XmlElement | XmlText) and self.rng.random() < 0.3:
            self._change_keys(one.attributes, ATTRIBUTES, lambda: self.rng.choice(("i", "j", "k")))
        elif isinstance(one, Text | XmlText):
            self._change_text(one)
        elif isinstance(one, Map):
            self._change_keys(one, KEYS, lambda: value(self.rng))
        elif isinstance(one, Array):
            self._change_list(one, lambda: value(self.rng))
        else:
            self._change_list(one.children, lambda: element(self.rng))

    def _change_text(self, text: Any) -> None:
        rng = self.rng
        units = sizes(text)
        low = self._near(len(units))
        high = min(low + rng.choice((1, 2, 3, 6)), len(units))
        start, stop = sum(units[:low]), sum(units[:high])
        if start < stop and rng.random() < self.formats:
            text.format(start, stop, {rng.choice(FORMATS): rng.choice(SHADES)})
            return
        roll = rng.random()
        if roll < 0.6 and start < stop:
            del text[start:stop]
        if roll > 0.4 or start == stop:
            what = rng.random()
            if what < 0.12:
                text.insert_embed(start, {"image": 1})
            elif what < 0.16:
                text.insert_embed(start, Map({"a": 1}))
            elif what < 0.3:
                text.insert(start, rng.choice(TYPED), {rng.choice(FORMATS): rng.choice(SHADES[2:])})
            else:
                text.insert(start, rng.choice(TYPED))

    def _change_keys(self, keyed: Any, keys: tuple[str, ...], new: Callable[[], Any]) -> None:
        rng = self.rng
        key = keys[0] if rng.random() < 0.65 else keys[1]
        there = {name for name, _ in keyed} if not isinstance(keyed, Map) else set(keyed.keys())
        if key in there and rng.random() < 0.35:
            del keyed[key]
        else:
            keyed[key] = new()

    def _change_list(self, row: Any, new: Callable[[], Any]) -> None:
        at = self._near(len(row))
        roll = self.rng.random()
        if roll < 0.6 and at < len(row):
            del row[at]
        if roll < 0.1 or roll >= 0.6 or not len(row):
            row.insert(min(at, len(row)), new())


def mixed_world(seed: int, steps: int = 30) -> World:
    """A session over one to three root types, drawn with everything else from *seed*."""
    rng = Random(seed)
    world = World()
    roots = ("text",) if rng.random() < 0.2 else tuple(rng.sample(sorted(ROOTS), rng.choice((1, 1, 2, 3))))
    ids = rng.sample((3, 50, 900, 70_000, 2**31 + 5, 2**40, 17, 18), 8)
    hot = [rng.random() for _ in range(rng.choice((1, 2)))]
    start = world.join("seed", "zoe", ids.pop())
    if rng.random() < 0.8:
        for _ in range(rng.choice((1, 3, 5))):
            start.edit(lambda: fill(rng, [start.doc.get(name, type=ROOTS[name]) for name in roots]))
        world.push(start)
    actors = ["ann", "bob", "cleo", "dan", "eve", "finn"]
    if rng.random() < 0.3:
        actors[1] = "ann"
    writers = [world.join(f"s{at}", actors[at], ids.pop()) for at in range(rng.choice((2, 2, 3, 3, 4, 6)))]
    formats = rng.choice((0.1, 0.3, 0.7))
    hands = {writer: Hand(rng, writer, roots, hot, formats) for writer in writers}
    for writer in writers:
        world.pull(writer)
    for _ in range(steps):
        writer = rng.choice(writers)
        roll = rng.random()
        if roll < 0.65:
            hands[writer].write()
        elif roll < 0.75:
            writer.offline = not writer.offline
            if not writer.offline and rng.random() < 0.5:
                writer.squash(world.clients)
        elif roll < 0.8:
            world.meet(writer, rng.choice(writers))
        if not writer.offline:
            if rng.random() < 0.7:
                world.push(writer)
            if rng.random() < 0.4:
                world.pull(writer)
    world.finish()
    return world


def fill(rng: Random, roots: list[Any]) -> None:
    """Something to begin with."""
    for root in roots:
        if isinstance(root, Text):
            root.insert(0, "".join(rng.choice(TYPED) for _ in range(rng.randint(3, 9))))
        elif isinstance(root, Map):
            root[rng.choice(KEYS)] = nested(rng)
        elif isinstance(root, Array):
            root.append(value(rng))
        else:
            root.children.append(element(rng))
