"""When edits met, and how long their authors had been apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from keepboth.events import Micros
from keepboth.telling.facts import Circumstances
from keepboth.telling.sentences import Sentence, say

SECOND: Final[Micros] = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

AWAY_AT_LEAST: Final[Micros] = 10 * SECOND
"""Whoever was gone for less was not away."""


def span(micros: Micros) -> str:
    """A length of time in its largest whole unit: ``41 s``, ``12 min``, ``2 h``, ``1 day``, ``3 days``."""
    if micros < MINUTE:
        return f"{max(micros, 0) // SECOND} s"
    if micros < HOUR:
        return f"{micros // MINUTE} min"
    if micros < DAY:
        return f"{micros // HOUR} h"
    days = micros // DAY
    return "1 day" if days == 1 else f"{days} days"


def clock(moment: Micros, utc_offset_s: int) -> str:
    """The time of day, ``14:32``, *utc_offset_s* seconds east of UTC."""
    minutes = (moment // SECOND + utc_offset_s) // 60 % (24 * 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def away_for(stretch: Sequence[Circumstances]) -> Micros | None:
    """How long the author of one offline stretch was away when it arrived; None if nobody knows.

    From when the room saw them leave; else, a lower bound, from the first edit whose time their editor measured.
    """
    arrived = max(fact.recorded_at for fact in stretch)
    left = [fact.away_from for fact in stretch if fact.away_from is not None]
    if not left:
        left = [fact.authored_at for fact in stretch if fact.time_quality in ("measured", "claimed")]
    return arrived - min(left) if left else None


def stretches(facts: Iterable[Circumstances]) -> dict[str, list[Circumstances]]:
    """The edits of each offline stretch."""
    found: dict[str, list[Circumstances]] = {}
    for fact in facts:
        if fact.stretch is not None:
            found.setdefault(fact.stretch, []).append(fact)
    return found


def was_away(stretch: Sequence[Circumstances]) -> bool:
    """True if the author was away for at least `AWAY_AT_LEAST`, or for so long that nobody remembers since when."""
    lasted = away_for(stretch)
    return lasted is None or lasted >= AWAY_AT_LEAST


def apart(facts: Iterable[Circumstances]) -> Micros | None:
    """How long the longest of their authors was away; 0 if all were connected, None if it is not known."""
    known = [away_for(stretch) for stretch in stretches(facts).values()]
    if not known:
        return 0
    lasted = [length for length in known if length is not None]
    return max(lasted) if lasted else None


def when(facts: Sequence[Circumstances], now: Micros, utc_offset_s: int) -> Sentence | None:
    """``12 min ago, apart for 2 h``; None if there are no facts."""
    if not facts:
        return None
    met = max(fact.recorded_at for fact in facts)
    ago = max(now - met, 0)
    lasted = apart(facts)
    params = {"met_at": met, "ago": span(ago), "ago_us": ago}
    if lasted is None:
        at = clock(met, utc_offset_s) if ago < DAY else f"{span(ago)} ago"
        return say("time", "arrived", at=at, met_at=met, ago_us=ago)
    if lasted >= AWAY_AT_LEAST:
        params |= {"apart": span(lasted), "apart_us": lasted}
        return say("time", "just-met-apart" if ago < AWAY_AT_LEAST else "met-apart", **params)
    return say("time", "just-met" if ago < AWAY_AT_LEAST else "met", **params)
