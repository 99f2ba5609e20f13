"""The little of the HTTP API that the demonstrations need."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

TIMEOUT_S = 30.0


class Http:
    """Reads from the server at *url*."""

    def __init__(self, url: str) -> None:
        self._url = url.split("?")[0].rstrip("/")

    async def events(self, document: str) -> list[dict[str, Any]]:
        """Every event of *document* as a CloudEvent, oldest first."""
        out: list[dict[str, Any]] = []
        while page := json.loads(await self._get("/api/events", document=document, after=len(out), limit=1000)):
            out.extend(page)
        return out

    async def document(self, document: str) -> dict[str, Any]:
        """Numbers about *document*."""
        found: dict[str, Any] = json.loads(await self._get("/api/document", document=document))
        return found

    async def text(self, document: str, root: str) -> str:
        """What *root* of *document* says."""
        return (await self._get("/api/state", document=document, root=root, **{"as": "text"})).decode()

    async def conflicts(self, document: str, timeout_s: float = 60.0) -> list[dict[str, Any]]:
        """The conflict log of *document*, complete. Raises TimeoutError if the engine stays behind."""
        out: list[dict[str, Any]] = []
        async with asyncio.timeout(timeout_s):
            while True:
                after = out[-1]["id"] if out else ""
                page = json.loads(await self._get("/api/conflicts", document=document, after=after, limit=500))
                if not page["complete"]:
                    out.clear()
                    continue
                out.extend(page["conflicts"])
                if page["next"] is None:
                    return out

    async def conflict(self, id: str) -> dict[str, Any]:
        """One entry of the conflict log with the edits behind it."""
        found: dict[str, Any] = json.loads(await self._get("/api/conflict", id=id))
        return found

    async def _get(self, path: str, **query: Any) -> bytes:
        return await asyncio.to_thread(_read, f"{self._url}{path}?{urlencode(query)}")


def _read(address: str) -> bytes:
    with urlopen(address, timeout=TIMEOUT_S) as answer:
        return bytes(answer.read())
