"""The story: two people write one text, one goes offline, both rewrite the same words, nobody loses anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pycrdt
from rich.console import Console
from rich.panel import Panel

from client_demo import words
from client_demo.http import Http
from client_demo.server import running_server
from keepboth.client import Client

DOCUMENT = "stories/the report"
PHRASE = "the end of the year"
ANNS = "next Friday"
BOBS = "the first of March"
STYLES = {"Ann": "magenta", "Bob": "cyan"}
CLIENTS = {"Ann": 2, "Bob": 1}
"""What two wrote in one place is put in the order of their client ids: fixed, so that the story ends the same."""


class Editor:
    """One scripted person at a keyboard: a real client on a real socket."""

    def __init__(self, url: str, name: str) -> None:
        self.name = name
        doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=CLIENTS[name])
        self.client = Client(url, DOCUMENT, doc, name=name, color=STYLES[name], session=f"story-{name.lower()}")
        self.text: pycrdt.Text = doc.get(words.ROOT, type=pycrdt.Text)

    def types(self, passage: str, at: int | None = None) -> int:
        """Type *passage* word by word at byte *at* (the end if None); return where the cursor is then."""
        cursor = len(self.text) if at is None else at
        for word in passage.split(" "):
            piece = word if word == passage.split(" ")[0] else f" {word}"
            self.text.insert(cursor, piece)
            cursor += len(piece.encode())
        return cursor

    def rewrites(self, old: str, new: str) -> None:
        """Select *old*, and type *new* over it."""
        at = len(str(self.text).split(old)[0].encode())
        del self.text[at : at + len(old.encode())]
        self.types(new, at)

    async def reads(self, expected: str) -> None:
        """Wait until the text says *expected* here."""
        await self.client.until(lambda: str(self.text) == expected)


async def tell(console: Console, data: Path | None = None) -> bool:
    """Play the story on a server of its own and print it. True if the conflict appeared with what both wrote.

    The log stays in *data*; if that is None, it goes away with the server.
    """
    console.print(Panel("Two people, one text, one broken connection", style="bold", expand=False))
    async with running_server(data=data) as url:
        ann, bob = Editor(url, "Ann"), Editor(url, "Bob")
        async with ann.client, bob.client:
            await _play(console, ann, bob)
            events, conflicts, document = await _look(url)
            agreed = str(ann.text) == str(bob.text) == document
    return _show(console, events, conflicts, document) and agreed


async def _play(console: Console, ann: Editor, bob: Editor) -> None:
    await ann.client.until(ann.client.synced.is_set)
    await bob.client.until(bob.client.synced.is_set)
    ann.types("Dear all,")
    await ann.client.flush()
    ann.types(f"\nthe report is due at {PHRASE}.\n")
    await ann.client.flush()
    await bob.reads(str(ann.text))
    bob.types("Ask me if anything is unclear.")
    await bob.client.flush()
    await ann.reads(str(bob.text))
    console.print("[magenta]Ann[/] and [cyan]Bob[/] write together. Everything is [green]saved[/].")

    await ann.client.go_offline()
    ann.rewrites(PHRASE, ANNS)
    console.print(f"[magenta]Ann[/] loses her connection and goes on writing: [yellow]{ann.client.waiting} waiting[/].")
    bob.rewrites(PHRASE, BOBS)
    await bob.client.flush()
    console.print("[cyan]Bob[/] rewrites the same words meanwhile.")

    await ann.client.go_online()
    await ann.client.flush()
    await bob.client.until(lambda: str(bob.text) == str(ann.text))
    await bob.client.until(lambda: bool(bob.client.conflicts))
    console.print("[magenta]Ann[/] is back. Her edits arrive: [green]0 waiting[/].\n")


async def _look(url: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    http = Http(url)
    found = [(await http.conflict(entry["id"]))["conflict"] for entry in await http.conflicts(DOCUMENT)]
    return await http.events(DOCUMENT), found, await http.text(DOCUMENT, words.ROOT)


def _show(console: Console, events: list[dict[str, Any]], conflicts: list[dict[str, Any]], document: str) -> bool:
    console.print(Panel(document, title="The document now", title_align="left", expand=False))
    console.print()
    console.print(words.history(words.tell(events, words.names_in(events)), STYLES))
    console.print()
    for conflict in conflicts:
        console.print(words.card(conflict, document, STYLES))
    if not conflicts:
        console.print("[red]The collision did not show up.[/]")
    wrote = {words.person(version): version["text"] for conflict in conflicts for version in conflict["sides"]}
    return (
        ANNS in wrote.get("Ann", "")
        and BOBS in wrote.get("Bob", "")
        and ANNS in document
        and BOBS in document
        and not any(words.missing(conflict, document) for conflict in conflicts)
    )
