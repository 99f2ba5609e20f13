"""``keepboth reduce``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from keepboth import open_log
from keepboth.reducers.loading import SHIPPED
from tests.cli.conftest import HOSTILE, Run
from tests.cli.test_reading import harmless

BROKEN = """
from keepboth.reducers import reducer

@reducer("broken", types=["edit.recorded"])
def broken(state, event, ctx):
    if event.revision == 3:
        raise ValueError("not\\x1b[31m this")

@reducer("names")
def names(state, event, ctx):
    state[event.document] = event.actor
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(BROKEN)
    return path


def test_without_a_name_all_that_there_is_is_listed(run: Run) -> None:
    rows = run("reduce", "--json", data=None).lines
    assert {row["name"] for row in rows} >= set(SHIPPED)
    assert all(row["about"] for row in rows if row["from"] == "keepboth")
    assert all(name in run("reduce", data=None).out for name in SHIPPED)


@pytest.mark.parametrize("documents", [["plans/2026"], ["plans/2026", "roots"], []], ids=len)
def test_answers_are_those_of_the_log(run: Run, left_behind: Path, documents: list[str]) -> None:
    options = [word for name in documents for word in ("--document", name)]
    shown = run("reduce", *sorted(SHIPPED), *options, "--json")
    with open_log(left_behind) as log:
        expected = [log.reduce(name, documents or None).to_json() for name in sorted(SHIPPED)]
    assert (shown.code, shown.lines) == (0, expected)
    assert run("reduce", *sorted(SHIPPED), *options).code == 0


@pytest.mark.parametrize(
    ("at", "typed"), [("2", 13), ("3", 16), ("position:2", 13), ("recorded:1970-01-01T00:00:00Z", 0)], ids=str
)
def test_any_moment_can_be_asked_about(run: Run, at: str, typed: int) -> None:
    (told,) = run("reduce", "churn", "-d", "plans/2026", "--at", at, "--json").lines
    assert told["value"]["typed"] == typed
    (again,) = run("reduce", "churn", "-d", "plans/2026", "--at", f"cut:{told['cut']}", "--json").lines
    assert {**again, "now": 0} == {**told, "now": 0}


def test_one_that_raises_is_told_loudly_and_the_others_answer(run: Run, file: Path) -> None:
    shown = run("reduce", f"{file}:broken", f"{file}:names", "-d", "plans/2026")
    assert shown.code == 1
    assert "stopped at revision 3 of 'plans/2026'" in shown.out
    assert "Traceback" in shown.out
    assert "names 1" in shown.out
    assert harmless(shown.out)
    bad, good = run("reduce", f"{file}:broken", f"{file}:names", "--json").lines
    assert (bad["value"], bad["parked"]["revision"], good["parked"]) == (None, 3, None)


def test_nothing_from_the_log_reaches_a_terminal_as_a_command(run: Run, file: Path) -> None:
    for arguments in (["hot"], ["surviving"], ["sessions"], [f"{file}:names"], ["hot", "-d", HOSTILE]):
        shown = run("reduce", *arguments)
        assert shown.code == 0
        assert harmless(shown.out + shown.err), arguments


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["unheard-of"], 1, "not-found"),
        (["none.py:it"], 1, "not-found"),
        (["keepboth.reducers.shipped.activity:nothing"], 1, "not-found"),
        (["keepboth.reducers.shipped.activity:"], 2, "say which"),
        (["no.such.module:it"], 2, "cannot be loaded"),
        (["churn", "-d", "absent"], 1, "not-found"),
        (["churn", "--at", "2"], 2, "several documents"),
        (["churn", "-d", "plans/2026", "--at", "77"], 1, "77"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_makes_no_sense_is_said(run: Run, arguments: list[str], code: int, words: Any) -> None:
    shown = run("reduce", *arguments)
    assert (shown.code, words in shown.err) == (code, True), shown.err
