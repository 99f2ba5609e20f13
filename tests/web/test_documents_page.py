"""The list of documents: what it says, finds, makes."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import BrowserContext, Locator, Page, expect

from keepboth.api.web import SHIPPED
from tests.api.conftest import Served, serving
from tests.web.accessibility import grave
from tests.web.conftest import TIMEOUT_MS, Watched
from tests.web.stock import OpenStock, open_stock, stock_bundle

__all__ = ["open_stock", "stock_bundle"]


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def test_the_first_document_is_made_from_the_empty_page_with_the_keyboard(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path, pages=SHIPPED) as server:
        page.goto(server.application.url)
        expect(page.get_by_role("button", name="Connect your editor")).to_be_visible()
        page.get_by_role("button", name="New document").focus()
        page.keyboard.press("Enter")
        expect(page.get_by_role("dialog", name="New document").get_by_label("Name")).to_be_focused()
        page.keyboard.type("plans/2026 <b>")
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", level=1, name="plans/2026 <b>")).to_be_visible()
        page.get_by_role("textbox", name="Text of plans/2026 <b>").click()
        page.keyboard.type("Hello")
        expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        page.go_back()
        expect(row(page, "plans/2026 <b>")).to_be_visible()
        assert server.http.get("/api/state", params={"document": "plans/2026 <b>", "as": "text"}).text == "Hello"


def test_a_name_that_is_taken_is_said_in_the_dialog(page: Page, web: Served, name: str, watched: Watched) -> None:
    watched.expected.append("409")
    web.create(name)
    page.goto(web.application.url)
    page.get_by_role("button", name="New document").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("dialog").get_by_role("alert")).not_to_be_empty()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="New document")).to_be_focused()


def test_it_says_who_is_there_and_where_to_look(page: Page, web: Served, name: str, open_stock: OpenStock) -> None:
    web.collide(name)
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill(name)
    expect(row(page, name).locator(".look")).to_contain_text("1")
    expect(row(page, name).locator(".edits")).to_contain_text("3")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(row(page, name).get_by_role("img", name="Bob")).to_have_count(0)
    stock = open_stock(name, "Bob")
    expect(row(page, name).get_by_role("img", name="Bob")).to_be_visible(timeout=TIMEOUT_MS)
    stock.close()
    expect(row(page, name).get_by_role("img", name="Bob")).to_have_count(0, timeout=TIMEOUT_MS)


def test_a_new_title_is_shown_and_the_name_stays(page: Page, web: Served, name: str) -> None:
    web.create(name)
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill(name)
    expect(page.get_by_role("row")).to_have_count(2)
    page.get_by_role("button", name=f"Rename {name}").click()
    page.get_by_label("Title", exact=True).fill("Budget & <i>more</i>")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(row(page, "Budget & <i>more</i>")).to_contain_text(name)
    assert web.get("/api/document", document=name)["title"] == "Budget & <i>more</i>"


def test_a_search_without_a_result_says_so(page: Page, web: Served, name: str) -> None:
    web.create(name)
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill("no document is called <this>")
    expect(page.get_by_text("No document has “no document is called <this>” in its name or title.")).to_be_visible()


def test_no_serious_issue(page: Page, context: BrowserContext, web: Served, name: str) -> None:
    web.collide(name)
    page.goto(web.application.url)
    expect(row(page, name)).to_be_visible()
    assert grave(page) == []
    page.get_by_role("button", name="New document").click()
    assert grave(page) == []
    page.emulate_media(color_scheme="dark")
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 390, "height": 800})
    assert grave(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_search_finds_titles(page: Page, web: Served, name: str) -> None:
    web.create(name, title=f"Über {name[-12:]}")
    page.goto(web.application.url)
    page.get_by_role("searchbox", name="Search documents by name or title").fill(f"über {name[-12:]}")
    expect(page.get_by_role("row")).to_have_count(2)
    expect(row(page, f"Über {name[-12:]}")).to_contain_text(name)


def test_an_address_that_is_none_says_so(page: Page, web: Served, watched: Watched) -> None:
    watched.expected.append("404")
    page.goto(f"{web.application.url}/nowhere/at/all")
    expect(page.get_by_text("There is no such page.")).to_be_visible()
    assert grave(page) == []
    page.get_by_role("link", name="All documents", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="Documents")).to_be_visible()
