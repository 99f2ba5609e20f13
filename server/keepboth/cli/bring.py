"""``keepboth import``: an archive, a Yjs update, or the file of another server."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, cast

import typer

from keepboth.api.archive import is_archive, parts
from keepboth.cli.terminal import PROBLEM, Data, Json, counted, printable, progress, put_json, reported
from keepboth.errors import InvalidRequest
from keepboth.exchange.restoring import Restored, restore
from keepboth.store.base import EventStore


def bring(
    file: Annotated[Path, typer.Argument(help="What to import; *.gz is unpacked.")],
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Take in what `keepboth export` wrote. The server must be stopped.

    What is there already is passed over, so an import can be repeated, and goes on where it was killed. Exits with 1 if
    a document is there with another history: it is left as it is.
    """
    from keepboth.app import open_store

    with reported(), _reading(file) as source:
        first = source.readline()
        if not is_archive(first):
            raise InvalidRequest(f"{file} is nothing that can be imported")
        store = open_store(data)
        try:
            _take_archive(store, _lines(first, source), as_json)
        finally:
            store.close()


def _take_archive(store: EventStore, lines: Iterator[bytes], as_json: bool) -> None:
    with progress() as bars:
        task = bars.add_task("events", total=None)
        result = restore(store, parts(lines), lambda done, total: bars.update(task, completed=done, total=total))
    if as_json:
        put_json(_summary(result))
    else:
        for clash in result.clashes:
            typer.echo(printable(f"{clash.document!r} is left as it is from revision {clash.revision}: {clash.what}"))
        typer.echo(
            f"{counted(result.appended, 'event')} imported, {result.known:,} there already, "
            f"{result.left_out:,} left out"
        )
        if result.same_head:
            typer.echo(f"the log ends with the archive's own hash, {result.head.commit_hash.hex()}")
        typer.echo("check it with: keepboth verify")
    if result.clashes:
        raise typer.Exit(PROBLEM)


def _summary(result: Restored) -> dict[str, object]:
    return {
        "events": result.events,
        "imported": result.appended,
        "known": result.known,
        "left_out": result.left_out,
        "clashes": [clash._asdict() for clash in result.clashes],
        "position": result.head.position,
        "hash": result.head.commit_hash.hex(),
        "same_head": result.same_head,
    }


@contextmanager
def _reading(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed:
                with gzip.open(file) as unpacked:
                    yield cast(BinaryIO, unpacked)
            else:
                yield file
    except (OSError, EOFError) as error:
        raise InvalidRequest(f"{path} cannot be read: {error}") from error


def _lines(first: bytes, source: BinaryIO) -> Iterator[bytes]:
    yield first
    yield from source
