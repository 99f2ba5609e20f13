"""The first minute: two people, one sentence, a collision, a choice. Only what a visitor can see is used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.api.conftest import Served
from tests.web.conftest import serious_issues

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
    expect(text_of(page, "Bob")).to_contain_text("We ship the new editor in early May.")
    expect(pane(page, "Bob").get_by_text("Saved", exact=True)).to_be_visible()
    page.get_by_role("button", name="Bring Ann back").click()

    card = page.get_by_role("article")
    expect(card).to_contain_text("Both versions are in the text.")
    expect(card).to_contain_text("Ann and Bob both rewrote")
    expect(pane(page, "Ann").get_by_text("Saved", exact=True)).to_be_visible()
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("on Friday")
        expect(text_of(page, who)).to_contain_text("in early May")
        assert "".join(text_of(page, who).locator(".cm-conflict").all_inner_texts())
    card.get_by_role("button", name="Use Bob's").click()
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("We ship the new editor in early May.")
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


@pytest.mark.parametrize("width", [1280, 390])
def test_what_is_done_says_what_came_of_it_and_what_is_next_is_in_sight(page: Page, web: Served, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    open_demo(page, web)
    if width > 860:  # the editors fill the window
        assert all(
            740 < box["y"] + box["height"] < 800 for who in ("Ann", "Bob") if (box := pane(page, who).bounding_box())
        )
    page.get_by_role("button", name="Take Ann offline").click()
    page.get_by_role("button", name="Type for me").click()
    expect(pane(page, "Ann").get_by_text("Offline, 9 waiting")).to_be_visible()
    page.get_by_role("button", name="Bring Ann back").click()
    said = page.get_by_text("Both edits were taken. None was refused.")
    expect(said).to_be_visible() if width > 860 else expect(said).to_be_hidden()
    page.get_by_role("button", name="Go to the choices").click()
    expect(page.get_by_role("button", name="Leave as it is")).to_be_in_viewport()
    page.get_by_role("button", name="Leave as it is").click()
    expect(page.get_by_role("article").get_by_text("Resolved", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Replay what each saw")).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("article").get_by_role("heading", level=3)).to_be_focused()


def test_nothing_passes_between_the_panes_behind_the_servers_back(context: BrowserContext, tmp_path: Path) -> None:
    """The server stands still: Bob hears nothing of Ann. It goes on: he does."""
    root = Path(__file__).parents[2]
    server = subprocess.Popen(
        [sys.executable, "-m", "keepboth.cli", "serve", "--port", "0", "--data", tmp_path],
        env={**os.environ, "PYTHONPATH": str(root / "server")}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.endswith("(try /demo)\n"), line
        context.add_init_script(
            "window.channels = 0; window.BroadcastChannel = class { constructor() { window.channels++ } }"
        )
        page = context.new_page()
        page.goto(f"{line.split()[2]}/demo")
        for who in ("Ann", "Bob"):
            expect(pane(page, who).get_by_text("Saved", exact=True)).to_be_visible()
        server.send_signal(signal.SIGSTOP)
        text_of(page, "Ann").press_sequentially("on Friday")
        expect(text_of(page, "Ann")).to_contain_text("on Friday")
        expect(pane(page, "Ann").get_by_text("Saving…")).to_be_visible()
        page.wait_for_timeout(1_000)
        expect(text_of(page, "Bob")).to_contain_text(PHRASE)
        expect(text_of(page, "Bob")).not_to_contain_text("Friday")
        expect(pane(page, "Ann").get_by_text("Saving…")).to_be_visible()
        server.send_signal(signal.SIGCONT)
        expect(text_of(page, "Bob")).to_contain_text("We ship the new editor on Friday.")
        expect(pane(page, "Ann").get_by_text("Saved", exact=True)).to_be_visible()
        assert page.evaluate("window.channels") == 0
        page.close()
    finally:
        server.send_signal(signal.SIGCONT)
        server.terminate()
        server.wait(20)
        server.stdout.close()  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("suggestion", "said"),
    [
        ("Bob deletes, Ann types in it", "Ann's 'for everybody' stayed"),
        ("Both go on writing", "Ann and Bob"),
    ],
)
def test_the_other_suggestions_collide_too(page: Page, web: Served, suggestion: str, said: str) -> None:
    open_demo(page, web)
    page.get_by_role("radio", name=suggestion).check()
    page.get_by_role("button", name="Take Ann offline").click()
    page.get_by_role("button", name="Type for me").click()
    page.get_by_role("button", name="Bring Ann back").click()
    expect(page.get_by_role("article")).to_contain_text(said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_demo_has_no_serious_accessibility_issue(page: Page, web: Served, scheme: str, width: int) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 800})
    open_demo(page, web)
    assert serious_issues(page) == []
    page.get_by_role("button", name="Take Ann offline").click()
    assert serious_issues(page) == []
    page.get_by_role("button", name="Type for me").click()
    page.get_by_role("button", name="Bring Ann back").click()
    page.get_by_role("article").get_by_role("button", name="Use Ann's").wait_for()
    assert serious_issues(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Use Ann's").click()
    expect(page.get_by_text("Paste this line into your editor")).to_be_visible()
    assert serious_issues(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_far_away_server_takes_its_time(page: Page, web: Served) -> None:
    open_demo(page, web)
    page.get_by_label("Delay of Ann's connection").fill("3")
    text_of(page, "Ann").press_sequentially("x")
    expect(pane(page, "Ann").get_by_text("Saving…")).to_be_visible()
    page.get_by_label("Delay of Ann's connection").fill("0")
    expect(pane(page, "Ann").get_by_text("Saved", exact=True)).to_be_visible(timeout=15_000)


def test_a_reload_comes_back_to_the_room_with_what_was_not_sent(page: Page, web: Served) -> None:
    open_demo(page, web)
    page.get_by_role("button", name="Take Ann offline").click()
    text_of(page, "Ann").press_sequentially("on Friday")
    expect(pane(page, "Ann").get_by_text("Offline, 9 waiting")).to_be_visible()
    page.wait_for_timeout(300)
    page.reload()
    for who in ("Ann", "Bob"):
        expect(text_of(page, who)).to_contain_text("We ship the new editor on Friday.")


def test_edits_that_do_not_touch_are_said_not_to(page: Page, web: Served) -> None:
    open_demo(page, web)
    page.get_by_role("button", name="Take Ann offline").click()
    text_of(page, "Ann").press_sequentially("on Friday")
    text_of(page, "Bob").press("Control+End")
    text_of(page, "Bob").press_sequentially(" Tea is at five.")
    page.get_by_role("button", name="Bring Ann back").click()
    expect(page.get_by_text("These edits did not touch each other")).to_be_visible(timeout=10_000)
    expect(page.get_by_role("article")).to_have_count(0)
