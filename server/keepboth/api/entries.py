"""Entries of the conflict log as people and programs get them: in lists, in the feed, over the editing socket, on the
command line. Blocks: call it in a thread."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from keepboth.api.reading import names_of
from keepboth.cloudevents import rfc3339
from keepboth.conflicts.model import Grain
from keepboth.events import EDIT_RECORDED, Micros
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import StoredEpisode
from keepboth.store.picking import Picking
from keepboth.telling.cards import Card, as_json, card_of
from keepboth.telling.facts import Circumstances, Decisions, episode_of

MAX_FACTS = 200
"""Edits of one entry whose circumstances a card is told from."""


class Viewpoint(NamedTuple):
    """When entries are told, and to whom. ``utc_offset_s``: how far east of UTC they are."""

    now: Micros
    viewer: str | None = None
    utc_offset_s: int = 0


class Place(NamedTuple):
    """What is known of entries' places beyond the entries. ``present``: what the document says there now, by id; of one
    document. ``grain``: on what was found at line grain nobody can act."""

    present: Mapping[str, str] = {}
    grain: Grain = "character"


NOWHERE: Final = Place()


class Told(NamedTuple):
    """An entry in words, and the circumstances of its edits."""

    episode: StoredEpisode
    body: dict[str, Any]
    state: dict[str, Any]
    facts: list[Circumstances]
    card: Card


def tell(store: EventStore, episodes: Sequence[StoredEpisode], view: Viewpoint, place: Place = NOWHERE) -> list[Told]:
    """Stored entries in words."""
    return _tell(store, episodes, view, place, names_for(store, episodes))


def entries(
    store: EventStore, episodes: Sequence[StoredEpisode], view: Viewpoint, place: Place = NOWHERE
) -> list[dict[str, Any]]:
    """Stored entries as JSON-able values, with the names that people gave in each document, in words on a ``card``."""
    names = names_for(store, episodes)
    return [_entry(told, names[told.episode.document]) for told in _tell(store, episodes, view, place, names)]


def _tell(
    store: EventStore,
    episodes: Sequence[StoredEpisode],
    view: Viewpoint,
    place: Place,
    names: Mapping[str, Mapping[str, str]],
) -> list[Told]:
    newest = {document: _newest_edit(store, document) for document in names}
    facts = {document: Picking(store, document, Circumstances.of) for document in names}
    return [
        _told(one, facts[one.document].at, names[one.document], view, place, newest[one.document]) for one in episodes
    ]


def _newest_edit(store: EventStore, document: str) -> int:
    """The revision of the document's newest edit."""
    page = store.read(document, types=[EDIT_RECORDED], reverse=True, limit=1)
    return page[0].revision if page else 0


def names_for(store: EventStore, episodes: Sequence[StoredEpisode]) -> dict[str, dict[str, str]]:
    """By document: the names of everybody who took part in, or decided about, one of *episodes*."""
    actors: dict[str, set[str]] = {}
    for episode in episodes:
        wanted = actors.setdefault(episode.document, set())
        wanted.update(episode.actors)
        resolution = json.loads(episode.state).get("resolution")
        if resolution is not None:
            wanted.add(resolution["actor"])
    return {document: names_of(store, document, wanted) for document, wanted in actors.items()}


def _told(
    episode: StoredEpisode,
    facts_at: Callable[[Sequence[int], int], list[Circumstances]],
    names: Mapping[str, str],
    view: Viewpoint,
    place: Place,
    newest: int,
) -> Told:
    body: dict[str, Any] = json.loads(episode.body)
    state: dict[str, Any] = json.loads(episode.state)
    facts = facts_at(body["revisions"], MAX_FACTS)
    resolved_by = state["resolution"]["actor"] if "resolution" in state else None
    card = card_of(
        episode_of(body),
        names=names,
        facts=facts,
        now=view.now,
        decisions=Decisions(episode.status, resolved_by, frozenset(state.get("seen", ()))),
        viewer=view.viewer,
        utc_offset_s=view.utc_offset_s,
        present=place.present.get(episode.id),
        moved_on=newest > episode.last_revision,
    )
    if place.grain == "line":
        card = replace(card, choices=())
    return Told(episode, body, state, facts, card)


def anchors(body: Mapping[str, Any]) -> dict[str, Any] | None:
    """Where an entry begins and ends, as Yjs relative positions: they follow the text as people go on writing, and on
    deleted items stand for the neighbouring place. None for a key, which has no place among others."""
    if body["key"] is not None:
        return None
    places = {}
    for name, (client, clock), assoc in (("start", body["anchor_first"], 0), ("end", body["anchor_last"], -1)):
        places[name] = {"item": {"client": client, "clock": clock}, "assoc": assoc}
    return places


def _entry(told: Told, names: Mapping[str, str]) -> dict[str, Any]:
    episode, body = told.episode, told.body
    for side in body["sides"]:
        side["name"] = names.get(side["actor"])
    for step, value in enumerate(body["path"]):
        if isinstance(value, list):
            body["path"][step] = dict(zip(("of", "at", "name"), value, strict=True))
    resolution = told.state.get("resolution")
    if resolution is not None:
        at = rfc3339(resolution["recorded_at"])
        resolution = {**resolution, "name": names.get(resolution["actor"]), "recorded_at": at}
    return {
        **body,
        "document": episode.document,
        "status": episode.status,
        "resolution": resolution,
        "seen_by": told.state.get("seen", []),
        "first_at": rfc3339(episode.first_at),
        "last_at": rfc3339(episode.last_at),
        "anchors": anchors(body),
        "card": as_json(told.card),
    }
