"""Folding a long log: ``python -m benchmarks.fold``. From SQLite to the text of automerge-paper."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.machine import report
from benchmarks.traces import sequential_updates
from keepboth.events import CONTENT_YJS_UPDATE, EDIT_RECORDED, Context, Draft
from keepboth.fold.document import DocumentFold, FoldedEdit, fold
from keepboth.fold.replica import Replica
from keepboth.fold.views import text
from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore

DOCUMENT = "automerge-paper"


def fill(store: SqliteStore, updates: list[bytes]) -> int:
    """Record *updates* as one writer's edits, 1,000 a commit; return the number of bytes of the file."""
    number = 0
    for first in range(0, len(updates), 1000):
        items = []
        for payload in updates[first : first + 1000]:
            number += 1
            draft = Draft(
                EDIT_RECORDED,
                number.to_bytes(16, "big"),
                payload,
                actor="ann",
                content_type=CONTENT_YJS_UPDATE,
                session="y:1234567891",
                clients=(1_234_567_891,),
                context=Context.of(number - 1),
                context_source="structure",
            )
            items.append(Append(DOCUMENT, [draft]))
        store.append(items)
    return number


def timed_fold(store: SqliteStore) -> tuple[float, DocumentFold]:
    """Seconds from the first read to a complete fold."""
    began = time.perf_counter()
    folded = fold(lambda after: [FoldedEdit(*row) for row in store.fold_rows(DOCUMENT, after=after, limit=5000)])
    return time.perf_counter() - began, folded


def main() -> None:
    """Measure and print."""
    updates, expected = sequential_updates(DOCUMENT)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.sqlite3"
        store = SqliteStore(path)
        began = time.perf_counter()
        fill(store, updates)
        filled_s = time.perf_counter() - began
        runs = []
        for _ in range(3):
            seconds, folded = timed_fold(store)
            began = time.perf_counter()
            assert text(folded.replica, "text") == expected
            runs.append((seconds, time.perf_counter() - began))
        state = folded.replica.update_since()
        began = time.perf_counter()
        again = Replica()
        again.apply(state)
        load_s = time.perf_counter() - began
        store.close()
        size = path.stat().st_size
    seconds, view_s = min(runs)
    report(
        "fold",
        {
            "edits": len(updates),
            "record_s": round(filled_s, 2),
            "fold_from_sqlite_s": round(seconds, 3),
            "text_view_s": round(view_s, 3),
            "from_sqlite_to_text_s": round(seconds + view_s, 3),
            "target_s": 1.5,
            "edits_per_s": round(len(updates) / seconds),
            "load_from_one_state_s": round(load_s, 4),
            "log_bytes_per_edit": round(size / len(updates), 1),
        },
    )


if __name__ == "__main__":
    main()
