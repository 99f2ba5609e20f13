"""Old strokes kept small: rows of them that nobody can take apart any more are folded into one.

A *pack* is a row of strokes of one session with which nothing is concurrent: they knew all that came before them, and
all that has come since knows the whole row. To every walk, screen and comparison such a row is one stroke, so it takes
the place of its strokes, and neighbouring runs that it made or deleted become one. What each of its strokes did is kept
beside it as bytes. An edit that did not know all of a pack has it *unpacked* first: then everything is as if there had
never been one. So a pack changes what the shadow weighs, never what the engine finds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from math import inf
from typing import Final

from keepboth.conflicts.crowds import note_visitors
from keepboth.conflicts.episodes import Clusters
from keepboth.conflicts.folding import Pack, unfold
from keepboth.conflicts.model import EditFact
from keepboth.conflicts.runs import Run
from keepboth.conflicts.strokes import Session, Stroke, floor_of
from keepboth.yjs.structs import ANY, BINARY, EMBED, JSON, STRING

EVERY: Final = 512
"""So many new strokes make it worth looking for rows to pack."""

RECENT: Final = 256
"""The newest revisions are left alone: somebody may be about to edit who has not seen them."""

LEAST: Final = 4
"""Fewer strokes than this are not packed."""

PLAIN: Final = (STRING, ANY, JSON, BINARY, EMBED)
"""The kinds of content that edits may have inserted or deleted to be packed."""


class Packs:
    """The packs of one document. ``fresh`` counts the strokes since the last look."""

    __slots__ = ("_clusters", "_reach", "_second", "_top", "_upto", "fresh")

    def __init__(self, clusters: Clusters) -> None:
        self._clusters = clusters
        self._upto = 0  # strokes with a lower effective revision have been looked at
        self._reach: dict[Session, int] = {}  # the greatest effective revision in a pack of each session
        self._top: Session | None = None  # the session with the greatest of these
        self._second = 0  # the greatest one of all others
        self.fresh = 0

    @property
    def top(self) -> int:
        """The greatest effective revision in a pack, 0 if there is none."""
        return self._reach[self._top] if self._top is not None else 0

    # -- taking apart ----------------------------------------------------------------------------------------------

    def admit(self, facts: Iterable[EditFact], sessions: dict[str, Session]) -> None:
        """Unpack what one of *facts*, about to be fed, is not sure to have known."""
        for fact in facts:
            top = self._top
            if top is None:
                return
            floor = floor_of(fact)
            if floor < (self._second if top.name == fact.session else self._reach[top]):
                for session in [one for one, reach in self._reach.items() if reach > floor]:
                    if session.name != fact.session:
                        self._unpack(session, floor)

    def _unpack(self, session: Session, floor: int) -> None:
        """Unpack all of *session* that reaches above *floor*."""
        at = len(session.strokes)
        while at and session.strokes[at - 1].last_eff > floor:
            at -= 1
        kept = session.strokes[:at]
        for stroke in session.strokes[at:]:
            if isinstance(stroke, Pack):
                kept += self._restored(stroke)
            else:
                kept.append(stroke)
        self._put(session, kept)
        self._reach[session] = max((one.last_eff for one in kept[:at] if isinstance(one, Pack)), default=0)
        self._rank()

    def _restored(self, pack: Pack) -> list[Stroke]:
        shadow = self._clusters.shadow
        strokes = unfold(pack.folded, pack.session)
        for stroke in strokes:
            for run in shadow.cut_out(stroke.ins):
                run.stroke = stroke
            for run in shadow.cut_out(stroke.dels):
                run.deleters = tuple(stroke if one is pack else one for one in run.deleters or ())
        note_visitors(self._clusters, pack, strokes)
        return strokes

    def _put(self, session: Session, strokes: list[Stroke]) -> None:
        session.strokes = strokes
        session.effs = [stroke.last_eff if stroke.revs is not None else stroke.eff for stroke in strokes]

    def _rank(self) -> None:
        ranked = sorted(self._reach, key=self._reach.__getitem__, reverse=True)
        self._top = ranked[0] if ranked and self._reach[ranked[0]] else None
        self._second = self._reach[ranked[1]] if len(ranked) > 1 else 0

    # -- packing ---------------------------------------------------------------------------------------------------

    def pack(self, sessions: Iterable[Session], recent: int = RECENT, least: int = LEAST) -> None:
        """Pack what can be packed, of all but the newest *recent* revisions, in rows of at least *least* strokes.

        Time: proportional to what came since the last call. Call it while nothing waits to be looked at.
        """
        self.fresh = 0
        newest = max((session.max_eff for session in sessions), default=0)
        horizon = newest - recent
        if horizon <= self._upto:
            return
        rows = list(_rows(sessions, self._upto, horizon))
        self._upto = horizon
        named = self._clusters.shadow.awaiting()  # strokes that something else refers to
        for cluster in self._clusters.crowds:
            if cluster.crowd is not None:
                named.update(cluster.crowd.visitors)
        packed: dict[Session, dict[Stroke, list[Stroke]]] = {}
        for row in rows:
            part: list[Stroke] = []
            for stroke in [*row, None]:
                if stroke is not None and stroke not in named and self._plain(stroke):
                    part.append(stroke)
                    continue
                if len(part) >= least:
                    packed.setdefault(part[0].session, {})[part[0]] = part
                part = []
        for session, parts in packed.items():
            self._replace(session, parts, named)
        self._rank()

    def _plain(self, stroke: Stroke) -> bool:
        """True if *stroke* did nothing but insert and delete plain content where nobody has met."""
        if _met(stroke) or stroke.wrote or stroke.inside is not None or isinstance(stroke, Pack):
            return False
        for run in self._clusters.shadow.runs(stroke.ins + stroke.dels):
            if run.kind not in PLAIN or run.line is None or run.gone is not None or _met(run.stroke):
                return False
            if run.deleters is not None and any(map(_met, run.deleters)):
                return False
        return True

    def _replace(self, session: Session, parts: dict[Stroke, list[Stroke]], named: set[Stroke]) -> None:
        shadow = self._clusters.shadow
        touched: set[tuple[int, int]] = set()
        kept: list[Stroke] = []
        at = 0
        while at < len(session.strokes):
            part = parts.get(session.strokes[at])
            if part is None:
                kept.append(session.strokes[at])
                at += 1
                continue
            pack = Pack(part)
            alone = (pack,)
            for stroke in part:
                for run in shadow.runs(stroke.ins):
                    if run.stroke is stroke:
                        run.stroke = pack
                        touched.add((run.client, run.clock))
                for run in shadow.runs(stroke.dels):
                    if run.deleters is not None and stroke in run.deleters:
                        rest = tuple(pack if one is stroke else one for one in run.deleters)
                        run.deleters = alone if len(rest) == 1 else rest
                        touched.add((run.client, run.clock))
            kept.append(pack)
            self._reach[session] = max(self._reach.get(session, 0), pack.last_eff)
            at += len(part)
        self._put(session, kept)
        shadow.join(touched, lambda one, other: _one(one, other, named))


def _met(stroke: Stroke) -> bool:
    return stroke.spots is not None or stroke.places is not None


def _one(left: Run, right: Run, named: set[Stroke]) -> bool:
    """True if two runs, neighbours by clock, differ in nothing and nobody but packs touched them."""
    deleters = left.deleters
    return (
        right.left is left
        and left.stroke is right.stroke
        and isinstance(left.stroke, Pack)
        and left.stroke not in named
        and deleters == right.deleters
        and left.gone is right.gone is None
        and (deleters is None or all(isinstance(one, Pack) and one not in named for one in deleters))
    )


def _rows(sessions: Iterable[Session], low: int, horizon: int) -> Iterator[list[Stroke]]:
    """Rows of strokes, each of one session, that reach above *low* and not above *horizon*, with which nobody is
    concurrent, and which all who came after them know whole."""
    newer: list[tuple[int, int, Stroke]] = []
    before: dict[Session, int] = {}
    for session in sessions:
        at = 0
        if session.ordered:
            at = bisect_right(session.effs, low)
            while at and session.strokes[at - 1].last_eff > low:
                at -= 1
            before[session] = session.strokes[at - 1].last_eff if at else 0
        else:
            before[session] = session.max_eff
        newer += [(one.eff, one.rev, one) for one in session.strokes[at:] if one.last_eff > low]
    newer.sort(key=lambda place: place[:2])
    limits = _limits([place[2] for place in newer])
    knew = _Most()
    for session, eff in before.items():
        knew.add(session, eff)
    rows: dict[Session, tuple[float, list[Stroke]]] = {}
    for (_, _, stroke), limit in zip(newer, limits, strict=True):
        session = stroke.session
        row_limit, row = rows.get(session, (0, []))
        free = (
            session.ordered
            and stroke is not session.strokes[-1]  # the next keystroke may continue it
            and stroke.last_eff <= min(horizon, limit)
            and stroke.floor >= knew.besides(session)
        )
        knew.add(session, stroke.last_eff)
        if row and not (free and stroke.last_eff <= row_limit and stroke.actor == row[0].actor):
            yield row
            row = []
        if not free:
            rows.pop(session, None)
        elif row:
            row.append(stroke)
        else:
            rows[session] = (limit, [stroke])
    for _, row in rows.values():
        yield row


def _limits(strokes: list[Stroke]) -> list[float]:
    """For each of *strokes*, by effective revision, the least floor of any that came after it from somebody else."""
    late = sorted(strokes, key=lambda stroke: stroke.last_eff)
    least = _Most()
    out: list[float] = []
    for stroke in reversed(strokes):
        while late and late[-1].last_eff > stroke.eff:
            other = late.pop()
            least.add(other.session, -other.floor)
        out.append(-least.besides(stroke.session))
    out.reverse()
    return out


class _Most:
    """The greatest number of each session; who asks for all but one session's gets it at once."""

    def __init__(self) -> None:
        self._best: tuple[float, Session | None] = (-inf, None)
        self._next = -inf  # the greatest of all other sessions

    def add(self, session: Session, number: float) -> None:
        best, owner = self._best
        if session is owner:
            self._best = (max(best, number), owner)
        elif number > best:
            self._best, self._next = (number, session), best
        elif number > self._next:
            self._next = number

    def besides(self, session: Session) -> float:
        return self._next if session is self._best[1] else self._best[0]
