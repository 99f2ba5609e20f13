"""The rows of the conflict log: what the projection keeps of each episode that the engine has found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keepboth.conflicts.model import Episode
from keepboth.conflicts.report import episode_body
from keepboth.events import Micros
from keepboth.store.base import EventStore, Status, StoredEpisode


def rows_of(store: EventStore, document: str, episodes: Iterable[Episode]) -> list[StoredEpisode]:
    """The episodes as the projection keeps them. Reads when their edits were recorded: call it in a thread."""
    moments: dict[int, Micros] = {}

    def moment(revision: int) -> Micros:
        if revision not in moments:
            events = store.read(document, after=revision - 1, until=revision, limit=1)
            moments[revision] = events[0].recorded_at if events else 0
        return moments[revision]

    return [
        _row(document, episode, moment(min(episode.revisions)), moment(max(episode.revisions))) for episode in episodes
    ]


def _row(document: str, episode: Episode, first_at: Micros, last_at: Micros) -> StoredEpisode:
    status: Status = "open" if episode.settled_by is None else "settled"
    return StoredEpisode(
        id=episode.id,
        document=document,
        first_revision=episode.first_revision,
        last_revision=episode.last_revision,
        certain=episode.certain,
        kinds=tuple(sorted(episode.kinds)),
        actors=tuple(dict.fromkeys(side.actor for side in episode.sides)),
        body=episode_body(episode),
        status=status,
        severity=episode.severity,
        self_only=episode.self_only,
        double_initialisation=episode.double_initialisation,
        first_at=first_at,
        last_at=last_at,
        text="\n".join(_texts(episode)),
    )


def _texts(episode: Episode) -> Sequence[str]:
    """What a search finds an episode by, each text once."""
    texts = [episode.base, episode.merged, episode.key or "", episode.heading or ""]
    for side in episode.sides:
        texts += [side.text, side.lost]
    return [text for text in dict.fromkeys(texts) if text]
