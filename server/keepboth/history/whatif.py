"""What if: the document without somebody's work, or with an edit that is not recorded.

What is left out may be what others build on. Either they wait, as on the screen of somebody who has not got what they
need (``strict``), or their text is kept where it stands in the whole document (``keep``).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from keepboth.conflicts.restoring import fresh_client
from keepboth.conflicts.rewinding import Change, Counts, rewind
from keepboth.errors import InvalidRequest
from keepboth.events import compress_ranges
from keepboth.fold.document import DocumentFold, FoldedEdit, readable_form
from keepboth.history.cuts import Cut, Selection, select, selection_of
from keepboth.history.lineage import Lineage, leaving_out
from keepboth.history.past import Past
from keepboth.history.rendering import shown
from keepboth.history.work import Work
from keepboth.yjs.idset import IdSet
from keepboth.yjs.update import decode_update, encode_update

Mode = Literal["strict", "keep"]

_NOBODY = b"\0" * 16


class Dependant(NamedTuple):
    """An edit that builds on what was left out: itself (``builds_on``, revisions) or through other dependants."""

    revision: int
    actor: str
    session: str | None
    builds_on: tuple[int, ...]


class Added(NamedTuple):
    """What became of the edit that is not recorded: ``missing`` is what it waits for (client, clock, length)."""

    applied: bool
    missing: tuple[tuple[int, int, int], ...]


class WhatIf(NamedTuple):
    """A document as it never was. ``selection``: the events it is made of; in mode ``keep`` those of the cut, out of
    which the work at ``left_out`` (ranges of revisions) was taken.

    ``dependants`` build on that: they wait, or their text is kept, as the mode says; what the added update brings
    nobody waits for. ``changes`` and ``counts`` compare the document at the cut with what is left of it, without the
    added update.
    """

    selection: Selection
    mode: Mode
    left_out: tuple[tuple[int, int], ...]
    edits: int
    dependants: tuple[Dependant, ...]
    roots: dict[str, Any]
    changes: tuple[Change, ...]
    counts: Counts
    added: Added | None


def what_if(
    past: Past,
    document: str,
    cut: Cut,
    without: Work | None = None,
    mode: Mode = "strict",
    added: bytes | None = None,
) -> WhatIf:
    """*document* at *cut* without some work, and with the Yjs update *added* on top. Blocks.

    Raises NotFound, InvalidRequest for an update that cannot be read, MalformedUpdate.
    """
    whole = select(past.store, document, cut)
    lineage = past.apart(document, whole.revision)
    left_out = frozenset(() if without is None else without.of(lineage, whole))
    part = selection_of(past.store, document, _rest(whole, left_out)) if left_out else whole
    strict = past.folding.at(part)
    dependants = _dependants(past, strict, whole, left_out, lineage) if left_out else ()
    now = past.screen(lineage, whole)
    if mode == "keep" and whole.is_prefix:
        now = lineage.firsthand(now)
    then = leaving_out(now, left_out)
    if mode == "strict":
        waiting = frozenset(one.revision for one in dependants)
        then = leaving_out(then, waiting)
    rewound = rewind(lineage.items, fresh_client(lineage.items, _NOBODY), now, then, sparing=mode == "keep")
    if mode == "keep":
        folded = past.folding.copy(whole)
        folded.add([FoldedEdit(folded.revision + 1, "ready", encode_update(rewound.update))])
    else:
        folded = past.folding.at(part) if added is None else past.folding.copy(part)
    became = None
    if added is not None:
        became = _add(folded, added)
        if mode == "strict":
            waiting = frozenset(entry.revision for entry in folded.waiting.entries())
            dependants = tuple(one for one in dependants if one.revision in waiting)
    return WhatIf(
        part if mode == "strict" else whole,
        mode,
        compress_ranges(left_out),
        len(left_out),
        dependants,
        shown(folded),
        rewound.changes,
        rewound.counts,
        became,
    )


def _add(folded: DocumentFold, payload: bytes) -> Added:
    update = decode_update(payload)
    readable = readable_form(payload, update)
    if readable is None:
        raise InvalidRequest("the CRDT cannot read this update", field="update")
    revision = folded.revision + 1
    folded.add([FoldedEdit(revision, "pending", payload, update)])
    entry = next((one for one in folded.waiting.entries() if one.revision == revision), None)
    if entry is None:
        return Added(revision not in folded.quarantined, ())
    clocks = folded.clocks()
    missing = []
    for client, clock, length in entry.needs:
        start = max(clock, clocks.get(client, 0))
        if start < clock + length:
            missing.append((client, start, clock + length - start))
    return Added(False, tuple(missing))


def _rest(whole: Selection, left_out: frozenset[int]) -> IdSet:
    """The revisions of *whole* but those, as ids of client 0."""
    found = IdSet()
    if whole.is_prefix:
        found.add(0, 1, whole.revision)
    else:
        for revision in filter(whole.holds, range(1, whole.revision + 1)):
            found.add(0, revision, 1)
    for first, last in compress_ranges(left_out):
        found.remove(0, first, last - first + 1)
    return found


def _dependants(
    past: Past, strict: DocumentFold, whole: Selection, left_out: frozenset[int], lineage: Lineage
) -> tuple[Dependant, ...]:
    """The edits that wait in *strict* and do not in the whole."""
    waiting = {entry.revision: entry for entry in strict.waiting.entries()}
    if not waiting:
        return ()
    before = {entry.revision for entry in past.folding.at(whole).waiting.entries()}
    missing = left_out.union(waiting)
    found: list[Dependant] = []
    for revision, entry in sorted(waiting.items()):
        if revision in before:
            continue
        runs = lineage.items.runs(tuple(number for needed in entry.needs for number in needed))
        builds_on = {made for run in runs if (made := run.stroke.rev) != revision and made in missing}
        actor, session, _ = lineage.who(revision)
        found.append(Dependant(revision, actor, session, tuple(sorted(builds_on))))
    return tuple(found)
