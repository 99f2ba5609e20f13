"""Naming a moment: a version. A name may be given again; then it means the newest moment that was called so, and the
earlier ones keep their place in the list and their tokens."""

from __future__ import annotations

from keepboth.decider.documents import DecidedEvent
from keepboth.errors import InvalidRequest
from keepboth.events import VERSION_NAMED, DocumentExists

MAX_NAME = 200


def name_version(name: str, token: str) -> DecidedEvent:
    """The event that calls the cut of *token* by *name*. Raises InvalidRequest for a name that cannot be one."""
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME:
        raise InvalidRequest(f"the name of a version takes 1 to {MAX_NAME} characters", field="name")
    return DecidedEvent(VERSION_NAMED, {"name": name, "token": token}, DocumentExists())
