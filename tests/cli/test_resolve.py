"""``keepboth resolve``: choices shown, one made, without a server."""

from __future__ import annotations

from pathlib import Path

from keepboth.app import open_store
from keepboth.events import CONFLICT_RESOLVED, EDIT_RECORDED
from tests.cli.conftest import Run


def test_choices_are_shown_and_one_is_made(data: Path, run: Run) -> None:
    (conflict,) = run("conflicts", "plans/2026", "--json", data=data).lines
    shown = run("resolve", conflict["id"], data=data)
    assert shown.code == 0
    assert "use guest:ann-session" in shown.out
    (found,) = run("resolve", conflict["id"], "--json", data=data).lines
    assert found["status"] == "open"
    assert {one["text"] for one in found["choices"] if one["choice"] == "use"} == {"TWO", "zwei"}

    done = run("resolve", conflict["id"], "--choice", "use", "--of", "guest:bob-session", data=data)
    assert (done.code, "zwei" in done.out) == (0, True)
    assert run("show", "plans/2026", data=data).out.strip() == "one zwei three"
    store = open_store(data, read_only=True)
    resolved, edit = store.read("plans/2026", reverse=True, limit=2)[::-1]
    store.close()
    assert (resolved.type, resolved.actor, edit.type) == (CONFLICT_RESOLVED, "operator", EDIT_RECORDED)

    again = run("resolve", conflict["id"], "--choice", "leave", data=data)
    assert again.code == 1
    assert "resolved already" in again.err
    (after,) = run("resolve", conflict["id"], "--json", data=data).lines
    assert after["status"] == "resolved"


def test_what_makes_no_sense_is_said(data: Path, run: Run) -> None:
    (conflict,) = run("conflicts", "plans/2026", "--json", data=data).lines
    assert run("resolve", "c-9-9", data=data).code == 1
    wrong = run("resolve", conflict["id"], "--choice", "eat", data=data)
    assert (wrong.code, "is no choice here" in wrong.err) == (2, True)
    assert run("resolve", conflict["id"], data=data / "none").code != 0
