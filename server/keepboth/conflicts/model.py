"""Values that go into and come out of the conflict engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from keepboth.events import Context
from keepboth.yjs.structs import Id, Update

ENGINE_VERSION: Final = 2
"""Raise this when the same events would give another conflict log: stored projections are then rebuilt."""

Kind = Literal[
    "insert-insert",
    "delete-delete",
    "insert-in-deleted",
    "insert-at-edge",
    "adjacent-deletes",
    "map-key",
    "in-removed-subtree",
    "format",
    "format-in-deleted",
    "same-line",
]
"""``same-line`` is found only where lines are what separates: see `keepboth.conflicts.lines`."""

Grain = Literal["character", "line"]
"""What keeps two changes apart: a character that both still see, or a whole line of them."""

STRICT_KINDS: Final[frozenset[Kind]] = frozenset(
    {"insert-insert", "delete-delete", "insert-in-deleted", "map-key", "in-removed-subtree", "format"}
)

Severity = Literal[
    "lost", "duplicated", "both-rewrote", "orphaned", "formatting-lost", "same-gap", "both-removed", "agreed"
]
"""What a collision did, worst first: see `keepboth.conflicts.severity`."""


class EditFact(NamedTuple):
    """One recorded edit as the engine needs it.

    ``revision`` and ``effective`` are labels from the log (``effective`` is the revision at which the edit's last
    dependency was recorded, at least ``revision``); the engine may be fed in any causal order. ``session`` is the
    editing session: its own earlier revisions are always known to it. ``actor`` is the side. ``update`` may repeat
    content that other events brought already: only what is new counts.
    """

    revision: int
    effective: int
    session: str
    actor: str
    context: Context
    update: Update
    undeclared_delete: bool = False
    """True for a delete-only edit whose context is not exact: its pairs are never ``certain``."""


class Record(NamedTuple):
    """Two concurrent edits that touch at one place; a pair that touches at several has a record for each.

    ``a < b`` are revisions; ``first`` and ``last`` the outermost touch ids.
    """

    a: int
    b: int
    kinds: frozenset[Kind]
    first: Id
    last: Id
    certain: bool


@dataclass(frozen=True, slots=True)
class Side:
    """What one actor's document said at this place. ``text`` is without ``before``/``after``.

    ``lost`` is what this side wrote here and the merge does not show, "" if nothing. ``formats``: ``(key, value)`` as
    canonical JSON, of the formats it set here. ``session`` is set only where one actor collided with itself (two
    devices): each device is a side then.
    """

    actor: str
    text: str
    revisions: tuple[int, ...]
    session: str | None = None
    lost: str = ""
    formats: tuple[tuple[str, str], ...] = ()


class Step(NamedTuple):
    """One step from a root type down to a place, as the merged view has it. ``of``: ``"root"`` (``at`` is its name),
    ``"key"`` (``at`` is a map key or XML attribute), ``"index"`` (``at`` is a place in an array or XML parent).
    ``name``: the name of the XML element that is entered, else None.
    """

    of: Literal["root", "key", "index"]
    at: str | int
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """One entry of the conflict log: connected records, read as a person would.

    ``root`` names the sequence: a root type's name, or ``client.clock`` of the item that holds it. ``anchor_*`` are
    ids of the first and last item of the episode's span in document order, everything the events touched there.
    ``base`` is what all of them had before, ``merged`` what they and all their authors had seen make together (not what
    later edits made of it: see ``DocumentConflicts.now``). ``before`` and ``after`` are the text around the span in
    the merged view (at most 200 characters each). All fields depend on the episode's events only.

    ``certain``: at least one pair is concurrent whatever the contexts leave open. ``interleaved``: one side's letters
    stand on both sides of another's. ``capped``: so many edits met that pairs were not weighed: ``kinds`` are the
    strict ones that are possible. ``id`` is the lowest id touched, ``c-`` if it was created there, ``d-`` if deleted.

    ``key`` is the map key (or XML attribute) that it is about, None in a sequence. ``path`` leads from the root type to
    the place; ``line`` is the line in a text, from 1; ``heading`` the text of the nearest heading above in its XML
    parent. ``self_only``: all sides are devices of one actor. ``double_initialisation``: several filled a sequence that
    was empty for all of them. ``severity``: see `keepboth.conflicts.severity`. ``settled_by`` is the first revision
    whose author had surely seen all of it and rewrote what it left, None while nobody has.
    """

    id: str
    kinds: frozenset[Kind]
    certain: bool
    interleaved: bool
    capped: bool
    root: str
    first_revision: int
    last_revision: int
    revisions: tuple[int, ...]
    base: str
    sides: tuple[Side, ...]
    merged: str
    before: str
    after: str
    anchor_first: Id
    anchor_last: Id
    key: str | None = None
    path: tuple[Step, ...] = ()
    line: int | None = None
    heading: str | None = None
    self_only: bool = False
    double_initialisation: bool = False
    severity: Severity = "same-gap"
    settled_by: int | None = None


class Changes(NamedTuple):
    """What one step changed: episodes that are new or different, and ids that became part of another episode."""

    changed: tuple[Episode, ...]
    superseded: tuple[tuple[str, str], ...]
