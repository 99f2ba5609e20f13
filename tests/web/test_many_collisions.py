"""Ten thousand collisions in one document: every page of it stays usable, with few elements."""

from __future__ import annotations

from typing import Any

import pycrdt
import pytest
from playwright.sync_api import Page, expect

from tests.api.conftest import Served
from tests.web.accessibility import grave
from tests.web.conftest import until

MANY = 10_000
DOCUMENT = "many/ten thousand"
SLOW_MS = 60_000
FEW_ELEMENTS = 4_000
ELEMENTS = "document.querySelectorAll('*').length"


@pytest.fixture(scope="module")
def crowded(web: Served) -> Served:
    """Two people have set the same keys, neither having seen the other; the engine has found all of it."""
    web.create(DOCUMENT, content={"text": "Settings follow."})
    for who in ("ann", "bob"):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        keys = doc.get("keys", type=pycrdt.Map)
        with doc.transaction():
            for number in range(MANY):
                keys[f"key {number}"] = f"{who} {number}"
        web.edit(DOCUMENT, doc.get_update(), session=f"{who}-session", seen=1, name=who.title())
    return web


def open_page(page: Page, server: Served, view: str = "") -> None:
    page.goto(f"{server.application.url}/d/many/ten%20thousand{view and f'?view={view}'}")


def test_the_document_lists_them_a_page_at_a_time(page: Page, crowded: Served) -> None:
    open_page(page, crowded)
    expect(page.get_by_label(f"{MANY} to look at")).to_have_text("10,000", timeout=SLOW_MS)
    expect(page.locator(".panel-list > .rows > li")).to_have_count(50)
    assert page.evaluate(ELEMENTS) < FEW_ELEMENTS
    page.get_by_role("textbox", name=f"Text of {DOCUMENT}").click()
    page.keyboard.type("All ")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def test_the_timeline_bundles_their_marks(page: Page, crowded: Served) -> None:
    open_page(page, crowded)
    expect(page.get_by_label(f"{MANY} to look at")).to_be_visible(timeout=SLOW_MS)
    open_page(page, crowded, "timeline")
    expect(page.get_by_text("500 of 10,000 collisions are marked")).to_be_visible()
    assert page.locator(".ticks path").count() == 2
    assert page.evaluate(ELEMENTS) < FEW_ELEMENTS
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    until(page, "() => document.querySelector('.past .cm-content')?.textContent === ''")
    page.get_by_role("button", name="Next collision").click()
    panel = page.get_by_role("region", name="Collision")
    expect(panel).to_contain_text("1 of 500")
    page.get_by_role("button", name="Next collision").click()
    expect(panel).to_contain_text("2 of 500")
    panel.get_by_role("button", name="Just before").click()
    expect(page.locator(".past .tree")).to_contain_text("ann 0")
    assert grave(page) == []


def test_insight_counts_them(page: Page, crowded: Served) -> None:
    open_page(page, crowded)
    expect(page.get_by_label(f"{MANY} to look at")).to_be_visible(timeout=SLOW_MS)
    open_page(page, crowded, "insight")
    expect(page.get_by_text("10,000 in ", exact=False)).to_be_visible(timeout=SLOW_MS)
    assert page.evaluate(ELEMENTS) < FEW_ELEMENTS


def test_the_list_of_documents_says_how_many(page: Page, crowded: Served) -> None:
    open_page(page, crowded)
    expect(page.get_by_label(f"{MANY} to look at")).to_be_visible(timeout=SLOW_MS)
    page.goto(f"{crowded.application.url}/")
    page.get_by_role("searchbox").fill(DOCUMENT)
    expect(page.get_by_role("row").filter(has_text=DOCUMENT).locator(".look")).to_contain_text("10,000")
