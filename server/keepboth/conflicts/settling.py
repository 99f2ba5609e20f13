"""Who has settled an episode: rewrote what it left, having surely seen all of it."""

from __future__ import annotations

from collections.abc import Iterator

from keepboth.conflicts.episodes import Cluster
from keepboth.conflicts.kinds import FORMAT, FORMAT_IN_DELETED
from keepboth.conflicts.model import Severity
from keepboth.conflicts.nesting import note_undoer
from keepboth.conflicts.shadow import Shadow
from keepboth.conflicts.strokes import Stroke


def settled_by(shadow: Shadow, cluster: Cluster, severity: Severity) -> int | None:
    """The least revision of an event outside the episode whose author had surely seen all its events, and that deletes
    something one of them inserted or, where the episode is about a key, writes that key; None if there is none: then
    the episode is open.

    Rewritten formats settle an episode that is about formats. What was lost is not brought back by rewriting the rest,
    so ``lost`` settles only over a key.
    """
    members = {spot.stroke: spot.nth for spot in cluster.spots}
    keyed = cluster.line.key is not None
    candidates = (
        set()
        if severity == "lost"
        else set(_deleters(shadow, members, bool(cluster.kinds & (FORMAT | FORMAT_IN_DELETED))))
    )
    if keyed:
        for strokes in (cluster.line.writers or {}).values():
            candidates.update(strokes)
    for stroke in sorted(candidates, key=lambda one: one.rev):
        if stroke not in members and all(stroke.knows(member) for member in members):
            return stroke.rev
    return None


def _deleters(shadow: Shadow, members: dict[Stroke, int], formats: bool) -> Iterator[Stroke]:
    """Those who deleted something that the events inserted; *formats*: format items too."""
    for stroke, nth in members.items():
        if nth:
            client, clock, length = stroke.ins
            since = stroke.clock_at(nth)
            for run in shadow.runs((client, since, clock + length - since)):
                yield from run.deleters or ()
            continue
        if stroke.undoers is None:
            stroke.undoers = {}
            for run in shadow.runs(stroke.ins + stroke.wrote):
                if run.stroke is stroke:
                    for deleter in run.deleters or ():
                        note_undoer(stroke, deleter, run)
        yield from (deleter for deleter, more in stroke.undoers.items() if more or formats)
