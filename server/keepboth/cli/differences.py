"""What changes in a document, as a terminal shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from keepboth.cli.terminal import counted, printable

STYLES = {"kept": "", "inserted": "bold green", "deleted": "red strike"}
SIGNS = {"kept": ("", ""), "inserted": ("{+", "+}"), "deleted": ("[-", "-]")}
"""Where there is no colour."""


def put_changes(console: Console, changes: Iterable[dict[str, Any]]) -> None:
    """Show changes, given as the API gives them: a line that says where, then the text."""
    for change in changes:
        console.print(Text(_where(change), style="bold cyan"))
        line = Text("  ")
        for part in change["parts"]:
            before, after = SIGNS[part["how"]] if console.color_system is None else ("", "")
            text = printable(part["text"], lines=True).replace("\n", "\n  ")
            line.append(before + text + after, style=STYLES[part["how"]])
        console.print(line)


def counted_changes(counts: dict[str, int]) -> str:
    """How much comes and goes, in words."""
    said = f"{counted(counts['inserted'], 'character')} put in, {counted(counts['deleted'], 'character')} taken out"
    for name, noun in (("keys", "key"), ("formats", "format")):
        if counts[name]:
            said += f", {counted(counts[name], noun)} changed"
    return said


def _where(change: dict[str, Any]) -> str:
    steps = [str(step["at"]) if step["name"] is None else f"{step['at']} <{step['name']}>" for step in change["path"]]
    return printable(" / ".join(steps), 200)
