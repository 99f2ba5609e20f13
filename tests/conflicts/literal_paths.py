"""Where a place is, on a screen: the steps from the root type down, the line of a text, the heading above."""

from __future__ import annotations

from keepboth.conflicts.model import Step
from keepboth.yjs.structs import EMBED, FORMAT, STRING, Y_TEXT, Y_XML_ELEMENT, Y_XML_TEXT
from tests.conflicts.literal_items import Item, Line
from tests.conflicts.literal_views import Views, text_of

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


class Paths:
    """Finds out what *views* and a screen, the merged one, say of an item that an episode begins with."""

    def __init__(self, views: Views, seen: set[int]) -> None:
        self.views = views
        self.seen = seen

    def is_text(self, line: Line) -> bool:
        """For a root, what was put into it tells."""
        if line.key is not None:
            return False
        if line.holder is not None:
            return line.holder.type_ref.ref in (Y_TEXT, Y_XML_TEXT)
        return any(item.kind in (STRING, EMBED, FORMAT) and item.maker in self.seen for item in line.items)

    def path(self, first: Item) -> tuple[Step, ...]:
        """In a text it ends at the text, elsewhere with a key or index."""
        line = first.line
        assert line is not None
        top = [*line.chain()][-1].line if line.holder is not None else line
        assert top is not None
        steps = [Step("root", top.root)]
        steps += [self._step(holder) for holder in reversed([*line.chain()])]
        if line.key is not None:
            steps.append(Step("key", line.key))
        elif not self.is_text(line):
            steps.append(self._step(first))
        return tuple(steps)

    def _step(self, item: Item) -> Step:
        line = item.line
        assert line is not None
        name = item.type_ref.name if item.is_type else None
        if line.key is not None:
            return Step("key", line.key, name)
        return Step("index", len(self._visible_before(item)), name)

    def _visible_before(self, item: Item) -> list[Item]:
        line = item.line
        assert line is not None
        earlier = set(line.items[: item.at])
        return [other for other in self.views.pairs.visible(line, self.seen) if other in earlier]

    def line_number(self, first: Item) -> int | None:
        assert first.line is not None
        if not self.is_text(first.line):
            return None
        return 1 + sum(other.kind == STRING and other.content == "\n" for other in self._visible_before(first))

    def heading(self, first: Item) -> str | None:
        """The words of the nearest heading before the outermost XML node around *first*."""
        assert first.line is not None
        blocks = [item for item in (first, *first.line.chain()) if is_node(item)]
        before = self._visible_before(blocks[-1]) if blocks else []
        headings = [other for other in before if is_heading(other)]
        return text_of("".join(self._letters(headings[-1]))).strip() if headings else None

    def _letters(self, item: Item) -> list[str]:
        if not item.is_type:
            return [str(item.content)] if item.kind == STRING else []
        lines = [line for line in self.views.pairs.lines if line.holder is item and line.key is None]
        inner = [child for line in lines for child in self.views.pairs.visible(line, self.seen)]
        return [letter for child in inner for letter in self._letters(child)]


def is_node(item: Item) -> bool:
    """True for an XML element or text among its siblings."""
    assert item.line is not None
    return item.line.key is None and item.is_type and item.type_ref.ref in (Y_XML_ELEMENT, Y_XML_TEXT)


def is_heading(item: Item) -> bool:
    name = item.type_ref.name if item.is_type else None
    return name is not None and (name in HEADINGS or name.startswith("heading"))
