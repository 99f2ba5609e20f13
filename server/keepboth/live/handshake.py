"""The private conversation of a declared session: hello and welcome, declarations, numbered edits, resume lists."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from keepboth.decider.edits import Owner, OwnStretch
from keepboth.errors import MalformedMessage, OverLimit
from keepboth.events import AWAY, Context, Draft, Seen
from keepboth.live.frames import binary_frame
from keepboth.live.introducing import joined
from keepboth.live.presence import MAX_COLOR, MAX_NAME, claimed
from keepboth.live.session import Session
from keepboth.yjs.messages import encode_private
from keepboth.yjs.private import (
    EDIT,
    HELLO,
    SEEN,
    STRETCHES,
    VERSION,
    WELCOME,
    decode_edit,
    decode_json,
    decode_seen,
    encode_json,
    subtype_of,
)

if TYPE_CHECKING:
    from keepboth.live.room import Room
    from keepboth.store.base import EventStore

Clock = Annotated[int, Field(ge=0, lt=2**53)]
MAX_SEQ = 2**52
"""Edits are numbered on from what a client says, and every number must fit into a receipt."""
MAX_HELLO_BYTES = 64 * 1024


class Hello(BaseModel):
    """What a client says first. ``seen`` and ``hash`` prove what it had applied when it was here last."""

    model_config = ConfigDict(extra="ignore", strict=True)

    v: int
    session: str = Field(min_length=8, max_length=100, pattern=r"^[A-Za-z0-9_.:-]+$")
    client: Clock
    store: str | None = Field(None, max_length=64)
    seen: Clock = 0
    hash: str = Field("", max_length=64, pattern=r"^[0-9a-f]*$")
    seq: int = Field(0, ge=0, lt=MAX_SEQ)
    clock: Clock | None = None
    frames: str = Field("merged", pattern="^(merged|events)$")
    name: str | None = Field(None, max_length=MAX_NAME)
    color: str | None = Field(None, max_length=MAX_COLOR)


class Stretch(BaseModel):
    """One entry of a resume list; see docs/protocol.md."""

    model_config = ConfigDict(extra="ignore", strict=True)

    clocks: tuple[Clock, Clock] | None = Field(None, strict=False)
    deletes: list[Annotated[tuple[Clock, Clock, Clock], Field(strict=False)]] = Field(default=[], max_length=10_000)
    seen: Clock
    authored_at: Clock | None = None


class Stretches(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    stretches: list[Stretch] = Field(max_length=100_000)


class Handshake:
    """Private messages of one room."""

    def __init__(self, room: Room) -> None:
        self._room = room

    def receive(self, session: Session, body: bytes) -> None:
        """Take one private message in. Raises MalformedMessage."""
        subtype, at = subtype_of(body)
        if subtype == HELLO:
            if len(body) > MAX_HELLO_BYTES:
                raise OverLimit(f"a hello of {len(body)} bytes, {MAX_HELLO_BYTES} are accepted")
            self._hello(session, _parse(Hello, decode_json(body, at)))
            return
        if not session.declared:
            raise MalformedMessage("a private message before hello")
        if subtype == SEEN:
            session.seen = decode_seen(body, at)
        elif subtype == EDIT:
            seq, authored_at = decode_edit(body, at)
            if seq >= MAX_SEQ:
                raise MalformedMessage(f"edits are numbered below {MAX_SEQ}")
            session.next_seq = seq
            session.next_authored_at = max(authored_at + session.clock_offset, 0) if authored_at else None
        elif subtype == STRETCHES:
            session.stretches = self._stretches(session, _parse(Stretches, decode_json(body, at)))
        else:
            raise MalformedMessage(f"private messages of subtype {subtype} are not known")

    def joined(self, session: Session) -> Draft:
        """The event that says who a session claims to be. It comes with the first edit after the claim changed."""
        actor = session.actor
        name = actor.name if actor is not None and actor.name else session.claim.name
        clients = sorted(session.clients)
        return self._joined(session.owner, name, session.claim.color, clients, claimed=actor is None)

    def named(self, owner: Owner, name: str) -> Draft:
        """The same for somebody who came over HTTP: known to the ``identify`` hook, or a guest who says a name."""
        return self._joined(owner, name, None, [], claimed=owner.actor_kind == "anonymous")

    def _joined(self, owner: Owner, name: str | None, color: str | None, clients: list[int], *, claimed: bool) -> Draft:
        return joined(
            self._room.ports.new_id(),
            owner.actor,
            owner.actor_kind,
            owner.session,
            name=name,
            color=color,
            clients=clients,
            claimed=claimed,
        )

    def _hello(self, session: Session, hello: Hello) -> None:
        if hello.v != VERSION:
            raise MalformedMessage(f"private protocol version {hello.v}, this server speaks {VERSION}")
        if session.declared:
            raise MalformedMessage("a second hello on one connection")
        if session.edits or session.in_flight:
            raise MalformedMessage("hello must come before the first edit")
        room = self._room
        session.declared = True
        session.id = hello.session
        session.clients = frozenset((hello.client,))
        session.one_frame_per_event = hello.frames == "events"
        if hello.name or hello.color:
            session.claim = claimed(hello.name, hello.color)
        if hello.clock is not None:
            session.clock_offset = room.ports.now() - hello.clock
        session.backlog = deque()
        document = room.name

        def look_up(store: EventStore) -> tuple[int, bytes | None]:
            head = store.session_head(document, hello.session)
            return head, store.hash_at(document, hello.seen) if hello.seen else b""

        room.ports.look_up(look_up, lambda found: self._welcome(session, hello, *found))

    def _welcome(self, session: Session, hello: Hello, recorded_seq: int, hash_at_seen: bytes | None) -> None:
        room = self._room
        if session.closed or room.state == "closed":
            return
        gone = room.fence(hello.session, session)
        reason = None
        if hello.seen:
            if hello.store is not None and hello.store != room.ports.store_id:
                reason = "another store"
            elif hash_at_seen is None or hello.seen > room.revision:
                reason = "the log does not reach that revision"
            elif not hello.hash or not hash_at_seen.hex().startswith(hello.hash):
                reason = "the log differs there"
        resumed = reason is None
        if resumed:
            session.seen = Seen(hello.seen)
            session.sent = max(session.sent, hello.seen)
        session.recorded_seq = recorded_seq
        session.next_seq = hello.seq + 1
        if hello.seq > recorded_seq:
            session.offline_until_seq = hello.seq
            session.correlation_id = f"{AWAY}{session.id}:{recorded_seq + 1}"
            session.away_from = gone.at if gone is not None else None
        welcome = {
            "v": VERSION,
            "store": room.ports.store_id,
            "document": room.name,
            "session": session.id,
            "revision": room.revision,
            "resumed": resumed,
            "reason": reason,
            "seq": recorded_seq,
            "max_frame_bytes": room.settings.max_frame_bytes,
        }
        session.connection.write(binary_frame(encode_private(encode_json(WELCOME, welcome))))
        room.take_queued(session)

    def _stretches(self, session: Session, message: Stretches) -> tuple[OwnStretch, ...]:
        """The list of a resumed client: believed up to what was sent to it."""
        (client,) = session.clients
        out: list[OwnStretch] = []
        for entry in message.stretches:
            authored_at = None if entry.authored_at is None else max(entry.authored_at + session.clock_offset, 0)
            clocks = None
            if entry.clocks is not None and entry.clocks[1]:
                clocks = (client, entry.clocks[0], entry.clocks[1])
            deletes = tuple(gone for gone in entry.deletes if gone[2])
            out.append(OwnStretch(clocks, deletes, Context.of(min(entry.seen, session.sent)), authored_at))
        return tuple(out)


_Model = TypeVar("_Model", bound=BaseModel)


def _parse(model: type[_Model], value: dict[str, Any]) -> _Model:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise MalformedMessage(f"{model.__name__.lower()}: {where}: {first['msg']}", field=where) from None
