"""What a figure was measured on."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import sys
from importlib.metadata import version
from typing import Any

PACKAGES = ("pycrdt", "websockets", "uvicorn", "uvloop", "sqlite-utils", "pydantic")


def facts() -> dict[str, Any]:
    """Machine, versions and command, for the head of every report."""
    return {
        "machine": {"cpus": os.cpu_count(), "arch": platform.machine(), "system": platform.platform()},
        "versions": {
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
            **{name: version(name) for name in PACKAGES},
        },
        "command": " ".join(sys.orig_argv[1:]),
    }


def report(name: str, figures: dict[str, Any]) -> None:
    """Print one benchmark's report."""
    print(json.dumps({"benchmark": name, **facts(), "figures": figures}, indent=2))
