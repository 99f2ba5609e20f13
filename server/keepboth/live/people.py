"""Who is in a room: awareness taken in, relayed together, and told apart from what providers repeat of others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keepboth.events import AWAY
from keepboth.live.frames import binary_frame
from keepboth.live.presence import NULL, claim_of
from keepboth.live.session import Session
from keepboth.yjs.messages import Awareness, AwarenessState, encode_awareness

if TYPE_CHECKING:
    from keepboth.live.room import Room

RELAY_AFTER_S = 0.005
"""Cursor moves of this long are relayed together."""


class People:
    """The people of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._news: dict[int, AwarenessState] = {}

    def receive(self, session: Session, message: Awareness) -> None:
        """Take an awareness message in. Raises OverLimit."""
        states = message.states
        if len(states) == 1 and not session.clients and not session.declared:
            self.learn_client(session, states[0].client, opening=session.arrived_with is not None)
        if not session.declared:
            self._room.asking.states_came(session, states)
        # Providers repeat what they hear of others: that is no news, and does not make it theirs to keep alive. Who is
        # connected speaks for itself: what others say of it (that it timed out, say) would have it answer for itself
        # and for others in one message, which is how an answer is recognised.
        elsewhere = {client for other in self._room.sessions if other is not session for client in other.clients}
        elsewhere -= session.clients
        before = self._room.presence.state_of(states[0].client) if len(states) == 1 else None
        news = self._room.presence.take(tuple(state for state in states if state.client not in elsewhere))
        if len(states) == 1 and states[0].client in session.clients and states[0].state_json != NULL:
            session.claim = claim_of(states[0].state_json).over(session.claim)
            if before != states[0].state_json:
                session.active_at = self._room.ports.clock()
        session.awareness.update(
            state.client
            for state in states
            if state.state_json != NULL and (state.client in session.clients or state in news)
        )
        if not news:
            return
        if not self._news:
            self._room.ports.later(RELAY_AFTER_S, self._relay)
        for state in news:
            self._news[state.client] = state

    def _relay(self) -> None:
        news, self._news = self._news, {}
        if not news or self._room.state == "closed":
            return
        frame = binary_frame(encode_awareness(news.values()))
        for session in self._room.sessions:
            self._room.write(session, frame)

    def learn_client(self, session: Session, client: int, *, opening: bool = False) -> None:
        """A stock client's Yjs id has become known: its session is named after it, so that it survives reconnects.

        ``opening``: it was the only one named before the client had answered us, when it could not yet repeat what it
        heard of others. Then it is its own, even if a socket that we do not know to be dead still has it.
        """
        holders = [other for other in self._room.sessions if other is not session and client in other.clients]
        if any(not opening or other.declared or other.actor != session.actor for other in holders):
            return
        for old in holders:
            session.lower = max(session.lower, old.lower)
            if session.arrived_with is not None:
                session.arrived_with = min(session.arrived_with, old.sent)
        session.clients = frozenset((client,))
        known = self._room.owners.get(client)
        name = f"y:{client}"
        session.id = known.session if known is not None and known.session == name else name
        before = session.gone = self._room.gone.pop(session.id, None)
        if before is not None:
            session.lower = max(session.lower, before.lower)
            if session.arrived_with is not None:
                session.arrived_with = min(session.arrived_with, before.sent)
            session.away_from = before.at
            session.correlation_id = f"{AWAY}{session.id}:{before.at}"
