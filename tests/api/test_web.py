"""How the built client is served, whoever built it: a folder of this test stands for it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.conftest import Served, serving

INDEX = '<!doctype html><meta name="keepboth-nonce" content="%PAGE_NONCE%"><title>client</title>'
SCRIPT = b"export const answer = 42;\n" * 100


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "index.html").write_text(INDEX)
    assets = folder / "assets"
    assets.mkdir()
    (assets / "main-0a.js").write_bytes(SCRIPT)
    (assets / "main-0a.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "page-0b.css").write_bytes(b"p {}")
    (assets / "secret.txt").write_bytes(b"not a file of a client")
    (folder / "outside.js").write_bytes(b"outside")
    with serving(tmp_path_factory.mktemp("web"), pages=folder) as served:
        yield served


@pytest.mark.parametrize("path", ["/", "/demo", "/d/notes", "/d/a/b", "/d/a%2Fb", "/d/", "/d/a%20b?view=timeline"])
def test_every_address_of_the_client_is_its_page(client: Served, path: str) -> None:
    answer = client.http.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<title>client</title>" in answer.text


def test_the_policy_lets_in_nothing_but_the_client(client: Served) -> None:
    first, second = client.http.get("/"), client.http.get("/")
    host = client.application.url.removeprefix("http://")
    nonces = [re.search(r'content="([^"]+)"', answer.text)[1] for answer in (first, second)]  # type: ignore[index]
    assert nonces[0] != nonces[1]
    assert all(len(nonce) >= 20 for nonce in nonces)
    assert first.headers["content-security-policy"] == (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonces[0]}'; "
        f"connect-src 'self' ws://{host} wss://{host}; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    assert first.headers["cache-control"] == "no-store"


def test_a_host_that_is_none_opens_nothing(client: Served) -> None:
    answer = client.http.get("/", headers={"Host": "x; script-src *"})
    assert "connect-src 'self';" in answer.headers["content-security-policy"]
    assert "*" not in answer.headers["content-security-policy"]


def test_files_are_kept_for_ever_and_come_packed(client: Served) -> None:
    answer = client.http.get("/assets/main-0a.js", headers={"Accept-Encoding": "gzip, deflate"})
    assert (answer.status_code, answer.content) == (200, SCRIPT)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.headers["x-content-type-options"] == "nosniff"
    plain = client.http.get("/assets/main-0a.js", headers={"Accept-Encoding": "identity"})
    assert (plain.content, "content-encoding" in plain.headers) == (SCRIPT, False)
    assert client.http.get("/assets/page-0b.css").headers["content-type"] == "text/css; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    ["/assets/none.js", "/assets/secret.txt", "/assets/..%2Foutside.js", "/assets/%2e%2e/outside.js", "/assets/.js",
     "/assets/main-0a.js.gz", "/outside.js", "/index.html", "/assets/", "/assets/%00.js"],
)  # fmt: skip
def test_nothing_else_is_a_file(client: Served, path: str) -> None:
    answer = client.http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")


def test_the_plain_page_is_still_there(client: Served) -> None:
    text = client.http.get("/plain").text
    assert "No documents yet." in text
    assert "make web" not in text


def test_without_the_client_the_front_page_says_how_to_get_it(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert "<code>make web</code>" in server.http.get("/").text
        assert server.http.get("/demo").json()["code"] == "not-found"


def test_an_address_that_is_none_is_a_page_for_browsers_only(client: Served) -> None:
    page = client.http.get("/nowhere", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    for path, accept in (("/nowhere", "*/*"), ("/api/nowhere", "text/html"), ("/assets/none.js", "text/html")):
        answer = client.http.get(path, headers={"Accept": accept})
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    assert client.http.post("/nowhere", headers={"Accept": "text/html"}).json()["code"] == "not-found"
