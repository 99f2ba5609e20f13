"""Reducers: ``python -m benchmarks.reducers``. Events a second over a log on disk, read, reduced and finished.

Where ``KEEPBOTH_TRACES`` is set: two people typing live (friendsforever), and one person's 260,000 keystrokes.
"""

from __future__ import annotations

import gc
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import report
from benchmarks.traces import folder, load, sequential_updates
from keepboth.events import CONTENT_YJS_UPDATE, DOCUMENT_CREATED, EDIT_RECORDED, Context, Draft, Event
from keepboth.reducers import Context as Ctx
from keepboth.reducers import Reducer, Run, reducer
from keepboth.reducers.loading import SHIPPED, shipped
from keepboth.reducers.scope import scope_of
from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore
from tests.conflicts.traces import replay

DOCUMENT = "trace"
BATCH = 500

Row = tuple[str, bytes, Context]


@reducer("count", types=[EDIT_RECORDED])
def count(state: dict[str, int], event: Event, ctx: Ctx) -> None:
    """Asks for nothing but the event."""
    state[event.actor] = state.get(event.actor, 0) + 1


@reducer("delta", types=[EDIT_RECORDED])
def delta(state: dict[str, int], event: Event, ctx: Ctx) -> None:
    """Asks for what changed."""
    for span in ctx.delta:
        state[span.kind] = state.get(span.kind, 0) + span.units


@reducer("length", types=[EDIT_RECORDED])
def length(state: dict[str, int], event: Event, ctx: Ctx) -> None:
    """Asks for the whole text after every edit."""
    state["longest"] = max(state.get("longest", 0), len(ctx.after.text))


def recorded(path: Path, rows: Sequence[Row]) -> SqliteStore:
    """A log of *rows*, one second apart."""
    store = SqliteStore(path)
    create = Draft(DOCUMENT_CREATED, bytes(16), b"{}", actor="system")
    for at in range(0, len(rows), BATCH):
        drafts = [
            Draft(
                EDIT_RECORDED,
                number.to_bytes(16, "big"),
                payload,
                actor=actor,
                content_type=CONTENT_YJS_UPDATE,
                session=f"session-{actor}",
                session_seq=number,
                context=context,
                context_source="declared",
                authored_at=1_700_000_000_000_000 + number * 1_000_000,
            )
            for number, (actor, payload, context) in enumerate(rows[at : at + BATCH], at + 1)
        ]
        store.append([Append(DOCUMENT, drafts, create=create)])
    return store


def friendsforever() -> list[Row]:
    """Two people for real. Revision 1 creates the document, so the *n*-th edit is revision *n* + 1."""
    edits, _ = replay(load("friendsforever"))
    return [(f"agent {edit.agent}", edit.update, _shifted(edit.context)) for edit in edits]


def _shifted(context: Context) -> Context:
    return Context(*(type(bound)(bound.base + 1, _up(bound.include), _up(bound.exclude)) for bound in context))


def _up(ranges: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    return tuple((first + 1, last + 1) for first, last in ranges)


def rate(store: SqliteStore, one: Reducer, rounds: int = 3) -> float:
    """Events a second, the best of *rounds*."""
    best = float("inf")
    scope = scope_of(store, [DOCUMENT])
    for _ in range(rounds):
        gc.collect()
        begin = time.perf_counter()
        (result,) = Run(store, [one]).to(scope)
        best = min(best, time.perf_counter() - begin)
        assert result.parked is None, result.parked
    return round(result.events / best)


def figures(rows: Sequence[Row], names: Sequence[str], texts: bool) -> dict[str, Any]:
    """Rates over one recording."""
    with tempfile.TemporaryDirectory() as where:
        store = recorded(Path(where) / "log.sqlite3", rows)
        out: dict[str, Any] = {"edits": len(rows)}
        for one in (count, delta, *([length] if texts else ()), *map(shipped, names)):
            out[f"{one.name}_events_per_s"] = rate(store, one)
        run = Run(store, [delta])
        run.to(scope_of(store, [DOCUMENT]))
        begin = time.perf_counter()
        for _ in range(100):
            run.to(scope_of(store, [DOCUMENT]))
        out["live_look_us"] = round((time.perf_counter() - begin) / 100 * 1e6)
        store.close()
    return out


def main() -> None:
    """Measure and print."""
    if folder() is None:
        report("reducers", {"recordings": "skipped: KEEPBOTH_TRACES names no folder"})
        return
    alone, _ = sequential_updates("automerge-paper")
    report(
        "reducers",
        {
            "friendsforever": figures(friendsforever(), sorted(SHIPPED), texts=True),
            "automerge_paper": figures([("author", one, Context.of(0)) for one in alone], ["churn"], texts=False),
        },
    )


if __name__ == "__main__":
    main()
