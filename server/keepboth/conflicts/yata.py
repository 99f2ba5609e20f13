"""Where Yjs puts what several inserted in one place.

Source: Yjs 13 ``Item.integrate``; yrs ``Item::integrate`` does the same.
"""

from __future__ import annotations

from collections.abc import Callable

from keepboth.conflicts.runs import Line, Run


def left_of(find: Callable[[int, int], Run], line: Line, run: Run, left: Run | None, right: Run | None) -> Run | None:
    """The run that *run*, made between *left* and *right*, goes behind in *line*; None: it goes first.

    *find* gives the run that holds an id.
    """
    if left.right is right if left is not None else right is not None and right.left is None:
        return left
    other = left.right if left is not None else line.first
    origin, client = run.origin, run.client
    before: set[Run] = set()
    conflicting: set[Run] = set()
    while other is not None and other is not right:
        before.add(other)
        conflicting.add(other)
        if other.origin == origin:
            if other.client < client:
                left = other
                conflicting.clear()
            elif other.right_origin == run.right_origin:
                break
        elif other.origin is not None and (source := find(*other.origin)) in before:
            if source not in conflicting:
                left = other
                conflicting.clear()
        else:
            break
        other = other.right
    return left
