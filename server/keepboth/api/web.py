"""The built web client: one page for every address of it, and its files. Without them the plain front page stays."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, NamedTuple

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse

from keepboth.errors import NotFound

SHIPPED: Final = Path(__file__).parent / "pages"
"""Where `make web` puts the client, and where a wheel has it."""

NONCE: Final = "%PAGE_NONCE%"
"""Stands in ``index.html`` for the number that lets CodeMirror add its style sheet; new for every answer."""

_FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?")
_PACKED: Final = (("br", ".br"), ("gzip", ".gz"))
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".map": "application/json",
    ".svg": "image/svg+xml",
}


def policy(host: str, nonce: str) -> str:
    """The content security policy: everything from here, sockets to *host* (if it is one), nothing else."""
    sockets = f" ws://{host} wss://{host}" if _HOST.fullmatch(host) else ""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'{sockets}; "
        "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def is_built(folder: Path | None) -> bool:
    """Whether there is a client in *folder* (None: where it is shipped)."""
    return ((folder or SHIPPED) / "index.html").is_file()


class WebClient(NamedTuple):
    """``lost`` gives the page with the status 404: it says that there is nothing at its address."""

    router: APIRouter
    lost: Callable[[Request], Awaitable[Response]]


def web_client(folder: Path | None) -> WebClient | None:
    """Routes for the client that was built into *folder* (None: where it is shipped); None if there is none."""
    if not is_built(folder):
        return None
    folder = folder or SHIPPED
    router = APIRouter()

    async def page(request: Request) -> Response:
        """The page. What it shows follows from its address."""
        html = await asyncio.to_thread((folder / "index.html").read_text, "utf-8")
        nonce = secrets.token_urlsafe(16)
        headers = {
            "Content-Security-Policy": policy(request.headers.get("host", ""), nonce),
            "Cache-Control": "no-store",
        }
        return Response(html.replace(NONCE, nonce), headers=headers, media_type="text/html")

    async def lost(request: Request) -> Response:
        answer = await page(request)
        answer.status_code = 404
        return answer

    for path in ("/", "/demo", "/d/{document:path}"):
        router.add_api_route(path, page, methods=["GET", "HEAD"], include_in_schema=False)

    @router.get("/assets/{name}", include_in_schema=False)
    async def asset(request: Request, name: str) -> Response:
        """A file whose name holds a hash of what is in it, packed if the browser takes that."""
        kind = _TYPES.get(Path(name).suffix)
        if kind is None or not _FILE.fullmatch(name):
            raise NotFound("there is no such file")
        accepted = {part.split(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
        path = folder / "assets" / name
        for encoding, ending in _PACKED:
            packed = path.with_name(name + ending)
            if encoding in accepted and await asyncio.to_thread(packed.is_file):
                return FileResponse(packed, headers={**headers, "Content-Encoding": encoding}, media_type=kind)
        if not await asyncio.to_thread(path.is_file):
            raise NotFound("there is no such file")
        return FileResponse(path, headers=headers, media_type=kind)

    return WebClient(router, lost)
