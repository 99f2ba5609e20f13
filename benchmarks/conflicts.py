"""The conflict engine: ``python -m benchmarks.conflicts``. Microseconds an edit, bytes an edit.

Where ``KEEPBOTH_TRACES`` is set, also on recordings: two people typing live, and one person's 260,000 keystrokes.
"""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import report
from benchmarks.traces import folder, load, sequential_updates
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact
from keepboth.events import Context
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update
from tests.conflicts.crowds import chains, offline_pair, scribbles
from tests.conflicts.traces import replay


def measure(facts: Sequence[EditFact]) -> dict[str, Any]:
    """The best of three, with detection after each edit and the log read once at the end."""
    best = read = float("inf")
    for _ in range(3):
        gc.collect()
        engine = DocumentConflicts()
        begin = time.perf_counter()
        for fact in facts:
            engine.feed((fact,))
            engine.work()
        best = min(best, time.perf_counter() - begin)
        begin = time.perf_counter()
        episodes = engine.episodes()
        read = min(read, time.perf_counter() - begin)
    return {
        "edits": len(facts),
        "us_per_edit": round(best / len(facts) * 1e6, 1),
        "steps_per_edit": round(engine.steps / len(facts), 2),
        "episodes": len(episodes),
        "capped": sum(episode.capped for episode in episodes),
        "read_log_ms": round(read * 1e3, 2),
    }


def live_typing() -> dict[str, Any]:
    """Two people for real: engine alone, and with decoding."""
    edits, _ = replay(load("friendsforever"))
    begin = time.perf_counter()
    updates = [decode_update(edit.update) for edit in edits]
    decoding = time.perf_counter() - begin
    facts = [
        EditFact(at, at, f"agent {edit.agent}", f"agent {edit.agent}", edit.context, update)
        for at, (edit, update) in enumerate(zip(edits, updates, strict=True), 1)
    ]
    figures = measure(facts)
    figures["us_per_edit_with_decoding"] = round(figures["us_per_edit"] + decoding / len(edits) * 1e6, 1)
    return figures


def alone(limit: int | None = None) -> dict[str, Any]:
    """One author: time, and what the engine keeps, decoded updates not included."""
    updates, _ = sequential_updates("automerge-paper", limit)

    def fact(at: int, update: Update) -> EditFact:
        return EditFact(at, at, "author", "author", Context.of(0), update)

    engine = DocumentConflicts()
    begin = time.perf_counter()
    for at, update in enumerate(updates, 1):
        engine.add((fact(at, decode_update(update)),))
    spent = time.perf_counter() - begin
    engine = DocumentConflicts()
    gc.collect()
    tracemalloc.start()
    for at, update in enumerate(updates, 1):
        engine.add((fact(at, decode_update(update)),))
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "edits": len(updates),
        "us_per_edit_with_decoding": round(spent / len(updates) * 1e6, 1),
        "bytes_per_edit": round(kept / len(updates)),
    }


def main() -> None:
    """Measure and print."""
    figures: dict[str, Any] = {
        "offline_1000_each_in_one_gap": measure(offline_pair(1000)),
        "offline_1000_each_taking_turns": measure(offline_pair(1000, turns=True)),
        **{f"chaining_5x{edits}": measure(chains(5, edits)) for edits in (50, 200, 1000)},
        **{f"scribbling_5x{edits}": measure(scribbles(5, edits)) for edits in (50, 400)},
        "scribbling_and_deleting_5x400": measure(scribbles(5, 400, deletes=0.3, start="hello world")),
    }
    if folder() is None:
        figures["recordings"] = "skipped: KEEPBOTH_TRACES names no folder"
    else:
        figures["friendsforever"] = live_typing()
        figures["automerge_paper"] = alone()
    report("conflicts", figures)


if __name__ == "__main__":
    main()
