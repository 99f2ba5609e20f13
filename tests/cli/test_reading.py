"""``log``, ``show`` and ``conflicts``."""

from __future__ import annotations

import json
from pathlib import Path

import pycrdt
import pytest

from keepboth.api.models import CloudEvent
from keepboth.cli.terminal import printable
from tests.api.conftest import rewrite, serving
from tests.cli.conftest import HOSTILE, Run


def harmless(text: str) -> bool:
    """True if nothing in *text* is a command to a terminal."""
    return not any(char in "\x1b\x07\u202e\x9b" for char in text)


# -- log ---------------------------------------------------------------------------------------------------------------


def test_log_shows_the_newest_events(run: Run) -> None:
    shown = run("log", "plans/2026")
    assert shown.code == 0
    words = [line.split() for line in shown.out.splitlines()]
    assert words[0] == ["rev", "recorded", "(UTC)", "who", "type", "what"]
    assert [line[0] for line in words[1:]] == ["1", "2", "3", "4", "5", "6"]
    lines = shown.out.splitlines()
    assert ["document.created" in line for line in lines[1:3]] == [True, False]
    assert sum("edit.recorded" in line for line in lines) == 3
    assert '"one two three"' in shown.out
    assert '"TWO" −3' in shown.out
    latest = run("log", "plans/2026", "--limit", "2").out.splitlines()
    assert [line.split()[0] for line in latest[1:]] == ["5", "6"]
    turned = run("log", "plans/2026", "--limit", "2", "--reverse").out.splitlines()
    assert [line.split()[0] for line in turned[1:]] == ["6", "5"]


def test_log_gives_cloud_events_to_programs(run: Run) -> None:
    events = run("log", "--json", "--limit", "1000").lines
    assert [int(event["sequence"]) for event in events] == list(range(1, len(events) + 1))
    for event in events:
        CloudEvent(**event)
    assert {event["partitionkey"] for event in events} == {"plans/2026", HOSTILE, "roots", "maps"}
    some = run("log", "plans/2026", "--json", "--after", "2", "--limit", "2").lines
    assert [event["docrevision"] for event in some] == [3, 4]
    some = run("log", "plans/2026", "--json", "--until", "3", "--types", "edit.recorded").lines
    assert [event["docrevision"] for event in some] == [2, 3]
    some = run("log", "plans/2026", "--json", "--actor", "guest:bob-session", "--types", "edit.recorded").lines
    assert [event["docrevision"] for event in some] == [4]


def test_log_reads_as_many_pages_as_it_takes(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run("log", "--json", "--limit", "1000").lines
    monkeypatch.setattr("keepboth.cli.log.CHUNK", 2)
    assert run("log", "--json", "--limit", "1000").lines == whole
    assert run("log", "--json", "--after", "0", "--limit", "5").lines == whole[:5]
    assert run("log", "--json", "--reverse", "--limit", "1000").lines == whole[::-1]


def test_nothing_from_the_log_reaches_a_terminal_as_a_command(run: Run) -> None:
    for arguments in (["log"], ["log", HOSTILE], ["conflicts"], ["verify"]):
        shown = run(*arguments)
        assert shown.code == 0
        assert harmless(shown.out + shown.err), arguments
    assert "[bold]" in run("log", HOSTILE).out


def test_printable_text_keeps_what_can_be_read() -> None:
    assert printable("é😀 [x]") == "é😀 [x]"
    assert printable("a\nb\tc\x1b\x7f\x9b\u202e\ud800") == "a↵b␉c␛␡\ufffd\ufffd\ufffd"
    assert printable("a\nb\tc", lines=True) == "a\nb\tc"
    assert printable("abcdef", 4) == "abc…"


# -- show --------------------------------------------------------------------------------------------------------------


def test_show_gives_the_text_at_a_revision(run: Run) -> None:
    assert run("show", "plans/2026", "--at", "2").out == "one two three"
    assert run("show", "plans/2026", "--at", "3", "--as", "text").out == "one TWO three"
    assert run("show", "plans/2026", "--at", "1").out == ""
    assert run("show", HOSTILE).raw.decode() == HOSTILE  # a pipe gets what was written, byte for byte


def test_show_gives_json_and_updates(run: Run) -> None:
    assert json.loads(run("show", "maps").raw) == {"map": {"type": "map", "value": {"due": 7}}}
    assert json.loads(run("show", "roots", "--as", "json", "--root", "b").raw) == {
        "b": {"type": "text", "value": "two"}
    }
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    doc.apply_update(run("show", "plans/2026", "--at", "2", "--as", "update").raw)
    assert str(doc.get("text", type=pycrdt.Text)) == "one two three"


def test_show_says_what_it_does_not_show(run: Run) -> None:
    shown = run("show", "roots", "--root", "a")
    assert (shown.code, shown.out) == (0, "one")
    assert "1 edits that wait for others" in shown.err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["show", "absent"], 1, "not-found: there is no such document"),
        (["show", "plans/2026", "--at", "7"], 1, "there is no 7"),
        (["show", "plans/2026", "--root", "x"], 1, "('text')"),
        (["show", "roots", "--as", "text"], 2, "('a', 'b')"),
        (["show", ""], 2, "invalid-request"),
        (["show", "plans/2026", "--as", "html"], 2, "html"),
        (["show"], 2, "document"),
        (["log", "absent"], 1, "not-found"),
        (["log", "--limit", "0"], 2, "limit"),
        (["conflicts", "absent"], 1, "not-found"),
        (["conflicts", "--status", "closed"], 2, "closed"),
        (["conflicts", "--since", "yesterday"], 2, "--since 'yesterday' is no time"),
        (["conflicts", "--until", "2026-01-01T00:00:00"], 2, "with its offset from UTC"),
        (["rebuild", "--document", "absent"], 1, "not-found"),
        (["frobnicate"], 2, "frobnicate"),
    ],
    ids=str,
)
def test_a_command_that_cannot_be_answered(run: Run, arguments: list[str], code: int, words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out) == (code, "")
    assert words in ran.err


# -- conflicts ---------------------------------------------------------------------------------------------------------


def test_conflicts_are_a_table(run: Run) -> None:
    shown = run("conflicts")
    assert (shown.code, shown.err) == (0, "")
    heading, row = shown.out.splitlines()
    assert heading.split() == ["outcome", "what", "happened", "document", "where", "people", "when", "status"]
    for words in ("Both kept", "rewrote 'two'", "plans/2026", "Ann, Bob", "at the same time", "open"):
        assert words in row
    assert "plans/2026" not in run("conflicts", "plans/2026").out


def test_conflicts_are_cards(run: Run) -> None:
    shown = run("conflicts", "plans/2026", "--cards")
    assert (shown.code, shown.err) == (0, "")
    for words in (
        "plans/2026",
        "Ann wrote  one [-two-]{+TWO+} three",
        "wrote  one [-two-]{+zwei+} three",
        "Before  one two three",
    ):
        assert words in shown.out
    assert "revisions 3–4" in shown.out


def test_conflicts_for_programs(run: Run) -> None:
    (one,) = run("conflicts", "--json").lines
    assert (one["document"], one["base"], one["certain"], one["status"]) == ("plans/2026", "two", True, "open")
    assert {(side["name"], side["text"]) for side in one["sides"]} == {("Ann", "TWO"), ("Bob \x1b[2J", "zwei")}
    assert one["card"]["outcome"]["code"] == "both-kept"


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (["--possible"], 0), (["--certain"], 1), (["--status", "open", "--status", "settled"], 1),
        (["--status", "resolved"], 0), (["--severity", "lost"], 0), (["--kind", "delete-delete"], 1),
        (["--kind", "map-key"], 0), (["--actor", "guest:ann-session"], 1), (["--actor", "guest:ann"], 0),
        (["-q", "ZWEI two"], 1), (["-q", "drei"], 0), (["--since", "2020-01-01T00:00:00Z"], 1),
        (["--until", "2020-01-01T00:00:00+01:00"], 0), (["--shown"], 1), (["--hidden"], 0),
        (["--for", "guest:bob-session"], 1), (["--sort", "newest", "--limit", "1"], 1),
    ],
    ids=str,
)  # fmt: skip
def test_conflicts_are_chosen(run: Run, options: list[str], found: int) -> None:
    shown = run("conflicts", "--json", *options)
    assert (shown.code, shown.err, len(shown.lines)) == (0, "", found)
    if not found:
        assert run("conflicts", *options).out == "None of that sort.\n"


def test_conflicts_at_line_grain_are_found_on_the_spot(run: Run, data: Path) -> None:
    with serving(data) as server:
        server.create("lines", content={"text": "one two three"})
        base = server.http.get("/api/state", params={"document": "lines", "as": "update"})
        for who, low, high in (("ann", 0, 3), ("bob", 8, 13)):
            server.edit("lines", rewrite(base.content, low, high, who), session=f"{who}-session", seen=2)
        server.get("/api/conflicts", document="lines")
    assert run("conflicts", "lines", data=data).out.strip() == "No collisions in 3 edits."
    told = run("conflicts", "lines", "--grain", "line", "--cards", data=data)
    assert (told.code, told.err) == (0, "")
    assert "both changed line 1." in told.out
    assert "In the document now" in told.out
    (entry,) = run("conflicts", "lines", "--grain", "line", "--json", data=data).lines
    assert (entry["kinds"], entry["merged"], entry["card"]["choices"]) == (["same-line"], "ann two bob", [])
    assert "None of that sort." in run("conflicts", "lines", "--grain", "line", "--kind", "map-key", data=data).out
    refused = run("conflicts", "--grain", "line", data=data)
    assert (refused.code, "say which" in refused.err) == (2, True)


def test_no_conflicts_is_said_only_when_it_is_known(run: Run, data: Path) -> None:
    assert run("rebuild", data=data).code == 0
    assert run("conflicts", "maps", data=data).out == "No collisions in 1 edit.\n"
    from keepboth.app import open_conflicts

    conflicts = open_conflicts(data)
    conflicts.drop("maps")
    conflicts.close()
    shown = run("conflicts", "maps", data=data)
    assert shown.out == ""
    assert "1 document (first: maps) have not been looked at" in shown.err
    assert shown.code == 0


# -- opening -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["log"], ["show", "x"], ["conflicts"], ["verify"], ["rebuild"]], ids=str)
def test_a_log_that_is_not_there(run: Run, arguments: list[str], tmp_path: Path) -> None:
    ran = run(*arguments, data=tmp_path / "none")
    assert (ran.code, ran.out) == (3, "")
    assert "there is no log in" in ran.err
    assert not (tmp_path / "none").exists()


def test_a_file_that_is_no_log(run: Run, tmp_path: Path) -> None:
    (tmp_path / "log.sqlite3").write_bytes(b"something else" * 1000)
    ran = run("log", data=tmp_path)
    assert (ran.code, ran.out) == (3, "")
    assert "store-damaged" in ran.err


def test_a_conflict_log_that_is_not_there(run: Run, data: Path) -> None:
    (data / "projections.sqlite3").unlink()
    ran = run("conflicts", data=data)
    assert (ran.code, ran.out) == (3, "")
    assert "keepboth rebuild" in ran.err
    assert not (data / "projections.sqlite3").exists()


def test_the_folder_can_come_from_the_environment(run: Run, left_behind: Path) -> None:
    assert run("show", "plans/2026", "--at", "2", data=None, KEEPBOTH_DATA=str(left_behind)).out == "one two three"
