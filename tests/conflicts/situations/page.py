"""``docs/situations.md``, from what real peers did and the engine said.

``python -m tests.conflicts.situations.page`` writes it.
"""

from __future__ import annotations

from pathlib import Path

from keepboth.conflicts.model import Episode
from tests.conflicts.apart import made, told
from tests.conflicts.situations import SITUATIONS
from tests.conflicts.situations.base import IDS, Situation

PAGE = Path(__file__).parents[3] / "docs" / "situations.md"

HEAD = """\
# Situations

What happens to people who edit at the same time, and what the [conflict log](conflicts.md) says of it. In each, real
peers (pycrdt; Yjs for paragraphs, splitting and joining them as y-prosemirror does) start from the same document and
work apart. A test makes every one in all orders of client ids and of arrival; here the client ids are in the order of
the alphabet, which decides who comes first in the text and whose value stays. This page is made by
`python -m tests.conflicts.situations.page`.

`_` is a space at an end, `↵` the end of a line. Strike-through is what a side wrote and the merge does not show.
"""

PART = """
## {title}

{story}. Afterwards the document is {document}.

| severity | kinds | before | {who} | merged |
|---|---|---|{rules}---|
{rows}
"""


def page() -> str:
    """The whole page. Raises CalledProcessError or FileNotFoundError without Node and Yjs."""
    return HEAD + "".join(_part(situation) for situation in SITUATIONS)


def _part(situation: Situation) -> str:
    order = tuple(sorted(situation.people))
    work = made(situation.start, situation.people, dict(zip(order, IDS, strict=False)))
    episodes = told(work, situation.actors, order).episodes()
    return PART.format(
        title=situation.title[0].upper() + situation.title[1:],
        story=situation.story,
        document=_code(work.document),
        who=" | ".join(name.capitalize() for name in order),
        rules="---|" * len(order),
        rows="\n".join(_row(episode, order) for episode in episodes),
    )


def _row(episode: Episode, order: tuple[str, ...]) -> str:
    marks = [f"key {_code(episode.key)}"] * (episode.key is not None)
    marks += ["interleaved"] * episode.interleaved
    marks += ["double initialisation"] * episode.double_initialisation
    marks += ["self only"] * episode.self_only
    sides = {side.session or side.actor: side for side in episode.sides}
    cells = [episode.severity, ", ".join([*sorted(episode.kinds), *marks]), _code(episode.base)]
    for name in order:
        side = sides[name]
        cells.append(
            _code(side.text)
            + (f", ~~{_code(side.lost)}~~" if side.lost else "")
            + "".join(f", {key} {_code(value)}" for key, value in side.formats)
        )
    return f"| {' | '.join([*cells, _code(episode.merged)])} |"


def _code(text: str) -> str:
    if not text:
        return "(nothing)"
    start, end = "_" * text.startswith(" "), "_" * text.endswith(" ")
    return f"`{start}{text[len(start) : len(text) - len(end)]}{end}`".replace("\n", "↵").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
