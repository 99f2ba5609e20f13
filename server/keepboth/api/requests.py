"""What routes take from a request: the parts of the server, the document's name, who asks, how to go on paging."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple
from urllib.parse import unquote_to_bytes, urlencode
from uuid import UUID

from fastapi import Depends, Query, Request

from keepboth.api.services import Services
from keepboth.errors import InvalidRequest
from keepboth.events import ActorKind, check_document_name, id_text

SESSION_PATTERN = r"^[A-Za-z0-9_.:-]{8,100}$"
MAX_NAME = 120
JSON_TYPES = frozenset({"application/json"})


class Author(NamedTuple):
    """Who an event is recorded for. ``session`` is None for a known actor that names none."""

    id: str
    kind: ActorKind
    name: str | None
    session: str | None


class Caller(NamedTuple):
    """What the ``identify`` hook said: ``actor`` None is a guest."""

    actor: Any


async def services(request: Request) -> Services:
    """The parts of the server."""
    found: Services = request.app.state.services
    return found


async def strict_query(request: Request) -> None:
    """Raise InvalidRequest for a query that is not UTF-8: it would silently name another document."""
    try:
        unquote_to_bytes(request.scope["query_string"]).decode()
    except UnicodeDecodeError:
        raise InvalidRequest("the query is not percent-encoded UTF-8") from None


async def document_name(
    document: Annotated[str, Query(description="the document's name: any text of 1 to 512 bytes of UTF-8")],
) -> str:
    """The name that the request is about."""
    return check_document_name(document)


async def some_document_name(
    document: Annotated[str | None, Query(description="the document's name; without it, all documents")] = None,
) -> str | None:
    """The name that the request is about, if it is about one document only."""
    return None if document is None else check_document_name(document)


async def caller(request: Request, parts: Annotated[Services, Depends(services)]) -> Caller:
    """Ask the ``identify`` hook. Raises what the hook raises."""
    if parts.identify is None:
        return Caller(None)
    found = parts.identify(request)
    if inspect.isawaitable(found):
        found = await found
    return Caller(found)


async def author(
    asked_by: Annotated[Caller, Depends(caller)],
    parts: Annotated[Services, Depends(services)],
    session: Annotated[
        str | None,
        Query(pattern=SESSION_PATTERN, description="names the sender's editing session, as in the socket's `hello`"),
    ] = None,
    name: Annotated[
        str | None, Query(max_length=MAX_NAME, description="how a guest is called, as in `hello`; nobody checks it")
    ] = None,
) -> Author:
    """Whom to record for. Two guests are never taken for one: without a session, each request is its own."""
    actor = asked_by.actor
    if actor is not None:
        return Author(actor.id, actor.kind, actor.name, session)
    session = session or f"http:{id_text(parts.new_id())}"
    return Author(f"guest:{session}", "anonymous", (name or "").strip() or None, session)


async def json_body(request: Request) -> None:
    """Raise InvalidRequest unless the body says that it is JSON: no page of another origin can send that unasked."""
    if content_type(request) not in JSON_TYPES:
        raise InvalidRequest("the body must be sent as application/json", field="content-type")


def content_type(request: Request) -> str:
    """The media type of the body, in lower case, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def address(path: str, parameters: Mapping[str, Any]) -> str:
    """*path* with the parameters that have a value."""
    given = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in parameters.items()
        if value is not None and value != [] and value != ""
    }
    return f"{path}?{urlencode(given, doseq=True)}" if given else path


def link_header(next_page: str | None) -> dict[str, str]:
    """The ``Link`` header that leads on, if anything does."""
    return {} if next_page is None else {"Link": f'<{next_page}>; rel="next"'}


def id_of(value: UUID | None) -> bytes | None:
    """The id as the log keeps it."""
    return None if value is None else value.bytes


Parts = Annotated[Services, Depends(services)]
Name = Annotated[str, Depends(document_name)]
SomeName = Annotated[str | None, Depends(some_document_name)]
From = Annotated[Author, Depends(author)]
