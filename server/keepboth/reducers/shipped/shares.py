"""Counts that are added up, and shares of them."""

from __future__ import annotations


def ratio(part: float, whole: float) -> float | None:
    """*part* of *whole* to four places, None of nothing."""
    return round(part / whole, 4) if whole else None


def added(one: dict[str, list[int]], other: dict[str, list[int]]) -> dict[str, list[int]]:
    """Two tables of counts added up."""
    sums = {key: list(counts) for key, counts in one.items()}
    for key, counts in other.items():
        mine = sums.setdefault(key, [0] * len(counts))
        sums[key] = [a + b for a, b in zip(mine, counts, strict=True)]
    return sums
