"""``keepboth consumers``: who follows the log, how far each has come, and what was parked."""

from __future__ import annotations

from typing import Annotated, Any

import httpx
import typer
from rich.table import Table
from rich.text import Text

from keepboth.cli.remote import DEFAULT, Server, Token, checked, connected
from keepboth.cli.terminal import Json, console, counted, printable, put_json, reported

app = typer.Typer(no_args_is_help=True, help="Named readers of a running server's log.")

Name = Annotated[str, typer.Argument(help="The consumer's name.")]


@app.command("list")
def list_consumers(as_json: Json = False, server: Server = DEFAULT, token: Token = None) -> None:
    """Show every consumer and how far it is behind."""
    with reported(), connected(server, token) as http:
        consumers = checked(http.get("/api/consumers")).json()["consumers"]
    if as_json:
        for one in consumers:
            put_json(one)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("consumer", "wants", "cursor", "behind", "parked", "now"):
        table.add_column(column, justify="right" if column in ("cursor", "behind", "parked") else "left")
    for one in consumers:
        behind = one["position"] - one["cursor"]
        now = "webhook" if one["webhook"] else "being read" if one["reading"] else "nobody reads"
        table.add_row(
            Text(printable(one["consumer"], 40), style="bold"),
            Text(wants(one)),
            f"{one['cursor']:,}",
            Text(f"{behind:,}", style="yellow" if behind else "green"),
            Text(f"{one['parked']:,}", style="red" if one["parked"] else "dim"),
            Text(now, style="dim"),
        )
    console().print(table)


@app.command("parked")
def parked(name: Name, as_json: Json = False, server: Server = DEFAULT, token: Token = None) -> None:
    """Show what a consumer has put aside, and why."""
    with reported(), connected(server, token) as http:
        found = _parked(http, name)
    if as_json:
        for one in found:
            put_json(one)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("position", justify="right")
    for column in ("event", "parked (UTC)", "times", "reason"):
        table.add_column(column)
    for one in found:
        times = f"{one['attempts']}{', to be replayed' if one['replay'] else ''}"
        at = one["parked_at"][:-4].replace("T", " ")
        table.add_row(str(one["position"]), one["event"], at, times, Text(printable(one["reason"], 200), style="red"))
    console().print(table)


def _parked(http: httpx.Client, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    after: int | None = 0
    while after is not None:
        page = checked(http.get("/api/consumer/parked", params={"consumer": name, "after": after})).json()
        found += page["parked"]
        after = page["next"]
    return found


@app.command("replay")
def replay(
    name: Name,
    position: Annotated[list[int] | None, typer.Option(help="Only the event at this position (repeat it).")] = None,
    server: Server = DEFAULT,
    token: Token = None,
) -> None:
    """Have parked events given to the consumer once more: all, or those at --position."""
    with reported(), connected(server, token) as http:
        body = {"positions": position or None}
        answer = checked(http.post("/api/consumer/replay", params={"consumer": name}, json=body)).json()
    typer.echo(f"{counted(answer['replaying'], 'event')} will be given once more")


@app.command("remove")
def remove(name: Name, server: Server = DEFAULT, token: Token = None) -> None:
    """Forget a consumer and what it has parked."""
    with reported(), connected(server, token) as http:
        checked(http.delete("/api/consumer", params={"consumer": name}))


def wants(consumer: dict[str, Any]) -> str:
    """What a consumer has chosen, in a few words."""
    parts = [printable(", ".join(consumer["types"]), 60) or "everything"]
    if consumer["actors"]:
        parts.append(f"by {printable(', '.join(consumer['actors']), 40)}")
    if consumer["document"] is not None:
        parts.append(f"in {printable(consumer['document'], 40)}")
    return " ".join(parts)
