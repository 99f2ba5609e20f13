"""What people are called: their names, never their ids."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from keepboth.events import ActorKind
from keepboth.telling.facts import PEOPLE, Circumstances
from keepboth.telling.words import one_line

MAX_NAME: Final = 40

_NAMELESS: Final[dict[ActorKind, tuple[str, str]]] = {
    "anonymous": ("A guest", "Guest"),
    "human": ("A person", "Person"),
    "agent": ("An agent", "Agent"),
    "import": ("An import", "Import"),
    "system": ("The server", "Server"),
}


class Person(NamedTuple):
    """``actor`` is for programs, ``name`` for people. ``program``: an agent, an import or the server itself."""

    actor: str
    name: str
    program: bool


def kinds_of(facts: Iterable[Circumstances]) -> dict[str, ActorKind]:
    """The kind of every actor of *facts*."""
    return {fact.actor: fact.actor_kind for fact in facts}


def persons(actors: Iterable[str], names: Mapping[str, str], kinds: Mapping[str, ActorKind]) -> dict[str, Person]:
    """A name for everybody: their own, else ``A guest``, ``Guest 2``, …, numbered by actor id.

    Two with one name are told apart by a number: ``Ann``, ``Ann (2)``. An actor of unknown kind is a guest. Numbers are
    the same wherever the same actors are named together.
    """
    found: dict[str, Person] = {}
    taken: set[str] = set()
    nameless: dict[str, int] = {}
    for actor in sorted(set(actors)):
        kind = kinds.get(actor, "anonymous")
        name = one_line(names.get(actor, ""), MAX_NAME)
        if not name:
            first, following = _NAMELESS[kind]
            nameless[first] = nameless.get(first, 0) + 1
            name = first if nameless[first] == 1 else f"{following} {nameless[first]}"
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name} ({number})"
        taken.add(unique)
        found[actor] = Person(actor, unique, kind not in PEOPLE)
    return found
