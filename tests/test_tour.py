"""The README's tour of history: its commands run, and their output is what the page shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import client_demo
import keepboth
from tests.test_docs import section

README = Path(__file__).parents[1] / "README.md"

CHANGING = (
    (re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)?"), "TIME"),
    (re.compile(r"\bcode [0-9a-f]{16}\b"), "code CODE"),
    (re.compile(r"\bcut [\w=-]+"), "cut TOKEN"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "HASH"),
    (re.compile(r"\b[\d.,]+ ([kM]B|bytes)\b"), "SIZE"),
    (re.compile(r"[ ]+$", re.MULTILINE), ""),
    (re.compile(r"^\n+|\n+\Z"), ""),
)
"""What is different in every run, and what nobody sees."""


def steady(text: str) -> str:
    for pattern, instead in CHANGING:
        text = pattern.sub(instead, text)
    return text


def blocks(text: str) -> Iterator[tuple[str, str]]:
    """(language, content) of the page's blocks of code."""
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield found[1], found[2]


class Visitor:
    """Somebody who types what the page says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        paths = [str(Path(module.__file__ or "").parents[1]) for module in (keepboth, client_demo)]
        self.environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "100"}
        self.environment.pop("KEEPBOTH_DATA", None)

    def types(self, command: str) -> str:
        words = shlex.split(command)
        if words[0] == "export":
            name, _, value = words[1].partition("=")
            self.environment[name] = value
            return ""
        if words[0] == "keepboth":
            words[:1] = ["python", "-m", "keepboth.cli"]
        assert words[0] == "python", command
        return self.runs(*words[1:])

    def runs(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env=self.environment,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def test_the_tour_of_history_is_as_the_page_says(tmp_path: Path) -> None:
    visitor = Visitor(tmp_path)
    shown: list[tuple[str, str]] = []
    said: list[tuple[str, str]] = []
    waiting = ""
    for language, content in blocks(section(README.read_text(), "## A tour of history")):
        if language == "python":
            waiting = visitor.runs("-c", content)
            continue
        pieces = re.split(r"^\$ (.*)\n", content, flags=re.MULTILINE)
        if pieces[0].strip():
            said.append(("the output of what stands above", steady(pieces[0])))
            shown.append(("the output of what stands above", steady(waiting)))
            waiting = ""
        for command, output in zip(pieces[1::2], pieces[2::2], strict=True):
            waiting = visitor.types(command)
            if output.strip():
                said.append((command, steady(output)))
                shown.append((command, steady(waiting)))
    assert shown == said
    assert len(said) >= 9
