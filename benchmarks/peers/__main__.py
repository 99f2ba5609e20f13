"""Command line: `python -m benchmarks.peers run`, from the root of the checkout."""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import signal
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.load.processes import ProcessFailed, pick_cores
from benchmarks.load.scenarios import SCENARIOS

from .install import InstallFailed, peers_dir
from .measure import Bench, Durability, Measurement, measure, measure_kill
from .report import durability_table, machine, medians, scenario_table
from .servers import SERVERS, KeepBoth, Server, StartFailed


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command in *argv* and return its exit status: 0, or 1 when a server failed or lost inserts."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers and data are cleaned up
    servers = [_server(name, arguments.keepboth_options) for name in arguments.servers]
    problems: list[str] = []
    ready: list[Server] = []
    for server in servers:
        try:
            server.install()
        except InstallFailed as error:
            problems.append(f"{server.name} could not be installed: {error}")
        else:
            ready.append(server)
    if arguments.action == "run":
        _run(arguments, ready, problems, _command(sys.argv[1:] if argv is None else argv))
    for problem in problems:
        print(f"PROBLEM: {problem}", file=sys.stderr)
    return 1 if problems else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    setup = actions.add_parser("setup", help="install the peers and do nothing else")
    run = actions.add_parser("run", help="measure, installing what is missing")
    for action in (setup, run):
        action.add_argument("--servers", type=_names(SERVERS), default=list(SERVERS), help=f"of {','.join(SERVERS)}")
        action.add_argument(
            "--keepboth-options", type=shlex.split, default=[], help="more options for `keepboth serve`"
        )
    run.add_argument("--scenarios", type=_names(SCENARIOS), default=list(SCENARIOS), help=f"of {','.join(SCENARIOS)}")
    run.add_argument("--form", choices=["separate", "hostile"], default="separate", help="where writers type")
    run.add_argument("--seconds", type=float, help="typing time of a scenario (default 5, with --quick 2)")
    run.add_argument("--warmup", type=float, help="seconds of the same load before (default 3, with --quick 1)")
    run.add_argument("--settle", type=float, default=3.0, help="seconds after the last delivery that still count")
    run.add_argument("--repeat", type=int, default=1, help="rounds over all servers; the tables show medians")
    run.add_argument("--quick", action="store_true", help="short runs, to see that everything works")
    run.add_argument("--kill", action="store_true", help="also measure what a SIGKILL while typing loses")
    run.add_argument("--data", type=Path, help="directory for the servers' databases (default: beside the peers)")
    run.add_argument("--json", type=Path, help="file for all figures")
    return parser


def _names(known: dict[str, Any]) -> Any:
    def parse(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
        return names

    return parse


def _server(name: str, keepboth_options: Sequence[str]) -> Server:
    return KeepBoth(keepboth_options) if name == KeepBoth.name else SERVERS[name]()


def _command(argv: Sequence[str]) -> str:
    """The command as one would repeat it: without the places on this machine."""
    kept: list[str] = []
    for word in argv:
        kept.append(Path(word).name if "/" in word else word)
    return shlex.join(["python", "-m", "benchmarks.peers", *kept])


def _run(arguments: argparse.Namespace, servers: Sequence[Server], problems: list[str], command: str) -> None:
    """Measure, print tables, write the JSON; append to *problems* whatever makes the run a failure."""
    data_parent = arguments.data or peers_dir() / "data"
    data_parent.mkdir(parents=True, exist_ok=True)
    server_core, generator_core = pick_cores()
    if server_core is None:
        print("only one core: server and generator share it, so compare these figures with nothing", file=sys.stderr)
    seconds = arguments.seconds or (2.0 if arguments.quick else 5.0)
    warmup_s = (1.0 if arguments.quick else 3.0) if arguments.warmup is None else arguments.warmup
    bench = Bench(seconds, warmup_s, arguments.settle, arguments.form, server_core, generator_core, data_parent)

    runs: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    kills: dict[str, list[Durability]] = defaultdict(list)
    failed: dict[str, set[str]] = defaultdict(set)
    kinds = [*arguments.scenarios, *(["SIGKILL"] if arguments.kill else [])]
    up = list(servers)
    for round_number, kind in itertools.product(range(1, arguments.repeat + 1), kinds):
        for server in list(up):
            _progress(f"round {round_number} of {arguments.repeat}: {kind} {server.name}")
            try:
                if kind == "SIGKILL":
                    kills[server.name].append(measure_kill(server, bench))
                    continue
                run = measure(server, SCENARIOS[kind], bench)
            except StartFailed as error:
                up.remove(server)
                failed[kind].add(server.name)
                problems.append(f"{server.name} did not start and was left out from {kind} on: {error}")
                continue
            except ProcessFailed as error:
                failed[kind].add(server.name)
                problems.append(f"{server.name} failed in {kind}: {error}")
                continue
            runs[kind, server.name].append(run)
            if run.lost or run.missing:
                lost = f"{run.lost} deliveries never came, a newcomer misses {run.missing} of {run.sent} characters"
                problems.append(f"{server.name} lost inserts in {kind}: {lost}")
    _progress("")

    order = [server.name for server in servers]
    middles = {key: medians(found) for key, found in runs.items()}
    for name in arguments.scenarios:
        rows = [middles[name, server] for server in order if (name, server) in middles]
        print(scenario_table(SCENARIOS[name], bench, rows, failed[name]), end="\n\n")
    worst = [max(kills[server], key=lambda result: result.lost_share) for server in order if kills[server]]
    if arguments.kill:
        print(durability_table(worst, {server.name: server.keeps for server in servers}), end="\n\n")
    if arguments.json:
        result = {
            "command": command,
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(data_parent),
            "versions": {server.name: server.versions() for server in servers},
            "settings": {
                "seconds": seconds,
                "settle_s": bench.settle_s,
                "form": bench.form,
                "repeat": arguments.repeat,
            },
            "medians": [asdict(row) for row in middles.values()],
            "runs": [asdict(run) for found in runs.values() for run in found],
            "sigkill": [{**asdict(kill), "lost_share": kill.lost_share} for found in kills.values() for kill in found],
            "problems": problems,
        }
        arguments.json.write_text(json.dumps(result, indent=2) + "\n")


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
