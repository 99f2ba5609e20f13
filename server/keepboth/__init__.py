"""KeepBoth: a collaborative editing server that never rejects an edit and never hides a collision."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keepboth.log import Log

__version__ = "0.1.0"


def open_log(path: str | PathLike[str]) -> Log:
    """A log to ask questions of: a server's data folder (also while it runs), its file, or an archive.

    Raises NotFound, StoreDamaged, StoreTooNew, InvalidRequest.
    """
    from keepboth.log import Log

    return Log.open(path)
