"""``keepboth show``: what a document said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from keepboth.api.reading import Rendered, document_row, render
from keepboth.cli.terminal import USAGE, Data, fail, opened, printable, put_bytes, put_json, reported
from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import check_document_name
from keepboth.store.base import EventStore


def show(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    at: Annotated[int | None, typer.Option(min=0, help="A revision; the newest if left out.")] = None,
    form: Annotated[
        Literal["text", "json", "update"] | None,
        typer.Option("--as", help="One root's text, every root as JSON, or a Yjs update (v1)."),
    ] = None,
    root: Annotated[str | None, typer.Option(help="One root; needed for text if there are several.")] = None,
    data: Data = Path("data"),
) -> None:
    """Show a document as it was at a revision: its text if there is one, else JSON."""
    with reported(), opened(data) as store:
        row = document_row(store, check_document_name(document))
        revision = row.revision if at is None else at
        if revision > row.revision:
            raise NotFound(f"the document has {row.revision} revisions, there is no {revision}")
        shown_as, rendered = _rendered(store, document, revision, form, root)
        if shown_as == "json":
            put_json(rendered.value)
        elif shown_as == "update":
            if sys.stdout.isatty():
                raise fail(USAGE, "an update is not for terminals: send it to a file")
            put_bytes(rendered.value)
        else:
            terminal = sys.stdout.isatty()
            text = printable(rendered.value, lines=True) if terminal else rendered.value
            put_bytes(text.encode("utf-8", "replace"))
            if terminal and not text.endswith("\n"):
                put_bytes(b"\n")
        if rendered.pending or rendered.quarantined:
            typer.echo(
                f"keepboth: not shown: {rendered.pending} edits that wait for others, "
                f"{rendered.quarantined} that cannot be read",
                err=True,
            )


def _rendered(
    store: EventStore, document: str, revision: int, form: str | None, root: str | None
) -> tuple[str, Rendered]:
    if form is not None:
        return form, render(store, document, revision, form, root)
    try:
        return "text", render(store, document, revision, "text", root)
    except InvalidRequest:
        return "json", render(store, document, revision, "json", root)
