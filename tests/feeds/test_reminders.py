"""The example that reminds of open conflicts, as a process of its own beside a server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

from tests.api.conftest import Served, serving

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 30


@contextmanager
def reminding(server: Served, day_s: float) -> Iterator[Queue[dict[str, Any]]]:
    """The example at work; its lines. It is killed at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", "client_demo.reminders", str(server.http.base_url), "--day", str(day_s)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'server'}:{ROOT}"},
    )
    said: Queue[dict[str, Any]] = Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said.put(json.loads(line))

    reader = Thread(target=read)
    reader.start()
    try:
        yield said
    finally:
        process.kill()
        process.wait()
        reader.join()
        assert process.stdout is not None
        process.stdout.close()


def sent(server: Served) -> list[dict[str, Any]]:
    return [event["data"] for event in server.get("/api/events", types="reminder.sent", limit=1000)]


def test_it_reminds_once_of_what_has_been_open_for_a_day(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.collide("old")
        (old,) = server.get("/api/conflicts", document="old")["conflicts"]
        with reminding(server, day_s=1.0) as said:
            assert said.get(timeout=TIMEOUT_S)["conflict"] == old["id"]
            server.collide("new")
            reminder = said.get(timeout=TIMEOUT_S)
            (new,) = server.get("/api/conflicts", document="new")["conflicts"]
            assert (reminder["document"], reminder["conflict"]) == ("new", new["id"])
            assert reminder["open_since"] + 1.0 <= time.time()
        assert [one["conflict"] for one in sent(server)] == [old["id"], new["id"]]
        with reminding(server, day_s=1.0) as said:
            server.collide("third")
            assert said.get(timeout=TIMEOUT_S)["document"] == "third"
        assert len(sent(server)) == 3


def test_what_is_not_a_day_old_is_not_reminded_of(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.collide("young")
        server.get("/api/conflicts", document="young")
        with reminding(server, day_s=86_400):
            deadline = time.monotonic() + TIMEOUT_S
            while server.get("/api/consumers")["consumers"] == [] or not acknowledged(server):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        assert sent(server) == []


def acknowledged(server: Served) -> bool:
    consumer = server.get("/api/consumer", consumer="reminders")
    return bool(consumer["cursor"] >= server.get("/readyz")["position"])
