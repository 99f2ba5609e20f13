"""Where in the document places are, for reading many episodes at once: what `paths` says, without counting from the
beginning of the line for each of them. Good until anything changes in the document."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

from keepboth.conflicts.rendering import type_of
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Reach, Screen, visible
from keepboth.conflicts.strokes import Stroke
from keepboth.conflicts.tallies import Tally, Weigh
from keepboth.yjs.structs import EMBED, FORMAT, STRING, TYPE

_IN_TEXTS: Final = (STRING, EMBED, FORMAT)

FEW: Final = 3
"""So often the runs of a line are counted one by one."""

HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})


class Bearings:
    """Answers about the lines of one document. What it has learnt of a line it keeps."""

    def __init__(self) -> None:
        self._ends: dict[Line, Tally | int] = {}
        self._units: dict[Line, Tally | int] = {}
        self._texts: dict[Line, Stroke] = {}  # who put something into a text, on a screen that was asked about
        self._writers: dict[Line, list[Stroke]] = {}  # all who ever did
        self._headings: dict[Line, list[Run]] = {}
        self._seen: dict[Line, Run] = {}

    def line_ends(self, line: Line, run: Run, low: int, shows: Screen, reach: Reach | None) -> int:
        """How many line ends stand before clock *low* of *run* on a screen."""
        return self._count(self._ends, line_ends, line, run, low, shows, reach)

    def units(self, line: Line, run: Run, low: int, shows: Screen, reach: Reach | None) -> int:
        """How many characters or elements stand before clock *low* of *run* on a screen."""
        return self._count(self._units, units, line, run, low, shows, reach)

    def _count(
        self,
        tallies: dict[Line, Tally | int],
        weigh: Weigh,
        line: Line,
        run: Run,
        low: int,
        shows: Screen,
        reach: Reach | None,
    ) -> int:
        tally = tallies.get(line, 0)
        if reach is None or (isinstance(tally, int) and tally < FEW):
            if isinstance(tally, int):
                tallies[line] = tally + 1
            return _plainly(line, run, low, shows, weigh)
        if isinstance(tally, int):
            tally = tallies[line] = Tally(line.runs(), weigh)
        return tally.before(run, low, shows, reach)

    def has_text(self, line: Line, shows: Screen) -> bool:
        """True if something that only texts have was ever in *line* on a screen."""
        writers = self._writers.get(line)
        if writers is not None:
            return any(map(shows, writers))
        seen = self._texts.get(line)
        if seen is None:
            for run in line.runs():
                if run.kind in _IN_TEXTS and shows(run.stroke):
                    self._texts[line] = run.stroke
                    return True
        elif shows(seen):
            return True
        writers = list(dict.fromkeys(run.stroke for run in line.runs() if run.kind in _IN_TEXTS))
        self._writers[line] = writers
        return any(map(shows, writers))

    def heading_before(self, line: Line, run: Run, shows: Screen) -> Run | None:
        """The last heading before *run* on a screen."""
        headings = self._headings.get(line)
        if headings is None:
            headings = sorted(filter(is_heading, line.types or ()), key=lambda one: one.order)
            self._headings[line] = headings
        for at in range(bisect_left(headings, run.order, key=lambda one: one.order) - 1, -1, -1):
            if _shown(headings[at], shows):
                return headings[at]
        return None

    def is_empty(self, line: Line, shows: Screen) -> bool:
        """True if *line* shows nothing on a screen."""
        run = self._seen.get(line)
        if run is not None and _shown(run, shows):
            return False
        for run in line.runs():
            if _shown(run, shows):
                self._seen[line] = run
                return False
        return True


def _shown(run: Run, shows: Screen) -> bool:
    low, high = visible(run, run.clock, run.end, shows)
    return low < high


def _plainly(line: Line, run: Run, low: int, shows: Screen, weigh: Weigh) -> int:
    total = 0
    other = line.first
    while other is not None and other is not run:
        content = other.content
        if weigh is not line_ends or (isinstance(content, str) and "\n" in content):
            total += weigh(other, *visible(other, other.clock, other.end, shows))
        other = other.right
    return total + weigh(run, *visible(run, run.clock, low, shows))


def line_ends(run: Run, low: int, high: int) -> int:
    """How many line ends clocks *low* to before *high* of *run* hold."""
    content = run.content
    return content.count("\n", low - run.clock, high - run.clock) if isinstance(content, str) else 0


def units(run: Run, low: int, high: int) -> int:
    """How many characters or elements clocks *low* to before *high* of *run* are."""
    return high - low


def element_name(run: Run) -> str | None:
    """The name of the XML element that *run* holds, None if it holds none."""
    return type_of(run).name if run.kind == TYPE else None


def is_heading(run: Run) -> bool:
    """True if *run* holds an XML element that is a heading."""
    name = element_name(run)
    return name is not None and (name in HEADINGS or name.startswith("heading"))
