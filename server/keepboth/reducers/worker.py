"""A process of its own that runs one reducer: ``python -m keepboth.reducers.worker``.

A line of JSON in, a line of JSON out. The first line says which log, which reducer and how much it may use; each
further one names a scope and is answered with the result there. The log is opened read only. What the reducer prints
goes to standard error. Python objects never cross the pipe.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Final

from keepboth.errors import KeepBothError, ReducerOverrun
from keepboth.history.cuts import Cut
from keepboth.reducers.loading import load
from keepboth.reducers.running import Run
from keepboth.reducers.scope import scope_of
from keepboth.store.sqlite import SqliteStore

_IDS: Final = ("event", "seen_by")


def cut_to_json(cut: Cut) -> dict[str, Any]:
    """*cut* as a worker gets it."""
    out = {name: getattr(cut, name) for name in cut.named}
    return {name: value.hex() if name in _IDS else value for name, value in out.items()}


def cut_from_json(value: dict[str, Any]) -> Cut:
    """What `cut_to_json` wrote."""
    found: dict[str, Any] = {name: bytes.fromhex(one) if name in _IDS else one for name, one in value.items()}
    return Cut(**found)


class Worker:
    """Answers requests about one reducer."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._seconds = float(order["seconds"])
        limit_memory(int(order["memory_bytes"]))
        limit_time(self._seconds)
        self.reducer = load(order["reducer"])
        self._store = SqliteStore(Path(order["log"]), read_only=True)
        self._run = Run(self._store, [self.reducer])

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """The result for a scope."""
        limit_time(self._seconds)
        scope = scope_of(self._store, request["documents"], cut_from_json(request["cut"]))
        return {"result": self._run.to(scope)[0].to_json()}


def limit_memory(size: int) -> None:
    """Let this process use *size* bytes more than it has now; nothing where the system cannot say."""
    try:
        import resource
    except ImportError:  # Windows
        return
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        pages = 0
    most = pages * resource.getpagesize() + size
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def limit_time(seconds: float) -> None:
    """Let this process compute for *seconds* from now on; then the system ends it."""
    try:
        import resource
    except ImportError:  # Windows: whoever started it watches the clock
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + seconds) + 1, resource.RLIM_INFINITY))


def failure(error: BaseException) -> dict[str, Any]:
    """What went wrong, as the one who asked will raise it."""
    if isinstance(error, MemoryError):
        error = ReducerOverrun("the reducer took more memory than it may", what="memory")
    if isinstance(error, KeepBothError):
        return {"error": {"code": error.code, "detail": error.detail, "facts": error.facts}}
    return {"error": {"code": "reducer-failed", "detail": f"{type(error).__name__}: {error}", "facts": {}}}


def main() -> None:
    """Serve until the input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def put(value: dict[str, Any]) -> None:
        out.write(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace") + b"\n")
        out.flush()

    worker: Worker | None = None
    for line in sys.stdin.buffer:
        try:
            request = json.loads(line)
            if worker is None:
                worker = Worker(request)
                reducer = worker.reducer
                answer: dict[str, Any] = {"name": reducer.name, "version": reducer.version, "code": reducer.code}
            else:
                answer = worker.answer(request)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the one who asked must hear of it
            answer = failure(error)
        put(answer)
        if "error" in answer and (worker is None or answer["error"]["code"] == ReducerOverrun.code):
            return


if __name__ == "__main__":
    main()
