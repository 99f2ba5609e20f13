"""Webhooks over HTTP: make, look at, change and end them."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

import keepboth.api.feed_models as bodies
from keepboth.api.consumers import known_caller, state
from keepboth.api.requests import Parts, json_body
from keepboth.api.services import Services
from keepboth.errors import NotFound
from keepboth.events import check_document_name
from keepboth.feeds.signing import key_of, new_secret
from keepboth.feeds.webhooks import FORMER_SECRET_US
from keepboth.store.choice import choice_of
from keepboth.store.consumer_tables import Webhook

router = APIRouter(tags=["webhooks"], dependencies=[Depends(known_caller)])

SECRET_BYTES = 32
WebhookName = Annotated[str, Query(alias="webhook", min_length=1, max_length=200, description="the webhook's name")]


async def _state(parts: Services, webhook: Webhook, secret: str | None = None) -> bodies.WebhookState:
    consumer = await asyncio.to_thread(parts.consumers.kept.get, webhook.name)
    return bodies.webhook_fields(webhook, await state(parts, consumer), secret)


@router.get("/api/webhooks")
async def list_webhooks(parts: Parts) -> bodies.WebhookList:
    """All webhooks, by name."""
    found = await asyncio.to_thread(parts.consumers.kept.webhooks)
    return bodies.WebhookList(webhooks=[await _state(parts, one) for one in found])


@router.put("/api/webhook", dependencies=[Depends(json_body)])
async def put_webhook(
    parts: Parts, name: WebhookName, body: bodies.WebhookBody, response: Response
) -> bodies.WebhookState:
    """Make a webhook (201) or change it (200). Its secret is in the answer if it is new; one that had ended, or waits
    to try again, goes on at once."""
    parts.deliverer.rules.check(body.url)
    if body.secret is not None:
        key_of(body.secret)
    kept = parts.consumers.kept
    document = None if body.document is None else check_document_name(body.document)
    after = (await asyncio.to_thread(parts.store.head)).position if body.after == "now" else body.after
    chosen = choice_of(document, body.types, body.actors)
    try:
        await asyncio.to_thread(kept.webhook, name)
        secret = body.secret
        response.status_code = 200
    except NotFound:
        secret = body.secret or new_secret(os.urandom(SECRET_BYTES))
        response.status_code = 201
    await parts.deliverer.end(name)
    await parts.consumers.put(name, chosen, after)
    now = parts.now()
    webhook = await asyncio.to_thread(kept.put_webhook, name, body.url, secret, now + FORMER_SECRET_US)
    await parts.deliverer.begin(name)
    return await _state(parts, webhook, secret)


@router.get("/api/webhook")
async def get_webhook(parts: Parts, name: WebhookName) -> bodies.WebhookState:
    """One webhook: how its deliveries go, and the consumer behind it, which has its parked events."""
    return await _state(parts, await asyncio.to_thread(parts.consumers.kept.webhook, name))


@router.delete("/api/webhook", status_code=204)
async def delete_webhook(parts: Parts, name: WebhookName) -> None:
    """End a webhook and forget its consumer."""
    await asyncio.to_thread(parts.consumers.kept.webhook, name)
    await parts.deliverer.end(name)
    await parts.consumers.delete(name)
