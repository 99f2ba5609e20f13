"""Which events somebody follows."""

from __future__ import annotations

from typing import Final, NamedTuple

from keepboth.errors import InvalidRequest
from keepboth.events import EDIT_RECORDED

DOCUMENT_QUIET: Final = "document.quiet"
"""No event of the log: it stands for whole bursts of edits, in feeds that ask for it."""


class Choice(NamedTuple):
    """Which events: of one document, of these types, by these actors; nothing set means all."""

    document: str | None = None
    types: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()

    @property
    def quiet(self) -> bool:
        """True if ``document.quiet`` is asked for."""
        return DOCUMENT_QUIET in self.types

    def checked(self) -> Choice:
        """This, if it makes sense. Raises InvalidRequest."""
        if self.quiet and EDIT_RECORDED in self.types:
            raise InvalidRequest(f"{DOCUMENT_QUIET} is told in place of {EDIT_RECORDED}: ask for one", field="types")
        return self


def choice_of(document: str | None, types: list[str], actors: list[str]) -> Choice:
    """The same choice is the same value, whatever order it was said in. Raises InvalidRequest."""
    return Choice(document, tuple(sorted(set(types))), tuple(sorted(set(actors)))).checked()
