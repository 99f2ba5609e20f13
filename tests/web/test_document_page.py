"""The document page: an editor, and collisions beside it that everybody sees at once."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pycrdt
import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from keepboth.conflicts.model import Severity
from tests.api.conftest import Served
from tests.web.accessibility import grave
from tests.web.cable import cable_to
from tests.web.conftest import Watched, until
from tests.web.stock import OpenStock, concurrently, open_stock, rewriting, stock_bundle

__all__ = ["open_stock", "stock_bundle"]

TEXT = "We ship at the end of the year. Everybody knows."


def show(page: Page, server: Served, document: str, query: str = "", at: str = "") -> Locator:
    """Open *document*, *at* another address of the server; its text."""
    page.goto(f"{at or server.application.url}/d/{document}{query}")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    text = page.get_by_role("textbox", name=f"Text of {document}")
    expect(text).to_be_visible()
    return text


def rows(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Collisions").locator(".row:visible")


def card(page: Page) -> Locator:
    return page.get_by_role("article")


def collided(server: Served, document: str) -> None:
    """Two guests rewrite the same words."""
    server.create(document, content={"text": TEXT})
    concurrently(
        server,
        document,
        rewriting("at the end of the year", "on Friday"),
        rewriting("at the end of the year", "in May"),
    )


def text_of(server: Served, document: str) -> str:
    return server.http.get("/api/state", params={"document": document, "as": "text"}).text


def test_two_people_and_a_stock_editor_see_one_collision_and_one_decision(
    page: Page, browser: Browser, web: Served, name: str, open_stock: OpenStock, watched: Watched
) -> None:
    web.create(name, content={"text": TEXT})
    text = show(page, web, name)
    expect(text).to_contain_text(TEXT)
    expect(page.get_by_text("No collisions in 1 edit by 1 person. Overlapping edits will appear here.")).to_be_visible()
    elsewhere = browser.new_context()
    elsewhere.on("page", watched.watch)
    other = elsewhere.new_page()
    show(other, web, name)
    stock = open_stock(name, "Bob")
    expect(page.get_by_role("list", name="People here").get_by_role("img", name="Bob")).to_be_visible()

    stock.evaluate("stock.leave()")
    expect(page.get_by_role("list", name="People here").get_by_role("img", name="Bob")).to_have_count(0)
    stock.evaluate("stock.replace('at the end of the year', 'in May')")
    text.click()
    page.keyboard.press("Control+Home")
    for _ in range(len("We ship ")):
        page.keyboard.press("ArrowRight")
    for _ in range(len("at the end of the year")):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.type("on Friday")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    stock.evaluate("stock.comeBack()")

    for one in (page, other):
        expect(rows(one)).to_have_count(1)
        expect(rows(one)).to_contain_text("Both versions are in the text.")
        expect(one.locator(".cm-conflict").first).to_be_visible()
    other.locator(".cm-conflict").first.click()
    expect(card(other)).to_contain_text("Both versions are in the text.")
    # Bob's editor says what it deleted only in a transfer of its whole state: that he did is no news any more.
    alone = card(other).locator(".choice").filter(has_text=re.compile(r"We ship on Friday\. Everybody"))
    alone.get_by_role("button", name="Use").click()
    for one in (page, other):
        expect(one.get_by_role("textbox", name=f"Text of {name}")).to_have_text("We ship on Friday. Everybody knows.")
    until(stock, "stock.text() === 'We ship on Friday. Everybody knows.'")
    expect(card(other).get_by_text("Resolved", exact=True)).to_be_visible()
    expect(rows(page)).to_have_count(0)
    expect(page.locator(".cm-conflict")).to_have_count(0)
    expect(page.get_by_text("Nothing needs you. 1 hidden: 1 resolved.")).to_be_visible()
    page.get_by_role("button", name="Show", exact=True).click()
    expect(rows(page)).to_have_count(1)
    elsewhere.close()


def test_a_card_says_things_in_their_order(page: Page, web: Served, name: str) -> None:
    collided(web, name)
    show(page, web, name)
    rows(page).click()
    opened = card(page)
    expect(opened.get_by_role("listitem")).to_have_count(5)
    said = opened.inner_text()
    order = [
        "line 1", "Open", "both rewrote", "In the document now", "What each person wrote", "Not in the document",
        "Nothing is missing.", "What shall it say?", "Leave as it is", "one after the other", "Write it", "Seen",
        "Before", "Events",
    ]  # fmt: skip
    places = [said.index(words) for words in order]
    assert places == sorted(places)
    assert opened.locator("ins").all_inner_texts().count("on Friday") >= 1
    results = [" ".join(one.inner_text().split()) for one in opened.locator(".choice-result .passage").all()]
    assert any("We ship in May. Everybody" in one for one in results)
    assert any("We ship on Friday. Everybody" in one for one in results)
    page.get_by_text("Before", exact=True).click()
    expect(opened.locator("details", has_text="Before").get_by_text("at the end of the year")).to_be_visible()
    page.get_by_text("Events", exact=True).nth(1).click()
    expect(opened.locator(".met li")).to_have_count(2)


def test_no_page_says_what_only_programs_say(page: Page, web: Served, name: str) -> None:
    collided(web, name)
    show(page, web, name)
    rows(page).click()
    expect(card(page).get_by_role("listitem")).to_have_count(5)
    page.get_by_text("Before", exact=True).click()
    said = page.locator("body").inner_text().lower()
    assert not re.search(r"\b(base|sides?|episodes?|severity|actors?)\b", said)
    severities: tuple[str, ...] = Severity.__args__
    assert not [one for one in severities if "-" in one and one in said]


def test_the_missing_text_can_be_copied(page: Page, context: BrowserContext, web: Served, name: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    web.create(name, content={"text": "x"})
    state = {"document": name, "as": "update"}
    seen = int(web.http.get("/api/state", params=state).headers["KeepBoth-Revision"])
    for who, due in (("ann", 4), ("bob", 7)):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.get("settings", type=pycrdt.Map)["due"] = f"<{due}>"
        web.edit(name, doc.get_update(), session=f"{who}-session", seen=seen)
    show(page, web, name)
    rows(page).click()
    opened = card(page)
    kept, gone = ("<4>", "<7>") if '"<4>"' in opened.locator(".card-now").inner_text() else ("<7>", "<4>")
    expect(opened.get_by_label("Missing text")).to_contain_text(gone)
    opened.get_by_role("button", name="Copy").click()
    expect(opened.get_by_role("button", name="Copied")).to_be_focused()
    assert gone in page.evaluate("navigator.clipboard.readText()")
    opened.get_by_role("button", name=re.compile(f"^Use .*{gone}")).click()
    expect(opened.get_by_text("Resolved", exact=True)).to_be_visible()
    assert web.get("/api/state", document=name)["roots"]["settings"]["value"] == {"due": gone} != {"due": kept}


def test_who_was_first_is_said_to_who_was_second(page: Page, web: Served, name: str, watched: Watched) -> None:
    watched.expected.append("409")
    collided(web, name)
    show(page, web, name)
    rows(page).click()

    def slow(route: Route) -> None:
        body = route.request.post_data_json
        won = {"id": body["id"], "document": name, "choice": "leave", "revision": body["revision"]}
        answer = web.http.post("/api/conflict/resolve", params={"session": "cleo-session"}, json=won)
        assert answer.status_code == 201, answer.text
        route.continue_()

    page.route("**/api/conflict/resolve*", slow)
    before = text_of(web, name)
    card(page).get_by_role("button", name="Use").first.click()
    expect(card(page).get_by_text("has resolved it already. Nothing of yours was recorded.")).to_be_visible()
    expect(card(page).get_by_text("Resolved", exact=True)).to_be_visible()
    assert text_of(web, name) == before

    page.unroute("**/api/conflict/resolve*")
    card(page).get_by_role("button", name="Open it again").click()
    expect(card(page).get_by_text("Open", exact=True)).to_be_visible()
    card(page).get_by_role("button", name="Use").first.click()
    expect(card(page).get_by_text("Resolved", exact=True)).to_be_visible()
    assert text_of(web, name) in ("We ship on Friday. Everybody knows.", "We ship in May. Everybody knows.")


def test_a_place_that_has_changed_is_shown_as_it_is_now(page: Page, web: Served, name: str, watched: Watched) -> None:
    watched.expected.append("409")
    collided(web, name)
    show(page, web, name)
    rows(page).click()
    tries: list[str] = []

    def meddled(route: Route) -> None:
        tries.append(route.request.url)
        if len(tries) == 1:
            concurrently(web, name, rewriting("n Frid", "n Good Frid"))
        route.continue_()

    page.route("**/api/conflict/resolve*", meddled)
    use = card(page).get_by_role("button", name=re.compile("^Use")).first
    expect(use).to_be_visible()
    use.click()
    expect(card(page).get_by_text("The place has changed since.")).to_be_visible()
    expect(card(page).locator(".choices")).to_contain_text("Good Frid")
    assert web.get("/api/conflicts", document=name)["conflicts"][0]["resolution"] is None


def test_what_is_written_is_shown_before_it_is_done(page: Page, web: Served, name: str) -> None:
    collided(web, name)
    show(page, web, name)
    rows(page).click()
    card(page).get_by_role("button", name="Write it").click()
    area = card(page).get_by_label("What it shall say")
    expect(area).to_be_focused()
    area.fill("before <i>Easter</i>")
    expect(card(page).locator(".writing .passage")).to_have_text("We ship before <i>Easter</i>. Everybody knows.")
    card(page).get_by_role("button", name="Write this").click()
    expect(card(page).get_by_text("Resolved", exact=True)).to_be_visible()
    assert text_of(web, name) == "We ship before <i>Easter</i>. Everybody knows."


def test_by_keyboard_alone(page: Page, web: Served, name: str) -> None:
    collided(web, name)
    text = show(page, web, name)
    text.focus()
    page.keyboard.press("Control+Home")
    for _ in range(len("We ship on")):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Alt+Enter")
    expect(card(page).get_by_role("heading", level=3)).to_be_focused()
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="All collisions")).to_be_focused()
    page.keyboard.press("Enter")
    expect(rows(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect(card(page).get_by_role("heading", level=3)).to_be_focused()
    expect(card(page).get_by_role("listitem")).to_have_count(5)
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == "Seen":
            break
    page.keyboard.press("Enter")
    expect(card(page).get_by_text("You have seen this.")).to_be_visible()
    expect(card(page).get_by_role("heading", level=3)).to_be_focused()
    assert len(web.get("/api/conflicts", document=name)["conflicts"][0]["seen_by"]) == 1


def test_a_link_opens_the_card_and_its_place(page: Page, web: Served, name: str) -> None:
    lines = "\n".join(f"line {number}" for number in range(400))
    web.create(name, content={"text": f"{lines}\n{TEXT}"})
    concurrently(
        web, name, rewriting("at the end of the year", "on Friday"), rewriting("at the end of the year", "in May")
    )
    (entry,) = web.get("/api/conflicts", document=name)["conflicts"]
    show(page, web, name, f"?conflict={entry['id']}")
    expect(card(page)).to_contain_text("line 401")
    expect(page.locator(".cm-conflict").first).to_be_in_viewport()


def scroll_to_underline(page: Page) -> None:
    until(
        page,
        """() => {
          document.querySelector('.sheet .cm-scroller').scrollTop += 40;
          return document.querySelector('.cm-conflict');
        }""",
    )


def test_an_underline_far_from_the_cursor_is_opened_by_the_first_click(page: Page, web: Served, name: str) -> None:
    """The editor draws the line anew when the cursor comes to it: what was pressed is gone when it is let go."""
    lines = "\n".join(f"line {number}" for number in range(60))
    web.create(name, content={"text": f"{lines}\n{TEXT}\n{lines}"})
    concurrently(
        web, name, rewriting("at the end of the year", "on Friday"), rewriting("at the end of the year", "in May")
    )
    show(page, web, name)
    expect(rows(page)).to_have_count(1)
    scroll_to_underline(page)
    page.locator(".cm-conflict").first.click()
    expect(card(page).get_by_role("heading", level=3)).to_be_focused()


SMALL = {"width": 390, "height": 800}


@pytest.mark.parametrize("way", ["underline", "row", "link"])
def test_on_a_small_screen_a_card_is_read_below_its_place(page: Page, web: Served, name: str, way: str) -> None:
    lines = "\n".join(f"line {number}" for number in range(60))
    web.create(name, content={"text": f"{lines}\n{TEXT}\n{lines}"})
    concurrently(
        web, name, rewriting("at the end of the year", "on Friday"), rewriting("at the end of the year", "in May")
    )
    page.set_viewport_size(SMALL)  # type: ignore[arg-type]
    if way == "link":
        (entry,) = web.get("/api/conflicts", document=name)["conflicts"]
        show(page, web, name, f"?conflict={entry['id']}")
    else:
        show(page, web, name)
        expect(rows(page)).to_have_count(1)
        if way == "underline":
            scroll_to_underline(page)
            page.locator(".cm-conflict").first.click()
        else:
            rows(page).click()
    heading = card(page).get_by_role("heading", level=3)
    if way != "link":
        expect(heading).to_be_focused()
    mark = page.locator(".cm-conflict").first
    expect(mark).to_be_visible()

    def tops() -> tuple[float, float]:
        return tuple(one.evaluate("one => one.getBoundingClientRect().top") for one in (mark, heading))  # type: ignore[return-value]

    until(
        page,
        """() => {
          const [mark, heading] = ['.cm-conflict', '[data-card-heading]'].map(
            (one) => document.querySelector(one)?.getBoundingClientRect().top ?? -1);
          return mark > 0 && mark + 20 < heading && heading < innerHeight / 2;
        }""",
    )
    before = tops()
    page.mouse.move(200, 700)
    page.mouse.wheel(0, 150)
    until(
        page, "before => document.querySelector('[data-card-heading]').getBoundingClientRect().top < before", before[1]
    )
    assert tops()[0] == pytest.approx(before[0], abs=1)  # who reads on still sees what it is about
    for _ in range(12):
        page.keyboard.press("Tab")
        hidden = page.evaluate(
            """() => {
              const panel = document.querySelector('.panel');
              const one = document.activeElement;
              if (!panel.contains(one)) return null;
              const { left, top, width, height } = one.getBoundingClientRect();
              const seen = document.elementFromPoint(left + width / 2, top + Math.min(height / 2, 10));
              return panel.contains(seen) ? null : one.outerHTML;
            }"""
        )
        assert hidden is None
    page.get_by_role("button", name="All collisions").press("Enter")
    expect(rows(page)).to_be_focused()
    expect(rows(page)).to_be_in_viewport()


def test_a_return_is_one_group(page: Page, web: Served, name: str, open_stock: OpenStock) -> None:
    web.create(name, content={"text": f"{TEXT}\n\n\nThen we rest for a whole week."})
    text = show(page, web, name)
    stock = open_stock(name, "Bob")
    stock.evaluate("stock.replace('Everybody', 'Everyone')")
    expect(text).to_contain_text("Everyone knows")
    stock.evaluate("stock.leave()")
    stock.evaluate("stock.replace('at the end of the year', 'in May')")
    stock.evaluate("stock.replace('a whole week', 'two weeks')")
    concurrently(web, name, rewriting("at the end of the year", "on Friday"))
    concurrently(web, name, rewriting("a whole week", "a month"))
    page.wait_for_timeout(10_500)  # nobody is told of less than ten seconds away
    stock.evaluate("stock.comeBack()")
    group = page.locator(".group")
    expect(group).to_contain_text("2 places to look at")
    expect(rows(page)).to_have_count(2)  # there is nothing else to see: it is open
    group.locator("summary").click()
    expect(rows(page)).to_have_count(0)
    concurrently(web, name, rewriting("Everyone", "Somebody"))
    expect(page.get_by_role("textbox")).to_contain_text("Somebody")
    expect(rows(page)).to_have_count(0)  # what was closed stays closed
    group.locator("summary").click()
    expect(rows(page)).to_have_count(2)
    group.get_by_role("button").first.click()
    expect(card(page)).to_contain_text("Both versions are in the text.")
    (notice,) = web.get("/api/notices", document=name)["notices"]
    assert notice["level"] == "badge"
    expect(page.locator(".toast")).to_have_count(0)


def test_what_is_typed_without_a_connection_waits_over_a_reload_and_is_sent(
    page: Page, web: Served, name: str, watched: Watched
) -> None:
    watched.expected.append("net::ERR|WebSocket connection")
    web.create(name, content={"text": TEXT})
    with cable_to(web.application.url) as cable:
        text = show(page, web, name, at=cable.url)
        cable.pull()
        expect(page.get_by_text("Offline, 0 waiting")).to_be_visible()
        text.click()
        page.keyboard.press("Control+End")
        page.keyboard.type(" Nearly.")
        expect(page.get_by_text("Offline, 8 waiting")).to_be_visible()
        assert text_of(web, name) == TEXT
        concurrently(web, name, rewriting("Everybody", "Nobody"))
        cable.plug()
        expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        expect(text).to_have_text("We ship at the end of the year. Nobody knows. Nearly.")
        assert text_of(web, name) == "We ship at the end of the year. Nobody knows. Nearly."
        cable.pull()
        page.keyboard.type(" Really.")
        expect(page.get_by_text("Offline, 8 waiting")).to_be_visible()
        page.wait_for_timeout(200)
        cable.plug()
        page.reload()
        expect(page.get_by_text("Saved", exact=True)).to_be_visible()
        expect(text).to_have_text("We ship at the end of the year. Nobody knows. Nearly. Really.")
        assert text_of(web, name).endswith("Nearly. Really.")


def test_a_document_that_cannot_be_reached_opens_when_it_can(
    page: Page, web: Served, name: str, watched: Watched
) -> None:
    watched.expected.append("net::ERR|WebSocket connection")
    web.create(name, content={"text": TEXT})
    with cable_to(web.application.url) as cable:
        page.goto(cable.url)
        expect(page.get_by_role("heading", name="Documents")).to_be_visible()
        web.create(f"{name}-other")
        show(page, web, f"{name}-other", at=cable.url)  # now the browser has what the page is made of
        page.get_by_role("link", name="KeepBoth, all documents").click()
        page.get_by_role("searchbox").fill(name)
        expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
        cable.pull()
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.get_by_text("The document opens as soon as it is back.")).to_be_visible()
        cable.plug()
        expect(page.get_by_role("textbox", name=f"Text of {name}")).to_have_text(TEXT)


def test_a_document_that_nobody_has_made_begins_with_the_first_edit(
    page: Page, web: Served, name: str, watched: Watched
) -> None:
    watched.expected.append("404")
    text = show(page, web, name)
    expect(page.get_by_text("This could not be loaded")).to_have_count(0)
    text.click()
    page.keyboard.type("Here.")
    expect(page.get_by_text("by 1 person. Overlapping edits will appear here.")).to_be_visible()
    assert text_of(web, name) == "Here."


def test_who_is_concerned_is_interrupted_once(
    page: Page, browser: Browser, web: Served, name: str, watched: Watched
) -> None:
    watched.expected.append("net::ERR|WebSocket connection")
    web.create(name, content={"text": TEXT})
    watching = browser.new_context()
    watching.on("page", watched.watch)
    watcher = watching.new_page()
    show(watcher, web, name)
    with cable_to(web.application.url) as cable:
        text = show(page, web, name, at=cable.url)
        cable.pull()
        expect(page.get_by_text("Offline, 0 waiting")).to_be_visible()
        text.click()
        page.keyboard.press("Control+Home")
        for _ in range(len("We ship ")):
            page.keyboard.press("ArrowRight")
        for _ in range(len("at the end of the year")):
            page.keyboard.press("Shift+ArrowRight")
        page.keyboard.type("on Friday")
        page.wait_for_timeout(11_000)  # nobody is told of less than ten seconds away
        concurrently(web, name, rewriting("at the end of the year", "in May"))
        cable.plug()
        expect(page.locator(".toast")).to_contain_text("is back after")
        expect(watcher.locator(".group")).to_contain_text("is back after")
        expect(watcher.locator(".toast")).to_have_count(0)
        page.locator(".toast").get_by_role("button", name="Look").click()
        expect(card(page)).to_contain_text("both rewrote")
        expect(card(page).get_by_role("heading", level=3)).to_be_focused()
        page.get_by_role("button", name="All collisions").click()
        page.reload()
        expect(page.locator(".group")).to_contain_text("is back after")
        expect(page.locator(".toast")).to_have_count(0)
    watching.close()


@pytest.mark.parametrize("kind", ["map", "array", "xml"])
def test_what_is_no_text_is_shown_as_it_is(page: Page, web: Served, name: str, kind: str) -> None:
    web.create(name)
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    if kind == "map":
        root = doc.get("settings", type=pycrdt.Map)
        root["<b>due</b>"] = "<img src=x onerror=alert(1)>"
        root["nested"] = pycrdt.Map({"deep": pycrdt.Array([1, True, None])})
        wanted = ["<b>due</b>", '"<img src=x onerror=alert(1)>"', "deep", "true", "null"]
    elif kind == "array":
        doc.get("list", type=pycrdt.Array).extend(["one", {"two": 2}, pycrdt.Text("three")])
        wanted = ['"one"', "two", "2", "three"]
    else:
        fragment = doc.get("prosemirror", type=pycrdt.XmlFragment)
        fragment.children.append(pycrdt.XmlElement("paragraph", {"align": "<left>"}, [pycrdt.XmlText("Hello <you>")]))
        wanted = ['paragraph align="<left>"', "Hello <you>"]
    web.edit(name, doc.get_update(), session="ann-session", seen=1)
    page.goto(f"{web.application.url}/d/{name}")
    tree = page.get_by_role("region", name="Content, to be read only")
    for words in wanted:
        expect(tree).to_contain_text(words)
    assert tree.locator("img, b").count() == 0
    before = doc.get_state()
    if kind == "map":
        doc.get("settings", type=pycrdt.Map)["later"] = "came later"
    elif kind == "array":
        doc.get("list", type=pycrdt.Array).append("came later")
    else:
        doc.get("prosemirror", type=pycrdt.XmlFragment).children.append(pycrdt.XmlText("came later"))
    web.edit(name, doc.get_update(before), session="ann-session", seen=2)
    expect(tree).to_contain_text("came later")
    assert grave(page) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_serious_issue(page: Page, web: Served, name: str, scheme: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    collided(web, name)
    show(page, web, name)
    expect(rows(page)).to_have_count(1)
    assert grave(page) == []
    rows(page).click()
    expect(card(page).get_by_role("listitem")).to_have_count(5)
    expect(card(page)).to_be_in_viewport()
    assert grave(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_filter_is_by_state_person_and_words(page: Page, web: Served, name: str) -> None:
    collided(web, name)
    concurrently(web, name, rewriting("Everybody", "All"), rewriting("Everybody", "Each"))
    show(page, web, name)
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Words in them").fill("friday")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Words in them").fill(f"nobody wrote {uuid.uuid4()}")
    expect(page.get_by_text("Nothing fits.")).to_be_visible()
    page.get_by_role("button", name="Clear the filters").click()
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Which collisions").select_option("Resolved or settled")
    expect(rows(page)).to_have_count(0)
    page.get_by_label("Which collisions").select_option("Everything")
    expect(rows(page)).to_have_count(2)
    page.get_by_label("Who took part").select_option(index=1)
    expect(rows(page)).to_have_count(2)


def test_a_browser_that_is_offline_says_so(page: Page, web: Served, name: str, context: BrowserContext) -> None:
    web.create(name, content={"text": "one"})
    page.goto(f"{web.application.url}/d/{name}")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    context.set_offline(True)
    expect(page.get_by_text("Offline, 0 waiting")).to_be_visible()
    context.set_offline(False)
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()


def test_a_key_is_written_as_code(page: Page, web: Served, name: str) -> None:
    web.create(name)
    for who in ("ann", "bob"):
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        doc.get("facts", type=pycrdt.Map)["<due>"] = who
        web.edit(name, doc.get_update(), session=f"{who}-session", seen=1)
    page.goto(f"{web.application.url}/d/{name}")
    row = page.locator(".row")
    expect(row.locator(".row-sentence code")).to_have_text(re.compile("<due>"))
    expect(row).not_to_contain_text("`")


def test_a_document_without_collisions_has_nothing_to_choose_from(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    page.goto(f"{web.application.url}/d/{name}")
    expect(page.get_by_text("Overlapping edits will appear here.")).to_be_visible()
    expect(page.get_by_role("search", name="Collisions")).to_be_hidden()


def test_a_card_that_comes_late_does_not_take_the_focus_from_the_text(page: Page, web: Served, name: str) -> None:
    web.collide(name)
    held: list[Route] = []
    page.route("**/api/conflict?**", lambda route: held.append(route))
    page.goto(f"{web.application.url}/d/{name}")
    rows(page).first.click()
    expect(card(page)).to_be_visible()
    page.get_by_role("textbox").click()
    page.keyboard.press("Control+End")
    until(page, "() => document.activeElement.classList.contains('cm-content')")
    with page.expect_response("**/api/conflict?**"):
        held[0].continue_()
    page.wait_for_timeout(200)
    page.keyboard.type(" four")
    expect(page.get_by_role("textbox")).to_contain_text(" four")
