"""The commands of ``docs/export.md`` do what the page shows."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from keepboth.cli import app
from keepboth.history.rows import RowOptions
from tests.api.conftest import rewrite, serving

PAGE = Path(__file__).parents[2] / "docs" / "export.md"


def test_the_tour_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with serving(tmp_path / "data") as server:
        server.create("plans/2026", title="Plans", content={"text": "One three."})
        base = server.http.get("/api/state", params={"document": "plans/2026", "as": "update"}).content
        server.edit("plans/2026", rewrite(base, 4, 4, "two "))
        server.create("notes", content={"text": "Milk"})
        base = server.http.get("/api/state", params={"document": "notes", "as": "update"}).content
        server.edit("notes", rewrite(base, 4, 4, ", bread"))
        for number in range(2):
            body = {"type": "rename", "title": "n", "id": f"0190b6a0-0000-7000-8000-00000000000{number}"}
            assert server.http.post("/api/decisions", params={"document": "notes"}, json=body).status_code == 201
    blocks = re.findall(r"^```console\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert len(blocks) >= 7
    for block in blocks:
        for command, expected in re.findall(r"^\$ keepboth (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            ran = CliRunner().invoke(app, shlex.split(command), env={"COLUMNS": "200"})
            assert ran.exit_code == 0, (command, ran.output)
            said = ran.output if ran.output.endswith("\n") or not ran.output else ran.output + "\n"
            pattern = ".*".join(re.escape(part) for part in expected.split("…"))
            assert re.fullmatch(pattern, said), f"{command}\n{said}"
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".part")]


def test_every_field_of_a_row_is_described() -> None:
    rows = re.findall(r"^\| (`.*?) \|", PAGE.read_text(encoding="utf-8").split("## Rows")[1], re.M)
    named = set(re.findall(r"`([a-z_0-9]+)`", " ".join(rows)))
    assert set(RowOptions(b"key", after_edits=(), after_s=()).columns()) <= named
