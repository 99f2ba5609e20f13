"""Where in a document a collision is, as people say it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from keepboth.conflicts.model import Episode, Step
from keepboth.telling.sentences import Sentence, say
from keepboth.telling.texts import element_noun
from keepboth.telling.words import one_line

MAX_HEADING: Final = 40
MAX_PATH: Final = 120
_PLAIN: Final = re.compile(r"[A-Za-z_]\w*")


class Where(NamedTuple):
    """``text`` for people, ``path`` for programs: ``cells[4].source``. ``said`` are the sentences that make the text,
    outermost first."""

    text: str
    path: str
    said: tuple[Sentence, ...]


def where_of(episode: Episode) -> Where:
    """``heading 'Budget' › paragraph 3``, ``cells[4].source``, ``line 12``, ```due```.

    Blocks are counted from 1 within their parent, whatever they are; a paragraph alone in a list item is the list item.
    """
    steps = _steps(episode)
    path = one_line(_path(steps), MAX_PATH)
    said = _blocks(steps)
    if said:
        if episode.heading:
            said.insert(0, say("place", "heading", heading=one_line(episode.heading, MAX_HEADING)))
        if steps[-1].of == "key":
            said.append(say("place", "key", key=one_line(str(steps[-1].at), MAX_PATH)))
    elif episode.key is not None and len(steps) <= 2:
        said = [say("place", "key", key=one_line(episode.key, MAX_PATH))]
    elif len(steps) > 1:
        line = episode.line or 1
        said = [say("place", "path", path=path) if line == 1 else say("place", "path-line", path=path, line=line)]
    elif episode.line is not None:
        said = [say("place", "line", line=episode.line)]
    else:
        said = [say("place", "path", path=path)]
    return Where(" › ".join(sentence.text for sentence in said), path, tuple(said))


def _steps(episode: Episode) -> tuple[Step, ...]:
    """The path with the key at its end, and a root where the entry names none."""
    steps = episode.path or (Step("root", episode.root),)
    key = episode.key
    if key is not None and (steps[-1].of, steps[-1].at) != ("key", key):
        steps = (*steps, Step("key", key))
    return steps


def _path(steps: Sequence[Step]) -> str:
    out: list[str] = []
    for step in steps:
        if step.of == "index":
            out.append(f"[{step.at}]")
        elif not out or not _PLAIN.fullmatch(str(step.at)):
            out.append(f"[{json.dumps(step.at, ensure_ascii=False)}]" if out else str(step.at))
        else:
            out.append(f".{step.at}")
    return "".join(out)


def _blocks(steps: Sequence[Step]) -> list[Sentence]:
    """The XML elements on the way, outermost first."""
    named = [step for step in steps if step.of == "index" and step.name]
    while len(named) > 1 and named[-1].at == 0 and element_noun(named[-1].name or "") in ("paragraph", "block"):
        named.pop()
    return [
        say("place", "block", noun=element_noun(step.name or ""), number=int(step.at) + 1)
        for step in named
        if element_noun(step.name or "") != "group"
    ]
