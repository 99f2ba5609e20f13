"""Editing traces as Yjs updates. The folder comes from ``KEEPBOTH_TRACES``; see docs/operating.md for what it holds."""

from __future__ import annotations

import gzip
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pycrdt


def folder() -> Path | None:
    """Where the traces are, or None."""
    path = os.environ.get("KEEPBOTH_TRACES")
    return Path(path) if path and Path(path).is_dir() else None


def load(name: str) -> dict[str, Any]:
    """One trace. Raises SystemExit, saying so, where there is none."""
    where = folder()
    if where is None or not (where / f"{name}.json.gz").exists():
        raise SystemExit(f"skipped: KEEPBOTH_TRACES names no folder with {name}.json.gz")
    with gzip.open(where / f"{name}.json.gz") as file:
        trace: dict[str, Any] = json.load(file)
    return trace


def sequential_updates(name: str, limit: int | None = None) -> tuple[list[bytes], str]:
    """One update for every transaction of an ASCII sequential trace, and the final text. Kept in the temp folder."""
    cache = Path(tempfile.gettempdir()) / f"keepboth-{name}-updates.json.gz"
    if cache.exists():
        with gzip.open(cache) as file:
            kept = json.load(file)
        updates = [bytes.fromhex(update) for update in kept["updates"]]
        return updates[:limit], kept["text"]
    trace = load(name)
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=1_234_567_891)
    text = doc.get("text", type=pycrdt.Text)
    made: list[bytes] = []
    doc.observe(lambda event: made.append(event.update))
    for transaction in trace["txns"]:
        with doc.transaction():
            for position, deleted, inserted, *_ in transaction["patches"]:
                if deleted:
                    del text[position : position + deleted]
                if inserted:
                    text.insert(position, inserted)
    value = str(text)
    assert value == trace["endContent"]
    with gzip.open(cache, "wt", compresslevel=1) as file:
        json.dump({"updates": [update.hex() for update in made], "text": value}, file)
    return made[:limit], value
