"""Decide what a message's bytes become: which events, by whom, in which context; or that it is all known already.

The rules are those of ``docs/events.md`` ("Identity"): a live update of a session's own content is recorded byte for
byte as it came; a *state transfer* (a sync step 2, or any message that names another client's content) is cut into
one slice per author that holds only what is new.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from keepboth.decider.identity import MANY, Identity
from keepboth.events import (
    CONTENT_YJS_UPDATE,
    EDIT_RECORDED,
    ActorKind,
    Context,
    ContextSource,
    Disposition,
    Draft,
    EventId,
    Micros,
    Seen,
    TimeQuality,
)
from keepboth.yjs.idset import IdSet
from keepboth.yjs.slicing import dependencies, inserted, slice_update
from keepboth.yjs.structs import SKIP, Id, Range, Struct, Update
from keepboth.yjs.update import encode_update


class Owner(NamedTuple):
    """Who writes with a Yjs client id, as far as the log knows."""

    session: str
    actor: str
    actor_kind: ActorKind


class OwnStretch(NamedTuple):
    """One entry of a resumed session's list: what it wrote at one moment, and what it had seen then.

    ``clocks`` is ``(client, clock, length)`` of its own inserts, or None for a delete-only stretch.
    """

    clocks: tuple[int, int, int] | None
    deletes: tuple[tuple[int, int, int], ...]
    context: Context
    authored_at: Micros | None = None


def _nothing(_session: str) -> int:
    return 0


@dataclass(slots=True)
class RecordEdit:
    """The command: a session sent *payload*; please keep it.

    ``clients`` are the session's own Yjs client ids. ``transfer`` is true for a sync step 2. ``readable`` says whether
    the CRDT can parse the payload. ``head`` is the document's last release point when the message came. ``applied``
    says up to which release point a session is known to have applied the document.
    """

    owner: Owner
    clients: frozenset[int]
    payload: bytes
    update: Update
    context: Context
    context_source: ContextSource
    head: int
    transfer: bool = False
    readable: bool = True
    session_seq: int | None = None
    authored_at: Micros | None = None
    time_quality: TimeQuality = "assumed"
    correlation_id: str | None = None
    away_from: Micros | None = None
    stretches: tuple[OwnStretch, ...] = ()
    causation_id: str | None = None
    event_id: EventId | None = None
    applied: Callable[[str], int] = _nothing


class Decided(NamedTuple):
    """The answer: drafts to record (none: nothing new), each with its decoded payload and what it still misses."""

    drafts: list[Draft]
    updates: list[Update]
    missing: list[tuple[tuple[int, int, int], ...]]


NOTHING_NEW = Decided([], [], [])


def decide_edit(
    command: RecordEdit, identity: Identity, owners: Mapping[int, Owner], new_id: Callable[[], EventId]
) -> Decided:
    """Look before you write: return the drafts for what *command* brings that *identity* does not hold.

    The identity table takes the drafts' content in at once. Never refuses.
    """
    if not command.readable:
        return _quarantine(command, identity, new_id)
    update = command.update = _in_order(command.update)
    if not command.transfer and command.clients.issuperset(update.structs):
        return _live(command, identity, new_id)
    return _transfer(command, identity, owners, new_id)


def _draft(command: RecordEdit, payload: bytes, event_id: EventId, **changes: object) -> Draft:
    draft = Draft(
        EDIT_RECORDED,
        event_id,
        payload,
        actor=command.owner.actor,
        actor_kind=command.owner.actor_kind,
        content_type=CONTENT_YJS_UPDATE,
        session=command.owner.session,
        session_seq=command.session_seq,
        context=command.context,
        context_source=command.context_source,
        authored_at=command.authored_at,
        time_quality=command.time_quality,
        correlation_id=command.correlation_id,
        causation_id=command.causation_id,
        away_from=command.away_from,
    )
    for name, value in changes.items():
        setattr(draft, name, value)
    return draft


def _quarantine(command: RecordEdit, identity: Identity, new_id: Callable[[], EventId]) -> Decided:
    digest = hashlib.sha256(command.payload).digest()
    if command.session_seq is None and digest in identity.quarantined:
        return NOTHING_NEW
    identity.quarantined.add(digest)
    draft = _draft(command, command.payload, command.event_id or new_id(), disposition="quarantined")
    return Decided([draft], [command.update], [()])


def _live(command: RecordEdit, identity: Identity, new_id: Callable[[], EventId]) -> Decided:
    """A session's own edit as it happens: recorded as it came if any of it is new and none of it is known."""
    update = command.update
    known = identity.inserted
    news = repeats = False
    for client, structs in update.structs.items():
        for struct in structs:
            if struct.kind == SKIP:
                continue
            clock, length = struct.clock, struct.length
            if not known.contains(client, clock) and (length == 1 or not known.present(client, clock, length)):
                news = True
            else:
                repeats = True
                news = news or not known.covers(client, clock, length)
    deletes = update.deletes
    session = command.owner.session
    if not news and (not deletes or identity.session_deleted_all(session, deletes)):
        return NOTHING_NEW
    payload, message = command.payload, None
    if repeats or not is_plain(payload, update):
        # A copy of known content that differs from it, and content of no length at all, can make the CRDT link items
        # of two lists to each other; then it never ends, or the process does. So only the news reaches it.
        update = slice_update(update, inserted(update).difference(known), deletes)
        payload, message = encode_update(update), payload
    missing = missing_dependencies(update, identity)
    disposition: Disposition = "ready"
    if missing or (not identity.waiting.is_empty and _builds_on(update, identity.waiting)):
        disposition = "pending"
    take_in(identity, update, disposition, session)
    draft = _draft(
        command,
        payload,
        command.event_id or new_id(),
        clients=tuple(update.structs),
        disposition=disposition,
        message=message,
    )
    return Decided([draft], [update], [missing])


def _in_order(update: Update) -> Update:
    """*update* with long lists of deletes ascending: taking them in backwards costs the square of their number, here
    and in the CRDT (pycrdt 0.14: a minute for 440,000 of them)."""
    deletes = update.deletes
    if not any(len(ranges) > MANY and sorted(ranges) != ranges for ranges in deletes.values()):
        return update
    return Update(update.structs, {client: sorted(ranges) for client, ranges in deletes.items()})


def is_plain(payload: bytes, update: Update) -> bool:
    """True if *payload* is what *update* encodes to, as far as it matters: no structs of no length, which decoding
    drops, and no long list of deletes in another order."""
    structs = update.structs
    if any(len(ranges) > MANY for ranges in update.deletes.values()):
        return payload == encode_update(update)
    if len(structs) < 2 and payload[0] == len(structs):
        return not structs or payload[1] == len(next(iter(structs.values()))) or payload == encode_update(update)
    return payload == encode_update(update)


def runs(structs: Sequence[Struct]) -> list[Range]:
    """The ``(clock, length)`` runs that one client's structs in an update bring, gaps left out."""
    first = structs[0]
    if len(structs) == 1 and first.kind != SKIP:
        return [(first.clock, first.length)]
    out: list[Range] = []
    for struct in structs:
        if struct.kind == SKIP:
            continue
        if out and out[-1][0] + out[-1][1] == struct.clock:
            out[-1] = (out[-1][0], out[-1][1] + struct.length)
        else:
            out.append((struct.clock, struct.length))
    return out


def must_wait(update: Update, identity: Identity) -> bool:
    """True if *update* brings something new that builds on what the log does not hold, or on what waits itself."""
    if not missing_dependencies(update, identity) and not _builds_on(update, identity.waiting):
        return False
    if update.deletes and identity.unknown_deletes(update.deletes):
        return True
    return not inserted(update).difference(identity.inserted).is_empty


def is_known(update: Update, identity: Identity) -> bool:
    """True if *update*, taken as a copy of state, brings nothing: what it inserts and deletes is in the log already, or
    made by the merge."""
    return inserted(update).difference(identity.inserted).is_empty and not identity.unknown_deletes(update.deletes)


def missing_dependencies(update: Update, identity: Identity) -> tuple[tuple[int, int, int], ...]:
    """``(client, clock, length)`` that *update* builds on and that the log does not hold."""
    known = identity.inserted
    structs = update.structs
    if update.deletes:
        if not structs and all(
            known.covers(client, clock, length) for client, ranges in update.deletes.items() for clock, length in ranges
        ):
            return ()
    elif len(structs) == 1:
        # A keystroke: one struct that continues its client and names at most two origins.
        ((client, run),) = structs.items()
        if len(run) == 1:
            struct = run[0]
            clock = struct.clock
            origin, right, parent = struct.origin, struct.right_origin, struct.parent
            if (
                (clock == 0 or known.contains(client, clock - 1))
                and (origin is None or known.contains(*origin))
                and (right is None or known.contains(*right))
                and (type(parent) is not tuple or known.contains(*parent))
            ):
                return ()
    elif not structs:
        return ()
    out: list[tuple[int, int, int]] = []
    for client, clock, length in dependencies(update):
        out.extend((client, start, size) for start, size in known.missing(client, clock, length))
    return tuple(out)


def _builds_on(update: Update, ids: IdSet) -> bool:
    return any(ids.present(client, clock, length) for client, clock, length in dependencies(update))


def take_in(identity: Identity, update: Update, disposition: Disposition, session: str) -> None:
    """Enter a decided edit's content into the identity table."""
    identity.inserted.add_update_structs(update)
    if disposition == "pending":
        identity.waiting.add_update_structs(update)
    if update.deletes:
        identity.note_deletes(session, update.deletes)


def named_of_others(update: Update, clients: frozenset[int]) -> list[Id]:
    """Ids of other clients' content that *update* builds on or deletes: its author had them."""
    named: list[Id] = []
    for structs in update.structs.values():
        for struct in structs:
            origin = struct.origin
            if origin is not None and origin[0] not in clients:
                named.append(origin)
            right = struct.right_origin
            if right is not None:
                if right[0] not in clients:
                    named.append(right)
            elif origin is None and type(struct.parent) is tuple and struct.parent[0] not in clients:
                named.append(struct.parent)
    if update.deletes:
        for client, ranges in update.deletes.items():
            if client not in clients:
                named.extend((client, clock + length - 1) for clock, length in ranges)
    return named


def _transfer(
    command: RecordEdit, identity: Identity, owners: Mapping[int, Owner], new_id: Callable[[], EventId]
) -> Decided:
    """A copy of a document's state: one slice per author with what the log lacks, the sender's own last."""
    update = command.update
    news = inserted(update).difference(identity.inserted)
    deletes = identity.unknown_deletes(update.deletes)
    if news.is_empty and not deletes:
        return NOTHING_NEW
    there = identity.inserted.union(inserted(update)) if deletes else identity.inserted
    plan = _plan_slices(command, news, deletes, there, owners)
    decided = Decided([], [], [])
    whole = len(plan) == 1
    for part, (owner, structs, gone, stretch) in enumerate(plan):
        piece = slice_update(_around(update, structs, gone), structs, gone)
        if piece.is_empty:
            continue
        payload = encode_update(piece)
        missing = missing_dependencies(piece, identity)
        waits = bool(missing) or (not identity.waiting.is_empty and _builds_on(piece, identity.waiting))
        disposition: Disposition = "pending" if waits else "ready"
        take_in(identity, piece, disposition, owner.session)
        draft = _draft(
            command,
            payload,
            (command.event_id if whole else None) or new_id(),
            clients=tuple(piece.structs),
            disposition=disposition,
            part=part,
            message=None if payload == command.payload else command.payload,
        )
        if owner != command.owner:
            draft.actor, draft.actor_kind, draft.session = owner.actor, owner.actor_kind, owner.session
            draft.relayed_by = command.owner.session
            draft.session_seq = None
            draft.context, draft.context_source = _assumed(command, piece, identity, owner), "assumed"
        elif stretch is not None:
            draft.context, draft.context_source = stretch.context, "resumed"
            if stretch.authored_at is not None:
                draft.authored_at, draft.time_quality = stretch.authored_at, "measured"
        decided.drafts.append(draft)
        decided.updates.append(piece)
        decided.missing.append(missing)
    return decided


def _assumed(command: RecordEdit, piece: Update, identity: Identity, owner: Owner) -> Context:
    """The context of a slice whose author did not bring it: at least what its author had shown to have applied when it
    was here and what the ids prove that the slice names, at most all that is recorded."""
    named = named_of_others(piece, frozenset(piece.structs))
    revision_of = identity.insertions.revision_of
    lower = max((revision_of(client, clock) for client, clock in named), default=0)
    return Context(Seen(min(max(lower, command.applied(owner.session)), command.head)), Seen(command.head))


def _around(update: Update, structs: IdSet, deletes: IdSet) -> Update:
    """The part of *update* that a slice with *structs* and *deletes* is cut from, so that many slices of one update
    cost no more than the update."""
    near: dict[int, list[Struct]] = {}
    for client, of_client in update.structs.items():
        ranges = structs.ranges(client)
        if ranges:
            first = bisect_right(of_client, ranges[0][0], key=_clock) - 1
            last = bisect_right(of_client, ranges[-1][0] + ranges[-1][1] - 1, key=_clock)
            near[client] = of_client[max(first, 0) : last]
    gone = deletes.to_dict()
    return Update(near, {client: gone[client] for client in update.deletes if client in gone})


def _clock(struct: Struct) -> int:
    return struct.clock


_Slice = tuple[Owner, IdSet, IdSet, OwnStretch | None]


def _plan_slices(
    command: RecordEdit, news: IdSet, deletes: Mapping[int, list[Range]], there: IdSet, owners: Mapping[int, Owner]
) -> list[_Slice]:
    """Whose news is what: other authors by client id, then the sender's listed stretches, then the rest of its own,
    then deletes of what is not *there*, so that they alone must wait."""
    plan: list[_Slice] = []
    early = IdSet(deletes).difference(there)
    rest_structs, rest_deletes = IdSet(), IdSet(deletes).difference(early)
    nothing = IdSet()
    for client in news.clients():
        if client in command.clients:
            for clock, length in news.ranges(client):
                rest_structs.add(client, clock, length)
            continue
        owner = owners.get(client) or Owner(f"y:{client}", f"client:{client}", "anonymous")
        plan.append((owner, IdSet({client: news.ranges(client)}), nothing, None))
    for stretch in command.stretches:
        own, gone = IdSet(), IdSet()
        if stretch.clocks is not None and stretch.clocks[0] in command.clients:
            client, clock, length = stretch.clocks
            for start, size in rest_structs.present(client, clock, length):
                own.add(client, start, size)
        for client, clock, length in stretch.deletes:
            for start, size in rest_deletes.present(client, clock, length):
                gone.add(client, start, size)
        if own.is_empty and gone.is_empty:
            continue
        for ids, rest in ((own, rest_structs), (gone, rest_deletes)):
            for client, clock, length in ids:
                rest.remove(client, clock, length)
        plan.append((command.owner, own, gone, stretch))
    if not rest_structs.is_empty or not rest_deletes.is_empty:
        plan.append((command.owner, rest_structs, rest_deletes, None))
    if not early.is_empty:
        plan.append((command.owner, nothing, early, None))
    return plan
