"""A sentence as ``{code, params, text}``: applications may show the text or say the code in their own words.

Params are plain JSON values. Forms in the table of wordings:

| form | parameter | reads |
|---|---|---|
| none | text, number, names | ``Ann``, ``1,204``, ``Ann, Bob and Cleo`` |
| ``both`` | names | ``Ann and Bob both``, ``Ann, Bob and Cleo all`` |
| ``own`` | names | ``Ann's`` |
| ``quote``, ``quotes`` | text, texts | ``'by Friday'`` |
| ``code``, ``value`` | key, JSON value as text | ```due```, ``4`` |
| ``all`` | number | ``Both versions``, ``All 3 versions`` |
| ``times`` | number | ``twice``, ``3 times`` |
| ``are``, ``is``, ``now`` | true while it is so | ``are``, ``were``; ``now``, ``then`` |
| ``#noun`` | number | ``1 edit``, ``41 edits`` |
| ``settings``, ``formats``, ``deletions``, ``reasons`` | lists of records | a list in words |

``A guest`` is ``a guest`` inside a sentence. Parameters hold no control characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from string import Formatter
from typing import Any, Final, NamedTuple

from keepboth.telling.wording import ENGLISH
from keepboth.telling.words import isolated

MAX_NAMES: Final = 4
_PLURALS: Final = {"person": "people"}
_UNNAMED: Final = re.compile(r"(A|An|The) (guest|person|agent|import|server)")
_MARK: Final = "\0"
"""Stands before ``a guest`` until it is known whether that begins a sentence. No parameter holds it."""
_BEGINNING: Final = re.compile(rf"(^|[.] ){_MARK}([a-z])")


class Sentence(NamedTuple):
    """``code`` is ``group.name``; ``params`` belong to it and are JSON; ``text`` is English, plain, one line."""

    code: str
    params: dict[str, Any]
    text: str


def say(group: str, name: str, **params: Any) -> Sentence:
    """The sentence ``group.name``. Raises KeyError for a code or parameter that does not exist."""
    text = _WRITER.vformat(ENGLISH[group][name], (), params)
    return Sentence(f"{group}.{name}", params, text)


def listed(items: Sequence[str]) -> str:
    """``Ann``, ``Ann and Bob``, ``Ann, Bob and Cleo``; beyond `MAX_NAMES` ``Ann, Bob, Cleo and 2 others``."""
    if len(items) > MAX_NAMES:
        return f"{', '.join(items[: MAX_NAMES - 1])} and {len(items) - MAX_NAMES + 1} others"
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def counted(number: int, noun: str) -> str:
    """``1 edit``, ``1,204 edits``."""
    return f"{number:,} {noun if number == 1 else _PLURALS.get(noun, noun + 's')}"


def quoted(text: str) -> str:
    """``'by Friday'``; what stands in double quotes already, as JSON does, as it is."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        return isolated(text)
    return f"'{isolated(text)}'"


def code(text: str) -> str:
    return f"`{isolated(text)}`"


def _names(names: Sequence[str]) -> str:
    return listed([_name(name) for name in names])


def _name(name: str) -> str:
    return _MARK + name[0].lower() + name[1:] if _UNNAMED.fullmatch(name) else isolated(name)


def _both(names: Sequence[str]) -> str:
    return _names(names) + ("" if len(names) < 2 else " both" if len(names) == 2 else " all")


def _all(versions: int) -> str:
    return "Both versions" if versions == 2 else f"All {versions} versions"


def _times(number: int) -> str:
    return "twice" if number == 2 else f"{number} times"


def _settings(settings: Sequence[dict[str, Any]]) -> str:
    """``Ann set `due` to 4, Bob to 7``. Each has ``people``, ``key`` and ``value`` (None: removed)."""
    parts: list[str] = []
    last_set = False
    for setting in settings:
        who, value = _names(setting["people"]), setting["value"]
        it = "it" if parts else code(setting["key"])
        if value is None:
            parts.append(f"{who} removed {it}")
        elif last_set:
            parts.append(f"{who} to {isolated(value)}")
        else:
            parts.append(f"{who} set {it} to {isolated(value)}")
        last_set = value is not None
    return ", ".join(parts)


def _formats(formats: Sequence[dict[str, Any]]) -> str:
    """``Ann set color to "red", Bob removed bold``. Each has ``people``, ``format`` and ``value`` (JSON text)."""
    parts = []
    for given in formats:
        who, name, value = _names(given["people"]), isolated(given["format"]), given["value"]
        if value in ("null", "false"):
            parts.append(f"{who} removed {name}")
        else:
            parts.append(f"{who} set {name}" + ("" if value == "true" else f" to {isolated(value)}"))
    return ", ".join(parts)


def _deletions(deletions: Sequence[dict[str, Any]]) -> str:
    """``Ann deleted 'two', Bob 'three'``. Each has ``people`` and ``text``."""
    parts = [
        f"{_names(deletion['people'])} {'' if nth else 'deleted '}{quoted(deletion['text'])}"
        for nth, deletion in enumerate(deletions)
    ]
    return ", ".join(parts)


def _reasons(reasons: Sequence[dict[str, Any]]) -> str:
    """``8 same change, 1 possible``. Each has ``count`` and ``reason``."""
    return ", ".join(f"{item['count']:,} {ENGLISH['hidden'][item['reason']]}" for item in reasons)


_FORMS: Final[dict[str, Callable[[Any], str]]] = {
    "both": _both,
    "own": lambda names: _names(names) + "'s",
    "quote": quoted,
    "quotes": lambda texts: listed([quoted(text) for text in texts]),
    "code": code,
    "value": isolated,
    "all": _all,
    "times": _times,
    "are": lambda still: "are" if still else "were",
    "is": lambda still: "is" if still else "was",
    "now": lambda still: "now" if still else "then",
    "settings": _settings,
    "formats": _formats,
    "deletions": _deletions,
    "reasons": _reasons,
}


class _Writer(Formatter):
    def vformat(self, format_string: str, args: Any, kwargs: Any) -> str:
        text = super().vformat(format_string, args, kwargs)
        return _BEGINNING.sub(lambda found: found[1] + found[2].upper(), text).replace(_MARK, "")

    def format_field(self, value: Any, format_spec: str) -> str:
        if format_spec.startswith("#"):
            return counted(value, format_spec[1:])
        if format_spec:
            return _FORMS[format_spec](value)
        if isinstance(value, list):
            return _names(value)
        return _name(value) if isinstance(value, str) else f"{value:,}"


_WRITER: Final = _Writer()
