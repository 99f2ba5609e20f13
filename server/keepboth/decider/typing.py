"""Keystrokes that come many at a time: what `decide_edit` would say of each, for a fraction of its time.

A keystroke here is one struct of text that its session's own client writes right behind what it wrote last, between
neighbours that the log holds. Whatever is anything else goes the long way.
"""

from __future__ import annotations

from collections.abc import Callable

from keepboth.decider.edits import Owner
from keepboth.decider.identity import Identity
from keepboth.events import CONTENT_YJS_UPDATE, EDIT_RECORDED, Context, ContextSource, Draft, EventId
from keepboth.yjs.structs import STRING, Update


def is_keystroke(update: Update, payload: bytes, client: int, identity: Identity) -> bool:
    """True if *payload*, which *update* is, is the next keystroke of *client* and news. *identity* holds nothing that
    waits."""
    structs = update.structs
    if update.deletes or len(structs) != 1 or payload[0] != 1 or payload[1] != 1:
        return False
    run = structs.get(client)
    if run is None or len(run) != 1:
        return False
    struct = run[0]
    if struct.kind != STRING or struct.key is not None or type(struct.parent) is tuple:
        return False
    known = identity.inserted
    if known.contains(client, struct.clock) or known.end(client) != struct.clock:
        return False
    origin, right = struct.origin, struct.right_origin
    return (origin is None or known.contains(*origin)) and (right is None or known.contains(*right))


def take_keystroke(
    update: Update,
    payload: bytes,
    owner: Owner,
    clients: tuple[int, ...],
    context: Context,
    context_source: ContextSource,
    identity: Identity,
    new_id: Callable[[], EventId],
) -> Draft:
    """The draft for a keystroke of the one client in *clients*, whose content *identity* takes in at once."""
    client = clients[0]
    struct = update.structs[client][0]
    identity.inserted.add(client, struct.clock, struct.length)
    return Draft(
        EDIT_RECORDED,
        new_id(),
        payload,
        actor=owner.actor,
        actor_kind=owner.actor_kind,
        content_type=CONTENT_YJS_UPDATE,
        session=owner.session,
        context=context,
        context_source=context_source,
        clients=clients,
    )
