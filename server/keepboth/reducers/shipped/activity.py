"""When people work: by hour and by day, in UTC; how long they stay; how often they take back what they did."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from statistics import median
from typing import Any, Final

from keepboth.events import EDIT_RECORDED, Event
from keepboth.reducers.context import Context, End
from keepboth.reducers.definition import reducer
from keepboth.reducers.shipped.shares import added, ratio
from keepboth.yjs.structs import Id

SECOND: Final = 1_000_000
HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
PAUSE: Final = 30 * 60 * SECOND
"""A longer pause ends a stay."""

MINUTE: Final = 60 * SECOND

Counts = dict[str, list[int]]


def day_name(day: int) -> str:
    """The date of the *day*-th day since 1970-01-01, as in ISO 8601. (Howard Hinnant, "civil_from_days".)"""
    day += 719_468
    era, of_era = divmod(day, 146_097)
    year = (of_era - of_era // 1460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    date = of_year - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{date:02d}"


def _by_time(state: Counts, end: End) -> dict[str, Any]:
    days = sorted((key[2:], counts[0]) for key, counts in state.items() if key.startswith("d "))
    hours = {key[2:]: counts[0] for key, counts in state.items() if key.startswith("h ")}
    busiest = max(hours, key=lambda hour: (hours[hour], hour), default=None)
    return {
        "edits": sum(edits for _, edits in days),
        "days": [{"day": day, "edits": edits} for day, edits in days],
        "hours": [{"hour": f"{hour:02d}", "edits": hours.get(f"{hour:02d}", 0)} for hour in range(24)],
        "busiest_hour": busiest,
    }


@reducer("activity", types=[EDIT_RECORDED], merge=added, finish=_by_time)
def activity(state: Counts, event: Event, ctx: Context) -> None:
    """Edits by day and by hour of the day, when they were made."""
    day, rest = divmod(event.authored_at, DAY)
    for key in (f"d {day_name(day)}", f"h {rest // HOUR:02d}"):
        state.setdefault(key, [0])[0] += 1


Stays = dict[str, list[list[int]]]
"""By document, session and actor: ``[first, last, edits]`` of each stay, in their order."""


def _stays(state: dict[str, Stays], end: End) -> dict[str, Any]:
    of_actor: dict[str, list[list[int]]] = {}
    for key, stays in state.items():
        of_actor.setdefault(key.split("\n")[2], []).extend(stays)  # type: ignore[arg-type]

    def summary(stays: list[list[int]]) -> dict[str, Any]:
        seconds = [(last - first) / SECOND for first, last, _ in stays]
        return {
            "sessions": len(stays),
            "edits": sum(edits for _, _, edits in stays),
            "seconds": round(sum(seconds), 3),
            "median_s": round(median(seconds), 3) if seconds else None,
            "longest_s": round(max(seconds), 3) if seconds else None,
        }

    every = [stay for stays in of_actor.values() for stay in stays]
    people = [{"actor": actor, **summary(stays)} for actor, stays in sorted(of_actor.items())]
    return {**summary(every), "actors": people}


@reducer("sessions", types=[EDIT_RECORDED], finish=_stays)
def sessions(state: dict[str, list[list[int]]], event: Event, ctx: Context) -> None:
    """How long people stay: from the first to the last edit of an editing session, cut where 30 minutes pass without
    one."""
    at = event.authored_at
    stays = state.setdefault(f"{event.document}\n{event.session or ''}\n{event.actor}", [])
    if stays and stays[-1][0] <= at <= stays[-1][1] + PAUSE:
        stays[-1][1] = max(stays[-1][1], at)
        stays[-1][2] += 1
        return
    # An edit that was made earlier than others that are there already may join two stays.
    low = bisect_left(stays, at - PAUSE, key=lambda stay: stay[1])
    high = bisect_right(stays, at + PAUSE, key=lambda stay: stay[0])
    near = stays[low:high]
    edits = sum(stay[2] for stay in near)
    stays[low:high] = [[min([at, *(stay[0] for stay in near)]), max([at, *(stay[1] for stay in near)]), edits + 1]]


def _undone(state: Counts, end: End) -> dict[str, Any]:
    def row(counts: list[int]) -> dict[str, Any]:
        typed, taken, back = counts
        return {"typed": typed, "taken_back": taken, "put_back": back, "rate": ratio(taken + back, typed)}

    total = [sum(counts[at] for counts in state.values()) for at in range(3)]
    return {**row(total), "authors": [{"author": author, **row(state[author])} for author in sorted(state)]}


def _initial() -> dict[str, Any]:
    return {"counts": {}, "gone": {}}


def _add_up(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return {"counts": added(one["counts"], other["counts"]), "gone": {}}


@reducer(
    "undo",
    types=[EDIT_RECORDED],
    initial=_initial,
    merge=_add_up,
    finish=lambda state, end: _undone(state["counts"], end),
)
def undo(state: dict[str, Any], event: Event, ctx: Context) -> None:
    """How much people take back: own units deleted within a minute of writing them, and own text put back as it was
    within a minute of deleting it, against units typed. Own text is put back if all of it that had been written on in
    one go comes again as one.

    A log does not say which keys were pressed: corrections with the backspace key count as taken back, too.
    """
    at = event.authored_at
    behind: Id | None = None  # what was written on in one go is one text, however many edits wrote it
    for span in ctx.delta:
        counts = state["counts"].setdefault(span.actor, [0, 0, 0])
        gone = state["gone"].setdefault(span.actor, [])
        while gone and at - gone[0][0] > MINUTE:
            gone.pop(0)
        if span.kind == "delete":
            if span.actor == span.author:
                if abs(at - span.written_at) <= MINUTE:
                    counts[1] += span.units
                if gone and behind == span.id:
                    gone[-1][1] += span.text
                else:
                    gone.append([at, span.text])
                behind = (span.id[0], span.id[1] + span.units)
            continue
        counts[0] += span.units
        if len(span.text) > 1:  # one letter is typed again by chance
            for entry in gone:
                if entry[1] == span.text:
                    gone.remove(entry)
                    counts[2] += span.units
                    break
