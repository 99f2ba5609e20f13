"""How often people would be disturbed: ``python -m benchmarks.attention``. Entries of real histories, by how much
attention they ask for, for every 1,000 edits; once as if all had been live, once as if everybody had been away for an
hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from benchmarks.conflicts import live_facts
from benchmarks.git_judge import everybody
from benchmarks.history import History
from benchmarks.machine import report
from benchmarks.traces import folder
from client_demo.traces import read_trace
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import Episode
from keepboth.telling.cards import card_of
from keepboth.telling.facts import Circumstances

NOW: Final = 1_700_000_000 * 1_000_000
HOUR: Final = 3600 * 1_000_000


def counts(episodes: Iterable[Episode], edits: int, away_us: int | None) -> dict[str, Any]:
    """Entries by level of attention, and by reason to hide them, for every 1,000 of *edits*."""
    levels: Counter[str] = Counter()
    hidden: Counter[str] = Counter()
    for episode in episodes:
        facts = [
            Circumstances(
                revision,
                side.actor,
                "human",
                side.session or side.actor,
                NOW,
                NOW,
                "assumed",
                None if away_us is None else NOW - away_us,
                None if away_us is None else f"away:{side.actor}",
            )
            for side in episode.sides
            for revision in side.revisions
        ]
        card = card_of(episode, names={}, facts=facts, now=NOW + HOUR)
        levels[card.attention.level] += 1
        if card.hidden:
            hidden[", ".join(card.hidden)] += 1
    return {
        "entries": sum(levels.values()),
        **{
            f"{level}_per_1000_edits": round(1000 * levels[level] / edits, 3) for level in ("interrupt", "badge", "log")
        },
        "hidden": dict(sorted(hidden.items())),
    }


def main() -> None:
    """Measure and print."""
    where = folder()
    if where is None:
        raise SystemExit("skipped: KEEPBOTH_TRACES names no folder")
    engine = DocumentConflicts()
    facts = live_facts()
    for fact in facts:
        engine.add((fact,))
    node = History(read_trace(Path(where) / "node_nodecc.json.gz"))
    logs = {"friendsforever": (engine.episodes(), len(facts)), "node_nodecc": (everybody(node), len(node.trace.txns))}
    figures = {
        f"{name}, {how}": counts(episodes, edits, away_us)
        for name, (episodes, edits) in logs.items()
        for how, away_us in (("live", None), ("everybody back after an hour", HOUR))
    }
    report("attention", figures)


if __name__ == "__main__":
    main()
