"""Acknowledged means on the disk: the settings that promise it, and the system calls that keep the promise."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from itertools import groupby
from pathlib import Path

import pytest

from keepboth.store.sqlite import SqliteStore
from tests.crash.process import Address, children, opened, served
from tests.harness import eventually, run
from tests.writers import Resender, Stock, Writer

DOCUMENT = "sync"
EDITS = 25


def why_no_strace() -> str:
    """Empty if system calls of a child can be traced here."""
    strace = shutil.which("strace")
    if strace is None:
        return "strace is not installed"
    try:
        tried = subprocess.run([strace, "-o", "/dev/null", "true"], capture_output=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"strace does not run: {error}"
    return "" if tried.returncode == 0 else f"ptrace is not permitted: {tried.stderr.decode()[-80:].strip()}"


NO_STRACE = why_no_strace()
needs_strace = pytest.mark.skipif(bool(NO_STRACE), reason=NO_STRACE or "strace works")


def test_the_writers_connection_is_set_to_sync_every_commit(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "log.sqlite3")
    try:
        connection = store._connection
        assert connection is not None
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    finally:
        store.close()


ESCAPED = re.compile(r"<((?:\\x[0-9a-f]{2})+)>")
SYNC = re.compile(r"(?:fdatasync|fsync)\(\d+<(?P<path>[^>]*)>(?P<rest>.*)")
RESUMED = re.compile(r"<\.\.\. (?:fdatasync|fsync) resumed>")
SENT = re.compile(r"(?:write|sendto|sendmsg|writev)\(\d+<(?:socket|TCP)[^>]*>, (?P<data>.*)")


def unescaped(text: str) -> str:
    """``-xx`` escapes the names of files too."""
    return bytes.fromhex(text.replace("\\x", "")).decode()


def steps(trace: str) -> list[str]:
    """The traced calls that matter, in order: ``sync`` (the log's WAL, when it returned), ``receipt``, ``update``."""
    out: list[str] = []
    syncing: dict[str, bool] = {}
    for line in trace.splitlines():
        thread, _, call = line.partition(" ")
        call = ESCAPED.sub(lambda found: f"<{unescaped(found[1])}>", call.lstrip())
        if (sync := SYNC.search(call)) is not None:
            of_log = sync["path"].endswith("log.sqlite3-wal")
            if "unfinished" in sync["rest"]:
                syncing[thread] = of_log
            elif of_log:
                assert sync["rest"].endswith("= 0")
                out.append("sync")
        elif RESUMED.search(call) is not None:
            if syncing.pop(thread):
                assert call.endswith("= 0")
                out.append("sync")
        elif (sent := SENT.search(call)) is not None:
            # A binary frame (82, one length byte) that begins with an update message, or with receipts.
            if re.search(r"\\x82\\x..\\x00\\x02", sent["data"]):
                out.append("update")
            if re.search(r"\\x82\\x..\\x78\\x01", sent["data"]):
                out.append("receipt")
    return out


def test_a_trace_is_read_in_the_order_of_completion() -> None:
    trace = r"""11 1.0 fdatasync(7</d/log.sqlite3-wal> <unfinished ...>
12 1.1 write(9<\x73\x6f\x63\x6b\x65\x74\x3a\x5b\x31\x5d>, "\x82\x05\x78\x01\x01\x01\x00", 7) = 7
11 1.2 <... fdatasync resumed>)           = 0
12 1.3 write(9<socket:[1]>, "\x82\x09\x00\x02\x05\x82\x05\x78\x01", 7 <unfinished ...>
13 1.4 fsync(8</d/projections.sqlite3-wal>) = 0
11 1.5 fdatasync(7</d/log.sqlite3-wal>) = 0"""
    assert steps(trace) == ["receipt", "sync", "update", "receipt", "sync"]


@needs_strace
def test_every_commit_is_synced_before_anybody_hears_of_it(tmp_path: Path) -> None:
    """One edit at a time, each awaited by its author and by a reader: no frame leaves before its commit's sync."""

    async def main() -> None:
        data, trace = tmp_path / "data", tmp_path / "trace"
        address = Address()
        calls = "trace=fdatasync,fsync,write,writev,sendto,sendmsg"
        options = ("-f", "-y", "-ttt", "-xx", "-s", "64", "-e", calls, "-e", "signal=none", "-o", str(trace))
        async with served(data, address, prefix=("strace", *options)) as process:
            author = Resender(address, DOCUMENT, 1, "session-1")
            reader = Stock(address, DOCUMENT, 2)
            writers: list[Writer] = [author, reader]
            for writer in writers:
                assert await writer.reach()
            for at in range(EDITS):
                author.text.insert(at, "x")
                await author.push()
                await eventually(lambda at=at: len(author.receipts) == at + 1)
                await eventually(lambda at=at: reader.value == "x" * (at + 1))
            for writer in writers:
                await writer.lose()
            (server,) = children(process.pid)  # the tracer does not pass signals on; it ends as its child does
            os.kill(server, signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 20) == 0
        async with opened(data) as store:
            commits = store.statistics()["commits"]
        assert commits == EDITS
        found = steps(trace.read_text())
        assert found.count("sync") >= commits
        assert found.count("receipt") == EDITS
        assert found.count("update") >= EDITS
        rounds = [word for word, _ in groupby("sync" if step == "sync" else "told" for step in found)]
        assert rounds[: 2 * EDITS] == ["sync", "told"] * EDITS
        assert "told" not in rounds[2 * EDITS :]

    run(main())
