"""A pycrdt document kept in sync with a KeepBoth server, through every kind of interruption, without losing or
repeating an edit.

Everything belongs to one event loop and one thread: the document's too.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, Final, Literal, Self

import pycrdt

from keepboth.client import saved
from keepboth.client.address import socket_address
from keepboth.client.connection import visit
from keepboth.client.conversation import Conversation, Introduction
from keepboth.client.ledger import Edit
from keepboth.client.progress import Progress
from keepboth.client.replica import EMPTY_UPDATE, DocumentBroken, Frames, Replica
from keepboth.errors import ClientMustChange, InvalidRequest, KeepBothError
from keepboth.events import Seen, check_document_name
from keepboth.yjs.private import EditReceipt

log = logging.getLogger("keepboth.client")

State = Literal["connecting", "online", "offline", "closed"]

FIRST_PAUSE_S: Final = 0.05
LONGEST_PAUSE_S: Final = 5.0

OnConflict = Callable[[dict[str, Any]], None]
OnReceipt = Callable[[Edit, EditReceipt], None]


class Client:
    """Keeps ``doc`` in sync with *document* on the server at *url* (``http://host:port``) while it is open.

    ``name`` and ``color`` are labels for people. ``session`` names this replica for as long as its local document
    lives: leave it out unless you keep both (see :meth:`save`). ``on_conflict`` is called with every entry of the
    conflict log that appears or changes; ``on_receipt`` with every edit that has become durable. ``frames="events"``
    has every event sent by itself, for :meth:`hold`.
    """

    def __init__(
        self,
        url: str,
        document: str,
        doc: pycrdt.Doc[Any] | None = None,
        *,
        name: str | None = None,
        color: str | None = None,
        session: str | None = None,
        on_conflict: OnConflict | None = None,
        on_receipt: OnReceipt | None = None,
        frames: Frames = "merged",
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> None:
        self.url = url
        self.document = check_document_name(document)
        self.doc: pycrdt.Doc[Any] = pycrdt.Doc() if doc is None else doc
        self.address = socket_address(url, document)
        self.synced = asyncio.Event()
        self.state: State = "offline"
        self.last_error: KeepBothError | None = None
        self.conflicts: dict[str, dict[str, Any]] = {}
        self._who = Introduction(session or f"py-{secrets.token_urlsafe(16)}", name, color)
        self._replica = Replica(self.doc, frames, self._written, on_receipt)
        self._on_conflict = on_conflict
        self._longest_pause_s = longest_pause_s
        self._runner: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._watchers: set[asyncio.Future[None]] = set()

    # -- what is known ------------------------------------------------------------------------------------------------

    @property
    def session(self) -> str:
        """The name of this replica in the log."""
        return self._who.session

    @property
    def seen(self) -> Seen:
        """What the next local edit will declare to have been applied."""
        return self._replica.progress.seen

    @property
    def waiting(self) -> int:
        """Edits that have no receipt yet."""
        return len(self._replica.ledger.waiting)

    @property
    def last_edit(self) -> Edit | None:
        """The newest local edit."""
        return self._replica.ledger.last

    # -- life ---------------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close(flush_timeout=5.0 if kind is None and self._runner is not None else 0.0)

    async def close(self, flush_timeout: float = 5.0) -> None:
        """Wait (at most *flush_timeout* seconds) until everything written is durable, then end the session here.

        What still has no receipt stays in ``waiting`` and in :meth:`save`; nothing is thrown away.
        """
        if self.state == "closed":
            await self._stop()
            return
        try:
            if flush_timeout > 0 and self.waiting and self._runner is not None:
                await self.flush(flush_timeout)
        except (TimeoutError, KeepBothError) as error:
            log.warning("%r is closed with %d edits that have no receipt: %r", self.document, self.waiting, error)
        finally:
            await self._stop()
            self._end(self.last_error or KeepBothError("this client is closed"))

    async def go_offline(self) -> None:
        """Close the socket and stay away until :meth:`go_online`. Edits are kept."""
        await self._stop()
        if self.state != "closed":
            self._set_state("offline")

    async def go_online(self, timeout: float = 10.0) -> None:
        """Connect again and wait until both sides have what the other had. Raises TimeoutError (it goes on trying)
        or the error that closed the session."""
        if self.state == "closed":
            raise self.last_error or KeepBothError("this client is closed")
        self._start()
        await self.until(lambda: self.synced.is_set() or self.state == "closed", timeout)
        if self.last_error is not None and not self.synced.is_set():
            raise self.last_error

    def _start(self) -> None:
        if self._runner is None and self.state != "closed":
            self._set_state("connecting")
            self._runner = asyncio.create_task(self._run(), name=f"keepboth client of {self.document!r}")

    async def _stop(self) -> None:
        runner, self._runner = self._runner, None
        if runner is not None and runner is not asyncio.current_task():
            runner.cancel()
            await asyncio.wait([runner])

    def _end(self, error: KeepBothError) -> None:
        if self.state == "closed":
            return
        self._replica.stop()
        self._replica.ledger.fail(error)
        self._set_state("closed")

    # -- waiting ------------------------------------------------------------------------------------------------------

    async def flush(self, timeout: float = 30.0) -> None:
        """Wait until everything written so far is durable.

        Raises TimeoutError, or the error that closed the session for good.
        """
        with self._patience(timeout):
            await self._replica.ledger.flush(timeout)

    async def receipt(self, seq: int, timeout: float = 30.0) -> EditReceipt:
        """What became of edit *seq* (``client.last_edit.seq``). Raises TimeoutError, NotFound, or as :meth:`flush`."""
        with self._patience(timeout):
            return await self._replica.ledger.receipt(seq, timeout)

    async def until(self, condition: Callable[[], bool], timeout: float = 10.0) -> None:
        """Wait until *condition* holds; it is looked at whenever something arrives or the state changes.

        Raises TimeoutError.
        """
        with self._patience(timeout):
            async with asyncio.timeout(timeout):
                while not condition():
                    watcher: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._watchers.add(watcher)
                    try:
                        await watcher
                    finally:
                        self._watchers.discard(watcher)

    @contextmanager
    def _patience(self, timeout: float) -> Iterator[None]:
        """A wait that was in vain says what the client was doing."""
        try:
            yield
        except TimeoutError:
            raise TimeoutError(
                f"{self.document!r}: nothing within {timeout:g} s; {self.state}, {self.waiting} edits waiting, "
                f"last error: {self.last_error}"
            ) from None

    def _changed(self) -> None:
        for watcher in self._watchers:
            if not watcher.done():
                watcher.set_result(None)

    def _set_state(self, state: State) -> None:
        self.state = state
        self._changed()

    def _written(self) -> None:
        self._wake.set()
        self._changed()

    # -- stepping -----------------------------------------------------------------------------------------------------

    @property
    def held(self) -> Mapping[int, bytes]:
        """Received updates that have not been applied, by revision (a live view)."""
        return self._replica.held

    def hold(self) -> None:
        """From now on keep what is received in :attr:`held` instead of applying it. Needs ``frames="events"``."""
        if self._replica.frames != "events":
            raise InvalidRequest('holding needs frames="events"', field="frames")
        self._replica.holding = True

    def apply(self, revisions: Iterable[int]) -> None:
        """Apply these held updates, and declare exactly them.

        Raises NotFound, or InvalidRequest if one builds on something that has not been applied.
        """
        self._replica.apply(revisions)
        self._changed()

    @property
    def held_state(self) -> int:
        """The revision up to which :meth:`apply_state` would bring the document; 0 if there is nothing to bring.

        What the document lacks when a connection opens comes in one piece, which cannot be stepped through."""
        return self._replica.held_state

    def apply_state(self) -> None:
        """Apply what came in one piece when the connection opened, and with it everything up to ``held_state``."""
        self._replica.apply_state()
        self._changed()

    def take(self, updates: Mapping[int, bytes], *, check: bool = True) -> None:
        """Apply updates of these revisions that came another way (HTTP, another client), and declare exactly them.

        Raises InvalidRequest as :meth:`apply`. ``check=False`` spares the decoding of a long history that you know to
        be complete: what builds on something that is not there would be lost without a word.
        """
        self._replica.take(updates, check=check)
        self._changed()

    def release(self) -> None:
        """Apply everything that is held, and hold nothing from now on."""
        self._replica.release()
        self._changed()

    # -- keeping it ---------------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """Everything that a later process needs to go on as the same session: document, edits without a receipt, what
        has been applied. Save *after* the last edit: a state that is older than what the session wrote is refused."""
        replica = self._replica
        revision, digest = replica.proof
        about = {
            "url": self.url,
            "document": self.document,
            "session": self._who.session,
            "client": self.doc.client_id,
            "name": self._who.name,
            "color": self._who.color,
            "frames": replica.frames,
            "holding": replica.holding,
            "store": replica.store,
            "base": replica.progress.seen.base,
            "beyond": replica.progress.seen.include,
            "proof": [revision, digest.hex()],
            "seq": replica.ledger.last_seq,
        }
        return saved.to_bytes(saved.Saved(about, self.doc.get_update(), list(replica.ledger.waiting.values())))

    @classmethod
    def load(
        cls,
        data: bytes,
        *,
        url: str | None = None,
        on_conflict: OnConflict | None = None,
        on_receipt: OnReceipt | None = None,
        longest_pause_s: float = LONGEST_PAUSE_S,
    ) -> Self:
        """A client that goes on where :meth:`save` stopped. Two must not be open at once. Raises InvalidRequest."""
        about, state, waiting = saved.from_bytes(data)
        try:
            doc: pycrdt.Doc[Any] = pycrdt.Doc(client_id=int(about["client"]))
            if state != EMPTY_UPDATE:
                doc.apply_update(state)
            client = cls(
                url or about["url"],
                about["document"],
                doc,
                name=about["name"],
                color=about["color"],
                session=about["session"],
                frames=about["frames"],
                on_conflict=on_conflict,
                on_receipt=on_receipt,
                longest_pause_s=longest_pause_s,
            )
            replica = client._replica
            replica.holding = bool(about["holding"])
            replica.store = about["store"]
            replica.progress = Progress(about["base"], [(first, last) for first, last in about["beyond"]])
            replica.received = replica.progress.base
            revision, digest = about["proof"]
            replica.proof = (int(revision), bytes.fromhex(digest))
            replica.ledger.restore(int(about["seq"]), waiting)
        except (KeyError, TypeError, ValueError):
            raise InvalidRequest("a saved client is damaged") from None
        return client

    # -- the connection -----------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Connect, converse, and again: for ever, unless there is no use."""
        pause = FIRST_PAUSE_S
        try:
            while True:
                self._set_state("connecting")
                talk = Conversation(self._replica, self._who, self._take_conflicts)
                error = await visit(self.address, talk, self._wake, partial(self._heard, talk))
                if self.synced.is_set():
                    self.synced.clear()
                    pause = FIRST_PAUSE_S
                self.last_error = error
                if isinstance(error, ClientMustChange | DocumentBroken):
                    self._end(error)
                    return
                self._set_state("offline")
                await asyncio.sleep(pause * random.uniform(0.5, 1.0))
                pause = min(pause * 2, self._longest_pause_s)
        except Exception as error:
            log.exception("the client of %r failed", self.document)
            self.last_error = DocumentBroken(f"the client failed: {error!r}")
            self._end(self.last_error)
        finally:
            self.synced.clear()

    def _heard(self, talk: Conversation) -> None:
        """Something has arrived on the connection."""
        if talk.welcome is not None and self.state != "online":
            self.state = "online"
        if talk.synced and not self.synced.is_set():
            self.synced.set()
        self._changed()

    def _take_conflicts(self, news: dict[str, Any]) -> None:
        for old, _ in news.get("superseded", ()):
            self.conflicts.pop(old, None)
        for episode in news.get("conflicts", ()):
            self.conflicts[episode["id"]] = episode
            if self._on_conflict is not None:
                try:
                    self._on_conflict(episode)
                except Exception:
                    log.exception("on_conflict failed; the connection goes on")
