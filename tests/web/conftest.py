"""A real server with the built client, and the system's Chromium. Every test uses documents of its own."""

from __future__ import annotations

import re
import shutil
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from keepboth.api.web import SHIPPED
from tests.api.conftest import Served, serving

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
ARGUMENTS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
TIMEOUT_MS = 15_000
AXE = Path(__file__).parents[2] / "client_demo" / "web" / "node_modules" / "axe-core" / "axe.min.js"


def missing() -> str | None:
    """Why the tests of this folder cannot run here."""
    if CHROMIUM is None:
        return "needs Chromium: install the package `chromium`"
    if not (SHIPPED / "index.html").is_file():
        return "needs the built web client: `make web` (with Node 20 or newer)"
    return None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = missing()
    if reason is None:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def until(page: Page, expression: str, *arguments: Any) -> None:
    """Wait until *expression* is true in the page. (``wait_for_function`` needs `eval`, which the policy forbids.)"""
    deadline = time.monotonic() + TIMEOUT_MS / 1000
    while not page.evaluate(expression, *arguments):
        assert time.monotonic() < deadline, f"not in {TIMEOUT_MS} ms: {expression}"
        page.wait_for_timeout(20)


def serious_issues(page: Page) -> list[str]:
    """What axe finds in the page that is serious or critical, each with the elements that it is about."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run(document, {resultTypes: ['violations']}).then(all => all.violations)")
    return [
        f"{one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes']]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


@dataclass
class Watched:
    """What went wrong in a page: errors in its console, exceptions, violations of its policy."""

    complaints: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)
    """Patterns of complaints that the test provokes: a server that is away, say."""

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"exception: {error}"))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(f"{message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )

    def unexpected(self) -> list[str]:
        return [one for one in self.complaints if not any(re.search(pattern, one) for pattern in self.expected)]


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that serves the built client."""
    with serving(tmp_path_factory.mktemp("web"), pages=SHIPPED) as served:
        yield served


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    """Ends with its module: while it runs, it has this thread's event loop, and other tests want one of their own."""
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    """One Chromium for the tests of a module; each test gets a context, which is a new profile."""
    running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
    yield running
    running.close()


@pytest.fixture
def watched() -> Iterator[Watched]:
    """No page of a test may complain, unless the test says that it will."""
    one = Watched()
    yield one
    assert one.unexpected() == []


@pytest.fixture
def context(browser: Browser, watched: Watched) -> Iterator[BrowserContext]:
    made = browser.new_context(viewport={"width": 1280, "height": 800})
    made.set_default_timeout(TIMEOUT_MS)
    made.on("page", watched.watch)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A document's name that no other test uses, and that needs no encoding."""
    return f"{re.sub(r'[^a-z]+', '-', request.node.name.lower())}-{uuid.uuid4().hex[:12]}"
