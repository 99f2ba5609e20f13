"""Run a command on one core, and let it end with its parent: `python pinned.py CORE|any COMMAND...`.

A script of its own because both settings belong to the process that becomes the command: every thread it starts
later inherits the core, and a benchmark that is killed leaves no server behind.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Pin this process, ask for SIGKILL at the parent's death, become the command."""
    core, *command = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if core != "any":
        os.sched_setaffinity(0, {int(core)})
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
