"""``keepboth revert``: go back, in a document that a running server holds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from keepboth.api.reverting import RevertedBody
from keepboth.cli.painting import counts_text, places_text
from keepboth.cli.remote import DEFAULT, Server, Token, checked, connected
from keepboth.cli.terminal import Json, console, put_json, reported
from keepboth.cli.when import MOMENTS, Since, Until, asked_over_http, cut_of, work_of
from keepboth.cloudevents import rfc3339
from keepboth.errors import InvalidRequest


def revert(
    document: Annotated[str, typer.Argument(help="The document's name.")],
    to: Annotated[str | None, typer.Option(help=f"Go back to this moment: {MOMENTS}.")] = None,
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
    server: Server = DEFAULT,
    token: Token = None,
) -> None:
    """Make a document what it was, or take somebody's work out of it, as one more edit. What others write stays.

    Asks a running server. With --since or --until alone, everybody's work of that time is undone.
    """
    with reported():
        undo = _undo(undo_actor, undo_session, undo_revisions, since, until)
        if (to is None) == (not undo):
            raise InvalidRequest("say either what to go back --to or what to undo")
        body: dict[str, Any] = {"document": document, "preview": preview, "revision": revision}
        body |= {"undo": undo} if to is None else {"to": asked_over_http(cut_of(to))}
        with connected(server, token) as http:
            told = checked(http.post("/api/revert", json=body)).json()
    if as_json:
        put_json(told)
        return
    found = RevertedBody.model_validate(told)
    out = console()
    for line in places_text(found.changes, coloured=out.is_terminal):
        out.print(line, soft_wrap=True)
    if found.changes and found.counts is not None:
        out.print(f"{counts_text(found.counts).capitalize()}.")
    else:
        out.print("Nothing changes.")
    recorded = found.edit or found.decision
    if recorded is None:
        out.print(f"Nothing is recorded. To do just this: --revision {found.revision}", style="dim")
    else:
        out.print(f"Recorded at revision {recorded.revision}. To take it back: --to {found.revision}", style="dim")


def _undo(
    actor: str | None, session: str | None, revisions: str | None, since: str | None, until: str | None
) -> dict[str, Any]:
    """Whose work, as the body of a request says it; what is not set left out."""
    work = work_of((), (), since, until, revisions)
    named: dict[str, Any] = {
        "actor": actor,
        "session": session,
        "since": None if work.since is None else rfc3339(work.since),
        "until": None if work.until is None else rfc3339(work.until),
        "revisions": [list(one) for one in work.revisions] or None,
    }
    return {name: value for name, value in named.items() if value is not None}
