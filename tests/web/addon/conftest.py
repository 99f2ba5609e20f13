"""A page with nothing but the add-on, bundled from its source and served by a real server."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.api.conftest import Served, serving
from tests.web.conftest import until

HERE = Path(__file__).parent
WEB = HERE.parents[2] / "client_demo" / "web"

Open = Callable[..., Page]


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server whose pages are the bench: ``/?document=…&name=…``, with ``plain`` a provider without the add-on."""
    esbuild = WEB / "node_modules" / ".bin" / "esbuild"
    if not esbuild.exists():
        pytest.skip("needs `make web` (with Node 20 or newer)")
    folder = tmp_path_factory.mktemp("bench")
    shutil.copy(HERE / "index.html", folder)
    subprocess.run(
        [esbuild, HERE / "page.ts", "--bundle", "--format=esm", f"--outfile={folder / 'assets' / 'page.js'}",
         f"--alias:keepboth={WEB / 'addon' / 'src' / 'index.ts'}",
         f"--alias:keepboth/codemirror={WEB / 'addon' / 'src' / 'codemirror.ts'}", "--log-level=warning"],
        check=True, env={"NODE_PATH": str(WEB / "node_modules"), "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )  # fmt: skip
    with serving(tmp_path_factory.mktemp("log"), pages=folder) as served:
        yield served


@pytest.fixture
def open_bench(context: BrowserContext, bench: Served, name: str) -> Open:
    """``open_bench(name="Ann")``: a page on this test's document, connected and in step with the server."""

    def opened(who: str = "Ann", *, plain: bool = False, synced: bool = True, query: str = "") -> Page:
        page = context.new_page()
        plainly = "&plain" if plain else ""
        page.goto(f"{bench.application.url}/?document={name}&name={who}{plainly}&{query}")
        if synced:
            until(page, "window.bench.provider.synced")
        return page

    return opened
