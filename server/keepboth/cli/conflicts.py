"""``keepboth conflicts``: where edits collided, as a table, as cards, or for programs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, get_args

import typer
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from keepboth.api.entries import NOWHERE, Place, Told, Viewpoint, entries, tell
from keepboth.api.filters import micros
from keepboth.api.reading import document_row, known_from_projection
from keepboth.cli.painting import BRACKETS
from keepboth.cli.terminal import Data, Json, console, counted, opened, opened_conflicts, printable, put_json, reported
from keepboth.conflicts.model import Grain, Kind, Severity
from keepboth.errors import InvalidRequest
from keepboth.events import Micros, check_document_name
from keepboth.store.base import DocumentRow, EventStore
from keepboth.store.conflict_log import ConflictStore, Order, Status, StoredEpisode, Wanted
from keepboth.telling.passages import Passage

PAGE = 200
MAX_TEXT = 2000
MAX_CELL = 80
OUTCOMES = {
    "text-missing": "red",
    "shown-twice": "red",
    "stray-words": "yellow",
    "both-kept": "yellow",
    "formatting": "yellow",
}
MARKS = {"insert": "bold green", "delete": "strike dim", "gap": "dim", "keep": ""}

StatusName = StrEnum("StatusName", [(name, name) for name in get_args(Status)])  # type: ignore[misc]
SeverityName = StrEnum("SeverityName", [(name, name) for name in get_args(Severity)])  # type: ignore[misc]
KindName = StrEnum("KindName", [(name, name) for name in get_args(Kind)])  # type: ignore[misc]
GrainName = StrEnum("GrainName", [(name, name) for name in get_args(Grain)])  # type: ignore[misc]
OrderName = StrEnum("OrderName", [(name, name) for name in get_args(Order)])  # type: ignore[misc]

Present = Callable[[Sequence[StoredEpisode]], Place]


def conflicts(
    document: Annotated[str | None, typer.Argument(help="A document; without it, all of them.")] = None,
    status: Annotated[list[StatusName] | None, typer.Option(help="Only these (repeat it).")] = None,
    severity: Annotated[list[SeverityName] | None, typer.Option(help="Only these (repeat it).")] = None,
    kind: Annotated[list[KindName] | None, typer.Option(help="Only these (repeat it).")] = None,
    actor: Annotated[str | None, typer.Option(help="Only those that this actor took part in.")] = None,
    certain: Annotated[
        bool | None, typer.Option("--certain/--possible", help="Only certain, or only possible collisions.")
    ] = None,
    hidden: Annotated[
        bool | None, typer.Option("--hidden/--shown", help="Only what needs nobody, or only what may.")
    ] = None,
    since: Annotated[str | None, typer.Option(help="With an edit recorded then or later (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option(help="With an edit recorded then or before (RFC 3339).")] = None,
    search: Annotated[str, typer.Option("--search", "-q", help="Words that all occur in the texts.")] = "",
    sort: Annotated[OrderName | None, typer.Option(help="document, unless --for is given: then attention.")] = None,
    for_actor: Annotated[str | None, typer.Option("--for", help="Tell it to this actor.")] = None,
    grain: Annotated[
        GrainName, typer.Option(help="line: also changes that only share a line. Of one document, found on the spot.")
    ] = GrainName.character,  # type: ignore[attr-defined]
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
    cards: Annotated[bool, typer.Option("--cards", help="What each person wrote, and what is there now.")] = False,
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show where concurrent edits met: what became of it, where, who, when.

    --json gives one entry a line, as the API does. Reads what the server has stored; a note on stderr says if that does
    not reach the end of the log.
    """
    with reported(), opened(data) as store, _known(store, data, document, line=grain == "line") as (known, present):
        rows = _rows(store, document)
        wanted = Wanted(
            document,
            tuple(status or ()),
            tuple(severity or ()),
            tuple(kind or ()),
            actor,
            certain,
            since=_moment("since", since),
            until=_moment("until", until),
            text=search,
            hidden=hidden,
        )
        order: Order = "document" if for_actor is None else "attention"
        if sort is not None:
            order = sort.value  # type: ignore[assignment]
        view = Viewpoint(time.time_ns() // 1000, for_actor, time.localtime().tm_gmtoff)
        pages = _pages(known, wanted, order, for_actor, limit)
        shown = _show(store, pages, view, present, as_json=as_json, cards=cards, named=document is not None)
        behind = [row for row in rows if grain != "line" and not known_from_projection(store, known, row)[1]]
        if behind:
            first = printable(behind[0].document, 60)
            typer.echo(
                f"keepboth: not everything is known yet: the newest edits of {counted(len(behind), 'document')} "
                f"(first: {first}) have not been looked at. A running server does so when asked; "
                "without one, `keepboth rebuild` does",
                err=True,
            )
        elif not shown and not as_json:
            edits = sum(row.edits for row in rows)
            chosen = wanted != Wanted(document)
            console().print("None of that sort." if chosen else f"No collisions in {counted(edits, 'edit')}.")


@contextmanager
def _known(
    store: EventStore, data: Path, document: str | None, *, line: bool
) -> Iterator[tuple[ConflictStore, Present]]:
    """The entries, and what is known of their places now."""
    if not line:
        with opened_conflicts(data) as known:
            yield known, lambda _: NOWHERE
        return
    if document is None:
        raise InvalidRequest("at line grain conflicts are found for one document: say which")
    from keepboth.app import conflicts_by_line

    found = conflicts_by_line(store, check_document_name(document))
    yield found.conflicts, lambda episodes: Place(found.present([episode.id for episode in episodes]), "line")


def _moment(name: str, text: str | None) -> Micros | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidRequest(f"--{name} {text!r} is no time with its offset from UTC (2026-01-31T10:00:00Z)")
    return micros(moment)


def _rows(store: EventStore, document: str | None) -> list[DocumentRow]:
    if document is not None:
        return [document_row(store, check_document_name(document))]
    rows: list[DocumentRow] = []
    while page := store.documents(after=rows[-1].document if rows else "", limit=PAGE):
        rows += page
    return rows


def _pages(
    known: ConflictStore, wanted: Wanted, order: Order, mine: str | None, limit: int
) -> Iterator[list[StoredEpisode]]:
    after: str | None = ""
    while limit > 0 and after is not None:
        page = known.page(wanted, order=order, mine=mine, after=after, limit=min(PAGE, limit))
        yield page.episodes
        limit -= len(page.episodes)
        after = page.next


def _show(
    store: EventStore,
    pages: Iterator[list[StoredEpisode]],
    view: Viewpoint,
    present: Present,
    *,
    as_json: bool,
    cards: bool,
    named: bool,
) -> int:
    """Print the entries; return how many there were."""
    shown = 0
    for episodes in pages:
        shown += len(episodes)
        place = present(episodes)
        if as_json:
            for entry in entries(store, episodes, view, place):
                put_json(entry)
        elif cards:
            out = console()
            for told in tell(store, episodes, view, place):
                out.print(_card(told, bare=not out.is_terminal))
        elif episodes:
            console().print(_table(tell(store, episodes, view, place), named))
    return shown


def _table(told: Sequence[Told], named: bool) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("outcome", "what happened", *(() if named else ("document",)), "where", "people", "when", "status"):
        table.add_column(heading, overflow="fold")
    for one in told:
        card = one.card
        names = [printable(person.name, 30) for person in card.people]
        cells = [
            Text(card.outcome.text, style=OUTCOMES.get(card.outcome.code, "dim")),
            Text(printable(card.sentence.text, 3 * MAX_CELL)),
            *(() if named else (Text(printable(one.episode.document, MAX_CELL)),)),
            Text(printable(card.where.text, MAX_CELL)),
            Text(", ".join(names)),
            Text("" if card.when is None else card.when.text, style="dim"),
            Text(card.status, style="" if card.status == "open" else "dim"),
        ]
        table.add_row(*cells)
    return table


def _card(told: Told, bare: bool) -> Group:
    """*bare*: nothing is coloured or struck through there, so brackets say what came and what went."""
    card, episode = told.card, told.episode
    heading = Text(printable(episode.document, MAX_CELL), style="bold")
    heading.append(f"  {printable(card.where.text, MAX_CELL)}  ", style="dim")
    heading.append(card.outcome.text, style=OUTCOMES.get(card.outcome.code, "dim"))
    heading.append(f"  {card.status}", style="dim")
    lines = Table.grid(padding=(0, 2))
    lines.add_column(justify="right", style="dim", no_wrap=True, max_width=40)
    lines.add_column(overflow="fold")
    for sentence in (card.sentence, *card.notes):
        lines.add_row(Text(""), Text(printable(sentence.text, MAX_TEXT)))
    lines.add_row(Text(printable(card.now_title.text, 60)), _passage(card.now, bare))
    for version in card.versions:
        lines.add_row(Text(printable(version.title.text, 60)), _passage(version.passage, bare))
    for missing in card.missing:
        lines.add_row(Text("Not in the document"), Text(printable(missing.text, MAX_TEXT), style="bold"))
    lines.add_row(Text("Before"), _passage(card.before, bare))
    about = f"{printable(episode.id)}, revisions {episode.first_revision}–{episode.last_revision}"
    lines.add_row(Text("id"), Text(about, style="dim"))
    return Group(heading, Padding(lines, (0, 0, 1, 2)))


def _passage(passage: Passage, bare: bool) -> Text:
    text = Text(printable(passage.before), style="dim")
    for piece in passage.pieces:
        opening, closing = BRACKETS.get(piece.op, ("", "")) if bare else ("", "")
        text.append(f"{opening}{printable(piece.text, MAX_TEXT)}{closing}", style=MARKS[piece.op] or "not dim")
    text.append(printable(passage.after), style="dim")
    return text if passage.text or passage.pieces else Text("(nothing)", style="dim italic")
