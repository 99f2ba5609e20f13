"""A recorded edit as the conflict engine needs it."""

from __future__ import annotations

from keepboth.conflicts.model import EditFact
from keepboth.events import Context, Draft, Event, Seen
from keepboth.store.base import EditRow
from keepboth.yjs.structs import Update


def edit_fact(effective: int, event: EditRow | Draft | Event, revision: int, update: Update) -> EditFact:
    """One edit as the engine needs it. Without a context: anything before it may have been seen, nothing must.

    What is only assumed about an author (content that somebody else brought) makes nothing certain.
    """
    context = event.context
    if context is None:
        context = Context(Seen(0), Seen(revision - 1))
    unsure = event.context_source == "assumed" or (not update.structs and not context.exact)
    return EditFact(revision, effective, event.session or event.actor, event.actor, context, update, unsure)
