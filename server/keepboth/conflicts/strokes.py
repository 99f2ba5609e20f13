"""Who made an edit and what they had seen, in the form the engine compares.

A *stroke* is one event, or a row of keystrokes that differ in nothing the definition looks at: same session, same
actor, same knowledge, nothing else done in between, each inserting text right after the last one's. Whoever touches one
of them and had seen none touches all, in the same way; so they are kept, walked over and joined as one.

Contexts must be closed: who has seen an event has seen what it builds on. So the part of a stroke that somebody has
seen is always a beginning of it (a *cut*: the number of events seen).
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from typing import TYPE_CHECKING

from keepboth.conflicts.model import EditFact
from keepboth.events import Seen

if TYPE_CHECKING:
    from keepboth.conflicts.episodes import Spot
    from keepboth.conflicts.formats import Painted
    from keepboth.conflicts.places import PlaceKey
    from keepboth.conflicts.runs import Line, Run


class Session:
    """An editing session: its strokes in revision order. ``ordered``: their ``effective`` never decreases.

    ``floor`` is the least revision floor of any of its contexts (see `Stroke.floor`); while ``steady``, floors never
    decrease, and the first stroke somebody has not seen has the least floor of all they have not seen.
    """

    __slots__ = ("effs", "floor", "max_eff", "name", "ordered", "steady", "strokes")

    def __init__(self, name: str) -> None:
        self.name = name
        self.strokes: list[Stroke] = []
        self.effs: list[int] = []  # last_eff of each stroke
        self.max_eff = 0
        self.floor = 0
        self.ordered = True
        self.steady = True

    def append(self, stroke: Stroke) -> None:
        if self.strokes:
            last = self.strokes[-1]
            self.ordered = self.ordered and stroke.eff >= last.last_eff
            self.steady = self.steady and stroke.floor >= last.floor
            self.floor = min(self.floor, stroke.floor)
        else:
            self.floor = stroke.floor
        self.strokes.append(stroke)
        self.effs.append(stroke.eff)

    def first_beyond(self, base: int) -> int:
        """The index of the first stroke that holds an event with an ``effective`` above *base*."""
        if self.ordered:
            return bisect_right(self.effs, base)
        return next((i for i, eff in enumerate(self.effs) if eff > base), len(self.effs))

    def news(self, base: int, limit: int) -> bool:
        """True if an event's ``effective`` lies above *base* and is at most *limit*."""
        for stroke in self.strokes[self.first_beyond(base) :]:
            if stroke.nth_beyond(limit) > stroke.nth_beyond(base):
                return True
            if self.ordered and stroke.last_eff > limit:
                break
        return False

    def floor_from(self, index: int) -> int:
        """The least floor of the strokes from *index* on, or less."""
        return self.strokes[index].floor if self.steady else self.floor


class Stroke:
    """One event, or several keystrokes as one. ``rev``/``eff`` are the first event's labels, ``last_*`` the last one's.

    ``ins`` and ``dels`` name what it did as flat ``(client, clock, length, …)`` ranges: inserted content that has a
    place in a sequence, and ids it deleted. ``floor``: every event with an effective revision up to it is known.
    ``revs``, ``effs`` and ``clocks`` hold one value an event once there are two.

    ``wrote`` names what else it did, in the same form: content of keys that it set or removed, and format items that it
    inserted or deleted; ``lines`` holds that by line, once somebody asked. ``inside``: the lines of nested types that
    it edited, one as itself, several as keys. ``spots`` and ``places`` are where it met others; ``painted`` what it
    formatted, and ``undoers`` who deleted something that it inserted (True: more than formats), once somebody asked.
    """

    __slots__ = (
        "actor",
        "clocks",
        "dels",
        "eff",
        "effs",
        "floor",
        "ins",
        "inside",
        "last_eff",
        "last_rev",
        "lines",
        "lower",
        "painted",
        "places",
        "rev",
        "revs",
        "session",
        "spots",
        "undeclared",
        "undoers",
        "upper",
        "wrote",
    )

    def __init__(self, fact: EditFact, session: Session) -> None:
        self.session = session
        self.actor = fact.actor
        self.rev = self.last_rev = fact.revision
        self.eff = self.last_eff = fact.effective
        lower, upper = fact.context
        self.lower = lower
        self.upper = lower if upper == lower else upper
        self.floor = floor_of(fact)
        self.undeclared = fact.undeclared_delete
        self.ins: tuple[int, ...] = ()
        self.dels: tuple[int, ...] = ()
        self.revs: array[int] | None = None
        self.effs: array[int] | None = None
        self.clocks: array[int] | None = None
        self.spots: Spot | list[Spot] | None = None
        self.wrote: tuple[int, ...] = ()
        self.lines: dict[Line, list[Run]] | None = None
        self.inside: Line | dict[Line, None] | None = None
        self.undoers: dict[Stroke, bool] | None = None
        self.places: dict[PlaceKey, Spot] | None = None
        self.painted: dict[Line, dict[str, list[Painted]]] | None = None

    @property
    def count(self) -> int:
        return 1 if self.revs is None else len(self.revs)

    def extend(self, fact: EditFact, clock: int, length: int) -> None:
        """Add a keystroke that inserted *length* clocks at *clock*, right behind the last one."""
        client, first, size = self.ins
        if self.revs is None or self.effs is None or self.clocks is None:
            self.revs = array("q", (self.rev,))
            self.effs = array("q", (self.eff,))
            self.clocks = array("q", (first,))
        self.revs.append(fact.revision)
        self.effs.append(fact.effective)
        self.clocks.append(clock)
        self.last_rev = fact.revision
        self.last_eff = fact.effective
        self.ins = (client, first, size + length)
        self.session.effs[-1] = fact.effective

    # -- places within a stroke ------------------------------------------------------------------------------------

    def rev_at(self, nth: int) -> int:
        return self.rev if self.revs is None else self.revs[nth]

    def clock_at(self, nth: int) -> int:
        """The first clock that the *nth* event inserted."""
        return self.ins[1] if self.clocks is None else self.clocks[nth]

    def nth_of(self, clock: int) -> int:
        """Which event inserted *clock*."""
        return 0 if self.clocks is None else bisect_right(self.clocks, clock) - 1

    def eff_of(self, clock: int) -> int:
        return self.eff if self.effs is None else self.effs[self.nth_of(clock)]

    def nth_before(self, rev: int) -> int:
        """How many events have a revision below *rev*."""
        if self.revs is None:
            return 1 if self.rev < rev else 0
        return bisect_left(self.revs, rev)

    def nth_beyond(self, base: int) -> int:
        """How many events come before the first with an ``effective`` above *base*."""
        if self.effs is None:
            return 1 if self.eff <= base else 0
        return bisect_right(self.effs, base)

    def revisions_from(self, nth: int) -> tuple[int, ...]:
        return (self.rev,) if self.revs is None else tuple(self.revs[nth:])

    # -- knowledge -------------------------------------------------------------------------------------------------

    def cut(self, other: Stroke) -> int:
        """How many events of *other*, another stroke, this stroke's author had surely seen."""
        if other.session is self.session:
            return other.count if other.rev < self.rev else 0
        if other.last_eff <= self.floor:
            return other.count
        lower = self.lower
        if other.eff > lower.base and not lower.include:
            return 0
        return _cut(lower, other)

    def knows(self, other: Stroke) -> bool:
        """True if this stroke's author had surely seen all of *other*, another stroke."""
        if other.session is self.session:
            return other.rev < self.rev
        return other.last_eff <= self.floor or self.lower.knows(other.last_rev, other.last_eff)

    def may_know(self, other: Stroke) -> bool:
        """True if this stroke's author may have seen all of *other*, a stroke of another session."""
        return self.upper.knows(other.last_rev, other.last_eff)

    def clock_cut(self, other: Stroke, low: int, high: int) -> int:
        """The first clock from *low* to *high* of *other* that this stroke's author had not seen, *high* if none."""
        nth = self.cut(other)
        if nth == 0:
            return low
        if nth == other.count:
            return high
        return min(max(other.clock_at(nth), low), high)


def floor_of(fact: EditFact) -> int:
    """The effective revision up to which the author of *fact* knew every event."""
    lower = fact.context.lower
    floor = min(lower.base, lower.exclude[0][0] - 1) if lower.exclude else lower.base
    return min(floor, fact.effective - 1)


def _cut(lower: Seen, other: Stroke) -> int:
    if other.revs is None or other.effs is None:
        return 1 if lower.knows(other.rev, other.eff) else 0
    revs, effs = other.revs, other.effs
    return bisect_left(range(len(revs)), True, key=lambda nth: not lower.knows(revs[nth], effs[nth]))


def parted(one: Stroke, other: Stroke) -> bool:
    """True if the last events of two strokes are concurrent: if any of their events are, these are."""
    return one.session is not other.session and not one.knows(other) and not other.knows(one)


def surely_parted(one: Stroke, other: Stroke) -> bool:
    """True if the last events of two concurrent strokes are concurrent whatever the contexts leave open."""
    return not (one.undeclared or other.undeclared or one.may_know(other) or other.may_know(one))


def visible_units(stroke: Stroke, run: Run, low: int, high: int) -> int:
    """How many units from *low* to *high* of *run* were on the screen of an event's author just after it."""
    if run.mute:
        return 0
    if run.stroke is not stroke:
        high = stroke.clock_cut(run.stroke, low, high)
    if high <= low:
        return 0
    if run.deleters is not None and any(other is stroke or stroke.knows(other) for other in run.deleters):
        return 0
    return high - low
