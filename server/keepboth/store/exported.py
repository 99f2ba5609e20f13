"""A log read from an export: CloudEvents in JSON, one a line, as ``/api/events`` and archives give them.

All of it is kept in memory. What the export leaves out (salts, raw messages) is not there; hashes are taken as they
stand.
"""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

from keepboth.errors import InvalidRequest, NotFound
from keepboth.events import Context, Event, Micros, id_from_text
from keepboth.store.base import Append, AppendResult, Head
from keepboth.store.hashing import GENESIS
from keepboth.store.memory import MemoryStore

_SOURCE: Final = "urn:uuid:"
_TYPE: Final = "dev.keepboth."
_ARCHIVE: Final = "dev.keepboth.archive."
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


class ExportedStore(MemoryStore):
    """:class:`~keepboth.store.base.EventStore` over the events of an export; nothing can be appended."""

    def __init__(self, events: Iterable[Event], store_id: str) -> None:
        super().__init__(store_id=store_id)
        for event in events:
            stream = self._documents.setdefault(event.document, [])
            if event.revision != len(stream) + 1 or (self._log and event.position <= self._log[-1].position):
                raise InvalidRequest(
                    f"the export has revision {event.revision} of a document behind {len(stream)}: it must hold every "
                    f"event from the first on, in order",
                    document=event.document,
                    revision=event.revision,
                )
            stream.append(event)
            self._log.append(event)
            self._by_id[event.id] = event

    def append(self, items: Sequence[Append]) -> list[AppendResult]:
        """Raises InvalidRequest."""
        raise InvalidRequest("an export is read only")

    def head(self) -> Head:
        """The last event's place. An export names no commits: the hash is that of the last event's document."""
        if not self._log:
            return Head(0, GENESIS)
        return Head(self._log[-1].position, self._log[-1].document_hash)

    def read(
        self,
        document: str | None = None,
        *,
        after: int = 0,
        until: int | None = None,
        types: Sequence[str] = (),
        actors: Sequence[str] = (),
        reverse: bool = False,
        limit: int = 1000,
    ) -> list[Event]:
        if document is None:  # positions of other documents' events may be missing
            after = bisect_right(self._log, after, key=lambda event: event.position)
            if until is not None:
                until = bisect_right(self._log, until, key=lambda event: event.position)
        return super().read(
            document, after=after, until=until, types=types, actors=actors, reverse=reverse, limit=limit
        )


def read_export(path: Path) -> ExportedStore:
    """The log in the NDJSON file at *path*, also compressed with gzip (``.gz``).

    Raises NotFound if there is none; InvalidRequest, with its number, for a line that is no event.
    """
    if not path.exists():
        raise NotFound(f"there is no file {path}", path=str(path))
    store_id = ""
    events: list[Event] = []
    with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
                if value["type"].startswith(_ARCHIVE):
                    continue
                store_id = store_id or value["source"].removeprefix(_SOURCE)
                events.append(event_of(value))
            except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
                raise InvalidRequest(f"line {number} of {path.name} is no event: {error}", line=number) from error
    return ExportedStore(events, store_id)


def event_of(value: dict[str, Any]) -> Event:
    """The event that a CloudEvent tells of. Raises ValueError, KeyError or TypeError for anything else."""
    name = value["type"]
    if not name.startswith(_TYPE) or not name.endswith(".v1"):
        raise ValueError(f"{name!r} is not a type of ours")
    payload = _payload(value)
    context = value.get("context")
    digest = value.get("messagedigest")
    return Event(
        position=int(value["sequence"]),
        document=value["partitionkey"],
        revision=value["docrevision"],
        id=id_from_text(value["id"]),
        type=name.removeprefix(_TYPE).removesuffix(".v1"),
        content_type=value["datacontenttype"],
        actor=value["authid"],
        actor_kind=value["actorkind"],
        session=value.get("session"),
        session_seq=int(value["sessionseq"]) if "sessionseq" in value else None,
        part=int(value.get("part", 0)),
        clients=tuple(int(client) for client in value.get("clients", "").split()),
        relayed_by=value.get("relayedby"),
        context=None if context is None else Context.from_bytes(b64decode(context, validate=True)),
        context_source=value.get("contextsource", "none"),
        message_digest=None if digest is None else bytes.fromhex(digest),
        recorded_at=_micros(value, "recordedmicros", "recordedtime"),
        authored_at=_micros(value, "authoredmicros", "time"),
        time_quality=value["timequality"],
        correlation_id=value.get("correlationid"),
        causation_id=value.get("causationid"),
        away_from=int(value["awayfrommicros"]) if "awayfrommicros" in value else None,
        payload=payload,
        payload_digest=bytes.fromhex(value["payloaddigest"]) if "payloaddigest" in value else _digest(payload),
        payload_len=int(value.get("payloadlength", len(payload or b""))),
        disposition=value["disposition"],
        document_hash=bytes.fromhex(value["dochash"]),
    )


def _payload(value: dict[str, Any]) -> bytes | None:
    if value.get("erased") is True:
        return None
    if "data_base64" in value:
        return b64decode(value["data_base64"], validate=True)
    return json.dumps(value["data"], ensure_ascii=False, separators=(",", ":")).encode()


def _digest(payload: bytes | None) -> bytes:
    """Without the salt the log's own digest cannot be told: this one only tells payloads apart."""
    return sha256(payload or b"").digest()


def _micros(value: dict[str, Any], exact: str, text: str) -> Micros:
    if exact in value:
        return int(value[exact])
    since = datetime.fromisoformat(cast(str, value[text])) - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
