"""Who wrote what is left, and how much of what was written is left."""

from __future__ import annotations

from typing import Any

from keepboth.events import EDIT_RECORDED, Event
from keepboth.reducers.context import Context, End
from keepboth.reducers.definition import reducer
from keepboth.reducers.shipped.shares import added, ratio

State = dict[str, list[int]]


def _left(state: State, end: End) -> dict[str, Any]:
    left = {author: typed - gone for author, (typed, gone) in sorted(state.items())}
    total = sum(left.values())
    return {
        "total": total,
        "authors": [
            {"author": author, "units": units, "share": ratio(units, total)}
            for author, units in sorted(left.items(), key=lambda one: (-one[1], one[0]))
        ],
    }


@reducer("surviving", types=[EDIT_RECORDED], merge=added, finish=_left)
def surviving(state: State, event: Event, ctx: Context) -> None:
    """Units in the document now, by who wrote them."""
    for span in ctx.delta:
        state.setdefault(span.author, [0, 0])[span.kind == "delete"] += span.units


def _kept(state: State, end: End) -> dict[str, Any]:
    typed, gone = (sum(counts[at] for counts in state.values()) for at in (0, 1))
    return {
        "typed": typed,
        "kept": typed - gone,
        "kept_share": ratio(typed - gone, typed),
        "authors": [
            {
                "author": author,
                "typed": counts[0],
                "kept": counts[0] - counts[1],
                "kept_share": ratio(counts[0] - counts[1], counts[0]),
                "deleted_by_self": counts[2],
                "deleted_by_others": counts[1] - counts[2],
            }
            for author, counts in sorted(state.items())
        ],
    }


@reducer("churn", types=[EDIT_RECORDED], merge=added, finish=_kept)
def churn(state: State, event: Event, ctx: Context) -> None:
    """Units typed against units kept, by author, and who deleted the rest: the author, or somebody else."""
    for span in ctx.delta:
        counts = state.setdefault(span.author, [0, 0, 0])
        if span.kind == "insert":
            counts[0] += span.units
        else:
            counts[1] += span.units
            if span.actor == span.author:
                counts[2] += span.units
