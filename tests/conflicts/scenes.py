"""Two or three people, one document, and what each does without seeing the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import permutations
from typing import NamedTuple

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode, Grain
from tests.conflicts.world import Client, World

Change = Callable[[Client], None]

IDS = (20, 30, 40)


class Seen(NamedTuple):
    """What an episode tells a reader."""

    kinds: frozenset[str]
    base: str
    sides: dict[str, str]
    merged: str
    before: str
    after: str
    interleaved: bool = False


def told(episode: Episode) -> Seen:
    return Seen(
        episode.kinds,
        episode.base,
        {side.actor: side.text for side in episode.sides},
        episode.merged,
        episode.before,
        episode.after,
        episode.interleaved,
    )


def collide(
    start: str,
    people: Mapping[str, Sequence[Change]],
    ids: Mapping[str, int],
    arrival: Sequence[str],
    grain: Grain = "character",
) -> tuple[DocumentConflicts, str]:
    """Everybody starts from *start*, makes their changes apart, and they arrive person by person. Returns the engine
    and what pycrdt shows in the end."""
    facts, text = _apart(start, people, ids, arrival)
    engine = DocumentConflicts(grain=grain)
    for fact in facts:
        engine.add([fact])
    return engine, text


def _apart(
    start: str, people: Mapping[str, Sequence[Change]], ids: Mapping[str, int], arrival: Sequence[str]
) -> tuple[list[EditFact], str]:
    world = World()
    author = world.join("start", "start", 10)
    if start:
        author.edit(lambda: author.insert(0, start))
        world.push(author)
    clients = {name: world.join(f"{name}'s session", name, ids[name]) for name in people}
    for client in clients.values():
        world.pull(client)
    for name, changes in people.items():
        client = clients[name]
        for change in changes:
            client.edit(lambda change=change, client=client: change(client))
    for name in arrival:
        world.push(clients[name])
    world.finish()
    return world.facts(), str(author.text)


def facts_of(
    start: str, people: Mapping[str, Sequence[Change]], ids: Mapping[str, int], arrival: Sequence[str]
) -> list[EditFact]:
    """The edits of `collide`, by revision."""
    return _apart(start, people, ids, arrival)[0]


def every_way(start: str, people: Mapping[str, Sequence[Change]]) -> list[tuple[tuple[str, ...], tuple[Episode, ...]]]:
    """``(names by ascending client id, episodes)`` for every order of client ids, having checked that the order of
    arrival makes no difference."""
    found = []
    for names in permutations(people):
        ids = dict(zip(names, IDS, strict=False))
        results = []
        for arrival in permutations(people):
            engine, text = collide(start, people, ids, arrival)
            episodes = engine.episodes()
            for episode in episodes:
                assert engine.now(episode.id) == episode.merged
                assert text.startswith(episode.before + episode.merged + episode.after)
            results.append([told(episode) for episode in episodes] + [episode.id for episode in episodes])
        assert all(result == results[0] for result in results)
        found.append((names, episodes))
    return found


def typed(at: int, text: str) -> list[Change]:
    """Letter by letter."""
    return [
        lambda client, at=at + offset, letter=letter: client.insert(at, letter) for offset, letter in enumerate(text)
    ]


def pasted(at: int, text: str) -> Change:
    return lambda client: client.insert(at, text)


def deleted(start: int, stop: int) -> Change:
    return lambda client: client.delete(start, stop)


def replaced(start: int, stop: int, text: str) -> Change:
    def change(client: Client) -> None:
        client.delete(start, stop)
        client.insert(start, text)

    return change
