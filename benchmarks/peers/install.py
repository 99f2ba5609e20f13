"""Puts the peers' packages outside the source tree, each peer in an environment of its own.

The place is `KEEPBOTH_PEERS_DIR`, else `keepboth-peers` in the user's cache directory. Versions are pinned here, so
that a table can be made again; what is there already in the right version is left alone.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Long enough to compile better-sqlite3 where no built one is to be had.
INSTALL_TIMEOUT_S = 900
_STAMP = "installed.json"


class InstallFailed(RuntimeError):
    """A package manager failed; the message ends with what it said."""


def peers_dir() -> Path:
    """The directory that holds all peers."""
    if chosen := os.environ.get("KEEPBOTH_PEERS_DIR"):
        return Path(chosen).expanduser().resolve()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser().resolve() / "keepboth-peers"


def npm_environment(name: str, packages: Mapping[str, str]) -> Path:
    """Return a directory whose `node_modules` holds *packages* (name to exact version), installing them if need be.

    Peer dependencies are not resolved: @y/protocols asks for a `@y/y` of any stable version, and there is none.
    """
    home = peers_dir() / name
    wanted = json.dumps({"private": True, "type": "module", "dependencies": dict(packages)}, indent=2) + "\n"
    if not _is_installed(home, wanted):
        home.mkdir(parents=True, exist_ok=True)
        (home / "package.json").write_text(wanted)
        _run(["npm", "install", "--no-audit", "--no-fund", "--legacy-peer-deps", "--loglevel=error"], cwd=home)
        _stamp(home, wanted)
    return home


def python_environment(name: str, requirements: Sequence[str]) -> Path:
    """Return a virtual environment with *requirements*, made with the running Python if need be."""
    home = peers_dir() / name
    wanted = "\n".join([sys.version.split()[0], *requirements])
    if not _is_installed(home, wanted):
        _run([sys.executable, "-m", "venv", "--clear", str(home)])
        pip = [str(home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, *requirements])
        _stamp(home, wanted)
    return home


def npm_version(home: Path, package: str) -> str:
    """The version of *package* that is installed in *home*."""
    return str(json.loads((home / "node_modules" / package / "package.json").read_text())["version"])


def _digest(wanted: str) -> str:
    return hashlib.sha256(wanted.encode()).hexdigest()


def _is_installed(home: Path, wanted: str) -> bool:
    stamp = home / _STAMP
    return stamp.exists() and json.loads(stamp.read_text()) == _digest(wanted)


def _stamp(home: Path, wanted: str) -> None:
    (home / _STAMP).write_text(json.dumps(_digest(wanted)))


def _run(command: Sequence[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise InstallFailed(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"{command[0]} took more than {INSTALL_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise InstallFailed(f"{' '.join(command[:3])} failed:\n{done.stdout[-2000:]}")
