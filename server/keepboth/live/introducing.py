"""Who somebody is, in the log: the events that give an actor's name, also of those who never open a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Protocol

from keepboth.events import SESSION_JOINED, ActorKind, Draft, EventId
from keepboth.store.base import EventStore


class Named(Protocol):
    """Whoever decides something: as the ``identify`` hook says, or a guest with the name that they give themselves."""

    @property
    def id(self) -> str: ...

    @property
    def kind(self) -> ActorKind: ...

    @property
    def name(self) -> str | None: ...


def joined(
    event_id: EventId,
    actor: str,
    kind: ActorKind,
    session: str,
    *,
    name: str | None,
    color: str | None = None,
    clients: Sequence[int] = (),
    claimed: bool,
) -> Draft:
    """The event that says how *actor* is called in *session*. ``claimed``: nobody vouches for it."""
    payload = {"session": session, "clients": list(clients), "name": name, "color": color, "claimed": claimed}
    return Draft(
        SESSION_JOINED,
        event_id,
        json.dumps(payload, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode(),
        actor=actor,
        actor_kind=kind,
        session=session,
    )


class Introducer:
    """Gives what must stand in front of a decision, so that whoever reads it later reads a name."""

    def __init__(self, store: EventStore, new_id: Callable[[], EventId]) -> None:
        self._store = store
        self._new_id = new_id

    async def __call__(
        self, document: str, who: Named, session: str | None, event_id: EventId | None = None
    ) -> list[Draft]:
        """Nothing if *who* has no name, if the log knows it, or if *event_id*, the decision's, is recorded already."""
        name = who.name
        if not name or await asyncio.to_thread(self._is_known, document, who.id, name, event_id):
            return []
        session = session or f"http:{who.id}"
        return [joined(self._new_id(), who.id, who.kind, session, name=name, claimed=who.kind == "anonymous")]

    def _is_known(self, document: str, actor: str, name: str, event_id: EventId | None) -> bool:
        if event_id is not None and self._store.get(event_id) is not None:
            return True
        last = self._store.read(document, types=[SESSION_JOINED], actors=[actor], reverse=True, limit=1)
        return bool(last) and json.loads(last[0].payload or b"{}").get("name") == name
