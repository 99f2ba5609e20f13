"""People who edit more than a text: every shared type under one roof, everybody apart, in every order of arrival."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import Any

from pycrdt import Array, Map, XmlElement, XmlFragment, XmlText

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode
from tests.conflicts.world import Client, World

IDS = (20, 30, 40)


class Person(Client):
    """A client whose document has a text, a map, a list and an XML fragment."""

    def __init__(self, name: str, actor: str, client_id: int) -> None:
        super().__init__(name, actor, client_id)
        self.map: Map[Any] = self.doc.get("map", type=Map)
        self.list: Array[Any] = self.doc.get("list", type=Array)
        self.xml = self.doc.get("xml", type=XmlFragment)

    def bold(self, start: int, stop: int, value: object = True, attribute: str = "bold") -> None:
        self.text.format(start, stop, {attribute: value})

    def element(self, at: int) -> XmlElement:
        element = self.xml.children[at]
        assert isinstance(element, XmlElement)
        return element

    def words(self, at: int) -> XmlText:
        """The text of the *at*-th block."""
        text = self.element(at).children[0]
        assert isinstance(text, XmlText)
        return text


Change = Callable[[Person], object]


class MixedWorld(World):
    def join(self, name: str, actor: str, client_id: int) -> Person:
        person = Person(name, actor, client_id)
        self.clients.append(person)
        return person


def block(name: str, words: str) -> Change:
    """Append a block with a text to the fragment."""

    def change(person: Person) -> None:
        element = XmlElement(name)
        person.xml.children.append(element)
        element.children.append(XmlText(words))

    return change


class Scene:
    """A document that somebody began, and who did what to it without knowing of the others.

    *ids*: client ids by name; *arrival*: whose edits the server gets first. *later* is done afterwards, in order, each
    by somebody who has seen all that came before.
    """

    def __init__(
        self,
        start: Sequence[Change],
        people: Mapping[str, Sequence[Change]],
        ids: Mapping[str, int],
        arrival: Sequence[str],
        later: Sequence[tuple[str, Change]] = (),
    ) -> None:
        world = MixedWorld()
        author = world.join("start", "start", 10)
        for change in start:
            author.edit(lambda change=change: change(author))
        world.push(author)
        self.people = {name: world.join(f"{name}'s session", name.rstrip("2"), ids[name]) for name in people}
        for person in self.people.values():
            world.pull(person)
        for name, changes in people.items():
            person = self.people[name]
            for change in changes:
                person.edit(lambda change=change, person=person: change(person))
        for name in arrival:
            world.push(self.people[name])
        for name, change in later:
            person = self.people[name]
            world.pull(person)
            person.edit(lambda change=change, person=person: change(person))
            world.push(person)
        world.finish()
        self.world = world
        self.facts: list[EditFact] = world.facts()

    def engine(self, **options: bool) -> DocumentConflicts:
        engine = DocumentConflicts(**options)
        for fact in self.facts:
            engine.add([fact])
        return engine


def scene(
    start: Sequence[Change], people: Mapping[str, Sequence[Change]], later: Sequence[tuple[str, Change]] = ()
) -> Scene:
    """The people in the order they are named, by ascending client id."""
    return Scene(start, people, dict(zip(people, IDS, strict=False)), list(people), later)


def told(
    start: Sequence[Change], people: Mapping[str, Sequence[Change]], later: Sequence[tuple[str, Change]] = ()
) -> tuple[Episode, ...]:
    """The episodes, having checked that neither the order of arrival nor that of looking makes a difference."""
    ids = dict(zip(people, IDS, strict=False))
    found: list[tuple[Episode, ...]] = []
    for arrival in permutations(people):
        made = Scene(start, people, ids, arrival, later)
        engine = made.engine()
        episodes = engine.episodes()
        every = made.engine(all_records=True)
        assert every.episodes() == episodes
        for episode in episodes:
            assert engine.episode(episode.id) == episode
        found.append(tuple(_unnumbered(episode) for episode in episodes))
    assert all(other == found[0] for other in found)
    return scene(start, people, later).engine().episodes()


def _unnumbered(episode: Episode) -> Any:
    """What of an episode does not depend on revisions."""
    return (
        episode.id,
        episode.kinds,
        episode.base,
        tuple((side.actor, side.text, side.lost, side.formats) for side in episode.sides),
        episode.merged,
        episode.path,
        episode.severity,
        episode.settled_by is None,
    )
