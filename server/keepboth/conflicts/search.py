"""Looking for what one edit collided with: around what it did, and beside (see `zones` and `beside`)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from keepboth.conflicts.beside import Beside
from keepboth.conflicts.crowds import Shortcut, settle
from keepboth.conflicts.episodes import Clusters, Spot
from keepboth.conflicts.kinds import SAME_LINE, kinds_of
from keepboth.conflicts.lines import LineSurvey
from keepboth.conflicts.model import Grain, Record
from keepboth.conflicts.reaches import link
from keepboth.conflicts.runs import Run
from keepboth.conflicts.strokes import Session, Stroke, surely_parted
from keepboth.conflicts.zones import Meeting, Survey
from keepboth.yjs.structs import Id


class Search:
    """Unites an edit, from its *nth* event on, with those it touched. ``steps``: work done."""

    __slots__ = ("_always", "_clusters", "_nth", "_records", "_stretched", "_stroke", "_survey", "_unseen", "steps")

    def __init__(
        self,
        clusters: Clusters,
        stroke: Stroke,
        nth: int,
        unseen: list[tuple[Session, int]],
        records: list[Record] | None,
        grain: Grain = "character",
    ) -> None:
        """*unseen*: see `Survey`. *records* takes in every pair; None: those that teach nothing are skipped."""
        self._survey = LineSurvey if grain == "line" else Survey
        self._always = SAME_LINE if grain == "line" else 0
        self._clusters = clusters
        self._stroke = stroke
        self._nth = nth
        self._unseen = unseen
        self._records = records
        self._stretched: dict[Stroke, dict[Spot, None]] = {}  # those that may have come near others of the stroke
        self.steps = 0

    def look(self, runs: Sequence[Run]) -> None:
        """Find the collisions; *runs*: what the edit did in sequences."""
        clusters = self._clusters
        stroke = self._stroke
        if runs:
            self._walk(runs)
        shadow = clusters.shadow
        if stroke.wrote or stroke.inside is not None or (stroke.dels and (shadow.below or shadow.formatted)):
            beside = Beside(clusters, stroke, self._nth, self._unseen, self._unite, self._records is not None)
            beside.detect()
            self.steps += beside.steps
        for other, spots in self._stretched.items():
            link(clusters, other, spots)
        settle(clusters)

    def _walk(self, runs: Iterable[Run]) -> None:
        """Look around each of *runs*."""
        clusters = self._clusters
        stroke, nth = self._stroke, self._nth
        survey = self._survey(stroke, nth, self._unseen)
        for run in runs:
            if run in survey.covered:
                continue
            low = max(run.clock, stroke.clock_at(nth)) if run.stroke is stroke else run.clock
            entries = None
            if clusters.crowds:
                entries = survey.zone(run, low, Shortcut(clusters, stroke, nth, run))
            if entries is None:
                entries = survey.zone(run, low, None) or []
            for meeting in survey.meetings(entries, self._settled, self._crowded):
                self._join(meeting)
                if clusters.crowded:
                    settle(clusters)  # at once: whom the crowd takes in need not be weighed
        self.steps += survey.steps

    def _settled(self, partner: Stroke, clock: int, possible: int) -> bool:
        """True if meeting *partner*, from its insert *clock* on, in the ways *possible*, teaches nothing."""
        mine, theirs = self._stroke.spots, partner.spots
        if not isinstance(mine, Spot) or not isinstance(theirs, Spot) or self._records is not None:
            return False
        cluster = mine.cluster
        if cluster is None or cluster is not theirs.cluster or theirs.nth > partner.nth_of(clock):
            return False
        if cluster.crowd is not None:
            return True
        known = cluster.certain and not (possible | self._always) & ~cluster.kinds
        return known and _is_alone(mine) and _is_alone(theirs)

    def _crowded(self, partner: Stroke, run: Run) -> bool:
        """True if what *partner* did to *run* is part of a crowd, so that its pairs need not be told."""
        if self._records is not None or not self._clusters.crowds:
            return False
        cluster = self._clusters.spot(partner, run, partner.count).cluster
        return cluster is not None and cluster.crowd is not None

    def _join(self, meeting: Meeting) -> None:
        partner, theirs_nth, kinds, own, theirs, first, last = meeting
        clusters = self._clusters
        spots = {clusters.spot(self._stroke, run, self._nth): None for run in own}
        spots.update((clusters.spot(partner, run, theirs_nth), None) for run in theirs)
        self._unite(self._stroke, partner, spots, kinds, first, last)

    def _unite(self, one: Stroke, other: Stroke, spots: Iterable[Spot], kinds: int, first: Id, last: Id) -> None:
        clusters = self._clusters
        certain = surely_parted(one, other)
        clusters.unite(spots, kinds, certain)
        for spot in spots:
            if clusters.reach(spot, first, last):
                self._stretched.setdefault(spot.stroke, {})[spot] = None
        if self._records is not None:
            a, b = sorted((one.rev, other.rev))
            record = Record(a, b, kinds_of(kinds), first, last, certain)
            if record not in self._records:
                self._records.append(record)


def _is_alone(spot: Spot) -> bool:
    """True if the stroke cannot have a place in the spot's line, to which how far its records reach would matter."""
    stroke = spot.stroke
    return not stroke.wrote and (stroke.inside is None or stroke.inside is spot.first.line)
