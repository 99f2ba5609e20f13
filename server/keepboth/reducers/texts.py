"""What a document said before and after an event: folded as anywhere else, and only as far as somebody asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from keepboth.errors import InvalidRequest, NotFound
from keepboth.fold import views
from keepboth.fold.document import DocumentFold, FoldedEdit, fold
from keepboth.fold.replica import Poisoned
from keepboth.history.cuts import Selection
from keepboth.store.base import EventStore

_ROWS: Final = 2000


class Texts(Mapping[str, str]):
    """The text of each text or XML root, by name. Good until the next event; a value that was read stays."""

    def __init__(self, folded: DocumentFold) -> None:
        self._folded = folded
        self._names: list[str] | None = None

    @property
    def text(self) -> str:
        """The text of the only text root; "" where there is none yet. Raises InvalidRequest if there are several."""
        return views.text(self._folded.replica, None, self._folded.roots) if len(self) else ""

    @property
    def json(self) -> dict[str, dict[str, Any]]:
        """Every root: name -> ``{"type": …, "value": …}``."""
        return views.json_value(self._folded.replica, self._folded.roots)

    def __getitem__(self, root: str) -> str:
        try:
            return views.text(self._folded.replica, root, self._folded.roots)
        except (NotFound, InvalidRequest):
            raise KeyError(root) from None

    def _roots(self) -> list[str]:
        if self._names is None:
            roots = self._folded.roots
            types = views.root_types(self._folded.replica) if roots.unsure else roots.types
            self._names = sorted(name for name, kind in types.items() if kind in ("text", "xml"))
        return self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._roots())

    def __len__(self) -> int:
        return len(self._roots())


class Screen:
    """A document that is folded forwards. ``selection`` leaves out what is not in it."""

    def __init__(self, store: EventStore, document: str, selection: Selection | None) -> None:
        self._store = store
        self._document = document
        self._selection = selection if selection is not None and not selection.is_prefix else None
        self._folded = DocumentFold()
        self._at = 0

    def at(self, revision: int) -> Texts:
        """The document at *revision*; never an earlier one than before."""
        while rows := self._rows(self._at, revision):
            try:
                self._folded.add(rows)
            except Poisoned:
                self._folded = fold(lambda after: self._rows(after, revision))
                self._at = revision
                break
            self._at = rows[-1].revision
        return Texts(self._folded)

    def _rows(self, after: int, until: int) -> Sequence[FoldedEdit]:
        selection = self._selection
        while rows := self._store.fold_rows(self._document, after=after, until=until, limit=_ROWS):
            if selection is None:
                return [FoldedEdit(*row) for row in rows]
            held = [
                FoldedEdit(row.revision, "pending" if row.disposition == "ready" else row.disposition, row.payload)
                for row in rows
                if selection.holds(row.revision)
            ]
            if held:
                return held
            after = rows[-1].revision
        return []
