"""The sockets' front door, for editing and for feeds: native ``websockets`` connections on the HTTP server's port.

uvicorn hands an upgraded TCP connection to whatever ``asyncio.Protocol`` its ``ws`` setting makes; here that is a
``websockets`` server connection. What uvicorn then does not do for these sockets is done here: handshake time-out,
keep-alive, connection cap, Origin check, closing on shutdown. Messages skip the library's parser, queue and coroutine:
a whole data frame goes straight to the session (see :mod:`keepboth.live.incoming`), and reading is paused at the
transport when a room asks for it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, unquote

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from keepboth.errors import InvalidRequest, KeepBothError, MalformedMessage, NotAuthorised, NotFound, ShuttingDown
from keepboth.events import check_document_name
from keepboth.feeds.following import Feeds
from keepboth.live import feed_socket
from keepboth.live.hub import Hub
from keepboth.live.incoming import Incoming
from keepboth.live.room import Room
from keepboth.live.session import Actor, Session
from keepboth.settings import Settings
from keepboth.store.choice import Choice

log = logging.getLogger("keepboth.live")

PREFIX = "/ws/"

Identify = Callable[[Request], "Actor | Awaitable[Actor | None] | None"]
"""The hook that says who opens a socket: an actor, None for a guest; raise NotAuthorised to refuse."""


class EditingConnection(ServerConnection):
    """One WebSocket that feeds one session. Implements :class:`keepboth.live.session.Connection`."""

    room: Room | None = None
    session: Session | None = None
    _parts: list[bytes] | None = None
    _incoming: Incoming | None = None
    _pieces = 0
    opening: tuple[str, Actor | None] = ("", None)
    """Document name and actor, told from the opening request."""
    feed: tuple[Choice, int] | None = None
    """What a feed's reader wants, and from where; None for editing sockets."""
    _closing: asyncio.Task[None] | None = None
    port: Port | None = None

    def attend(self, room: Room, session: Session) -> None:
        """From now on messages go to *session*."""
        self.room, self.session = room, session
        # The request is one piece. Whoever sent more before it was answered may have left half a frame in the library.
        if self._pieces == 1 and not self.protocol.extensions:
            self._incoming = Incoming(room.settings.max_frame_bytes)

    def data_received(self, data: bytes) -> None:
        """Whole messages go straight to the session; everything else is the library's."""
        if self._incoming is None:
            self._pieces += 1
            super().data_received(data)
            return
        messages: list[bytes] = []
        for is_message, part in self._incoming.take(data):
            if is_message:
                messages.append(part)
            else:
                self._take_many(messages)
                messages = []
                super().data_received(part)
        self._take_many(messages)

    def _take_many(self, messages: list[bytes]) -> None:
        if messages and self.session is not None and self.room is not None and self.protocol.state is OPEN:
            self.room.take_many(self.session, messages)

    def process_event(self, event: Any) -> None:
        """Data frames of an open session go straight to it; everything else is the library's."""
        if self.feed is not None and type(event) is Frame and event.opcode in (0, 1, 2):
            self.close_with(MalformedMessage("a feed takes no messages"))
            return
        if self.session is None or type(event) is not Frame or event.opcode not in (0, 1, 2):
            super().process_event(event)
            return
        if event.opcode is Opcode.TEXT:
            self._fail(MalformedMessage("a text frame: messages are binary"))
        elif event.fin and self._parts is None:
            self._take(bytes(event.data))
        else:
            parts = self._parts = self._parts if self._parts is not None else []
            if event.data:
                parts.append(bytes(event.data))
            if event.fin:
                self._parts = None
                self._take(b"".join(parts))

    def _take(self, data: bytes) -> None:
        if self.session is not None and self.room is not None:
            self.room.take(self.session, data)

    def _fail(self, error: KeepBothError) -> None:
        if self.session is not None and self.room is not None:
            self.room.drop(self.session, error)

    def send_data(self) -> None:
        """The library sends what its protocol has to say. Where that ends the conversation, the session is hushed."""
        if self.protocol.state is not OPEN:
            self._hush()
        super().send_data()

    def connection_lost(self, exc: Exception | None) -> None:
        self._hush()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        if self.port is not None:
            self.port.behind = True

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.port is not None:
            self.port.behind = False

    def _hush(self) -> None:
        if self.port is not None:
            self.port.write = _nowhere

    # -- the session's port -------------------------------------------------------------------------------------------

    def hold(self, held: bool) -> None:
        if self.transport.is_closing():
            return
        if held:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    def close_with(self, error: KeepBothError) -> None:
        """Start the closing handshake with the error's code; its stable name leads the reason."""
        code = 1012 if isinstance(error, ShuttingDown) else error.close_code
        reason = f"{error.code}: {error.detail}".encode()[:123].decode(errors="ignore")
        self.hold(False)
        if self._closing is None:
            self._closing = self.loop.create_task(self.close(code, reason))


class Port:
    """What the session knows of its connection (``close`` is the library's own name for something else). ``write`` is
    the transport's own for as long as the conversation lasts: it is called for every frame to every reader."""

    __slots__ = ("_connection", "behind", "hold", "write")

    def __init__(self, connection: EditingConnection) -> None:
        self._connection = connection
        self.write: Callable[[bytes], None] = connection.transport.write
        self.behind = False
        self.hold = connection.hold
        connection.port = self

    def close(self, error: KeepBothError) -> None:
        self._connection.close_with(error)


def _nowhere(frames: bytes) -> None:
    """Where frames go once a connection is being closed."""


class Gateway:
    """Makes connections and runs their lives. ``websockets`` sees it as the server that it belongs to."""

    def __init__(self, settings: Settings, hub: Hub, feeds: Feeds, identify: Identify | None = None) -> None:
        self.settings = settings
        self.hub = hub
        self.feeds = feeds
        self.identify = identify
        self.logger = log
        self.handler_tasks: set[asyncio.Task[None]] = set()
        self.open: set[EditingConnection] = set()
        self._serving = True

    def protocol_factory(self, **_uvicorn: Any) -> EditingConnection:
        """What uvicorn calls for every upgrade request."""
        settings = self.settings
        protocol = ServerProtocol(
            # No Origin at all means no browser: there is nobody's session to ride on.
            origins=[None, *(Origin(origin) for origin in settings.origins)] if settings.origins else None,
            select_subprotocol=lambda _, offered: _subprotocol(connection, offered),
            max_size=settings.max_frame_bytes,
            logger=logging.getLogger("keepboth.websocket"),
        )
        connection = EditingConnection(
            protocol,
            self,  # type: ignore[arg-type]
            ping_interval=settings.ping_interval_s,
            ping_timeout=settings.ping_timeout_s,
            close_timeout=5,
            write_limit=settings.outbox_bytes,
        )
        return connection

    def is_serving(self) -> bool:
        return self._serving

    async def handler(self, connection: EditingConnection) -> None:
        """The life of one connection. Registered by ``websockets`` in :attr:`handler_tasks`."""
        session: Session | None = None
        try:
            async with asyncio.timeout(self.settings.handshake_timeout_s):
                await connection.handshake(self._process_request)  # type: ignore[arg-type]
            if connection.protocol.state is not OPEN:
                return
            self.open.add(connection)
            connection.start_keepalive()
            if connection.feed is not None:
                await feed_socket.send_feed(connection, self.feeds, *connection.feed)
                if not self._serving:
                    connection.close_with(ShuttingDown("the server is going down"))
                await connection.wait_closed()
                return
            name, actor = connection.opening
            session = Session(Port(connection), f"c:{self.hub.new_id().hex()}", actor)
            connection.attend(self.hub.join(name, session), session)
            await connection.wait_closed()
        except KeepBothError as error:
            connection.close_with(error)
        except TimeoutError:
            connection.transport.abort()
        except Exception:
            log.exception("a socket failed")
            connection.transport.abort()
        finally:
            self.open.discard(connection)
            if session is not None and connection.room is not None:
                connection.room.leave(session)
            task = asyncio.current_task()
            if task is not None:
                self.handler_tasks.discard(task)

    async def _process_request(self, connection: EditingConnection, request: Request) -> Response | None:
        path, _, query = request.path.partition("?")
        is_feed = path == feed_socket.PATH
        if not path.startswith(PREFIX) and not is_feed:
            return connection.respond(HTTPStatus.NOT_FOUND, f"editing sockets are at {PREFIX}{{document}}\n")
        if len(self.open) >= self.settings.max_connections:
            return connection.respond(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded: too many connections\n")
        try:
            if is_feed:
                wanted, after = feed_socket.read_address(query, offered_by(request))
                feed = wanted, await asyncio.to_thread(self.feeds.check, after)
            else:
                name = check_document_name(unquote(path[len(PREFIX) :], errors="strict"))
            actor: Actor | None = None
            if self.identify is not None:
                found = self.identify(request)
                actor = await found if inspect.isawaitable(found) else found
        except UnicodeDecodeError:
            return connection.respond(HTTPStatus.BAD_REQUEST, "invalid-request: the document name is not UTF-8\n")
        except InvalidRequest as error:
            return connection.respond(HTTPStatus.BAD_REQUEST, f"{error.code}: {error.detail}\n")
        except NotFound as error:
            return connection.respond(HTTPStatus.NOT_FOUND, f"{error.code}: {error.detail}\n")
        except NotAuthorised as error:
            return connection.respond(HTTPStatus.FORBIDDEN, f"{error.code}: {error.detail}\n")
        if is_feed:
            connection.feed = feed
        else:
            connection.opening = (name, actor)
        return None

    async def stop(self) -> None:
        """Refuse new sockets; finish what is under way; close every session with 1012; wait for the handlers."""
        self._serving = False
        await self.hub.stop()
        for connection in list(self.open):
            connection.close_with(ShuttingDown("the server is going down"))
        if self.handler_tasks:
            _, late = await asyncio.wait(self.handler_tasks, timeout=self.settings.drain_timeout_s)
            for task in late:
                task.cancel()


def offered_by(request: Request) -> list[str]:
    """The subprotocols that an opening request offers."""
    headers = request.headers.get_all("Sec-WebSocket-Protocol")
    return [name.strip() for header in headers for name in header.split(",")]


def _subprotocol(connection: EditingConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """A feed speaks one; editors take what they get, so they get what they offer first."""
    if connection.feed is not None:
        return feed_socket.SUBPROTOCOL
    return offered[0] if offered else None


def query_value(request: Any, name: str) -> str | None:
    """The first value of a query parameter, or None. For identify hooks, which get the request of ``websockets`` for an
    editing socket and that of Starlette for HTTP: both have ``headers``, this reads the query of either."""
    if hasattr(request, "query_params"):
        found = request.query_params.get(name)
        return found if isinstance(found, str) else None
    values = parse_qs(request.path.partition("?")[2]).get(name)
    return values[0] if values else None
