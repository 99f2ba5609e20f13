"""Real merges, judged by git and by the conflict log: ``python -m benchmarks.git_judge [page]``.

Where ``git merge-file`` finds a conflict, and where it merges cleanly to another text than the CRDT, the conflict log
should hold an entry of both sides on those lines. Needs git, and ``node_nodecc.json.gz`` in ``KEEPBOTH_TRACES``. With
the path of a page, writes it.
"""

from __future__ import annotations

import shutil
import sys
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pycrdt

from benchmarks.git_page import page
from benchmarks.history import Cut, History, Lines, Screen, members
from benchmarks.machine import report
from benchmarks.merge_file import Conflict, Verdict, changes, git_version, merge_file
from benchmarks.traces import folder
from client_demo.traces import read_trace
from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import EditFact, Episode, Record
from keepboth.events import Context, Seen, compress_ranges
from keepboth.yjs.structs import Id
from keepboth.yjs.update import decode_update

SIDES = ("ours", "theirs")


@dataclass
class Merge:
    """One merge of two branches: what git and the engine say of it, and ``people``, what its author made of it.

    ``episodes`` are those that both sides take part in, ``records`` the touches of one side with the other. Where
    several common ancestors did not know each other (``bases`` of them), the base is all of them merged.
    """

    history: History
    txn: int
    cuts: tuple[Cut, Cut]
    base: Screen
    ours: Screen
    theirs: Screen
    merged: Screen
    people: str
    git: Verdict
    bases: int
    episodes: tuple[Episode, ...]
    records: list[Record]

    @property
    def changed(self) -> bool:
        """True if git, merging cleanly, has another text than the CRDT."""
        return not self.git.conflicts and self.git.text != self.merged.text

    @cached_property
    def different(self) -> list[tuple[Lines, Lines]]:
        """Where: lines of git's text and of the CRDT's."""
        return changes(self.git.text, self.merged.text) if self.changed else []

    def on_lines(self, conflict: Conflict) -> list[Episode]:
        """What the log has on lines of *conflict*, in the base or in either version."""
        return [one for one in self.episodes if self._on(conflict, (one.anchor_first, one.anchor_last))]

    def touched(self, conflict: Conflict) -> bool:
        """True if a touch itself, not only the span of an episode, is on lines of *conflict*."""
        return any(self._on(conflict, (record.first, record.last)) for record in self.records)

    def _on(self, conflict: Conflict, span: tuple[Id, Id]) -> bool:
        screens = (self.base, self.ours, self.theirs)
        return any(screen.meets(lines, span) for screen, lines in zip(screens, conflict, strict=True))

    def on_merged_lines(self, lines: Lines) -> list[Episode]:
        """What the log has on *lines* of the CRDT's text."""
        return [one for one in self.episodes if self.merged.meets(lines, (one.anchor_first, one.anchor_last))]

    def said_alike(self, lines: Lines) -> bool:
        """True if the sides of an entry on *lines* of the CRDT's text wrote the same."""
        return any(len({side.text for side in one.sides}) == 1 for one in self.on_merged_lines(lines))

    def touched_in_merged(self, lines: Lines) -> bool:
        """True if a touch itself is on *lines* of the CRDT's text."""
        return any(self.merged.meets(lines, (record.first, record.last)) for record in self.records)

    def merged_lines(self, conflict: Conflict) -> Lines:
        """Where the lines of *conflict* are in the CRDT's text."""
        screens = (self.base, self.ours, self.theirs)
        ends = [screen.ends(lines) for screen, lines in zip(screens, conflict, strict=True)]
        spans = [self.merged.span(*pair) for pair in ends if pair is not None]
        low, high = min(low for low, _ in spans), max(high for _, high in spans)
        return bisect_right(self.merged.lines, low) - 1, bisect_right(self.merged.lines, max(high - 1, low))

    def kept(self, conflict: Conflict) -> bool:
        """True if people left what the CRDT made of *conflict* exactly as it was."""
        low, high = self.merged_lines(conflict)
        return not any(
            (start < high and low < end) or (start == end and low < start < high)
            for (start, end), _ in changes(self.merged.text, self.people)
        )

    def between(self, conflict: Conflict) -> str:
        """The text both sides kept between what one and what the other changed, where they come nearest to each other
        on lines of *conflict*."""
        ours, theirs = self.cuts
        sides = ((0, ours & ~theirs, theirs), (1, theirs & ~ours, ours))
        least: str | None = None
        text = ""
        last: tuple[int, bool] | None = None  # which side changed something last, and was it on the lines
        for at, piece in enumerate(self.history.pieces):
            if self.ours.shows(at) and self.theirs.shows(at):
                text += piece.units
                continue
            on = self.ours.within(at, conflict.ours) or self.theirs.within(at, conflict.theirs)
            for side, new, other in sides:
                made = new >> piece.maker & 1 and not piece.deleters >> piece.maker & 1
                if made or (piece.deleters & new and other >> piece.maker & 1):
                    if last is not None and last[0] != side and (on or last[1]):
                        least = text if least is None or len(text) < len(least) else least
                    last, text = (side, on), ""
        return "" if least is None else least


def merges(history: History, only: Sequence[int] | None = None) -> Iterator[Merge]:
    """Every merge of *history*; one of three branches counts as two, the second onto the result of the first."""
    for number, txn in enumerate(history.trace.txns):
        if len(txn.parents) > 1 and (only is None or number in only):
            ours = history.upto(txn.parents[0])
            for parent in txn.parents[1:]:
                yield judged(history, number, ours, history.upto(parent))
                ours |= history.upto(parent)


def judged(history: History, txn: int, ours: Cut, theirs: Cut) -> Merge:
    """Ask git and the engine about one merge."""
    base = ours & theirs
    screens = [history.screen(cut) for cut in (base, ours, theirs, ours | theirs)]
    texts = [screen.text for screen in screens]
    facts = two_sides(history, ours, theirs)
    engine, slow = DocumentConflicts(grain="line"), DocumentConflicts(grain="line", all_records=True)
    for fact in facts:
        engine.add((fact,))
        slow.add((fact,))
    side = {fact.revision: fact.actor for fact in facts}
    return Merge(
        history,
        txn,
        (ours, theirs),
        *screens,
        people=history.text_after[txn],
        git=merge_file(*texts[:3]),
        bases=len(history.heads(base)),
        episodes=tuple(one for one in engine.episodes() if {side.actor for side in one.sides} >= set(SIDES)),
        records=[record for record in slow.records if side[record.a] != side[record.b]],
    )


def two_sides(history: History, ours: Cut, theirs: Cut) -> list[EditFact]:
    """What a server would have recorded: first all that both had, as one edit, then each branch's own transactions.

    A side is one actor; its transactions keep the clients and the knowledge they had.
    """
    base = ours & theirs
    facts: list[EditFact] = []
    if base:
        update = pycrdt.merge_updates(*(history.updates[txn] for txn in members(base)))
        facts.append(EditFact(1, 1, "base", "base", Context.of(0), decode_update(update)))
    first = len(facts) + 1
    revisions = {txn: revision for revision, txn in enumerate(members((ours | theirs) & ~base), first)}
    for txn, revision in revisions.items():
        known = compress_ranges(revisions[other] for other in members(history.past[txn] & ~base))
        seen = Seen(first - 1, known)
        actor = SIDES[theirs >> txn & 1]
        session = f"branch {history.plan.branch_of[txn]}"
        facts.append(EditFact(revision, revision, session, actor, Context(seen, seen), history.decoded[txn]))
    return facts


def everybody(history: History) -> tuple[Episode, ...]:
    """The conflict log of the whole history, its authors as they were."""
    engine = DocumentConflicts()
    for txn, update in enumerate(history.decoded):
        unknown = ((1 << txn) - 1) & ~history.past[txn]
        base = (unknown & -unknown).bit_length() - 1 if unknown else txn
        seen = Seen(base, compress_ranges(other + 1 for other in members(history.past[txn] >> base << base)))
        session = f"branch {history.plan.branch_of[txn]}"
        actor = history.trace.txns[txn].actor
        engine.add((EditFact(txn + 1, txn + 1, session, actor, Context(seen, seen), update),))
    return engine.episodes()


def counts(found: Sequence[Merge]) -> dict[str, int]:
    """How often git and the log agree."""
    conflicts = [(merge, conflict) for merge in found for conflict in merge.git.conflicts]
    silent = [(merge, conflict) for merge, conflict in conflicts if not merge.on_lines(conflict)]
    places = [(merge, lines) for merge in found for _, lines in merge.different]
    equal = [merge for merge in found if not merge.git.conflicts and not merge.changed]
    return {
        "merges": len(found),
        "merges_git_calls_conflicting": sum(bool(merge.git.conflicts) for merge in found),
        "those_with_an_entry": sum(bool(merge.git.conflicts and merge.episodes) for merge in found),
        "conflicts": len(conflicts),
        "conflicts_with_an_entry_on_their_lines": len(conflicts) - len(silent),
        "conflicts_with_a_touch_on_their_lines": sum(merge.touched(conflict) for merge, conflict in conflicts),
        "conflicts_without_where_people_kept_the_merge": sum(merge.kept(conflict) for merge, conflict in silent),
        "merges_git_calls_clean_with_another_text": sum(merge.changed for merge in found),
        "places_with_another_text": len(places),
        "places_with_an_entry_on_their_lines": sum(bool(merge.on_merged_lines(lines)) for merge, lines in places),
        "places_with_a_touch_on_their_lines": sum(merge.touched_in_merged(lines) for merge, lines in places),
        "places_with_equal_sides": sum(merge.said_alike(lines) for merge, lines in places),
        "merges_git_calls_clean_with_the_same_text": len(equal),
        "those_with_entries": sum(bool(merge.episodes) for merge in equal),
        "entries_between_sides": sum(len(merge.episodes) for merge in found),
    }


def figures_of(history: History, found: Sequence[Merge]) -> dict[str, int]:
    """All figures of a history and its merges."""
    log = everybody(history)
    return {
        "transactions": len(history.trace.txns),
        **counts(found),
        "entries_in_the_whole_history": len(log),
        "those_between_branches_of_one_author": sum(len(one.sides) == 1 or one.self_only for one in log),
    }


def main() -> None:
    """Measure and print; write the page if its path is given."""
    where = folder()
    trace = None if where is None else where / "node_nodecc.json.gz"
    if trace is None or not trace.exists() or shutil.which("git") is None:
        raise SystemExit("skipped: it takes git, and KEEPBOTH_TRACES with node_nodecc.json.gz")
    history = History(read_trace(trace))
    found = list(merges(history))
    figures = figures_of(history, found)
    report("git_judge", {"git": git_version(), **figures})
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(page(found, figures, git_version()), encoding="utf-8")


if __name__ == "__main__":
    main()
