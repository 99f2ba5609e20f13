"""``export`` and ``import`` on the command line."""

from __future__ import annotations

import gzip
import json
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pycrdt
import pytest

from keepboth.app import open_store
from keepboth.exchange.archive import archive, header_of
from keepboth.exchange.lines import lines
from keepboth.store.base import Append
from keepboth.store.memory import MemoryStore
from tests.api.conftest import serving, written
from tests.cli.conftest import HOSTILE, Run
from tests.cli.test_care import finish, process
from tests.store.making import edit

KEY = "tests"


def head_of(data: Path) -> Any:
    store = open_store(data, read_only=True)
    try:
        return store.head()
    finally:
        store.close()


@pytest.mark.parametrize("name", ["log.ndjson", "log.ndjson.gz"])
def test_a_log_goes_out_and_comes_in_again(run: Run, left_behind: Path, tmp_path: Path, name: str) -> None:
    out, copy = tmp_path / name, tmp_path / "copy"
    told = json.loads(run("export", "--out", str(out), "--json").raw)
    head = head_of(left_behind)
    assert (told["events"], told["until"], told["hash"]) == (head.position, head.position, head.commit_hash.hex())
    assert os.listdir(tmp_path) == [name]
    shown = run("import", str(out), data=copy)
    assert (shown.code, f"{head.position} events imported, 0 there already" in shown.out) == (0, True)
    assert head.commit_hash.hex() in shown.out
    assert "keepboth verify" in shown.out
    assert head_of(copy) == head
    assert run("verify", data=copy).code == 0
    again = json.loads(run("import", str(out), "--json", data=copy).raw)
    assert (again["imported"], again["known"], again["same_head"]) == (0, head.position, True)
    first = out.read_bytes()
    run("export", "--out", str(out))
    assert out.read_bytes() == first


def test_a_copy_is_served_with_the_same_conflicts(run: Run, left_behind: Path, tmp_path: Path) -> None:
    run("export", "--out", str(tmp_path / "log"))
    assert run("import", str(tmp_path / "log"), data=tmp_path / "copy").code == 0
    with serving(tmp_path / "copy") as server:
        found = server.get("/api/conflicts", document="plans/2026")
        assert found["complete"]
        told = [conflict["id"] for conflict in found["conflicts"]]
        server.edit("plans/2026", written("and it goes on"))
        assert server.get("/api/document", document="plans/2026")["revision"] == found["known_revision"] + 1
    assert told == [one["id"] for one in run("conflicts", "plans/2026", "--json").lines]
    assert told


def test_standard_output_and_one_document(run: Run, tmp_path: Path) -> None:
    whole = run("export", "plans/2026")
    assert (whole.code, whole.err) == (0, "")
    (tmp_path / "one").write_bytes(whole.raw)
    assert run("import", str(tmp_path / "one"), data=tmp_path / "copy").code == 0
    assert run("show", "plans/2026", data=tmp_path / "copy").raw == run("show", "plans/2026").raw
    assert run("export", "plans/2026", "--as", "text").raw == run("show", "plans/2026").raw
    assert run("export", "roots", "--as", "json").lines == run("show", "roots", "--as", "json").lines
    short = run("export", "plans/2026", "--at", "2", "--as", "ndjson")
    assert [line["type"] for line in short.lines][-1] == "dev.keepboth.archive.end"
    assert len(short.lines) == 4
    assert run("export", "plans/2026", "--at", "2", "--as", "text").out == "one two three"


def test_a_document_as_an_update_comes_into_another_log(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "plans.yjs"
    told = json.loads(run("export", "plans/2026", "--as", "update", "--out", str(out), "--json").raw)
    assert told["cut"]
    arguments = ["import", str(out), "--document", "plans", "--actor", "the attic"]
    shown = run(*arguments, data=tmp_path / "copy")
    assert (shown.code, "plans: 1 edit imported, now at revision 2" in shown.out) == (0, True)
    assert run("show", "plans", data=tmp_path / "copy").out == run("show", "plans/2026").out
    events = run("log", "plans", "--json", data=tmp_path / "copy").lines
    assert {(event["authid"], event["actorkind"]) for event in events} == {("the attic", "import")}
    assert "1 known already" in run(*arguments, data=tmp_path / "copy").out


def test_an_update_goes_to_a_running_server(run: Run, tmp_path: Path) -> None:
    (tmp_path / "some.yjs").write_bytes(written("hello"))
    (tmp_path / "bad.yjs").write_bytes(b"\xff\xff")
    with serving(tmp_path / "data") as server:
        url = server.application.url
        arguments = ["import", "--server", url, "--document", HOSTILE]
        sent = run(*arguments, str(tmp_path / "some.yjs"), "--header", "X-Some: thing", data=None)
        assert (sent.code, "imported as revision 2" in sent.out, "\x1b" in sent.out) == (0, True, False)
        assert "known already" in run(*arguments, str(tmp_path / "some.yjs"), data=None).out
        refused = run(*arguments, str(tmp_path / "bad.yjs"), data=None)
        assert (refused.code, "malformed-update" in refused.err) == (1, True)
        assert run("export", HOSTILE, "--as", "text", data=tmp_path / "data").out == "hello"
    assert run(*arguments, str(tmp_path / "some.yjs"), data=None).code == 1


def test_a_pycrdt_store_comes_in(run: Run, tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "y.db")
    connection.execute(
        "CREATE TABLE yupdates (path TEXT NOT NULL, yupdate BLOB, metadata BLOB, timestamp REAL NOT NULL)"
    )
    doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=5)
    for number, word in enumerate(("one", " two")):
        before = doc.get_state()
        text = doc.get("text", type=pycrdt.Text)
        text += word
        connection.execute("INSERT INTO yupdates VALUES ('room/a', ?, NULL, ?)", (doc.get_update(before), 1e9 + number))
    connection.commit()
    connection.close()
    shown = run("import", str(tmp_path / "y.db"), data=tmp_path / "data")
    assert (shown.code, "room/a: 2 edits imported, now at revision 3" in shown.out) == (0, True)
    assert run("show", "room/a", data=tmp_path / "data").out == "one two"
    told = run("log", "room/a", "--json", data=tmp_path / "data").lines[-1]
    assert (told["time"], told["timequality"], told["authid"]) == ("2001-09-09T01:46:41.000000Z", "claimed", "client:5")
    (again,) = json.loads(run("import", str(tmp_path / "y.db"), "--json", data=tmp_path / "data").raw)["documents"]
    assert (again["recorded"], again["known"]) == (0, 2)


def test_a_document_with_another_history_is_left_as_it_is(run: Run, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "log"
    run("export", "--out", str(out))
    store = open_store(tmp_path / "other")
    store.append([Append("plans/2026", [edit(b"\0\0")])])
    store.close()
    shown = run("import", str(out), data=tmp_path / "other")
    assert (shown.code, "'plans/2026' is left as it is from revision 1" in shown.out) == (1, True)
    assert run("show", "maps", data=tmp_path / "other").raw == run("show", "maps").raw


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["export", "none"], 1, "no such document"),
        (["export", "--as", "text"], 2, "needs the name"),
        (["export", "--at", "2"], 2, "--at position:N"),
        (["export", "--json"], 2, "--out"),
        (["export", "--out", "/no such folder/x"], 2, "cannot be written"),
        (["export", "plans/2026", "--at", "recorded:noon"], 2, "not a time"),
        (["export", "--as", "rows", "--out", "x.parquet", "--key", ""], 2, "hides nobody"),
        (["import", "/no such file"], 2, "cannot be read"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_command_that_makes_no_sense(run: Run, arguments: list[str], code: int, words: str) -> None:
    ran = run(*arguments)
    assert (ran.code, ran.out, words in ran.err) == (code, "", True), ran.err


def test_files_of_something_else(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello\n")
    ran = run("import", str(tmp_path / "text"), data=tmp_path / "d")
    assert (ran.code, "needs --document" in ran.err) == (2, True)
    assert not (tmp_path / "d").exists()
    ran = run("import", str(tmp_path / "text"), "--document", "x", data=tmp_path / "d")
    assert (ran.code, "malformed-update" in ran.err) == (2, True)
    with gzip.open(tmp_path / "cut.gz", "wb") as file:
        file.write(b"".join(lines(archive(made := MemoryStore(), header_of(made)))))
    (tmp_path / "cut.gz").write_bytes((tmp_path / "cut.gz").read_bytes()[:-9])
    assert run("import", str(tmp_path / "cut.gz"), data=tmp_path / "d").code == 2


def test_an_import_that_is_killed_goes_on(run: Run, tmp_path: Path) -> None:
    origin = MemoryStore()
    for _ in range(40):
        origin.append([Append("d", [edit(b"\0\0") for _ in range(200)])])
    (tmp_path / "log").write_bytes(b"".join(lines(archive(origin, header_of(origin)))))
    started = process("import", str(tmp_path / "log"), "--data", str(tmp_path / "data"))
    while started.poll() is None:
        if (tmp_path / "data" / "log.sqlite3").exists():
            try:
                if head_of(tmp_path / "data").position:
                    break
            except Exception:  # noqa: BLE001 - it is being made
                continue
    started.send_signal(signal.SIGKILL)
    finish(started)
    before = head_of(tmp_path / "data").position
    assert before > 0
    told = json.loads(run("import", str(tmp_path / "log"), "--json", data=tmp_path / "data").raw)
    assert (told["known"], told["imported"], told["same_head"]) == (before, 8000 - before, True)
    assert head_of(tmp_path / "data") == origin.head()


# -- rows --------------------------------------------------------------------------------------------------------------


def test_the_same_cut_and_key_give_the_same_bytes(run: Run, left_behind: Path, tmp_path: Path) -> None:
    arguments = ["export", "--as", "rows", "--at", "position:9"]
    one = run(*arguments, "--key", KEY).raw
    assert one
    assert run(*arguments, KEEPBOTH_ROWS_KEY=KEY).raw == one
    assert run(*arguments, "--key", "other").raw != one
    assert run(*arguments).raw != run(*arguments).raw
    told = json.loads(run("export", "plans/2026", "--as", "rows", "--out", str(tmp_path / "r"), "--json").raw)
    again = run("export", "plans/2026", "--as", "rows", "--at", f"cut:{told['cut']}", "--key", KEY)
    assert (len(again.lines), told["rows"]) == (3, 3)
    assert b"guest" not in again.raw


def test_rows_as_parquet(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rows.parquet"
    arguments = ["export", "--as", "rows", "--key", KEY]
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        ran = run(*arguments, "--out", str(out))
        assert (ran.code, "pip install 'keepboth[parquet]'" in ran.err, out.exists()) == (3, True, False)
        pytest.skip("pyarrow is not installed")
    assert run(*arguments, "--out", str(out)).code == 0
    table = parquet.read_table(out)
    assert table.to_pylist() == run(*arguments).lines
    assert json.loads(table.schema.metadata[b"keepboth"])["position"] == 13
