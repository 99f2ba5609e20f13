"""Reducers over HTTP: what there is, a result at a cut, and results as the log grows."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from keepboth.api.moments import Moment
from keepboth.api.requests import Parts
from keepboth.api.services import Services
from keepboth.api.streaming import RETRY, EventStream, sent_event
from keepboth.cloudevents import json_bytes, rfc3339
from keepboth.errors import KeepBothError, Overloaded, ShuttingDown, TryLater
from keepboth.events import check_document_name
from keepboth.feeds.following import HEARTBEAT_S, Readers
from keepboth.history.cuts import NOW

router = APIRouter(tags=["reducers"])

AGAIN_S: Final = 1.0
"""A feed gives at most one result in so long."""

MAX_READERS: Final = 100


class ReducerNames(BaseModel):
    """The reducers that this server offers."""

    reducers: list[str]


class ParkedBody(BaseModel):
    """Where a reducer raised: at an event, or where the result was made (then the places are null)."""

    document: str | None
    revision: int | None
    position: int | None
    event: str | None
    error: str
    traceback: str


class ReducedBody(BaseModel):
    """A result. ``until`` is a revision of one document, else a position; ``stored``: it had been computed before."""

    name: str
    version: int
    code: str
    documents: list[str] | None
    cut: str
    until: int
    now: str
    events: int
    value: Any
    parked: ParkedBody | None
    stored: bool


class StoredBody(BaseModel):
    """A result that is kept, and by which code it was made."""

    name: str
    version: int
    code: str
    documents: list[str] | None
    cut: str
    until: int
    made_at: str
    value: Any


class StoredList(BaseModel):
    """Results that are kept, the newest first."""

    results: list[StoredBody]


Reducer = Annotated[str, Query(max_length=200, description="a reducer that `/api/reducers` lists")]
Documents = Annotated[
    list[str], Query(alias="document", description="only this document; repeat it for several; none: the whole log")
]


def _names(documents: list[str]) -> list[str] | None:
    return [check_document_name(name) for name in documents] or None


def _body(result: dict[str, Any]) -> dict[str, Any]:
    return {**result, "now": rfc3339(result["now"])}


@router.get("/api/reducers")
async def list_reducers(parts: Parts) -> ReducerNames:
    """The reducers that can be asked for: shipped, installed, and those in the setting ``reducers``."""
    return ReducerNames(reducers=parts.reductions.names)


@router.get("/api/reduce")
async def reduce(
    parts: Parts,
    name: Reducer,
    moment: Moment,
    response: Response,
    document: Documents = [],  # noqa: B006
) -> ReducedBody:
    """The result of a reducer over a document, several, or the whole log, at a moment. It runs in a process of its own.

    Several documents and the whole log share ``position``, ``recorded`` and ``cut`` only.
    """
    result = await parts.reductions.reduce(name, _names(document), moment)
    response.headers["KeepBoth-Cut"] = result["cut"]
    single = result["documents"] is not None and len(result["documents"]) == 1
    response.headers["KeepBoth-Revision" if single else "KeepBoth-Position"] = str(result["until"])
    return ReducedBody(**_body(result))


@router.get("/api/reduce/stored")
async def stored_results(
    parts: Parts, name: Annotated[str | None, Query(max_length=200, description="only of this reducer")] = None
) -> StoredList:
    """Results that are kept, each with the code that made it: those of former code stand beside the present ones."""
    rows: list[StoredBody] = []
    for row in await parts.reductions.stored(name):
        made = json.loads(row.body)
        rows.append(
            StoredBody(
                name=row.name,
                version=made["version"],
                code=row.code,
                documents=made["documents"],
                cut=row.cut,
                until=row.until,
                made_at=rfc3339(row.made_at),
                value=made["value"],
            )
        )
    return StoredList(results=rows)


READERS: Final = Readers()


@router.get(
    "/api/reduce/feed",
    response_class=EventStream,
    responses={200: {"model": ReducedBody, "description": "Server-sent events: each `result` is a whole result."}},
)
async def follow_reducer(
    parts: Parts,
    name: Reducer,
    document: Documents = [],  # noqa: B006
) -> EventStream:
    """The result of a reducer now, and again whenever the log has grown, at most once a second.

    Each event is a whole result, so a reader that comes back has missed nothing.
    """
    if not parts.ready():
        raise ShuttingDown("the server is going down")
    if READERS.count >= MAX_READERS:
        raise Overloaded(f"{MAX_READERS} readers follow reducers already")
    names = _names(document)
    first = await parts.reductions.reduce(name, names, NOW)
    return EventStream(_results(parts, name, names, first), parts.settings.mailbox_patience_s, READERS)


async def _results(
    parts: Services, name: str, documents: list[str] | None, result: dict[str, Any]
) -> AsyncGenerator[bytes, None]:
    heads = parts.feeds.heads
    loop = asyncio.get_running_loop()
    yield RETRY + _event("result", _body(result), result["cut"])
    looked = loop.time()
    rings: list[asyncio.Event] | None = None  # look at once: something may have come since *result* was made
    while not heads.closed:
        if rings is not None and not await _rung(rings, HEARTBEAT_S):
            yield b": still here\n\n"
            continue
        await asyncio.sleep(looked + AGAIN_S - loop.time())
        rings = [heads.next(document) for document in documents] if documents else [heads.next()]
        looked = loop.time()
        try:
            found = await parts.reductions.reduce(name, documents, NOW)
        except TryLater:
            rings = None
            continue
        except KeepBothError as error:
            yield _event("failed", {"code": error.code, "detail": error.detail})
            return
        if found["cut"] != result["cut"]:
            result = found
            yield _event("result", _body(result), result["cut"])


async def _rung(rings: Sequence[asyncio.Event], timeout_s: float) -> bool:
    """True once one of them is set, False if none is for so long."""
    waiting = [asyncio.ensure_future(ring.wait()) for ring in rings]
    try:
        done, _ = await asyncio.wait(waiting, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    return bool(done)


def _event(kind: str, value: Any, id: str | None = None) -> bytes:
    return sent_event(json_bytes(value), id, kind)
