"""The two kinds of edit that most of every log is made of, told from their first bytes: a letter, and a deletion."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = rb"[\x80-\xff]*[\x00-\x7f]"
_TYPED: Final = (
    rb"\x01\x01" + 2 * _NUMBER + rb"(?:[\x44\x84]" + 2 * _NUMBER + rb"|\xc4" + 4 * _NUMBER + rb")\x01[\x00-\x7f]"
)
"""One client, one struct: its client, its clock, a string behind or before something or both, of one ASCII letter."""

_KEYSTROKE: Final = re.compile(rb"\x00|" + _TYPED)


def is_keystroke(payload: bytes) -> bool:
    """True if *payload* only deletes, or inserts one ASCII letter beside what is there (and may delete besides): it
    brings no shared type, names no root, and holds no surrogate pair. False says nothing."""
    return _KEYSTROKE.match(payload) is not None
