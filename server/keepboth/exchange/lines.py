"""The parts of an archive as lines: each is a CloudEvent in JSON (NDJSON), so that any reader of events can take it.

An event is what the feeds show and what they leave out: numbers that may pass 32 bits are decimal text, bytes are
base64, digests hexadecimal. Header, raw messages, commits and the end have types of their own.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from typing import Any, Final

from keepboth.cloudevents import cloud_event, json_bytes, source
from keepboth.errors import InvalidRequest
from keepboth.events import Context, Event, id_from_text
from keepboth.exchange.archive import End, Header, Message, Part
from keepboth.store.base import CommitRow, WholeEvent

MEDIA_TYPE: Final = "application/x-ndjson"
FORMAT: Final = 1

MAX_BRACKETS: Final = 200

_PREFIX: Final = "dev.keepboth."
_HEADER: Final = "dev.keepboth.archive.header"
_MESSAGE: Final = "dev.keepboth.archive.message"
_COMMIT: Final = "dev.keepboth.archive.commit"
_END: Final = "dev.keepboth.archive.end"


def lines(parts: Iterable[Part]) -> Iterator[bytes]:
    """One line of JSON, with its line end, a part."""
    store_id = ""
    for part in parts:
        if isinstance(part, WholeEvent):
            value = whole_event(part, store_id)
        elif isinstance(part, Header):
            store_id = part.store_id
            value = _header(part)
        elif isinstance(part, Message):
            value = _other(_MESSAGE, store_id, f"message-{part.digest.hex()}", messagedigest=part.digest.hex())
            if part.raw is None:
                value["erased"] = True
            else:
                value["data_base64"] = b64encode(part.raw).decode()
        elif isinstance(part, CommitRow):
            data = {"first": part.first, "last": part.last, "hash": part.commit_hash.hex()}
            value = _other(_COMMIT, store_id, f"commit-{part.last}", data=data)
        else:
            value = _other(_END, store_id, f"end-{part.events}", data={"events": part.events})
        yield json_bytes(value) + b"\n"


def whole_event(whole: WholeEvent, store_id: str) -> dict[str, Any]:
    """An event as a CloudEvent that says everything: its hash can be computed from it."""
    event, salt = whole
    out = cloud_event(event, store_id)
    if "data" in out and event.payload is not None and not _survives(event.payload, out["data"]):
        del out["data"]
        out["data_base64"] = b64encode(event.payload).decode()
    out["contextsource"] = event.context_source
    out["recordedmicros"] = str(event.recorded_at)
    out["authoredmicros"] = str(event.authored_at)
    out["payloaddigest"] = event.payload_digest.hex()
    out["payloadlength"] = str(event.payload_len)
    if salt is not None:
        out["salt"] = b64encode(salt).decode()
    if event.session_seq is not None:
        out["sessionseq"] = str(event.session_seq)
    if event.part:
        out["part"] = str(event.part)
    if event.clients:
        out["clients"] = " ".join(map(str, event.clients))
    if event.away_from is not None:
        out["awayfrommicros"] = str(event.away_from)
    if event.message_digest is not None:
        out["messagedigest"] = event.message_digest.hex()
    return out


def _survives(payload: bytes, value: Any) -> bool:
    """True if writing *value* gives *payload* again, to the byte: the hash is over bytes. What may be nested so deep
    that another reader, or a later one, runs out of stack is not tried."""
    return payload.count(b"[") + payload.count(b"{") <= MAX_BRACKETS and json_bytes(value) == payload


def _header(header: Header) -> dict[str, Any]:
    data = {
        "format": FORMAT,
        "document": header.document,
        "after": header.after,
        "until": header.until,
        "before": header.before.hex(),
        "hash": header.digest.hex(),
    }
    return _other(_HEADER, header.store_id, f"archive-{header.after}-{header.until}", data=data)


def _other(type_: str, store_id: str, id_: str, **data: Any) -> dict[str, Any]:
    kind = "application/json" if "data" in data else "application/octet-stream"
    return {
        "specversion": "1.0",
        "id": id_,
        "source": source(store_id),
        "type": type_,
        "datacontenttype": kind,
        **data,
    }


# -- reading -----------------------------------------------------------------------------------------------------------


def parts(text: Iterable[bytes]) -> Iterator[Part]:
    """What :func:`lines` wrote. Raises InvalidRequest with the number of a line that is none."""
    for number, line in enumerate(text, 1):
        if not line.strip():
            continue
        try:
            yield _part(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidRequest) as error:
            if not line.endswith(b"\n"):
                raise InvalidRequest(f"the archive ends in the middle of line {number}", line=number) from error
            raise InvalidRequest(f"line {number} is no part of an archive: {error}", line=number) from error


def is_archive(first_line: bytes) -> bool:
    """True if a file that starts with *first_line* is an archive, whatever its version."""
    try:
        return bool(json.loads(first_line)["type"] == _HEADER)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False


def _part(value: dict[str, Any]) -> Part:
    kind = value["type"]
    if kind == _COMMIT:
        data = value["data"]
        return CommitRow(_number(data["first"]), _number(data["last"]), bytes.fromhex(data["hash"]))
    if kind == _MESSAGE:
        raw = None if value.get("erased") is True else b64decode(value["data_base64"], validate=True)
        return Message(bytes.fromhex(value["messagedigest"]), raw)
    if kind == _END:
        return End(_number(value["data"]["events"]))
    if kind == _HEADER:
        return _read_header(value)
    return _read_event(value)


def _read_header(value: dict[str, Any]) -> Header:
    data = value["data"]
    if data["format"] != FORMAT:
        raise InvalidRequest(f"this archive has format {data['format']!r}, {FORMAT} can be read")
    document = data["document"]
    return Header(
        value["source"].removeprefix("urn:uuid:"),
        None if document is None else _text(document),
        _number(data["after"]),
        _number(data["until"]),
        bytes.fromhex(data["before"]),
        bytes.fromhex(data["hash"]),
    )


def _read_event(value: dict[str, Any]) -> WholeEvent:
    kind = _text(value["type"])
    if not (kind.startswith(_PREFIX) and kind.endswith(".v1")):
        raise InvalidRequest(f"unknown type {kind[:60]!r}")
    context = value.get("context")
    digest = value.get("messagedigest")
    event = Event(
        position=int(value["sequence"]),
        document=_text(value["partitionkey"]),
        revision=_number(value["docrevision"]),
        id=id_from_text(value["id"]),
        type=kind[len(_PREFIX) : -len(".v1")],
        content_type=_text(value["datacontenttype"]),
        actor=_text(value["authid"]),
        actor_kind=value["actorkind"],
        session=_some_text(value.get("session")),
        session_seq=_some_int(value.get("sessionseq")),
        part=int(value.get("part", "0")),
        clients=tuple(map(int, value.get("clients", "").split())),
        relayed_by=_some_text(value.get("relayedby")),
        context=None if context is None else Context.from_bytes(b64decode(context, validate=True)),
        context_source=value["contextsource"],
        message_digest=None if digest is None else bytes.fromhex(digest),
        recorded_at=int(value["recordedmicros"]),
        authored_at=int(value["authoredmicros"]),
        time_quality=value["timequality"],
        correlation_id=_some_text(value.get("correlationid")),
        causation_id=_some_text(value.get("causationid")),
        away_from=_some_int(value.get("awayfrommicros")),
        payload=_payload(value),
        payload_digest=bytes.fromhex(value["payloaddigest"]),
        payload_len=int(value["payloadlength"]),
        disposition=value["disposition"],
        document_hash=bytes.fromhex(value["dochash"]),
    )
    salt = value.get("salt")
    return WholeEvent(event, None if salt is None else b64decode(salt, validate=True))


def _payload(value: dict[str, Any]) -> bytes | None:
    if value.get("erased") is True:
        return None
    if "data" in value:
        return json_bytes(value["data"])
    try:
        return b64decode(value["data_base64"], validate=True)
    except binascii.Error as error:
        raise InvalidRequest(f"data_base64: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"text was expected, not {type(value).__name__}")
    return value


def _some_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"a number was expected, not {type(value).__name__}")
    return value


def _some_int(value: Any) -> int | None:
    return None if value is None else int(_text(value))
