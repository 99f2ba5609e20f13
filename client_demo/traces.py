"""Recorded editing sessions: who typed what, knowing what. Formats of josephg/editing-traces and egwalker-paper."""

from __future__ import annotations

import gzip
import json
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

Patch = tuple[int, int, str]
"""Position and number of deleted characters (Unicode code points), inserted text."""


class Txn(NamedTuple):
    """One transaction: what its author knew (``parents``, their pasts included), and what it did, patch after patch."""

    actor: str
    parents: tuple[int, ...]
    patches: tuple[Patch, ...]


@dataclass(slots=True)
class Trace:
    """A recorded session: transactions in causal order, and the text at the end if the file says it."""

    name: str
    txns: list[Txn]
    end: str | None


def read_trace(path: Path, limit: int | None = None) -> Trace:
    """Read a trace (``.json`` or ``.json.gz``); *limit* keeps only its first transactions.

    Raises ValueError for anything else.
    """
    raw = path.read_bytes()
    data = json.loads(gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw)
    rows = data.get("txns") if isinstance(data, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} is no editing trace: it has no transactions")
    read = _by_id if "span" in rows[0] else _by_index
    txns = read(rows if limit is None else rows[:limit])
    whole = len(txns) == len(rows)
    return Trace(path.name.split(".")[0], txns, data.get("endContent") if whole else None)


def _by_index(rows: list[dict[str, Any]]) -> list[Txn]:
    """``parents`` are indexes of transactions; without any, a transaction follows the one before."""
    return [
        Txn(
            f"writer {row.get('agent', 0)}",
            tuple(row["parents"]) if "parents" in row else (index - 1,) * bool(index),
            tuple((patch[0], patch[1], patch[2]) for patch in row["patches"]),
        )
        for index, row in enumerate(rows)
    ]


def _by_id(rows: list[dict[str, Any]]) -> list[Txn]:
    """``parents`` are ids of single operations; a transaction has those of its span, and ends with the last."""
    starts = [row["span"][0] for row in rows]
    out: list[Txn] = []
    for row in rows:
        parents: list[int] = []
        for parent in row["parents"]:
            index = bisect_right(starts, parent) - 1
            if parent != rows[index]["span"][1] - 1:
                raise ValueError(f"operation {parent} is in the middle of a transaction")
            parents.append(index)
        out.append(Txn(str(row["agent"]), tuple(parents), tuple((op[0], op[1], op[2]) for op in row["ops"])))
    return out


class Branch(NamedTuple):
    """A chain of one actor's transactions, each knowing the one before: one client can write them all."""

    actor: str
    txns: list[int]


class Plan(NamedTuple):
    """``branches``, and for each transaction which branch it is on and how many of each branch's it knows."""

    branches: list[Branch]
    branch_of: list[int]
    knows: list[dict[int, int]]


def plan(txns: list[Txn]) -> Plan:
    """Split *txns* into as few branches as their actors' own histories allow, newest chain first."""
    branches: list[Branch] = []
    of_actor: defaultdict[str, list[int]] = defaultdict(list)
    branch_of: list[int] = []
    after: list[dict[int, int]] = []
    knows: list[dict[int, int]] = []
    for index, txn in enumerate(txns):
        known: dict[int, int] = {}
        for parent in txn.parents:
            for branch, count in after[parent].items():
                known[branch] = max(known.get(branch, 0), count)
        fitting = [b for b in of_actor[txn.actor] if known.get(b, 0) == len(branches[b].txns)]
        if fitting:
            mine = max(fitting, key=lambda b: branches[b].txns[-1])
        else:
            mine = len(branches)
            branches.append(Branch(txn.actor, []))
            of_actor[txn.actor].append(mine)
        knows.append(known)
        branches[mine].txns.append(index)
        after.append({**known, mine: len(branches[mine].txns)})
        branch_of.append(mine)
    return Plan(branches, branch_of, knows)
