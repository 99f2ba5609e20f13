"""``keepboth show``: what a document said."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from keepboth.cli.terminal import USAGE, Data, fail, opened, printable, put_bytes, put_json, reported
from keepboth.cli.when import At, cut_of
from keepboth.errors import InvalidRequest
from keepboth.events import check_document_name
from keepboth.history.cuts import Selection, select
from keepboth.history.folding import Folding, plain_folding
from keepboth.history.rendering import Form, Rendered, render


def show(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    at: At = None,
    form: Annotated[
        Form | None,
        typer.Option("--as", help="One root's text, every root as JSON, or a Yjs update (v1)."),
    ] = None,
    root: Annotated[str | None, typer.Option(help="One root; needed for text if there are several.")] = None,
    data: Data = Path("data"),
) -> None:
    """Show a document as it was at a moment: its text if there is one, else JSON."""
    with reported(), opened(data) as store:
        selection = select(store, check_document_name(document), cut_of(at))
        shown_as, rendered = _rendered(plain_folding(store), selection, form, root)
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


def _rendered(folding: Folding, selection: Selection, form: Form | None, root: str | None) -> tuple[str, Rendered]:
    if form is not None:
        return form, render(folding, selection, form, root)
    try:
        return "text", render(folding, selection, "text", root)
    except InvalidRequest:
        return "json", render(folding, selection, "json", root)
