"""Events and conflicts in the words that people use, as things rich can print."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import pycrdt
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

ROOT = "text"


class Line(NamedTuple):
    """One event for people."""

    revision: int
    when: datetime
    who: str
    what: str
    away: bool


def tell(events: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> list[Line]:
    """Every event in words, by folding the document once more and comparing before with after."""
    doc: pycrdt.Doc[Any] = pycrdt.Doc()
    text = doc.get(ROOT, type=pycrdt.Text)
    out: list[Line] = []
    for event in events:
        kind = event["type"].removeprefix("dev.keepboth.").removesuffix(".v1")
        away = False
        if kind == "edit.recorded":
            before = str(text)
            doc.apply_update(b64decode(event["data_base64"]))
            what = difference(before, str(text))
            away = "correlationid" in event
        else:
            what = {"document.created": "opened a new document", "session.joined": "came in"}.get(kind, kind)
        who = names.get(event["authid"], "somebody")
        out.append(Line(event["docrevision"], datetime.fromisoformat(event["time"]), who, what, away))
    return out


def difference(before: str, after: str) -> str:
    """What one edit did to a text, in words."""
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    gone, come = before[start : len(before) - end], after[start : len(after) - end]
    if gone and come:
        return f"replaced {_short(gone)} by {_short(come)}"
    if come:
        return f"wrote {_short(come)}"
    return f"deleted {_short(gone)}" if gone else "changed nothing that can be seen"


def _short(text: str, limit: int = 46) -> str:
    text = text.replace("\n", "⏎")
    return f"“{text}”" if len(text) <= limit else f"“{text[: limit - 1]}…”"


def names_in(events: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What people call themselves, by actor."""
    out: dict[str, str] = {}
    for event in events:
        data = event.get("data")
        if event["type"].startswith("dev.keepboth.session.joined") and isinstance(data, dict) and data.get("name"):
            out[event["authid"]] = data["name"]
    return out


def history(lines: Sequence[Line], styles: Mapping[str, str]) -> Table:
    """The events as a table."""
    table = Table(title="Every edit is kept", title_justify="left", box=None, header_style="bold", pad_edge=False)
    table.add_column("", justify="right", style="dim")
    table.add_column("when", style="dim")
    table.add_column("who")
    table.add_column("what")
    for line in lines:
        when = f"{line.when.astimezone():%H:%M:%S}.{line.when.microsecond // 1000:03}"
        what = Text(line.what)
        if line.away:
            what.append("  (written offline)", style="dim italic")
        table.add_row(str(line.revision), when, Text(line.who, style=styles.get(line.who, "")), what)
    return table


def person(version: Mapping[str, Any]) -> str:
    """Who wrote one version."""
    return str(version.get("name") or "Somebody")


def sentence(conflict: Mapping[str, Any]) -> str:
    """What happened, in one sentence."""
    people = _join([person(version) for version in conflict["sides"]])
    both = "both " if len(conflict["sides"]) == 2 else ""
    kept = f"{'Both' if both else 'All'} versions are in the text"
    kept += ", and their letters are mixed." if conflict["interleaved"] else "."
    if conflict["base"].strip():
        return f"{people} {both}rewrote {_short(conflict['base'])}. {kept}"
    return f"{people} {both}wrote in the same place. {kept}"


def card(conflict: Mapping[str, Any], document: str, styles: Mapping[str, str]) -> Panel:
    """One entry of the conflict log as people should see it."""
    here, versions = conflict["merged"], conflict["sides"]
    parts: list[RenderableType] = [Text(sentence(conflict), style="bold"), Text()]
    parts += [_heading("In the document now"), _around(conflict, here, "bold yellow"), Text()]
    parts.append(_heading("What each person wrote"))
    for version in versions:
        who = person(version)
        line = Text(f"{who}: ", style=styles.get(who, "bold"))
        parts.append(line.append_text(_around(conflict, version["text"], styles.get(who, "bold"))))
    lost = missing(conflict, document)
    parts += [Text(), _heading("Not in the document")]
    if lost:
        parts += [Text(f"{who}: {text}", style="red") for who, text in lost]
    else:
        parts.append(Text("Nothing is missing.", style="green"))
    parts += [Text(), _heading("Before"), _around(conflict, conflict["base"], "dim")]
    return Panel(Group(*parts), title=f"{_where(conflict, document)} · open", title_align="left", border_style="yellow")


def missing(conflict: Mapping[str, Any], document: str) -> list[tuple[str, str]]:
    """(who, what) of every version whose text is not in the document as it was written."""
    return [(person(v), v["text"]) for v in conflict["sides"] if v["text"].strip() not in document]


def _heading(text: str) -> Text:
    return Text(text, style="dim")


def _around(conflict: Mapping[str, Any], middle: str, style: str, context: int = 24) -> Text:
    before, after = conflict["before"][-context:], conflict["after"][:context]
    out = Text("…" if len(conflict["before"]) > context else "")
    out.append(before.replace("\n", "⏎"), style="dim").append(middle.replace("\n", "⏎"), style=style)
    out.append(after.replace("\n", "⏎"), style="dim").append("…" if len(conflict["after"]) > context else "")
    return out


def _where(conflict: Mapping[str, Any], document: str) -> str:
    at = document.find(conflict["before"] + conflict["merged"])
    return f"line {document.count(chr(10), 0, at + len(conflict['before'])) + 1}" if at >= 0 else "in the text"


def _join(people: Sequence[str]) -> str:
    return people[0] if len(people) == 1 else f"{', '.join(people[:-1])} and {people[-1]}"
