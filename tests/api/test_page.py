"""The front page and the machine's page."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from keepboth.api.page import Row, render
from tests.api.conftest import Served, serving

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</bdi></td></table><h1>x",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
    "\u202ereversed",
    "</style><script>",
    "a\u0000b",
]

ELEMENTS = {
    "html", "head", "meta", "title", "link", "style", "body", "main", "h1", "h2", "p", "div", "table", "thead", "tbody",
    "tr", "th", "td", "a", "bdi", "small", "span", "code", "pre", "ul", "li",
}  # fmt: skip


class Page(HTMLParser):
    """Every tag with its attributes, and the text in ``bdi``."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.isolated: list[str] = []
        self.style = ""
        self._in: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._in.append(tag)
        if tag == "bdi":
            self.isolated.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._in and self._in.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if "bdi" in self._in:
            self.isolated[-1] += data
        if self._in and self._in[-1] == "style":
            self.style += data

    @property
    def addresses(self) -> list[str]:
        return [value for _, attrs in self.tags for name in ("href", "src") if (value := attrs.get(name))]


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for text in HOSTILE:
            server.create(text, title=f"title {text}")
        page = Page(server.http.get("/").text)
    assert {tag for tag, _ in page.tags} <= ELEMENTS
    assert not [attrs for _, attrs in page.tags if any(name.startswith("on") or name == "style" for name in attrs)]
    shown = set(page.isolated)
    assert {text.replace("\0", "\ufffd") for text in HOSTILE} <= {text.replace("\0", "\ufffd") for text in shown}
    assert {f"title {text}" for text in HOSTILE if "\0" not in text} <= shown
    assert all(address.startswith(("/", "data:image/svg+xml,")) for address in page.addresses)
    assert not any(address.startswith("//") for address in page.addresses)


def test_the_page_loads_nothing_and_runs_nothing(server: Served) -> None:
    answer = server.http.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    digest = b64encode(sha256(Page(answer.text).style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert not re.search(r"https?://|@import|url\(", answer.text.replace("http://www.w3.org/2000/svg", ""))


def test_a_host_header_is_only_text(server: Served) -> None:
    answer = server.http.get("/", headers={"Host": 'x"><script>'})
    assert "<script" not in answer.text
    assert "ws://x&quot;" in answer.text


def test_every_link_of_the_page_leads_somewhere(server: Served) -> None:
    server.collide("<linked>&?#")
    page = Page(server.http.get("/").text)
    links = [address for address in page.addresses if address.startswith("/")]
    assert "/api/conflicts?document=%3Clinked%3E%26%3F%23" in links
    for link in links:
        assert server.http.get(link).status_code == 200, link


def test_an_empty_server_says_how_to_begin(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        text = server.http.get("/").text
        assert "No documents yet." in text
        assert "y-websocket" in text
        assert server.application.url.replace("http", "ws") + "/ws" in text


def test_many_documents_take_several_pages(server: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keepboth.api.page.PAGE_ROWS", 7)
    for at in range(9):
        server.create(f"many & more {at}")
    seen: list[str] = []
    following: Any = "/"
    while following:
        answer = server.http.get(following)
        seen += re.findall(r'<td class="name"><a [^>]*><bdi>(.*?)</bdi>', answer.text, re.S)
        more = re.search(r'<a href="(/\?after=[^"]*)">More', answer.text)
        following = more and more[1].replace("&amp;", "&")
    assert len(seen) == len(set(seen)) >= 9


def test_unfinished_checks_are_not_none() -> None:
    row = Row("d", None, True, 1204, "2026-01-01 10:00", None)
    html = render([row, row._replace(conflicts=0), row._replace(conflicts=2)], None, "ws://h/ws", {}, first=True)
    assert [word in html for word in ("checking…", ">none<", ">2</a>", "archived", "1,204")] == [True] * 5


# -- OpenAPI -----------------------------------------------------------------------------------------------------------


def test_every_route_is_described(server: Served) -> None:
    api = server.get("/openapi.json")
    routes = {f"{method.upper()} {path}" for path, methods in api["paths"].items() for method in methods}
    assert routes == {
        "GET /api/documents", "POST /api/documents", "GET /api/document", "POST /api/decisions", "GET /api/state",
        "GET /api/events", "POST /api/events", "GET /api/event", "POST /api/edits", "POST /api/peek",
        "GET /api/export", "POST /api/import", "GET /api/feed",
        "GET /api/consumers", "GET /api/consumer", "PUT /api/consumer", "DELETE /api/consumer",
        "GET /api/consumer/events", "GET /api/consumer/stream", "POST /api/consumer/ack", "POST /api/consumer/park",
        "GET /api/consumer/parked", "POST /api/consumer/replay", "POST /api/consumer/release",
        "GET /api/webhooks", "GET /api/webhook", "PUT /api/webhook", "DELETE /api/webhook",
        "GET /api/reducers", "GET /api/reduce", "GET /api/reduce/stored", "GET /api/reduce/feed",
        "GET /api/blame", "GET /api/deletions", "GET /api/history", "GET /api/compare",
        "GET /api/versions", "POST /api/versions", "GET /api/whatif", "POST /api/whatif", "POST /api/revert",
        "GET /api/timeline", "GET /api/me",
        "GET /api/conflicts", "GET /api/conflicts/counts", "GET /api/conflicts/feed", "GET /api/conflict",
        "GET /api/conflict/choices", "POST /api/conflict/resolve", "POST /api/conflict/reopen",
        "POST /api/conflict/seen", "GET /api/conflicts/places", "GET /api/notices",
            "GET /healthz", "GET /readyz", "GET /api/server",
    }  # fmt: skip
    documented = (Path(__file__).parents[2] / "docs" / "http.md").read_text()
    for path, methods in api["paths"].items():
        for method, route in methods.items():
            assert f"`{method.upper()} {path}`" in documented
            assert route["description"]
            answers = [answer for status, answer in route["responses"].items() if status in ("200", "201")]
            schemas = [one["schema"] for answer in answers for one in answer["content"].values() if "schema" in one]
            assert schemas or "204" in route["responses"], route["operationId"]
            assert all(schema for schema in schemas), route["operationId"]
            assert "application/problem+json" in route["responses"]["4XX"]["content"]
