"""What detection knows of one live room: how far its conflicts are known, and what waits for the engine."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keepboth.conflicts.model import EditFact
from keepboth.history.facts import edit_fact
from keepboth.live.passage import CommittedEdit
from keepboth.live.projector import NO_BASE, ConflictProjector, Size, base_of, pairs_of
from keepboth.live.room import Room

MAX_QUEUE: Final = 20_000
"""Edits a live room may be ahead of the engine before they are read from the log again instead."""

SLICE_EDITS: Final = 64
"""Edits that the engine is given at once; one at a time while they take long."""

SLICE_PAIRS: Final = 500
"""Fewer of them where their authors had missed so much (see `Size.pairs`)."""

CALM: Final = 32
"""Light looks in a row after which a document whose edits took long to look at counts as any other."""


class Lag(NamedTuple):
    """How far the conflicts of a document are ``known``, how far the engine has ``looked``, and where the document is:
    revisions."""

    document: str
    known: int
    looked: int
    revision: int


@dataclass(slots=True, eq=False)
class Watch:
    """What detection knows of one live room.

    ``last`` and ``last_other`` are the newest release points of two different sessions: enough to tell in a moment
    whether an edit's author missed somebody's. ``covered`` is the revision up to which conflicts are known. ``named``:
    ids of entries that were decided about, for the next findings. ``light``: how many looks in a row were short.
    """

    room: Room
    covered: int = 0
    saved: int = -1
    session: str = ""
    last: int = 0
    last_other: int = 0
    projector: ConflictProjector | None = None
    build_until: int = 0
    queue: deque[CommittedEdit] = field(default_factory=deque)
    overflowed: bool = False
    light: int = CALM
    threaded: bool = False
    scheduled: bool = False
    asked: bool = False
    failed: bool = False
    searched: bool = False
    aside: bool = False
    fed_at: float = 0.0
    shown: int = 0
    shown_at: float = -1.0
    timer: asyncio.TimerHandle | None = None
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    named: set[str] = field(default_factory=set)

    @property
    def heavy(self) -> bool:
        """True while looking at this document's edits takes long: they are looked at one by one, in a thread."""
        return self.light < CALM

    def looked(self, *, long: bool) -> None:
        """The engine has looked at something, which took long or did not."""
        self.light = 0 if long else min(self.light + 1, CALM)

    @property
    def known(self) -> int:
        """The revision up to which conflicts are known and have been handed to the projection."""
        return self.covered if self.projector is None else self.shown

    @property
    def reached(self) -> int:
        """The revision up to which the engine has looked."""
        return self.covered if self.projector is None else self.projector.revision

    def queue_up(self, edits: Sequence[CommittedEdit]) -> None:
        """Let *edits* wait for the engine, or, if too many do, be read from the log again."""
        if len(self.queue) + len(edits) > MAX_QUEUE:
            self.queue.clear()
            self.overflowed = True
        if not self.overflowed:
            self.queue.extend(edits)

    def misses_something(self, edit: CommittedEdit) -> bool:
        """True if the author of *edit*, the room's newest, had not seen everything that others had done before."""
        draft = edit.draft
        if draft is None or draft.session is None or draft.context is None or edit.effective != edit.revision:
            return True
        session = draft.session
        others = self.last_other if session == self.session else self.last
        if draft.context.lower.base < others:
            return True
        if session != self.session:
            self.last_other, self.session = self.last, session
        self.last = edit.revision
        return bool(draft.context.lower.exclude)

    def take(self, projector: ConflictProjector) -> tuple[list[EditFact], Size]:
        """Some of the edits that wait, as the engine needs them, and how much there is to look at; never a part of what
        was released together, for together is what it builds on."""
        facts: list[EditFact] = []
        queue = self.queue
        pairs, least = 0, NO_BASE
        most = 1 if self.heavy else SLICE_EDITS
        while queue:
            full = pairs >= SLICE_PAIRS or len(facts) >= most
            if full and not (facts and queue[0].effective == facts[-1].effective):
                break
            edit = queue.popleft()
            draft, update = edit.draft, edit.update
            if draft is not None and update is not None:
                base = base_of(draft.context)
                pairs += pairs_of(edit.effective, base, update)
                least = min(least, base)
            if edit.effective <= self.build_until:
                continue  # built from the log already
            if draft is not None and update is not None:
                facts.append(edit_fact(edit.effective, draft, edit.revision, update))
                continue
            held = projector.held(edit.revision)
            if held is not None:
                event, held_update = held
                facts.append(edit_fact(edit.effective, event, edit.revision, held_update))
        return facts, Size(least, pairs)

    def bring_up(self) -> bool:
        """Let the engine look at the last few edits at once; False if there is more to do than that, or a thread has
        the engine."""
        projector = self.projector
        if projector is None or self.threaded or self.overflowed or projector.revision < self.build_until:
            return False
        if self.queue and (self.heavy or len(self.queue) > SLICE_EDITS or projector.is_long(_size(self.queue))):
            return False
        if self.queue:
            facts, _ = self.take(projector)
            projector.take_facts(facts, facts[-1].effective if facts else projector.revision)
        self.covered = projector.revision = self.room.revision
        return True


def _size(edits: Iterable[CommittedEdit]) -> Size:
    """The size of *edits*; those that the engine holds already are small."""
    least, pairs = NO_BASE, 0
    for edit in edits:
        if edit.draft is not None and edit.update is not None:
            base = base_of(edit.draft.context)
            pairs += pairs_of(edit.effective, base, edit.update)
            least = min(least, base)
    return Size(least, pairs)
