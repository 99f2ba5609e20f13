"""What a reducer is: a function with a name, a version, and a hash of the code that its results depend on."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, Final

from keepboth.errors import InvalidRequest
from keepboth.events import Event

if TYPE_CHECKING:
    from keepboth.reducers.context import Context, End

Step = Callable[[Any, Event, "Context"], Any]
Merge = Callable[[Any, Any], Any]
Finish = Callable[[Any, "End"], Any]

NAME: Final = re.compile(r"[a-z][a-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Reducer:
    """One question. Calling it calls its function.

    ``step(state, event, ctx)`` returns the next state, or None if it has changed the one it got. ``types``: the events
    it is called for, None for all. ``initial()`` makes the first state. With ``merge(one, other)`` each document has a
    state of its own, and they are merged in the order of names. ``finish(state, end)`` makes the result and leaves the
    state as it is. ``code`` is a hash of all that source.
    """

    name: str
    version: int
    step: Step
    types: tuple[str, ...] | None
    initial: Callable[[], Any]
    merge: Merge | None
    finish: Finish | None
    code: str

    def __call__(self, state: Any, event: Event, ctx: Context) -> Any:
        return self.step(state, event, ctx)


def reducer(
    name: str,
    *,
    version: int = 1,
    types: Sequence[str] | None = None,
    initial: Callable[[], Any] = dict,
    merge: Merge | None = None,
    finish: Finish | None = None,
) -> Callable[[Step], Reducer]:
    """Make a `Reducer` of a function. No clock, no randomness, no input or output in it: equal events must always
    give an equal result.

    Raises InvalidRequest for a name that cannot stand in an address.
    """
    if not NAME.fullmatch(name):
        raise InvalidRequest(f"{name!r} cannot name a reducer: small letters, digits, '.', '_' and '-'", field="name")

    def made(step: Step) -> Reducer:
        given = None if types is None else tuple(types)
        code = code_hash([name, version, given], [one for one in (step, initial, merge, finish) if one is not None])
        return Reducer(name, version, step, given, initial, merge, finish, code)

    return made


def code_hash(facts: Sequence[object], functions: Sequence[Callable[..., Any]]) -> str:
    """A hash over *facts*, the source of *functions*, and of what they name in their own modules: functions, classes
    and plain values. Where there is no source, over the byte code."""
    digest = hashlib.sha256(repr(list(facts)).encode())
    done: set[str] = set()
    for function in functions:
        for part in _parts(function, done):
            digest.update(part.encode())
            digest.update(b"\0")
    return digest.hexdigest()[:16]


def _parts(thing: object, done: set[str]) -> Iterator[str]:
    if not isinstance(thing, FunctionType):
        if isinstance(thing, type) and thing.__module__ != "builtins":
            yield _source(thing)
        else:
            yield getattr(thing, "__qualname__", repr(thing))
        return
    key = f"{thing.__module__}.{thing.__qualname__}"
    if key in done:
        return
    done.add(key)
    yield _source(thing)
    yield repr(thing.__defaults__)
    for name in sorted(_names(thing.__code__)):
        found = thing.__globals__.get(name)
        if isinstance(found, FunctionType) and found.__module__ == thing.__module__:
            yield from _parts(found, done)
        elif isinstance(found, type) and found.__module__ == thing.__module__:
            if (seen := f"{found.__module__}.{found.__qualname__}") not in done:
                done.add(seen)
                yield _source(found)
        elif _is_plain(found):
            yield f"{name}={_plain_text(found)}"


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _is_plain(value: object) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_plain(item) for item in value)
    return isinstance(value, str | bytes | int | float | bool)


def _plain_text(value: object) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(repr, value))})"
    return repr(value)


def _source(thing: FunctionType | type) -> str:
    try:
        return inspect.getsource(thing)
    except (OSError, TypeError):
        return _code_text(thing.__code__) if isinstance(thing, FunctionType) else repr(sorted(vars(thing)))


def _code_text(code: CodeType) -> str:
    constants = [_code_text(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    return f"{code.co_code.hex()} {constants} {code.co_names} {code.co_varnames}"
