"""pycrdt-websocket behind uvicorn, each room in a SQLiteYStore of one file in the directory given as argument.

Runs in the peer's own environment, on a free port that it prints.
"""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import uvicorn
import uvloop
from pycrdt import Doc
from pycrdt.store import SQLiteYStore, YDocNotFound
from pycrdt.websocket import ASGIServer, WebsocketServer, YRoom, exception_logger


class Store(SQLiteYStore):
    """All rooms in one file."""

    db_path = str(Path(sys.argv[1]) / "ystore.db")


class Rooms(WebsocketServer):
    """Rooms that load what is stored before they serve, and store what they are told."""

    def __init__(self) -> None:
        super().__init__(exception_handler=exception_logger)
        self._opening = asyncio.Lock()
        self._stores: list[asyncio.Task[None]] = []

    async def get_room(self, name: str) -> YRoom:
        """The running room *name*, loaded on first use."""
        async with self._opening:
            if name not in self.rooms:
                store = Store(name)
                self._stores.append(asyncio.create_task(store.start()))
                await store.started.wait()
                document: Doc = Doc()
                with contextlib.suppress(YDocNotFound):
                    await store.apply_updates(document)
                self.rooms[name] = YRoom(ystore=store, ydoc=document, exception_handler=exception_logger)
            await self.start_room(self.rooms[name])
            await self.rooms[name].ydoc_observed.wait()
            return self.rooms[name]


async def main() -> None:
    """Serve until killed."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    async with Rooms() as rooms:
        server = uvicorn.Server(uvicorn.Config(ASGIServer(rooms), log_level="warning", lifespan="off"))
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        await server.serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main())
