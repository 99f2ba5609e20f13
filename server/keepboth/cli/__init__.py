"""The command line: serve a log, read it, check it.

Exit codes: 0 all is well, 1 a problem was found, 2 the command makes no sense, 3 the log cannot be opened (it is
locked, damaged, too new or not there). Tables for people by default, ``--json`` for programs. What reads opens the log
beside a running server; what writes needs the server stopped.
"""

from __future__ import annotations

import io
import sys
from typing import Annotated

import typer

from keepboth import __version__
from keepboth.cli import (
    bring,
    care,
    conflicts,
    consumers,
    export,
    feed,
    history,
    log,
    reduce,
    resolve,
    revert,
    serve,
    show,
    webhooks,
    whatif,
)

app = typer.Typer(
    name="keepboth",
    help="A collaborative editing server that never rejects an edit and never hides a collision.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("serve")(serve.serve)
app.command("log")(log.log)
app.command("show")(show.show)
app.command("blame")(history.blame)
app.command("history")(history.history)
app.command("diff")(history.diff)
app.command("deletions")(history.deletions)
app.command("version")(history.version)
app.command("feed")(feed.feed)
app.add_typer(consumers.app, name="consumers")
app.add_typer(webhooks.app, name="webhooks")
app.command("conflicts")(conflicts.conflicts)
app.command("reduce")(reduce.reduce)
app.command("resolve")(resolve.resolve)
app.command("whatif")(whatif.whatif)
app.command("revert")(revert.revert)
app.command("verify")(care.verify)
app.command("rebuild")(care.rebuild)
app.command("export")(export.export)
app.command("import")(bring.take_in)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"keepboth {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command that the arguments name, and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal that cannot show a letter is no reason to stop
    app()
