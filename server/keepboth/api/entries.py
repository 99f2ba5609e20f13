"""Entries of the conflict log as people and programs get them: in lists, in the feed, over the editing socket, on the
command line. Blocks: call it in a thread."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from keepboth.api.cloudevents import rfc3339
from keepboth.api.reading import names_of
from keepboth.store.base import EventStore, StoredEpisode


def entries(store: EventStore, episodes: Sequence[StoredEpisode]) -> list[dict[str, Any]]:
    """Stored entries as JSON-able values, with the names that people gave in each document."""
    actors: dict[str, set[str]] = {}
    for episode in episodes:
        actors.setdefault(episode.document, set()).update(episode.actors)
    names = {document: names_of(store, document, wanted) for document, wanted in actors.items()}
    return [_entry(episode, names[episode.document]) for episode in episodes]


def _entry(episode: StoredEpisode, names: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(episode.body)
    for side in body["sides"]:
        side["name"] = names.get(side["actor"])
    return {
        **body,
        "document": episode.document,
        "status": episode.status,
        "first_at": rfc3339(episode.first_at),
        "last_at": rfc3339(episode.last_at),
    }
