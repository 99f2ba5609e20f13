"""``verify``, ``rebuild`` and ``serve``, and the command line as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from keepboth import __version__
from keepboth.app import open_store
from keepboth.store.conflicts import SqliteConflictStore
from tests.api.conftest import timeless
from tests.cli.conftest import Run, spoil

ROOT = Path(__file__).parents[2]
TIMEOUT_S = 20


def process(*arguments: str, **more: Any) -> subprocess.Popen[bytes]:
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KEEPBOTH_")},
        "PYTHONPATH": str(ROOT / "server"),
        **more.pop("env", {}),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "keepboth.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        **more,
    )


def finish(started: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = started.communicate(timeout=TIMEOUT_S)
    return started.returncode, out.decode(), err.decode()


# -- verify ------------------------------------------------------------------------------------------------------------


def test_a_log_in_order_is_said_to_be(run: Run) -> None:
    shown = run("verify")
    assert (shown.code, shown.err) == (0, "")
    assert shown.out == (
        "no problems in 13 events; 4 documents folded from 7 edits, of which 1 wait for others and 0 cannot be read\n"
    )
    assert json.loads(run("verify", "--json").raw) == {
        "ok": True, "events": 13, "documents": 4, "edits": 7, "pending": 1, "quarantined": 0, "problems": [],
    }  # fmt: skip


def test_a_byte_that_has_changed_is_found(run: Run, data: Path) -> None:
    spoil(data, "UPDATE payloads SET payload = CAST(payload || x'00' AS BLOB) WHERE position = 2")
    shown = run("verify", data=data)
    assert shown.code == 1
    assert "position 2, 'plans/2026' revision 2: the payload has" in shown.out
    told = json.loads(run("verify", "--json", data=data).raw)
    assert (told["ok"], told["problems"][0]["position"]) == (False, 2)


def test_an_event_that_has_changed_is_found(run: Run, data: Path) -> None:
    spoil(data, "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3")
    shown = run("verify", data=data)
    assert (shown.code, "position 3, 'plans/2026' revision 3" in shown.out) == (1, True)


# -- rebuild -----------------------------------------------------------------------------------------------------------


def test_a_rebuilt_conflict_log_is_the_same(run: Run, data: Path) -> None:
    before = [timeless(one) for one in run("conflicts", "--json", data=data).lines]
    (data / "projections.sqlite3").unlink()
    rebuilt = run("rebuild", data=data)
    assert (rebuilt.code, rebuilt.out) == (0, "1 collision in the conflict log\n")
    assert [timeless(one) for one in run("conflicts", "--json", data=data).lines] == before
    assert json.loads(run("rebuild", "--json", "--document", "plans/2026", data=data).raw) == {"conflicts": 1}
    assert json.loads(run("rebuild", "--json", "--document", "maps", data=data).raw) == {"conflicts": 0}


def test_a_conflict_log_of_another_version_is_left_to_the_server_that_runs(run: Run, data: Path) -> None:
    """It has the file open: beginning it anew would pull it from under it."""
    store = open_store(data)
    try:
        SqliteConflictStore(data / "projections.sqlite3", version=1_000_000).close()
        refused = run("rebuild", data=data)
        assert (refused.code, refused.out, "of this version" in refused.err) == (1, "", True)
        SqliteConflictStore(data / "projections.sqlite3", version=1_000_000, begin_anew=False).close()
    finally:
        store.close()
    assert run("rebuild", data=data).code == 0


# -- serve -------------------------------------------------------------------------------------------------------------


def test_a_server_is_read_beside_and_owns_its_log(run: Run, data: Path) -> None:
    server = process("serve", "--port", "0", "--data", str(data))
    assert server.stdout is not None
    try:
        line = server.stdout.readline().decode()
        assert line.startswith("KeepBoth ready: http://127.0.0.1:")
        url = line.split()[2]
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        body = {"document": "while running", "content": {"text": "hello"}}
        assert httpx.post(f"{url}/api/documents", json=body, trust_env=False).status_code == 201
        assert run("show", "while running", data=data).out == "hello"
        assert run("verify", data=data).code == 0
        assert run("conflicts", "plans/2026", data=data).code == 0
        rebuilt = run("rebuild", "--projection", "conflicts", data=data)
        assert (rebuilt.code, rebuilt.out, rebuilt.err) == (0, "1 collision in the conflict log\n", "")
        listed = httpx.get(f"{url}/api/conflicts", params={"document": "plans/2026"}, trust_env=False).json()
        assert (len(listed["conflicts"]), listed["complete"]) == (1, True)
        second = finish(process("serve", "--port", "0", "--data", str(data)))
        assert (second[0], second[1], "store-locked" in second[2]) == (3, "", True)
    finally:
        server.send_signal(signal.SIGTERM)
        code, out, err = finish(server)
    assert (code, out, err) == (0, "", "")
    assert run("show", "while running", data=data).out == "hello"


def test_settings_come_from_the_environment_and_options_win(tmp_path: Path) -> None:
    environment = {"KEEPBOTH_PORT": "0", "KEEPBOTH_DATA": str(tmp_path / "there"), "KEEPBOTH_HOST": "256.0.0.1"}
    server = process("serve", "--host", "127.0.0.1", env=environment)
    assert server.stdout is not None
    try:
        assert server.stdout.readline().startswith(b"KeepBoth ready: http://127.0.0.1:")
        assert (tmp_path / "there" / "log.sqlite3").exists()
    finally:
        server.send_signal(signal.SIGINT)
        finish(server)


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--port", "70000"], {}, "'--port'"),
        (["--log-level", "loud"], {}, "loud"),
        ([], {"KEEPBOTH_PORT": "x"}, "settings-invalid: port"),
        ([], {"KEEPBOTH_LOG_LEVEL": "loud"}, "settings-invalid: log_level"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense(
    run: Run, tmp_path: Path, arguments: list[str], environment: dict[str, str], words: str
) -> None:
    ran = run("serve", *arguments, data=tmp_path / "none", **environment)
    assert (ran.code, ran.out, words in ran.err) == (2, "", True)
    assert not (tmp_path / "none").exists()


# -- as a process ------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_error(left_behind: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    started = subprocess.Popen(
        [sys.executable, "-m", "keepboth.cli", "log", "--json", "--data", str(left_behind)],
        stdout=write,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT / "server")},
    )
    os.close(write)
    assert started.communicate(timeout=TIMEOUT_S)[1] == b""
    assert started.returncode == 0


def test_output_is_utf_8_wherever_it_runs(left_behind: Path) -> None:
    environment = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    code, out, err = finish(process("log", "plans/2026", "--json", "--data", str(left_behind), env=environment))
    assert (code, err, "guest:ann-session" in out) == (0, "", True)
    code, out, _ = finish(process("conflicts", "--data", str(left_behind), env=environment))
    assert code == 0


def test_help_names_every_command(run: Run) -> None:
    shown = run("--help", data=None)
    assert shown.code == 0
    for command in ("serve", "log", "show", "conflicts", "verify", "rebuild"):
        assert command in shown.out
        assert run(command, "--help", data=None).code == 0
    assert run("--version", data=None).out == f"keepboth {__version__}\n"
