"""What differs from one moment to another, drawn in the text itself."""

from __future__ import annotations

import re
from typing import Any

import pycrdt
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.api.conftest import Served, rewrite
from tests.web.accessibility import grave
from tests.web.conftest import until


def text(page: Page) -> Locator:
    return page.get_by_role("textbox", name="The text at this moment")


def marked(page: Page) -> list[tuple[str, str]]:
    """What is marked in the text, in the order of reading."""
    found = page.evaluate(
        "[...document.querySelectorAll('.past .cm-content :is(ins, del)')].map(e => [e.tagName, e.textContent])"
    )
    return [(tag.lower(), said) for tag, said in found]


def shown(page: Page, *expected: tuple[str, str]) -> None:
    tags = [[tag.upper(), said] for tag, said in expected]
    until(
        page,
        "expected => JSON.stringify([...document.querySelectorAll('.past .cm-content :is(ins, del)')]"
        ".map(e => [e.tagName, e.textContent])) === JSON.stringify(expected)",
        tags,
    )


def replaced(web: Served, name: str, start: int, end: int, word: str) -> None:
    """Somebody replaces a part of the text: *start* and *end* are bytes."""
    base = web.http.get("/api/state", params={"document": name, "as": "update"}).content
    web.edit(name, rewrite(base, start, end, word), session="ann-session")


@pytest.fixture
def edited(web: Served, name: str) -> str:
    web.create(name, content={"text": "The red fox\njumps over\nthe dog."})
    replaced(web, name, 4, 7, "brown")
    replaced(web, name, 32, 33, ", gladly.")
    return name


def test_the_earlier_text_shows_what_went_and_what_came(page: Page, web: Served, edited: str) -> None:
    page.goto(f"{web.application.url}/d/{edited}?view=timeline&at=2&with=now")
    shown(page, ("del", "red"), ("ins", "brown"), ("ins", ", gladly"))
    expect(text(page)).to_have_text(re.compile("The redbrown fox.*the dog, gladly\\."))


def test_the_later_text_shows_the_same(page: Page, web: Served, edited: str) -> None:
    page.goto(f"{web.application.url}/d/{edited}?view=timeline&with=2")
    shown(page, ("del", "red"), ("ins", "brown"), ("ins", ", gladly"))
    expect(text(page)).to_have_text(re.compile("The redbrown fox.*the dog, gladly\\."))
    panel = page.get_by_role("region", name="From the mark to this moment")
    panel.get_by_role("button", name="Show in the text").last.click()
    expect(text(page).locator("ins").last).to_be_in_viewport()


def test_marks_are_told_apart_without_colour(page: Page, web: Served, edited: str) -> None:
    page.goto(f"{web.application.url}/d/{edited}?view=timeline&at=2&with=now")
    shown(page, ("del", "red"), ("ins", "brown"), ("ins", ", gladly"))
    lines = page.evaluate(
        "[...document.querySelectorAll('.past :is(ins, del)')].map(e => getComputedStyle(e).textDecorationLine)"
    )
    assert lines == ["line-through", "underline", "underline"]
    assert grave(page) == []
    page.emulate_media(color_scheme="dark")
    assert grave(page) == []


def test_marks_go_with_the_comparison_and_follow_the_moment(page: Page, web: Served, edited: str) -> None:
    page.goto(f"{web.application.url}/d/{edited}?view=timeline&at=2&with=now")
    shown(page, ("del", "red"), ("ins", "brown"), ("ins", ", gladly"))
    slider = page.get_by_role("slider", name="Moment")
    slider.focus()
    slider.press("ArrowRight")
    shown(page, ("ins", ", gladly"))
    slider.press("End")
    shown(page)
    slider.press("Home")
    until(page, "() => document.querySelectorAll('.past ins').length > 0")
    page.get_by_role("button", name="Compare with now").click()
    shown(page)
    expect(page.locator(".comparing")).to_have_count(0)


def test_text_beyond_the_basic_plane_is_marked_where_it_is(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "👩‍👩‍👧 𝒳 one two"})
    before = len("👩‍👩‍👧 𝒳 ".encode())
    replaced(web, name, before, before + 3, "שלום")
    page.goto(f"{web.application.url}/d/{name}?view=timeline&at=2&with=now")
    shown(page, ("del", "one"), ("ins", "שלום"))
    expect(text(page)).to_have_text("👩‍👩‍👧 𝒳 oneשלום two")


def test_what_was_written_stays_text_in_marks(page: Page, web: Served, name: str) -> None:
    hostile = "<img src=x onerror=alert(1)>"
    web.create(name, content={"text": f"a {hostile} b"})
    replaced(web, name, 0, 2, f"{hostile}\n<b>x</b> ")
    page.goto(f"{web.application.url}/d/{name}?view=timeline&at=2&with=now")
    until(page, "() => document.querySelectorAll('.past ins').length > 0")
    assert page.locator(".past img:not(.cm-widgetBuffer), .past b").count() == 0
    assert (hostile in "".join(said for _, said in marked(page))) is True


def test_a_document_of_several_parts_shows_its_text_with_authors_and_the_rest_below(
    page: Page, web: Served, name: str
) -> None:
    web.create(name, content={"text": "Settings follow."})
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("facts", type=pycrdt.Map)["due"] = "Friday"
    web.edit(name, doc.get_update(), session="ann-session")
    replaced(web, name, 0, 8, "Facts")
    page.goto(f"{web.application.url}/d/{name}?view=timeline")
    until(page, "() => document.querySelectorAll('.past .by').length > 0")
    expect(text(page)).to_have_text("Facts follow.")
    expect(page.locator(".past .tree")).to_contain_text("due: Friday")
    page.goto(f"{web.application.url}/d/{name}?view=timeline&at=2&with=now")
    shown(page, ("del", "Settings"), ("ins", "Facts"))
    panel = page.get_by_role("region", name="From this moment to now")
    expect(panel.locator("ins", has_text="Friday")).to_be_visible()


def test_a_thousand_changes_are_drawn_only_where_one_looks(page: Page, web: Served, name: str) -> None:
    rest = "says something here, and goes on for a while, so that the next change is not near it at all."
    lines = [f"Line {number} {rest}" for number in range(1_000)]
    web.create(name, content={"text": "\n".join(lines)})
    base = web.http.get("/api/state", params={"document": name, "as": "update"}).content
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base)
    before = doc.get_state()
    body = doc.get("text", type=pycrdt.Text)
    at = len("\n".join(lines))
    with doc.transaction():
        for line in reversed(lines):
            at -= len(line)
            body.insert(at, "So: ")
            at -= 1
    web.edit(name, doc.get_update(before), session="ann-session")
    page.goto(f"{web.application.url}/d/{name}?view=timeline&with=2")
    until(page, "() => document.querySelectorAll('.past ins').length > 3")
    assert page.evaluate("document.querySelectorAll('.past ins').length") < 300
    panel = page.get_by_role("region", name="From the mark to this moment")
    expect(panel).to_contain_text("1,000 places differ")
    expect(panel.get_by_role("listitem")).to_have_count(100)
    page.get_by_role("textbox", name="The text at this moment").focus()
    page.keyboard.press("Control+End")
    page.evaluate("document.querySelector('.past .cm-scroller').scrollTo(0, 1e9)")
    expect(page.locator(".past ins").last).to_have_text("So: ")
