"""Reducers run apart from the server: each in a process of its own, with limits of time and memory.

A process stays for whoever asks next, so that the second answer costs what is new. One that overruns is ended.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from keepboth import errors
from keepboth.errors import KeepBothError, NotFound, Overloaded, ReducerFailed, ReducerOverrun
from keepboth.events import Micros
from keepboth.history.cuts import Cut
from keepboth.reducers.loading import SHIPPED, file_of, installed
from keepboth.reducers.scope import scope_of
from keepboth.reducers.worker import cut_to_json
from keepboth.store.base import EventStore
from keepboth.store.reduced import ReducedStore, Stored

START_S: Final = 20.0
MAX_ANSWER: Final = 16 * 1024 * 1024
PATIENCE_S: Final = 10.0
"""Whoever finds all processes busy waits this long for one."""

_SLACK_S: Final = 5.0
_CODES: Final = {
    one.code: one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, KeepBothError)
}


class Limits(NamedTuple):
    """What one answer may take: seconds of computing (twice that by the clock) and bytes."""

    seconds: float
    memory_bytes: int


class Process:
    """One worker. ``name``, ``version`` and ``code`` are its reducer's. Used by one task at a time."""

    def __init__(self, process: asyncio.subprocess.Process, limits: Limits, spec: str) -> None:
        self._process = process
        self._limits = limits
        self._spec = spec
        self._stamp = _stamp(spec)
        self.name = spec
        self.version = 0
        self.code = ""
        self.taken = False

    @classmethod
    async def start(cls, log: Path, spec: str, limits: Limits) -> Process:
        """A worker for the reducer that *spec* names. Raises what loading it raises, ReducerOverrun, ReducerFailed."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "keepboth.reducers.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=MAX_ANSWER,
        )
        self = cls(process, limits, spec)
        order = {"log": str(log), "reducer": spec, "seconds": limits.seconds, "memory_bytes": limits.memory_bytes}
        hello = await self._ask(order, START_S)
        self.name, self.version, self.code = hello["name"], hello["version"], hello["code"]
        return self

    @property
    def is_good(self) -> bool:
        """False once it has ended, or the file that it was loaded from has changed."""
        return self._process.returncode is None and _stamp(self._spec) == self._stamp

    async def reduce(self, documents: Sequence[str] | None, cut: Cut) -> dict[str, Any]:
        """The result, as ``Result.to_json`` gives it. Raises ReducerOverrun, ReducerFailed, and what a scope raises."""
        request = {"documents": None if documents is None else list(documents), "cut": cut_to_json(cut)}
        answer = await self._ask(request, 2 * self._limits.seconds + _SLACK_S)
        result: dict[str, Any] = answer["result"]
        return result

    async def _ask(self, request: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(timeout_s):
                process.stdin.write(json.dumps(request).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            await self.end()
            raise ReducerOverrun(f"{self.name}: no answer after {timeout_s:g} s", what="time") from None
        except ValueError:
            await self.end()
            raise ReducerOverrun(f"{self.name}: an answer of more than {MAX_ANSWER} bytes", what="answer") from None
        except ConnectionError:
            pass  # it has ended: see below
        except BaseException:
            await self.end()  # the answer to this question must not be taken for another's
            raise
        if not line.endswith(b"\n"):
            raise await self._gone()
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            error = answer["error"]
            kind = _CODES.get(error["code"], ReducerFailed)
            if kind in (ReducerOverrun, ReducerFailed):
                await self.end()
            raise kind(error["detail"], **error["facts"])
        return answer

    async def _gone(self) -> KeepBothError:
        code = await self._process.wait()
        if sys.platform != "win32" and code in (-signal.SIGXCPU, -signal.SIGKILL):
            return ReducerOverrun(f"{self.name} computed for more than {self._limits.seconds:g} s", what="time")
        return ReducerFailed(f"the process of {self.name} ended with {code}", exit=code)

    async def end(self) -> None:
        """Kill it."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


class Reductions:
    """The reducers that a server offers, at most *most* of them at work at once.

    *specs* are added to the shipped and the installed ones; each is called as the part behind its last colon.
    """

    def __init__(
        self,
        store: EventStore,
        log: Path,
        kept: ReducedStore,
        now: Callable[[], Micros],
        *,
        specs: Sequence[str] = (),
        limits: Limits = Limits(60.0, 512 * 1024 * 1024),  # noqa: B008 - a value
        most: int = 4,
    ) -> None:
        self._store = store
        self._log = log
        self._kept = kept
        self._now = now
        self._limits = limits
        self._most = most
        self._specs = {**{name: name for name in SHIPPED}, **{name: name for name in installed()}}
        self._specs.update((spec.rpartition(":")[2], spec) for spec in specs)
        self._idle: OrderedDict[tuple[str, str], Process] = OrderedDict()
        self._free = asyncio.Semaphore(most)
        self._closed = False

    @property
    def names(self) -> list[str]:
        """What can be asked for."""
        return sorted(self._specs)

    async def reduce(self, name: str, documents: Sequence[str] | None, cut: Cut) -> dict[str, Any]:
        """The result of the reducer *name*, stored or computed. Raises NotFound, and what `Process.reduce` raises."""
        scope = await asyncio.to_thread(scope_of, self._store, documents, cut)
        async with self._at_hand(name, scope.name) as process:
            found = await asyncio.to_thread(self._kept.get, name, process.code, scope.name, scope.token)
            result: dict[str, Any] = {} if found is None else json.loads(found.body)
            if result.get("now") == scope.now:
                return {**result, "stored": True}
            result = await process.reduce(documents, cut)
            body = json.dumps(result, ensure_ascii=False).encode("utf-8", "replace")
            row = Stored(name, process.code, scope.name, result["cut"], result["until"], self._now(), body)
            await asyncio.to_thread(self._kept.put, row)
            return {**result, "stored": False}

    async def stored(self, name: str | None = None) -> list[Stored]:
        """Results that are kept, of this reducer or of all, also of former code."""
        return await asyncio.to_thread(self._kept.list, name)

    @asynccontextmanager
    async def _at_hand(self, name: str, scope: str) -> AsyncIterator[Process]:
        """A process of that reducer, one that has been in this scope if there is one."""
        spec = self._specs.get(name)
        if spec is None:
            raise NotFound(f"there is no reducer {name!r}; there are {', '.join(self.names)}", name=name)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._free.acquire()
        except TimeoutError:
            raise Overloaded(f"{self._most} reducers are at work already") from None
        try:
            process = self._idle.pop((name, scope), None)
            if process is not None and not process.is_good:
                await process.end()
                process = None
            if process is None:
                while len(self._idle) >= self._most:
                    _, oldest = self._idle.popitem(last=False)
                    await oldest.end()
                process = await Process.start(self._log, spec, self._limits)
            try:
                yield process
            finally:
                if process.is_good and not self._closed:
                    former = self._idle.pop((name, scope), None)
                    self._idle[name, scope] = process
                    if former is not None:
                        await former.end()
                else:
                    await process.end()
        finally:
            self._free.release()

    async def close(self) -> None:
        """End every process."""
        self._closed = True
        while self._idle:
            _, process = self._idle.popitem()
            await process.end()
        self._kept.close()


def _stamp(spec: str) -> tuple[int, int] | None:
    """Changes when the file that *spec* names does."""
    path = file_of(spec)
    if path is None:
        return None
    try:
        found = os.stat(path)
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)
