"""``keepboth log``: what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from keepboth.api.reading import document_row, names_of
from keepboth.cli.terminal import Data, Json, console, opened, printable, put_json, reported
from keepboth.cloudevents import cloud_event, rfc3339
from keepboth.errors import KeepBothError
from keepboth.events import EDIT_RECORDED, Event, check_document_name
from keepboth.store.base import EventStore
from keepboth.yjs.structs import DELETED, GC, SKIP, STRING
from keepboth.yjs.update import decode_update

CHUNK = 500


def log(
    document: Annotated[str | None, typer.Argument(help="A document; without it, the whole log.")] = None,
    after: Annotated[int | None, typer.Option(min=0, help="Only after this revision (whole log: position).")] = None,
    until: Annotated[int | None, typer.Option(min=0, help="Only up to this revision (whole log: position).")] = None,
    types: Annotated[list[str] | None, typer.Option(help="Only events of this type (repeat it).")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="Only events of this actor (repeat it).")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many events.")] = 50,
    reverse: Annotated[bool, typer.Option("--reverse", help="The newest first.")] = False,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show recorded events: the newest ones, in the order they were recorded.

    With --after, the first ones behind that place instead, so that a program can go on where it stopped. --json gives
    one CloudEvent a line.
    """
    with reported(), opened(data) as store:
        if document is not None:
            document_row(store, check_document_name(document))
        newest_first = reverse or after is None
        events = _read(store, document, after or 0, until, types or [], actor or [], newest_first, limit)
        if newest_first and not reverse:
            events = iter(list(events)[::-1])
        if as_json:
            for event in events:
                put_json(cloud_event(event, store.store_id))
        else:
            console().print(_table(store, events, one=document is not None))


def _read(
    store: EventStore,
    document: str | None,
    after: int,
    until: int | None,
    types: list[str],
    actors: list[str],
    reverse: bool,
    limit: int,
) -> Iterator[Event]:
    while limit > 0:
        page = store.read(
            document,
            after=after,
            until=until,
            types=types,
            actors=actors,
            reverse=reverse,
            limit=min(CHUNK, limit),
        )
        yield from page
        if len(page) < min(CHUNK, limit):
            return
        limit -= len(page)
        last = page[-1].position if document is None else page[-1].revision
        if reverse:
            until = last - 1
        else:
            after = last


def _table(store: EventStore, events: Iterator[Event], *, one: bool) -> Table:
    """*one*: all are of one document, and revisions say where; else positions and documents do."""
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    table.add_column("rev" if one else "position", justify="right", no_wrap=True)
    table.add_column("recorded (UTC)", no_wrap=True, style="dim")
    if not one:
        table.add_column("document", overflow="ellipsis", no_wrap=True, max_width=30)
    table.add_column("who", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("type", overflow="ellipsis", no_wrap=True, max_width=24)
    table.add_column("what", overflow="ellipsis", no_wrap=True, ratio=1)
    rows = list(events)
    names: dict[str, dict[str, str]] = {}
    for document in {event.document for event in rows}:
        names[document] = names_of(store, document, {event.actor for event in rows if event.document == document})
    for event in rows:
        who = names[event.document].get(event.actor, event.actor)
        cells = [str(event.revision if one else event.position), rfc3339(event.recorded_at)[:-8].replace("T", " ")]
        cells += [printable(who, 40), printable(event.type, 60), gist(event)]
        if not one:
            cells.insert(2, printable(event.document, 60))
        table.add_row(*(Text(cell) for cell in cells))
    return table


def gist(event: Event) -> str:
    """What an event says, in a few words."""
    if event.payload is None:
        return "(erased)"
    try:
        if event.type == EDIT_RECORDED:
            words = _edit(event.payload)
        else:
            words = json.dumps(json.loads(event.payload), ensure_ascii=False)
    except (KeepBothError, ValueError, RecursionError):
        words = f"({event.payload_len} bytes)"
    note = "" if event.disposition == "ready" else f"[{event.disposition}] "
    return printable(note + words, 80)


def _edit(payload: bytes) -> str:
    update = decode_update(payload)
    texts: list[str] = []
    others = 0
    for structs in update.structs.values():
        for struct in structs:
            if struct.kind == STRING:
                texts.append(str(struct.content))
            elif struct.kind not in (GC, DELETED, SKIP):
                others += struct.length
    deleted = sum(length for ranges in update.deletes.values() for _, length in ranges)
    text = "".join(texts)
    parts = [json.dumps(text[:80], ensure_ascii=False)] if text else []
    if others:
        parts.append(f"+{others} items")
    if deleted:
        parts.append(f"−{deleted}")
    return " ".join(parts) or "nothing"
