"""``keepboth whatif``: a document without somebody's work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from keepboth.api.whatif import WhatIfBody, whatif_body
from keepboth.cli.painting import counts_text, places_text
from keepboth.cli.terminal import Data, Json, console, counted, opened, printable, progress, put_json, reported
from keepboth.cli.when import At, Since, Until, cut_of, work_of
from keepboth.events import check_document_name
from keepboth.history.cuts import select
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.history.whatif import what_if

SHOWN = 20


def whatif(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    without_actor: Annotated[list[str] | None, typer.Option(help="Leave out this actor's edits. Repeatable.")] = None,
    without_session: Annotated[list[str] | None, typer.Option(help="Leave out this session's. Repeatable.")] = None,
    without_revisions: Annotated[str | None, typer.Option(help="Leave out these, such as 5,9-12.")] = None,
    since: Since = None,
    until: Until = None,
    at: At = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the text of edits that build on what is left out.")
    ] = False,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show what a document would lack without some edits, and which edits build on these."""
    with reported(), opened(data) as store:
        work = work_of(without_actor or (), without_session or (), since, until, without_revisions)
        past = Past(store, plain_folding(store), Lineages(store))
        cut = cut_of(at)
        target = select(store, check_document_name(document), cut).revision
        with progress() as bar:
            task = bar.add_task("reading", total=target)
            past.apart(document, target, lambda done: bar.update(task, completed=done))
        found = whatif_body(document, what_if(past, document, cut, work, "keep" if keep else "strict"))
        if as_json:
            put_json(found.model_dump())
        else:
            _put(console(), found)


def _put(out: Console, found: WhatIfBody) -> None:
    for line in places_text(found.changes, coloured=out.is_terminal):
        out.print(line, soft_wrap=True)
    out.print(f"Without {counted(found.edits, 'edit')}: {counts_text(found.counts)}.")
    if not found.dependants:
        return
    said = "keep their text" if found.mode == "keep" else "wait"
    out.print(f"{counted(found.depending, 'edit')} of others build on these and {said}:")
    for one in found.dependants[:SHOWN]:
        builds_on = ", ".join(map(str, one.builds_on[:SHOWN]))
        out.print(f"  {one.revision} by {printable(one.actor, 60)}, on {builds_on}")
    if found.depending > SHOWN:
        out.print(f"  and {counted(found.depending - SHOWN, 'other')}")
