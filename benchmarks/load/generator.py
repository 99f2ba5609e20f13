"""The Python end of `generator.mjs`: starts it, gives orders, reads results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .processes import Process, ProcessFailed
from .scenarios import Form, Scenario

_SCRIPT = Path(__file__).with_name("generator.mjs")
SEED_CHARS = 2000
CONNECT_TIMEOUT_S = 60.0
#: After typing has ended: give up when nothing has arrived for so long, or after so long in all.
STALL_S = 8.0
DRAIN_S = 60.0


class Generator(Process):
    """One run of the load generator against one server.

    *url* holds `{document}` where the room's name goes; *dialect* is "y-websocket" or "hocuspocus".
    """

    def __init__(
        self,
        scenario: Scenario,
        *,
        url: str,
        dialect: str,
        form: Form,
        seconds: float,
        core: int | None,
        warmup_s: float = 0.0,
        fetch_only: bool = False,
        expect_death: bool = False,
    ) -> None:
        self._seconds = seconds
        self._warmup_s = warmup_s
        config = {
            "mode": "fetch" if fetch_only else "load",
            "url": url,
            "dialect": dialect,
            "room_prefix": f"load-{scenario.name}-",
            "rooms": scenario.rooms,
            "writers": scenario.writers,
            "readers": scenario.readers,
            "rate": scenario.rate,
            "window": scenario.window,
            "form": form,
            "seconds": seconds,
            "warmup_s": warmup_s,
            "seed_chars": SEED_CHARS,
            "connect_timeout_ms": CONNECT_TIMEOUT_S * 1000,
            "stall_ms": STALL_S * 1000,
            "drain_ms": DRAIN_S * 1000,
            "expect_death": expect_death,
        }
        super().__init__("the load generator", ["node", str(_SCRIPT), json.dumps(config)], core=core)

    def _event(self, name: str, *, timeout_s: float) -> dict[str, Any]:
        """The next event, which must be *name*.

        Raises ProcessFailed with the generator's reason when it reports a failure instead.
        """
        event: dict[str, Any] = json.loads(self.wait_for_line(r'^\{"event".*', timeout_s=timeout_s)[0])
        if event["event"] == "failed":
            raise ProcessFailed(event["why"])
        if event["event"] != name:
            raise ProcessFailed(f"the load generator reported {event['event']} where {name} was due")
        return event

    def wait_ready(self) -> dict[str, Any]:
        """Wait until every client has joined and has the seed, and the warm-up is over."""
        return self._event("ready", timeout_s=3 * CONNECT_TIMEOUT_S + self._warmup_s + DRAIN_S)

    def go(self) -> None:
        """Let the clients type."""
        self.tell("go")

    def wait_ran(self) -> dict[str, Any]:
        """Return the counts of the run, after the last delivery or when nothing came any more."""
        return self._event("ran", timeout_s=self._seconds + DRAIN_S + 30)

    def verify(self) -> int:
        """Return how many typed characters a newcomer to each room does not get."""
        self.tell("verify")
        return int(self._event("verified", timeout_s=3 * CONNECT_TIMEOUT_S)["missing"])

    def wait_fetched(self) -> list[list[int]]:
        """By room and writer: how many characters a newcomer gets."""
        counts: list[list[int]] = self._event("fetched", timeout_s=3 * CONNECT_TIMEOUT_S)["counts"]
        return counts
