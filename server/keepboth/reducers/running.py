"""Runs reducers over a scope in one pass, once or again and again as the log grows."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from keepboth.events import EDIT_RECORDED, Event, Micros, id_text
from keepboth.reducers.context import Context, Document, End
from keepboth.reducers.definition import Reducer
from keepboth.reducers.scope import Scope, events_of
from keepboth.store.base import EventStore

TELL_EVERY: Final = 2000


class Parked(NamedTuple):
    """Where a reducer raised, and what. Without an event: in ``merge`` or ``finish``."""

    document: str | None
    revision: int | None
    position: int | None
    event: str | None
    error: str
    traceback: str


@dataclass(frozen=True, slots=True)
class Result:
    """The answer to one question at one cut.

    ``cut`` asks for the same events again; ``until`` is their last revision (of one document) or position. ``events``:
    how many the reducer was called for. ``value`` is None if it is ``parked``: it raised, and saw nothing after that.
    """

    name: str
    version: int
    code: str
    documents: tuple[str, ...] | None
    cut: str
    until: int
    now: Micros
    events: int
    value: Any
    parked: Parked | None = None

    def to_json(self) -> dict[str, Any]:
        """As values of JSON: keys are text, sets are sorted lists."""
        return {
            "name": self.name,
            "version": self.version,
            "code": self.code,
            "documents": None if self.documents is None else list(self.documents),
            "cut": self.cut,
            "until": self.until,
            "now": self.now,
            "events": self.events,
            "value": plain(self.value),
            "parked": None if self.parked is None else self.parked._asdict(),
        }


class _Question:
    """One reducer on its way. ``states``: by document if it merges, else one under ""."""

    def __init__(self, reducer: Reducer) -> None:
        self.reducer = reducer
        self.step = reducer.step
        self.types = None if reducer.types is None else frozenset(reducer.types)
        self.by_document = reducer.merge is not None
        self.states: dict[str, Any] = {} if self.by_document else {"": reducer.initial()}
        self.events = 0
        self.parked: Parked | None = None

    def take(self, event: Event, ctx: Context) -> None:
        self.events += 1
        key = event.document if self.by_document else ""
        states = self.states
        if key not in states:
            states[key] = self.reducer.initial()
        state = self.step(states[key], event, ctx)
        if state is not None:
            states[key] = state

    def value(self, end: End) -> Any:
        reducer = self.reducer
        if reducer.merge is None:
            state = self.states[""]
        else:
            state = reducer.initial()
            for name in sorted(self.states):
                state = reducer.merge(state, self.states[name])
        return state if reducer.finish is None else reducer.finish(state, end)


class Run:
    """*reducers* over one log. `to` goes on from where it was if the scope has only grown, else it starts over."""

    def __init__(self, store: EventStore, reducers: Sequence[Reducer]) -> None:
        self._store = store
        self._reducers = tuple(reducers)
        self._scope: Scope | None = None
        self._begin()

    def _begin(self) -> None:
        self._questions = [_Question(reducer) for reducer in self._reducers]
        self._documents: dict[str, Document] = {}
        self._place = 0
        self._context = Context()

    def to(self, scope: Scope, progress: Callable[[int, int], None] | None = None) -> list[Result]:
        """The results at *scope*, one a reducer. ``progress(done, total)`` counts revisions, or positions.

        A reducer that raises is parked at that event; the others go on. Raises MemoryError if there is too little.
        """
        if not self._goes_on(scope):
            self._begin()
        self._scope = scope
        for document in self._documents.values():
            document.scope = scope
        self._advance(scope, progress)
        return [self._result(question, scope) for question in self._questions]

    def _goes_on(self, scope: Scope) -> bool:
        last = self._scope
        if last is None or scope.until < self._place or scope.documents != last.documents or self._context.used_now:
            return False
        if scope.selection is not None and last.selection is not None and self._place:
            known = last.selection
            if self._store.hash_at(known.document, known.revision) != known.document_hash:
                return False
        return scope.grows and last.grows

    def _advance(self, scope: Scope, progress: Callable[[int, int], None] | None) -> None:
        wanted = [question.types for question in self._questions]
        union = frozenset().union(*(types for types in wanted if types is not None))
        types = () if None in wanted else sorted(union)
        pushed = None in wanted or EDIT_RECORDED in union
        context, documents, store, now = self._context, self._documents, self._store, scope.now
        by_revision = scope.selection is not None
        going = [question for question in self._questions if question.parked is None]
        for count, event in enumerate(events_of(store, scope, self._place, types), 1):
            name = event.document
            document = documents.get(name)
            if document is None:
                document = documents[name] = Document(name, store, scope)
            context.enter(event, document, now, pushed and event.type == EDIT_RECORDED)
            kind = event.type
            for question in going:
                if question.types is None or kind in question.types:
                    try:
                        question.take(event, context)
                    except MemoryError:
                        raise
                    except Exception as error:  # noqa: BLE001 - whatever a reducer raises, others go on
                        question.parked = _parked(error, event)
                        going = [one for one in going if one is not question]
            context.leave()
            if progress is not None and count % TELL_EVERY == 0:
                progress(event.revision if by_revision else event.position, scope.until)
        self._place = scope.until
        if progress is not None:
            progress(scope.until, scope.until)

    def _result(self, question: _Question, scope: Scope) -> Result:
        value, parked = None, question.parked
        if parked is None:
            try:
                value = question.value(End(self._store, scope, self._documents))
            except MemoryError:
                raise
            except Exception as error:  # noqa: BLE001 - see above
                parked = _parked(error, None)
        reducer = question.reducer
        return Result(
            reducer.name, reducer.version, reducer.code, scope.documents, scope.token, scope.until, scope.now,
            question.events, value, parked,
        )  # fmt: skip


def _parked(error: Exception, event: Event | None) -> Parked:
    text = "".join(traceback.format_exception(error))
    what = f"{type(error).__name__}: {error}"
    if event is None:
        return Parked(None, None, None, None, what, text)
    return Parked(event.document, event.revision, event.position, id_text(event.id), what, text)


def plain(value: Any) -> Any:
    """*value* as JSON has it."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted((plain(item) for item in value), key=repr)
    if hasattr(value, "_asdict"):
        return plain(value._asdict())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def reduce(store: EventStore, reducer: Reducer, scope: Scope) -> Result:
    """The result of one reducer at *scope*."""
    return Run(store, [reducer]).to(scope)[0]
