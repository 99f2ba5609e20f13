"""``keepboth webhooks``: where events are sent, and how that goes."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from keepboth.cli.consumers import wants
from keepboth.cli.remote import DEFAULT, Server, Token, checked, connected
from keepboth.cli.terminal import Json, console, printable, put_json, reported

app = typer.Typer(no_args_is_help=True, help="Webhooks of a running server.")

STYLES = {"delivering": "green", "retrying": "yellow", "ended": "red"}
Name = Annotated[str, typer.Argument(help="The webhook's name.")]


@app.command("list")
def list_webhooks(as_json: Json = False, server: Server = DEFAULT, token: Token = None) -> None:
    """Show every webhook and how its deliveries go."""
    with reported(), connected(server, token) as http:
        found = checked(http.get("/api/webhooks")).json()["webhooks"]
    if as_json:
        for one in found:
            put_json(one)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("webhook", "address", "wants", "behind", "parked", "now", "last answer"):
        table.add_column(column, justify="right" if column in ("behind", "parked") else "left")
    for one in found:
        consumer = one["consumer"]
        table.add_row(
            Text(printable(one["webhook"], 40), style="bold"),
            Text(printable(one["url"], 60)),
            Text(wants(consumer)),
            f"{consumer['position'] - consumer['cursor']:,}",
            Text(f"{consumer['parked']:,}", style="red" if consumer["parked"] else "dim"),
            Text(one["state"], style=STYLES[one["state"]]),
            Text(printable(one["last_answer"] or "", 60), style="dim"),
        )
    console().print(table)


@app.command("add")
def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where events are posted.")],
    document: Annotated[str | None, typer.Option(help="Only this document.")] = None,
    types: Annotated[list[str] | None, typer.Option(help="Only events of this type (repeat it).")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="Only events of this actor (repeat it).")] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="From behind this position; without it, a new one begins now.")
    ] = None,
    as_json: Json = False,
    server: Server = DEFAULT,
    token: Token = None,
) -> None:
    """Make a webhook, or change the one of this name. Prints the secret of a new one: it is told once."""
    with reported(), connected(server, token) as http:
        query = {"webhook": name}
        body: dict[str, Any] = {"url": url, "types": types or [], "actors": actor or [], "document": document}
        known = http.get("/api/webhook", params=query).is_success
        body["after"] = after if after is not None or known else "now"
        made = checked(http.put("/api/webhook", params=query, json=body)).json()
    if as_json:
        put_json(made)
    elif made["secret"] is not None:
        typer.echo(made["secret"])


@app.command("remove")
def remove(name: Name, server: Server = DEFAULT, token: Token = None) -> None:
    """End a webhook and forget what it has parked."""
    with reported(), connected(server, token) as http:
        checked(http.delete("/api/webhook", params={"webhook": name}))
