"""The servers that are compared: how each is installed, started and addressed.

A server prints one line with `http://127.0.0.1:PORT` once it accepts connections.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal
from urllib.parse import urlsplit

import keepboth
from benchmarks.load.processes import Process, ProcessFailed

from .install import npm_environment, npm_version, python_environment

_ROOT = Path(__file__).resolve().parents[2]
_LAUNCHERS = Path(__file__).with_name("launchers")
_START_TIMEOUT_S = 30.0


class StartFailed(RuntimeError):
    """A server did not come up; the message ends with what it wrote."""


class Server(ABC):
    """A server that can be started on a data directory."""

    name: str
    #: What the tables say about storage.
    keeps: str
    dialect: Literal["y-websocket", "hocuspocus"] = "y-websocket"
    #: Path of a room's socket; `{document}` is the room's name.
    path: str = "/{document}"

    @abstractmethod
    def install(self) -> None:
        """Get the server's packages, unless they are there."""

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Versions of the server and of what its speed depends on. Needs `install` first."""

    @abstractmethod
    def command(self, data: Path) -> Sequence[str]:
        """The command that serves, with its storage in the directory *data*."""

    def env(self) -> Mapping[str, str]:
        """Environment variables that the command needs."""
        return {}

    def work(self, url: str) -> tuple[float, float]:
        """Seconds that the conflict engine took so far, and CPU seconds of the store's thread; zeros if it has none."""
        return 0.0, 0.0

    def start(self, data: Path, core: int | None) -> tuple[Process, str]:
        """Start on *data* and return the process and its address for sockets, `ws://…/{document}`.

        Raises StartFailed when it does not come up.
        """
        process = Process(self.name, self.command(data), core=core, cwd=data, env=self.env())
        try:
            line = process.wait_for_line(r"http://(127\.0\.0\.1:\d+)", timeout_s=_START_TIMEOUT_S)
        except ProcessFailed as error:
            process.kill()
            raise StartFailed(str(error)) from error
        except BaseException:
            process.kill()
            raise
        return process, f"ws://{line[1]}{self.path}"


class KeepBoth(Server):
    """The server that the running Python imports: this repository's sources, or what `make compiled` made of them."""

    name = "keepboth"
    keeps = "event log, fsync before relay"
    path = "/ws/{document}"

    def __init__(self, options: Sequence[str] = ()) -> None:
        self._options = list(options)

    def install(self) -> None:
        """Nothing to do: the running Python has its packages."""

    def versions(self) -> dict[str, str]:
        return {
            "keepboth": _git_revision() + (", compiled" if is_compiled() else ""),
            **_python_versions(Path(sys.executable), "pycrdt", "websockets", "uvicorn", "uvloop"),
        }

    def command(self, data: Path) -> Sequence[str]:
        serve = [
            sys.executable,
            "-m",
            "keepboth.cli",
            "serve",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--data",
            str(data),
        ]
        return [*serve, *self._options]

    def work(self, url: str) -> tuple[float, float]:
        address = urlsplit(url)
        with urllib.request.urlopen(f"http://{address.netloc}/api/server", timeout=10) as answer:
            state = json.load(answer)
        return state["conflicts"]["seconds"], state["live"]["writer"]["append_cpu_s"]

    def env(self) -> Mapping[str, str]:
        before = os.environ.get("PYTHONPATH")
        running = str(Path(keepboth.__file__).parents[1])
        return {"PYTHONPATH": os.pathsep.join([running, *([before] if before else [])])}


class NodeServer(Server):
    """A server under Node: a launcher of ours beside the packages it imports."""

    launcher: str
    packages: ClassVar[Mapping[str, str]]

    def install(self) -> None:
        npm_environment(self.name, self.packages)

    def versions(self) -> dict[str, str]:
        home = npm_environment(self.name, self.packages)
        return {package: npm_version(home, package) for package in self.packages}

    def command(self, data: Path) -> Sequence[str]:
        # Node resolves a module's imports from where its file lies, so the launcher is copied there.
        home = npm_environment(self.name, self.packages)
        return ["node", str(shutil.copy(str(_LAUNCHERS / self.launcher), str(home))), str(data)]


class Hocuspocus(NodeServer):
    """Hocuspocus with its SQLite extension on a file; debounced saves, its default."""

    name = "hocuspocus"
    keeps = "SQLite, saves 2 to 10 s after an edit"
    dialect = "hocuspocus"
    path = "/"
    launcher = "hocuspocus.mjs"
    packages: ClassVar[Mapping[str, str]] = {
        "@hocuspocus/server": "4.7.0",
        "@hocuspocus/extension-sqlite": "4.7.0",
        "y-protocols": "1.0.7",
        "yjs": "13.6.33",
    }


class YWebsocketServer(NodeServer):
    """The reference server of Yjs, memory only."""

    name = "y-websocket-server"
    keeps = "memory only"
    launcher = "y_websocket_server.mjs"
    packages: ClassVar[Mapping[str, str]] = {
        "@y/websocket-server": "0.1.5",
        "@y/protocols": "1.0.6-1",
        "yjs": "14.0.0-16",
        "ws": "6.2.7",
    }


class PycrdtWebsocket(Server):
    """pycrdt-websocket with its SQLiteYStore, behind uvicorn and uvloop."""

    name = "pycrdt-websocket"
    keeps = "SQLite, saves behind the relay"
    _requirements = (
        "pycrdt-websocket==0.16.5",
        "uvicorn==0.54.0",
        "uvloop==0.23.0",
        "websockets==17.4",
        "httptools==0.9.0",
    )

    def _python(self) -> Path:
        return python_environment(self.name, self._requirements) / "bin" / "python"

    def install(self) -> None:
        self._python()

    def versions(self) -> dict[str, str]:
        return _python_versions(
            self._python(), "pycrdt-websocket", "pycrdt", "pycrdt-store", "uvicorn", "uvloop", "websockets"
        )

    def command(self, data: Path) -> Sequence[str]:
        return [str(self._python()), str(_LAUNCHERS / "pycrdt_websocket.py"), str(data)]


SERVERS: dict[str, type[Server]] = {
    server.name: server for server in (KeepBoth, Hocuspocus, YWebsocketServer, PycrdtWebsocket)
}


def _python_versions(python: Path, *packages: str) -> dict[str, str]:
    script = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    done = subprocess.run([python, "-c", script, *packages], capture_output=True, text=True, timeout=30, check=True)
    return dict(zip(packages, done.stdout.split(), strict=True))


def is_compiled() -> bool:
    """Whether the modules that every edit passes are C."""
    return not str(importlib.import_module("keepboth.yjs.update").__file__).endswith(".py")


def _git_revision() -> str:
    """The commit of the checkout, with a + when files differ from it."""
    git = ["git", "-C", str(_ROOT), "describe", "--always", "--dirty=+", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        return "unknown"
    return done.stdout.strip() or "unknown"
