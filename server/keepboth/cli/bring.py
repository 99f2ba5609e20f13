"""``keepboth import``: an archive, a Yjs update, or the file of another server."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, BinaryIO, cast
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

import typer

from keepboth.cli.terminal import PROBLEM, Data, Json, counted, fail, printable, progress, put_json, reported
from keepboth.errors import InvalidRequest
from keepboth.events import CONTENT_YJS_UPDATE, check_document_name
from keepboth.exchange.foreign import Brought, ForeignUpdate, bring
from keepboth.exchange.lines import is_archive, parts
from keepboth.exchange.restoring import Restored, restore
from keepboth.store.base import EventStore
from keepboth.store.ystore import MAGIC, YStoreFile

TIMEOUT_S = 60
CHECK = "check it with: keepboth verify"


def take_in(
    file: Annotated[Path, typer.Argument(help="What to import; *.gz is unpacked.")],
    document: Annotated[
        str | None, typer.Option(help="A Yjs update: the document it goes into, made if there is none.")
    ] = None,
    actor: Annotated[str, typer.Option(help="Whom a Yjs update is recorded for.")] = "import",
    server: Annotated[
        str | None, typer.Option(help="A Yjs update: address of a running server to send it to, instead of --data.")
    ] = None,
    header: Annotated[
        list[str] | None, typer.Option(help="With --server: a header such as `Authorization: Bearer x` (repeat it).")
    ] = None,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Take in what `keepboth export` wrote, a Yjs update, or the SQLite file of a pycrdt-store. The server must be
    stopped, except with --server.

    What is there already is passed over, so an import can be repeated, and goes on where it was killed. Exits with 1 if
    a document is there with another history: it is left as it is.
    """
    with reported():
        with _reading(file) as source:
            first = source.readline()
            if is_archive(first):
                if document is not None or server is not None:
                    raise InvalidRequest("an archive names its own documents, and goes into --data")
                with _writing(data) as store:
                    _archive(store, _lines(first, source), as_json)
                return
            if first.startswith(MAGIC):
                if document is not None or server is not None:
                    raise InvalidRequest("a pycrdt-store names its own documents, and goes into --data")
                with closing(YStoreFile(file)) as ystore, _writing(data) as store:
                    _ystore(store, ystore, as_json)
                return
            payload = first + source.read()
        if document is None:
            raise InvalidRequest(f"{file} is no archive; a Yjs update needs --document")
        check_document_name(document)
        if server is not None:
            _send(server, document, payload, header or [], as_json)
            return
        with _writing(data) as store:
            from keepboth.app import IdMint

            told = bring(store, document, [ForeignUpdate(payload)], IdMint(), actor=actor, one_author=True)
        _say_brought([told], as_json)


@contextmanager
def _writing(data: Path) -> Iterator[EventStore]:
    from keepboth.app import open_store

    with closing(open_store(data)) as store:
        yield store


# -- archives ----------------------------------------------------------------------------------------------------------


def _archive(store: EventStore, lines: Iterator[bytes], as_json: bool) -> None:
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
        typer.echo(CHECK)
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


# -- Yjs updates -------------------------------------------------------------------------------------------------------


def _ystore(store: EventStore, ystore: YStoreFile, as_json: bool) -> None:
    from keepboth.app import IdMint

    documents = ystore.documents()
    new_id = IdMint()
    told: list[Brought] = []
    with progress() as bars:
        task = bars.add_task("updates", total=sum(count for _, count in documents))
        for path, _ in documents:
            checkpoint = ystore.checkpoint(path)
            told.append(
                bring(
                    store,
                    path,
                    (ForeignUpdate(*update) for update in ystore.updates(path)),
                    new_id,
                    state=None if checkpoint is None else ForeignUpdate(checkpoint),
                    progress=lambda done: bars.advance(task, done),
                )
            )
    _say_brought(told, as_json)


def _say_brought(told: list[Brought], as_json: bool) -> None:
    if as_json:
        put_json({"documents": [{**asdict(one), "document_hash": one.document_hash.hex()} for one in told]})
        return
    for one in told:
        notes = [f"{one.known:,} known already"] if one.known else []
        notes += [f"{one.pending:,} wait for others"] if one.pending else []
        notes += [f"{one.quarantined:,} cannot be read"] if one.quarantined else []
        more = f" ({', '.join(notes)})" if notes else ""
        typer.echo(
            f"{printable(one.document, 100)}: {counted(one.recorded, 'edit')} imported{more}, "
            f"now at revision {one.revision:,}"
        )
    typer.echo(CHECK)


def _send(server: str, document: str, payload: bytes, headers: list[str], as_json: bool) -> None:
    """Let a running server record the update."""
    request = Request(f"{server.rstrip('/')}/api/import?{urlencode({'document': document})}", payload, method="POST")
    request.add_header("Content-Type", CONTENT_YJS_UPDATE)
    for line in headers:
        name, colon, value = line.partition(":")
        if not colon:
            raise InvalidRequest(f"{line!r} is no header such as `Authorization: Bearer x`")
        request.add_header(name.strip(), value.strip())
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=TIMEOUT_S) as answer:
            body: dict[str, Any] = json.load(answer)
    except HTTPError as error:
        raise fail(PROBLEM, _problem(error)) from None
    except (URLError, OSError, ValueError) as error:
        raise fail(PROBLEM, f"{server} does not answer: {error}") from None
    if as_json:
        put_json(body)
        return
    receipts = body["receipts"]
    if body["status"] == "duplicate":
        typer.echo(f"{printable(document, 100)}: all of it is known already")
    else:
        typer.echo(f"{printable(document, 100)}: imported as revision {receipts[-1]['revision']:,}")


def _problem(error: HTTPError) -> str:
    try:
        body = json.loads(error.read())
        return f"{body['code']}: {body['detail']}"
    except (ValueError, KeyError, TypeError):
        return f"the server answered {error.code}"
