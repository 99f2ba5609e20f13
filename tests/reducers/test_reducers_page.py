"""The examples of ``docs/reducers.md`` do what the page shows."""

from __future__ import annotations

import io
import re
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from keepboth.cli import app
from keepboth.reducers.loading import SHIPPED
from tests.api.conftest import serving
from tests.reducers.story import begin

PAGE = (Path(__file__).parents[2] / "docs" / "reducers.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(python|output|console)(?: file=(\S+))?\n(.*?)^```", PAGE, re.M | re.S)


def said(pattern: str, text: str) -> bool:
    """True if *text* is *pattern*, in which ``…`` stands for anything within a line."""
    return re.fullmatch("[^\n]*".join(re.escape(part) for part in pattern.split("…")), text) is not None


def test_the_tour_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "questions", raising=False)
    with serving(tmp_path / "data") as server:
        begin(server)
    names: dict[str, Any] = {}
    printed = ""
    for kind, file, block in BLOCKS:
        if file:
            (tmp_path / file).write_text(block, encoding="utf-8")
        elif kind == "python":
            with redirect_stdout(io.StringIO()) as out:
                exec(block, names)
            printed = out.getvalue()
        elif kind == "output":
            assert said(block, printed), printed
            printed = ""
        for command, expected in re.findall(r"^\$ keepboth (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            ran = CliRunner().invoke(app, shlex.split(command), env={"COLUMNS": "200"})
            assert ran.exit_code == 0, (command, ran.output)
            assert said(expected, "".join(line.rstrip() + "\n" for line in ran.output.splitlines())), ran.output
    assert not printed
    assert [kind for kind, *_ in BLOCKS].count("output") >= 2
    assert [kind for kind, *_ in BLOCKS].count("console") >= 1
    monkeypatch.delitem(sys.modules, "questions", raising=False)


def test_every_shipped_reducer_has_its_row() -> None:
    table = PAGE.split("## The seven that come along")[1]
    assert re.findall(r"^\| `(\w+)` \|", table, re.M) == [*dict.fromkeys(re.findall(r"^\| `(\w+)` \|", table, re.M))]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.M)) == set(SHIPPED)
