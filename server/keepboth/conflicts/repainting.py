"""What formats a sequence should have when the work of some events is taken out of it.

Taking their format items away is not enough: whoever ends a format in the middle of another's puts an item behind,
which switches the other's on again and would run on without it. So what each event did to the formats of the document
is worked out in the order in which they came, and done again without some of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from keepboth.conflicts.formats import canonical, format_item
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Screen
from keepboth.conflicts.strokes import Stroke

NONE = "null"

ValueAt = Callable[[Run], str]
"""What an attribute should be where a run lies, as canonical JSON."""


def on_screen(line: Line, attribute: str, shows: Screen) -> ValueAt:
    """What *attribute* is on a screen."""
    orders: list[int] = []
    values: list[str] = []
    for run in _formats(line, attribute):
        if shows(run.stroke) and not any(shows(other) for other in run.deleters or ()):
            orders.append(run.order)
            values.append(canonical(format_item(run)[1]))
    return _lookup(orders, values)


def without(line: Line, attribute: str, now: Screen, then: Screen) -> ValueAt | None:
    """What *attribute* would be had only those painted whom *then* shows too; None if no other has painted."""
    runs = _formats(line, attribute)
    painters = {one for run in runs for one in (run.stroke, *(run.deleters or ())) if now(one)}
    if all(then(one) for one in painters):
        return None
    values = [NONE] * len(runs)
    for stroke in sorted(painters, key=_came):
        if then(stroke):
            for start, stop, value in _painted(runs, stroke, now):
                values[start:stop] = [value] * (stop - start)
    return _lookup([run.order for run in runs], values)


def _lookup(orders: list[int], values: list[str]) -> ValueAt:
    def value(run: Run) -> str:
        at = bisect_left(orders, run.order) - 1
        return values[at] if at >= 0 else NONE

    return value


def _formats(line: Line, attribute: str) -> list[Run]:
    assert line.formats is not None
    return line.formats[attribute]


def _came(stroke: Stroke) -> tuple[int, int]:
    return (stroke.eff, stroke.rev)


def _painted(runs: list[Run], stroke: Stroke, now: Screen) -> list[tuple[int, int, str]]:
    """Behind which of *runs* the value became another when *stroke* came: ``(first, behind the last, value)``."""
    came = _came(stroke)

    def held(run: Run, until: tuple[int, int]) -> bool:
        """True if *run* counted for those who had all that came before *until*."""
        return (
            bool(now(run.stroke))
            and _came(run.stroke) < until
            and not any(now(other) and _came(other) < until for other in run.deleters or ())
        )

    before, after = came, (came[0], came[1] + 1)
    touched = [at for at, run in enumerate(runs) if run.stroke is stroke or stroke in (run.deleters or ())]
    old = next(
        (canonical(format_item(runs[at])[1]) for at in range(touched[0] - 1, -1, -1) if held(runs[at], before)), NONE
    )
    new = old
    found: list[tuple[int, int, str]] = []
    for at in range(touched[0], len(runs)):
        value = canonical(format_item(runs[at])[1])
        if held(runs[at], before):
            old = value
        if held(runs[at], after):
            new = value
        if old != new:
            found.append((at, at + 1, new))
        elif at >= touched[-1]:
            break
    return found
