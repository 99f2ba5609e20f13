"""The FastAPI application: routes, errors, limits."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI

import keepboth.api.conflicts as conflicts
import keepboth.api.consumers as consumers
import keepboth.api.documents as documents
import keepboth.api.events as events
import keepboth.api.export as export
import keepboth.api.feed as feed
import keepboth.api.health as health
import keepboth.api.history as history
import keepboth.api.log_feed as log_feed
import keepboth.api.me as me
import keepboth.api.notices as notices
import keepboth.api.page as page
import keepboth.api.places as places
import keepboth.api.problems as problems
import keepboth.api.reducing as reducing
import keepboth.api.resolving as resolving
import keepboth.api.reverting as reverting
import keepboth.api.states as states
import keepboth.api.streaming as streaming
import keepboth.api.timeline as timeline
import keepboth.api.web as web
import keepboth.api.webhooks as webhooks
import keepboth.api.whatif as whatif
from keepboth import __version__
from keepboth.api.guard import Guard
from keepboth.api.models import Problem
from keepboth.api.requests import caller, strict_query
from keepboth.api.services import Services

NOWHERE = "/nowhere/~"
"""A path that no route has."""

_PROBLEM: dict[str, Any] = {"model": Problem, "content": {problems.MEDIA_TYPE: {}}}


def create_api(services: Services) -> FastAPI:
    """The API over *services*. OpenAPI is at ``/openapi.json``; there is no page that loads assets from elsewhere."""
    app = FastAPI(
        title="KeepBoth",
        version=__version__,
        description="A collaborative editing server that never rejects an edit and never hides a collision.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        dependencies=[Depends(strict_query)],
        responses={"4XX": _PROBLEM, "5XX": _PROBLEM},
    )
    app.state.services = services
    client = web.web_client(services.settings.pages)
    problems.install(app, lost=None if client is None else client.lost)
    app.add_middleware(Guard, limit=services.settings.max_frame_bytes)
    known = [Depends(caller)]
    if client is not None:
        app.include_router(client.router, dependencies=known)
    log = (documents, states, history, timeline, events, log_feed, consumers, webhooks, export, whatif)
    for module in (*log, conflicts, places, feed, notices, resolving, reverting, reducing, me, page):
        app.include_router(module.router, dependencies=known)
    app.include_router(health.router)
    describe = app.openapi
    app.openapi = lambda: _with_streams(describe())  # type: ignore[method-assign]
    return app


def prepare(app: FastAPI) -> None:
    """FastAPI reads the signatures of a router's functions when it first looks for a path among them: a quarter of a
    second in which the event loop stands still. So nobody's request is the first."""
    for route in app.router.routes:
        route.matches({"type": "http", "method": "GET", "path": NOWHERE, "root_path": "", "headers": []})


def _with_streams(description: dict[str, Any]) -> dict[str, Any]:
    """FastAPI describes what a stream carries under the media type of JSON only."""
    for path in ("/api/conflicts/feed", "/api/feed", "/api/consumer/stream", "/api/reduce/feed"):
        content = description["paths"][path]["get"]["responses"]["200"]["content"]
        if "application/json" in content:
            content[streaming.MEDIA_TYPE] = content.pop("application/json")
    return description
