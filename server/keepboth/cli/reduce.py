"""``keepboth reduce``: questions asked of the log as functions over its events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table
from rich.text import Text

from keepboth.api.reading import names_of
from keepboth.cli.terminal import PROBLEM, Data, Json, console, counted, opened, printable, progress, put_json, reported
from keepboth.cli.when import At, cut_of
from keepboth.errors import NotFound
from keepboth.events import check_document_name
from keepboth.reducers.loading import SHIPPED, installed, load
from keepboth.reducers.running import Parked, Result, Run
from keepboth.reducers.scope import scope_of
from keepboth.store.base import EventStore

WHO: Final = ("author", "actor")


def reduce(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Reducers: shipped or installed ones, package.module:name, file.py:name. None: list them."),
    ] = None,
    document: Annotated[
        list[str] | None, typer.Option("--document", "-d", help="Only this document (repeat it for several).")
    ] = None,
    at: At = None,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Run reducers over a document, several, or the whole log, at any cut, in one pass.

    Exit code 1 if one raised: its traceback says where. A reducer from a file is code that runs here.
    """
    with reported():
        if not names:
            _list(as_json)
            return
        reducers = [load(name) for name in names]
        moment = cut_of(at)
        with opened(data) as store:
            for name in document or ():
                if store.document(check_document_name(name)) is None:
                    raise NotFound(f"there is no document {name!r}", document=name)
            scope = scope_of(store, document or None, moment)
            with progress() as bar:
                task = bar.add_task("reading the log", total=None)
                results = Run(store, reducers).to(
                    scope, lambda done, total: bar.update(task, completed=done, total=total)
                )
            for result in results:
                if as_json:
                    put_json(result.to_json())
                else:
                    _show(result, partial(_named, store, document or ()))
        if any(result.parked for result in results):
            raise typer.Exit(PROBLEM)


def _list(as_json: bool) -> None:
    rows = [
        {"name": name, "from": "keepboth", "about": (load(name).step.__doc__ or "").strip().replace("\n    ", " ")}
        for name in sorted(SHIPPED)
    ]
    rows += [{"name": name, "from": value, "about": ""} for name, value in sorted(installed().items())]
    if as_json:
        for row in rows:
            put_json(row)
    else:
        console().print(_rows_table(rows))


def _named(store: EventStore, documents: Sequence[str], value: Any) -> Any:
    """*value*, with the names of people instead of their ids where its rows say who."""
    actors = {row[key] for rows in _tables(value) for row in rows for key in WHO if isinstance(row.get(key), str)}
    names: dict[str, str] = {}
    for document in documents:
        names |= names_of(store, document, actors)

    def named(one: Any) -> Any:
        if not _is_rows(one):
            return one
        return [{key: names.get(cell, cell) if key in WHO else cell for key, cell in row.items()} for row in one]

    return {key: named(one) for key, one in value.items()} if isinstance(value, dict) else named(value)


def _tables(value: Any) -> list[list[dict[str, Any]]]:
    return [one for one in (value.values() if isinstance(value, dict) else [value]) if _is_rows(one)]


def _show(result: Result, named: Callable[[Any], Any]) -> None:
    out = console()
    where = "the whole log" if result.documents is None else ", ".join(printable(d, 60) for d in result.documents)
    place = "revision" if result.documents is not None and len(result.documents) == 1 else "position"
    out.print(
        Text.assemble(
            (f"{result.name} {result.version}", "bold"),
            f" · {where} · {place} {result.until:,} · {counted(result.events, 'event')} · code {result.code}",
        )
    )
    if result.parked is not None:
        _show_parked(result.parked)
        return
    _put(named(result.to_json()["value"]))
    out.print(Text(f"cut {result.cut}", style="dim"))


def _show_parked(parked: Parked) -> None:
    out = console()
    where = "at the end" if parked.revision is None else f"at revision {parked.revision} of {parked.document!r}"
    out.print(Text(printable(f"stopped {where}: {parked.error}"), style="bold red"))
    out.print(Text(printable(parked.traceback, lines=True), style="red"))


def _put(value: Any) -> None:
    out = console()
    if isinstance(value, dict):
        plain = {key: one for key, one in value.items() if not _is_rows(one)}
        if plain:
            table = Table(box=None, pad_edge=False, show_header=False)
            table.add_column(no_wrap=True, style="bold")
            table.add_column(overflow="ellipsis")
            for key, one in plain.items():
                table.add_row(Text(printable(key, 60)), Text(_cell(one, 1000)))
            out.print(table)
        for key, one in value.items():
            if _is_rows(one):
                out.print(Text(printable(key, 60), style="bold"))
                out.print(_rows_table(one))
    elif _is_rows(value):
        out.print(_rows_table(value))
    else:
        out.print(Text(_cell(value, 10_000)))


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, dict) for row in value)


def _rows_table(rows: Sequence[dict[str, Any]]) -> Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        numbers = all(isinstance(row.get(name), int | float | None) for row in rows)
        table.add_column(Text(printable(name, 60)), justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(row.get(name), 200)) for name in names))
    return table


def _cell(value: Any, limit: int) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool | str):
        return printable(str(value), limit)
    if isinstance(value, int | float):
        return f"{value:,}"
    if isinstance(value, dict):
        return printable(", ".join(f"{key}: {_cell(one, limit)}" for key, one in value.items()), limit)
    if isinstance(value, list):
        return printable(", ".join(_cell(one, limit) for one in value), limit)
    return printable(str(value), limit)
