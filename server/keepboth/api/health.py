"""For whoever watches the process."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

import keepboth.api.models as models
from keepboth import __version__
from keepboth.api.requests import Parts
from keepboth.errors import NotDurableNow, ShuttingDown

router = APIRouter(tags=["health"])

STORE_PATIENCE_S = 2.0


@router.get("/healthz")
async def healthz() -> models.Alive:
    """The process is alive and its event loop turns."""
    return models.Alive(status="ok")


@router.get("/readyz")
async def readyz(parts: Parts) -> models.Ready:
    """The server takes edits and its store answers; 503 (or 507) if not."""
    if not parts.ready():
        raise ShuttingDown("the server is going down")
    try:
        async with asyncio.timeout(STORE_PATIENCE_S):
            await asyncio.to_thread(parts.store.documents, limit=1)
            head = await asyncio.to_thread(parts.store.head)
    except TimeoutError:
        raise NotDurableNow(f"the store has not answered for {STORE_PATIENCE_S:g} s") from None
    return models.Ready(status="ready", position=head.position)


@router.get("/api/server")
async def server(parts: Parts) -> models.ServerState:
    """Counters and sizes, for people who run the server and for benchmarks."""
    head = await asyncio.to_thread(parts.store.head)
    sizes = await asyncio.to_thread(parts.store.statistics)
    return models.ServerState(
        version=__version__,
        store_id=parts.store.store_id,
        position=head.position,
        live=parts.hub.statistics(),
        conflicts=parts.detector.statistics(),
        feeds={"readers": parts.feeds.readers.count, **parts.deliverer.statistics()},
        store=sizes,
    )
