"""The add-on on an unmodified y-websocket provider, against a real server, in a real browser."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page

from keepboth.app import LOG_FILE
from keepboth.events import EDIT_RECORDED, Event
from tests.api.conftest import Served
from tests.web.addon.conftest import Open
from tests.web.conftest import Watched, until

STORED_EDITS = """wanted => new Promise((resolve) => {
  const opening = indexedDB.open("keepboth");
  opening.onsuccess = () => {
    const all = opening.result.transaction("edits").objectStore("edits").count();
    all.onsuccess = () => { opening.result.close(); resolve(all.result === wanted); };
  };
})"""


def edits(server: Served, document: str) -> list[Event]:
    return [one for one in server.application.store.read(document, limit=5000) if one.type == EDIT_RECORDED]


def text(page: Page) -> str:
    return str(page.evaluate("window.bench.text.toString()"))


def wait_text(page: Page, wanted: str) -> None:
    until(page, "wanted => window.bench.text.toString() === wanted", wanted)


def wait_saved(page: Page) -> None:
    until(page, "window.bench.both.waiting === 0")


def write(page: Page, at: int, what: str, gone: int = 0) -> None:
    page.evaluate("([at, what, gone]) => window.bench.type(at, what, gone)", [at, what, gone])


def context_of(event: Event) -> tuple[Any, Any, str]:
    return event.context.lower, event.context.upper, event.context_source


def leave(page: Page) -> None:
    page.evaluate("window.bench.provider.disconnect()")


def come_back(page: Page) -> None:
    page.evaluate("window.bench.provider.connect()")
    until(page, "window.bench.provider.synced")


def test_edits_declare_what_their_author_had_seen(open_bench: Open, bench: Served, name: str) -> None:
    ann = open_bench("Ann")
    write(ann, 0, "one ")
    wait_saved(ann)
    bob = open_bench("Bob")
    wait_text(bob, "one ")
    write(bob, 4, "two ")
    wait_text(ann, "one two ")
    write(ann, 8, "three")
    wait_saved(ann)
    found = edits(bench, name)
    assert [event.context_source for event in found] == ["declared"] * 3
    assert [event.context.lower == event.context.upper for event in found] == [True] * 3
    assert [event.context.lower.base for event in found[1:]] == [found[0].revision, found[1].revision]
    assert [event.session_seq for event in found] == [1, 1, 2]


def test_an_edit_is_saved_when_it_is_on_disk_and_not_before(
    open_bench: Open, bench: Served, name: str, context: BrowserContext
) -> None:
    ann, bob = open_bench("Ann"), open_bench("Bob", plain=True)
    log = sqlite3.connect(bench.application.settings.data / LOG_FILE, isolation_level=None)
    try:
        log.execute("begin immediate")
        write(ann, 0, "held")
        until(ann, "async () => (await (await fetch('/api/server')).json()).live.in_flight === 1")
        assert ann.evaluate("[window.bench.both.waiting, window.bench.receipts.length]") == [1, 0]
        assert (text(bob), edits(bench, name)) == ("", [])
        log.execute("rollback")
    finally:
        log.close()
    wait_saved(ann)
    wait_text(bob, "held")
    (event,) = edits(bench, name)
    assert ann.evaluate("window.bench.receipts") == [
        {"seq": 1, "status": "appended", "revision": event.revision, "disposition": "ready"}
    ]


def test_offline_reload_reconnect_keeps_the_context_exact(open_bench: Open, bench: Served, name: str) -> None:
    bench.create(name, content={"text": "Ship by the end of the year."})
    ann, bob = open_bench("Ann"), open_bench("Bob")
    for page in (ann, bob):
        wait_text(page, "Ship by the end of the year.")
    seen = ann.evaluate("window.bench.both.seen")
    session = ann.evaluate("window.bench.both.session")
    leave(ann)
    write(ann, 8, "Friday", 19)
    write(bob, 8, "the tenth of May", 19)
    wait_saved(bob)
    write(ann, 14, ", surely")
    assert ann.evaluate("window.bench.both.waiting") == 2
    until(ann, STORED_EDITS, 2)

    ann.reload()
    ann.evaluate("window.bench.both.ready")
    assert ann.evaluate("window.bench.both.session") == session
    until(ann, "window.bench.provider.synced")
    wait_saved(ann)

    mine = [event for event in edits(bench, name) if event.session == session]
    assert [context_of(event)[2] for event in mine] == ["declared"] * 2
    assert {event.context.upper.base for event in mine} == {seen}
    assert [event.session_seq for event in mine] == [1, 2]
    until(ann, "window.bench.both.conflicts.size === 1")
    (entry,) = bench.get("/api/conflicts", document=name)["conflicts"]
    assert (entry["certain"], sorted(side["name"] for side in entry["sides"])) == (True, ["Ann", "Bob"])


def test_what_was_typed_offline_is_there_after_a_reload_without_the_server(
    open_bench: Open, bench: Served, name: str, watched: Watched
) -> None:
    page = open_bench("Ann")
    write(page, 0, "kept ")
    wait_saved(page)
    leave(page)
    write(page, 5, "here")
    until(page, STORED_EDITS, 1)
    watched.expected += ["WebSocket", "ERR_"]
    page.route("**/ws/**", lambda route: route.abort())
    page.route_web_socket("**/ws/**", lambda socket: socket.close())
    page.reload()
    page.evaluate("window.bench.both.ready")
    assert text(page) == "kept here"
    assert page.evaluate("[window.bench.both.waiting, window.bench.both.kept]") == [1, True]
    assert len(edits(bench, name)) == 1


def test_two_tabs_are_two_sessions(open_bench: Open, bench: Served, name: str) -> None:
    first, second = open_bench("Ann"), open_bench("Ann")
    sessions = [page.evaluate("window.bench.both.session") for page in (first, second)]
    assert sessions[0] != sessions[1]
    write(first, 0, "a")
    wait_text(second, "a")
    write(second, 1, "b")
    wait_text(first, "ab")
    assert {event.session for event in edits(bench, name)} == set(sessions)


def test_edits_of_closed_tabs_are_sent_by_the_next(open_bench: Open, bench: Served, name: str) -> None:
    tabs = [open_bench("Ann"), open_bench("Ann")]
    sessions = {tab.evaluate("window.bench.both.session") for tab in tabs}
    for tab, what in zip(tabs, ("left ", "behind "), strict=True):
        leave(tab)
        write(tab, 0, what)
    for tab in tabs:
        until(tab, STORED_EDITS, 2)
    for tab in tabs:
        tab.close()
    next_one = open_bench("Ann")
    until(next_one, "['left behind ', 'behind left '].includes(window.bench.text.toString())")
    wait_saved(next_one)
    assert next_one.evaluate("window.bench.both.session") in sessions
    assert {event.session for event in edits(bench, name)} == sessions
    assert {event.context_source for event in edits(bench, name)} == {"declared"}
    until(next_one, STORED_EDITS, 0)


def test_a_conflict_appears_in_the_open_editor(open_bench: Open, bench: Served, name: str) -> None:
    bench.create(name, content={"text": "one two three"})
    ann, bob = open_bench("Ann"), open_bench("Bob")
    for page in (ann, bob):
        wait_text(page, "one two three")
        page.evaluate("window.bench.edit()")
    leave(bob)
    write(ann, 4, "TWO", 3)
    write(bob, 4, "zwei", 3)
    come_back(bob)
    for page in (ann, bob):
        mark = page.locator(".cm-conflict")
        mark.first.wait_for()
        assert "".join(mark.all_inner_texts()) in ("TWOzwei", "zweiTWO")
        mark.first.click()
        until(page, "window.clicked.length === 1")
        assert page.evaluate("window.clicked[0] === [...window.bench.both.conflicts.keys()][0]")


@pytest.mark.parametrize("seed", range(12))
def test_places_are_found_as_yjs_finds_them(open_bench: Open, seed: int) -> None:
    told = open_bench("Ann").evaluate("seed => window.compareRanges(seed)", seed)
    assert told["differ"] == []
    assert not told["later"]
    assert told["here"] > 20
    assert told["elsewhere"] > 5


def test_an_entry_that_is_opened_is_read_whole(open_bench: Open, bench: Served, name: str) -> None:
    """It collided before the page was opened: the page knows its place only."""
    bench.collide(name)
    (listed,) = bench.get("/api/conflicts", document=name)["conflicts"]
    page = open_bench("Ann", query="list=0")
    wait_text(page, listed["before"] + listed["merged"] + listed["after"])
    page.evaluate("window.bench.edit()")
    mark = page.locator(".cm-conflict").first
    mark.wait_for()
    assert page.evaluate("[window.bench.both.conflicts.size, window.bench.both.places.size]") == [0, 1]
    assert mark.get_attribute("aria-label") == "Both kept"
    mark.hover()
    page.locator(".cm-conflict-tooltip").get_by_text(listed["card"]["sentence"]["text"]).wait_for()
    mark.click()
    until(page, "window.clicked.length === 1")
    assert page.evaluate("window.clicked") == [listed["id"]]


def test_a_stock_provider_goes_on_beside_it(open_bench: Open, bench: Served, name: str) -> None:
    ann, stock = open_bench("Ann"), open_bench("Stock", plain=True)
    write(ann, 0, "from Ann ")
    wait_text(stock, "from Ann ")
    write(stock, 9, "and back")
    wait_text(ann, "from Ann and back")


@pytest.mark.parametrize("times", [250])
def test_many_edits_survive_compaction(open_bench: Open, bench: Served, name: str, times: int) -> None:
    page = open_bench("Ann")
    page.evaluate("times => { for (let at = 0; at < times; at++) window.bench.type(at, 'x') }", times)
    wait_saved(page)
    for _ in range(5):
        write(page, 0, "y")
        wait_saved(page)
    leave(page)
    write(page, 0, "z")
    until(page, STORED_EDITS, 1)
    page.reload()
    page.evaluate("window.bench.both.ready")
    assert text(page) == "zyyyyy" + "x" * times
    until(page, "window.bench.provider.synced")
    wait_saved(page)
    assert [event.session_seq for event in edits(bench, name)] == list(range(1, times + 7))


def test_storage_that_was_set_back_goes_on_as_another_session(
    open_bench: Open, bench: Served, name: str, watched: Watched
) -> None:
    page = open_bench("Ann")
    write(page, 0, "one ")
    wait_saved(page)
    before = page.evaluate("window.bench.both.session")
    page.evaluate("window.bench.both.destroy()")
    page.evaluate(
        """() => new Promise((resolve) => {
          const opening = indexedDB.open("keepboth");
          opening.onsuccess = () => {
            const transaction = opening.result.transaction(["sessions", "updates"], "readwrite");
            const sessions = transaction.objectStore("sessions");
            sessions.getAll().onsuccess = ({ target }) => {
              for (const row of target.result) {
                sessions.put({ ...row, lastSeq: 0, base: 0, proof: { revision: 0, hash: "" } });
              }
            };
            transaction.objectStore("updates").clear();
            transaction.oncomplete = () => { opening.result.close(); resolve(); };
          };
        })"""
    )
    watched.expected.append("this session is newer on the server")
    page.reload()
    until(page, "window.bench.provider.synced")
    wait_text(page, "one ")
    write(page, 4, "two")
    wait_saved(page)
    assert page.evaluate("window.bench.both.session") != before
    assert [event.context_source for event in edits(bench, name)] == ["declared", "declared"]
    other = open_bench("Bob")
    wait_text(other, "one two")


def test_a_session_that_is_opened_elsewhere_is_refused_by_name(open_bench: Open, bench: Served, name: str) -> None:
    page = open_bench("Ann")
    page.evaluate(
        """() => new Promise((resolve) => {
          const { provider, both, doc } = window.bench;
          both.on("problem", (problem) => { window.problem = problem; });
          const socket = new WebSocket(provider.url);
          const hello = JSON.stringify({ v: 1, session: both.session, client: doc.clientID, seq: 0 });
          socket.onopen = () => socket.send(new Uint8Array([120, 0, ...new TextEncoder().encode(hello)]));
          socket.onmessage = resolve;
        })"""
    )
    until(page, "window.bench.both.state === 'refused'")
    assert page.evaluate("window.problem.code") == "session-fenced"
    write(page, 0, "kept")
    assert page.evaluate("window.bench.both.waiting") == 1


SET_BACK_A_YEAR = """() => new Promise((resolve) => {
  const opening = indexedDB.open("keepboth");
  opening.onsuccess = () => {
    const transaction = opening.result.transaction("sessions", "readwrite");
    const sessions = transaction.objectStore("sessions");
    sessions.getAll().onsuccess = ({ target }) => {
      for (const row of target.result) sessions.put({ ...row, usedAt: row.usedAt - 365 * 86400000 });
    };
    transaction.oncomplete = () => { opening.result.close(); resolve(); };
  };
})"""


@pytest.mark.parametrize("waiting", [0, 1])
def test_old_sessions_are_forgotten_unless_they_have_edits_to_send(open_bench: Open, waiting: int) -> None:
    page = open_bench("Ann")
    write(page, 0, "old")
    wait_saved(page)
    session = page.evaluate("window.bench.both.session")
    leave(page)
    if waiting:
        write(page, 3, "er")
    until(page, STORED_EDITS, waiting)
    page.evaluate("window.bench.both.destroy()")
    page.evaluate(SET_BACK_A_YEAR)
    page.reload()
    until(page, "window.bench.provider.synced")
    assert (page.evaluate("window.bench.both.session") == session) is bool(waiting)
    wait_text(page, "older" if waiting else "old")
    wait_saved(page)
