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
WORDS = "many/words"
LINES = 1_200
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


@pytest.fixture(scope="module")
def worded(web: Served) -> Served:
    """Two people have rewritten the same word in each of many lines, a hundred lines an edit."""
    web.create(WORDS, content={"text": "\n".join(f"line {number:04} says old here" for number in range(LINES))})
    base = web.http.get("/api/state", params={"document": WORDS, "as": "update"})
    for who in ("Ann", "Bob"):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.apply_update(base.content)
        text = doc.get("text", type=pycrdt.Text)
        written: list[bytes] = []
        following = doc.observe(lambda event, written=written: written.append(event.update))  # type: ignore[misc]
        for first in range(0, LINES, 100):
            with doc.transaction():
                for number in range(first, first + 100):
                    del text[number * 24 + 15 : number * 24 + 18]
                    text.insert(number * 24 + 15, who.upper())
        doc.unobserve(following)
        for update in written:
            web.edit(WORDS, update, session=f"{who}-session", seen=int(base.headers["KeepBoth-Revision"]), name=who)
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
    expect(page.get_by_text("10,000 collisions. A mark stands for up to 10,000: the higher, the more.")).to_be_visible()
    assert page.locator(".ticks path").count() == 2
    assert page.evaluate(ELEMENTS) < FEW_ELEMENTS
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("Home")
    until(page, "() => document.querySelector('.past .cm-content')?.textContent === ''")
    page.get_by_role("button", name="Next collision").click()
    panel = page.get_by_role("region", name="Collision")
    expect(panel).to_contain_text("1 of 10,000")
    page.get_by_role("button", name="Next collision").click()
    expect(panel).to_contain_text("2 of 10,000")
    panel.get_by_role("button", name="Just before").click()
    expect(page.locator(".past .tree")).to_contain_text("ann 0")
    assert grave(page) == []


def test_every_one_in_view_is_underlined(page: Page, worded: Served) -> None:
    page.goto(f"{worded.application.url}/d/many/words")
    expect(page.get_by_label(f"{LINES} to look at")).to_be_visible(timeout=SLOW_MS)
    text = page.get_by_role("textbox", name=f"Text of {WORDS}")

    def underlined() -> None:
        until(
            page,
            """() => {
              const lines = [...document.querySelectorAll('.sheet .cm-line')];
              return lines.length > 10 && lines.every((line) => line.querySelector('.cm-conflict'));
            }""",
        )

    for key, number in (("Control+End", LINES - 1), ("Control+Home", 0)):
        text.press(key)
        expect(text).to_contain_text(f"line {number:04}")
        underlined()
    page.keyboard.type("Typed: ")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    underlined()
    assert page.evaluate(ELEMENTS) < FEW_ELEMENTS
    page.locator(".cm-conflict").first.click()
    expect(page.locator(".card").get_by_role("heading", level=3)).to_contain_text("both rewrote 'old'")
    expect(page.locator(".card")).to_contain_text("line 1")


def test_the_timeline_leads_to_every_one(page: Page, worded: Served) -> None:
    """An edit of a hundred lines is one mark; they are stepped through one by one, over its ends."""
    page.goto(f"{worded.application.url}/d/many/words")
    expect(page.get_by_label(f"{LINES} to look at")).to_be_visible(timeout=SLOW_MS)
    page.goto(f"{worded.application.url}/d/many/words?view=timeline")
    expect(page.get_by_text("1,200 collisions. A mark stands for up to 100: the higher, the more.")).to_be_visible()
    row = page.locator(".scrub-marks")
    box = row.bounding_box()
    assert box is not None
    last = page.locator(".ticks path.tick:not(.tick-quiet)").get_attribute("d")
    assert last is not None
    places = [int(stroke.split(" ")[0]) for stroke in last.split("M")[1:]]
    assert len(places) == LINES // 100
    row.click(position={"x": places[3] / 1000 * box["width"], "y": 6})
    panel = page.get_by_role("region", name="Collision")
    expect(panel).to_contain_text("400 of 1,200")
    page.get_by_role("button", name="Next collision").click()
    expect(panel).to_contain_text("401 of 1,200")
    page.get_by_role("button", name="Previous collision").click()
    expect(panel).to_contain_text("400 of 1,200")
    page.get_by_role("button", name="Previous collision").click()
    expect(panel).to_contain_text("399 of 1,200")
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
