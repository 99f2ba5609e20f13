"""The timeline page: any moment of a document, seen and gone back to."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pycrdt
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Request, Response, Route, expect

from keepboth.api.web import SHIPPED
from tests.api.conftest import Served, rewrite, serving, written
from tests.web.conftest import Watched, serious_issues, until
from tests.web.team import write_together

SLOW_MS = 60_000
"""Reducers run in processes of their own, which take a while to start where every core is taken."""

TEXT = "[...document.querySelectorAll('.past .cm-line')].map(line => line.textContent).join('\\n')"


def team(web: Served, name: str) -> dict[str, Any]:
    """A document that three people have written; its course."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, write_together(web.application.url, name)).result(60)
    web.http.get("/api/conflicts", params={"document": name}).raise_for_status()
    body: dict[str, Any] = web.get("/api/timeline", document=name)
    return body


def text_at(web: Served, name: str, **moment: Any) -> str:
    roots = web.get("/api/state", document=name, **moment)["roots"]
    return str(roots.get("text", {"value": ""})["value"])


def go(page: Page, web: Served, name: str, **query: Any) -> Locator:
    """Open the timeline; its slider."""
    more = "".join(f"&{key}={quote(str(value))}" for key, value in query.items())
    page.goto(f"{web.application.url}/d/{quote(name)}?view=timeline{more}")
    slider = page.get_by_role("slider", name="Moment")
    expect(slider).to_be_visible()
    return slider


def shows(page: Page, text: str) -> None:
    until(page, f"text => ({TEXT}) === text", text)


def value(slider: Locator) -> int:
    return int(slider.get_attribute("aria-valuenow") or "-1")


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return f"timeline/{request.node.name}"


def test_every_moment_says_what_the_document_said(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    last = course["revision"]
    slider = go(page, web, name)
    shows(page, text_at(web, name))
    slider.focus()
    for keys, at in (
        (["ArrowLeft"] * 3, last - 3),
        (["Shift+ArrowLeft"], last - 13),
        (["Home"], 0),
        (["ArrowRight"] * 6, 6),
        (["End"], last),
    ):
        for key in keys:
            slider.press(key)
        expect(slider).to_have_attribute("aria-valuenow", str(at))
        shows(page, text_at(web, name, at=at))


def test_keys_go_where_somebody_had_finished(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    slider = go(page, web, name)
    slider.focus()
    for stop in reversed(course["stops"][:-1]):
        slider.press("PageDown")
        expect(slider).to_have_attribute("aria-valuenow", str(stop))
    for stop in course["stops"][1:]:
        slider.press("PageUp")
        expect(slider).to_have_attribute("aria-valuenow", str(stop))


def test_dragging_shows_what_lies_there(page: Page, web: Served, name: str) -> None:
    team(web, name)
    slider = go(page, web, name)
    box = slider.bounding_box()
    assert box is not None
    seen = set()
    low = box["y"] + box["height"] - 8  # away from the mark where somebody came back
    page.mouse.move(box["x"] + box["width"] * 0.9, low)
    page.mouse.down()
    for tenth in (8, 6, 4, 3):
        page.mouse.move(box["x"] + box["width"] * tenth / 10, low)
        seen.add(value(slider))
        shows(page, text_at(web, name, at=value(slider)))
    page.mouse.up()
    assert len(seen) >= 2  # where somebody paused, one moment is wide
    until(page, "at => new URLSearchParams(location.search).get('at') === at", str(value(slider)))


def test_a_link_leads_to_exactly_this_view(page: Page, web: Served, name: str, context: BrowserContext) -> None:
    course = team(web, name)
    ann = course["people"][0]["actor"]
    (mark,) = course["conflicts"]["marks"]
    slider = go(page, web, name, at=30, **{"as": ann, "with": 40, "conflict": mark["id"]})
    expect(slider).to_have_attribute("aria-valuenow", "30")
    expect(page.get_by_label("Seen by")).to_have_value(ann)
    expect(page.get_by_role("region", name="Collision")).to_be_visible()
    expect(page.get_by_role("button", name="Forget the mark")).to_be_visible()
    slider.focus()
    slider.press("ArrowRight")
    until(page, "() => location.search.includes('at=31')")
    other = context.new_page()
    other.goto(page.url)
    expect(other.get_by_role("slider", name="Moment")).to_have_attribute("aria-valuenow", "31")
    expect(other.get_by_label("Seen by")).to_have_value(ann)
    expect(other.get_by_role("region", name="Collision")).to_be_visible()


def test_playing_comes_to_the_end(page: Page, web: Served, name: str) -> None:
    team(web, name)
    slider = go(page, web, name, at=0)
    slider.focus()
    slider.press(" ")
    expect(slider).to_have_attribute("aria-valuenow", str(slider.get_attribute("aria-valuemax")))
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    shows(page, text_at(web, name))


def test_somebody_who_is_away_sees_something_else(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    (stretch,) = course["stretches"]
    go(page, web, name, at=stretch["last_revision"])
    everyone = text_at(web, name, at=stretch["last_revision"])
    shows(page, everyone)
    page.get_by_label("Seen by").select_option(label="Ann")
    events = web.get(
        "/api/events", document=name, actors=stretch["actor"], until=stretch["last_revision"], reverse=True
    )
    ann = text_at(web, name, seen_by=events[0]["id"])
    assert ann != everyone
    shows(page, ann)
    until(page, "() => document.querySelectorAll('.past .by').length > 0")
    expect(page.get_by_role("status").filter(has_text="as Ann saw it")).to_be_visible()


def test_a_collision_just_before_and_just_after(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    (mark,) = course["conflicts"]["marks"]
    go(page, web, name, at=0)
    page.get_by_role("button", name="Next collision").click()
    panel = page.get_by_role("region", name="Collision")
    expect(panel).to_contain_text("Ann and Bob both rewrote")
    shows(page, text_at(web, name, at=mark["last_revision"]))
    panel.get_by_role("button", name="Just before").click()
    before = text_at(web, name, at=mark["revision"] - 1)
    assert "March" in before
    assert "Friday" not in before
    shows(page, before)
    panel.get_by_role("button", name="As Ann saw it").click()
    until(page, f"() => ({TEXT}).includes('Friday') && !({TEXT}).includes('first of March')")
    panel.get_by_role("button", name="Just after").click()
    shows(page, text_at(web, name, at=mark["last_revision"]))
    panel.get_by_role("button", name="Close").click()
    expect(panel).to_be_hidden()


def test_a_join_is_seen_from_both_sides(page: Page, web: Served, name: str) -> None:
    (stretch,) = team(web, name)["stretches"]
    slider = go(page, web, name)
    join = page.get_by_role("button", name=f"Ann’s {stretch['edits']} edits arrive")
    join.click()
    expect(slider).to_have_attribute("aria-valuenow", str(stretch["first_revision"] - 1))
    join.click()
    expect(slider).to_have_attribute("aria-valuenow", str(stretch["last_revision"]))


def test_what_differs_is_told_word_by_word(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    go(page, web, name, at=course["stops"][0])
    page.get_by_role("button", name="Compare with now").click()
    panel = page.get_by_role("region", name="From this moment to now")
    expect(panel.locator("ins", has_text="Thank you!")).to_be_visible()
    expect(panel.locator("del", has_text="year")).to_be_visible()
    page.get_by_role("button", name="Compare with now").click()
    expect(panel).to_be_hidden()
    page.get_by_role("button", name="Mark this moment").click()
    page.get_by_role("slider").press("End")
    panel = page.get_by_role("region", name="From the mark to this moment")
    expect(panel.locator("ins", has_text="Thank you!")).to_be_visible()


def test_as_it_was_written(page: Page, web: Served, name: str) -> None:
    team(web, name)
    go(page, web, name)
    page.get_by_label("Order").select_option(label="as it was written")
    slider = page.get_by_role("slider", name="Moment")
    until(page, "() => Number(document.querySelector('[role=slider]').ariaValueMax) > 1e12")
    assert "axis=written" in page.url
    shows(page, text_at(web, name))
    slider.focus()
    seen = set()
    for _ in range(4):
        slider.press("ArrowLeft")
        at = datetime.fromtimestamp(value(slider) / 1000, UTC).isoformat()
        shows(page, text_at(web, name, authored=at))
        seen.add(at)
    assert len(seen) == 4
    slider.press("End")
    shows(page, text_at(web, name))


def test_a_moment_gets_a_name_and_the_document_goes_back_to_it(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    at = course["stops"][0]
    then = text_at(web, name, at=at)
    slider = go(page, web, name, at=at)
    page.get_by_role("button", name="Name…").click()
    dialog = page.get_by_role("dialog", name="Name this moment")
    dialog.get_by_label("Name").fill("before the trouble")
    dialog.get_by_role("button", name="Name it").click()
    expect(page.get_by_label("Version").locator("option", has_text="before the trouble")).to_be_attached()
    expect(slider).to_have_attribute("aria-valuenow", str(at))
    slider.focus()
    slider.press("End")
    page.get_by_label("Version").select_option(label="before the trouble")
    shows(page, then)
    page.get_by_role("button", name="Restore…").click()
    dialog = page.get_by_role("dialog", name="Restore this moment")
    expect(dialog.locator("del", has_text="Thank you!")).to_be_visible()
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog).to_be_hidden()
    shows(page, then)
    assert text_at(web, name) == then
    assert web.get("/api/document", document=name)["revision"] > course["revision"]


def test_a_restore_shows_anew_what_it_changes_when_somebody_was_faster(
    page: Page, web: Served, name: str, watched: Watched
) -> None:
    watched.expected.append("409")
    course = team(web, name)
    at = course["stops"][0]
    go(page, web, name, at=at)
    page.get_by_role("button", name="Restore…").click()
    dialog = page.get_by_role("dialog", name="Restore this moment")
    expect(dialog.locator("del", has_text="Thank you!")).to_be_visible()
    base = web.http.get("/api/state", params={"document": name, "as": "update"})
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base.content)
    before = doc.get_state()
    doc.get("text", type=pycrdt.Text).insert(0, "PS: ")
    web.edit(name, doc.get_update(before), session="somebody-else")
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("meanwhile")
    expect(dialog.locator("del", has_text="PS:")).to_be_visible()
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog).to_be_hidden()
    assert text_at(web, name) == text_at(web, name, at=at)


def test_a_document_that_goes_on_says_so(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    slider = go(page, web, name, at=1)
    web.edit(name, written("two"), session="somebody-else")
    strip = page.get_by_role("status").filter(has_text="1 newer event.")
    expect(strip).to_be_visible(timeout=SLOW_MS)
    strip.get_by_role("button", name="Show").click()
    expect(slider).to_have_attribute("aria-valuemax", "3")
    expect(slider).to_have_attribute("aria-valuenow", "1")


def test_nobody_is_given_what_somebody_else_wrote(page: Page, web: Served, name: str) -> None:
    """Colours that are known stay while the text changes; what is new has none until it is known whose it is."""
    web.create(name, content={"text": "aaaa"})
    base = web.http.get("/api/state", params={"document": name, "as": "update"}).content
    web.edit(name, rewrite(base, 2, 2, "BB"), session="somebody-else")
    slider = go(page, web, name, at=2)
    coloured = "[...document.querySelectorAll('.past .by')].map(one => one.textContent).join('|')"
    until(page, f"() => {coloured} === 'aaaa'")
    page.route("**/api/blame**", lambda route: None)
    slider.focus()
    slider.press("ArrowRight")
    shows(page, "aaBBaa")
    assert page.evaluate(coloured) == "aa|aa"


def test_a_fast_drag_asks_one_question_at_a_time(page: Page, web: Served, name: str) -> None:
    team(web, name)
    slider = go(page, web, name)
    shows(page, text_at(web, name))
    asked: list[str] = []
    running = 0
    most = 0

    def began(request: Request) -> None:
        nonlocal running, most
        if "/api/state" in request.url:
            asked.append(request.url)
            running += 1
            most = max(most, running)

    def ended(response: Response) -> None:
        nonlocal running
        running -= "/api/state" in response.url

    page.on("request", began)
    page.on("response", ended)
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 8)
    page.mouse.down()
    page.mouse.move(box["x"] + 5, box["y"] + box["height"] - 8, steps=200)
    page.mouse.up()
    shows(page, text_at(web, name, at=value(slider)))
    assert most == 1
    assert asked


@pytest.mark.parametrize(
    "text",
    [
        "<script>window.foreign = true</script><img src=x onerror=alert(1)>",
        "שלום עולם \u202eand back\u202c",
        "👩‍👩‍👧‍👦 family, e\u0301, 𝒳",
        "one\rtwo\r\nthree",
        "x" * 1_000_000,
    ],
    ids=["markup", "right-to-left", "emoji", "carriage-returns", "one-long-line"],
)
def test_whatever_was_written_stays_text(page: Page, web: Served, name: str, text: str) -> None:
    web.create(name)
    web.edit(name, written(text), session="somebody-else")
    slider = go(page, web, name)
    expect(slider).to_have_attribute("aria-valuemax", "2")
    until(page, "() => document.querySelectorAll('.past .by').length > 0")
    if len(text) < 1000:
        assert page.evaluate(TEXT).split("\n") == text.replace("\r", "\r").split("\n")
    assert page.evaluate("window.foreign") is None
    slider.focus()
    slider.press("ArrowLeft")
    shows(page, "")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_names_of_people_and_versions_stay_text(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    hostile = "<img src=x onerror=alert(1)>"
    web.http.post("/api/versions", params={"document": name, "at": 2}, json={"name": hostile}).raise_for_status()
    go(page, web, name)
    expect(page.get_by_label("Version").locator("option", has_text=hostile)).to_be_attached()
    assert page.locator("main img").count() == 0


def test_maps_and_lists_are_shown_as_a_tree(page: Page, web: Served, name: str) -> None:
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.get("cells", type=pycrdt.Array).append(pycrdt.Map({"source": "print(1)", "<b>": True}))
    web.create(name)
    web.edit(name, doc.get_update(), session="somebody-else")
    go(page, web, name)
    tree = page.get_by_label("The document at this moment")
    expect(tree).to_contain_text("print(1)")
    expect(tree).to_contain_text("<b>")


def test_a_document_that_nobody_has_written_in(page: Page, web: Served, name: str) -> None:
    web.create(name)
    page.goto(f"{web.application.url}/d/{quote(name)}?view=timeline")
    expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()


def test_a_server_that_is_away_is_said_and_asked_again(page: Page, web: Served, name: str, watched: Watched) -> None:
    team(web, name)
    watched.expected.append("net::ERR_FAILED")
    away = True

    def answer(route: Route) -> None:
        if away:
            route.abort()
        else:
            route.continue_()

    page.route("**/api/timeline**", answer)
    page.goto(f"{web.application.url}/d/{quote(name)}?view=timeline")
    expect(page.get_by_role("alert")).to_contain_text("The server cannot be reached")
    away = False
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("slider", name="Moment")).to_be_visible()


def test_a_telephone_shows_it_without_scrolling_sideways(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    long = "a name that is as long as names of versions sometimes are, when people write sentences"
    web.http.post("/api/versions", params={"document": name}, json={"name": long}).raise_for_status()
    page.set_viewport_size({"width": 390, "height": 800})
    go(page, web, name, at=course["stops"][0], **{"with": "now"})
    expect(page.get_by_role("region", name="From this moment to now")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{web.application.url}/d/{quote(name)}?view=insight")
    expect(page.get_by_role("table", name="Who wrote what is still there")).to_be_visible(timeout=SLOW_MS)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_insight_counts_what_is_there(page: Page, web: Served, name: str) -> None:
    course = team(web, name)
    page.goto(f"{web.application.url}/d/{quote(name)}?view=insight")
    rows = page.get_by_role("table", name="Who wrote what is still there").get_by_role("row")
    expect(rows).to_have_count(4, timeout=SLOW_MS)
    left = web.get("/api/reduce", name="surviving", document=name)["value"]
    assert left["total"] == len(text_at(web, name))
    for row, author in zip(rows.all()[1:], left["authors"], strict=True):
        expect(row).to_contain_text(str(author["units"]))
    expect(page.get_by_role("table", name="What became of collisions")).to_contain_text(
        "Both rewrote the same", timeout=SLOW_MS
    )
    expect(page.get_by_text(re.compile(rf"^{course['edits']} edits on 1 day"))).to_be_visible(timeout=SLOW_MS)
    expect(page.get_by_role("table", name="Where people work most")).to_contain_text("the last Friday of November")


def test_insight_into_nothing(page: Page, tmp_path: Path) -> None:
    with serving(tmp_path, pages=SHIPPED) as server:
        server.create("empty")
        page.goto(f"{server.application.url}/d/empty?view=insight")
        expect(page.get_by_text("Nothing has been written yet.")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_serious_keeps_anybody_out(
    page: Page, web: Served, name: str, scheme: Literal["light", "dark"]
) -> None:
    course = team(web, name)
    (mark,) = course["conflicts"]["marks"]
    page.emulate_media(color_scheme=scheme)
    go(page, web, name, at=mark["last_revision"], **{"with": "now", "conflict": mark["id"]})
    expect(page.get_by_role("region", name="Collision")).to_be_visible()
    until(page, "() => document.querySelectorAll('.past .by').length > 0")
    assert serious_issues(page) == []
    page.get_by_role("button", name="Restore…").click()
    expect(page.get_by_role("dialog", name="Restore this moment")).to_be_visible()
    assert serious_issues(page) == []
    page.goto(f"{web.application.url}/d/{quote(name)}?view=insight")
    expect(page.get_by_text("Counting…")).to_have_count(0, timeout=SLOW_MS)
    expect(page.get_by_role("table", name="How long people stay")).to_be_visible()
    assert serious_issues(page) == []


@pytest.mark.parametrize("view", ["timeline", "insight", "events"])
def test_a_document_that_nobody_made_says_so(page: Page, web: Served, name: str, watched: Watched, view: str) -> None:
    watched.expected.append("404")
    page.goto(f"{web.application.url}/d/{quote(name)}?view={view}")
    expect(page.get_by_text("There is no such document yet.")).to_be_visible()
    page.get_by_role("link", name="Write the first line").click()
    page.get_by_role("textbox").click()
    page.keyboard.type("one")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    assert text_at(web, name) == "one"


def test_no_column_of_insight_is_cut_off(page: Page, web: Served, name: str) -> None:
    team(web, name)
    page.goto(f"{web.application.url}/d/{quote(name)}?view=insight")
    table = page.get_by_role("group", name="Who wrote what is still there")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        expect(table.get_by_role("columnheader", name="Deleted by others")).to_be_visible(timeout=SLOW_MS)
        assert table.evaluate("e => e.scrollWidth <= e.clientWidth"), width
