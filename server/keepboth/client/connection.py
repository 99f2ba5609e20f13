"""One visit to a server: open the socket, carry a conversation's frames both ways, say why it ended."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, TypeVar

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException

from keepboth.client.conversation import Conversation, error_of
from keepboth.client.replica import Busy, DocumentBroken
from keepboth.errors import (
    ClientMustChange,
    KeepBothError,
    MalformedMessage,
    MalformedUpdate,
    NotAuthorised,
    OverLimit,
    TryLater,
)

log = logging.getLogger("keepboth.client")

OPEN_TIMEOUT_S: Final = 10.0
WELCOME_TIMEOUT_S: Final = 30.0
CLOSE_TIMEOUT_S: Final = 2.0
BUSY_PAUSE_S: Final = 0.005
TOO_BIG: Final = 1009
NO_USE: Final = (400, 401, 403, 410)
"""HTTP answers to the opening request that another try will not change."""

_T = TypeVar("_T")


class Unreachable(TryLater):
    """Nobody answers at this address now, or not as we expect."""

    code = "unreachable"


async def visit(address: str, talk: Conversation, wake: asyncio.Event, heard: Callable[[], None]) -> KeepBothError:
    """Hold *talk* over one connection until that ends; return why it did.

    ``wake`` is set by others when there may be something to send; ``heard`` is called after every frame.
    """
    try:
        socket = await connect(
            address,
            compression=None,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=None,
            max_queue=256,
            proxy=None,
        )
    except InvalidStatus as error:
        return _refusal(error.response.status_code, bytes(error.response.body or b"").decode(errors="replace").strip())
    except (OSError, TimeoutError, InvalidHandshake, WebSocketException) as error:
        return Unreachable(f"{address} cannot be reached: {error}")
    writer = asyncio.create_task(_write(socket, talk, wake))
    try:
        return await _read(socket, talk, wake, heard)
    except ConnectionClosed as closed:
        return _ending(closed, talk)
    except TimeoutError:
        return Unreachable(f"no welcome within {WELCOME_TIMEOUT_S:g} s")
    except (MalformedMessage, MalformedUpdate) as error:
        return Unreachable(f"what answers at {address} does not speak our protocol: {error}")
    except KeepBothError as error:
        return error
    finally:
        writer.cancel()
        await asyncio.wait([writer])
        if not writer.cancelled():
            writer.exception()
        await socket.close()


async def _read(
    socket: ClientConnection, talk: Conversation, wake: asyncio.Event, heard: Callable[[], None]
) -> KeepBothError:
    async def take() -> None:
        data = await socket.recv()
        if isinstance(data, str):
            raise MalformedMessage("a text frame: messages are binary")
        if await _when_free(lambda: talk.receive(data)):
            wake.set()
        heard()

    async with asyncio.timeout(WELCOME_TIMEOUT_S):
        while talk.welcome is None:
            await take()
    while True:
        await take()


async def _write(socket: ClientConnection, talk: Conversation, wake: asyncio.Event) -> None:
    """Send whatever there is to say, in order, as fast as the peer reads."""
    try:
        while True:
            wake.clear()
            while frames := await _when_free(talk.outgoing):
                for frame in frames:
                    await socket.send(frame)
            await wake.wait()
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        if not isinstance(error, ConnectionClosed):
            talk.failure = error
        await socket.close()
        raise


async def _when_free(call: Callable[[], _T]) -> _T:
    """Do *call* as soon as no transaction of the application is open that spans an await."""
    while True:
        try:
            return call()
        except Busy:
            await asyncio.sleep(BUSY_PAUSE_S)


def _refusal(status: int, reason: str) -> KeepBothError:
    if status not in NO_USE:
        return Unreachable(f"the server answered {status}: {reason}", status=status)
    found = error_of(None, status, reason)
    return found if isinstance(found, ClientMustChange) else NotAuthorised(reason or f"HTTP {status}")


def _ending(closed: ConnectionClosed, talk: Conversation) -> KeepBothError:
    """Why the connection was closed: because we could not say something, or by the peer."""
    failure = talk.failure
    if isinstance(failure, KeepBothError):
        return failure
    if failure is not None:
        log.error("the client failed while sending", exc_info=failure)
        return DocumentBroken(f"the client failed while sending: {failure!r}")
    frame = closed.rcvd
    if frame is None:
        return Unreachable("the connection broke")
    if frame.code == TOO_BIG:
        return OverLimit(f"the server accepts no message as large as one of ours: {frame.reason}")
    return error_of(talk.error, frame.code, frame.reason)
