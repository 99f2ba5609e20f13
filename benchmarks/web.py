"""The web client: ``python -m benchmarks.web``. Needs Chromium and the built client (`make web`).

Sizes as they are sent (gzip); how soon automerge-paper (259,778 edits, 109 kB of text) and its timeline are there, the
very first time, in a fresh process and again; and how long a moment takes to show after the pointer has moved, in the
system's Chromium against servers of its own.
"""

from __future__ import annotations

import gzip
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Final

from playwright.sync_api import Page, sync_playwright

from benchmarks.fold import DOCUMENT, fill
from benchmarks.machine import report
from benchmarks.traces import sequential_updates
from keepboth.api.web import SHIPPED
from keepboth.store.sqlite import SqliteStore

ARGUMENTS: Final = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
JUMPS: Final = 60
DRAG_STEPS: Final = 240
PATIENCE_S: Final = 60.0

WATCH: Final = """() => {
  const past = document.querySelector('.past');
  const slider = document.querySelector('[role=slider]');
  window.asked = []; window.shown = [];
  slider.addEventListener('pointermove', () =>
    window.asked.push([performance.now(), slider.getAttribute('aria-valuenow')]));
  new MutationObserver(() => requestAnimationFrame(() => window.shown.push([performance.now(), past.dataset.at])))
    .observe(past, {attributes: true, attributeFilter: ['data-at']});
}"""
"""Notes when the pointer asked for which moment, and when a frame with it was drawn."""


def sizes() -> dict[str, Any]:
    """Bytes of every file of the client, gzipped, and of what the pages load."""
    packed = {
        path.name: len(gzip.compress(path.read_bytes(), 9))
        for path in sorted((SHIPPED / "assets").iterdir())
        if path.suffix in (".js", ".css")
    }
    return {"all_files_gzipped_kb": round(sum(packed.values()) / 1000, 1), "files": packed}


def spread(times: list[float]) -> dict[str, float]:
    """p50, p95 and the longest, in ms."""
    return {
        "p50_ms": round(median(times), 1),
        "p95_ms": round(quantiles(times, n=20)[-1], 1),
        "max_ms": round(max(times), 1),
    }


def wait(page: Page, expression: str, *arguments: Any) -> None:
    """Until *expression* is true in the page."""
    deadline = time.monotonic() + PATIENCE_S
    while not page.evaluate(expression, *arguments):
        if time.monotonic() > deadline:
            raise TimeoutError(expression)
        page.wait_for_timeout(5)


def document_opened(page: Page, url: str) -> dict[str, float]:
    """Milliseconds from asking for a document's page to the first paint, and to the text in its editor."""
    page.goto(url, wait_until="commit")
    wait(page, "() => (document.querySelector('.cm-content')?.textContent.length ?? 0) > 200")
    found: dict[str, float] = page.evaluate(
        """() => ({
          first_paint_ms: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
          text_ms: performance.now(),
        })"""
    )
    return {name: round(value, 1) for name, value in found.items()}


def opened(page: Page, url: str) -> dict[str, float]:
    """Milliseconds from asking for the page to the first paint, to the whole course, and to the text."""
    page.goto(url, wait_until="commit")
    wait(
        page,
        "() => !!document.querySelector('.past .cm-line')?.textContent && !!document.querySelector('[role=slider]')",
    )
    found: dict[str, float] = page.evaluate(
        """() => ({
          first_paint_ms: performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null,
          text_ms: performance.now(),
          sent_kb: performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))
            .filter(one => !one.name.includes('/api/')).reduce((sum, one) => sum + one.transferSize, 0) / 1000,
        })"""
    )
    return {name: round(value, 1) for name, value in found.items()}


def jumps(page: Page, box: dict[str, float]) -> dict[str, float]:
    """From one place of the slider to another at random, each time until it is drawn."""
    random = Random(1)
    times = []
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 5)
    page.mouse.down()
    for _ in range(JUMPS):
        page.evaluate("() => { asked.length = 0; shown.length = 0; }")
        page.mouse.move(box["x"] + random.random() * box["width"], box["y"] + 5)
        wait(page, "() => asked.length && shown.some(([, at]) => at === asked.at(-1)[1])")
        times.append(page.evaluate("() => shown.find(([, at]) => at === asked.at(-1)[1])[0] - asked.at(-1)[0]"))
    page.mouse.up()
    return spread(times)


def drag(page: Page, box: dict[str, float]) -> dict[str, Any]:
    """All along the slider and back: how far what is drawn lags behind the pointer, the longest time without news."""
    page.mouse.move(box["x"] + 2, box["y"] + 5)
    page.mouse.down()
    page.evaluate("() => { asked.length = 0; shown.length = 0; }")
    for step in range(DRAG_STEPS):
        share = step / DRAG_STEPS * 2
        page.mouse.move(box["x"] + (share if share <= 1 else 2 - share) * (box["width"] - 4) + 2, box["y"] + 5)
        page.wait_for_timeout(8)
    page.mouse.up()
    page.wait_for_timeout(500)
    asked, shown = page.evaluate("() => [asked, shown]")
    lags = [
        drawn - max(when for when, value in asked if value == at and when <= drawn)
        for drawn, at in shown
        if any(value == at and when <= drawn for when, value in asked)
    ]
    gaps = [later[0] - earlier[0] for earlier, later in pairwise(shown)]
    seconds = (shown[-1][0] - shown[0][0]) / 1000
    return {"moments_per_s": round(len(shown) / seconds), "lag": spread(lags), "longest_gap_ms": round(max(gaps))}


def serve(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """A server on a free port: its process and address."""
    command = [sys.executable, "-m", "keepboth.cli", "serve", "--data", str(folder), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"http://[0-9.:]+", line)
        if found:
            return process, found[0]
    raise SystemExit("the server did not start")


@contextmanager
def server(page: Page, folder: Path) -> Iterator[str]:
    """The address of a server that nobody has asked anything but the list of documents, with a warm browser."""
    process, url = serve(folder)
    try:
        page.goto(f"{url}/")
        page.wait_for_timeout(300)
        yield url
    finally:
        page.goto("about:blank")
        process.terminate()
        process.wait(60)


def main() -> None:
    """Measure and print."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None or not (SHIPPED / "index.html").is_file():
        raise SystemExit("skipped: needs Chromium and the built web client (`make web`)")
    updates, _ = sequential_updates(DOCUMENT)
    figures: dict[str, Any] = {"sizes": sizes()}
    with tempfile.TemporaryDirectory() as name, sync_playwright() as running:
        first, second = Path(name) / "first", Path(name) / "second"
        first.mkdir()
        store = SqliteStore(first / "log.sqlite3")
        fill(store, updates)
        store.close()
        shutil.copytree(first, second)
        browser = running.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        for times in (["first", "again"], ["fresh_process"]):
            with server(page, first) as url:
                for when in times:
                    figures[f"document_{when}"] = document_opened(page, f"{url}/d/{DOCUMENT}")
        timeline = f"/d/{DOCUMENT}?view=timeline"
        with server(page, second) as url:
            figures["opened_first"] = opened(page, url + timeline)
            figures["opened_again"] = opened(page, url + timeline)
            page.wait_for_timeout(10_000)  # the engine and the lineage are busy with the whole history
            figures["opened_later"] = opened(page, url + timeline)
            page.evaluate(WATCH)
            box = page.get_by_role("slider", name="Moment").bounding_box()
            assert box is not None
            figures["jump"] = jumps(page, dict(box))
            figures["drag"] = drag(page, dict(box))
            figures["jump_again"] = jumps(page, dict(box))
        with server(page, second) as url:
            figures["opened_fresh_process"] = opened(page, url + timeline)
        browser.close()
    report("web", figures)


if __name__ == "__main__":
    main()
