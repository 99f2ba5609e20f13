"""What a reducer may look at besides the event: texts, changes, the cut. All of it is made only when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from keepboth.conflicts.engine import DocumentConflicts
from keepboth.conflicts.model import Episode
from keepboth.errors import KeepBothError
from keepboth.events import EDIT_RECORDED, Event, Micros
from keepboth.history.facts import edit_fact
from keepboth.reducers.arrivals import Arrivals
from keepboth.reducers.ledger import Item, Ledger, Span
from keepboth.reducers.scope import Scope, documents_of, edits_of
from keepboth.reducers.texts import Screen, Texts
from keepboth.store.base import EventStore


class Document:
    """What a run keeps of one document, so that going on costs what is new."""

    def __init__(self, name: str, store: EventStore, scope: Scope) -> None:
        self.name = name
        self.scope = scope
        self._store = store
        self._gaps = scope.selection is not None and not scope.selection.is_prefix
        self.ledger: Ledger | None = None
        self._before: Screen | None = None
        self._after: Screen | None = None
        self._engine: DocumentConflicts | None = None
        self._arrivals: Arrivals[Event]
        self._looked = 0

    def spans(self, event: Event, *, pushed: bool) -> list[Span]:
        """What the edit *event* changed. *pushed*: every edit before it has been here, if any has."""
        ledger = self.ledger
        if ledger is None or not pushed:
            ledger = self.caught_up(event.revision - 1)
        try:
            return ledger.take(event)
        except BaseException:
            self.ledger = None  # half of the edit may be in it: whoever asks next begins anew
            raise

    def caught_up(self, until: int | None = None) -> Ledger:
        """The ledger, with every edit up to revision *until*, or to the cut."""
        ledger = self.ledger
        if ledger is None:
            ledger = self.ledger = Ledger(gaps=self._gaps)
        if until is None or ledger.revision < until:
            for edit in edits_of(self._store, self.scope, self.name, ledger.revision, until):
                ledger.take(edit)
        return ledger

    def before(self, revision: int) -> Texts:
        if self._before is None:
            self._before = Screen(self._store, self.name, self.scope.selection)
        return self._before.at(revision - 1)

    def after(self, revision: int) -> Texts:
        if self._after is None:
            self._after = Screen(self._store, self.name, self.scope.selection)
        return self._after.at(revision)

    def episodes(self) -> tuple[Episode, ...]:
        """The conflict log at the cut."""
        if self._engine is None:
            self._engine = DocumentConflicts()
            self._arrivals = Arrivals(self._engine.clocks, gaps=self._gaps)
        engine = self._engine
        for event in edits_of(self._store, self.scope, self.name, self._looked):
            self._looked = event.revision
            arrived = self._arrivals.take(event)
            if arrived:
                engine.add([edit_fact(event.revision, edit, edit.revision, update) for edit, update in arrived])
        return engine.episodes()


class Context:
    """What ``step(state, event, ctx)`` gets as ``ctx``: about the event at hand, and good until the next."""

    def __init__(self) -> None:
        self.used_now = False
        self._now: Micros = 0
        self._event: Event
        self._document: Document
        self._pushed = False
        self._spans: Sequence[Span] | None = None

    def enter(self, event: Event, document: Document, now: Micros, pushed: bool) -> None:
        """Be about *event*. For who runs reducers."""
        self._event = event
        self._document = document
        self._now = now
        self._pushed = pushed
        self._spans = None

    def leave(self) -> None:
        """Keep the document's ledger whole. For who runs reducers."""
        if self._spans is None and self._pushed and self._document.ledger is not None:
            with suppress(KeepBothError):  # somebody who asks for it will hear of it
                self._document.spans(self._event, pushed=True)

    @property
    def document(self) -> str:
        """The document's name."""
        return self._document.name

    @property
    def now(self) -> Micros:
        """The time of the cut: a question about yesterday has yesterday's. A live run that uses it starts over each
        time; in ``finish`` it is free."""
        self.used_now = True
        return self._now

    @property
    def delta(self) -> Sequence[Span]:
        """What the event put into the document and took out of it; nothing if it is no edit."""
        if self._spans is None:
            event = self._event
            is_edit = event.type == EDIT_RECORDED
            self._spans = self._document.spans(event, pushed=self._pushed) if is_edit else ()
        return self._spans

    @property
    def before(self) -> Texts:
        """The texts of the document just before the event."""
        return self._document.before(self._event.revision)

    @property
    def after(self) -> Texts:
        """The texts of the document with the event."""
        return self._document.after(self._event.revision)


class End:
    """What ``finish(state, end)`` gets: the cut as a whole."""

    def __init__(self, store: EventStore, scope: Scope, documents: dict[str, Document]) -> None:
        self.now = scope.now
        self._store = store
        self._scope = scope
        self._documents = documents

    @property
    def documents(self) -> list[str]:
        """The names of the documents that the question is about."""
        return documents_of(self._store, self._scope)

    def items(self, document: str, root: str | None = None) -> Iterator[Item]:
        """Everything that *document* ever had, in document order, deleted or not."""
        return self._document(document).caught_up().items(root)

    def episodes(self, document: str) -> tuple[Episode, ...]:
        """The conflict log of *document*, in document order."""
        return self._document(document).episodes()

    def _document(self, name: str) -> Document:
        found = self._documents.get(name)
        if found is None:
            found = self._documents[name] = Document(name, self._store, self._scope)
        return found
