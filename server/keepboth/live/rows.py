"""The rows of the conflict log: what the projection keeps of each episode that the engine has found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from keepboth.conflicts.model import Episode
from keepboth.conflicts.report import episode_body
from keepboth.decider.conflicts import state_in
from keepboth.live.judging import Verdict, states_of, verdict
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore, StoredEpisode
from keepboth.store.picking import Picking
from keepboth.telling.accounts import account_of
from keepboth.telling.attention import hidden_of
from keepboth.telling.facts import Circumstances
from keepboth.telling.returns import belongs_to

MAX_FACTS = 200
"""Edits of one episode whose circumstances are read."""


def rows_of(
    store: EventStore,
    conflicts: ConflictStore,
    document: str,
    episodes: Iterable[Episode],
    aliases: Sequence[tuple[str, str]],
) -> list[StoredEpisode]:
    """The episodes as the projection keeps them. *aliases* are stored together with them. Blocks: it reads the log."""
    states = states_of(store, conflicts, document, aliases)
    circumstances = Picking(store, document, Circumstances.of)
    found = []
    for episode in episodes:
        facts = circumstances.at(episode.revisions, MAX_FACTS)
        judged = verdict(state_in(states, episode.id), episode.revisions, episode.settled_by)
        found.append(_row(document, episode, facts, judged))
    return found


def _row(document: str, episode: Episode, facts: Sequence[Circumstances], judged: Verdict) -> StoredEpisode:
    hidden = hidden_of(account_of(episode, {}, facts), "open", None)
    moments = [fact.recorded_at for fact in facts] or [0]
    return StoredEpisode(
        id=episode.id,
        document=document,
        first_revision=episode.first_revision,
        last_revision=episode.last_revision,
        certain=episode.certain,
        kinds=tuple(sorted(episode.kinds)),
        actors=tuple(dict.fromkeys(side.actor for side in episode.sides)),
        body=episode_body(episode),
        status=judged.status,
        severity=episode.severity,
        self_only=episode.self_only,
        double_initialisation=episode.double_initialisation,
        first_at=min(moments),
        last_at=max(moments),
        state=judged.state,
        text="\n".join(_texts(episode)),
        hidden=hidden[0] if hidden else "",
        stretch=belongs_to(episode, facts) or "",
        met=max((min(side.revisions) for side in episode.sides if side.revisions), default=episode.last_revision),
        anchors="" if episode.key is not None else json.dumps([episode.anchor_first, episode.anchor_last]),
    )


def _texts(episode: Episode) -> Sequence[str]:
    """What a search finds an episode by, each text once."""
    texts = [episode.base, episode.merged, episode.key or "", episode.heading or ""]
    for side in episode.sides:
        texts += [side.text, side.lost]
    return [text for text in dict.fromkeys(texts) if text]
