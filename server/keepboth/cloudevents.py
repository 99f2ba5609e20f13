"""A recorded event as a CloudEvent 1.0 in JSON: what feeds, exports and refusals show.

The mapping is the one of ``docs/http.md`` ("Events"). It keeps every value: JSON that would not survive being parsed
and written again is given as ``data_base64``.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any, Final

from keepboth.events import CONTENT_JSON, ActorKind, Event, Micros, id_text

BATCH: Final = "application/cloudevents-batch+json"
SINGLE: Final = "application/cloudevents+json"

_AUTH_TYPES: Final[Mapping[ActorKind, str]] = {
    "human": "user",
    "agent": "service_account",
    "system": "system",
    "import": "unknown",
    "anonymous": "unauthenticated",
}
"""The values that the CloudEvents auth context extension allows; ``actorkind`` keeps ours."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MICRO: Final = 253_402_300_799_999_999
"""The end of the year 9999: RFC 3339 has no later moment."""


def rfc3339(moment: Micros) -> str:
    """*moment* as RFC 3339 text in UTC with six decimals."""
    at = _EPOCH + timedelta(microseconds=min(max(moment, 0), _LAST_MICRO))
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def source(store_id: str) -> str:
    """The absolute URI that names a store."""
    return f"urn:uuid:{store_id}"


def cloud_event(event: Event, store_id: str) -> dict[str, Any]:
    """*event* as a CloudEvent's JSON object; attributes without a value are left out."""
    out: dict[str, Any] = {
        "specversion": "1.0",
        "id": id_text(event.id),
        "source": source(store_id),
        "type": f"dev.keepboth.{event.type}.v1",
        "subject": f"docs/{event.document}",
        "time": rfc3339(event.authored_at),
        "recordedtime": rfc3339(event.recorded_at),
        "sequence": f"{event.position:020d}",
        "partitionkey": event.document,
        "docrevision": event.revision,
        "dochash": event.document_hash.hex(),
        "datacontenttype": event.content_type,
        "authid": event.actor,
        "authtype": _AUTH_TYPES[event.actor_kind],
        "actorkind": event.actor_kind,
        "timequality": event.time_quality,
        "disposition": event.disposition,
    }
    optional = {
        "session": event.session,
        "relayedby": event.relayed_by,
        "correlationid": event.correlation_id,
        "causationid": event.causation_id,
        "contextsource": event.context_source if event.context is not None else None,
        "context": b64encode(event.context.to_bytes()).decode() if event.context is not None else None,
    }
    out.update((name, value) for name, value in optional.items() if value is not None)
    if event.payload is None:
        out["erased"] = True
    else:
        _put_data(out, event.content_type, event.payload)
    return out


def _put_data(out: dict[str, Any], content_type: str, payload: bytes) -> None:
    if content_type == CONTENT_JSON:
        try:
            value = json.loads(payload, parse_constant=_refuse, parse_float=_finite)
            if b"\\ud" in payload.lower():
                json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair is no text
        except (ValueError, RecursionError):
            pass
        else:
            out["data"] = value
            return
    out["data_base64"] = b64encode(payload).decode()


def _finite(digits: str) -> float:
    """A number that can be written again: 1e400 is JSON, and infinite to us."""
    value = float(digits)
    if not isfinite(value):
        raise ValueError(f"{digits[:20]} is too large")
    return value


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def cloud_events(events: Iterable[Event], store_id: str) -> list[dict[str, Any]]:
    """Several events, in their order."""
    return [cloud_event(event, store_id) for event in events]


def json_bytes(value: Any) -> bytes:
    """*value* as compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
