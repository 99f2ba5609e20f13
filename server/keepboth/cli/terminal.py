"""What every command needs: opening the log, printing to terminals and to pipes, exit codes.

Text from the log was written by anybody. Nothing of it reaches a terminal as a control sequence.
"""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from keepboth.errors import ConditionFailed, InvalidRequest, KeepBothError, MalformedUpdate, NotFound
from keepboth.store.base import EventStore
from keepboth.store.conflict_log import ConflictStore

PROBLEM: Final = 1
USAGE: Final = 2
CANNOT_OPEN: Final = 3

Data = Annotated[
    Path, typer.Option("--data", envvar="KEEPBOTH_DATA", help="The folder that holds the log and its projections.")
]
Json = Annotated[bool, typer.Option("--json", help="For programs: JSON instead of tables.")]


def fail(code: int, message: str) -> typer.Exit:
    """Say *message* on stderr; return what to raise."""
    typer.echo(f"keepboth: {printable(message)}", err=True)
    return typer.Exit(code)


@contextmanager
def reported() -> Iterator[None]:
    """Turn our errors into a line and an exit code; a reader that has gone away (``| head``) is no error."""
    try:
        yield
        sys.stdout.flush()
    except KeepBothError as error:
        code = CANNOT_OPEN
        if isinstance(error, InvalidRequest | MalformedUpdate):
            code = USAGE
        elif isinstance(error, NotFound | ConditionFailed):
            code = PROBLEM
        facts = error.facts.get("roots")
        more = f" ({', '.join(map(repr, facts))})" if facts else ""
        raise fail(code, f"{error.code}: {error.detail}{more}") from None
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


@contextmanager
def opened(data: Path) -> Iterator[EventStore]:
    """The log in *data*, for reading, beside a running server if there is one."""
    from keepboth.app import LOG_FILE, open_store

    if not (data / LOG_FILE).exists():
        raise fail(CANNOT_OPEN, f"there is no log in {data}")
    store = open_store(data, read_only=True)
    try:
        yield store
    finally:
        store.close()


@contextmanager
def opened_conflicts(data: Path) -> Iterator[ConflictStore]:
    """The conflict log in *data*."""
    from keepboth.app import open_conflicts

    try:
        store = open_conflicts(data, read_only=True)
    except NotFound:
        raise fail(CANNOT_OPEN, f"there is no conflict log in {data} yet: `keepboth rebuild` makes it") from None
    try:
        yield store
    finally:
        store.close()


# -- output ----------------------------------------------------------------------------------------------------------

_DIRECTIONS: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def printable(text: str, limit: int | None = None, *, lines: bool = False) -> str:
    """*text* with every control character made visible; with *lines*, line ends and tabs stay.

    At most *limit* characters, with an ellipsis if that cuts something off.
    """
    if limit is not None and len(text) > limit:
        text = text[: limit - 1] + "…"
    return "".join(_shown(char, lines) for char in text)


def _shown(char: str, lines: bool) -> str:
    if lines and char in "\n\t":
        return char
    if char < " ":
        return "↵" if char == "\n" else chr(0x2400 + ord(char))
    if char == "\x7f":
        return "␡"
    if char in _DIRECTIONS or unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
        return "\ufffd"
    return char


def counted(number: int, noun: str) -> str:
    """``no edits``, ``1 edit``, ``1,204 edits``."""
    amount = f"{number:,}" if number else "no"
    return f"{amount} {noun}" if number == 1 else f"{amount} {noun}s"


def put_bytes(data: bytes) -> None:
    """Write *data* to stdout as it is."""
    typer.echo(data, nl=False)


def put_json(value: Any) -> None:
    """One line of JSON; always UTF-8."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    put_bytes(text.encode("utf-8", "replace") + b"\n")


def console() -> Console:
    """Where tables go. A pipe gets lines of 160 columns, whatever the terminal was."""
    width = None if sys.stdout.isatty() or "COLUMNS" in os.environ else 160
    return Console(width=width, highlight=False, markup=False, emoji=False)


def progress() -> Progress:
    """A progress bar on stderr; nothing if that is not a terminal."""
    error_console = Console(stderr=True)
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=error_console,
        transient=True,
        disable=not error_console.is_terminal,
    )
