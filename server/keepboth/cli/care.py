"""``keepboth verify`` and ``keepboth rebuild``: for whoever looks after the log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from keepboth.api.reading import document_row
from keepboth.cli.terminal import PROBLEM, Data, Json, counted, opened, printable, progress, put_json, reported
from keepboth.errors import KeepBothError
from keepboth.events import check_document_name
from keepboth.history.cuts import prefix
from keepboth.history.folding import plain_folding
from keepboth.history.rendering import render
from keepboth.store.base import DocumentRow, EventStore, Problem

PAGE = 500


@dataclass(slots=True)
class Folded:
    """What folding every document has found."""

    documents: int = 0
    edits: int = 0
    pending: int = 0
    quarantined: int = 0


def verify(as_json: Json = False, data: Data = Path("data")) -> None:
    """Check that the log agrees with its own hashes, and that every document can be folded from it.

    Prints each problem and exits with 1 if there are any. Edits that wait for others and edits that the CRDT cannot
    read are counted: they are no damage.
    """
    with reported(), opened(data) as store:
        problems: list[Problem] = []
        folded = Folded()
        with progress() as bars:
            hashes = bars.add_task("events", total=None)
            for problem in store.verify(lambda done, total: bars.update(hashes, completed=done, total=total)):
                problems.append(problem)
            rows = list(_documents(store))
            folds = bars.add_task("documents", total=len(rows))
            for row in rows:
                problems += _fold(store, row, folded)
                bars.advance(folds)
        if as_json:
            put_json(
                {
                    "ok": not problems,
                    "events": store.head().position,
                    "documents": folded.documents,
                    "edits": folded.edits,
                    "pending": folded.pending,
                    "quarantined": folded.quarantined,
                    "problems": [problem._asdict() for problem in problems],
                }
            )
        else:
            for problem in problems:
                where = f"{problem.document!r} revision {problem.revision}" if problem.document else "the log"
                typer.echo(printable(f"position {problem.position}, {where}: {problem.what}"))
            typer.echo(
                f"{counted(len(problems), 'problem')} in {counted(store.head().position, 'event')}; "
                f"{counted(folded.documents, 'document')} folded from {counted(folded.edits, 'edit')}, "
                f"of which {folded.pending:,} wait for others and {folded.quarantined:,} cannot be read"
            )
        if problems:
            raise typer.Exit(PROBLEM)


def _documents(store: EventStore) -> Iterator[DocumentRow]:
    after = ""
    while page := store.documents(after=after, limit=PAGE):
        yield from page
        after = page[-1].document


def _fold(store: EventStore, row: DocumentRow, folded: Folded) -> Iterator[Problem]:
    """Fold one document and show it; a Problem if that cannot be done."""
    folded.documents += 1
    folded.edits += row.edits
    try:
        rendered = render(plain_folding(store), prefix(store, row.document, row.revision), "json")
    except (KeepBothError, ValueError) as error:
        yield Problem(0, row.document, row.revision, f"the document cannot be folded: {error}")
    else:
        folded.pending += rendered.pending
        folded.quarantined += rendered.quarantined


class Projection(StrEnum):
    """What can be built again from the log."""

    conflicts = "conflicts"


def rebuild(
    projection: Annotated[Projection, typer.Option(help="What to build again.")] = Projection.conflicts,
    document: Annotated[str | None, typer.Option(help="Only this document.")] = None,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Build the conflict log again from the events, beside a running server if there is one.

    Each document's is built apart and put in place at once: whoever reads meanwhile sees the old one or the new one.
    """
    with reported():
        from keepboth.app import rebuild_conflicts

        with opened(data) as store:
            if document is not None:
                document_row(store, check_document_name(document))
        with progress() as bars:
            task = bars.add_task(projection.value, total=None)
            count = rebuild_conflicts(
                data, document, lambda done, total: bars.update(task, completed=done, total=total)
            )
        if as_json:
            put_json({"conflicts": count})
        else:
            typer.echo(f"{counted(count, 'collision')} in the conflict log")
