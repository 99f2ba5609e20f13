"""Any moment of a long document: ``python -m benchmarks.moments``. automerge-paper, 259,778 edits, on SQLite.

States at random cuts, stepping and scrubbing; blame, deletions, a page of history, comparisons; going back and what if;
what checkpoints cost.
"""

from __future__ import annotations

import gc
import resource
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any

from benchmarks.fold import DOCUMENT, fill
from benchmarks.machine import report
from benchmarks.traces import sequential_updates
from keepboth.fold.frozen import FORMAT
from keepboth.history.cuts import Cut, Selection, select
from keepboth.history.folding import EVERY, Folding
from keepboth.history.going_back import GoBack, Reversion, work_out
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.history.rendering import render
from keepboth.history.whatif import WhatIf, what_if
from keepboth.history.work import Work
from keepboth.store.fold_checkpoints import SqliteFoldCheckpoints
from keepboth.store.sqlite import SqliteStore

ASKED = 300
SCRUB = 60


def milliseconds(call: Callable[[], Any]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e3


def spread(times: Iterable[float]) -> dict[str, float]:
    """p50, p95 and the longest."""
    known = sorted(times)
    return {
        "p50_ms": round(median(known), 1),
        "p95_ms": round(quantiles(known, n=20)[-1], 1),
        "max_ms": round(known[-1], 1),
    }


def states(store: SqliteStore, folder: Path, last: int) -> dict[str, Any]:
    """Texts at random cuts, one step further, one step back, and along a slider."""
    random = Random(1)
    checkpoints = SqliteFoldCheckpoints(folder / "folds.sqlite3", version=FORMAT)
    folding = Folding(store, checkpoints)

    def text(revision: int) -> None:
        render(folding, select(store, DOCUMENT, Cut(revision=revision)), "text")

    def scrub(cuts: list[int]) -> None:
        for at in cuts:
            text(at)

    figures: dict[str, Any] = {"first_ask_without_checkpoints_ms": round(milliseconds(lambda: text(last)))}
    folding = Folding(store, checkpoints)  # as after a restart
    figures["first_ask_with_checkpoints_ms"] = round(milliseconds(lambda: text(last)), 1)
    cuts = [random.randrange(1, last + 1) for _ in range(ASKED)]
    figures["random_cut"] = spread(milliseconds(lambda at=at: text(at)) for at in cuts)  # type: ignore[misc]
    forward, back = [], []
    for at in cuts[:100]:
        text(at)
        forward.append(milliseconds(lambda at=at: text(min(at + 1, last))))  # type: ignore[misc]
        back.append(milliseconds(lambda at=at: text(at)))  # type: ignore[misc]
    figures["one_forward"], figures["one_back"] = spread(forward), spread(back)
    slider = [last * nth // SCRUB for nth in range(1, SCRUB + 1)]
    figures["scrub_60_steps_ms"] = round(milliseconds(lambda: scrub(slider)))
    figures["scrub_back_60_steps_ms"] = round(milliseconds(lambda: scrub(slider[::-1])))
    sizes = checkpoints.sizes(DOCUMENT)
    figures["checkpoints"] = len(sizes)
    figures["checkpoint_bytes"] = sum(sizes.values())
    figures["checkpoint_every"] = EVERY
    checkpoints.close()
    return figures


def people(store: SqliteStore, folder: Path, last: int) -> dict[str, Any]:
    """What people ask: who wrote it, what was deleted, what happened, what is different."""
    random = Random(2)
    checkpoints = SqliteFoldCheckpoints(folder / "folds.sqlite3", version=FORMAT)
    past = Past(store, Folding(store, checkpoints), Lineages(store))
    now = select(store, DOCUMENT)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures: dict[str, Any] = {"lineage_from_the_log_ms": round(milliseconds(lambda: past.lineage(now)))}
    figures["lineage_mb"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    figures["blame_by_event_ms"] = round(milliseconds(lambda: past.blame(now, by="event")))
    figures["blame_by_actor_ms"] = round(milliseconds(lambda: past.blame(now)))

    def at() -> Selection:
        return select(store, DOCUMENT, Cut(revision=random.randrange(1, last + 1)))

    figures["blame_at_random_cut"] = spread(milliseconds(lambda: past.blame(at())) for _ in range(10))
    figures["all_deletions_ms"] = round(milliseconds(lambda: past.deletions(now)))
    first = [round(milliseconds(lambda: past.history(now, gap_us=1, limit=50))) for _ in range(2)]
    figures["history_page_of_50_groups_ms"] = {"first": first[0], "again": first[1]}
    figures["compare_two_random_cuts"] = spread(milliseconds(lambda: past.compare(at(), at())) for _ in range(10))
    checkpoints.close()
    return figures


def back(store: SqliteStore, folder: Path, last: int) -> dict[str, Any]:
    """Going back, undoing and leaving out, in a document that is at hand; what it costs to have it at hand."""
    random = Random(3)
    checkpoints = SqliteFoldCheckpoints(folder / "folds.sqlite3", version=FORMAT)
    past = Past(store, Folding(store, checkpoints), Lineages(store))

    def to(revision: int) -> Reversion:
        return work_out(past, DOCUMENT, GoBack(to=Cut(revision=revision)))

    def undo() -> Reversion:
        first = random.randrange(1, last - 1000)
        return work_out(past, DOCUMENT, GoBack(undo=Work(revisions=((first, first + 999),))))

    def without() -> WhatIf:
        first = random.randrange(1, last - 1000)
        return what_if(past, DOCUMENT, Cut(), Work(revisions=((first, first + 999),)))

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    figures: dict[str, Any] = {"every_edit_apart_ms": round(milliseconds(lambda: past.apart(DOCUMENT, last)))}
    figures["every_edit_apart_mb"] = round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
    to(last)
    figures["to_a_random_cut"] = spread(milliseconds(lambda: to(random.randrange(1, last))) for _ in range(5))
    figures["undo_of_1000_edits"] = spread(milliseconds(undo) for _ in range(5))
    figures["what_if_without_1000_edits"] = spread(milliseconds(without) for _ in range(3))
    figures["update_bytes"] = {str(last - ago): len(to(last - ago).update) for ago in (100, 1_000, 10_000, 100_000)}
    checkpoints.close()
    return figures


def main() -> None:
    """Measure and print."""
    gc.set_threshold(100_000, 50, 100)  # as the server does
    updates, _ = sequential_updates(DOCUMENT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = SqliteStore(folder / "log.sqlite3")
        last = fill(store, updates)
        store.close()
        size = (folder / "log.sqlite3").stat().st_size
        store = SqliteStore(folder / "log.sqlite3", read_only=True)
        figures: dict[str, Any] = {"edits": last, "states": states(store, folder, last)}
        figures["people"] = people(store, folder, last)
        figures["back"] = back(store, folder, last)
        figures["checkpoints_share_of_log"] = round(figures["states"]["checkpoint_bytes"] / size, 3)
        store.close()
    report("moments", figures)


if __name__ == "__main__":
    main()
