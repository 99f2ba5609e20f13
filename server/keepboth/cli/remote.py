"""Asks a running server over HTTP."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import typer

from keepboth.cli.terminal import CANNOT_OPEN, PROBLEM, USAGE, fail
from keepboth.errors import InvalidRequest

TIMEOUT_S: Final = 120.0

Url = Annotated[str, typer.Option("--url", envvar="KEEPBOTH_URL", help="Where the server is.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="KEEPBOTH_TOKEN", help="Sent as `Authorization: Bearer …`.")
]


def ask(url: str, token: str | None, method: str, path: str, body: Any = None) -> Any:
    """What the server answers, as JSON. Exits with the problem that it tells, or if it cannot be reached."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise InvalidRequest(f"{url!r} is no address of a server, such as http://127.0.0.1:8100", field="url")
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = Request(url.rstrip("/") + path, data, headers, method=method)
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except HTTPError as error:
        raise fail(USAGE if error.code == 400 else PROBLEM, _problem(error)) from None
    except (URLError, TimeoutError, ConnectionError, ValueError) as error:
        raise fail(CANNOT_OPEN, f"the server at {url} does not answer: {error}") from None


def _problem(error: HTTPError) -> str:
    try:
        told = json.load(error)
        return f"{told['code']}: {told['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answers {error.code}"
