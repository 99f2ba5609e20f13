"""``keepboth blame``, ``history``, ``diff``, ``deletions`` and ``version``: the past of a document."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.table import Table
from rich.text import Text

import keepboth.api.history_models as shapes
from keepboth.api.documents import canonical_json
from keepboth.api.reading import names_of
from keepboth.cli.painting import BlameLine, Palette, blame_lines, change_text, where
from keepboth.cli.terminal import Data, Json, console, counted, opened, printable, progress, put_json, reported
from keepboth.cli.when import MOMENTS, At, cut_of, time_of
from keepboth.cloudevents import rfc3339
from keepboth.decider.versions import name_version
from keepboth.errors import NotFound
from keepboth.events import Draft, check_document_name
from keepboth.history.cuts import Selection, select
from keepboth.history.folding import plain_folding
from keepboth.history.lineage import Lineages
from keepboth.history.past import Past
from keepboth.store.base import Append, EventStore, Refused

Document = Annotated[str, typer.Argument(help="The document's name.")]
Gap = Annotated[float, typer.Option(min=0, help="A pause of more seconds begins a new entry.")]

MAX_WHAT = 2000


class _Asked:
    """An open log, a document and a moment of it."""

    def __init__(self, store: EventStore, document: str, at: str | None) -> None:
        self.store = store
        self.document = check_document_name(document)
        self.past = Past(store, plain_folding(store), Lineages(store))
        self.selection = select(store, self.document, cut_of(at))

    def read(self, selection: Selection | None = None) -> None:
        """Read the document's log, with a progress bar."""
        target = selection or self.selection
        with progress() as bar:
            task = bar.add_task("reading", total=target.revision)
            self.past.lineage(target, lambda done: bar.update(task, completed=done))

    def put(self, **answer: Any) -> None:
        """The answer for programs, with the cut that it is about."""
        put_json(
            {"document": self.document, "revision": self.selection.revision, "cut": self.selection.token, **answer}
        )

    def names(self, actors: set[str]) -> dict[str, str]:
        return names_of(self.store, self.document, actors)


@contextmanager
def _asked(data: Path, document: str, at: str | None) -> Iterator[_Asked]:
    with reported(), opened(data) as store:
        yield _Asked(store, document, at)


def blame(
    document: Document,
    at: At = None,
    root: Annotated[str | None, typer.Option(help="Only this root.")] = None,
    by: Annotated[
        str, typer.Option(help="For --json: `actor` joins neighbouring text of one actor, `event` does not.")
    ] = "actor",
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show who brought what a document says: each line of text with its last author and time, coloured by author."""
    with _asked(data, document, at) as asked:
        asked.read()
        how: Literal["actor", "event"] = "event" if by == "event" else "actor"
        spans = asked.past.blame(asked.selection, root=root, by=how)
        if as_json:
            asked.put(spans=[shapes.blame_span(span).model_dump() for span in spans])
            return
        palette = Palette(asked.names({span.actor for span in spans}))
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("rev", justify="right", no_wrap=True, style="dim")
        table.add_column("authored (UTC)", no_wrap=True, style="dim")
        table.add_column("author", no_wrap=True, overflow="ellipsis", max_width=24)
        table.add_column("where", no_wrap=True, overflow="ellipsis", max_width=40, style="dim")
        table.add_column("what", overflow="fold", ratio=1)
        for line in blame_lines(spans, palette):
            table.add_row(*_blame_row(line, palette))
        console().print(table)


def _blame_row(line: BlameLine, palette: Palette) -> list[Text]:
    if line.actor is None:
        return [Text(), Text(), Text(), Text(line.where), line.what]
    time = rfc3339(line.at)[:16].replace("T", " ")
    return [Text(str(line.revision)), Text(time), palette.name(line.actor), Text(printable(line.where, 80)), line.what]


def deletions(
    document: Document,
    at: At = None,
    by: Annotated[str | None, typer.Option(help="Who deleted: an actor.")] = None,
    since: Annotated[str | None, typer.Option(help="Deleted then or later, RFC 3339.")] = None,
    until: Annotated[str | None, typer.Option(help="Deleted before then, RFC 3339.")] = None,
    search: Annotated[str, typer.Option(help="Text that occurs in what was deleted.")] = "",
    others: Annotated[bool, typer.Option("--others", help="Leave out what its own author deleted.")] = False,
    gap: Gap = 60,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 50,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show what was deleted from a document: who, when, what it was, and who had written it. The newest first."""
    with _asked(data, document, at) as asked:
        asked.read()
        found = asked.past.deletions(
            asked.selection,
            actor=by,
            since=None if since is None else time_of(since, "since"),
            before=None if until is None else time_of(until, "until"),
            text=search,
            own=not others,
            gap_us=round(gap * 1e6),
        )
        if as_json:
            asked.put(deletions=[shapes.deletion_entry(one).model_dump() for one in found[:limit]], count=len(found))
            return
        palette = Palette(asked.names({actor for one in found[:limit] for actor in (one.actor, *one.authors)}))
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("rev", "deleted (UTC)", "by", "written by", "where", "what it was"):
            table.add_column(heading, overflow="fold", ratio=1 if heading == "what it was" else None)
        for one in found[:limit]:
            authors = Text(", ").join(palette.name(author) for author in one.authors)
            table.add_row(
                Text(str(one.last_revision), style="dim"),
                Text(rfc3339(one.last_at)[:16].replace("T", " "), style="dim"),
                palette.name(one.actor),
                authors,
                Text(printable(where(one.path, one.key), 60), style="dim"),
                Text(printable(one.text, MAX_WHAT), style="red"),
            )
        console().print(table)
        if len(found) > limit:
            typer.echo(f"keepboth: {counted(len(found) - limit, 'more deletion')}: see --limit", err=True)


def history(
    document: Document,
    at: At = None,
    by: Annotated[str | None, typer.Option(help="Only what this actor did.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest", help="The oldest first.")] = False,
    after: Annotated[int | None, typer.Option(min=0, help="Go on from this revision.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many entries.")] = 20,
    places: Annotated[int, typer.Option(min=0, help="Changed places of each entry to show.")] = 3,
    gap: Gap = 60,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show what happened in a document: who did what in one go, with decisions and named versions in between."""
    with _asked(data, document, at) as asked:
        asked.read()
        page = asked.past.history(
            asked.selection,
            gap_us=round(gap * 1e6),
            newest_first=not oldest,
            after=after,
            limit=limit,
            places=places,
            actor=by,
        )
        lineage = asked.past.lineage(asked.selection)
        entries = [told for entry in page.entries if (told := shapes.history_entry(lineage, entry)) is not None]
        if as_json:
            asked.put(entries=[told.model_dump() for told in entries], next=page.next)
            return
        palette = Palette(asked.names({told.actor for told in entries}))
        for told in entries:
            console().print(_heading(told, palette))
            if isinstance(told, shapes.GroupEntry):
                for change in told.changes:
                    _put_change(change, root=False)
                if told.more:
                    console().print(Text(f"    and {counted(told.more, 'more place')}", style="dim"))
        if page.next is not None:
            typer.echo(f"keepboth: there is more: --after {page.next}", err=True)


def _put_change(change: shapes.ChangeEntry, *, root: bool = True) -> None:
    out = console()
    for line in change_text(change, coloured=out.is_terminal, root=root).split("\n"):
        if line:
            out.print(Text("    ") + line, soft_wrap=True)


def _heading(told: shapes.GroupEntry | shapes.EventEntry, palette: Palette) -> Text:
    if isinstance(told, shapes.EventEntry):
        line = Text(f"{told.revision}  {told.recorded_at[:16].replace('T', ' ')}  ", style="dim")
        line.append_text(palette.name(told.actor))
        line.append(f"  {printable(told.type, 60)}", style="bold")
        if told.data and (words := _short(told.data)):
            line.append(f"  {printable(words, 100)}", style="not dim")
        return line
    revisions = f"{told.first_revision}–{told.last_revision}" if told.edits > 1 else str(told.last_revision)
    line = Text(f"{revisions}  {told.first_at[:16].replace('T', ' ')}  ", style="dim")
    line.append_text(palette.name(told.actor))
    line.append(f"  {counted(told.edits, 'edit')}{' offline' if told.stretch else ''}")
    line.append(f"  +{told.inserted}", style="not dim green")
    line.append(f" −{told.deleted}", style="not dim red")
    return line


def _short(data: Any) -> str:
    if isinstance(data, dict):
        return ", ".join(f"{key}: {value}" for key, value in data.items() if key != "token" and value is not None)
    return str(data)


def diff(
    document: Document,
    before: Annotated[str, typer.Argument(help=f"From which moment: {MOMENTS}.")],
    after: Annotated[str | None, typer.Argument(help="To which; now if left out.")] = None,
    root: Annotated[str | None, typer.Option(help="Only this root.")] = None,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show what is different between two moments of a document: texts word by word, the rest by path."""
    with _asked(data, document, after) as asked:
        first = select(asked.store, asked.document, cut_of(before))
        furthest = max(first, asked.selection, key=lambda selection: selection.revision)
        asked.read(furthest)
        found = asked.past.compare(first, asked.selection, root=root)
        lineage = asked.past.lineage(furthest)
        changes = [shapes.change_entry(lineage, one) for one in found]
        if as_json:
            asked.put(from_cut=first.token, changes=[change.model_dump() for change in changes])
            return
        actors = {touch.actor for change in changes for touch in change.touches if touch.actor is not None}
        palette = Palette(asked.names(actors))
        for change in changes:
            line = Text(printable(where(change.path, change.key), 100), style="bold")
            people = sorted({touch.actor for touch in change.touches if touch.actor is not None})
            line.append("  ")
            line.append_text(Text(", ").join(palette.name(actor) for actor in people))
            console().print(line)
            _put_change(change)
        if not changes:
            typer.echo("keepboth: there is no difference", err=True)


def version(
    document: Document,
    name: Annotated[str | None, typer.Argument(help="What to call the moment; without it, list the versions.")] = None,
    at: At = None,
    by: Annotated[str, typer.Option(help="Who names it: the actor of the event.")] = "operator",
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Give a moment of a document a name, or list those that have one. A name may be given again: the newest counts.

    Naming needs the server stopped; a running one is asked over HTTP (POST /api/versions).
    """
    if name is not None:
        _name(data, document, name, at, by, as_json)
        return
    with _asked(data, document, at) as asked:
        found = [shapes.version_entry(one) for one in asked.past.versions(asked.document, asked.selection.revision)]
        if as_json:
            asked.put(versions=[one.model_dump() for one in found])
            return
        palette = Palette(asked.names({one.actor for one in found}))
        table = Table(box=None, pad_edge=False, header_style="dim")
        for heading in ("named (UTC)", "by", "name"):
            table.add_column(heading, overflow="fold")
        for one in found:
            label = Text(printable(one.name, 200), style="bold" if one.current else "dim")
            table.add_row(Text(one.recorded_at[:16].replace("T", " "), style="dim"), palette.name(one.actor), label)
        console().print(table)


def _name(data: Path, document: str, name: str, at: str | None, by: str, as_json: bool) -> None:
    with reported():
        from keepboth.app import LOG_FILE, IdMint, open_store

        if not (data / LOG_FILE).exists():
            raise NotFound(f"there is no log in {data}")
        store = open_store(data)
        try:
            selection = select(store, check_document_name(document), cut_of(at))
            decided = name_version(name, selection.token)
            draft = Draft(decided.type, IdMint()(), canonical_json(decided.payload), actor=by)
            (answer,) = store.append([Append(document, [draft], condition=decided.condition, check_ids=True)])
            if isinstance(answer, Refused):
                raise answer.error
            revision = answer.receipts[0].revision
        finally:
            store.close()
        if as_json:
            put_json({"name": name.strip(), "cut": selection.token, "revision": revision})
        else:
            typer.echo(f"Revision {selection.revision} is called {printable(name.strip(), 200)}.")
