"""Going back: the edit that makes a document say again what it said, or takes somebody's work out of it.

Nothing of the log is undone: the edit is one more, and what others write meanwhile is merged with it as with any other.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from keepboth.conflicts.restoring import fresh_client
from keepboth.conflicts.rewinding import Change, Counts, rewind
from keepboth.errors import InvalidRequest
from keepboth.events import compress_ranges
from keepboth.fold.document import FoldedEdit
from keepboth.fold.replica import EMPTY_UPDATE
from keepboth.history.cuts import Cut, prefix, select
from keepboth.history.lineage import leaving_out
from keepboth.history.past import Past
from keepboth.history.rendering import shown
from keepboth.history.work import Work
from keepboth.yjs.update import encode_update

_NOBODY = b"\0" * 16


class GoBack(NamedTuple):
    """Make the document what it was at a cut, or undo some work. Just one of them is set."""

    to: Cut | None = None
    undo: Work | None = None


class Reversion(NamedTuple):
    """A way back, worked out for the document at ``revision`` (``token``: of that cut).

    ``to``: the token of the cut that is restored; ``undone``: ranges of revisions whose work is taken out. ``update``
    is empty (two zero bytes) if nothing changes. ``roots``: what the document will say, where somebody asked.
    """

    document: str
    revision: int
    token: str
    to: str | None
    undone: tuple[tuple[int, int], ...]
    update: bytes
    clients: tuple[int, ...]
    changes: tuple[Change, ...]
    counts: Counts
    digest: bytes
    roots: dict[str, Any] | None = None

    @property
    def is_empty(self) -> bool:
        """True if the document says that already."""
        return self.update == EMPTY_UPDATE


def work_out(
    past: Past, document: str, wish: GoBack, seed: bytes = _NOBODY, *, at: int | None = None, show: bool = False
) -> Reversion:
    """What *wish* takes in the document as it is, or as it was at revision *at*. *seed* decides on the client id of the
    edit. *show*: say what the document will read. Blocks.

    Raises NotFound, InvalidRequest.
    """
    if (wish.to is None) == (wish.undo is None):
        raise InvalidRequest("say either what to go back to or what to undo")
    store = past.store
    here = select(store, document) if at is None else prefix(store, document, at)
    lineage = past.apart(document, here.revision)
    now = past.screen(lineage, here)
    client = fresh_client(lineage.items, seed)
    to: str | None = None
    undone: tuple[int, ...] = ()
    if wish.to is not None:
        target = select(store, document, wish.to)
        past.apart(document, target.revision)
        to = target.token
        then = past.screen(lineage, target)
        rewound = rewind(lineage.items, client, now, lambda stroke: now(stroke) and then(stroke))
    else:
        assert wish.undo is not None
        undone = wish.undo.of(lineage, here)
        now = lineage.firsthand(now)
        rewound = rewind(lineage.items, client, now, leaving_out(now, undone), sparing=True)
    update = encode_update(rewound.update)
    roots: dict[str, Any] | None = None
    if show:
        folded = past.folding.copy(here)
        folded.add([FoldedEdit(folded.revision + 1, "ready", update)])
        roots = shown(folded)
    return Reversion(
        document,
        here.revision,
        here.token,
        to,
        compress_ranges(undone),
        update,
        tuple(rewound.update.structs),
        rewound.changes,
        rewound.counts,
        rewound.digest,
        roots,
    )
