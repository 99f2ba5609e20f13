"""For commands that talk to a running server: its address, requests, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
import typer

from keepboth.cli.terminal import CANNOT_OPEN, PROBLEM, USAGE, fail

Server = Annotated[str, typer.Option("--server", envvar="KEEPBOTH_SERVER", help="The running server's address.")]
Token = Annotated[
    str | None, typer.Option("--token", envvar="KEEPBOTH_TOKEN", help="Sent as `Authorization: Bearer`, if given.")
]
DEFAULT = "http://127.0.0.1:8100"
TIMEOUT_S = 30.0


@contextmanager
def connected(server: str, token: str | None) -> Iterator[httpx.Client]:
    """A client for *server*; what goes wrong becomes a line and an exit code."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    try:
        with httpx.Client(base_url=server, headers=headers, timeout=TIMEOUT_S, trust_env=False) as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise fail(CANNOT_OPEN, f"the server at {server} does not answer: {error}") from None


def checked(answer: httpx.Response) -> httpx.Response:
    """*answer*, if it is no refusal."""
    if answer.is_success:
        return answer
    answer.read()
    try:
        body: dict[str, Any] = answer.json()
        said = f"{body['code']}: {body['detail']}"
    except (ValueError, KeyError, TypeError):
        said = f"{answer.status_code} {answer.reason_phrase}"
    code = PROBLEM if answer.status_code in (404, 409) else USAGE if answer.status_code < 500 else CANNOT_OPEN
    raise fail(code, said)
