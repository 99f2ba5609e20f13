"""A log for notebooks and scripts: documents, events, states, conflicts and reducers, at any cut, without a server.

Nothing here writes. A log that a server is writing to is read beside it.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from keepboth.conflicts.model import Episode
from keepboth.errors import InvalidRequest, StoreDamaged
from keepboth.events import Event
from keepboth.exchange.archive import Header
from keepboth.exchange.lines import parts
from keepboth.exchange.restoring import restore
from keepboth.history.cuts import NOW, Cut, select
from keepboth.history.folding import plain_folding
from keepboth.history.rendering import Form, render
from keepboth.reducers.context import Document
from keepboth.reducers.definition import Reducer
from keepboth.reducers.loading import load
from keepboth.reducers.running import Result, Run
from keepboth.reducers.scope import Scope, events_of, scope_of
from keepboth.store.base import EventStore
from keepboth.store.memory import MemoryStore
from keepboth.store.sqlite import SqliteStore

LOG_FILE: Final = "log.sqlite3"
_SQLITE: Final = b"SQLite format 3\0"
_GZIP: Final = b"\x1f\x8b"


def read_archive(path: Path, *, packed: bool) -> MemoryStore:
    """The log in the archive at *path* (with gzip if *packed*), in memory, every hash computed again.

    Positions of an archive of one document are counted from 1. Raises StoreDamaged where the archive was changed, and
    InvalidRequest if it is cut short, goes on behind what an earlier one holds, or is none.
    """
    with gzip.open(path) if packed else path.open("rb") as file:
        try:
            rest = parts(file)
            header = next(rest, None)
            if not isinstance(header, Header):
                raise InvalidRequest(f"{path.name} is no archive: it has no header")
            if header.after:
                raise InvalidRequest(f"{path.name} only goes on behind {header.after}", after=header.after)
            store = MemoryStore(store_id=header.store_id)
            result = restore(store, chain((header,), rest))
        except (EOFError, OSError, zlib.error) as error:
            raise InvalidRequest(f"{path.name} cannot be read: {error}") from error
    if result.clashes:
        document, revision, what = result.clashes[0]
        raise StoreDamaged(f"{path.name} contradicts itself: {what}", document=document, revision=revision)
    return store


class Log:
    """Reads one log. Close it, or use it as a context manager; use it in the thread that opened it."""

    def __init__(self, store: EventStore) -> None:
        self.store = store
        self._folding = plain_folding(store)

    @classmethod
    def open(cls, path: str | PathLike[str]) -> Log:
        """The log in a data folder, a SQLite file or an archive. Raises NotFound and what the store raises."""
        where = Path(path)
        if where.is_dir():
            where = where / LOG_FILE
        if where.exists():
            with where.open("rb") as file:
                first = file.read(len(_SQLITE))
            if first and first != _SQLITE:
                return cls(read_archive(where, packed=first.startswith(_GZIP)))
        return cls(SqliteStore(where, read_only=True))

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
