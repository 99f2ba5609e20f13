"""Where people work most: the passages of a document by what was ever written and deleted there."""

from __future__ import annotations

from typing import Any, Final

from keepboth.events import EDIT_RECORDED, Event
from keepboth.reducers.context import Context, End
from keepboth.reducers.definition import reducer
from keepboth.reducers.ledger import Item

SHOWN: Final = 20
EXCERPT: Final = 80


class _Passage:
    """A stretch of a sequence up to and with a line end that shows."""

    def __init__(self, document: str, root: str, number: int) -> None:
        self.document = document
        self.root = root
        self.number = number
        self.text = ""
        self.typed = 0
        self.deleted = 0
        self.authors: set[str] = set()

    def take(self, item: Item, units: int, text: str) -> None:
        self.typed += units
        self.authors.add(item.author)
        if item.shows:
            self.text += text
        else:
            self.deleted += units
            self.authors.update(item.deleted_by)

    def row(self) -> dict[str, Any]:
        return {
            "document": self.document,
            "root": self.root,
            "passage": self.number,
            "heat": self.typed + self.deleted,
            "typed": self.typed,
            "deleted": self.deleted,
            "authors": len(self.authors),
            "text": self.text.strip()[:EXCERPT],
        }


def _hottest(state: dict[str, int], end: End) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for document in sorted(state):
        rows += [passage.row() for passage in _passages(document, end)]
    rows.sort(key=lambda row: (-row["heat"], row["document"], row["root"], row["passage"]))
    return {"passages": len(rows), "hottest": rows[:SHOWN]}


def _passages(document: str, end: End) -> list[_Passage]:
    found: list[_Passage] = []
    passage: _Passage | None = None
    for item in end.items(document):
        if item.key is not None or not item.text:
            continue
        if passage is None or passage.root != item.root:
            passage = _Passage(document, item.root, 1)
            found.append(passage)
        if not item.shows:
            passage.take(item, item.units, item.text)
            continue
        for line in item.text.splitlines(keepends=True) if "\n" in item.text else [item.text]:
            passage.take(item, len(line.encode("utf-16-le")) // 2, line)
            if line.endswith("\n"):
                passage = _Passage(document, item.root, passage.number + 1)
                found.append(passage)
    return [one for one in found if one.typed]


@reducer("hot", types=[EDIT_RECORDED], finish=_hottest)
def hot(state: dict[str, int], event: Event, ctx: Context) -> None:
    """The passages (lines of the text as it is) where most was written and deleted, deleted text where it had stood."""
    state[event.document] = state.get(event.document, 0) + 1
