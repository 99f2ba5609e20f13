"""An episode as canonical JSON: what the conflict log stores and the API gives out.

Canonical means sorted keys, no spaces, UTF-8: equal episodes have equal bytes, so a rebuilt conflict log can be
compared with the stored one.
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from keepboth.conflicts.model import Episode


def episode_value(episode: Episode) -> dict[str, Any]:
    """The episode as JSON-able values: sets sorted, ids as ``[client, clock]``."""
    return {field.name: _plain(getattr(episode, field.name)) for field in fields(episode)}


def episode_body(episode: Episode) -> bytes:
    """The episode as canonical JSON."""
    value = episode_value(episode)
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _plain(value: Any) -> Any:
    if isinstance(value, frozenset | set):
        return sorted(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    if hasattr(value, "__dataclass_fields__"):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    return value
