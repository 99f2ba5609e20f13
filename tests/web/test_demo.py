"""The first minute: two people, one sentence, a collision, a choice. Only what a visitor can see is used."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.api.conftest import Served

PHRASE = "at the end of the year"


def pane(page: Page, who: str) -> Locator:
    return page.get_by_role("region", name=who, exact=True)


def text_of(page: Page, who: str) -> Locator:
    return page.get_by_role("textbox", name=f"{who}'s editor")


def open_demo(page: Page, server: Served) -> None:
    page.goto(f"{server.application.url}/demo")
    for who in ("Ann", "Bob"):
        expect(pane(page, who).get_by_text("Saved", exact=True)).to_be_visible()
        expect(text_of(page, who)).to_contain_text(PHRASE)


def test_the_whole_story_with_typing_done_for_me(page: Page, web: Served) -> None:
    open_demo(page, web)
    page.get_by_role("button", name="Take Ann offline").click()
    expect(pane(page, "Ann").get_by_text("Offline, 0 waiting")).to_be_visible()
    page.get_by_role("button", name="Type for me").click()
    expect(pane(page, "Ann").get_by_text("Offline, 9 waiting")).to_be_visible()
    expect(text_of(page, "Ann")).to_contain_text("We ship the new editor on Friday.")
    expect(text_of(page, "Bob")).to_contain_text("We ship the new editor on the tenth of May.")
    expect(pane(page, "Bob").get_by_text("Saved", exact=True)).to_be_visible()
    page.get_by_role("button", name="Bring Ann back").click()

    card = page.get_by_role("article")
    expect(card).to_contain_text("Both versions are in the text.")
    expect(card).to_contain_text("Ann and Bob both rewrote")
    expect(pane(page, "Ann").get_by_text("Saved", exact=True)).to_be_visible()
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("on Friday")
        expect(text_of(page, who)).to_contain_text("on the tenth of May")
        assert "".join(text_of(page, who).locator(".cm-conflict").all_inner_texts())
    card.get_by_role("button", name="Use Bob's").click()
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("We ship the new editor on the tenth of May.")
        expect(text_of(page, who)).not_to_contain_text("on Friday")
    expect(card.get_by_text("Resolved", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Replay what each saw")).to_be_visible()
    expect(page.get_by_text("Paste this line into your editor")).to_be_visible()


def test_the_whole_story_by_keyboard(page: Page, web: Served) -> None:
    open_demo(page, web)

    def tab_to(control: Locator, most: int = 60) -> None:
        for _ in range(most):
            if control.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{control} is not reached with Tab")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    tab_to(page.get_by_role("button", name="Take Ann offline"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Type for me")).to_be_focused()
    for who, words in (("Ann", "on Friday"), ("Bob", "next summer")):
        tab_to(text_of(page, who))
        page.keyboard.type(words)
        expect(text_of(page, who)).to_contain_text(f"We ship the new editor {words}.")
    expect(pane(page, "Ann").get_by_text("Offline, 9 waiting")).to_be_visible()
    tab_to(page.get_by_role("button", name="Bring Ann back"))
    page.keyboard.press("Enter")
    card = page.get_by_role("article")
    expect(card).to_contain_text("Both versions are in the text.")
    tab_to(page.get_by_role("button", name="Go to the choices"))
    page.keyboard.press("Enter")
    tab_to(card.get_by_role("button", name="Use Ann's"))
    page.keyboard.press("Enter")
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("We ship the new editor on Friday.")
        expect(text_of(page, who)).not_to_contain_text("next summer")
    expect(card.get_by_text("Resolved", exact=True)).to_be_visible()
