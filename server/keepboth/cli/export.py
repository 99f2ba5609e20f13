"""``keepboth export``: a whole log, a document's stream, or what a document said."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from keepboth.cli.files import writing
from keepboth.cli.rows import export_rows
from keepboth.cli.terminal import USAGE, Data, Json, counted, fail, opened, progress, put_json, reported
from keepboth.cli.when import At, cut_of
from keepboth.errors import InvalidRequest
from keepboth.events import check_document_name
from keepboth.exchange.archive import Part, archive, header_of
from keepboth.exchange.lines import lines
from keepboth.history.cuts import NOW, Cut, select
from keepboth.history.folding import plain_folding
from keepboth.history.rendering import render
from keepboth.history.rows import SPLIT_SALT, RowOptions
from keepboth.store.base import EventStore, WholeEvent

_ROWS = "Rows"

Format = Literal["ndjson", "update", "text", "json", "rows"]


def export(
    document: Annotated[str | None, typer.Argument(help="A document; without it, the whole log.")] = None,
    form: Annotated[
        Format,
        typer.Option(
            "--as",
            "--format",
            help="ndjson: events with all their hashes. rows: edits for training. The others: what one document says.",
        ),
    ] = "ndjson",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; standard output if left out. *.gz is compressed.")
    ] = None,
    after: Annotated[
        int, typer.Option(min=0, help="ndjson: only what came after this position (of a document: revision).")
    ] = 0,
    root: Annotated[
        str | None, typer.Option(help="text, json: one root; needed for text if there are several.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            envvar="KEEPBOTH_ROWS_KEY",
            help="What pseudonyms are made with; a random one, kept nowhere, if left out.",
            rich_help_panel=_ROWS,
        ),
    ] = None,
    reach: Annotated[
        int, typer.Option(min=0, max=100_000, help="UTF-16 units of text around a change.", rich_help_panel=_ROWS)
    ] = 200,
    after_edits: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Label: alive after so many edits (repeat it).", rich_help_panel=_ROWS),
    ] = None,
    after_seconds: Annotated[
        list[int] | None, typer.Option(min=1, help="Label: alive after so many seconds.", rich_help_panel=_ROWS)
    ] = None,
    burst: Annotated[
        float, typer.Option(min=0, help="Keystrokes at most so many seconds apart are one row.", rich_help_panel=_ROWS)
    ] = 0.0,
    split_salt: Annotated[
        str, typer.Option(help="Which documents are for training, validation, test.", rich_help_panel=_ROWS)
    ] = SPLIT_SALT,
    at: At = None,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Write a log, a stream or a document to a file, beside a running server if there is one.

    An archive (ndjson) holds every event with everything its hash is made of: `keepboth import` makes the same log of
    it, and `keepboth verify` proves that. With --out, --json sums up what was written.
    """
    with reported():
        if as_json and out is None:
            raise InvalidRequest("--json sums up a file: name it with --out")
        cut = cut_of(at)
        with opened(data) as store:
            if form == "rows":
                options = RowOptions(
                    key.encode() if key is not None else secrets.token_bytes(32),
                    reach,
                    tuple(after_edits or (10, 100)),
                    tuple(after_seconds or (60, 3600)),
                    burst,
                    split_salt,
                )
                told = export_rows(store, document, cut, options, out)
            elif form == "ndjson":
                told = _archive(store, document, cut, after, out)
            else:
                told = _state(store, document, cut, form, root, out)
        if as_json:
            put_json(told)
        elif out is not None:
            noun = "event" if "events" in told else "row"
            amount = f"{counted(cast(int, told[f'{noun}s']), noun)}, " if f"{noun}s" in told else ""
            typer.echo(f"{out}: {amount}{cast(int, told['bytes']):,} bytes", err=True)


def _archive(store: EventStore, document: str | None, cut: Cut, after: int, out: Path | None) -> dict[str, object]:
    until = _until(store, document, cut)
    header = header_of(store, document, after=after, until=until)
    with writing(out) as file, progress() as bars:
        task = bars.add_task("events", total=header.until - header.after)

        def counted_parts() -> Iterator[Part]:
            for part in archive(store, header):
                if isinstance(part, WholeEvent):
                    bars.advance(task)
                yield part

        size = 0
        for line in lines(counted_parts()):
            file.write(line)
            size += len(line)
    return {
        "out": str(out),
        "document": document,
        "after": header.after,
        "until": header.until,
        "events": header.until - header.after,
        "bytes": size,
        "hash": header.digest.hex(),
    }


def _until(store: EventStore, document: str | None, cut: Cut) -> int | None:
    if document is None:
        if set(cut.named) - {"position"}:
            raise InvalidRequest(
                "a whole log ends at a place in it (--at position:N), the other moments are a document's"
            )
        return cut.position
    selection = select(store, check_document_name(document), cut)
    if not selection.is_prefix:
        raise InvalidRequest("this moment leaves out earlier events: a stream has no gaps")
    return None if cut == NOW else selection.revision


def _state(
    store: EventStore, document: str | None, cut: Cut, form: Format, root: str | None, out: Path | None
) -> dict[str, object]:
    assert form in ("update", "text", "json")
    if document is None:
        raise InvalidRequest(f"--as {form} needs the name of a document")
    selection = select(store, check_document_name(document), cut)
    rendered = render(plain_folding(store), selection, form, root)
    if form == "update":
        if out is None and sys.stdout.isatty():
            raise fail(USAGE, "an update is not for terminals: use --out")
        value = cast(bytes, rendered.value)
    elif form == "text":
        value = rendered.value.encode("utf-8", "replace")
    else:
        value = _json_bytes(rendered.value)
    with writing(out) as file:
        file.write(value)
    if rendered.pending or rendered.quarantined:
        typer.echo(
            f"keepboth: not in it: {rendered.pending} edits that wait for others, "
            f"{rendered.quarantined} that cannot be read",
            err=True,
        )
    return {
        "out": str(out),
        "document": document,
        "revision": selection.revision,
        "cut": selection.token,
        "hash": selection.document_hash.hex(),
        "bytes": len(value),
        "pending": rendered.pending,
        "quarantined": rendered.quarantined,
    }


def _json_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
