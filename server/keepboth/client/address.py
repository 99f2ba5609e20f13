"""From the address of a server to the address of one document's editing socket."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

from keepboth.errors import InvalidRequest

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def socket_address(server: str, document: str) -> str:
    """``http://host:8100?token=x`` and ``a/b`` give ``ws://host:8100/ws/a%2Fb?token=x``. Raises InvalidRequest."""
    parts = urlsplit(server)
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not parts.netloc:
        raise InvalidRequest(f"{server!r} is no address of a server, such as http://127.0.0.1:8100", field="url")
    path = f"{parts.path.rstrip('/')}/ws/{quote(document, safe='')}"
    return urlunsplit((scheme, parts.netloc, path, parts.query, ""))
