"""Every refusal is a problem that says who must act; nothing larger than the limit comes in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from keepboth.api import Services, create_api
from keepboth.api.models import Problem
from keepboth.api.problems import problem_of
from keepboth.errors import ConditionFailed, KeepBothError, NotAuthorised, NotDurableNow, OverLimit, ShuttingDown
from keepboth.settings import Settings
from tests.api.conftest import Served, serving, written

LIMIT = 4096


class Person(NamedTuple):
    """What the hook of these tests returns."""

    id: str
    kind: str = "human"
    name: str | None = None


async def identify(request: Any) -> Person | None:
    """``Authorization: name`` is that person, nothing is a guest, ``mallory`` is refused."""
    name = request.headers.get("authorization")
    await asyncio.sleep(0)
    if name == "mallory":
        raise NotAuthorised("mallory may not")
    return None if name is None else Person(f"user:{name}")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that takes 4 KiB and knows people."""
    with serving(tmp_path_factory.mktemp("small"), identify, max_frame_bytes=LIMIT) as served:
        yield served


def check(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    body: dict[str, Any] = answer.json()
    Problem(**body)
    assert (body["status"], body["code"], body["type"]) == (status, code, f"urn:keepboth:error:{code}")
    assert body["title"]
    assert body["detail"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    return body


@pytest.mark.parametrize("path", ["/x", "/api", "/api/", "/api/state/", "/docs", "/redoc", "/api/document/a"])
def test_there_is_nothing_else(server: Served, path: str) -> None:
    check(server.http.get(path), 404, "not-found")


def test_a_route_takes_its_methods_only(server: Served) -> None:
    answer = server.http.delete("/api/documents")
    assert "/api/documents" in check(answer, 405, "invalid-request")["detail"]
    assert answer.headers["Allow"]


def test_a_parameter_that_is_missing_is_named(server: Served) -> None:
    body = check(server.http.get("/api/document"), 400, "invalid-request")
    assert (body["field"], body["errors"][0]["where"]) == ("document", "query.document")


@pytest.mark.parametrize("query", ["%ff", "a%c3", "%ed%a0%80"])
def test_a_query_that_is_no_text_names_no_document(server: Served, query: str) -> None:
    check(server.http.get(f"/api/document?document={query}"), 400, "invalid-request")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"document": 5}', b'{"document": "\\ud800"}']
)
def test_a_body_that_is_no_request(server: Served, body: bytes) -> None:
    answer = server.http.post("/api/documents", content=body, headers={"Content-Type": "application/json"})
    check(answer, 400, "invalid-request")


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", ["/api/documents", "/api/decisions", "/api/events", "/api/edits", "/api/peek"])
def test_no_other_page_can_make_a_browser_write(server: Served, path: str, kind: str | None) -> None:
    """A form or a fetch without a preflight can only send these types."""
    body = f'{{"document": "csrf", "id": "{uuid.uuid4()}", "type": "app.x", "document_exists": true}}'
    answer = server.http.post(
        path, params={"document": "csrf"}, content=body.encode(), headers={"Content-Type": kind} if kind else {}
    )
    check(answer, 400, "invalid-request")
    assert server.application.store.document("csrf") is None


# -- limits ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/api/documents", "/api/edits"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_over_the_limit_is_refused(small: Served, path: str, declared: bool) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b"x" * 1024

    kind = "application/json" if path == "/api/documents" else "application/octet-stream"
    content = b"x" * (LIMIT + 1) if declared else chunks()
    answer = small.http.post(path, params={"document": "large"}, content=content, headers={"Content-Type": kind})
    check(answer, 413, "over-limit")
    assert answer.headers["Connection"] == "close"


def test_a_body_at_the_limit_is_taken(small: Served) -> None:
    text = "x" * 1000
    while len(written(text)) < LIMIT:
        text += "x"
    update = written(text)
    assert len(update) == LIMIT
    assert small.edit("full", update)["status"] == "appended"


# -- who asks --------------------------------------------------------------------------------------------------------


def test_known_people_are_recorded_by_their_id(small: Served) -> None:
    small.http.post("/api/documents", json={"document": "known"}, headers={"Authorization": "ann"})
    answer = small.http.post(
        "/api/edits",
        params={"document": "known"},
        content=written("x"),
        headers={"Authorization": "ann", "Content-Type": "application/octet-stream"},
    )
    assert answer.status_code == 201
    events = small.get("/api/events", document="known")
    assert [(one["authid"], one["authtype"], one.get("session")) for one in events] == [
        ("user:ann", "user", None),
        ("user:ann", "user", "http:user:ann"),
    ]


@pytest.mark.parametrize("path", ["/", "/api/documents", "/api/document?document=x", "/api/events", "/api/conflicts"])
def test_whoever_is_refused_reads_nothing(small: Served, path: str) -> None:
    check(small.http.get(path, headers={"Authorization": "mallory"}), 403, "not-authorised")
    assert small.http.get("/healthz", headers={"Authorization": "mallory"}).status_code == 200


# -- trouble ---------------------------------------------------------------------------------------------------------


class Broken:
    """Parts of a server of which every call fails with *error*; ``store_id`` still answers."""

    store_id = "00000000-0000-0000-0000-000000000000"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(*_: Any, **__: Any) -> Any:
            raise self.error

        return fail


def ask(path: str, error: Exception, *, ready: bool = True) -> httpx.Response:
    broken: Any = Broken(error)
    parts = [broken] * 14
    services = Services(Settings(), *parts, None, lambda: 0, lambda: bytes(16), lambda: ready)

    async def main() -> httpx.Response:
        transport = httpx.ASGITransport(create_api(services), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
            return await http.get(path)

    return asyncio.run(main())


def test_what_nobody_expected_tells_nothing_of_itself() -> None:
    body = check(ask("/api/documents", RuntimeError("a secret")), 500, "error")
    assert "secret" not in str(body)


@pytest.mark.parametrize("error", [ShuttingDown("x"), NotDurableNow("the disk is full")], ids=lambda e: e.code)
def test_what_may_work_later_says_so(error: KeepBothError) -> None:
    answer = ask("/api/documents", error)
    check(answer, error.status, error.code)
    assert answer.headers["Retry-After"] == "1"


def test_readiness_asks_the_store() -> None:
    assert ask("/healthz", RuntimeError("x")).json() == {"status": "ok"}
    check(ask("/readyz", NotDurableNow("x")), 507, "not-durable-now")
    check(ask("/readyz", RuntimeError("x"), ready=False), 503, "shutting-down")


def test_a_server_is_alive_and_ready(server: Served) -> None:
    assert server.get("/healthz") == {"status": "ok"}
    assert server.get("/readyz") == {"status": "ready", "position": server.application.store.head().position}


def test_facts_never_break_the_answer() -> None:
    facts: dict[str, Any] = {"at": float("nan"), "what": {1, 2}, "who": "\ud800", "path": Path("/x"), "none": None}
    answer = problem_of(KeepBothError("detail \ud800", **facts), "s")
    assert answer.status_code == 500
    assert b'"what":[1,2]' in bytes(answer.body)
    assert b"null" not in bytes(answer.body)


@pytest.mark.parametrize("kind", [KeepBothError, *KeepBothError.__subclasses__(), ConditionFailed, OverLimit])
def test_facts_cannot_pretend_to_be_the_answer(kind: type[KeepBothError]) -> None:
    answer = problem_of(kind("true", status=200, code="fine", title="x", type="y"), "s")
    assert (answer.status_code, answer.headers["content-type"]) == (kind.status, "application/problem+json")
    assert f'"code":"{kind.code}"'.encode() in bytes(answer.body)
