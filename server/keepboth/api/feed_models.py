"""The bodies of what readers of the log send and get, as OpenAPI shows them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from keepboth.api.models import MAX_INT, Strict
from keepboth.cloudevents import rfc3339
from keepboth.store.consumer_tables import Consumer, Parked, Webhook

Position = Annotated[int, Field(ge=0, le=MAX_INT)]
Types = Annotated[list[Annotated[str, Field(min_length=1, max_length=200)]], Field(max_length=100)]
Actors = Annotated[list[Annotated[str, Field(max_length=500)]], Field(max_length=100)]


class ConsumerBody(Strict):
    """Which events, and from where. ``after`` left out: a new consumer begins at the first event, a known one stays."""

    document: str | None = None
    types: Types = Field(default_factory=list)
    actors: Actors = Field(default_factory=list)
    after: Position | Literal["now"] | None = None


class ConsumerState(BaseModel):
    """A consumer: everything wanted up to ``cursor`` has been acknowledged or parked."""

    consumer: str
    document: str | None
    types: list[str]
    actors: list[str]
    cursor: int
    position: int = Field(description="the position of the log's last event")
    reading: bool = Field(description="somebody has the lease")
    lease_until: str | None
    parked: int
    replaying: int = Field(description="of the parked, how many are to be given once more")
    webhook: bool
    created_at: str
    acked_at: str | None


class ConsumerList(BaseModel):
    """All consumers by name."""

    consumers: list[ConsumerState]


class Acknowledgement(Strict):
    """``position`` and everything before it is dealt with; with ``replay``: the event there, which had been parked."""

    lease: str = Field(max_length=200)
    position: Position
    replay: bool = False


class Parking(Strict):
    """Put the event at ``position`` aside: it is the first that is not acknowledged, or is given once more."""

    lease: str = Field(max_length=200)
    position: Position
    reason: str = Field("", max_length=2000)


class Replay(Strict):
    """Which parked events to give once more; None: all."""

    positions: list[Position] | None = Field(None, max_length=1000)


class Release(Strict):
    """The lease that is given up."""

    lease: str = Field(max_length=200)


class ParkedEvent(BaseModel):
    """An event that was put aside."""

    position: int
    event: str = Field(description="its id")
    reason: str
    attempts: int = Field(description="how often it was parked")
    parked_at: str
    replay: bool


class ParkedList(BaseModel):
    """Parked events by position."""

    parked: list[ParkedEvent]
    next: int | None = Field(description="`after` of the next page, if there is one")


class Replayed(BaseModel):
    """How many events will be given once more."""

    replaying: int


def consumer_fields(consumer: Consumer, position: int, now: int) -> ConsumerState:
    """The answer for one consumer."""
    reading = consumer.lease is not None and consumer.lease_until > now
    return ConsumerState(
        consumer=consumer.name,
        document=consumer.wanted.document,
        types=list(consumer.wanted.types),
        actors=list(consumer.wanted.actors),
        cursor=consumer.cursor,
        position=position,
        reading=reading,
        lease_until=rfc3339(consumer.lease_until) if reading else None,
        parked=consumer.parked,
        replaying=consumer.replaying,
        webhook=consumer.webhook,
        created_at=rfc3339(consumer.created_at),
        acked_at=None if consumer.acked_at is None else rfc3339(consumer.acked_at),
    )


def parked_fields(parked: Parked) -> ParkedEvent:
    """The answer for one parked event."""
    return ParkedEvent(
        position=parked.position,
        event=parked.event,
        reason=parked.reason,
        attempts=parked.attempts,
        parked_at=rfc3339(parked.parked_at),
        replay=parked.replay,
    )


class WebhookBody(ConsumerBody):
    """Where events are sent, and which. ``secret`` left out: a new webhook gets one, a known one keeps its own."""

    url: str = Field(max_length=2000)
    secret: str | None = Field(None, max_length=200)


class WebhookState(BaseModel):
    """A webhook and the consumer behind it."""

    webhook: str
    url: str
    secret: str | None = Field(None, description="told once, in the answer that made or changed it")
    state: Literal["delivering", "retrying", "ended"]
    attempts: int = Field(description="failures of the event that is next")
    next_at: str | None
    last_answer: str | None
    last_at: str | None
    ended: str | None
    consumer: ConsumerState


class WebhookList(BaseModel):
    """All webhooks by name."""

    webhooks: list[WebhookState]


def webhook_fields(webhook: Webhook, consumer: ConsumerState, secret: str | None = None) -> WebhookState:
    """The answer for one webhook."""
    state: Literal["delivering", "retrying", "ended"] = "retrying" if webhook.attempts else "delivering"
    return WebhookState(
        webhook=webhook.name,
        url=webhook.url,
        secret=secret,
        state=state if webhook.ended is None else "ended",
        attempts=webhook.attempts,
        next_at=rfc3339(webhook.next_at) if webhook.attempts else None,
        last_answer=webhook.last_answer,
        last_at=None if webhook.last_at is None else rfc3339(webhook.last_at),
        ended=webhook.ended,
        consumer=consumer,
    )
