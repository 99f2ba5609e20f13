"""One process owns the log: an advisory lock next to it, which the system releases when the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from keepboth.errors import StoreLocked


class OwnerLock:
    """Hold ``<path>.lock`` until :meth:`release`. Raises StoreLocked, with the owner's pid, if somebody has it.

    The file stays: removing it would let two processes lock two files of the same name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.with_name(path.name + ".lock")
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.pread(self._fd, 32, 0).decode("ascii", "replace").strip()
            os.close(self._fd)
            raise StoreLocked(
                f"process {owner or 'unknown'} has {path} open; one process owns a log",
                path=str(path),
                pid=int(owner) if owner.isdecimal() else None,
            ) from None
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, str(os.getpid()).encode(), 0)

    def release(self) -> None:
        """Let the next process in. Does nothing the second time."""
        if self._fd >= 0:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = -1
