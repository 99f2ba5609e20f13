"""A real server on a free port, in a thread of its own; every test uses documents of its own."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pycrdt
import pytest

from keepboth.app import Application
from keepboth.settings import Settings

TIMEOUT_S = 10.0


@dataclass
class Served:
    """A running server and a client for it."""

    application: Application
    http: httpx.Client

    def create(self, document: str, **fields: Any) -> dict[str, Any]:
        answer = self.http.post("/api/documents", json={"document": document, "id": str(uuid.uuid4()), **fields})
        assert answer.status_code == 201, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def edit(self, document: str, update: bytes, **query: Any) -> dict[str, Any]:
        answer = self.http.post(
            "/api/edits",
            params={"document": document, **query},
            content=update,
            headers={"Content-Type": "application/x.yjs-update-v1"},
        )
        assert answer.status_code in (200, 201), answer.text
        body: dict[str, Any] = answer.json()
        return body

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        answer = self.http.get(path, params=query)
        assert answer.status_code == status, answer.text
        return answer.json()

    def collide(self, document: str) -> None:
        """Two people rewrite the same word, neither having seen the other."""
        self.create(document, content={"text": "one two three"})
        base = self.http.get("/api/state", params={"document": document, "as": "update"})
        seen = int(base.headers["KeepBoth-Revision"])
        for who, word in (("ann", "TWO"), ("bob", "zwei")):
            self.edit(document, rewrite(base.content, 4, 7, word), session=f"{who}-session", seen=seen)


@contextmanager
def serving(data: Path, identify: Callable[[Any], Any] | None = None, **settings: Any) -> Iterator[Served]:
    settings = {"pages": data / "none", **settings}
    application = Application(Settings(port=0, data=data, **settings), identify)
    thread = threading.Thread(target=lambda: asyncio.run(application.serve(announce=False)))
    thread.start()
    deadline = time.monotonic() + TIMEOUT_S
    while not application.url:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    try:
        with httpx.Client(base_url=application.url, timeout=TIMEOUT_S, trust_env=False) as http:
            yield Served(application, http)
    finally:
        application.stop()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("api")) as served:
        yield served


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A document's name that no other test uses."""
    return f"{request.node.name}/{uuid.uuid4()}"[-200:]


def timeless(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the conflict log without what depends on when it is told."""
    return {**entry, "card": {**entry["card"], "when": None, "attention": None}}


def written(text: str, root: str = "text") -> bytes:
    """The update of somebody who typed *text* into an empty document; equal texts give updates of equal size."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=2**30 + secrets.randbelow(2**30))
    doc.get(root, type=pycrdt.Text).insert(0, text)
    return bytes(doc.get_update())


def rewrite(base: bytes, start: int, end: int, word: str) -> bytes:
    """The update of somebody who had *base* and replaced a part of its text."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    doc.apply_update(base)
    before = doc.get_state()
    text = doc.get("text", type=pycrdt.Text)
    with doc.transaction():
        del text[start:end]
        text.insert(start, word)
    return bytes(doc.get_update(before))
