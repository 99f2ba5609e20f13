"""``blame``, ``history``, ``diff``, ``deletions`` and ``version``."""

from __future__ import annotations

from pathlib import Path

import pytest

from keepboth.cli.when import cut_of
from keepboth.errors import InvalidRequest
from keepboth.history.cuts import Cut
from tests.cli.conftest import HOSTILE, Run
from tests.cli.test_reading import harmless


def test_blame_shows_each_line_with_its_last_author(run: Run) -> None:
    shown = run("blame", "plans/2026")
    assert shown.code == 0
    row = shown.out.splitlines()[-1]
    assert "Bob" in row
    assert "text:1" in row
    assert "zwei" in row
    (answer,) = run("blame", "plans/2026", "--at", "3", "--json", "--by", "event").lines
    assert [(span["value"], span["first_revision"]) for span in answer["spans"]] == [
        ("one ", 2),
        ("TWO", 3),
        (" three", 2),
    ]
    (again,) = run("blame", "plans/2026", "--at", f"cut:{answer['cut']}", "--json", "--by", "event").lines
    assert again == answer
    assert harmless(run("blame", HOSTILE).out)
    assert "map/due" in run("blame", "maps").out
    assert [span["path"] for span in run("blame", "roots", "--json", "--root", "b").lines[0]["spans"]] == [["b"]]


def test_history_shows_groups_and_decisions(run: Run) -> None:
    shown = run("history", "plans/2026").out
    assert "{+TWO+}" in shown
    assert "[-two-]" in shown
    assert "document.created" in shown
    (answer,) = run("history", "plans/2026", "--json", "--oldest").lines
    assert [entry["kind"] for entry in answer["entries"]] == ["event", "edits", "edits", "edits"]
    (page,) = run("history", "plans/2026", "--json", "--oldest", "--limit", "2").lines
    (rest,) = run("history", "plans/2026", "--json", "--oldest", "--after", str(page["next"])).lines
    assert page["entries"] + rest["entries"] == answer["entries"]
    assert harmless(run("history", HOSTILE).out)


def test_diff_shows_what_is_different(run: Run) -> None:
    shown = run("diff", "plans/2026", "2", "3")
    assert "one [-two-]{+TWO+} three" in shown.out
    assert "Ann" in shown.out
    assert run("diff", "plans/2026", "3", "3").err == "keepboth: there is no difference\n"
    (answer,) = run("diff", "plans/2026", "3", "2", "--json").lines
    assert [piece["op"] for piece in answer["changes"][0]["pieces"]] == ["keep", "delete", "insert", "keep"]
    assert "{+7+}" in run("diff", "maps", "0").out


def test_deletions_are_found_by_who_when_and_what(run: Run) -> None:
    shown = run("deletions", "plans/2026").out
    assert "Ann" in shown
    assert shown.rstrip().endswith("two")
    (answer,) = run("deletions", "plans/2026", "--json", "--by", "guest:ann-session", "--search", "TWO").lines
    assert (answer["count"], answer["deletions"][0]["also"]) == (1, ["guest:bob-session"])
    assert run("deletions", "plans/2026", "--json", "--until", "2020-01-01T00:00:00Z").lines[0]["count"] == 0
    assert (
        run("deletions", "plans/2026", "--json", "--since", "2020-01-01T00:00:00Z", "--others").lines[0]["count"] == 1
    )


def test_a_version_is_named_listed_and_asked_for(run: Run, data: Path) -> None:
    named = run("version", "plans/2026", "first draft", "--at", "2", "--by", "user:ann", data=data)
    assert named.out == "Revision 2 is called first draft.\n"
    assert "first draft" in run("version", "plans/2026", data=data).out
    (answer,) = run("version", "plans/2026", "--json", data=data).lines
    assert [(one["name"], one["actor"], one["current"]) for one in answer["versions"]] == [
        ("first draft", "user:ann", True)
    ]
    assert run("show", "plans/2026", "--at", "first draft", data=data).out == "one two three"
    assert "{+TWO+}" in run("diff", "plans/2026", "first draft", "3", data=data).out
    assert run("show", "plans/2026", "--at", "second draft", data=data).code == 1
    assert run("version", "plans/2026", " ", data=data).code == 2


@pytest.mark.parametrize(
    ("word", "cut"),
    [
        (None, Cut()),
        ("12", Cut(revision=12)),
        ("2026-01-31T12:00:00Z", Cut(recorded_at=1_769_860_800_000_000)),
        ("authored:2026-01-31T12:00:00Z", Cut(authored_at=1_769_860_800_000_000)),
        ("position:7", Cut(position=7)),
        ("seen-by:00000000-0000-0000-0000-000000000001", Cut(seen_by=bytes(15) + b"\x01")),
        ("event:00000000-0000-0000-0000-000000000001", Cut(event=bytes(15) + b"\x01")),
        ("draft", Cut(version="draft")),
        ("version:12", Cut(version="12")),
        ("a: b", Cut(version="a: b")),
        ("cut:AQ", Cut(token="AQ")),
    ],
)
def test_a_word_names_a_moment(word: str | None, cut: Cut) -> None:
    assert cut_of(word) == cut


@pytest.mark.parametrize("word", ["position:x", "event:1", "authored:noon", "2026-01-31T12:00:00"])
def test_a_word_that_names_no_moment_is_refused(word: str) -> None:
    with pytest.raises(InvalidRequest):
        cut_of(word)
