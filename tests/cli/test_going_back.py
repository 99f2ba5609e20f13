"""``keepboth whatif`` on a log, ``keepboth revert`` against a running server."""

from __future__ import annotations

from pathlib import Path

from tests.api.conftest import serving
from tests.cli.conftest import Run


def test_what_if_shows_what_would_be_missing(run: Run) -> None:
    shown = run("whatif", "plans/2026", "--without-actor", "guest:ann-session")
    assert shown.code == 0, shown.err
    assert "[-TWO-]" in shown.out
    assert "Without 1 edit" in shown.out
    (found,) = run("whatif", "plans/2026", "--without-actor", "guest:ann-session", "--json").lines
    assert found["roots"]["text"]["value"] == "one zwei three"
    assert (found["edits"], found["dependants"], found["mode"]) == (1, [], "strict")
    (kept,) = run("whatif", "plans/2026", "--without-revisions", "1-2", "--keep", "--json").lines
    assert sorted(kept["roots"]["text"]["value"]) == sorted("TWOzwei")
    assert [one["revision"] for one in kept["dependants"]] == [3, 4]
    waiting = run("whatif", "plans/2026", "--without-revisions", "1-2")
    assert "2 edits of others build on these and wait" in waiting.out
    assert run("whatif", "plans/2026").code == 2
    assert run("whatif", "plans/2026", "--without-revisions", "x").code == 2
    assert run("whatif", "plans/2026", "--since", "yesterday").code == 2
    assert run("whatif", "none", "--without-actor", "x").code == 1


def test_going_back_is_shown_and_done(tmp_path: Path, run: Run) -> None:
    with serving(tmp_path) as server:
        server.collide("plans/2026")
        url = ("--server", str(server.http.base_url))

        def state() -> str:
            return server.http.get("/api/state", params={"document": "plans/2026", "as": "text"}).text

        before = state()
        shown = run("revert", "plans/2026", "--undo-session", "bob-session", "--preview", *url, data=None)
        assert shown.code == 0, shown.err
        assert "[-zwei-]" in shown.out
        assert state() == before
        done = run("revert", "plans/2026", "--undo-session", "bob-session", "--revision", "4", *url, data=None)
        assert (done.code, state()) == (0, "one TWO three"), done.err
        again = run("revert", "plans/2026", "--to", "4", *url, data=None)
        assert (again.code, state()) == (0, before), again.err
        assert "{+zwei+}" in again.out
        nothing = run("revert", "plans/2026", "--to", "cut:x", *url, data=None)
        assert (nothing.code, "invalid-request" in nothing.err) == (2, True)
        assert run("revert", "plans/2026", *url, data=None).code == 2
        assert run("revert", "none", "--to", "1", *url, data=None).code == 1
        outdated = run("revert", "plans/2026", "--undo-session", "bob-session", "--revision", "4", *url, data=None)
        assert (outdated.code, "place-changed" in outdated.err) == (1, True)
        (value,) = run("revert", "plans/2026", "--to", "4", "--json", *url, data=None).lines
        assert value["changes"] == []
    assert run("revert", "d", "--to", "1", *url, data=None).code == 3
    assert run("revert", "d", "--to", "1", "--server", "file:///etc", data=None).code == 3
