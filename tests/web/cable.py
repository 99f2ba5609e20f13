"""A cable between a browser and a server that can be pulled out: a relay of TCP connections."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Cable:
    """Leads from ``url`` to the server. ``pull`` ends all connections and takes no new ones until ``plug``."""

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        assert parts.hostname
        assert parts.port
        self._target = (parts.hostname, parts.port)
        self._ends: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._pulled = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def pull(self) -> None:
        with self._lock:
            self._pulled = True
            ends, self._ends = self._ends, set()
        for end in ends:
            _close(end)

    def plug(self) -> None:
        with self._lock:
            self._pulled = False

    def close(self) -> None:
        self.pull()
        _close(self._listener)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._target)
                except OSError:
                    near.close()
                    continue
                with self._lock:
                    if not self._pulled:
                        self._ends |= {near, far}
                        threading.Thread(target=_pump, args=(near, far), daemon=True).start()
                        threading.Thread(target=_pump, args=(far, near), daemon=True).start()
                        continue
                _close(near)
                _close(far)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(1 << 16):
            sink.sendall(data)
    _close(source)
    _close(sink)


def _close(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def cable_to(target: str) -> Iterator[Cable]:
    """A cable to the server at *target*, plugged in."""
    made = Cable(target)
    try:
        yield made
    finally:
        made.close()
