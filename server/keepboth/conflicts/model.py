"""Values that go into and come out of the conflict engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from keepboth.events import Context
from keepboth.yjs.structs import Id, Update

ENGINE_VERSION: Final = 1
"""Raise this when the same events would give another conflict log: stored projections are then rebuilt."""

Kind = Literal["insert-insert", "delete-delete", "insert-in-deleted", "insert-at-edge", "adjacent-deletes"]
STRICT_KINDS: Final = frozenset({"insert-insert", "delete-delete", "insert-in-deleted"})


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
    """What one actor's document said at this place. ``text`` is without ``before``/``after``."""

    actor: str
    text: str
    revisions: tuple[int, ...]


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


class Changes(NamedTuple):
    """What one step changed: episodes that are new or different, and ids that became part of another episode."""

    changed: tuple[Episode, ...]
    superseded: tuple[tuple[str, str], ...]
