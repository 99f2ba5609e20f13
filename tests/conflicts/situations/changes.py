"""What pycrdt peers do: each is one transaction. Texts are ASCII, so that places count characters and bytes alike."""

from __future__ import annotations

from typing import Any

import pycrdt

from tests.conflicts.apart import Change, Document, Step


def wrote(at: int, text: str) -> Change:
    return lambda document: document.text.insert(at, text)


def typed(at: int, text: str) -> list[Step]:
    """Letter by letter, a transaction each."""
    return [wrote(at + offset, letter) for offset, letter in enumerate(text)]


def deleted(start: int, stop: int) -> Change:
    def change(document: Document) -> None:
        del document.text[start:stop]

    return change


def replaced(start: int, stop: int, text: str) -> Change:
    def change(document: Document) -> None:
        del document.text[start:stop]
        document.text.insert(start, text)

    return change


def formatted(start: int, stop: int, **formats: Any) -> Change:
    return lambda document: document.text.format(start, stop, formats)


def put(key: str, value: Any) -> Change:
    """Set a key; a ``dict`` becomes a shared map."""

    def change(document: Document) -> None:
        document.map[key] = pycrdt.Map(value) if isinstance(value, dict) else value

    return change


def put_within(outer: str, key: str, value: Any) -> Change:
    def change(document: Document) -> None:
        document.map[outer][key] = value

    return change


def put_nested(outer: str, inner: str, key: str, text: str) -> Change:
    """A shared text in a shared map in a shared map."""

    def change(document: Document) -> None:
        document.map[outer] = pycrdt.Map({inner: pycrdt.Map({key: pycrdt.Text(text)})})

    return change


def wrote_within(outer: str, inner: str, key: str, at: int, text: str) -> Change:
    return lambda document: document.map[outer][inner][key].insert(at, text)


def dropped(key: str) -> Change:
    def change(document: Document) -> None:
        del document.map[key]

    return change


def listed(*values: Any) -> Change:
    """Fill the list; a ``dict`` becomes a shared map."""

    def change(document: Document) -> None:
        document.list.extend([pycrdt.Map(value) if isinstance(value, dict) else value for value in values])

    return change


def put_in_item(at: int, key: str, value: Any) -> Change:
    def change(document: Document) -> None:
        document.list[at][key] = value

    return change


def taken(at: int) -> Change:
    def change(document: Document) -> None:
        del document.list[at]

    return change


def exchanged(at: int, value: Any) -> Change:
    def change(document: Document) -> None:
        del document.list[at]
        document.list.insert(at, value)

    return change
