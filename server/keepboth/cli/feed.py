"""``keepboth feed``: what is recorded, as it is recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import typer
from rich.text import Text

from keepboth.cli.remote import DEFAULT, Server, Token, checked, connected
from keepboth.cli.terminal import Json, console, printable, put_json, reported

SILENCE_S = 60.0
"""A server says something every 15 s."""


def feed(
    document: Annotated[str | None, typer.Argument(help="A document; without it, the whole log.")] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="From behind this position; without it, from now on.")
    ] = None,
    types: Annotated[list[str] | None, typer.Option(help="Only events of this type (repeat it).")] = None,
    actor: Annotated[list[str] | None, typer.Option(help="Only events of this actor (repeat it).")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
    as_json: Json = False,
    server: Server = DEFAULT,
    token: Token = None,
) -> None:
    """Follow a running server's log. `--types document.quiet` tells of whole bursts of typing instead of keystrokes.

    --json gives one CloudEvent a line; the `sequence` of the last one is where --after goes on.
    """
    with reported(), connected(server, token) as http:
        if after is None:
            after = int(checked(http.get("/readyz")).json()["position"])
        query: dict[str, Any] = {"after": after, "types": types or [], "actors": actor or []}
        if document is not None:
            query["document"] = document
        try:
            for number, event in enumerate(follow(http, query), 1):
                if as_json:
                    put_json(event)
                else:
                    console().print(_line(event))
                if number == limit:
                    break
        except KeyboardInterrupt:
            raise typer.Exit(0) from None


def follow(http: httpx.Client, query: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The events of a feed, without its checkpoints, until the server ends it."""
    with http.stream("GET", "/api/feed", params=query, timeout=SILENCE_S) as answer:
        name = ""
        for line in checked(answer).iter_lines():
            field, _, value = line.partition(": ")
            if field == "event":
                name = value
            elif field == "data" and not name:
                yield json.loads(value)
            elif not line:
                name = ""


def _line(event: dict[str, Any]) -> Text:
    out = Text(f"{int(event['sequence']):>8}  ", style="dim")
    out.append(event["recordedtime"][11:-4].replace("T", " "), style="dim")
    out.append(f"  {printable(event['partitionkey'], 40)}", style="bold")
    out.append(f" {event['docrevision']}  ", style="dim")
    out.append(event["type"].removeprefix("dev.keepboth.").removesuffix(".v1"), style="cyan")
    out.append(f"  {printable(event.get('authid', ''), 30)}")
    data = event.get("data")
    if data:
        out.append("  " + printable(json.dumps(data, ensure_ascii=False), 80), style="dim")
    return out
