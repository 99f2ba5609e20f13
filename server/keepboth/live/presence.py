"""Awareness: who is here, where their cursors are. Kept in memory while they are connected, never recorded."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import NamedTuple

from keepboth.errors import OverLimit
from keepboth.yjs.messages import AwarenessState

NULL = "null"
MAX_NAME = 120
MAX_COLOR = 40
MAX_CLIENTS = 10_000
"""Clients whose states one room keeps."""
MAX_STATES = 256
"""Bytes that all states of one room may take together, as a multiple of what one may take."""


class Claim(NamedTuple):
    """What a session says of itself: a label for people, not an identity."""

    name: str | None
    color: str | None

    def over(self, earlier: Claim) -> Claim:
        """This, and of *earlier* what this says nothing about: a cursor without a name takes no name away."""
        return Claim(self.name or earlier.name, self.color or earlier.color)


NO_CLAIM = Claim(None, None)


class Presence:
    """The newest awareness state of every client in one room."""

    def __init__(self, max_state_bytes: int) -> None:
        self._states: dict[int, AwarenessState] = {}
        self._max_state_bytes = max_state_bytes
        self._size = 0

    def take(self, states: tuple[AwarenessState, ...]) -> list[AwarenessState]:
        """Keep what is newer than what is known (y-protocols: higher clock, or equal clock and gone); return that.

        A room that is full takes no more in, which hurts nobody's edits. Raises OverLimit for a state larger than the
        limit and for more states than a room keeps.
        """
        if len(states) > MAX_CLIENTS:
            raise OverLimit(f"{len(states)} awareness states in one message, {MAX_CLIENTS} are accepted")
        news: list[AwarenessState] = []
        for state in states:
            if len(state.state_json) > self._max_state_bytes:
                raise OverLimit(
                    f"an awareness state of {len(state.state_json)} characters, {self._max_state_bytes} are accepted"
                )
            known = self._states.get(state.client)
            gone = state.state_json == NULL
            if known is not None and (state.clock < known.clock or (state.clock == known.clock and not gone)):
                continue
            if gone:
                if known is None:
                    continue
                self._forget(state.client)
            elif not self._keep(state):
                continue
            news.append(state)
        return news

    def _keep(self, state: AwarenessState) -> bool:
        """Put *state* in the place of what is known of its client; False if the room is full."""
        known = self._states.get(state.client)
        size = self._size + len(state.state_json) - (len(known.state_json) if known is not None else 0)
        if (known is None and len(self._states) >= MAX_CLIENTS) or size > MAX_STATES * self._max_state_bytes:
            return False
        self._states[state.client] = state
        self._size = size
        return True

    def _forget(self, client: int) -> AwarenessState | None:
        known = self._states.pop(client, None)
        if known is not None:
            self._size -= len(known.state_json)
        return known

    @property
    def size(self) -> int:
        """Characters that all states take together."""
        return self._size

    def __len__(self) -> int:
        return len(self._states)

    def state_of(self, client: int) -> str | None:
        """The state of *client* as JSON text, None if it is not here."""
        known = self._states.get(client)
        return None if known is None else known.state_json

    def holds(self, clients: Iterable[int]) -> bool:
        """True if one of *clients* is here."""
        return any(client in self._states for client in clients)

    def states(self) -> list[AwarenessState]:
        """Everybody who is here."""
        return list(self._states.values())

    def leave(self, clients: set[int]) -> list[AwarenessState]:
        """Forget *clients*; return the states that say so."""
        out: list[AwarenessState] = []
        for client in clients:
            known = self._forget(client)
            if known is not None:
                out.append(AwarenessState(client, known.clock, NULL))
        return out


def claim_of(state_json: str) -> Claim:
    """The ``user.name`` and ``user.color`` of an awareness state, as far as it has them."""
    try:
        state = json.loads(state_json)
    except (ValueError, RecursionError):
        return NO_CLAIM
    user = state.get("user") if isinstance(state, dict) else None
    if not isinstance(user, dict):
        return NO_CLAIM
    return claimed(user.get("name"), user.get("color"))


def claimed(name: object, color: object) -> Claim:
    """A claim from what somebody sent: valid Unicode, within limits, None for what is missing or no text."""
    return Claim(_label(name, MAX_NAME), _label(color, MAX_COLOR))


def _label(value: object, limit: int) -> str | None:
    if not isinstance(value, str):
        return None
    return value.strip()[:limit].encode("utf-8", "replace").decode() or None
