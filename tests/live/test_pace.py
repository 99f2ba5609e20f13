"""Rounds: who waits for whom, and who never does. The clock is the test's."""

from __future__ import annotations

import pytest

from keepboth.live.pace import Pace


class Clock:
    """Time that passes only when somebody says so, or rests."""

    def __init__(self) -> None:
        self.now = 100.0
        self.rests: list[float] = []

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> None:
        self.rests.append(seconds)
        self.now += seconds


def paced(round_s: float) -> tuple[Clock, Pace]:
    clock = Clock()
    return clock, Pace(round_s, clock, clock.rest)


def commits(clock: Clock, pace: Pace, *, every_s: float, edits: int, times: int = 60) -> None:
    for _ in range(times):
        clock.now += every_s
        pace.committed(edits)
        pace.rest()


def test_a_lone_writer_never_waits() -> None:
    clock, pace = paced(0.004)
    commits(clock, pace, every_s=0.005, edits=1)
    assert clock.rests == []
    assert not pace.resting


def test_where_several_are_likely_rounds_begin_a_round_apart() -> None:
    clock, pace = paced(0.004)
    commits(clock, pace, every_s=0.001, edits=2)
    assert pace.resting
    assert clock.rests[-1] == pytest.approx(0.003)


def test_a_round_that_took_long_is_not_made_longer() -> None:
    clock, pace = paced(0.004)
    commits(clock, pace, every_s=0.006, edits=12)
    assert pace.resting
    assert clock.rests == []


def test_under_full_load_nobody_rests() -> None:
    clock, pace = paced(0.004)
    commits(clock, pace, every_s=0.001, edits=50)  # at first it may be a moderate load
    clock.rests.clear()
    commits(clock, pace, every_s=0.001, edits=50)
    assert clock.rests == []
    assert not pace.resting


def test_silence_ends_the_rounds() -> None:
    clock, pace = paced(0.004)
    commits(clock, pace, every_s=0.001, edits=2)
    assert pace.resting
    commits(clock, pace, every_s=5.0, edits=1, times=4)
    assert not pace.resting


def test_no_rounds_are_no_rounds() -> None:
    clock, pace = paced(0.0)
    commits(clock, pace, every_s=0.0001, edits=2)
    assert clock.rests == []
    assert not pace.resting
