"""How often people collide."""

from __future__ import annotations

from collections import Counter
from typing import Any

from keepboth.events import EDIT_RECORDED, Event
from keepboth.reducers.context import Context, End
from keepboth.reducers.definition import reducer


def _rate(state: dict[str, int], end: End) -> dict[str, Any]:
    edits = sum(state.values())
    certain = possible = 0
    severities: Counter[str] = Counter()
    for document in sorted(state):
        for episode in end.episodes(document):
            if episode.certain:
                certain += 1
                severities[episode.severity] += 1
            else:
                possible += 1
    return {
        "edits": edits,
        "collisions": certain,
        "per_1000_edits": round(1000 * certain / edits, 3) if edits else None,
        "possible": possible,
        "severities": dict(sorted(severities.items())),
    }


@reducer("collisions", types=[EDIT_RECORDED], finish=_rate)
def collisions(state: dict[str, int], event: Event, ctx: Context) -> None:
    """Entries of the conflict log per 1,000 edits. What is only possible is counted apart."""
    state[event.document] = state.get(event.document, 0) + 1
