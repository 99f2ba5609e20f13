"""An ``identify`` hook for demonstrations: it believes whatever the address says. Never use it on a real server."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from keepboth.live.session import Actor


def by_query(request: Any) -> Actor | None:
    """The actor that ``?actor=`` names; nobody if it names none.

    *request* is the opening request of a socket (it has a ``path``) or one of the HTTP API (it has a ``url``).
    """
    address = request.path if hasattr(request, "path") else str(request.url)
    name = parse_qs(urlsplit(address).query).get("actor", [""])[0]
    return Actor(id=name, name=name) if name else None
