"""One server under one scenario: start, load, count, end."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load.generator import Generator
from benchmarks.load.processes import ProcessFailed
from benchmarks.load.scenarios import KILL, Form, Scenario

from .servers import Server


@dataclass(frozen=True)
class Bench:
    """What all measurements of a run share.

    Clients type `warmup_s` seconds before anything counts, then `seconds` that count. `settle_s` seconds after the
    last delivery still count as the server's work: saves that it put off.
    """

    seconds: float
    warmup_s: float
    settle_s: float
    form: Form
    server_core: int | None
    generator_core: int | None
    data_parent: Path


@dataclass(frozen=True)
class Measurement:
    """The figures of one run.

    A delivered insert is one character that one client other than its author has got. Latency is from the author's
    send to that client's read. `frames` are all WebSocket messages that clients read, echoes to authors included.
    `lost` counts deliveries that never came, `missing` characters that a newcomer did not get after the run.
    """

    server: str
    scenario: str
    sent: int
    delivered: int
    lost: int
    missing: int
    elapsed_s: float
    delivered_per_s: float
    cpu_s: float
    cpu_s_per_million: float
    latency_p50_ms: float
    latency_p99_ms: float
    latency_max_ms: float
    frames: int
    frames_per_delivered: float
    peak_rss_mb: float
    generator_cpu_s: float
    generator_core_share: float
    engine_share: float
    store_share: float


@dataclass(frozen=True)
class Durability:
    """What a SIGKILL cost that came after `seconds` of typing: characters others had seen, and those of them lost."""

    server: str
    seconds: float
    seen: int
    lost: int

    @property
    def lost_share(self) -> float:
        """Share of the seen characters that the restarted server does not have, 0 to 1."""
        return self.lost / self.seen


def measure(server: Server, scenario: Scenario, bench: Bench) -> Measurement:
    """Run *scenario* against a fresh *server* and return its figures.

    Raises StartFailed when the server does not start, ProcessFailed when it refuses or drops clients or delivers
    nothing.
    """
    with tempfile.TemporaryDirectory(prefix="data-", dir=bench.data_parent, ignore_cleanup_errors=True) as data:
        process, url = server.start(Path(data), bench.server_core)
        with (
            process,
            Generator(
                scenario,
                url=url,
                dialect=server.dialect,
                form=bench.form,
                seconds=bench.seconds,
                core=bench.generator_core,
                warmup_s=bench.warmup_s,
            ) as load,
        ):
            try:
                load.wait_ready()
                before_s, before_work = process.cpu_seconds(), server.work(url)
                load.go()
                ran = load.wait_ran()
                time.sleep(bench.settle_s)
                cpu_s = process.cpu_seconds() - before_s
                engine_s, store_s = (now - then for now, then in zip(server.work(url), before_work, strict=True))
                peak_rss_mb = process.peak_rss_mb()
                missing = load.verify()
            except ProcessFailed as error:
                raise ProcessFailed(f"{error}; {server.name} last wrote:{process.last_words()}") from error
    if ran["delivered"] == 0:
        raise ProcessFailed(f"{server.name} delivered nothing in {scenario.name}")
    return Measurement(
        server=server.name,
        scenario=scenario.name,
        sent=ran["sent"],
        delivered=ran["delivered"],
        lost=ran["lost"],
        missing=missing,
        elapsed_s=ran["elapsed_s"],
        delivered_per_s=ran["delivered_per_s"],
        cpu_s=cpu_s,
        engine_share=engine_s / cpu_s,
        store_share=store_s / cpu_s,
        cpu_s_per_million=cpu_s * 1e6 / ran["delivered"],
        latency_p50_ms=ran["latency_p50_ms"],
        latency_p99_ms=ran["latency_p99_ms"],
        latency_max_ms=ran["latency_max_ms"],
        frames=ran["frames"],
        frames_per_delivered=ran["frames"] / ran["delivered"],
        peak_rss_mb=peak_rss_mb,
        generator_cpu_s=ran["generator_cpu_s"],
        generator_core_share=ran["generator_core_share"],
    )


def measure_kill(server: Server, bench: Bench) -> Durability:
    """Kill *server* while clients type, start it again on its data, and count what they had seen and it lost.

    SIGKILL ends a process, not the machine: data that is written and not synced survives it.
    Raises what `measure` raises.
    """
    with tempfile.TemporaryDirectory(prefix="data-", dir=bench.data_parent, ignore_cleanup_errors=True) as data:
        process, url = server.start(Path(data), bench.server_core)
        with (
            process,
            Generator(
                KILL,
                url=url,
                dialect=server.dialect,
                form=bench.form,
                seconds=bench.seconds * 2,  # still typing when the server dies
                core=bench.generator_core,
                expect_death=True,
            ) as load,
        ):
            load.wait_ready()
            load.go()
            time.sleep(bench.seconds)
            process.kill()
            seen = load.wait_ran()["seen"]
        process, url = server.start(Path(data), bench.server_core)
        with (
            process,
            Generator(
                KILL,
                url=url,
                dialect=server.dialect,
                form=bench.form,
                seconds=0,
                core=bench.generator_core,
                fetch_only=True,
            ) as reader,
        ):
            kept = reader.wait_fetched()
    pairs = [pair for room in zip(seen, kept, strict=True) for pair in zip(*room, strict=True)]
    had = sum(before for before, _ in pairs)
    if had == 0:
        raise ProcessFailed(f"{server.name} delivered nothing before it was killed")
    return Durability(server.name, bench.seconds, had, sum(max(0, before - after) for before, after in pairs))
