"""The demonstration runs as a user would run it, and shows what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import client_demo
import keepboth
from client_demo import words

NEVER_SHOWN = re.compile(r"\b(base|side|sides|episode|severity|merged)\b", re.IGNORECASE)


def demo(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    folders = [str(Path(module.__file__ or "").parents[1]) for module in (keepboth, client_demo)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "COLUMNS": "110", "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, "-m", "client_demo", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
    )


@pytest.mark.parametrize("arguments", [(), ("story",)])
def test_story_shows_what_each_wrote_and_that_nothing_is_lost(arguments: tuple[str, ...]) -> None:
    told = demo(*arguments)
    assert told.returncode == 0, told.stdout + told.stderr
    assert "“the end of the year”" in told.stdout
    assert re.search(r"Ann: .*next Friday", told.stdout)
    assert re.search(r"Bob: .*the first of March", told.stdout)
    assert "Nothing is missing." in told.stdout
    assert "3 waiting" in told.stdout
    assert not NEVER_SHOWN.search(told.stdout)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("", "ab", "wrote “ab”"),
        ("abc", "ac", "deleted “b”"),
        ("one two", "one 2", "replaced “two” by “2”"),
        ("aa", "aaa", "wrote “a”"),
        ("same", "same", "changed nothing that can be seen"),
        ("", "x" * 60, f"wrote “{'x' * 45}…”"),
    ],
)
def test_edits_in_words(before: str, after: str, what: str) -> None:
    assert words.difference(before, after) == what


def _conflict(base: str, *versions: tuple[str, str], interleaved: bool = False) -> dict[str, object]:
    sides = [{"name": name, "text": text} for name, text in versions]
    return {"base": base, "sides": sides, "interleaved": interleaved}


def test_conflicts_in_words() -> None:
    assert (
        words.sentence(_conflict("old", ("Ann", "a"), ("Bob", "b")))
        == "Ann and Bob both rewrote “old”. Both versions are in the text."
    )
    assert (
        words.sentence(_conflict("", ("Ann", "a"), ("Bob", "b"), ("Cleo", "c"), interleaved=True))
        == "Ann, Bob and Cleo wrote in the same place. All versions are in the text, and their letters are mixed."
    )
    assert words.missing(_conflict("old", ("Ann", "gone"), ("Bob", "here")), "it is here") == [("Ann", "gone")]


def test_an_unreadable_trace_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "no.json"
    path.write_text('{"txns": []}')
    refused = demo("replay", path)
    assert refused.returncode == 2
    assert "is no editing trace" in refused.stdout
