"""JSON as it lies inside updates and awareness states: written by ``JSON.stringify``, read by ``JSON.parse``.

Every peer parses these texts while it applies an update, and a text that does not parse stops it there. So what comes
in is parsed once, here, before anybody else has to.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from keepboth.errors import MalformedMessage
from keepboth.yjs.anyvalue import MAX_DEPTH
from keepboth.yjs.lib0 import MAX_SAFE_INTEGER

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_COMMON: Final = frozenset({"null", "true", "false", "{}"})


def parse_json(text: str) -> object:
    """Return the value of *text* as a JavaScript peer sees it.

    Integers beyond 2**53 - 1 come as floats; a lone surrogate, which JSON can spell and UTF-8 cannot, as U+FFFD.

    Raises: MalformedMessage when it is not JSON (NaN and Infinity are not) or nests deeper than `MAX_DEPTH`.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise MalformedMessage(f"JSON nests deeper than {MAX_DEPTH}")
    try:
        value: object = _DECODER.decode(text)
    except ValueError:
        raise MalformedMessage("a text is not JSON") from None
    return _without_surrogates(value) if "\\ud" in text or "\\uD" in text else value


def check_json(text: str) -> None:
    """Return if `parse_json` would.

    Raises: MalformedMessage as `parse_json` does.
    """
    if text not in _COMMON:
        parse_json(text)


def _integer(digits: str) -> int | float:
    if len(digits) <= 15:
        return int(digits)
    number = float(digits)
    return number if abs(number) > MAX_SAFE_INTEGER else int(digits)


def _constant(name: str) -> NoReturn:
    raise ValueError(name)


_DECODER: Final = json.JSONDecoder(parse_int=_integer, parse_constant=_constant)


def _depth(text: str) -> int:
    """Return how deep brackets outside strings nest; a bound for the parser, right for every text that is JSON."""
    depth = deepest = 0
    for char in _STRING.sub("", text):
        if char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _without_surrogates(value: object) -> object:
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_without_surrogates(element) for element in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(element) for key, element in value.items()}
    return value
