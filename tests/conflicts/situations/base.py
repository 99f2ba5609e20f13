"""What a situation is, and what a reader is told of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from keepboth.conflicts.model import Episode, Kind, Severity
from tests.conflicts.apart import Step

IDS = (20, 30, 40)
"""Client ids, to be given out in every order."""


@dataclass(frozen=True)
class Entry:
    """What a reader is told. ``sides``: by actor (or session, where there is only one), the text; ``lost``: of those
    who lost something, what; ``formats``: of those who formatted."""

    kinds: frozenset[Kind]
    severity: Severity
    base: str
    sides: Mapping[str, str]
    merged: str
    lost: Mapping[str, str] = field(default_factory=dict)
    formats: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    key: str | None = None
    interleaved: bool = False
    double_initialisation: bool = False
    self_only: bool = False


def read(episode: Episode) -> Entry:
    """What *episode* tells a reader."""
    sides = {side.session or side.actor: side for side in episode.sides}
    return Entry(
        episode.kinds,
        episode.severity,
        episode.base,
        {name: side.text for name, side in sides.items()},
        episode.merged,
        {name: side.lost for name, side in sides.items() if side.lost},
        {name: side.formats for name, side in sides.items() if side.formats},
        episode.key,
        episode.interleaved,
        episode.double_initialisation,
        episode.self_only,
    )


Told = Callable[[Sequence[str]], list[Entry]]
"""What the log should say, given the sessions by ascending client id."""


@dataclass(frozen=True)
class Situation:
    """``start`` is there for all; ``people`` do their steps apart. ``story``: what they do, in words. ``document``:
    what is there in the end, by ascending client id. ``actors``: whose session it is, where names differ."""

    title: str
    story: str
    start: Sequence[Step]
    people: Mapping[str, Sequence[Step]]
    document: Callable[[Sequence[str]], str]
    entries: Told
    actors: Mapping[str, str] = field(default_factory=dict)

    @property
    def by_yjs(self) -> bool:
        """True if its peers are Yjs under Node."""
        return any(not callable(step) for steps in (self.start, *self.people.values()) for step in steps)

    def orders(self) -> list[tuple[str, ...]]:
        """All orders of client ids, and of arrival."""
        return list(permutations(self.people))


def kinds(*names: Kind) -> frozenset[Kind]:
    return frozenset(names)


def one(entry: Entry) -> Told:
    return lambda order: [entry]


def document(text: str) -> Callable[[Sequence[str]], str]:
    return lambda order: text


def in_turn(texts: Mapping[str, str], before: str = "", after: str = "") -> Callable[[Sequence[str]], str]:
    """The texts of all, in the order of their client ids."""
    return lambda order: before + "".join(texts[name] for name in order if name in texts) + after


REWRITE = kinds("insert-insert", "delete-delete", "insert-at-edge")
