"""Three people who write one text together, one of them away for a while: a history with everything in it."""

from __future__ import annotations

from typing import Any

import pycrdt

from keepboth.client import Client

PHRASE = "the end of the year"


class Writer:
    """A real client on a real socket."""

    def __init__(self, url: str, document: str, name: str, client_id: int) -> None:
        doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=client_id)
        self.client = Client(url, document, doc, name=name, session=f"team-{name.lower()}-{client_id}")
        self.text: pycrdt.Text = doc.get("text", type=pycrdt.Text)

    def types(self, passage: str, at: int | None = None) -> None:
        """Type *passage* word by word at byte *at*, or at the end."""
        cursor = len(str(self.text).encode()) if at is None else at
        for number, word in enumerate(passage.split(" ")):
            piece = f" {word}" if number else word
            self.text.insert(cursor, piece)
            cursor += len(piece.encode())

    def rewrites(self, old: str, new: str) -> None:
        """Select *old*, and type *new* over it."""
        at = len(str(self.text).split(old)[0].encode())
        del self.text[at : at + len(old.encode())]
        self.types(new, at)

    async def reads(self, expected: str) -> None:
        """Wait until the text says *expected* here."""
        await self.client.until(lambda: str(self.text) == expected)


async def write_together(url: str, document: str) -> None:
    """Ann, Bob and Cleo write; Ann goes offline and rewrites what Bob rewrites, too; she comes back; they go on."""
    ann, bob, cleo = (Writer(url, document, name, at) for at, name in enumerate(("Ann", "Bob", "Cleo"), start=11))
    async with ann.client, bob.client, cleo.client:
        everyone = (ann, bob, cleo)

        async def settle() -> None:
            for one in everyone:
                await one.client.flush()
            merged: pycrdt.Doc[Any] = pycrdt.Doc()
            for one in everyone:
                merged.apply_update(one.client.doc.get_update())
            expected = str(merged.get("text", type=pycrdt.Text))
            for one in everyone:
                await one.reads(expected)

        for one in everyone:
            await one.client.until(one.client.synced.is_set)
        ann.types("Dear all,")
        await settle()
        ann.types(f"\nthe report is due at {PHRASE}.\n")
        await settle()
        bob.types("Ask me if anything is unclear, I am in the office until Thursday.")
        await settle()
        cleo.types("\nThe figures for March are in the annex.")
        await settle()
        await ann.client.go_offline()
        ann.rewrites(PHRASE, "the last Friday of November")
        bob.rewrites(PHRASE, "the first of March")
        cleo.types(" They are final.")
        await bob.client.flush()
        await cleo.client.flush()
        await ann.client.go_online()
        await settle()
        cleo.types(" Thank you!")
        await settle()
