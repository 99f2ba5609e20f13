"""An episode's texts, read from the shadow: what was there, what each side made of it, what came of it all.

Every view shows the items between the episode's first and last id, or what a key holds. *Base* is what everybody taking
part had before: the intersection of the events' pasts. A *side* is what one actor's events and all they had seen make.
*Merged* is what the episode's events and all they had seen make together; so, like all else here but ``settled_by``, it
depends on the episode's events only and never changes because of edits elsewhere or later (`now` reads what the
document says at present).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from keepboth.conflicts.bearings import Bearings
from keepboth.conflicts.episodes import Cluster
from keepboth.conflicts.kinds import BESIDE, DELETE_DELETE, INSERT_IN_DELETED, INSERT_INSERT, kinds_of
from keepboth.conflicts.model import Episode
from keepboth.conflicts.paths import Place, heading_above, line_number, path_to
from keepboth.conflicts.places import episode_id
from keepboth.conflicts.rendering import Part, Piece, joined, shortened, shown
from keepboth.conflicts.runs import Line, Run
from keepboth.conflicts.screens import Reach, Screen, everything, intersection_of, screen_of, visible
from keepboth.conflicts.settling import settled_by
from keepboth.conflicts.severity import severity_of
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.sides import Region, by_side, rewrote, side_of

AROUND: Final = 200
"""Characters of text given before and after an episode."""


class Span(NamedTuple):
    """From clock ``low`` of run ``first`` to before clock ``high`` of run ``last``."""

    first: Run
    low: int
    last: Run
    high: int

    @property
    def line(self) -> Line:
        line = self.first.line
        assert line is not None
        return line

    def parts(self) -> Iterator[Part]:
        run: Run | None = self.first
        while run is not None:
            low = self.low if run is self.first else run.clock
            high = self.high if run is self.last else run.clock + run.length
            yield run, low, high
            if run is self.last:
                return
            run = run.right


def span_of(shadow: Shadow, cluster: Cluster) -> Span:
    """The least span that holds everything the cluster's spots touched."""
    first = last = None
    for spot in cluster.spots:
        ends = spot.ends()
        low = (shadow.find(*ends[0]), ends[0][1])
        high = (shadow.find(*ends[1]), ends[1][1])
        if first is None or (low[0].order, low[1]) < (first[0].order, first[1]):
            first = low
        if last is None or (high[0].order, high[1]) > (last[0].order, last[1]):
            last = high
    assert first is not None
    assert last is not None
    return Span(first[0], first[1], last[0], last[1] + 1)


def region_of(span: Span) -> Region:
    """What the views of an episode show."""
    return Region.of(span.line, tuple(span.parts()) if span.line.key is None else ())


def now_of(shadow: Shadow, cluster: Cluster) -> str:
    """What the document says at present where the episode is."""
    return shortened(region_of(span_of(shadow, cluster)).text(shadow, everything))


def episode_of(shadow: Shadow, cluster: Cluster, bearings: Bearings | None = None) -> Episode:
    """Read one entry of the conflict log. *bearings*: to be shared by all that are read at once."""
    bearings = bearings or Bearings()
    span = span_of(shadow, cluster)
    line = span.line
    region = region_of(span)
    spots = cluster.spots
    reach = Reach(spot.stroke for spot in spots)
    merged = screen_of(reach)
    place = Place(line, span.first, span.low, merged, reach)
    base = intersection_of(spots)
    bits = cluster.kinds if cluster.crowd is None else _possible(shadow, cluster)
    kinds = kinds_of(bits)
    said = region.text(shadow, merged)
    before = region.on(base)
    grouped = by_side(spots)
    sides = tuple(side_of(shadow, region, who, own, merged, said) for who, own in grouped.items())
    severity = severity_of(kinds, sides, sum(rewrote(region, before, own, base) for own in grouped.values()), said)
    revisions = sorted({rev for spot in spots for rev in spot.stroke.revisions_from(spot.nth)})
    return Episode(
        id=episode_id(shadow, cluster),
        kinds=kinds,
        certain=cluster.certain if cluster.crowd is None else _surely_apart(cluster),
        interleaved=line.key is None and _interleaved(span, cluster, merged),
        capped=cluster.crowd is not None,
        root=line.root,
        first_revision=revisions[0],
        last_revision=revisions[-1],
        revisions=tuple(revisions),
        base=shortened(before.text(shadow, base)),
        sides=tuple(replace(side, text=shortened(side.text), lost=shortened(side.lost)) for side in sides),
        merged=shortened(said),
        before=_before(shadow, span, merged) if line.key is None else "",
        after=_after(shadow, span, merged) if line.key is None else "",
        anchor_first=(span.first.client, span.low),
        anchor_last=(span.last.client, span.high - 1),
        key=line.key,
        path=path_to(place, bearings),
        line=line_number(place, bearings),
        heading=heading_above(shadow, place, bearings),
        self_only=len({actor for actor, _ in grouped}) == 1,
        double_initialisation=bool(bits & INSERT_INSERT) and bearings.is_empty(line, base),
        severity=severity,
        settled_by=settled_by(shadow, cluster, severity),
    )


def _possible(shadow: Shadow, cluster: Cluster) -> int:
    """The strict kinds that the edits of a crowd can have had: the pairs were not weighed."""
    inserting = {
        spot.stroke.session for spot in cluster.spots if any(not run.mute for run in shadow.runs(spot.stroke.ins))
    }
    deleting = {spot.stroke.session for spot in cluster.spots if spot.stroke.dels}
    bits = INSERT_INSERT if len(inserting) > 1 else 0
    bits |= DELETE_DELETE if len(deleting) > 1 else 0
    bits |= cluster.kinds & BESIDE
    return bits | (INSERT_IN_DELETED if inserting and deleting and len(inserting | deleting) > 1 else 0)


def _surely_apart(cluster: Cluster) -> bool:
    """True if two sessions of a crowd have edits whose contexts are exact."""
    exact = {
        spot.stroke.session
        for spot in cluster.spots
        if spot.stroke.lower is spot.stroke.upper and not spot.stroke.undeclared
    }
    return len(exact) > 1


def _before(shadow: Shadow, span: Span, shows: Screen) -> str:
    pieces: list[Piece] = []
    size = 0
    run: Run | None = span.first
    high = span.low
    while run is not None and size <= 2 * AROUND:
        piece = shown(shadow, run, *visible(run, run.clock, high, shows), shows)
        pieces.append(piece)
        size += len(piece[1])
        run = run.left
        high = run.end if run is not None else 0
    whole = joined(reversed(pieces))
    at = max(len(whole) - AROUND, 0)
    while 0 < at < len(whole) and _continues(whole, at):
        at += 1
    return whole[at:]


def _after(shadow: Shadow, span: Span, shows: Screen) -> str:
    pieces: list[Piece] = []
    size = 0
    run: Run | None = span.last
    low = span.high
    while run is not None and size <= 2 * AROUND:
        piece = shown(shadow, run, *visible(run, low, run.end, shows), shows)
        pieces.append(piece)
        size += len(piece[1])
        run = run.right
        low = run.clock if run is not None else 0
    whole = joined(pieces)
    at = min(len(whole), AROUND)
    while 0 < at < len(whole) and _continues(whole, at):
        at -= 1
    return whole[:at]


def _continues(whole: str, at: int) -> bool:
    """True if the character there belongs to the one before it: marks, joined characters, skin tones."""
    char = whole[at]
    return (
        "\u200d" in (char, whole[at - 1])
        or unicodedata.category(char) in ("Mn", "Mc", "Me")
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def _interleaved(span: Span, cluster: Cluster, shows: Screen) -> bool:
    """True if, with nobody else's text in between, letters of one actor stand on both sides of another's."""
    members = {spot.stroke: spot.nth for spot in cluster.spots}
    order: list[str] = []
    for run, low, high in span.parts():
        low, high = visible(run, low, high, shows)
        if low == high:
            continue
        nth = members.get(run.stroke)
        if nth is None or high <= run.stroke.clock_at(nth):
            order.clear()
        elif run.stroke.actor not in order[-1:]:
            if run.stroke.actor in order:
                return True
            order.append(run.stroke.actor)
    return False
