"""Random sessions over every shared type, recorded in a store with contexts and times."""

from __future__ import annotations

from random import Random

from keepboth.events import Context, Draft, Seen, compress_ranges
from keepboth.store.base import EventStore
from keepboth.yjs.slicing import dependencies
from keepboth.yjs.structs import Update
from keepboth.yjs.update import decode_update
from tests.store.making import append, decision, edit
from tests.yjs.documents import session

DOCUMENT = "d"


class Recorded:
    """What was recorded: payloads by revision, and every revision that each edit certainly builds on."""

    def __init__(self) -> None:
        self.payloads: dict[int, bytes] = {}
        self.updates: dict[int, Update] = {}
        self.past: dict[int, set[int]] = {}
        self.authored: dict[int, int] = {}
        self.recorded: dict[int, int] = {}


def record(store: EventStore, seed: int, clock: object, *, disorder: bool = True) -> Recorded:
    """Record a session: some edits arrive before what they build on, decisions in between, times that do not agree."""
    random = Random(seed)
    _, updates = session(seed)
    if disorder:
        for _ in range(len(updates) // 5):
            at = random.randrange(len(updates) - 1)
            updates[at], updates[at + 1] = updates[at + 1], updates[at]
    made = Recorded()
    holder: dict[int, list[tuple[int, int, int]]] = {}
    clocks: dict[int, int] = {}
    sessions: dict[str, list[int]] = {}
    revision = 0
    for payload in updates:
        clock.now += random.randrange(0, 900)  # type: ignore[attr-defined]
        if random.random() < 0.1:
            (receipt,) = append(store, DOCUMENT, decision())
            revision = receipt.revision
        update = decode_update(payload)
        client = next(iter(update.structs), next(iter(update.deletes), 0))
        name = f"y:{client}"
        past: set[int] = set()
        ready = True
        for who, when, size in dependencies(update):
            for start, end, by in holder.get(who, ()):
                if start < when + size and when < end:
                    past |= {by} | made.past[by]
            ready = ready and when + size <= clocks.get(who, 0)
        past |= {one for earlier in sessions.get(name, ()) for one in (earlier, *made.past[earlier])}
        others = compress_ranges(past - set(sessions.get(name, ())))
        bound = Seen(0, others)
        draft: Draft = edit(
            payload,
            actor=name,
            session=name,
            disposition="ready" if ready else "pending",
            context=Context(bound, bound),
            context_source="declared",
            authored_at=max(0, clock.now - random.choice((0, 0, 50, 5_000))),  # type: ignore[attr-defined]
        )
        (receipt,) = append(store, DOCUMENT, draft)
        revision = receipt.revision
        made.payloads[revision], made.updates[revision], made.past[revision] = payload, update, past
        sessions.setdefault(name, []).append(revision)
        for who, structs in update.structs.items():
            for struct in structs:
                holder.setdefault(who, []).append((struct.clock, struct.clock + struct.length, revision))
                if ready:
                    clocks[who] = max(clocks.get(who, 0), struct.clock + struct.length)
    for event in store.read(DOCUMENT, limit=10_000):
        made.authored[event.revision] = event.authored_at
        made.recorded[event.revision] = event.recorded_at
    return made
