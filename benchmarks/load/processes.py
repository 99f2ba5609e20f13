"""Processes under measurement: started on a core of their own, watched line by line, always ended.

Every wait here has a limit in seconds and fails with the last lines the process wrote.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

_PINNED = Path(__file__).with_name("pinned.py")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_END = None


class ProcessFailed(RuntimeError):
    """A process ended or stayed silent where it owed a line; the message ends with what it wrote last."""


class Process:
    """A running command, leader of its own session, whose output lines can be awaited.

    As a context manager it kills the whole session on leaving.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        core: int | None,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._last: deque[str] = deque(maxlen=15)
        self._popen = subprocess.Popen(
            [sys.executable, str(_PINNED), "any" if core is None else str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"{name} output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """The process id of the session's leader."""
        return self._popen.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def _read(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            self._last.append(line.rstrip())
            self._lines.put(line)
        self._lines.put(_END)

    def wait_for_line(self, pattern: str, *, timeout_s: float) -> re.Match[str]:
        """Return the match of the next output line that holds *pattern*; other lines before it are dropped.

        Raises ProcessFailed when the process ends first or *timeout_s* seconds pass.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise self._failure(f"was silent for {timeout_s:g} s") from None
            if line is _END:
                raise self._failure("ended")
            if match := re.search(pattern, line):
                return match

    def last_words(self) -> str:
        """The last lines the process wrote, indented, each on a line of its own."""
        return "".join(f"\n    {line}" for line in self._last) or " nothing"

    def _failure(self, what: str) -> ProcessFailed:
        return ProcessFailed(f"{self.name} {what}; it last wrote:{self.last_words()}")

    def tell(self, line: str) -> None:
        """Write *line* to the process's standard input.

        Raises ProcessFailed when it has gone.
        """
        assert self._popen.stdin is not None
        try:
            self._popen.stdin.write(line + "\n")
            self._popen.stdin.flush()
        except OSError as error:
            raise self._failure("ended") from error

    def kill(self) -> None:
        """SIGKILL the whole session and reap its leader. Doing so twice does no harm."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait(timeout=10)
        self._reader.join(timeout=10)
        for pipe in (self._popen.stdin, self._popen.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # an order that nobody is left to read

    def cpu_seconds(self) -> float:
        """User plus system CPU seconds of the process, its live descendants and their reaped children.

        The kernel counts in steps of 1 / SC_CLK_TCK seconds, mostly 10 ms.
        """
        return sum(_cpu_ticks(pid) for pid in _tree(self.pid)) / _TICKS_PER_S

    def peak_rss_mb(self) -> float:
        """Sum over the process tree of the largest resident set so far, in MB of 1e6 bytes."""
        return sum(_peak_rss_kib(pid) for pid in _tree(self.pid)) * 1024 / 1e6


def _stat_fields(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (state) on, None when the process has gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _tree(root: int) -> list[int]:
    """*root* and all its live descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat_fields(int(entry.name))) is not None:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def _cpu_ticks(pid: int) -> int:
    fields = _stat_fields(pid)
    return 0 if fields is None else sum(int(field) for field in fields[11:15])  # utime, stime, cutime, cstime


def _peak_rss_kib(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    match = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(match[1]) if match else 0


def pick_cores() -> tuple[int | None, int | None]:
    """A core for the server and another for the generator; (None, None) when only one is allowed."""
    allowed = sorted(os.sched_getaffinity(0))
    return (allowed[0], allowed[1]) if len(allowed) > 1 else (None, None)
