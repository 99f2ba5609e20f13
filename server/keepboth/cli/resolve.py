"""``keepboth resolve``: what can be done about a conflict, and doing it, while no server runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from keepboth.cli.terminal import Data, Json, console, printable, put_json, reported
from keepboth.conflicts.choices import Preview, Wish
from keepboth.conflicts.versions import SideKey

if TYPE_CHECKING:
    from keepboth.live.resolving import Acted, Choices, Resolver

MAX_TEXT = 500
MAX_AROUND = 60


def resolve(
    id: Annotated[str, typer.Argument(help="The conflict's id, as `keepboth conflicts` shows it.")],
    choice: Annotated[str | None, typer.Option(help="One of those shown without it.")] = None,
    of: Annotated[str | None, typer.Option(help="Whose version, for `use`: the actor.")] = None,
    text: Annotated[str | None, typer.Option(help="The new text, for `write`.")] = None,
    by: Annotated[str, typer.Option(help="Who resolves: the actor of the events.")] = "operator",
    as_json: Json = False,
    data: Data = Path("data"),
) -> None:
    """Show what each choice about a conflict leads to; with --choice, make it.

    Needs the server stopped; a running one is asked over HTTP (POST /api/conflict/resolve).
    """
    with reported():
        from keepboth.app import act_on_conflicts
        from keepboth.live.session import Actor

        if choice is None:
            found = act_on_conflicts(data, lambda resolver: resolver.choices(id, text=text))
            if as_json:
                put_json(_value(found))
            else:
                console().print(_table(found))
            return
        wish = Wish(choice, None if of is None else SideKey(of), text)  # type: ignore[arg-type]

        async def act(resolver: Resolver) -> Acted:
            return await resolver.resolve(id, wish, Actor(by))

        acted = act_on_conflicts(data, act)
        if as_json:
            put_json(
                {"id": acted.id, "document": acted.document, "revisions": [one.revision for one in acted.receipts]}
            )
            return
        line = Text(f"Resolved at revision {acted.receipts[0].revision}. The place reads now: ")
        line.append(printable(acted.preview.text, MAX_TEXT) if acted.preview else "", style="bold")
        console().print(line)


def _value(found: Choices) -> dict[str, Any]:
    choices = [{**one._asdict(), "sides": [key._asdict() for key in one.sides]} for one in found.previews]
    return {"id": found.episode.id, "document": found.document, "status": found.status, "choices": choices}


def _table(found: Choices) -> Table:
    table = Table(title=f"{printable(found.document, 60)}: {found.status}", title_justify="left", show_header=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for preview in found.previews:
        names = ", ".join(printable(key.actor, 40) for key in preview.sides)
        table.add_row(Text(f"{preview.choice} {names}".strip()), _shown(preview))
    return table


def _shown(preview: Preview) -> Text:
    line = Text(printable(preview.before[-MAX_AROUND:]), style="dim")
    for part in preview.parts:
        line.append(printable(part.text, MAX_TEXT), style="underline" if part.kept else "bold not dim")
    line.append(printable(preview.after[:MAX_AROUND]))
    for name, value in preview.formats:
        line.append(f"  {printable(name, 40)}={printable(value, 40)}", style="not dim")
    return line
