"""The event log on this machine: ``python -m benchmarks.store [rows]`` prints JSON.

Appends are durable (WAL, ``synchronous=FULL``). CPU is user and system time of the whole process for building the batch
of keystrokes apart from the drafts themselves. Bytes are the database file, checkpointed, over the number of events.
"""

from __future__ import annotations

import gc
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from keepboth.events import CONTENT_YJS_UPDATE, DOCUMENT_CREATED, EDIT_RECORDED, Context, Draft
from keepboth.store.base import Append
from keepboth.store.sqlite import SqliteStore

PAYLOAD_BYTES = 24


def keystroke(number: int, session: str, sequence: int | None = None) -> Draft:
    """A server-minted id in order of time, a client id, an exact context and a 24-byte update."""
    stamp = (1_763_900_000_000 + number // 3).to_bytes(6, "big")
    return Draft(
        EDIT_RECORDED,
        stamp + os.urandom(10),
        os.urandom(PAYLOAD_BYTES),
        actor=session,
        session=session,
        session_seq=sequence,
        content_type=CONTENT_YJS_UPDATE,
        clients=(2_000_000_000 + int(session[1:]),),
        context=Context.of(number // 2),
        context_source="declared",
        authored_at=1_000_000 + number,
    )


def appends(path: Path, rows: int, per_commit: int, documents: int, sequences: bool, check: bool) -> dict[str, Any]:
    """One figure of the table: *rows* keystrokes, *per_commit* at a time, over *documents*."""
    store = SqliteStore(path)
    for number in range(documents):
        create = Draft(DOCUMENT_CREATED, os.urandom(16), b"{}", actor="s0")
        store.append([Append(f"d{number}", [keystroke(0, f"s{number}")], create=create)])
    numbers = [0] * documents
    batches: list[list[Append]] = []
    for first in range(0, rows, per_commit):
        items = []
        for row in range(first, min(first + per_commit, rows)):
            where = row * 7919 % documents
            numbers[where] += 1
            draft = keystroke(row, f"s{where}", numbers[where] if sequences else None)
            items.append(Append(f"d{where}", [draft], check_ids=check))
        batches.append(items)
    gc.collect()
    gc.freeze()  # the prepared drafts are no part of the measurement
    wall, cpu = time.perf_counter(), time.process_time()
    for items in batches:
        store.append(items)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    store.close()
    return {
        "rows": rows,
        "rows_per_commit": per_commit,
        "documents": documents,
        "session_seq": sequences,
        "check_ids": check,
        "rows_per_s": round(rows / wall),
        "us_per_commit": round(wall / len(batches) * 1e6),
        "cpu_us_per_row": round(cpu / rows * 1e6, 1),
        "bytes_per_event": round(path.stat().st_size / rows),
    }


def timed(rows: int, work: Callable[[], object]) -> int:
    """Rows a second."""
    began = time.perf_counter()
    work()
    return round(rows / (time.perf_counter() - began))


def reads(path: Path, rows: int) -> dict[str, int]:
    """What a fold, a page reader and verify get out of one document of *rows* keystrokes."""
    store = SqliteStore(path)

    def fold() -> None:
        after = 0
        while page := store.fold_rows("d0", after=after):
            after = page[-1].revision

    def page_through() -> None:
        after = 0
        while page := store.read(after=after):
            after = page[-1].position

    def verify() -> None:
        problems = list(store.verify())
        if problems:
            raise SystemExit(f"the log disagrees with itself: {problems[0]}")

    found = {
        "fold_rows_per_s": timed(rows, fold),
        "read_events_per_s": timed(rows, page_through),
        "verify_events_per_s": timed(rows, verify),
    }
    store.close()
    return found


def main(rows: int = 60_000) -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("KEEPBOTH_BENCH_DIR")) as folder:
        table = []
        for name, (count, per_commit, documents, sequences, check) in {
            "alone": (rows // 30, 1, 1, False, False),
            "ten": (rows // 3, 10, 1, False, False),
            "hundred": (rows, 100, 1, False, False),
            "hundred-sequences": (rows, 100, 1, True, False),
            "hundred-checked": (rows, 100, 1, True, True),
            "hundred-over-20-documents": (rows, 100, 20, False, False),
        }.items():
            table.append(
                {"name": name, **appends(Path(folder, f"{name}.db"), count, per_commit, documents, sequences, check)}
            )
        report = {
            "command": " ".join(["python -m benchmarks.store", *sys.argv[1:]]),
            "machine": {
                "cpus": os.cpu_count(),
                "load": os.getloadavg()[0],
                "platform": platform.platform(),
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
            },
            "payload_bytes": PAYLOAD_BYTES,
            "appends": table,
            "reads": reads(Path(folder, "hundred.db"), rows),
        }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
