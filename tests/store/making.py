"""Drafts, clocks and salts for the store's tests: everything a test does not care about has a value here."""

from __future__ import annotations

from itertools import count
from typing import Any

from keepboth.events import CONTENT_YJS_UPDATE, DOCUMENT_CREATED, DOCUMENT_RENAMED, EDIT_RECORDED, Draft, Receipt
from keepboth.store.base import Append, Appended, EventStore

_numbers = count(1 << 64)


def number(n: int) -> bytes:
    """The event id that a test calls *n*."""
    return n.to_bytes(16, "big")


def edit(payload: bytes = b"x", id: int | None = None, **fields: Any) -> Draft:
    """An edit by ann in session s1, under a fresh id."""
    fields = {"actor": "ann", "session": "s1", "content_type": CONTENT_YJS_UPDATE} | fields
    return Draft(EDIT_RECORDED, number(next(_numbers) if id is None else id), payload, **fields)


def decision(type: str = DOCUMENT_RENAMED, payload: bytes = b"{}", id: int | None = None, **fields: Any) -> Draft:
    """An event that is no edit."""
    return Draft(type, number(next(_numbers) if id is None else id), payload, **({"actor": "ann"} | fields))


def created(id: int | None = None) -> Draft:
    """The draft that begins a document."""
    return decision(DOCUMENT_CREATED, id=id)


def append(store: EventStore, document: str, *drafts: Draft, **options: Any) -> tuple[Receipt, ...]:
    """Append one item that must succeed; its receipts."""
    (answer,) = store.append([Append(document, drafts, **options)])
    assert isinstance(answer, Appended), answer
    return answer.receipts


class Clock:
    """Microseconds that a test sets."""

    def __init__(self, now: int = 1_000_000) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now


class Salts:
    """Bytes that look random and repeat with every run."""

    def __init__(self) -> None:
        self._drawn = 0

    def __call__(self, size: int) -> bytes:
        self._drawn += 1
        return bytes((self._drawn * 31 + at * 7) % 256 for at in range(size))
