"""Whoever reads is one person on every page: what they decide on the timeline or in the list is by who edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import BrowserContext, Page, expect

from keepboth.api.web import SHIPPED
from keepboth.live.session import Actor
from tests.api.conftest import Served, serving, written
from tests.web.accessibility import grave

ME = "JSON.parse(localStorage.getItem('keepboth.me')).name"


def by_cookie(request: Any) -> Actor | None:
    name = dict(part.strip().split("=", 1) for part in request.headers.get("Cookie", "").split(";") if "=" in part)
    return Actor(f"user:{name['person'].lower()}", "human", name["person"]) if "person" in name else None


def actors(server: Served, document: str, *types: str) -> list[str]:
    return [one["authid"] for one in server.get("/api/events", document=document, types=list(types))]


def names(server: Served, document: str) -> dict[str, str]:
    return {one["actor"]: one["name"] for one in server.get("/api/timeline", document=document)["people"]}


def name_moment(page: Page, called: str) -> None:
    page.get_by_role("button", name="Name…").click()
    dialog = page.get_by_role("dialog", name="Name this moment")
    dialog.get_by_label("Name").fill(called)
    dialog.get_by_role("button", name="Name it").click()
    expect(page.get_by_label("Version").locator("option", has_text=called)).to_be_attached()


def restore(page: Page) -> None:
    page.get_by_role("button", name="Restore…").click()
    dialog = page.get_by_role("dialog", name="Restore this moment")
    dialog.get_by_role("button", name="Restore", exact=True).click()
    expect(dialog).to_be_hidden()


def test_the_timeline_acts_as_the_editors_page(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    page.goto(f"{web.application.url}/d/{name}")
    page.get_by_role("textbox").click()
    page.keyboard.type("more ")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    called = page.evaluate(ME)
    page.goto(f"{web.application.url}/d/{name}?view=timeline&at=2")
    name_moment(page, "before")
    restore(page)
    (editor, *_) = actors(web, name, "edit.recorded")[1:]
    assert actors(web, name, "version.named", "document.reverted") == [editor, editor]
    assert names(web, name)[editor] == called


def test_who_never_edited_acts_as_who_will(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    page.goto(f"{web.application.url}/d/{name}?view=timeline")
    name_moment(page, "first")
    page.get_by_role("link", name="Text", exact=True).click()
    page.get_by_role("textbox").click()
    page.keyboard.type("x")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    (namer,) = actors(web, name, "version.named")
    assert actors(web, name, "edit.recorded")[1:] == [namer]
    assert names(web, name)[namer] == page.evaluate(ME)


def test_a_rename_and_a_new_document_are_by_the_reader(page: Page, web: Served, name: str) -> None:
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill("nothing is called this")
    page.get_by_role("button", name="New document").click()
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    page.goto(web.application.url)
    page.get_by_role("searchbox").fill(name)
    page.get_by_role("button", name=f"Rename {name}").click()
    page.get_by_label("Title", exact=True).fill("Another")
    page.get_by_role("button", name="Rename", exact=True).click()
    expect(page.get_by_role("link", name="Another")).to_be_visible()
    by = actors(web, name, "document.created", "document.renamed", "session.joined")
    assert len(by) == 3
    assert len(set(by)) == 1


def test_a_resolution_carries_the_readers_name(page: Page, web: Served, name: str) -> None:
    web.collide(name)
    page.goto(f"{web.application.url}/d/{name}")
    page.locator(".row").click()
    page.get_by_role("button", name="Leave as it is").click()
    expect(page.get_by_role("article")).to_contain_text("Resolved")
    (resolver,) = actors(web, name, "conflict.resolved")
    (conflict,) = web.get("/api/conflicts", document=name)["conflicts"]
    assert conflict["resolution"]["actor"] == resolver
    assert conflict["resolution"]["name"] == page.evaluate(ME)


def test_who_is_known_to_the_server_is_known_to_the_page(context: BrowserContext, tmp_path: Path) -> None:
    with serving(tmp_path, by_cookie, pages=SHIPPED) as server:
        server.create("d", content={"text": "one"})
        server.edit("d", written("two"), session="somebody-else")
        context.add_cookies([{"name": "person", "value": "Ann", "url": server.application.url}])
        page = context.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{server.application.url}/d/d")
        expect(page.get_by_role("textbox")).to_be_visible()
        page.wait_for_timeout(500)
        assert any(f"for={quote('user:ann', safe='')}" in url for url in asked if "/api/conflicts?" in url), asked
        page.goto(f"{server.application.url}/d/d?view=timeline&at=2")
        name_moment(page, "first")
        restore(page)
        assert actors(server, "d", "version.named", "document.reverted") == ["user:ann", "user:ann"]
        joined = server.get("/api/events", document="d", types="session.joined", actors="user:ann")
        assert {(one["data"]["name"], one["data"]["claimed"]) for one in joined} == {("Ann", False)}
        page.close()  # before its server goes


def test_a_new_name_is_seen_by_others_and_goes_with_what_is_written(page: Page, web: Served, name: str) -> None:
    web.create(name, content={"text": "one"})
    page.goto(f"{web.application.url}/d/{name}")
    expect(page.get_by_role("textbox")).to_be_visible()
    called = page.evaluate(ME)
    page.get_by_role("button", name=f"You are {called}. Change your name").click()
    dialog = page.get_by_role("dialog", name="Your name")
    expect(dialog.get_by_label("Name")).to_have_value(called)
    dialog.get_by_label("Name").fill("Åsa <b>")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="You are Åsa <b>. Change your name")).to_be_focused()
    assert grave(page) == []
    other = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    other.goto(page.url)
    expect(other.get_by_role("list", name="People here").get_by_role("img", name="Åsa <b>")).to_be_visible()
    other.context.close()
    page.get_by_role("textbox").click()
    page.keyboard.type("x")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible()
    (editor,) = actors(web, name, "edit.recorded")[1:]
    assert names(web, name)[editor] == "Åsa <b>"
    page.goto(f"{web.application.url}/d/{name}?view=timeline")
    name_moment(page, "mine")
    assert [one["data"]["name"] for one in web.get("/api/events", document=name, types="session.joined")] == ["Åsa <b>"]
