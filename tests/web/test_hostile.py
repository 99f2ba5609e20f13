"""Documents that mean harm, or are just very large: nothing runs, and the page stays of use."""

from __future__ import annotations

from typing import Any

import pycrdt
from playwright.sync_api import Page, expect

from tests.api.conftest import Served
from tests.web.conftest import until
from tests.web.stock import concurrently, rewriting

SCRIPT = "<script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"
BIDI = "\u202eright to left\u202c שלום עולם 👩‍👩‍👧 e\u0301"


def test_text_that_looks_like_markup_is_text(page: Page, web: Served, name: str) -> None:
    document = f"{name}/{SCRIPT}"
    web.create(document, title=SCRIPT, content={"text": f"before {SCRIPT} {BIDI} after"})
    concurrently(web, document, rewriting("before", f"<b>{SCRIPT}</b>"), rewriting("before", f"{BIDI}<i>"))
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("link", name=SCRIPT).click()
    expect(page.get_by_role("textbox")).to_contain_text("</script>")
    page.locator(".row").click()
    card = page.get_by_role("article")
    expect(card.locator(".choice")).to_have_count(5)
    expect(card).to_contain_text(SCRIPT)
    page.get_by_role("link", name="Events").click()
    page.locator("summary").nth(1).click()
    expect(page.locator("pre")).to_contain_text("specversion")
    assert page.evaluate("window.ran") is None
    assert page.locator("main img:not([alt]), main b, main i, main script").count() == 0


def test_a_line_of_a_megabyte_can_be_typed_into(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "x" * 1_000_000 + "\nend"})
    page.goto(f"{web.application.url}/d/{name}")
    text = page.get_by_role("textbox")
    expect(text).to_be_visible()
    text.focus()
    page.keyboard.press("Control+End")
    page.keyboard.type(" of it")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    until(page, "document.querySelectorAll('.cm-content *').length < 5000")
    answer = web.http.get("/api/state", params={"document": name, "as": "text"}).text
    assert answer.endswith("\nend of it")


def test_every_line_reads_in_its_own_direction(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "left to right\nשלום עולם\nمرحبا\nagain"})
    expected = ["ltr", "rtl", "rtl", "ltr"]
    directions = "[...document.querySelectorAll('.cm-line')].map(line => getComputedStyle(line).direction)"
    page.goto(f"{web.application.url}/d/{name}")
    until(page, f"expected => JSON.stringify({directions}) === JSON.stringify(expected)", expected)
    page.goto(f"{web.application.url}/d/{name}?view=timeline")
    until(page, f"expected => JSON.stringify({directions}) === JSON.stringify(expected)", expected)


def test_ten_thousand_collisions_are_a_list_of_pages(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "Settings follow."})
    for who in ("ann", "bob"):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        keys = doc.get("keys", type=pycrdt.Map)
        with doc.transaction():
            for number in range(10_000):
                keys[f"key {number}"] = f"{who} {number}"
        web.edit(name, doc.get_update(), session=f"{who}-session", seen=1)
    page.goto(f"{web.application.url}/d/{name}")
    head = page.get_by_label("10000 to look at")
    expect(head).to_have_text("10,000", timeout=60_000)
    rows = page.locator(".panel-list > .rows > li")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(150)
    page.get_by_label("Words in them").fill("ann 9999")
    expect(rows).to_have_count(1)
    rows.get_by_role("button").click()
    expect(page.get_by_role("article")).to_contain_text("key 9999")
    page.get_by_role("textbox").click()
    page.keyboard.press("Control+End")
    page.keyboard.type(" Indeed.")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert web.http.get("/api/state", params={"document": name, "root": "text", "as": "text"}).text.endswith("Indeed.")
