"""``keepboth export --as rows``: edits as a table for training."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from keepboth.cli.files import replacing, writing
from keepboth.cli.terminal import progress
from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import check_document_name
from keepboth.history.cuts import Cut, Selection, prefix, select
from keepboth.history.parquet import write_parquet
from keepboth.history.rows import Row, RowOptions, rows
from keepboth.store.base import EventStore

PAGE = 500


def export_rows(
    store: EventStore, document: str | None, cut: Cut, options: RowOptions, out: Path | None
) -> dict[str, object]:
    """Write the rows of a document at a cut, or of all documents up to a position; return what was written.

    JSON lines, or Parquet if the file's name says so. Raises SettingsInvalid for Parquet without pyarrow.
    """
    selections, about = _selections(store, document, cut)
    about["labels"] = list(options.columns())[-len(options.after_edits) - len(options.after_s) :]
    parquet = out is not None and out.suffix == ".parquet"
    count = 0
    with progress() as bars:
        task = bars.add_task("documents", total=len(selections))

        def every() -> Iterator[Row]:
            for selection in selections:
                yield from rows(store, selection, options)
                bars.advance(task)

        if out is not None and parquet:
            with replacing(out) as part:
                notes = {"keepboth": json.dumps(about, sort_keys=True)}
                count = write_parquet(part, every(), options.columns(), notes)
        else:
            with writing(out) as file:
                for row in every():
                    file.write(json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
                    count += 1
    size = 0 if out is None else out.stat().st_size
    return {"out": str(out), "rows": count, "bytes": size, **about}


def _selections(store: EventStore, document: str | None, cut: Cut) -> tuple[list[Selection], dict[str, object]]:
    """What is asked about, and how to ask for the same again."""
    if document is not None:
        selection = select(store, check_document_name(document), cut)
        return [selection], {"cut": selection.token, "revision": selection.revision}
    if set(cut.named) - {"position"}:
        raise InvalidRequest("all documents end at --position, the other moments are a document's")
    head = store.head()
    position = head.position if cut.position is None else cut.position
    if position > head.position:
        raise NotFound(f"the log ends at position {head.position}", position=head.position)
    found: list[Selection] = []
    after = ""
    while page := store.documents(after=after, limit=PAGE):
        for row in page:
            revision = store.revision_at(row.document, position)
            if revision:
                found.append(prefix(store, row.document, revision))
        after = page[-1].document
    return found, {"position": position, "documents": len(found)}
