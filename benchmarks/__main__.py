"""All benchmarks in turn: ``python -m benchmarks [--quick] [names…]``. Each prints JSON; the peers' tables come last.

Those that need the editing traces say so and are skipped where ``KEEPBOTH_TRACES`` is unset.
"""

from __future__ import annotations

import subprocess
import sys

STEPS: dict[str, list[str]] = {
    "codec": ["-m", "benchmarks.codec"],
    "store": ["-m", "benchmarks.store"],
    "fold": ["-m", "benchmarks.fold"],
    "conflicts": ["-m", "benchmarks.conflicts"],
    "contexts": ["-m", "benchmarks.contexts"],
    "git_judge": ["-m", "benchmarks.git_judge"],
    "attention": ["-m", "benchmarks.attention"],
    "reducers": ["-m", "benchmarks.reducers"],
    "cold_open": ["-m", "benchmarks.cold_open"],
    "moments": ["-m", "benchmarks.moments"],
    "feeds": ["-m", "benchmarks.feeds"],
    "web": ["-m", "benchmarks.web"],
    "peers": ["-m", "benchmarks.peers", "run"],
    "peers, everybody in one gap": [
        "-m",
        "benchmarks.peers",
        "run",
        "--form",
        "hostile",
        "--servers",
        "keepboth,hocuspocus",
    ],
}


def main() -> int:
    """Run them; return 1 if one failed."""
    quick = "--quick" in sys.argv
    wanted = [name for name in sys.argv[1:] if not name.startswith("-")]
    failed = 0
    for name, command in STEPS.items():
        if wanted and name.split(",")[0] not in wanted:
            continue
        print(f"== {name}", flush=True)
        more = ["--quick"] if quick and name.startswith(("peers", "contexts")) else []
        failed += subprocess.run([sys.executable, *command, *more], check=False).returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
