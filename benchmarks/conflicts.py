"""The conflict engine: ``python -m benchmarks.conflicts``. Microseconds of CPU an edit, megabytes, seconds to rebuild.

Where ``KEEPBOTH_TRACES`` is set, also on recordings: two people typing live, one person's 260,000 keystrokes, and the
history of a source file with branches and merges, whose merges are large edits made apart.

Targets: live typing 12 µs an edit; 1,000 and 1,000 edits made apart in one gap 100 µs an edit, 10,000 and 10,000 in
seconds; thousands of lines rewritten by two people apart 1 ms a line, however many; the shadow of 259,778 edits 30 MB,
back from a checkpoint in 0.3 s, its log read and looked at in 5 s.
"""

from __future__ import annotations

import gc
import gzip
import json
import tempfile
import time
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import report
from benchmarks.traces import folder, load, sequential_updates
from keepboth.conflicts.checkpoint import dump
from keepboth.conflicts.checkpoint import load as load_checkpoint
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import ENGINE_VERSION, EditFact
from keepboth.events import CONTENT_YJS_UPDATE, EDIT_RECORDED, Context, Draft
from keepboth.live.projector import rebuild
from keepboth.store.base import Append
from keepboth.store.conflicts import SqliteConflictStore
from keepboth.store.sqlite import SqliteStore
from keepboth.yjs.update import decode_update, encode_update
from tests.conflicts.branches import replay_branches
from tests.conflicts.crowds import chains, jumps, offline_pair, scribbles
from tests.conflicts.rewrites import Way, rewrites
from tests.conflicts.traces import replay


def measure(facts: Sequence[EditFact], rounds: int = 3) -> dict[str, Any]:
    """The best of some rounds, with detection after each edit and the log read once at the end."""
    best = read = float("inf")
    for _ in range(rounds):
        gc.collect()
        engine = DocumentConflicts()
        begin = time.process_time()
        for fact in facts:
            engine.feed((fact,))
            engine.work()
        best = min(best, time.process_time() - begin)
        begin = time.process_time()
        episodes = engine.episodes()
        read = min(read, time.process_time() - begin)
    return {
        "edits": len(facts),
        "us_per_edit": round(best / len(facts) * 1e6, 1),
        "steps_per_edit": round(engine.steps / len(facts), 2),
        "episodes": len(episodes),
        "capped": sum(episode.capped for episode in episodes),
        "read_log_ms": round(read * 1e3, 2),
    }


def rewritten(
    ways: tuple[Way, Way] = ("words", "words"), whole: tuple[bool, bool] = (True, True), most: int = 4000
) -> dict[str, Any]:
    """Two people change each of so many lines, apart: milliseconds a line to find and tell what met, by lines."""
    found: dict[str, Any] = {}
    for lines in (500, 1000, 2000, 4000, 10_000):
        if lines <= most:
            facts = rewrites(lines, ways, whole)
            gc.collect()
            engine = DocumentConflicts()
            begin = time.process_time()
            for fact in facts:
                engine.feed((fact,))
                engine.work()
            looked = time.process_time()
            episodes = len(engine.changes().changed)
            told = time.process_time()
            found[f"{lines}_lines"] = {
                "find_ms_per_line": round((looked - begin) / lines * 1e3, 3),
                "tell_ms_per_line": round((told - looked) / lines * 1e3, 3),
                "episodes": episodes,
            }
    return found


def live_facts() -> list[EditFact]:
    """The edits of friendsforever: two people for real."""
    edits, _ = replay(load("friendsforever"))
    return [
        EditFact(at, at, f"agent {edit.agent}", f"agent {edit.agent}", edit.context, decode_update(edit.update))
        for at, edit in enumerate(edits, 1)
    ]


def live_typing() -> dict[str, Any]:
    """Two people for real: engine alone, and with decoding."""
    facts = live_facts()
    edits = [encode_update(fact.update) for fact in facts]
    begin = time.process_time()
    for edit in edits:
        decode_update(edit)
    decoding = time.process_time() - begin
    figures = measure(facts)
    figures["target_us_per_edit"] = 12
    figures["us_per_edit_with_decoding"] = round(figures["us_per_edit"] + decoding / len(edits) * 1e6, 1)
    return figures


def alone(limit: int | None = None) -> dict[str, Any]:
    """One author: time, what the engine keeps (decoded updates not included), and putting it away and back."""
    updates, _ = sequential_updates("automerge-paper", limit)

    def fed() -> DocumentConflicts:
        engine = DocumentConflicts()
        for at, update in enumerate(updates, 1):
            engine.feed((EditFact(at, at, "author", "author", Context.of(at - 1), decode_update(update)),))
            engine.work()
        return engine

    begin = time.process_time()
    engine = fed()
    spent = time.process_time() - begin
    dumps, loads = [], []
    for _ in range(3):
        begin = time.process_time()
        body = dump(engine)
        dumps.append(time.process_time() - begin)
        begin = time.process_time()
        load_checkpoint(body)
        loads.append(time.process_time() - begin)
    del engine
    gc.collect()
    tracemalloc.start()
    engine = fed()
    gc.collect()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert engine.pending == 0
    return {
        "edits": len(updates),
        "us_per_edit_with_decoding": round(spent / len(updates) * 1e6, 1),
        "kept_mb": round(kept / 1e6, 1),
        "target_kept_mb": 30,
        "checkpoint_mb": round(len(body) / 1e6, 2),
        "checkpoint_put_away_s": round(min(dumps), 3),
        "checkpoint_back_s": round(min(loads), 3),
        "target_checkpoint_back_s": 0.3,
    }


def rebuilt(drafts: Iterable[Draft]) -> dict[str, Any]:
    """Building the conflict log of one document from a SQLite log."""
    with tempfile.TemporaryDirectory() as name:
        store = SqliteStore(Path(name) / "log.sqlite3")
        conflicts = SqliteConflictStore(Path(name) / "projections.sqlite3", version=ENGINE_VERSION)
        page: list[Append] = []
        edits = 0
        for draft in drafts:
            page.append(Append("document", [draft]))
            edits += 1
            if len(page) == 1000:
                store.append(page)
                page = []
        store.append(page)
        spent = []
        for _ in range(2):
            begin = time.process_time()
            entries = rebuild(store, conflicts, "document")
            spent.append(time.process_time() - begin)
        store.close()
        conflicts.close()
    return {"edits": edits, "entries": entries, "rebuild_s": round(min(spent), 2), "target_rebuild_s": 5}


def draft_of(at: int, payload: bytes, session: str, client: int, context: Context | None) -> Draft:
    """The *at*-th edit."""
    return Draft(
        EDIT_RECORDED,
        at.to_bytes(16, "big"),
        payload,
        actor=session,
        content_type=CONTENT_YJS_UPDATE,
        session=session,
        clients=(client,),
        context=context,
        context_source="none" if context is None else "declared",
    )


def paper() -> Iterator[Draft]:
    """One author's keystrokes."""
    updates, _ = sequential_updates("automerge-paper")
    for at, payload in enumerate(updates, 1):
        yield draft_of(at, payload, "author", 1_234_567_891, Context.of(at - 1))


def branches(declared: bool) -> Iterator[Draft]:
    """The history of a source file; kept in the temporary folder, for making it takes most of a minute."""
    cache = Path(tempfile.gettempdir()) / "keepboth-node_nodecc-edits.json.gz"
    if not cache.exists():
        edits, _ = replay_branches(load("node_nodecc"))
        rows = [(e.session, e.client, e.update.hex(), e.context.to_bytes().hex()) for e in edits]
        with gzip.open(cache, "wt", compresslevel=1) as file:
            json.dump(rows, file)
    with gzip.open(cache) as file:
        kept = json.load(file)
    for at, (session, client, update, context) in enumerate(kept, 1):
        known = Context.from_bytes(bytes.fromhex(context)) if declared else None
        yield draft_of(at, bytes.fromhex(update), session, client, known)


def main() -> None:
    """Measure and print."""
    figures: dict[str, Any] = {
        "offline_1000_each_in_one_gap": measure(offline_pair(1000)),
        "offline_1000_each_taking_turns": measure(offline_pair(1000, turns=True)),
        "offline_10000_each_in_one_gap": measure(offline_pair(10_000), 1),
        "offline_1000_each_jumping_and_deleting": measure(jumps(2, 1000)),
        "offline_10000_each_jumping_and_deleting": measure(jumps(2, 10_000), 1),
        "offline_10000_each_anywhere": measure(scribbles(2, 10_000, deletes=0.3, start="hello world"), 1),
        **{f"chaining_5x{edits}": measure(chains(5, edits)) for edits in (50, 200, 1000)},
        **{f"scribbling_5x{edits}": measure(scribbles(5, edits)) for edits in (50, 400)},
        "scribbling_and_deleting_5x400": measure(scribbles(5, 400, deletes=0.3, start="hello world")),
        "a_word_in_every_line": rewritten(most=10_000),
        "a_word_in_every_line_an_edit_a_line": rewritten(whole=(False, False), most=10_000),
        "a_word_in_every_line_at_once_and_an_edit_a_line": rewritten(whole=(True, False)),
        "every_line": rewritten(("ends", "ends")),
        "every_line_an_edit_a_line": rewritten(("ends", "ends"), (False, False)),
        "lines_deleted_and_edited": rewritten(("delete", "words")),
        "lines_deleted_one_by_one_and_edited": rewritten(("delete", "words"), (False, True)),
        "lines_deleted_and_edited_one_by_one": rewritten(("delete", "words"), (True, False)),
    }
    if folder() is None:
        figures["recordings"] = "skipped: KEEPBOTH_TRACES names no folder"
    else:
        figures["friendsforever"] = live_typing()
        figures["automerge_paper"] = alone()
        figures["automerge_paper_rebuild"] = rebuilt(paper())
        figures["node_nodecc_rebuild"] = rebuilt(branches(declared=True))
        figures["node_nodecc_rebuild_nothing_known"] = rebuilt(branches(declared=False))
    report("conflicts", figures)


if __name__ == "__main__":
    main()
