"""A log for notebooks and scripts: documents, events, states, conflicts and reducers, at any cut, without a server.

Nothing here writes. A log that a server is writing to is read beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from keepboth.conflicts.model import Episode
from keepboth.events import Event
from keepboth.history.cuts import NOW, Cut, select
from keepboth.history.folding import plain_folding
from keepboth.history.rendering import Form, render
from keepboth.reducers.context import Document
from keepboth.reducers.definition import Reducer
from keepboth.reducers.loading import load
from keepboth.reducers.running import Result, Run
from keepboth.reducers.scope import Scope, events_of, scope_of
from keepboth.store.base import EventStore
from keepboth.store.exported import read_export
from keepboth.store.sqlite import SqliteStore

LOG_FILE: Final = "log.sqlite3"
_EXPORTS: Final = (".ndjson", ".jsonl", ".json", ".gz")


class Log:
    """Reads one log. Close it, or use it as a context manager; use it in the thread that opened it."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self._folding = plain_folding(store)

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Log:
        """The log in a data folder, a SQLite file or an export. Raises NotFound and what the store raises."""
        where = Path(path)
        if where.suffix in _EXPORTS:
            return cls(read_export(where))
        return cls(SqliteStore(where / LOG_FILE if where.is_dir() else where, read_only=True))

    def documents(self) -> list[str]:
        """The names of all documents."""
        found: list[str] = []
        while page := self.store.documents(after=found[-1] if found else "", limit=500):
            found += [row.document for row in page]
        return found

    def events(
        self, document: str | None = None, cut: Cut = NOW, *, after: int = 0, types: Sequence[str] = ()
    ) -> Iterator[Event]:
        """The events of a document, or of the whole log, in order, up to *cut*; behind revision (position) *after*."""
        return events_of(self.store, self.scope(document, cut), after, types)

    def state(self, document: str, cut: Cut = NOW, *, form: Form = "json", root: str | None = None) -> Any:
        """What the document says at *cut*: every root (``json``), one root's ``text``, or a Yjs ``update``."""
        return render(self._folding, select(self.store, document, cut), form, root).value

    def text(self, document: str, cut: Cut = NOW, root: str | None = None) -> str:
        """The text of the document at *cut*. Raises InvalidRequest if *root* must say which."""
        return str(self.state(document, cut, form="text", root=root))

    def conflicts(self, document: str, cut: Cut = NOW) -> tuple[Episode, ...]:
        """The conflict log of the document at *cut*, found anew from the events."""
        return Document(document, self.store, self.scope(document, cut)).episodes()

    def reduce(
        self,
        reducer: Reducer | str,
        documents: str | Sequence[str] | None = None,
        cut: Cut = NOW,
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> Result:
        """The result of *reducer* (or of the one that is called so) over a document, several, or the whole log."""
        return self.run(reducer).to(self.scope(documents, cut), progress)[0]

    def run(self, *reducers: Reducer | str) -> Run:
        """Several reducers in one pass, and again as the log grows: ``run.to(log.scope())``."""
        return Run(self.store, [load(one) if isinstance(one, str) else one for one in reducers])

    def scope(self, documents: str | Sequence[str] | None = None, cut: Cut = NOW) -> Scope:
        """What *cut* of a document, several, or the whole log means: where a `Run` goes to."""
        return scope_of(self.store, [documents] if isinstance(documents, str) else documents, cut)

    def close(self) -> None:
        """Release the file."""
        self.store.close()

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
