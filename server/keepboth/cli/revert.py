"""``keepboth revert``: go back, in a document that a running server holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.text import Text

from keepboth.cli.differences import counted_changes, put_changes
from keepboth.cli.meant import Since, Until, moment_of
from keepboth.cli.remote import Token, Url, ask
from keepboth.cli.terminal import Json, console, put_json, reported
from keepboth.errors import InvalidRequest
from keepboth.history.work import ranges_of


def revert(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    to: Annotated[int | None, typer.Option(min=0, help="Go back to this revision.")] = None,
    to_time: Annotated[str | None, typer.Option(help="Go back to what had been recorded then (RFC 3339).")] = None,
    to_version: Annotated[str | None, typer.Option(help="Go back to the version with this name.")] = None,
    to_cut: Annotated[str | None, typer.Option(help="Go back to the cut with this token.")] = None,
    undo_actor: Annotated[str | None, typer.Option(help="Undo what this actor did.")] = None,
    undo_session: Annotated[str | None, typer.Option(help="Undo what this session did.")] = None,
    undo_revisions: Annotated[str | None, typer.Option(help="Undo these revisions, such as 5,9-12.")] = None,
    since: Since = None,
    until: Until = None,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would change; record nothing.")] = False,
    revision: Annotated[
        int | None, typer.Option(min=0, help="Of the preview: refuse if going back leads to something else by now.")
    ] = None,
    as_json: Json = False,
    url: Url = "http://127.0.0.1:8100",
    token: Token = None,
) -> None:
    """Make a document what it was, or take somebody's work out of it, as one more edit. What others write stays.

    Asks a running server.
    """
    with reported():
        moment = {"at": to, "recorded": to_time, "version": to_version, "cut": to_cut}
        work: dict[str, Any] = {"actor": undo_actor, "session": undo_session, "since": since, "until": until}
        work["revisions"] = [list(one) for one in ranges_of(undo_revisions, "undo-revisions")] or None
        for name in ("since", "until"):
            moment_of(work[name], name)
        moment_of(to_time, "to-time")
        body: dict[str, Any] = {"document": document, "preview": preview, "revision": revision}
        body["to"] = {name: value for name, value in moment.items() if value is not None} or None
        body["undo"] = {name: value for name, value in work.items() if value is not None} or None
        if (body["to"] is None) == (body["undo"] is None):
            raise InvalidRequest("say either what to go back to or what to undo")
        found = ask(url, token, "POST", "/api/revert", body)
        if as_json:
            put_json(found)
            return
        out = console()
        put_changes(out, found["changes"])
        if not found["changes"]:
            out.print(Text("Nothing changes."))
        else:
            out.print(Text(f"{counted_changes(found['counts']).capitalize()}."))
        if preview:
            out.print(Text(f"Nothing is recorded. To do just this: --revision {found['revision']}", style="dim"))
        else:
            edit = found["edit"] or found["decision"]
            out.print(Text(f"Recorded at revision {edit['revision']}. To take it back: --to {found['revision']}"))
