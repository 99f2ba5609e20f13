"""Other people in a document: a browser with a stock editor, and edits that come over HTTP."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pycrdt
import pytest
from playwright.sync_api import Browser, Page

from tests.api.conftest import Served
from tests.web.conftest import TIMEOUT_MS, Watched, until

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "client_demo" / "web"

OpenStock = Callable[..., Page]


@pytest.fixture(scope="session")
def stock_bundle(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of the stock editor."""
    out = tmp_path_factory.mktemp("stock") / "stock.js"
    subprocess.run(
        [
            WEB / "node_modules" / ".bin" / "esbuild",
            HERE / "stock.ts",
            "--bundle",
            "--format=iife",
            f"--outfile={out}",
            "--log-level=warning",
        ],
        check=True,
        env={"NODE_PATH": str(WEB / "node_modules"), "PATH": "/usr/bin:/bin:/usr/local/bin"},
    )
    return out.read_text(encoding="utf-8")


@pytest.fixture
def open_stock(browser: Browser, web: Served, stock_bundle: str, watched: Watched) -> Iterator[OpenStock]:
    """``open_stock(document, "Bob")``: a browser of its own with a stock editor that is in step with the server."""
    contexts = []

    def opened(document: str, name: str = "Bob") -> Page:
        context = browser.new_context()
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        context.on("page", watched.watch)
        page = context.new_page()
        # Any page of the server does: what it is does not matter, only that it is from there.
        page.goto(f"{web.application.url}/?document={document}&name={name}")
        page.evaluate(stock_bundle)
        until(page, "window.stock.provider.synced")
        return page

    yield opened
    for context in contexts:
        context.close()


def changed(base: bytes, change: Callable[[pycrdt.Doc[Any]], None]) -> bytes:
    """The update of somebody who had *base* and made one change."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base)
    before = doc.get_state()
    with doc.transaction():
        change(doc)
    return bytes(doc.get_update(before))


def concurrently(server: Served, document: str, *changes: Callable[[pycrdt.Doc[Any]], None], **query: Any) -> None:
    """Each of *changes* is made to what *document* says now, by another guest, none having seen the others'."""
    state = server.http.get("/api/state", params={"document": document, "as": "update"})
    seen = int(state.headers["KeepBoth-Revision"])
    for number, change in enumerate(changes):
        server.edit(
            document, changed(state.content, change), session=f"{'abcdefgh'[number]}-session", seen=seen, **query
        )


def rewriting(old: str, new: str, root: str = "text") -> Callable[[pycrdt.Doc[Any]], None]:
    """A change that puts *new* in the place of the first *old*."""

    def change(doc: pycrdt.Doc[Any]) -> None:
        text = doc.get(root, type=pycrdt.Text)
        at = str(text).encode().index(old.encode())
        del text[at : at + len(old.encode())]
        text.insert(at, new)

    return change
