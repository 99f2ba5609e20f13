"""Reducers as somebody might write them who makes mistakes: offered by servers in the tests."""

from __future__ import annotations

from typing import Any

from keepboth.events import EDIT_RECORDED, Event
from keepboth.reducers import Context, reducer


@reducer("marks", types=[EDIT_RECORDED])
def marks(state: dict[str, int], event: Event, ctx: Context) -> None:
    """Units typed, and what is printed meanwhile does not get into the answer."""
    print('{"result": "nonsense"}')
    state["units"] = state.get("units", 0) + sum(span.units for span in ctx.delta if span.kind == "insert")


@reducer("endless", types=[EDIT_RECORDED])
def endless(state: dict[str, int], event: Event, ctx: Context) -> None:
    """Computes for ever."""
    while True:
        state["n"] = state.get("n", 0) + 1


@reducer("asleep", types=[EDIT_RECORDED])
def asleep(state: Any, event: Event, ctx: Context) -> None:
    """Waits for ever, without computing."""
    import time

    while True:
        time.sleep(1)


@reducer("greedy", types=[EDIT_RECORDED], initial=list)
def greedy(state: list[bytes], event: Event, ctx: Context) -> None:
    """Takes all the memory there is."""
    while True:
        state.append(b"x" * (1 << 20))


@reducer("large", types=[EDIT_RECORDED], initial=str, finish=lambda state, end: "x" * (17 << 20))
def large(state: str, event: Event, ctx: Context) -> None:
    """Has an answer that is larger than an answer may be."""


@reducer("leaving", types=[EDIT_RECORDED])
def leaving(state: dict[str, int], event: Event, ctx: Context) -> None:
    """Ends its own process."""
    import os

    os._exit(3)


@reducer("broken", types=[EDIT_RECORDED])
def broken(state: dict[str, int], event: Event, ctx: Context) -> None:
    """Cannot cope with the second edit of a document."""
    if state.get(ctx.document):
        raise ValueError("a second one")
    state[ctx.document] = 1
