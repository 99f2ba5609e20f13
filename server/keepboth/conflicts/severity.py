"""How bad a collision is, told from its texts.

| severity | when |
|---|---|
| ``lost`` | something a side wrote here is not in the merge |
| ``agreed`` | every side says what the merge says |
| ``duplicated`` | every side says the same, and the merge says it twice |
| ``both-rewrote`` | at least two sides replaced what was there before, differently |
| ``orphaned`` | text stayed whose surroundings the other deleted |
| ``formatting-lost`` | only formats met |
| ``both-removed`` | only deletes met, of different extents |
| ``same-gap`` | both versions stand side by side |
"""

from __future__ import annotations

from collections.abc import Sequence

from keepboth.conflicts.model import Kind, Severity, Side

_DELETES: frozenset[Kind] = frozenset({"delete-delete", "adjacent-deletes"})
_FORMATS: frozenset[Kind] = frozenset({"format", "format-in-deleted"})


def severity_of(kinds: frozenset[Kind], sides: Sequence[Side], rewrote: int, merged: str) -> Severity:
    """The severity of an episode. *rewrote*: how many sides deleted something of the base and inserted something."""
    if any(side.lost for side in sides):
        return "lost"
    if kinds <= _FORMATS:
        return "formatting-lost"
    texts = {side.text for side in sides}
    if len(sides) > 1 and len(texts) == 1:
        return "agreed" if merged in texts else "duplicated"
    if kinds <= _DELETES:
        return "both-removed"
    if rewrote > 1 and kinds != {"same-line"}:
        return "both-rewrote"
    return "orphaned" if "insert-in-deleted" in kinds else "same-gap"
