"""``keepboth whatif``: a document without somebody's work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from keepboth.cli.differences import counted_changes, put_changes
from keepboth.cli.meant import Since, Until, moment_of
from keepboth.cli.terminal import Data, Json, console, counted, opened, printable, put_json, reported
from keepboth.conflicts.rewinding import Change
from keepboth.events import check_document_name
from keepboth.history.cuts import Cut
from keepboth.history.folding import plain_folding
from keepboth.history.going_back import Past
from keepboth.history.whatif import WhatIf, what_if
from keepboth.history.work import Work, ranges_of

SHOWN = 20


def whatif(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    without_actor: Annotated[list[str] | None, typer.Option(help="Leave out this actor's edits. Repeatable.")] = None,
    without_session: Annotated[list[str] | None, typer.Option(help="Leave out this session's. Repeatable.")] = None,
    without_revisions: Annotated[str | None, typer.Option(help="Leave out these, such as 5,9-12.")] = None,
    since: Since = None,
    until: Until = None,
    at: Annotated[int | None, typer.Option(min=0, help="A revision; the newest if left out.")] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the text of edits that build on what is left out.")
    ] = False,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show a document as it would be without some edits, and which edits build on these."""
    with reported(), opened(data) as store:
        work = Work(
            tuple(without_actor or ()),
            tuple(without_session or ()),
            moment_of(since, "since"),
            moment_of(until, "until"),
            ranges_of(without_revisions, "without-revisions"),
        )
        past = Past(store, plain_folding(store))
        found = what_if(past, check_document_name(document), Cut(revision=at), work, "keep" if keep else "strict")
        if as_json:
            put_json(_value(document, found))
            return
        out = console()
        put_changes(out, [change_value(change) for change in found.changes])
        out.print(Text(f"Without {counted(found.edits, 'edit')}: {counted_changes(found.counts._asdict())}."))
        if found.dependants:
            said = "keep their text" if keep else "wait"
            out.print(Text(f"{counted(len(found.dependants), 'edit')} of others build on these and {said}:"))
            for one in found.dependants[:SHOWN]:
                builds_on = ", ".join(map(str, one.builds_on[:SHOWN]))
                out.print(Text(f"  {one.revision} by {printable(one.actor, 60)}, on {builds_on}"))
            if len(found.dependants) > SHOWN:
                out.print(Text(f"  and {counted(len(found.dependants) - SHOWN, 'other')}"))


def _value(document: str, found: WhatIf) -> dict[str, object]:
    return {
        "document": document,
        "revision": found.selection.revision,
        "cut": found.selection.token,
        "mode": found.mode,
        "left_out": found.left_out,
        "edits": found.edits,
        "dependants": [one._asdict() for one in found.dependants],
        "changes": [change_value(change) for change in found.changes],
        "counts": found.counts._asdict(),
        "roots": found.roots,
    }


def change_value(change: Change) -> dict[str, object]:
    """A change as the API gives it."""
    return {
        "root": change.root,
        "path": [step._asdict() for step in change.path],
        "parts": [part._asdict() for part in change.parts],
    }
