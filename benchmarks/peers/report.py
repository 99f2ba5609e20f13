"""Tables and JSON of a run."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load.scenarios import KILL, Scenario

from .measure import Bench, Durability, Measurement

REFERENCE = "hocuspocus"
#: Above this share of its core the generator may be what limits the figures of a row.
BUSY_SHARE = 0.9


def medians(runs: Sequence[Measurement]) -> Measurement:
    """Field by field the median of the runs of one server and scenario; of losses the largest."""
    first = asdict(runs[0])
    middle: dict[str, Any] = {}
    for name, value in first.items():
        values = [getattr(run, name) for run in runs]
        if isinstance(value, str):
            middle[name] = value
        elif name in ("lost", "missing"):
            middle[name] = max(values)
        else:
            middle[name] = median(values)
    return Measurement(**middle)


Column = tuple[str, Callable[[Measurement, Measurement | None], str]]


def _ratio(value: float, reference: float | None) -> str:
    return "–" if not reference else f"{value / reference:.2f}"


_COLUMNS: list[Column] = [
    ("CPU s/1M", lambda row, ref: f"{row.cpu_s_per_million:.2f}"),
    ("ratio", lambda row, ref: _ratio(row.cpu_s_per_million, ref.cpu_s_per_million if ref else None)),
    ("delivered/s", lambda row, ref: f"{row.delivered_per_s:,.0f}"),
    ("ratio", lambda row, ref: _ratio(row.delivered_per_s, ref.delivered_per_s if ref else None)),
    ("p50 ms", lambda row, ref: f"{row.latency_p50_ms:.2f}"),
    ("p99 ms", lambda row, ref: f"{row.latency_p99_ms:.2f}"),
    ("frames/deliv.", lambda row, ref: f"{row.frames_per_delivered:.3f}"),
    ("RSS MB", lambda row, ref: f"{row.peak_rss_mb:.0f}"),
    (
        "gen. core",
        lambda row, ref: f"{row.generator_core_share:.0%}{'!' if row.generator_core_share > BUSY_SHARE else ''}",
    ),
    ("engine", lambda row, ref: f"{row.engine_share:.0%}" if row.engine_share or row.store_share else ""),
    ("store", lambda row, ref: f"{row.store_share:.0%}" if row.store_share else ""),
    ("lost", lambda row, ref: str(row.lost + row.missing)),
]


def scenario_table(scenario: Scenario, bench: Bench, rows: Sequence[Measurement], failed: set[str]) -> str:
    """The table of one scenario: a row per server, ratios against the reference where it ran."""
    reference = next((row for row in rows if row.server == REFERENCE), None)
    cells = [["server", *(title for title, _ in _COLUMNS)]]
    cells += [[row.server, *(show(row, reference) for _, show in _COLUMNS)] for row in rows]
    measured = {row.server for row in rows}
    cells += [[name, "failed", *([""] * (len(_COLUMNS) - 1))] for name in sorted(failed - measured)]
    form = "separate places in a seeded text" if bench.form == "separate" else "one gap of an empty text"
    title = f"{scenario.name}: {scenario.says}; {form}; {bench.seconds:g} s; ratios against {REFERENCE}"
    return f"{title}\n{_aligned(cells)}"


def durability_table(results: Sequence[Durability], keeps: dict[str, str]) -> str:
    """The table of what a SIGKILL cost."""
    cells = [["server", "seen by others", "lost", "share", "storage"]]
    cells += [[r.server, f"{r.seen:,}", f"{r.lost:,}", f"{r.lost_share:.1%}", keeps[r.server]] for r in results]
    seconds = f"{results[0].seconds:g} s" if results else ""
    return f"SIGKILL after {seconds} of typing ({KILL.says}), then a restart on the same data\n{_aligned(cells)}"


def _aligned(cells: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in cells]
    lines.insert(1, "-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def machine(data: Path) -> dict[str, Any]:
    """What the figures depend on: processor, memory, kernel, interpreters, and the file system that holds *data*."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, timeout=30, check=False)
    return {
        "cpu": cpu[1] if cpu else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "node": node.stdout.strip(),
        "data_filesystem": _filesystem(data),
    }


def _filesystem(path: Path) -> str:
    best = ("", "unknown")
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, mount, kind, *_ = line.split()
        if path.resolve().is_relative_to(mount) and len(mount) >= len(best[0]):
            best = (mount, kind)
    return best[1]
