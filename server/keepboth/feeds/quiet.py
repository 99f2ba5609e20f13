"""``document.quiet``: one delivery for a stretch of typing, for products that do not want keystrokes.

A pure function of the log. The edits of a document fall into *bursts*; when the last edit of a burst is as old as
`QUIET_US`, the burst is told, at the place of that edit. So a cursor of the log is a cursor of these deliveries too,
whoever asks gets the same ones, and nothing needs to be remembered.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from keepboth.cloudevents import rfc3339, source
from keepboth.events import CONTENT_JSON, EDIT_RECORDED, ActorKind, Micros
from keepboth.store.base import EventLine, EventStore
from keepboth.store.choice import DOCUMENT_QUIET

CLOUD_TYPE: Final = f"dev.keepboth.{DOCUMENT_QUIET}.v1"

QUIET_US: Final = 2_000_000
"""No edit for this long ends a burst."""

LONGEST_US: Final = 28_000_000
"""A burst goes on for less than this. It is told `QUIET_US` after its last edit: 30 s after its first at most."""

GRID_US: Final = 600_000_000
"""At every tenth minute a burst begins, so that the beginning of one is never far back in the log."""

_LINES: Final = 512


class Burst(NamedTuple):
    """The edits of ``document`` from revision ``first`` to ``last``; ``position`` and ``recorded_at`` of the last.
    ``actors``: who wrote them, in the order of their first edit."""

    document: str
    first: int
    last: int
    position: int
    recorded_at: Micros
    actors: tuple[tuple[str, ActorKind], ...]
    edits: int


def bursts(store: EventStore, document: str, edits: Sequence[tuple[int, int]]) -> Iterator[Burst]:
    """The bursts that end with one of *edits* (revision, position), which follow each other in the log.

    Only to be asked about edits as old as `QUIET_US`. Cost: a line read for every edit from the burst's beginning on.
    """
    positions = dict(edits)
    first, last = edits[0][0], edits[-1][0]
    lines = [*_back(store, document, first), *_edits(store, document, first, last)]
    following = _next(store, document, last)
    if following is not None:
        lines.append(following)
    for burst in _cut(lines):
        end = burst[-1]
        if end.revision in positions and end is not following:
            actors = dict.fromkeys((line.actor, line.actor_kind) for line in burst)
            yield Burst(
                document,
                burst[0].revision,
                end.revision,
                positions[end.revision],
                end.recorded_at,
                tuple(actors),
                len(burst),
            )


def _cut(lines: Sequence[EventLine]) -> Iterator[list[EventLine]]:
    burst: list[EventLine] = []
    for line in lines:
        if burst and (_apart(burst[-1], line) or line.recorded_at - burst[0].recorded_at >= LONGEST_US):
            yield burst
            burst = []
        burst.append(line)
    if burst:
        yield burst


def _apart(earlier: EventLine, later: EventLine) -> bool:
    """Whether a burst begins at *later* whatever came before."""
    return (
        later.recorded_at - earlier.recorded_at >= QUIET_US
        or later.recorded_at // GRID_US != earlier.recorded_at // GRID_US
    )


def _back(store: EventStore, document: str, revision: int) -> list[EventLine]:
    """The edits before *revision*, back to one at which a burst surely begins, or to none if it begins there."""
    found: list[EventLine] = []
    until = revision
    while until > 0:
        after = max(0, until - _LINES)
        chunk = [line for line in store.lines(document, after=after, until=until, limit=_LINES) if _is_edit(line)]
        found = chunk + found
        for at in range(len(found) - 1, 0, -1):
            if found[at].revision <= revision and _apart(found[at - 1], found[at]):
                return [line for line in found[at:] if line.revision < revision]
        until = after
    return [line for line in found if line.revision < revision]


def _edits(store: EventStore, document: str, first: int, last: int) -> list[EventLine]:
    found: list[EventLine] = []
    after = first - 1
    while after < last and (chunk := store.lines(document, after=after, until=last, limit=_LINES)):
        found += filter(_is_edit, chunk)
        after = chunk[-1].revision
    return found


def _next(store: EventStore, document: str, revision: int) -> EventLine | None:
    while chunk := store.lines(document, after=revision, limit=64):
        for line in chunk:
            if _is_edit(line):
                return line
        revision = chunk[-1].revision
    return None


def _is_edit(line: EventLine) -> bool:
    return line.type == EDIT_RECORDED


def quiet_id(store_id: str, document: str, revision: int) -> str:
    """The same burst has the same id for everybody, for ever."""
    return str(uuid.uuid5(uuid.UUID(store_id), f"{DOCUMENT_QUIET}\n{revision}\n{document}"))


def quiet_event(burst: Burst, store_id: str, standing: dict[str, Any]) -> dict[str, Any]:
    """*burst* as a CloudEvent. *standing* is how the document stands at its end: content and conflicts."""
    return {
        "specversion": "1.0",
        "id": quiet_id(store_id, burst.document, burst.last),
        "source": source(store_id),
        "type": CLOUD_TYPE,
        "subject": f"docs/{burst.document}",
        "time": rfc3339(burst.recorded_at),
        "recordedtime": rfc3339(burst.recorded_at),
        "sequence": f"{burst.position:020d}",
        "partitionkey": burst.document,
        "docrevision": burst.last,
        "datacontenttype": CONTENT_JSON,
        "data": {
            "document": burst.document,
            "revision": burst.last,
            "first_revision": burst.first,
            "edits": burst.edits,
            "authors": [{"id": actor, "kind": kind} for actor, kind in burst.actors],
            **standing,
        },
    }
