"""Days on which people mostly write one after the other, at times together, while one may be away for long."""

from __future__ import annotations

from random import Random

from pycrdt import Array, Map, Text, XmlElement, XmlText

from tests.conflicts.mixed_scenes import MixedWorld, Person
from tests.conflicts.world import Client, World, write

START = "one two three four five six seven eight nine ten eleven twelve thirteen"


def calm_world(seed: int, *, mixed: bool = False) -> World:
    """A reproducible day of three writers. *mixed*: they edit maps, lists, XML and formats too."""
    rng = Random(seed)
    world = MixedWorld() if mixed else World()
    clients = rng.sample((3, 50, 900, 70_000, 2**31 + 5), 4)
    start = world.join("seed", "zoe", clients[3])
    start.edit(lambda: start.insert(0, START))
    if isinstance(start, Person):
        for kind in ("key", "map", "list", "xml", "xml", "nest"):
            start.edit(lambda kind=kind: _mixed(rng, start, kind))
    world.push(start)
    writers = [world.join(f"s{at}", f"writer {at}", clients[at]) for at in range(3)]
    for writer in writers:
        world.pull(writer)
    hot = [rng.random() for _ in range(6)]

    def edit(writer: Client) -> None:
        if isinstance(writer, Person) and rng.random() < 0.4:
            kind = rng.choice(("key", "key", "map", "list", "xml", "nest", "words", "bold", "drop"))
            writer.edit(lambda: _mixed(rng, writer, kind))
        else:
            write(rng, writer, hot)

    away: Client | None = None
    for _ in range(rng.randint(4, 9)):
        if rng.random() < 0.4:
            away = None if away is not None else rng.choice(writers)
        here = [writer for writer in writers if writer is not away]
        together = rng.random() < 0.2
        writer = rng.choice(here)
        for other in here:
            world.pull(other)
        for _ in range(rng.randint(3, 12)):
            if together:
                writer = rng.choice(here)
            edit(writer)
            world.push(writer)
        if away is not None and rng.random() < 0.5:
            edit(away)
            if rng.random() < 0.3:
                world.push(away)
    world.finish()
    return world


def _mixed(rng: Random, person: Person, kind: str) -> None:
    """One edit of something that is not plain text."""
    blocks = [child for child in person.xml.children if isinstance(child, XmlElement)]
    nested = person.map.get("nest")
    match kind:
        case "key":
            person.map[rng.choice("kl")] = rng.choice((1, "x", None, {"a": [1.5]}))
        case "map":
            if rng.random() < 0.3 and "k" in person.map:
                del person.map["k"]
            else:
                person.map["inner"] = Map({"a": rng.randint(0, 9), "t": Text("in")})
        case "list":
            at = rng.randint(0, len(person.list))
            if at and rng.random() < 0.4:
                del person.list[at - 1]
            else:
                person.list.insert(at, rng.choice((1, "two", Array([1, 2]), b"\x00")))
        case "xml":
            element = XmlElement(rng.choice(("p", "h1")), {"level": str(rng.randint(1, 3))})
            person.xml.children.insert(rng.randint(0, len(person.xml.children)), element)
            element.children.append(XmlText("words"))
        case "nest":
            if nested is None or rng.random() < 0.3:
                person.map["nest"] = Text("nested")
            else:
                nested.insert(rng.randint(0, len(str(nested))), rng.choice(("a", "bc")))
        case "words" if blocks:
            text = rng.choice(blocks).children[0]
            if isinstance(text, XmlText):
                text.insert(rng.randint(0, 2), rng.choice("abc"))
        case "drop" if blocks:
            del person.xml.children[rng.randrange(len(person.xml.children))]
        case "bold":
            size = len(str(person.text).encode())
            whole = str(person.text)
            ends = sorted(rng.sample(range(len(whole) + 1), 2)) if len(whole) > 1 else [0, size]
            low, high = (len(whole[:end].encode()) for end in ends)
            person.bold(low, high, rng.choice((True, None, "red")), rng.choice(("bold", "color")))
