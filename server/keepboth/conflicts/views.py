"""An episode's texts, read from the shadow: what was there, what each side made of it, what came of it all.

Every view shows the items between the episode's first and last id. *Base* is what everybody taking part had before: the
intersection of the events' pasts. A *side* is what one actor's events and all they had seen make. *Merged* is what the
episode's events and all they had seen make together; so, like all else here, it depends on the episode's events only
and never changes because of edits elsewhere or later (`now` reads what the document says at present).

Content that is not text shows as its JSON, a nested shared type as U+FFFC.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from keepboth.conflicts.episodes import Cluster, Spot
from keepboth.conflicts.model import Episode, Side
from keepboth.conflicts.runs import Run, text_of
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Stroke
from keepboth.conflicts.zones import DELETE_DELETE, INSERT_IN_DELETED, INSERT_INSERT, kinds_of

AROUND: Final = 200
"""Characters of text given before and after an episode."""

Screen = Callable[[Stroke], int]
"""Says how many events of a stroke it shows the work of."""


class Span(NamedTuple):
    """From clock ``low`` of run ``first`` to before clock ``high`` of run ``last``."""

    first: Run
    low: int
    last: Run
    high: int

    def parts(self) -> Iterator[tuple[Run, int, int]]:
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


def episode_of(shadow: Shadow, cluster: Cluster) -> Episode:
    """Read one entry of the conflict log."""
    span = span_of(shadow, cluster)
    by_actor: dict[str, list[Spot]] = {}
    for spot in cluster.spots:
        by_actor.setdefault(spot.stroke.actor, []).append(spot)
    merged = union_of(spot.stroke for spot in cluster.spots)
    revisions = sorted({rev for spot in cluster.spots for rev in spot.stroke.revisions_from(spot.nth)})
    assert span.first.line is not None
    return Episode(
        id=cluster.id,
        kinds=kinds_of(cluster.kinds if cluster.crowd is None else _possible(shadow, cluster)),
        certain=cluster.certain if cluster.crowd is None else _surely_apart(cluster),
        interleaved=_interleaved(span, cluster, merged),
        capped=cluster.crowd is not None,
        root=span.first.line.root,
        first_revision=revisions[0],
        last_revision=revisions[-1],
        revisions=tuple(revisions),
        base=text(span.parts(), intersection_of(cluster.spots)),
        sides=tuple(
            Side(
                actor,
                text(span.parts(), union_of(spot.stroke for spot in spots)),
                tuple(sorted({rev for spot in spots for rev in spot.stroke.revisions_from(spot.nth)})),
            )
            for actor, spots in sorted(by_actor.items())
        ),
        merged=text(span.parts(), merged),
        before=_before(span, merged),
        after=_after(span, merged),
        anchor_first=(span.first.client, span.low),
        anchor_last=(span.last.client, span.high - 1),
    )


def _possible(shadow: Shadow, cluster: Cluster) -> int:
    """The strict kinds that the edits of a crowd can have had: the pairs were not weighed."""
    inserting = {
        spot.stroke.session for spot in cluster.spots if any(not run.mute for run in shadow.runs(spot.stroke.ins))
    }
    deleting = {spot.stroke.session for spot in cluster.spots if spot.stroke.dels}
    bits = INSERT_INSERT if len(inserting) > 1 else 0
    bits |= DELETE_DELETE if len(deleting) > 1 else 0
    return bits | (INSERT_IN_DELETED if inserting and deleting and len(inserting | deleting) > 1 else 0)


def _surely_apart(cluster: Cluster) -> bool:
    """True if two sessions of a crowd have edits whose contexts are exact."""
    exact = {
        spot.stroke.session
        for spot in cluster.spots
        if spot.stroke.lower is spot.stroke.upper and not spot.stroke.undeclared
    }
    return len(exact) > 1


# -- screens -------------------------------------------------------------------------------------------------------


def union_of(strokes: Iterable[Stroke]) -> Screen:
    """Show the work of *strokes* and of everything any of their authors had seen."""
    members = set(strokes)
    base = max(stroke.floor for stroke in members)
    revs: dict[object, int] = {}
    for stroke in members:
        revs[stroke.session] = max(stroke.rev, revs.get(stroke.session, 0))
    special = _special(members)
    found: dict[Stroke, int] = {}

    def shows(stroke: Stroke) -> int:
        if stroke.last_eff <= base or stroke.rev <= revs.get(stroke.session, 0):
            return stroke.count
        nth = found.get(stroke)
        if nth is None:
            nth = stroke.nth_beyond(base)
            for member in special:
                nth = max(nth, member.cut(stroke))
            found[stroke] = nth
        return nth

    return shows


def intersection_of(spots: Iterable[Spot]) -> Screen:
    """Show the work of what all authors of the members' events had seen before."""
    least: dict[object, int] = {}
    floors: dict[object, int] = {}
    members: set[Stroke] = set()
    for spot in spots:
        stroke = spot.stroke
        members.add(stroke)
        rev = stroke.rev_at(spot.nth)
        least[stroke.session] = min(rev, least.get(stroke.session, rev))
        floors[stroke.session] = min(stroke.floor, floors.get(stroke.session, stroke.floor))
    special = _special(members)
    found: dict[Stroke, int] = {}

    def shows(stroke: Stroke) -> int:
        nth = found.get(stroke)
        if nth is None:
            nth = stroke.count
            for session, floor in floors.items():
                if session is stroke.session:
                    nth = min(nth, stroke.nth_before(least[session]))
                elif not special:
                    nth = min(nth, stroke.nth_beyond(floor))
            if special:
                for member in members:
                    if member.session is not stroke.session:
                        nth = min(nth, member.cut(stroke))
            found[stroke] = nth
        return nth

    return shows


def everything(stroke: Stroke) -> int:
    """Show all there is."""
    return stroke.count


def _special(members: set[Stroke]) -> list[Stroke]:
    return [stroke for stroke in members if stroke.lower.include or stroke.floor != stroke.lower.base]


# -- text ----------------------------------------------------------------------------------------------------------


def visible(run: Run, low: int, high: int, shows: Screen) -> tuple[int, int]:
    """The part of *run* from *low* to *high* on a screen: ``(low, new high)``."""
    if run.mute:
        return low, low
    nth = shows(run.stroke)
    if nth < run.stroke.count:
        if nth == 0:
            return low, low
        high = min(high, run.stroke.clock_at(nth))
    if high <= low or (run.deleters is not None and any(shows(other) for other in run.deleters)):
        return low, low
    return low, high


def text(parts: Iterable[tuple[Run, int, int]], shows: Screen) -> str:
    """What *parts* say on a screen."""
    return _joined(_shown(run, *visible(run, low, high, shows)) for run, low, high in parts)


def _joined(pieces: Iterable[tuple[bool, str]]) -> str:
    out: list[str] = []
    listed = False
    for is_value, piece in pieces:
        if piece:
            if listed and is_value:
                out.append(", ")
            out.append(piece)
            listed = is_value
    return text_of("".join(out))


def _shown(run: Run, low: int, high: int) -> tuple[bool, str]:
    """``(is it a value, its text)``."""
    if high <= low:
        return False, ""
    content = run.content
    if isinstance(content, str):
        return False, content[low - run.clock : high - run.clock]
    if content is None:
        return False, "\ufffc"
    values = content[low - run.clock : high - run.clock]
    return True, ", ".join(json.dumps(value, ensure_ascii=False, default=_name) for value in values)


def _name(value: object) -> str:
    return type(value).__name__


def _before(span: Span, shows: Screen) -> str:
    pieces: list[tuple[bool, str]] = []
    size = 0
    run: Run | None = span.first
    high = span.low
    while run is not None and size <= 2 * AROUND:
        piece = _shown(run, *visible(run, run.clock, high, shows))
        pieces.append(piece)
        size += len(piece[1])
        run = run.left
        high = run.end if run is not None else 0
    whole = _joined(reversed(pieces))
    at = max(len(whole) - AROUND, 0)
    while 0 < at < len(whole) and _continues(whole, at):
        at += 1
    return whole[at:]


def _after(span: Span, shows: Screen) -> str:
    pieces: list[tuple[bool, str]] = []
    size = 0
    run: Run | None = span.last
    low = span.high
    while run is not None and size <= 2 * AROUND:
        piece = _shown(run, *visible(run, low, run.end, shows))
        pieces.append(piece)
        size += len(piece[1])
        run = run.right
        low = run.clock if run is not None else 0
    whole = _joined(pieces)
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
