"""The plain page: what runs here, for people. One self-contained HTML document without scripts.

It is the front page where the web client is not built (see ``web.py``), and always at ``/plain``.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from time import monotonic
from typing import Annotated, Final, NamedTuple

from fastapi import APIRouter, Query, Request, Response

import keepboth.api.reading as reading
from keepboth import __version__
from keepboth.api.conflicts import stored_or_caught_up
from keepboth.api.requests import Parts, address
from keepboth.api.services import Services
from keepboth.cloudevents import rfc3339
from keepboth.store.base import DocumentRow

router = APIRouter()

PAGE_ROWS = 100
CATCH_UP_S = 0.3
"""The page waits at most this long for numbers of collisions that are not known yet."""

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5b6675; --line: #dde2ea; --paper: #fff; --page: #f6f7f9;
  --accent: #2f5bd3; --warn: #a8480a; --warn-paper: #fdf0e3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e8ebf1; --soft: #9aa5b4; --line: #2f3742; --paper: #1a1f27;
  --page: #12161c; --accent: #8fb0ff; --warn: #ffb877; --warn-paper: #3a2816 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem }
h1 { font-size: 1.6rem; margin: 0; letter-spacing: -.01em }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem }
p { margin: .3rem 0 }
a { color: var(--accent) }
.soft { color: var(--soft) }
.card { background: var(--paper); border: 1px solid var(--line); border-radius: .6rem; overflow: hidden }
.pad { padding: 1rem }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .55rem .8rem; text-align: left; border-top: 1px solid var(--line); vertical-align: top }
thead th { border-top: 0; color: var(--soft); font-size: .82rem; font-weight: 600 }
td.name { overflow-wrap: anywhere; width: 100% }
td.name small { display: block; color: var(--soft) }
.number { text-align: right; white-space: nowrap }
.when { white-space: nowrap; color: var(--soft) }
.chip { background: var(--warn-paper); color: var(--warn); border-radius: 1rem; padding: .1rem .6rem;
  text-decoration: none }
pre { margin: 0; padding: 1rem; overflow-x: auto; font: 13px/1.55 ui-monospace, monospace }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere }
ul { margin: .3rem 0; padding-left: 1.2rem }
@media (max-width: 600px) { th, td { padding: .5rem .5rem } .when { display: none } }
"""

_STYLE_HASH: Final = b64encode(sha256(_STYLE.encode()).digest()).decode()

HEADERS: Final = {
    "Content-Security-Policy": (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

_ICON: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Ccircle cx='6' cy='8' r='5' fill='%232f5bd3'/%3E%3Ccircle cx='10' cy='8' r='5' fill='%23e0862f' "
    "fill-opacity='.75'/%3E%3C/svg%3E"
)


_GET_CLIENT: Final = (
    '<p class="card pad">This is the plain page: the web client is not built. With Node 20 or newer, '
    "<code>make web</code> builds it; start the server again after that.</p>"
)


class Row(NamedTuple):
    """One line of the table. ``conflicts`` None: nothing found so far, and the engine is still looking."""

    document: str
    title: str | None
    archived: bool
    edits: int
    updated_at: str
    conflicts: int | None


async def _rows(parts: Services, after: str) -> tuple[list[Row], bool]:
    found = await asyncio.to_thread(parts.store.documents, after=after, limit=PAGE_ROWS + 1)
    until = monotonic() + CATCH_UP_S
    rows: list[Row] = []
    for row in found[:PAGE_ROWS]:
        known = await stored_or_caught_up(parts, row, until - monotonic())
        rows.append(await asyncio.to_thread(_row, parts, row, known.complete))
    return rows, len(found) > PAGE_ROWS


def _row(parts: Services, row: DocumentRow, complete: bool) -> Row:
    state = reading.state_of(parts.store, row)
    count = parts.conflicts.count(row.document)
    updated = rfc3339(row.updated_at)
    when = f"{updated[:10]} {updated[11:16]}"
    return Row(row.document, state.title, state.archived, row.edits, when, count if count or complete else None)


@router.get("/", include_in_schema=False)
@router.get("/plain", include_in_schema=False)
async def front_page(
    request: Request, parts: Parts, after: Annotated[str, Query(description="a document's name")] = ""
) -> Response:
    """What runs here, which documents there are, how to connect an editor."""
    rows, more = await _rows(parts, after)
    following = address(request.url.path, {"after": rows[-1].document}) if more else None
    built = request.url.path != "/"
    html = render(rows, following, _socket_address(request), parts.hub.statistics(), first=not after, built=built)
    return Response(html.encode("utf-8", "replace"), headers=HEADERS, media_type="text/html")


def _socket_address(request: Request) -> str:
    scheme = "wss" if request.url.scheme == "https" else "ws"
    return f"{scheme}://{request.headers.get('host', 'localhost')}/ws"


def render(
    rows: Sequence[Row],
    following: str | None,
    socket: str,
    statistics: dict[str, object],
    *,
    first: bool,
    built: bool = False,
) -> str:
    """The page. Every text that somebody else wrote is escaped and isolated (``bdi``). Without *built* it says how to
    get the web client."""
    live = f"{statistics.get('rooms', 0)} documents open, {statistics.get('sessions', 0)} editors connected"
    table = _table(rows, following) if rows else _empty(first)
    snippet = escape(
        'import * as Y from "yjs"\nimport { WebsocketProvider } from "y-websocket"\n\n'
        "const doc = new Y.Doc()\n"
        f'const provider = new WebsocketProvider("{socket}", "my-document", doc)\n'
    )
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>KeepBoth</title>
<link rel="icon" href="{_ICON}">
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>KeepBoth</h1>
<p class="soft">Version {escape(__version__)}. {escape(live)}.</p>
<p>Every edit is kept, and places where edits collided can be looked up.</p>
{"" if built else _GET_CLIENT}
<h2>Documents</h2>
<div class="card">{table}</div>
<h2>Connect your editor</h2>
<p>Any Yjs editor with an unmodified <code>y-websocket</code> provider can connect. A document begins with its first
edit. Encode its name with <code>encodeURIComponent</code> if it holds <code>#</code>, <code>?</code> or
<code>%</code>.</p>
<div class="card"><pre>{snippet}</pre></div>
<h2>HTTP</h2>
<ul>
<li><a href="/api/documents">/api/documents</a>: every document</li>
<li><a href="/api/events?reverse=true">/api/events</a>: the log, the newest first</li>
<li><a href="/api/conflicts">/api/conflicts</a>: where edits collided</li>
<li><a href="/openapi.json">/openapi.json</a>: the whole API, for machines</li>
<li><a href="/readyz">/readyz</a>: whether this server takes edits</li>
</ul>
</main>
</body>
</html>
"""


def _table(rows: Sequence[Row], following: str | None) -> str:
    lines = "".join(_line(row) for row in rows)
    on = f'<p class="pad"><a href="{escape(following)}">More documents</a></p>' if following else ""
    return (
        '<table><thead><tr><th scope="col">Name</th><th scope="col" class="number">Edits</th>'
        '<th scope="col" class="number">Collisions</th><th scope="col" class="when">Changed (UTC)</th></tr></thead>'
        f"<tbody>{lines}</tbody></table>{on}"
    )


def _line(row: Row) -> str:
    here = {"document": row.document}
    notes = [f"<bdi>{escape(row.title)}</bdi>"] if row.title else []
    if row.archived:
        notes.append("archived")
    under = f"<small>{', '.join(notes)}</small>" if notes else ""
    if row.conflicts is None:
        collisions = '<span class="soft">checking…</span>'
    elif row.conflicts:
        collisions = f'<a class="chip" href="{escape(address("/api/conflicts", here))}">{row.conflicts:,}</a>'
    else:
        collisions = '<span class="soft">none</span>'
    return (
        f'<tr><td class="name"><a href="{escape(address("/api/state", here))}"><bdi>{escape(row.document)}</bdi></a>'
        f'{under}</td><td class="number">{row.edits:,}</td><td class="number">{collisions}</td>'
        f'<td class="when">{escape(row.updated_at)}</td></tr>'
    )


def _empty(first: bool) -> str:
    return f'<p class="pad">{"No documents yet." if first else "No more documents."}</p>'
