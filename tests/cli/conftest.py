"""A data folder that a server has left behind, and a way to run commands on it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pycrdt
import pytest
from typer.testing import CliRunner

from keepboth.app import open_store
from keepboth.cli import app
from keepboth.events import SESSION_JOINED, Draft
from keepboth.store.base import Append, Appended
from tests.api.conftest import serving

HOSTILE = "evil \x1b[31m\x07\u202e[bold]name"


class Ran(NamedTuple):
    code: int
    out: str
    err: str
    raw: bytes

    @property
    def lines(self) -> list[Any]:
        """Standard output as NDJSON."""
        return [json.loads(line) for line in self.raw.splitlines()]


Run = Callable[..., Ran]


@pytest.fixture(scope="session")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Documents: one with a collision, one with a hostile name, one with several roots and an edit that waits."""
    data = tmp_path_factory.mktemp("cli") / "data"
    with serving(data) as server:
        server.collide("plans/2026")
        server.get("/api/conflicts", document="plans/2026")
        server.create(HOSTILE, title=HOSTILE, content={"text": HOSTILE})
        server.create("roots", content={"a": "one", "b": "two"})
        doc: pycrdt.Doc[Any] = pycrdt.Doc()
        text = doc.get("a", type=pycrdt.Text)
        text += "x"
        before = doc.get_state()
        text += "y"
        server.edit("roots", doc.get_update(before))
        doc = pycrdt.Doc()
        doc.get("map", type=pycrdt.Map)["due"] = 7
        server.edit("maps", doc.get_update())
    store = open_store(data)
    for session, said in (("ann-session", "Ann"), ("bob-session", "Bob \x1b[2J")):
        joined = Draft(
            SESSION_JOINED,
            session.encode().ljust(16)[:16],
            json.dumps({"session": session, "name": said}).encode(),
            actor=f"guest:{session}",
            session=session,
        )
        (result,) = store.append([Append("plans/2026", [joined])])
        assert isinstance(result, Appended)
    store.close()
    return data


@pytest.fixture
def data(left_behind: Path, tmp_path: Path) -> Path:
    """A copy of the folder that a test may spoil."""
    return Path(shutil.copytree(left_behind, tmp_path / "data"))


@pytest.fixture(scope="session")
def run(left_behind: Path) -> Run:
    """Run a command in this process, on the shared folder unless told otherwise."""

    def run(*arguments: str, data: Path | None = left_behind, **environment: str) -> Ran:
        where = [] if data is None else ["--data", str(data)]
        result = CliRunner().invoke(app, [*arguments, *where], env={"COLUMNS": "200", **environment})
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr, result.stdout_bytes)

    return run


def spoil(data: Path, statement: str) -> None:
    """Change the log behind its back, as a bad disk would."""
    connection = sqlite3.connect(data / "log.sqlite3")
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in names:
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount > 0
    connection.commit()
    connection.close()
