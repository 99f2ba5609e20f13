"""What of a stretch is found again in another."""

from __future__ import annotations

from random import Random

import pytest

from keepboth.conflicts.likeness import LEAST, MOST, matches


def longest(one: str, other: str) -> int:
    """The length of the longest common subsequence, the slow way."""
    row = [0] * (len(other) + 1)
    for char in one:
        before = 0
        for at, mate in enumerate(other, 1):
            before, row[at] = row[at], before + 1 if char == mate else max(row[at], row[at - 1])
    return row[-1]


@pytest.mark.parametrize("seed", range(100))
def test_what_is_the_same_is_found_in_order_and_as_much_as_there_is(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.conflicts.likeness.LEAST", 1)
    random = Random(seed)
    one, other = ("".join(random.choices("abc", k=random.randrange(30))) for _ in range(2))
    found = matches(one, other)
    at = (0, 0)
    for first, second, size in found:
        assert first >= at[0]
        assert second >= at[1]
        assert size > 0
        assert one[first : first + size] == other[second : second + size]
        at = (first + size, second + size)
    assert sum(size for _, _, size in found) == longest(one, other)


def test_a_few_letters_in_common_are_not_kept() -> None:
    assert matches("xxabcyy", "zzabcww") == []
    assert matches("xx" + "abcde"[:LEAST] + "yy", "z" + "abcde"[:LEAST] + "w") == [(2, 1, LEAST)]


def test_stretches_that_differ_in_too_much_keep_their_ends_only() -> None:
    one, other = "same " + "a" * MOST + "middle end", "same " + "b" * MOST + "middle" + "c end"
    assert matches(one, other) == [(0, 0, 5), (len(one) - 4, len(other) - 4, 4)]
