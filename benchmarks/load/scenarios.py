"""What is typed, by whom and how fast. The names are those of the tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["separate", "hostile"]


@dataclass(frozen=True)
class Scenario:
    """A load on `rooms` documents with `writers` and `readers` each.

    Either `rate`, edits a second over all rooms, or `window`, the edits of one writer that the client watched may
    still be waiting for while it types as fast as that allows. An edit inserts one character.
    """

    name: str
    says: str
    rooms: int
    writers: int
    readers: int
    rate: float | None = None
    window: int | None = None

    @property
    def receivers(self) -> int:
        """Clients that every edit must reach."""
        return self.writers + self.readers - 1


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("S1", "1 room, one writer at 200/s, 50 readers", rooms=1, writers=1, readers=50, rate=200),
        Scenario(
            "S1sat", "1 room, one writer with a window of 64, 50 readers", rooms=1, writers=1, readers=50, window=64
        ),
        Scenario("S2", "100 rooms of 3 typists, 600 edits/s in all", rooms=100, writers=3, readers=0, rate=600),
        Scenario("S3", "20 rooms of 5 typists, window of 100 each", rooms=20, writers=5, readers=0, window=100),
    )
}

#: The load under which the server is killed: busy, but within reach of every peer.
KILL = Scenario("kill", "20 rooms of 5 typists, 600 edits/s in all", rooms=20, writers=5, readers=0, rate=600)
