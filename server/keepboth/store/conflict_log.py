"""The port of the conflict log's projection: what every store of it offers. It can be dropped and rebuilt at any time.

All calls block; callers run them off the event loop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from keepboth.events import Micros

Status = Literal["open", "settled", "resolved"]
Order = Literal["document", "newest", "attention"]
"""By (document, first revision, id); by recorded time, newest first; missing text, then *mine*, then newest."""


class StoredEpisode(NamedTuple):
    """One entry of the conflict log as the projection keeps it; ``body`` is canonical JSON (sorted keys).

    ``status`` and ``state`` are what decisions have made of it; ``state`` is canonical JSON. ``first_at`` and
    ``last_at``: when its first and its last edit were recorded. ``text``: what a search looks in. ``hidden``: why it
    stays behind the footer while it is open, "" if it does not. ``stretch``: the offline stretch that it is told with,
    "" if none. An id is unique within its document. ``met``: the revision at which its versions met, the first edit of
    the side that came last. ``anchors``: its first and its last item as JSON, ``[[client, clock], [client, clock]]``;
    "" where it lies in no sequence.
    """

    id: str
    document: str
    first_revision: int
    last_revision: int
    certain: bool
    kinds: tuple[str, ...]
    actors: tuple[str, ...]
    body: bytes
    status: Status = "open"
    severity: str = "same-gap"
    self_only: bool = False
    double_initialisation: bool = False
    first_at: Micros = 0
    last_at: Micros = 0
    state: str = "{}"
    text: str = ""
    hidden: str = ""
    stretch: str = ""
    met: int = 0
    anchors: str = ""


class Placed(NamedTuple):
    """Where one entry lies, and of what sort it is: the columns of `StoredEpisode` that need no body."""

    id: str
    status: Status
    severity: str
    certain: bool
    hidden: str
    met: int
    last_revision: int
    anchors: str


class Places(NamedTuple):
    """Entries' places in order, and the cursor of the page after them; None if there is none."""

    places: list[Placed]
    next: str | None


class Met(NamedTuple):
    """The entries whose versions met at revision ``met`` and that are alike ``shown`` or behind the footer: their
    ``number``, and the one of the greatest id."""

    met: int
    shown: bool
    number: int
    id: str
    first_revision: int
    last_revision: int
    status: Status
    severity: str
    certain: bool


class Wanted(NamedTuple):
    """Which entries: every condition that is set must hold; where one has several values, any of them does.
    ``hidden``: those behind the footer, which those that are not open are, too.

    ``since`` and ``until``: those with an edit recorded in between, both included. ``text``: each of its words occurs
    in an entry's texts, whatever the case, also within a word. ``met_since`` and ``met_until``: those whose versions
    met at one of these revisions, both included. ``anchored``: those that lie in a sequence.
    """

    document: str | None = None
    statuses: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    actor: str | None = None
    certain: bool | None = None
    self_only: bool | None = None
    double_initialisation: bool | None = None
    since: Micros | None = None
    until: Micros | None = None
    text: str = ""
    hidden: bool | None = None
    stretch: str | None = None
    met_since: int | None = None
    met_until: int | None = None
    anchored: bool | None = None


class Page(NamedTuple):
    """Entries in order, and the cursor of the page after them; None if there is none."""

    episodes: list[StoredEpisode]
    next: str | None


class Counts(NamedTuple):
    """How many entries there are of each sort. ``hidden`` counts every entry behind the footer once: by its status if
    it is not open, else by why it is hidden. ``documents``: (document, entries, of which open), most open first."""

    total: int
    statuses: dict[str, int]
    severities: dict[str, int]
    kinds: dict[str, int]
    certain: int
    self_only: int
    double_initialisation: int
    hidden: dict[str, int]
    documents: list[tuple[str, int, int]]


class Change(NamedTuple):
    """One thing that is different since a change number.

    ``entry``: ``episode`` is new (``fresh``), or its status is another (``turned``), or something else of it.
    ``superseded``: the entry ``id`` has become part of ``into``. ``reset``: entries of the document are gone; forget
    what you know of it.
    """

    number: int
    what: Literal["entry", "superseded", "reset"]
    document: str
    id: str = ""
    into: str = ""
    episode: StoredEpisode | None = None
    fresh: bool = False
    turned: bool = False


class ConflictStore(Protocol):
    """The conflict log: a projection. It lives in a file of its own that may be deleted at any time.

    Rows belong to an engine ``version``; opening with another version drops them, and they are rebuilt. Whatever
    changes gets the next change number; numbers never decrease within an ``epoch``.
    """

    @property
    def epoch(self) -> str:
        """Names the life of the projection: another one after it was begun anew or dropped whole."""

    def cursor(self, document: str) -> tuple[int, bytes]:
        """(revision, document hash) up to which the document's conflicts are stored; (0, b"") if none."""

    def advance(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        upserts: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> None:
        """Store new or changed episodes, redirect superseded ids (old, new) and move the cursor, in one transaction.
        Superseded episodes' rows are removed; their ids keep resolving to the newest. What is stored already gets no
        new change number."""

    def replace(
        self,
        document: str,
        revision: int,
        document_hash: bytes,
        episodes: Sequence[StoredEpisode],
        aliases: Sequence[tuple[str, str]],
    ) -> bool:
        """Make this all there is of *document*, in one transaction; former ids that still lead somewhere stay. False,
        and nothing is done, if what is stored reaches beyond *revision* by now."""

    def documents(self) -> Sequence[str]:
        """Every document of which something is stored."""

    def judge(self, document: str, decided: int, judged: Sequence[tuple[str, Status, str]]) -> None:
        """Store what decisions up to revision *decided* have made of entries: (id, status, state)."""

    def decided(self, document: str) -> int:
        """The revision of the last decision that :meth:`judge` was told of, 0 if none."""

    def list(
        self,
        document: str | None = None,
        *,
        after: str = "",
        limit: int = 100,
        certain: bool | None = None,
    ) -> list[StoredEpisode]:
        """Episodes by (document, first_revision, id), ascending; *after* is the id of the last one seen."""

    def page(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Page:
        """Entries in *order* behind the cursor *after*: what stays where it is appears exactly once, whatever comes or
        goes meanwhile. *mine* is an actor, for ``attention``. Raises InvalidRequest for another order's cursor."""

    def places(
        self, wanted: Wanted, *, order: Order = "document", mine: str | None = None, after: str = "", limit: int = 100
    ) -> Places:
        """As :meth:`page`, but only where entries lie: reads no bodies."""

    def met(self, document: str) -> Sequence[Met]:
        """How many of the document's entries met at which revision, ascending; what is shown before what is not."""

    def count(self, document: str | None = None) -> int:
        """How many episodes there are."""

    def counts(self, wanted: Wanted, *, documents: int = 100) -> Counts:
        """How many of each sort among *wanted*; at most so many documents are named."""

    def get(self, episode_id: str, document: str | None = None) -> StoredEpisode | None:
        """The episode with this id, or the one that it became part of, or None. Raises InvalidRequest if no document
        is named and several have one."""

    def change(self) -> int:
        """The last change number, 0 if nothing has changed."""

    def changes(self, after: int, document: str | None = None, limit: int = 100) -> Sequence[Change]:
        """What is different since change number *after*, oldest first; each thing once, as it is now."""

    def drop(self, document: str | None = None) -> None:
        """Forget everything about *document* (or all documents): it will be rebuilt."""

    def close(self) -> None:
        """Finish and release the file."""
