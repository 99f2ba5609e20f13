"""The frame of the web client: it is served, it obeys its policy, it says what there is."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from keepboth.api.web import SHIPPED
from tests.api.conftest import Served, serving


def test_an_empty_server_shows_what_to_do(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path, pages=SHIPPED) as server:
        page.goto(server.application.url)
        expect(page.get_by_text("No documents yet.")).to_be_visible()
        expect(page.get_by_role("link", name="See a collision (1 min)")).to_be_visible()


def test_a_script_that_is_not_ours_does_not_run(page: Page, web: Served, watched: object) -> None:
    watched.expected.append("Content Security Policy")  # type: ignore[attr-defined]
    page.goto(web.application.url)
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.foreign = true";
          document.body.append(script);
          const span = document.createElement("span");
          span.setAttribute("style", "color: red");
          document.body.append(span);
        }"""
    )
    assert page.evaluate("window.foreign") is None
    assert len(watched.complaints) == 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["a/b", "ü #?%&", "a//b", "<script>alert(1)</script>", "..", "a/./b"])
def test_every_name_has_its_address(page: Page, web: Served, name: str) -> None:
    if not any(one["document"] == name for one in web.get("/api/documents", limit=500)["documents"]):
        web.create(name, content={"text": "x"})
    page.goto(web.application.url)
    page.get_by_role("link", name=name, exact=True).click()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", level=1, name=name, exact=True)).to_be_visible()


def test_the_colours_are_kept(page: Page, web: Served) -> None:
    page.goto(web.application.url)
    page.get_by_role("button", name="Colours: as the system").click()
    page.get_by_role("button", name="Colours: light").click()
    page.reload()
    expect(page.get_by_role("button", name="Colours: dark")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_everything_together_is_small() -> None:
    files = [path for path in (SHIPPED / "assets").iterdir() if path.suffix in (".js", ".css")]
    packed = sum(len(gzip.compress(path.read_bytes())) for path in files)
    assert 20_000 < packed <= 250_000


def test_the_editor_is_loaded_where_an_editor_is(page: Page, web: Served) -> None:
    loaded: list[int] = []
    page.on("response", lambda answer: loaded.append(int(answer.headers.get("content-length", 0))))
    page.goto(web.application.url, wait_until="networkidle")
    assert sum(loaded) < 40_000
    page.goto(f"{web.application.url}/demo")
    page.get_by_role("textbox", name="Ann's editor").wait_for()
    assert sum(loaded) > 100_000
