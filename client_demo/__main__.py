"""``python -m client_demo``: the story, or a recorded session played again."""

from __future__ import annotations

import asyncio
import json
import secrets
from contextlib import AsyncExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from client_demo.replay import Replay, Result
from client_demo.server import ServerFailed, running_server
from client_demo.story import tell
from client_demo.traces import Trace, read_trace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, help=__doc__, no_args_is_help=False)


@app.callback(invoke_without_command=True)
def _default(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        story()


@app.command()
def story(
    data: Annotated[
        Path | None, typer.Option(file_okay=False, help="a new folder for the log, kept afterwards; none: it goes away")
    ] = None,
) -> None:
    """Two people write one text, one loses the connection, and nobody loses anything."""
    console = Console()
    if data is not None and data.exists():
        console.print(f"[red]{data} is there already: the story wants a folder of its own[/]")
        raise typer.Exit(2)
    try:
        shown = asyncio.run(tell(console, data))
    except ServerFailed as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    raise typer.Exit(0 if shown else 1)


@app.command()
def replay(
    trace: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="an editing trace (.json or .json.gz)")],
    server: Annotated[str | None, typer.Option(help="address of a running server; without it, one is started")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="only the first transactions")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the result as JSON, and no progress")] = False,
) -> None:
    """Play a recorded session again: one real client per branch, each knowing exactly what its author knew."""
    console = Console(stderr=as_json)
    try:
        recorded = read_trace(trace, limit)
    except ValueError as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(2) from None
    try:
        result = asyncio.run(_replay(recorded, server, console, quiet=as_json))
    except ServerFailed as error:
        console.print(f"[red]{error}[/]")
        raise typer.Exit(1) from None
    if as_json:
        print(json.dumps(asdict(result)))
    else:
        console.print(_summary(result))


async def _replay(trace: Trace, server: str | None, console: Console, *, quiet: bool) -> Result:
    document = f"replays/{trace.name}/{secrets.token_hex(4)}"
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]} edits/s"),
        TimeRemainingColumn(),
    )
    async with AsyncExitStack() as stack:
        if server is None:
            server = await stack.enter_async_context(running_server(identify="client_demo.identify:by_query"))
        progress = stack.enter_context(Progress(*columns, console=console, disable=quiet))
        task = progress.add_task(trace.name, total=len(trace.txns), rate="–")

        def written(count: int) -> None:
            if count % 64 == 0 or count == len(trace.txns):
                speed = progress.tasks[0].finished_speed or progress.tasks[0].speed
                progress.update(task, completed=count, rate=f"{speed:,.0f}" if speed else "–")

        return await Replay(trace, server, document, written).run()


def _summary(result: Result) -> Table:
    table = Table(box=None, show_header=False)
    table.add_column(style="dim")
    table.add_column()
    table.add_row("edits", f"{result.edits:,} by {result.clients} clients in {result.seconds:.2f} s")
    table.add_row("events", f"{result.events:,}")
    table.add_row("conflicts", f"{result.conflicts:,}")
    if result.equal is None:
        table.add_row("final text", f"{result.characters:,} characters (cut short: not compared)")
    elif result.equal:
        table.add_row("final text", f"[green]equal to the recorded one[/], {result.characters:,} characters")
    else:
        table.add_row(
            "final text",
            f"[yellow]differs from the recorded one[/]: {result.characters:,} characters, recorded {result.expected:,}",
        )
    return table


if __name__ == "__main__":
    app()
