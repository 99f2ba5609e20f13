"""The events of a document: all of them, some of them, each as it is in the log."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.api.conftest import Served
from tests.web.accessibility import grave
from tests.web.stock import concurrently, rewriting


def test_every_event_is_there_and_each_is_shown_as_it_is(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one two"})
    concurrently(web, name, rewriting("one", "eins"), rewriting("two", "zwei"))
    page.goto(f"{web.application.url}/d/{name}?view=events")
    events = page.locator(".events > li")
    expect(events).to_have_count(4)
    expect(events.first).to_contain_text("Edit")
    expect(events.last).to_contain_text("Created")
    events.last.locator("summary").click()
    shown = json.loads(events.last.locator("pre").inner_text())
    (logged,) = web.get("/api/events", document=name, limit=1)
    assert shown == logged
    assert grave(page) == []


def test_they_are_chosen_by_type_and_by_who(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one two"})
    concurrently(web, name, rewriting("one", "eins"), rewriting("two", "zwei"))
    page.goto(f"{web.application.url}/d/{name}?view=events")
    events = page.locator(".events > li")
    page.get_by_label("Type").select_option("Created")
    expect(events).to_have_count(1)
    page.get_by_label("Type").select_option("All types")
    expect(events).to_have_count(4)
    page.get_by_label("Who").select_option("guest:a-session")
    expect(events).to_have_count(1)
    page.reload()
    expect(events).to_have_count(1)
    page.get_by_label("Type").select_option("Renamed")
    expect(page.get_by_text("No event fits.")).to_be_visible()


def test_more_events_come_a_page_at_a_time(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "x"})
    for number in range(70):
        body = {"id": f"00000000-0000-4000-8000-{number:012d}", "type": f"acme.note-{name[-6:]}", "data": {"n": number}}
        body["id"] = body["id"][:-12] + name[-6:] + f"{number:06d}"
        assert web.http.post("/api/events", params={"document": name}, json=body).status_code == 201
    page.goto(f"{web.application.url}/d/{name}?view=events")
    events = page.locator(".events > li")
    expect(events).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(events).to_have_count(72)
    expect(page.get_by_role("button", name="Show more")).to_be_hidden()
