"""``keepboth conflicts``: where edits collided, as cards."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keepboth.api.reading import document_row, known_from_projection, names_of
from keepboth.cli.terminal import Data, Json, console, counted, opened, opened_conflicts, printable, put_json, reported
from keepboth.events import check_document_name
from keepboth.store.base import ConflictStore, DocumentRow, EventStore, StoredEpisode

PAGE = 200
MAX_TEXT = 2000
MAX_AROUND = 60


def conflicts(
    document: Annotated[str | None, typer.Argument(help="A document; without it, all of them.")] = None,
    certain: Annotated[
        bool | None, typer.Option("--certain/--possible", help="Only certain, or only possible collisions.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show where concurrent edits met: what it said before, what each person wrote, what it says after the merge.

    --json gives one entry a line, with the names that people gave. Reads what the server has stored; a note on stderr
    says if that does not reach the end of the log.
    """
    with reported(), opened(data) as store, opened_conflicts(data) as known:
        rows = _rows(store, document)
        shown = 0
        for episode in _read(known, document, certain, limit):
            names = names_of(store, episode.document, episode.actors)
            if as_json:
                put_json(_named(episode, names))
            else:
                console().print(_card(_named(episode, names)))
            shown += 1
        behind = [row for row in rows if not known_from_projection(store, known, row)[1]]
        if behind:
            first = printable(behind[0].document, 60)
            typer.echo(
                f"keepboth: not everything is known yet: the newest edits of {counted(len(behind), 'document')} "
                f"(first: {first}) have not been looked at. A running server does so when asked; "
                "without one, `keepboth rebuild` does",
                err=True,
            )
        elif not shown and not as_json:
            edits = sum(row.edits for row in rows)
            console().print(f"No collisions in {counted(edits, 'edit')}." if certain is None else "None of that sort.")


def _rows(store: EventStore, document: str | None) -> list[DocumentRow]:
    if document is not None:
        return [document_row(store, check_document_name(document))]
    rows: list[DocumentRow] = []
    while page := store.documents(after=rows[-1].document if rows else "", limit=PAGE):
        rows += page
    return rows


def _read(known: ConflictStore, document: str | None, certain: bool | None, limit: int) -> Iterator[StoredEpisode]:
    after = ""
    while limit > 0 and (page := known.list(document, after=after, limit=min(PAGE, limit), certain=certain)):
        yield from page
        limit -= len(page)
        after = page[-1].id


def _named(episode: StoredEpisode, names: dict[str, str]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(episode.body)
    for side in body["sides"]:
        side["name"] = names.get(side["actor"])
    return {**body, "document": episode.document}


def _card(body: dict[str, Any]) -> Group:
    first, last = body["first_revision"], body["last_revision"]
    heading = Text(printable(body["document"], 80), style="bold")
    heading.append(f"  revisions {first}–{last}  ", style="dim")
    heading.append("collided" if body["certain"] else "may have collided", style="red" if body["certain"] else "yellow")
    heading.append(f"  {', '.join(body['kinds'])}", style="dim")
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", style="dim", no_wrap=True, max_width=40)
    lines.add_column(overflow="fold")
    lines.add_row(Text("before"), _text(body["base"]))
    for writers, written in _sides(body["sides"]):
        lines.add_row(Text(f"{writers} wrote"), _text(written))
    now = Text("…" + printable(body["before"][-MAX_AROUND:]) if body["before"] else "", style="dim")
    now.append_text(_text(body["merged"]))
    now.append(printable(body["after"][:MAX_AROUND]) + "…" if body["after"] else "", style="dim")
    lines.add_row(Text("after"), now)
    lines.add_row(Text("id"), Text(printable(body["id"]), style="dim"))
    return Group(heading, Padding(lines, (0, 0, 1, 2)))


def _sides(sides: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Equal versions are joined: "Ann and Cleo"."""
    by_text: dict[str, list[str]] = {}
    for side in sides:
        by_text.setdefault(side["text"], []).append(printable(side["name"] or side["actor"], 30))
    for text, writers in by_text.items():
        yield " and ".join([", ".join(writers[:-1]), writers[-1]] if len(writers) > 1 else writers), text


def _text(text: str) -> Text:
    if not text:
        return Text("(nothing)", style="dim italic")
    return Text(printable(text, MAX_TEXT), style="bold")
