"""Every error as problem+json (RFC 9457): who must act can be told from ``code`` and ``status``."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from keepboth.api.services import Services
from keepboth.cloudevents import cloud_events, json_bytes
from keepboth.errors import ConditionFailed, KeepBothError, OverLimit, PlaceChanged, TryLater

log = logging.getLogger("keepboth.api")

MEDIA_TYPE: Final = "application/problem+json"
SAFE_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
"""What every answer carries unless it says otherwise."""

_CODES: Final = {404: "not-found", 413: "over-limit"}
MAX_ERRORS: Final = 20


def problem(
    status: int,
    code: str,
    detail: str,
    facts: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer for an error. *facts* become members of their own; the five that RFC 9457 and we define win."""
    body = {name: value for name, value in (facts or {}).items() if value is not None}
    body.update(
        type=f"urn:keepboth:error:{code}",
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
    )
    try:
        content = json_bytes(body)
    except (TypeError, ValueError):
        content = json_bytes(_plain(body))
    return Response(content, status, headers={**SAFE_HEADERS, **(headers or {})}, media_type=MEDIA_TYPE)


def problem_of(error: KeepBothError, store_id: str) -> Response:
    """The answer for one of our errors; the events behind a refusal are given as CloudEvents."""
    facts = dict(error.facts)
    if isinstance(error, ConditionFailed | PlaceChanged):
        facts["events"] = cloud_events(error.events, store_id)
    headers = {"Retry-After": "1"} if isinstance(error, TryLater) else {}
    if isinstance(error, OverLimit):
        headers["Connection"] = "close"  # the rest of the body is not read
    return problem(error.status, error.code, error.detail, facts, headers)


def _plain(value: Any) -> Any:
    """*value* with whatever JSON or Unicode cannot hold replaced by its description."""
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).encode("utf-8", "replace").decode()


def _wants_page(request: Request) -> bool:
    """True for a browser's address bar, false for a program."""
    wanted = request.headers.get("accept", "")
    return request.method == "GET" and "text/html" in wanted and not request.url.path.startswith(("/api/", "/assets/"))


def install(app: FastAPI, lost: Callable[[Request], Awaitable[Response]] | None = None) -> None:
    """Make *app* answer every error this way; whoever wants a page and asks for an address that is none gets *lost*."""

    async def ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, KeepBothError)
        if error.status >= 500 and not isinstance(error, TryLater):
            log.error("%s %s: %s: %s", request.method, request.url.path, error.code, error.detail)
        services: Services = request.app.state.services
        return problem_of(error, services.store.store_id)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = [
            {"where": ".".join(str(part) for part in one["loc"]), "what": str(one["msg"])}
            for one in error.errors()[:MAX_ERRORS]
        ]
        detail = "; ".join(f"{one['where']}: {one['what']}" for one in found[:3])
        field = str(error.errors()[0]["loc"][-1]) if error.errors() else None
        return problem(400, "invalid-request", detail, {"field": field, "errors": found})

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404 and lost is not None and _wants_page(request):
            return await lost(request)
        code = _CODES.get(error.status_code, "invalid-request" if error.status_code < 500 else "error")
        detail = f"there is no {request.url.path}" if error.status_code == 404 else str(error.detail)
        if error.status_code == 405:
            detail = f"{request.url.path} does not take {request.method}"
        return problem(error.status_code, code, detail, headers=error.headers)

    async def unexpected(request: Request, error: Exception) -> Response:
        return problem(500, "error", f"{HTTPStatus(500).phrase}: the server's log says what went wrong")

    app.add_exception_handler(KeepBothError, ours)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, unexpected)
