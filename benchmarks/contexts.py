"""What the server knows of stock clients' knowledge: ``python -m benchmarks.contexts [--quick]``.

Clients that behave like y-websocket (`tests/interop/test_stock_client.py` holds them against it) edit one document
over real sockets, some way off. Each knows what it had applied at every edit; the recorded contexts are held against
that. *Precision*: of the pairs of edits taken for concurrent, how many are. *Recall*: of those that are, how many are
taken for it. *All* are pairs anywhere in the document, *touching* those that collide if contexts leave room for it.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from benchmarks.machine import report
from benchmarks.traces import folder, load
from tests.contexts import Score, Session, hot_spots, questions_open, recording, score_all, score_touching

ASK: dict[str, int | None] = {"no_questions": 0, "one_open": 1, "as_shipped": None}
EDITS, EDITS_UNASKED = 400, 100
RECORDED, RECORDED_UNASKED = 6000, 600
"""Without questions nearly all pairs pass for concurrent, and weighing them all takes the square of the edits."""


def figures(session: Session) -> dict[str, Any]:
    """One session's figures."""
    edits = len(session.edits)
    return {
        "edits": edits,
        "questions_per_1000_edits": round(1000 * session.questions / edits),
        "step_1_questions_per_1000_edits": round(1000 * session.step_1_questions / edits, 1),
        "bounds_that_do_not_hold": len(session.wrong_bounds),
        "all": shares(score_all(session.edits)),
        "touching": shares(score_touching(session.edits)),
    }


def shares(score: Score) -> dict[str, Any]:
    return {
        "concurrent": score.real,
        "taken_for_it": score.taken,
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "certain": score.certain,
        "certain_and_wrong": score.wrong,
    }


def measured(play: Coroutine[Any, Any, Session]) -> dict[str, Any]:
    return figures(asyncio.run(play))


def main() -> None:
    """Measure and print."""
    quick = "--quick" in sys.argv
    out: dict[str, Any] = {"one_way_ms": [10, 30], "pause_ms": 40}
    for name, most in ASK.items():
        rows: dict[str, Any] = {}
        few = quick or most == 0
        edits = EDITS_UNASKED if few else EDITS
        with questions_open(most), tempfile.TemporaryDirectory() as folder_name:
            data = Path(folder_name)
            for clients in (2, 3, 5):
                if quick and clients == 5:
                    continue
                spots = hot_spots(
                    data / str(clients), clients, clients=clients, edits=edits, pause_s=0.04, away_s=(0.01, 0.03)
                )
                rows[f"hot_spots_{clients}_clients"] = measured(spots)
            if folder() is None:
                rows["friendsforever"] = "skipped: KEEPBOTH_TRACES names no folder"
            else:
                limit = RECORDED_UNASKED if few else RECORDED
                rows["friendsforever"] = measured(recording(data / "friends", load("friendsforever"), limit, 0.002))
        out[name] = rows
    report("contexts", out)


if __name__ == "__main__":
    main()
